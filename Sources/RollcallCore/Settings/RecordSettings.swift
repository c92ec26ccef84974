/// A value that the configuration gives, instead of a column or where a column is NULL.
package struct FieldConstant: Sendable, Equatable {
    /// As it is written: `12.50`, `true`, `free`.
    package var text: String
    /// What it is by the way it is written: a string, long, double or boolean.
    package var type: FieldType

    package init(text: String, type: FieldType) {
        self.text = text
        self.type = type
    }
}

/// One field of a record, and where its value comes from.
package struct FieldSetting: Sendable, Equatable {
    package enum Source: Sendable, Equatable {
        /// - Parameters:
        ///   - type: what the column is cast to; nil: the column's own type.
        ///   - zone: name of the time zone of columns and texts that know none; nil: UTC.
        case column(String, type: DeclaredType? = nil, zone: String? = nil)
        case point(latitude: String, longitude: String)
        case constant(FieldConstant)
    }

    /// As the configuration has it; dots nest, where the kind of record allows that.
    package var name: String
    package var source: Source
    /// What is sent where the column is NULL.
    package var fallback: FieldConstant?
    /// Of users: what becomes of the field in Iterable where it has no value; nil: what the sync says of all.
    package var nulls: NullRule?

    /// Iterable knows geo fields by this ending (source: its help centre, article 208183076).
    package static let pointSuffix = "_geo_location"

    package init(name: String, source: Source, fallback: FieldConstant? = nil, nulls: NullRule? = nil) {
        self.name = name
        self.source = source
        self.fallback = fallback
        self.nulls = nulls
    }
}

/// Which fields a record has.
package enum FieldSelection: Sendable, Equatable {
    /// Every column that has no other use, under its own name, except these.
    case all(except: [String])
    case only([FieldSetting])
}

/// Which of several rows with one key and different content is sent.
package enum DuplicateRule: Sendable, Equatable {
    /// None of them.
    case refuse
    /// The one with the greatest value in this column.
    case newest(String)
}

/// A catalog that a sync keeps.
package struct CatalogSettings: Sendable, Equatable {
    package enum Mode: String, Sendable, CaseIterable {
        /// Items whose rows are gone stay.
        case upsert
        /// Items whose rows are gone are deleted, if this sync put them there.
        case mirror
    }

    package enum Documents: String, Sendable, CaseIterable {
        /// An item has the fields of its row and no other.
        case replace
        /// Fields that the sync does not fill stay as they are; one that it has filled and that is NULL now is sent as null.
        case merge
    }

    /// How many items are read back some time after Iterable accepted them, and when.
    package struct Verification: Sendable, Equatable {
        package static let mostItems = 100

        /// Items of one run, 1 to ``mostItems``.
        package var sample = 20
        /// What Iterable is given to carry out what it accepted, in seconds.
        package var seconds = 1800

        package init(sample: Int = 20, seconds: Int = 1800) {
            self.sample = sample
            self.seconds = seconds
        }
    }

    /// Fields of one catalog (source: Iterable's help centre, article 360033215072).
    package static let mostFields = 350

    /// 1 to 255 letters, digits and hyphens.
    package var name: String
    /// Whether the first run makes the catalog where the project has none of this name.
    package var create = false
    /// The column whose text is the item's id.
    package var key: String
    /// Whether ids with other characters than Iterable takes are written in another form (see ``ItemID``).
    package var encodesKey = false
    package var mode = Mode.upsert
    /// nil: not said, which is `replace` for a catalog that the sync makes.
    package var documents: Documents?
    package var fields: FieldSelection
    package var duplicates = DuplicateRule.refuse
    /// Reading items back; nil: none are.
    package var verify: Verification?
    /// Of a stream: the column by which rows that are new or have changed are found.
    package var cursor: EventSettings.Cursor?

    package init(name: String, key: String, fields: FieldSelection) {
        self.name = name
        self.key = key
        self.fields = fields
    }
}

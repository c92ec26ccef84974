package import Foundation

/// The events that a sync sends.
package struct EventSettings: Sendable, Equatable {
    package enum Name: Sendable, Equatable {
        case constant(String)
        case column(String)
    }

    package enum ID: Sendable, Equatable {
        /// Made of ``EventSettings/namespace`` and the values of the key: see ``EventID``.
        case derived
        /// The text of a column, sent as it is: 1 to 512 letters, digits and hyphens.
        case column(String)
    }

    /// What the whole numbers of a column count from 1970 on.
    package enum TimeUnit: String, Sendable, CaseIterable {
        case seconds = "s"
        case milliseconds = "ms"
    }

    /// When an event happened.
    package struct Time: Sendable, Equatable {
        package var column: String
        /// Of columns with whole numbers, and of no others.
        package var unit: TimeUnit?

        package init(column: String, unit: TimeUnit? = nil) {
            self.column = column
            self.unit = unit
        }
    }

    /// A whole number that comes from a column, a constant, or the constant where the column is NULL. One of both is set.
    package struct Number: Sendable, Equatable {
        package var column: String?
        package var fallback: Int64?

        package init(column: String?, fallback: Int64? = nil) {
            self.column = column
            self.fallback = fallback
        }
    }

    /// Which of the rows that are there at the first run are sent. The others count as seen.
    package enum Start: Sendable, Equatable {
        /// None of them.
        case now
        case all
        /// Those that happened at this time or later; without `created_at`, those whose cursor is not before it.
        case time(Date)
        /// The same, with a time that lies these seconds before the first run.
        case last(seconds: Int)
    }

    /// The column by which new rows are found without reading the whole source; of streams of users and catalogs too.
    package struct Cursor: Sendable, Equatable {
        package enum Overlap: Sendable, Equatable {
            /// Of a column with times.
            case seconds(Int)
            /// Of a column with whole numbers.
            case steps(Int64)
        }

        package var column: String
        /// How far before the highest value a run reads again, for rows that became visible late. nil: not said, which is
        /// 15 minutes, or 10,000 of a column with whole numbers.
        package var overlap: Overlap?
        /// Seconds between two runs that read further back, 5 or more.
        package var sweepSeconds = 86_400

        package init(column: String) { self.column = column }
    }

    package enum ChangedRows: String, Sendable, CaseIterable {
        /// A row that was sent is not sent again, whatever becomes of it.
        case ignore
        /// A row whose event is another one now is sent again under the same id, which replaces the event in Iterable.
        case update
    }

    package enum Delivery: String, Sendable, CaseIterable {
        /// `POST /api/events/trackBulk`.
        case bulk
        /// `POST /api/events/track`, one event a request.
        case single
    }

    /// Columns that name an event for ever; at least one.
    package var key: [String]
    package var name: Name
    /// Only events with one of these names; nil: all. Only with a column of names.
    package var names: [String]?
    package var id = ID.derived
    /// What keeps derived ids of several syncs apart.
    package var namespace: String
    /// nil: Iterable takes the time of receipt.
    package var createdAt: Time?
    package var campaignID: Number?
    package var templateID: Number?
    package var fields = FieldSelection.only([])
    package var newFields = UserSettings.NewFields.create
    package var start = Start.now
    /// nil: the whole source is read in each run.
    package var cursor: Cursor?
    package var changedRows = ChangedRows.ignore
    /// A sync of users of the same destination and warehouse: a person's events wait until it has had the person acknowledged.
    package var after: String?
    /// Seconds from the first sight of an event within which its person may still appear in Iterable.
    package var waitForUserSeconds = 86_400
    package var delivery = Delivery.bulk

    /// Fields of the events of one name (source: Iterable's help centre, article 208183076).
    package static let mostFields = 8000

    package init(key: [String], name: Name, namespace: String) {
        self.key = key
        self.name = name
        self.namespace = namespace
    }
}

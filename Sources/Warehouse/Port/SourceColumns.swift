package import RollcallCore

/// A column of an audience.
package struct AudienceColumn: Sendable, Equatable {
    package var name: String
    /// The database's name of the type, lower-case (`character varying`, `uuid`, `double precision`); "" where it declares none.
    package var type: String
    /// Whether values of this type have a text form that can be an identifier: integers, numeric, uuid, text kinds,
    /// citext, enums (and undeclared columns of SQLite). False for float, boolean, date and time, bytes, JSON, arrays.
    package var canIdentify: Bool
    /// What its values are, as the content of a field.
    package var family: ColumnFamily

    package init(name: String, type: String, canIdentify: Bool, family: ColumnFamily) {
        self.name = name
        self.type = type
        self.canIdentify = canIdentify
        self.family = family
    }
}

/// The columns to read; at least one is set. Names are exactly as ``AudienceColumn/name`` has them.
package struct IdentifierColumns: Sendable, Equatable {
    package var email: String?
    package var userID: String?

    package init(email: String?, userID: String?) {
        self.email = email
        self.userID = userID
    }
}

/// The columns to read of rows with content. Names are exactly as ``AudienceColumn/name`` has them.
package struct RecordColumns: Sendable, Equatable {
    /// May have none.
    package var identifiers: IdentifierColumns
    /// One cell for each; a column may come more than once.
    package var fields: [String]
    /// Which rows are wanted; nil: all. A warehouse may give others as well.
    package var bound: RowBound?

    package init(identifiers: IdentifierColumns, fields: [String], bound: RowBound? = nil) {
        self.identifiers = identifiers
        self.fields = fields
        self.bound = bound
    }
}

/// Rows at a position of a column or later, and those that have none (NULL, or a value of another type).
package struct RowBound: Sendable, Equatable {
    package var column: String
    /// Of the column: whole numbers, dates, timestamps, or texts that hold dates or timestamps.
    package var family: ColumnFamily
    /// Microseconds since 1970, or the whole number; nil: the column has no lower bound.
    package var position: Int64?
    /// Whether rows without a position are wanted too. If not, a warehouse may still give them.
    package var takesRowsWithoutPosition = true
    /// Whether the rows come in the order of the column, as the database sorts it; those without a position last. Where texts hold
    /// times in several forms, that is not quite the order of their positions.
    package var isOrdered = false

    package init(column: String, family: ColumnFamily, position: Int64?) {
        self.column = column
        self.family = family
        self.position = position
    }
}

/// The text form of one value. A column that is not read gives `.null`.
package struct AudienceCell {
    /// nil: NULL.
    package var bytes: UnsafeRawBufferPointer?
    /// False: the value is of a kind that cannot be an identifier (SQLite's floats and blobs, numerics with a
    /// fraction, NaN); `bytes` then show it for the log.
    package var isIdentifier: Bool

    @inlinable
    package init(bytes: UnsafeRawBufferPointer?, isIdentifier: Bool = true) {
        self.bytes = bytes
        self.isIdentifier = isIdentifier
    }

    @inlinable package static var null: AudienceCell { AudienceCell(bytes: nil) }
}

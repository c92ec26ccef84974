public import RollcallCore

/// A column of an audience.
public struct AudienceColumn: Sendable, Equatable {
    public var name: String
    /// The database's name of the type, lower-case (`character varying`, `uuid`, `double precision`); "" where it declares none.
    public var type: String
    /// Whether values of this type have a text form that can be an identifier: integers, numeric, uuid, text kinds,
    /// citext, enums (and undeclared columns of SQLite). False for float, boolean, date and time, bytes, JSON, arrays.
    public var canIdentify: Bool
    /// What its values are, as the content of a field.
    public var family: ColumnFamily

    public init(name: String, type: String, canIdentify: Bool, family: ColumnFamily) {
        self.name = name
        self.type = type
        self.canIdentify = canIdentify
        self.family = family
    }
}

/// The columns to read; at least one is set. Names are exactly as ``AudienceColumn/name`` has them.
public struct IdentifierColumns: Sendable, Equatable {
    public var email: String?
    public var userID: String?

    public init(email: String?, userID: String?) {
        self.email = email
        self.userID = userID
    }
}

/// The columns to read of rows with content. Names are exactly as ``AudienceColumn/name`` has them.
public struct RecordColumns: Sendable, Equatable {
    /// May have none.
    public var identifiers: IdentifierColumns
    /// One cell for each; a column may come more than once.
    public var fields: [String]
    /// Which rows are wanted; nil: all. A warehouse may give others as well.
    public var bound: RowBound?

    public init(identifiers: IdentifierColumns, fields: [String], bound: RowBound? = nil) {
        self.identifiers = identifiers
        self.fields = fields
        self.bound = bound
    }
}

/// Rows at a position of a column or later, and those that have none (NULL, or a value of another type).
public struct RowBound: Sendable, Equatable {
    public var column: String
    /// Of the column: whole numbers, dates, timestamps, or texts that hold dates or timestamps.
    public var family: ColumnFamily
    /// Microseconds since 1970, or the whole number; nil: the column has no lower bound.
    public var position: Int64?
    /// Whether rows without a position are wanted too. If not, a warehouse may still give them.
    public var takesRowsWithoutPosition = true
    /// Whether the rows come in the order of the column, as the database sorts it; those without a position last. Where texts hold
    /// times in several forms, that is not quite the order of their positions.
    public var isOrdered = false

    public init(column: String, family: ColumnFamily, position: Int64?) {
        self.column = column
        self.family = family
        self.position = position
    }
}

/// The text form of one value. A column that is not read gives `.null`.
public struct AudienceCell {
    /// nil: NULL.
    public var bytes: UnsafeRawBufferPointer?
    /// False: the value is of a kind that cannot be an identifier (SQLite's floats and blobs, numerics with a
    /// fraction, NaN); `bytes` then show it for the log.
    public var isIdentifier: Bool

    @inlinable
    public init(bytes: UnsafeRawBufferPointer?, isIdentifier: Bool = true) {
        self.bytes = bytes
        self.isIdentifier = isIdentifier
    }

    @inlinable public static var null: AudienceCell { AudienceCell(bytes: nil) }
}

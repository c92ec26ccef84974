/// A type that Iterable gives a field when its first value arrives, and that stays for ever
/// (source: Iterable's help centre, articles 208183076 and 26678893969812).
package enum FieldType: String, Sendable, Hashable, CaseIterable {
    case string
    case long
    case double
    case boolean
    case date
    case object
    case array
    case geoLocation = "geo_location"
}

/// What the values of a column are, as far as the warehouse says. A column has one, whatever its values.
package indirect enum ColumnFamily: Sendable, Hashable {
    /// Integers of any size, and numeric without places after the point.
    case long
    /// Postgres: numeric of which neither precision nor scale is declared.
    case number
    /// numeric with places after the point, and floating point.
    case decimal
    case boolean
    case date
    /// A moment: the column knows its time zone.
    case timestamp
    /// A date and a time of day, in a zone that the column does not know.
    case localTimestamp
    /// text, varchar, enums, citext, uuid.
    case text
    case json
    /// The family of its elements. Values travel as JSON.
    case array(ColumnFamily)
    /// SQLite: an expression, or a column whose declared type says nothing.
    case undeclared
    /// bytea, intervals, ranges and others; nothing of them can be sent.
    case unsupported
}

/// What a configuration may ask for with `type`. `json` is for text that holds JSON, `geo` for two columns.
package enum DeclaredType: String, Sendable, Hashable, CaseIterable {
    case string
    case long
    case double
    case boolean
    case date
    case json
    case geo
}

import RollcallCore

/// How the values of a column travel as the content of fields: in binary where a text would depend on the settings of the
/// role (`DateStyle`, `extra_float_digits`, `bytea_output`), else as text.
struct PostgresContent: Sendable, Equatable {
    enum Wire: Sendable {
        case integer
        /// As text: exact, whatever the number of digits.
        case numeric
        case double
        case single
        case boolean
        case date
        case timestamp
        case localTimestamp
        case text
        /// The binary form is another one than the text.
        case castText
        case uuid
        case json
        /// As the JSON that the server makes of it.
        case array
        /// The same, of elements that are cast to text first.
        case arrayOfCastText
        case opaque
    }

    var wire: Wire
    var family: ColumnFamily

    /// - Parameters:
    ///   - type: `oid`, `typtype` and `typname`, no domain.
    ///   - element: the same of an array's elements; nil where the type is no array.
    ///   - modifier: the type modifier of the column, -1 where it has none.
    init(_ type: PostgresType, element: PostgresType?, modifier: Int32) {
        if let element {
            let content = Self(element, element: nil, modifier: -1)
            self.init(content.wire == .castText ? .arrayOfCastText : .array, .array(content.family))
            return
        }
        switch (type.oid, type.kind, type.name) {
        case (25, _, _), (1043, _, _), (19, _, _), (_, "e", _), (_, "b", "citext"): self.init(.text, .text)
        case (1042, _, _): self.init(.castText, .text)  // bpchar: the cast trims the padding
        case (20, _, _), (21, _, _), (23, _, _): self.init(.integer, .long)
        case (1700, _, _): self.init(.numeric, Self.numericFamily(modifier))
        case (700, _, _): self.init(.single, .decimal)
        case (701, _, _): self.init(.double, .decimal)
        case (16, _, _): self.init(.boolean, .boolean)
        case (1082, _, _): self.init(.date, .date)
        case (1184, _, _): self.init(.timestamp, .timestamp)
        case (1114, _, _): self.init(.localTimestamp, .localTimestamp)
        case (2950, _, _): self.init(.uuid, .text)
        case (114, _, _), (3802, _, _): self.init(.json, .json)
        default: self.init(.opaque, .unsupported)
        }
    }

    private init(_ wire: Wire, _ family: ColumnFamily) {
        self.wire = wire
        self.family = family
    }

    /// The scale is in the lower 11 bits of the modifier, which counts from 4; it may be negative since PostgreSQL 15
    /// (PostgreSQL's source, `numeric_typmod_scale`).
    private static func numericFamily(_ modifier: Int32) -> ColumnFamily {
        guard modifier >= 4 else { return .number }
        let scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024
        return scale <= 0 ? .long : .decimal
    }

    /// The column as it is selected.
    /// - Parameter encoding: of a server whose texts are not UTF-8.
    func expression(_ column: String, _ encoding: PostgresEncoding?) -> String {
        let name = PostgresText.identifier(column)
        func text(_ expression: String) -> String { encoding?.bytes(of: expression) ?? expression }
        switch wire {
        case .integer, .double, .single, .boolean, .date, .timestamp, .localTimestamp, .uuid: return name
        case .text: return encoding == nil ? name : text("\(name)::pg_catalog.text")
        case .numeric: return "\(name)::pg_catalog.text"
        case .castText, .json: return text("\(name)::pg_catalog.text")
        case .array: return text("pg_catalog.to_json(\(name))::pg_catalog.text")
        case .arrayOfCastText: return text("pg_catalog.to_json(\(name)::pg_catalog.text[])::pg_catalog.text")
        case .opaque: return "NULLIF(\(name) IS NOT NULL, false)"
        }
    }
}

/// A row of `pg_type`.
struct PostgresType: Sendable, Equatable {
    var oid: UInt32
    /// `typtype`
    var kind: String
    /// `typname`
    var name: String
}

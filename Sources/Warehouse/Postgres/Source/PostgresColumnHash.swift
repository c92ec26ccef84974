/// A column as it is hashed: SQL for a text, such that two values that are read differently have two texts.
///
/// What is read as text is hashed as this text. So rows with equal hashes are read alike, whatever the settings of the role make
/// of a value. What is read in binary is hashed as the hexadecimal digits of the same bytes, on which no setting has an influence;
/// the functions for that are immutable, so that the nodes of a distributed engine compute them. Of a value that is not read,
/// but for whether there is one, the text is hashed that psql shows.
struct PostgresColumnHash: Sendable, Equatable {
    /// SQL for the text; NULL for NULL.
    private let text: String
    /// Whether the text of some value is empty.
    private let mayBeEmpty: Bool

    /// Of a column that identifies a person.
    init(_ column: PostgresColumn, as wire: PostgresColumn.Wire) {
        let name = PostgresText.identifier(column.name)
        switch wire {
        case .integer: self.init(digits: name)
        case .uuid: self.init(bytes: "uuid_send", name)
        case .text, .castText, .castNumeric, .castOpaque: self.init(text: "\(name)::pg_catalog.text")
        }
    }

    /// Of a column that fills a field.
    init(_ column: PostgresColumn, as content: PostgresContent) {
        let name = PostgresText.identifier(column.name)
        switch content.wire {
        case .integer: self.init(digits: name)
        case .uuid: self.init(bytes: "uuid_send", name)
        case .double: self.init(bytes: "float8send", name)
        case .single: self.init(bytes: "float4send", name)
        case .date: self.init(bytes: "date_send", name)
        case .timestamp: self.init(bytes: "timestamptz_send", name)
        case .localTimestamp: self.init(bytes: "timestamp_send", name)
        case .numeric, .castText, .json, .array, .arrayOfCastText: self.init(text: content.expression(column.name, nil))
        case .text, .boolean, .opaque: self.init(text: "\(name)::pg_catalog.text")
        }
    }

    private init(text: String) { (self.text, mayBeEmpty) = (text, true) }

    private init(digits name: String) {
        (text, mayBeEmpty) = ("pg_catalog.to_hex(\(name)::pg_catalog.int8)", false)
    }

    /// - Parameter function: that gives the bytes in which COPY sends a value.
    private init(bytes function: String, _ name: String) {
        (text, mayBeEmpty) = ("pg_catalog.encode(pg_catalog.\(function)(\(name)), 'hex')", false)
    }

    /// SQL for a keyed hash of a value, NULL for NULL.
    /// - Parameter seed: SQL for a `bigint`.
    func hash(seed: String) -> String { Self.hash(text, seed) }

    /// The same where NULL has a hash too: that of an empty text, which no value has then. It has `seed` once, so that the SQL for
    /// a row grows with its columns and does not double with each; and the column once, which may be a term that costs much.
    func hashWithNull(seed: String) -> String {
        Self.hash("coalesce(\(mayBeEmpty ? "'.' || \(text)" : text), '')", seed)
    }

    private static func hash(_ text: String, _ seed: String) -> String {
        "pg_catalog.hashtextextended(\(text) COLLATE pg_catalog.\"C\", \(seed))"
    }
}

import RollcallCore

/// A column of an audience with the way its values travel.
struct PostgresColumn {
    /// How a value is asked for and turned into its text form.
    enum Wire {
        /// The binary form is the text itself.
        case text
        /// A big-endian integer of 2, 4 or 8 bytes.
        case integer
        case uuid
        /// Cast to text by the server.
        case castText
        /// Cast to text; only whole numbers can identify.
        case castNumeric
        /// Cast to text; never an identifier.
        case castOpaque

        var needsCast: Bool {
            switch self {
            case .text, .integer, .uuid: false
            case .castText, .castNumeric, .castOpaque: true
            }
        }

        /// Whether a value may have characters outside ASCII.
        var isText: Bool {
            switch self {
            case .text, .castText, .castOpaque: true
            case .integer, .uuid, .castNumeric: false
            }
        }
    }

    var name: String
    /// As `format_type` has it.
    var type: String
    var wire: Wire
    /// How a value travels as the content of a field.
    var content: PostgresContent

    /// The column as it is selected to identify a person.
    ///
    /// - Parameter encoding: of a server whose texts are not UTF-8.
    func expression(_ encoding: PostgresEncoding?) -> String {
        let name = PostgresText.identifier(name)
        if let encoding, wire.isText { return encoding.bytes(of: "\(name)::pg_catalog.text") }
        return name + (wire.needsCast ? "::pg_catalog.text" : "")
    }

    var column: AudienceColumn {
        AudienceColumn(name: name, type: type, canIdentify: wire != .castOpaque, family: content.family)
    }
}

extension PostgresColumn.Wire {
    /// `oid`, `kind` and `name` of the type (`pg_type.oid`, `typtype`, `typname`), which is no domain.
    init(oid: UInt32, kind: String, name: String) {
        switch (oid, kind, name) {
        case (25, _, _), (1043, _, _), (19, _, _), (_, "e", _), (_, "b", "citext"): self = .text
        case (1042, _, _): self = .castText  // bpchar: the cast trims the padding
        case (20, _, _), (21, _, _), (23, _, _): self = .integer
        case (1700, _, _): self = .castNumeric
        case (2950, _, _): self = .uuid
        default: self = .castOpaque
        }
    }
}

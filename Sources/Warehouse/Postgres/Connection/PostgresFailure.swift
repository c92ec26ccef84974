import CLibPQ

/// What the server or libpq said about one failed call; turned into a ``WarehouseError`` at the adapter's border.
struct PostgresFailure: Error {
    /// Five characters; nil where the failure is libpq's own (no connection).
    var sqlState: String?
    /// The server's primary message, one line. Details are left out: they quote rows.
    var message: String
    /// The server's own hint.
    var hint: String?
    /// Position in the statement, in characters from 1.
    var position: Int?
    /// The role whose statement failed, for GRANTs.
    var role: String = ""
    /// Whether the connection is gone.
    var isDisconnected = false

    /// PostgreSQL's documentation, appendix A, "PostgreSQL Error Codes".
    var kind: WarehouseError.Kind {
        if isDisconnected { return .connection }
        guard let sqlState else { return .other }
        if let kind = Self.kinds[sqlState] { return kind }
        return Self.classes[String(sqlState.prefix(2))] ?? .other
    }

    /// A message of the server without the value of a row that it may quote: those of class 22, "Data Exception", do
    /// (`invalid input syntax for type integer: "ada@example.com"`).
    static func withoutValues(_ message: String, sqlState: String?) -> String {
        let bytes = Array(message.utf8)
        let quote = UInt8(ascii: "\"")
        guard sqlState?.hasPrefix("22") == true, let first = bytes.firstIndex(of: quote) else { return message }
        let end = bytes.lastIndex(of: quote).map { $0 > first ? $0 + 1 : bytes.count } ?? bytes.count
        return String(decoding: bytes[..<first], as: UTF8.self) + "..." + String(decoding: bytes[end...], as: UTF8.self)
    }

    private static let kinds: [String: WarehouseError.Kind] = [
        "57P01": .connection, "57P02": .connection, "57P03": .connection, "57P05": .connection, "53300": .connection,
        "25P03": .connection, "25006": .query, "42501": .permission, "42P01": .missing, "3F000": .missing,
        "42703": .missing, "3D000": .connection, "57014": .timeout, "25P04": .timeout, "40001": .busy,
        "40P01": .busy, "55P03": .busy, "53100": .storage, "58030": .storage, "54000": .query, "23505": .conflict,
    ]

    private static let classes: [String: WarehouseError.Kind] = [
        "08": .connection, "28": .connection, "22": .query, "42": .query, "0A": .query, "21": .query, "P0": .query,
        "2F": .query, "38": .query, "39": .query, "53": .storage, "40": .busy,
    ]

    /// Whether the same transaction may go through at once.
    var isWorthRepeating: Bool { kind == .busy }

    /// Whether a table or schema does not exist.
    var isMissingTable: Bool { sqlState == "42P01" || sqlState == "3F000" }

    /// Whether a text has a character that the database's encoding lacks (untranslatable character), or that is none in the
    /// encoding of the connection.
    var isUnheldCharacter: Bool { sqlState == "22P05" || sqlState == "22021" }

    var warehouseError: WarehouseError {
        WarehouseError(kind, "Postgres: \(message)", hint: hint ?? defaultHint)
    }

    private var defaultHint: String? {
        if isUnheldCharacter {
            return "The database's encoding lacks a character of a name or text; use one that it has, or a database of"
                + " encoding UTF8."
        }
        return switch kind {
        case .connection: "Check that the server runs and that the URL, user and password are right."
        case .busy: "Another session holds a lock that is needed; try again."
        case .timeout: "The statement took longer than allowed."
        case .storage: "Free disk space or raise the limits of the server."
        default: nil
        }
    }
}

/// Field codes of libpq's `PQresultErrorField` (postgres_ext.h); the header's character macros are not visible in Swift.
enum PostgresErrorField {
    static let sqlState = Int32(UInt8(ascii: "C"))
    static let message = Int32(UInt8(ascii: "M"))
    static let hint = Int32(UInt8(ascii: "H"))
    static let position = Int32(UInt8(ascii: "P"))
}

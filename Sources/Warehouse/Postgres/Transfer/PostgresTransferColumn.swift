import Foundation
import RollcallCore

/// A column of a state table, and how its values turn into ``StateValue`` and back.
struct PostgresTransferColumn {
    enum Form {
        case text, integer, real, flag, time, bytes
        /// 16 bytes, as SQLite keeps them.
        case fingerprint
    }

    let name: String
    /// As `format_type` names it.
    let type: String
    let form: Form
    /// Texts that were escaped for this database's encoding leave as they were before it: the next place has its own. What looks
    /// like an escape in a valid identifier is a part of it, for these are ASCII.
    private let mayBeEscaped: Bool

    /// Columns of valid identifiers; the log's have the values as they stand in the warehouse.
    private static let identifiers = ["email", "user_id"]

    private init(name: String, type: String, of table: StateTable) {
        self.name = name
        self.type = type
        mayBeEscaped = type == "text" && !(Self.identifiers.contains(name) && table != .log)
        form =
            switch type {
            case "bigint", "integer": .integer
            case "double precision": .real
            case "boolean": .flag
            case "timestamp with time zone": .time
            case "bytea": .bytes
            case "uuid" where ["fingerprint", "event_key"].contains(name): .fingerprint
            default: .text
            }
    }

    /// The columns of a table that move, in order: each server numbers identity columns itself.
    static func all(of table: StateTable, _ session: PostgresSession) throws -> [PostgresTransferColumn] {
        let result = try session.query(
            """
            SELECT a.attname, pg_catalog.format_type(a.atttypid, NULL) FROM pg_catalog.pg_attribute a
             WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
               AND a.attidentity = '' AND a.attgenerated = ''
             ORDER BY a.attnum
            """, [table.rawValue])
        return (0..<result.rowCount).map {
            PostgresTransferColumn(name: result.text($0, 0) ?? "", type: result.text($0, 1) ?? "", of: table)
        }.filter { $0.name != table.ownColumn }
    }

    var quotedName: String { PostgresText.identifier(name) }

    // MARK: Out

    /// SQL for the value as text.
    var selected: String {
        switch form {
        case .text, .integer, .real, .fingerprint: "\(quotedName)::text"
        case .flag: "\(quotedName)::integer::text"
        case .time: "to_char(\(quotedName) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
        case .bytes: "encode(\(quotedName), 'hex')"
        }
    }

    func value(_ result: borrowing PostgresResult, _ row: Int, _ column: Int, _ session: PostgresSession) throws
        -> StateValue
    {
        guard let text = result.text(row, column) else { return .null }
        switch form {
        case .integer, .flag: return Int64(text).map { .integer($0) } ?? .null
        case .real: return Double(text).map { .real($0) } ?? .null
        case .bytes, .fingerprint: return .bytes(PostgresText.bytes(hexadecimal: text))
        case .text, .time: return .text(Array((mayBeEscaped ? try session.original(text) : text).utf8))
        }
    }

    // MARK: In

    /// SQL that makes the value of its text.
    func converted(_ text: String) -> String {
        form == .bytes ? "decode(\(text), 'hex')" : "\(text)::\(type)"
    }

    static func text(_ value: StateValue) -> String? {
        switch value {
        case .null: nil
        case .integer(let number): String(number)
        case .real(let number): "\(number)"
        case .text(let bytes): String(decoding: bytes, as: UTF8.self)
        case .bytes(let bytes): bytes.hexadecimal
        }
    }
}

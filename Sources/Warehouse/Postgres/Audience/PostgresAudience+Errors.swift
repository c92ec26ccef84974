import Foundation
import RollcallCore

extension PostgresAudience {
    /// Runs `body` and says in the user's terms why it failed; asks the catalog for names and rights where that helps.
    func explaining<T>(_ body: () throws -> T) throws -> T {
        do {
            return try body()
        } catch let failure as PostgresFailure {
            throw explained(failure)
        }
    }

    private func explained(_ failure: PostgresFailure) -> WarehouseError {
        switch failure.kind {
        case .missing: missing(failure)
        case .permission: WarehouseError(.permission, "Postgres: \(failure.message)", hint: grants(failure))
        case .query: refused(failure)
        case .timeout:
            WarehouseError(
                .timeout, "\(place) took longer than allowed.", hint: "Make it faster, or read a prepared table.")
        default: failure.warehouseError
        }
    }

    private func refused(_ failure: PostgresFailure) -> WarehouseError {
        switch failure.sqlState {
        case "25006":
            WarehouseError(
                .query, "\(place) tries to write: \(failure.message).", hint: "An audience may only read.")
        case "0A000" where failure.message.contains("WITH"):
            WarehouseError(.query, "\(place) tries to write: \(failure.message).", hint: "An audience may only read.")
        case "42601" where failure.message.contains("multiple commands"):
            WarehouseError(.query, "\(place) has more than one statement.", hint: "Write a single SELECT statement.")
        case "42601" where failure.position == nil:
            WarehouseError(.query, "\(place) is not a single SELECT.", hint: "Write a single SELECT statement.")
        default: WarehouseError(.query, "\(place) is refused: \(failure.message)\(line(failure)).", hint: failure.hint)
        }
    }

    /// Line and column of the user's query that the server points to.
    private func line(_ failure: PostgresFailure) -> String {
        guard case .query(let query, _) = source, let position = failure.position, position > 0 else { return "" }
        let before = query.unicodeScalars.prefix(position - 1)
        let line = before.count(where: { $0 == "\n" }) + 1
        let column = before.reversed().prefix { $0 != "\n" }.count + 1
        return " (line \(line), column \(column))"
    }

    private func missing(_ failure: PostgresFailure) -> WarehouseError {
        if failure.sqlState == "42703" {
            return WarehouseError(
                .missing, code: "audience_column_missing", "\(place): \(failure.message)\(line(failure)).",
                hint: failure.hint)
        }
        let wanted: String
        switch source {
        case .table(let parts): wanted = parts.joined(separator: ".")
        case .query: wanted = Self.quoted(failure.message) ?? ""
        }
        let names = (try? similarTables(to: wanted)) ?? []
        return WarehouseError(
            .missing, code: "audience_table_missing", "\(place): \(failure.message)\(line(failure)).",
            hint: names.isEmpty
                ? "The role \(failure.role) sees no tables at all." : "There are: \(names.joined(separator: ", ")).")
    }

    /// What a message has between its first two double quotes.
    private static func quoted(_ message: String) -> String? {
        let parts = message.split(separator: "\"", omittingEmptySubsequences: false)
        return parts.count > 2 ? String(parts[1]) : nil
    }

    /// Up to eight tables and views of the users' schemas, the likest first.
    private func similarTables(to wanted: String) throws -> [String] {
        let result = try session.query(
            """
            SELECT CASE WHEN pg_catalog.pg_table_is_visible(c.oid) THEN c.relname::pg_catalog.text
                        ELSE n.nspname || '.' || c.relname END
              FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND n.nspname <> 'information_schema'
               AND n.nspname NOT LIKE 'pg\\_%' LIMIT 2000
            """)
        var names: [(name: String, distance: Int)] = []
        for row in 0..<result.rowCount {
            if let name = result.text(row, 0) {
                names.append((name, Self.distance(name.lowercased(), wanted.lowercased())))
            }
        }
        return names.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }.prefix(8).map(\.name)
    }

    /// Levenshtein's distance in bytes.
    private static func distance(_ a: String, _ b: String) -> Int {
        let b = Array(b.utf8)
        var row = Array(0...b.count)
        for (i, x) in a.utf8.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let next = min(row[j] + 1, row[j + 1] + 1, diagonal + (x == y ? 0 : 1))
                diagonal = row[j + 1]
                row[j + 1] = next
            }
        }
        return row[b.count]
    }

    /// The GRANTs that are missing, as far as the catalog tells.
    private func grants(_ failure: PostgresFailure) -> String {
        let name: String
        let schema: String?
        switch source {
        case .table(let parts):
            name = parts.last ?? ""
            schema = parts.count > 1 ? parts[parts.count - 2] : nil
        case .query:
            name = failure.message.split(separator: " ").last.map(String.init) ?? ""
            schema = nil
        }
        let result = try? session.query(Self.missingGrants, [name, schema])
        guard let result, let statements = result.text(0, 0) else {
            return "Ask the owner for: GRANT SELECT ON <table> TO \(PostgresText.identifier(failure.role));"
        }
        return statements
    }

    /// `$1`: a table's or a schema's name; `$2`: the table's schema, if known.
    private static let missingGrants = """
        SELECT pg_catalog.string_agg(s, ' ' ORDER BY rank, s) FROM (
            SELECT 1 AS rank, pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %I;', n.nspname, current_user) AS s
              FROM pg_catalog.pg_namespace n
             WHERE NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE')
               AND (n.nspname = $2 OR ($2::pg_catalog.text IS NULL AND n.nspname = $1))
            UNION ALL
            SELECT 2, pg_catalog.format('GRANT SELECT ON %I.%I TO %I;', n.nspname, c.relname, current_user)
              FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relname = $1 AND ($2::pg_catalog.text IS NULL OR n.nspname = $2)
               AND c.relkind IN ('r', 'v', 'm', 'f', 'p')
               AND NOT pg_catalog.has_table_privilege(c.oid, 'SELECT')
        ) AS missing
        """
}

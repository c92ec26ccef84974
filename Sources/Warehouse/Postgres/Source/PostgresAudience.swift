import Foundation
import RollcallCore

/// One audience on one connection, inside of a read-only transaction.
struct PostgresAudience {
    let source: AudienceSource
    let session: PostgresSession

    init(_ source: AudienceSource, _ session: PostgresSession) {
        self.source = source
        self.session = session
    }

    /// How errors name the audience.
    var place: String {
        switch source {
        case .table(let parts): "The audience table \(parts.joined(separator: "."))"
        case .query(_, nil): "The audience query"
        case .query(_, let file?): "The audience query in \(file)"
        }
    }

    /// What stands in front of a query when it is an item of FROM; a position in the whole counts from there.
    static let queryPrefix = "SELECT * FROM (\n"

    /// The audience as an item of FROM. A query stands on lines that are its own, so that a comment at its end ends there.
    func relation() throws -> String {
        switch source {
        case .table(let parts):
            return parts.map(PostgresText.identifier).joined(separator: ".") + " AS audience"
        case .query(let query, _):
            try check(query)
            return "(\n\(try withoutSemicolon(query))\n) AS audience"
        }
    }

    /// A query that the server parses as one statement of its own cannot reach out of the parentheses it is then put in.
    private func check(_ query: String) throws {
        let described: (parameters: Int, columns: Int)
        do {
            described = try session.describe(query)
        } catch let failure as PostgresFailure where failure.sqlState == "42601" && failure.position == nil {
            // "cannot insert multiple commands into a prepared statement"
            throw WarehouseError(
                .query, "\(place) has more than one statement.", hint: "Write a single SELECT statement.")
        }
        guard described.columns > 0 else {
            throw isNoSelect
        }
        guard described.parameters == 0 else {
            throw WarehouseError(
                .query, "\(place) has parameters ($1 ...); there is nothing to fill them with.",
                hint: "Write the values into the query.")
        }
    }

    private var isNoSelect: WarehouseError {
        WarehouseError(.query, "\(place) is not a SELECT.", hint: "Write a single SELECT statement.")
    }

    /// The query up to the semicolon that ends it. Where only blanks and comments follow a semicolon and what stands before
    /// it is a whole statement to the server, that semicolon is no part of a text or name.
    private func withoutSemicolon(_ query: String) throws -> String {
        let bytes = Array(query.utf8)
        for index in bytes.indices
        where bytes[index] == UInt8(ascii: ";") && PostgresQueryText.isEmpty(bytes[(index + 1)...]) {
            let statement = String(decoding: bytes[..<index], as: UTF8.self)
            try session.execute("SAVEPOINT statement")
            do {
                _ = try session.describe(statement)
                return statement
            } catch is PostgresFailure {
                try session.execute("ROLLBACK TO SAVEPOINT statement")
            }
        }
        return query
    }

    /// The columns in order, by a statement that reads nothing and takes the locks of all that the audience reads. Checks
    /// rights as well.
    func lockedColumns() throws -> [PostgresColumn] { try lockedColumns(relation()) }

    func lockedColumns(_ relation: String) throws -> [PostgresColumn] {
        let result: PostgresResult
        do {
            result = try session.query("SELECT * FROM \(relation) LIMIT 0")
        } catch let failure as PostgresFailure where failure.sqlState == "42601" {
            // Alone the statement was parsed: it is one that cannot stand in FROM, such as DELETE ... RETURNING.
            throw isNoSelect
        } catch var failure as PostgresFailure {
            // Counts in our statement; the user knows his own.
            failure.position = failure.position.map { $0 - Self.queryPrefix.count }
            throw failure
        }
        return try session.columns(of: result)
    }

    /// Names of functions that may read tables, and of foreign tables, which the audience uses. What they read is on
    /// another server or not known before they run, so no lock is taken on it. To be called after ``lockedColumns()``, whose
    /// locks say what is used.
    func unlockedReads() throws -> [String] {
        var names: Set<String> = []
        if case .query(let query, _) = source { names = PostgresQueryText.allNames(query) }
        // A role that may not look at locks learns nothing of this.
        return try session.attempt { try unlockedReads(names) } ?? []
    }

    private func unlockedReads(_ names: Set<String>) throws -> [String] {
        let result = try session.query(
            """
            WITH locked AS (
                SELECT l.relation FROM pg_catalog.pg_locks l
                 WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation')
            SELECT 'foreign table ' || c.relname FROM pg_catalog.pg_class c
             WHERE c.oid IN (SELECT relation FROM locked) AND c.relkind = 'f'
            UNION
            SELECT 'function ' || p.proname FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language g ON g.oid = p.prolang
             WHERE p.oid >= 16384 AND p.provolatile <> 'i' AND p.prokind = 'f' AND g.lanname NOT IN ('internal', 'c')
               AND (p.proname = ANY($1::pg_catalog.text[])
                    OR p.oid IN (SELECT d.refobjid FROM pg_catalog.pg_depend d
                                   JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
                                  WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
                                    AND d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                                    AND r.ev_class IN (SELECT relation FROM locked)))
             ORDER BY 1
            """, [PostgresText.array(names.sorted().map { $0 as String? })])
        return (0..<result.rowCount).map { result.text($0, 0) ?? "" }
    }

    /// Takes the locks and says what to read.
    func work(
        _ wanted: IdentifierColumns, _ reading: PostgresReading,
        _ body: @escaping @Sendable (_ part: Int, AudienceCell, AudienceCell) throws -> Void
    ) throws -> PostgresReading.Work {
        let relation = try relation()
        let columns = try columns(wanted, of: lockedColumns(relation))
        return try work(columns.list, relation, reading) {
            let reader = columns.makeAudienceReader()
            return { part, message in try reader.read(message) { try body(part, $0, $1) } }
        }
    }

    /// The same for rows with content.
    func work(
        _ wanted: RecordColumns, _ reading: PostgresReading,
        _ body:
            @escaping @Sendable (
                _ part: Int, AudienceCell, AudienceCell, UnsafeBufferPointer<RecordCell>
            ) throws -> Void
    ) throws -> PostgresReading.Work {
        let relation = try relation()
        let existing = try lockedColumns(relation)
        let columns = try columns(wanted.identifiers, fields: wanted.fields, of: existing)
        let hasFloats = columns.hasFloatArrays
        if hasFloats { try session.execute(PostgresReadColumns.exactDigits) }
        let rows = try wanted.bound.map { try Self.rows($0, find($0.column, existing)) } ?? ""
        return try work(columns.list, relation, rows: rows, hasFloats ? nil : reading) {
            let reader = columns.makeRecordReader()
            return { part, message in try reader.read(message) { try body(part, $0, $1, $2) } }
        }
    }

    /// SQL behind the source for the rows of a bound, and their order; "": all rows, in any.
    private static func rows(_ bound: RowBound, _ column: PostgresColumn) -> String {
        // A name alone would be the result's in ORDER BY, which may be a text and in another order.
        let name = "audience." + PostgresText.identifier(column.name)
        let condition = condition(bound, name).map { " WHERE \($0)" } ?? ""
        return condition + (bound.isOrdered ? " ORDER BY \(name) NULLS LAST" : "")
    }

    private static func condition(_ bound: RowBound, _ name: String) -> String? {
        let start = bound.position.flatMap { Self.start($0, bound.family) }
        guard bound.takesRowsWithoutPosition else { return start.map { "\(name) >= \($0)" } ?? "\(name) IS NOT NULL" }
        return start.map { "(\(name) >= \($0) OR \(name) IS NULL)" }
    }

    /// SQL for the position. A value beyond what the type holds finds all rows.
    private static func start(_ position: Int64, _ family: ColumnFamily) -> String? {
        switch family {
        case .long: return String(position)
        case .date, .timestamp, .localTimestamp:
            guard let text = CivilTimeText.writable(microseconds: position) else { return nil }
            let type =
                switch family {
                case .date: "date"
                case .timestamp: "timestamptz"
                default: "timestamp"
                }
            return "'\(text)'::pg_catalog.\(type)"
        // What a text holds, the caller finds out.
        default: return nil
        }
    }

    /// - Parameters:
    ///   - rows: which ones, and their order; "": all, in any.
    ///   - reading: nil: over this connection alone, whose settings were changed.
    private func work(
        _ list: [String], _ relation: String, rows: String = "", _ reading: PostgresReading?,
        _ makeBody: @escaping @Sendable () -> PostgresReading.Body
    ) throws -> PostgresReading.Work {
        let all = "SELECT \(list.joined(separator: ", ")) FROM \(relation)"
        if !rows.isEmpty {
            // Few rows are wanted, which an index finds, or one order of all.
            return PostgresReading.Work(select: all + rows, makeBody: makeBody)
        }
        return PostgresReading.Work(
            select: all, ranges: try reading?.ranges(of: name) ?? nil, selectRange: { "\(all) WHERE \($0)" },
            makeBody: makeBody)
    }

    /// The quoted name of a table; nil for a query.
    private var name: String? {
        guard case .table(let parts) = source else { return nil }
        return parts.map(PostgresText.identifier).joined(separator: ".")
    }

    func find(_ name: String, _ columns: [PostgresColumn]) throws -> PostgresColumn {
        // Bytes, not `==` on String: that would take differently composed letters for equal.
        guard let column = columns.first(where: { $0.name.utf8.elementsEqual(name.utf8) }) else {
            throw WarehouseError(
                .missing, code: "audience_column_missing", "\(place) has no column \(name).",
                hint: "It has: \(columns.map(\.name).joined(separator: ", ")).")
        }
        return column
    }
}

import Foundation
import GRDB
import GRDBSQLite
package import RollcallCore

/// The user's table, view or query as something to select from.
struct SQLiteAudience {
    let source: AudienceSource
    let path: String

    /// Columns in order. Compiles the audience, runs nothing.
    func columns(_ database: Database) throws -> [AudienceColumn] {
        let statement = try prepare(database, selecting: "a.*")
        return (0..<sqlite3_column_count(statement.pointer)).map { index in
            let name = sqlite3_column_name(statement.pointer, index).map { String(cString: $0) } ?? ""
            let type = sqlite3_column_decltype(statement.pointer, index).map { String(cString: $0).lowercased() } ?? ""
            return AudienceColumn(
                name: name, type: type, canIdentify: SQLiteColumnTypes.canIdentify(type),
                family: SQLiteColumnTypes.family(type))
        }
    }

    /// A statement that hands the named columns to ``SQLiteRows``, in this order.
    func prepare(_ database: Database, columns names: [String]) throws -> SQLitePrepared {
        try check(names, database)
        return try prepare(database, selecting: SQLiteRows.call(names.map { "a." + SQLiteQueryText.quoted($0) }))
    }

    /// A statement that gives the named columns, after one that shows whose statement it is.
    /// - Parameter bound: which rows are wanted.
    func prepareRows(_ database: Database, columns names: [String], bound: RowBound? = nil) throws -> SQLitePrepared {
        try check(names + (bound.map { [$0.column] } ?? []), database)
        let columns = names.map { "a." + SQLiteQueryText.quoted($0) }
        return try prepare(
            database, selecting: (["1 AS \(SQLiteStatementRows.mark)"] + columns).joined(separator: ", "),
            rows: bound.map(Self.rows) ?? "")
    }

    /// SQL behind the source for the rows of a bound, and their order, in a form for which an index can be used; "": all rows, in any.
    static func rows(_ bound: RowBound) -> String {
        let name = "a." + SQLiteQueryText.quoted(bound.column)
        let condition = condition(bound, name).map { " WHERE \($0)" } ?? ""
        // Where no NULLs come, nothing is said of them: one search along an index then gives the range, and its order too.
        let place = bound.takesRowsWithoutPosition ? " NULLS LAST" : ""
        return condition + (bound.isOrdered ? " ORDER BY \(name)\(place)" : "")
    }

    private static func condition(_ bound: RowBound, _ name: String) -> String? {
        let start = bound.position.flatMap { Self.start($0, bound.family) }
        guard bound.takesRowsWithoutPosition else { return start.map { "\(name) >= \($0)" } ?? "\(name) IS NOT NULL" }
        // Numbers come before all texts.
        let numbers = bound.family == .long ? "" : " OR \(name) < ''"
        return start.map { "(\(name) >= \($0)\(numbers) OR \(name) IS NULL)" }
    }

    /// SQL for what no value of the rows lies below; nil: there is no such value.
    private static func start(_ position: Int64, _ family: ColumnFamily) -> String? {
        if family == .long { return String(position) }
        // Texts of one moment differ by their zone, and by what stands between date and time: what is earlier by more than a day
        // is earlier in every form.
        let dayBefore = position.subtractingReportingOverflow(86_400_000_000)
        guard !dayBefore.overflow, let text = CivilTimeText.writable(microseconds: dayBefore.partialValue) else {
            return nil
        }
        return "'\(text.prefix(10))'"
    }

    private func check(_ names: [String], _ database: Database) throws {
        let existing = try columns(database).map(\.name)
        for name in names where !existing.contains(where: { $0.utf8.elementsEqual(name.utf8) }) {
            throw WarehouseError(
                .missing, "\(title) has no column \(name).",
                hint: "Its columns are: \(existing.joined(separator: ", ")).")
        }
    }

    /// How messages call the audience.
    var title: String {
        switch source {
        case .table(let parts): "The table \(parts.joined(separator: "."))"
        case .query(_, let file?): "The query in \(file)"
        case .query(_, nil): "The query"
        }
    }

    private func prepare(
        _ database: Database, selecting columns: String, rows: String = ""
    ) throws -> SQLitePrepared {
        switch source {
        case .table(let parts):
            let table = try findTable(database, parts)
            return try compile(database, "SELECT \(columns) FROM \(table) AS a\(rows)")
        case .query(let text, _):
            guard let query = SQLiteQueryText.single(text) else {
                throw refused("it has several statements", hint: "Write a single SELECT.")
            }
            // At this place SQLite accepts nothing but a SELECT; the line break ends a comment.
            return try compile(
                database,
                "WITH rollcall_audience AS (\n\(query)\n) SELECT \(columns) FROM rollcall_audience AS a\(rows)")
        }
    }

    private func compile(_ database: Database, _ sql: String) throws -> SQLitePrepared {
        do {
            let statement = try SQLitePrepared(database, sql)
            guard sqlite3_stmt_readonly(statement.pointer) != 0 else {
                throw refused("it would write", hint: "Write a single SELECT that only reads.")
            }
            guard sqlite3_bind_parameter_count(statement.pointer) == 0 else {
                throw refused(
                    "it has parameters, and there are no values for them", hint: "Write the values into the query.")
            }
            return statement
        } catch let error as DatabaseError where error.resultCode == .SQLITE_ERROR {
            throw try explain(database, error.message ?? "")
        } catch let error as DatabaseError where error.resultCode == .SQLITE_MISUSE {
            throw refused("it has several statements", hint: "Write a single SELECT.")
        }
    }

    private func explain(_ database: Database, _ said: String) throws -> WarehouseError {
        if said.hasPrefix("no such table") {
            return WarehouseError(.missing, "\(title) was refused by SQLite: \(said).", hint: try existing(database))
        }
        let hint =
            said.hasPrefix(Self.noColumn)
            ? try columnHint(database, said)
            : "Write a single SELECT that only reads; try it first with `sqlite3 \(path)`."
        return refused("SQLite says: \(said)", hint: hint)
    }

    /// What SQLite says of a column that does not exist, before its name: `no such column: p.emial`.
    private static let noColumn = "no such column: "

    private func columnHint(_ database: Database, _ said: String) throws -> String {
        let name = said.dropFirst(Self.noColumn.count).prefix { $0 != " " }.split(separator: ".").last ?? ""
        let correct =
            "Correct the column's name. A text stands in single quotes; double quotes make it a column's name."
        let names = NearColumns.sentence(try namedColumns(database), near: name.filter { $0 != "\"" })
        return [correct, names].compactMap(\.self).joined(separator: " ")
    }

    /// The columns of the tables and views that the query names.
    private func namedColumns(_ database: Database) throws -> [(table: String, column: String)] {
        guard case .query(let query, _) = source else { return [] }
        let words = SQLiteQueryText.words(query)
        let tables = try database.rows("SELECT name FROM \(Self.usersTables) ORDER BY name") { $0.text(0) ?? "" }
        return tables.filter { SQLiteQueryText.words($0).isSubset(of: words) }.flatMap { table in
            // A view that reads what does not exist has none.
            let columns = try? database.rows(
                "SELECT name FROM pragma_table_info(:table, 'main')", ["table": .of(table)]
            ) { $0.text(0) ?? "" }
            return (columns ?? []).map { (table: table, column: $0) }
        }
    }

    private func refused(_ reason: String, hint: String) -> WarehouseError {
        WarehouseError(.query, "\(title) was refused: \(reason).", hint: hint)
    }

    // MARK: Tables

    /// The quoted name of a table or view that exists.
    private func findTable(_ database: Database, _ parts: [String]) throws -> String {
        guard let name = parts.last, parts.count <= 2 else {
            throw refused(
                "a name has one part, or two: schema and table", hint: "Put a dot in a name in double quotes.")
        }
        if parts.count == 2, parts[0].lowercased() != "main" {
            throw WarehouseError(
                .missing, "\(title) does not exist: a SQLite file has no schema \(parts[0]), only main.",
                hint: try existing(database))
        }
        let found = try database.firstRow(
            """
            SELECT 1 FROM main.sqlite_master WHERE type IN ('table', 'view') AND name = :name COLLATE NOCASE
            """, ["name": .of(name)]
        ) { _ in true }
        guard found == true else {
            throw WarehouseError(.missing, "\(title) does not exist in \(path).", hint: try existing(database))
        }
        return "main." + SQLiteQueryText.quoted(name)
    }

    /// SQL for the tables and views that are the user's own.
    private static let usersTables = """
        main.sqlite_master WHERE type IN ('table', 'view')
           AND substr(name, 1, 7) <> 'sqlite_' AND substr(name, 1, 9) <> 'rollcall_'
        """

    private func existing(_ database: Database) throws -> String {
        let names = try database.rows("SELECT name FROM \(Self.usersTables) ORDER BY name LIMIT 51") {
            $0.text(0) ?? ""
        }
        guard !names.isEmpty else { return "The database has no tables or views." }
        let more = names.count > 50 ? ", ..." : ""
        return "Tables and views: \(names.prefix(50).joined(separator: ", "))\(more)."
    }
}

extension SQLiteWarehouse {
    package var readingProcessors: Int { 1 }

    package func columns(of source: AudienceSource) async throws(WarehouseError) -> [AudienceColumn] {
        let audience = SQLiteAudience(source: source, path: file.path)
        return try await reader.run(.deferred) { try audience.columns($0) }
    }

    package func readAudience(
        _ source: AudienceSource, columns: IdentifierColumns, parts: Int,
        _ body: @escaping @Sendable (_ part: Int, AudienceCell, AudienceCell) throws -> Void
    ) async throws {
        let audience = SQLiteAudience(source: source, path: file.path)
        let names = [columns.email, columns.userID].compactMap { $0 }
        guard !names.isEmpty else { throw WarehouseError(.query, "No column to read is named.") }
        try await streams.run { database, _ in
            let email = SQLiteCells(column: columns.email == nil ? nil : 0)
            let userID = SQLiteCells(column: columns.userID == nil ? nil : names.count - 1)
            try SQLiteRows.read(database, columns: names.count) {
                try audience.prepare(database, columns: names)
            } _: {
                try body(0, email.cell($0), userID.cell($0))
            }
        }
    }

    package func readRecords(
        _ source: AudienceSource, columns: RecordColumns, parts: Int,
        _ body:
            @escaping @Sendable (
                _ part: Int, _ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>
            ) throws -> Void
    ) async throws {
        let audience = SQLiteAudience(source: source, path: file.path)
        let identifiers = [columns.identifiers.email, columns.identifiers.userID].compactMap { $0 }
        try await streams.run { database, _ in
            let email = SQLiteCells(column: columns.identifiers.email == nil ? nil : 0)
            let userID = SQLiteCells(column: columns.identifiers.userID == nil ? nil : identifiers.count - 1)
            let statement = try audience.prepareRows(
                database, columns: identifiers + columns.fields, bound: columns.bound)
            let fields = identifiers.count..<identifiers.count + columns.fields.count
            try SQLiteStatementRows.read(statement, fields: fields) { row, cells in
                try body(0, email.cell(row), userID.cell(row), cells)
            }
        }
    }
}

import GRDB
package import RollcallCore

extension SQLiteWarehouse {
    package func index(on column: String, of source: AudienceSource) async throws(WarehouseError) -> ColumnIndex {
        let audience = SQLiteAudience(source: source, path: file.path)
        return try await reader.run(.deferred) { database in
            _ = try audience.columns(database)
            guard case .table(let parts) = source, let table = parts.last else { return .unknown }
            return try Self.index(on: column, of: table, database)
        }
    }

    private static func index(on column: String, of table: String, _ database: Database) throws -> ColumnIndex {
        let values: [String: SQLiteValue] = ["table": .of(table), "column": .of(column)]
        let isTable = try database.firstRow(
            """
            SELECT name FROM main.sqlite_master
             WHERE type = 'table' AND name = :table COLLATE NOCASE AND sql NOT LIKE 'CREATE VIRTUAL%'
            """, ["table": .of(table)]
        ) { $0.text(0) }
        guard let name = isTable ?? nil else { return .unknown }
        let count = try database.firstRow(
            """
            SELECT (SELECT count(*) FROM pragma_index_list(:table, 'main') AS l
                     WHERE l.partial = 0 AND EXISTS (
                           SELECT 1 FROM pragma_index_info(l.name, 'main') AS i
                            WHERE i.seqno = 0 AND i.name = :column COLLATE NOCASE))
                   -- The number of the row itself.
                 + (SELECT count(*) FROM pragma_table_info(:table, 'main') AS c
                     WHERE c.name = :column COLLATE NOCASE AND c.pk = 1 AND upper(c.type) = 'INTEGER'
                       AND NOT EXISTS (SELECT 1 FROM pragma_table_info(:table, 'main') WHERE pk > 1))
            """, values
        ) { $0.count(0) }
        if count ?? 0 > 0 { return .exists }
        let index = SQLiteQueryText.quoted("\(name)_by_\(column)")
        return .missing(
            statement:
                "CREATE INDEX \(index) ON \(SQLiteQueryText.quoted(name)) (\(SQLiteQueryText.quoted(column)));")
    }
}

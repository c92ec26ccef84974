package import RollcallCore

extension PostgresWarehouse {
    package func index(on column: String, of source: AudienceSource) async throws(WarehouseError) -> ColumnIndex {
        try await withLockedAudience(source) { audience in
            _ = try audience.lockedColumns()
            guard case .table(let parts) = source else { return .unknown }
            return try Self.index(on: column, of: parts, audience.session)
        }
    }

    /// A partial index has not all rows, and one of another kind than these knows no order.
    private static func index(on column: String, of parts: [String], _ session: PostgresSession) throws -> ColumnIndex {
        let result = try session.query(
            """
            SELECT c.relkind, n.nspname, c.relname, EXISTS (
                       SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
                              JOIN pg_catalog.pg_am m ON m.oid = x.relam
                        WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL AND i.indkey[0] = a.attnum
                          AND m.amname IN ('btree', 'brin'))
              FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
              JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             WHERE c.oid = pg_catalog.to_regclass($1) AND a.attname = $2
            """, [parts.map(PostgresText.identifier).joined(separator: "."), column])
        guard result.rowCount == 1, let kind = result.text(0, 0), ["r", "m", "p"].contains(kind) else {
            return .unknown
        }
        if result.boolean(0, 3) { return .exists }
        let table = [1, 2].map { PostgresText.identifier(result.text(0, $0) ?? "") }.joined(separator: ".")
        // Made while others write, which PostgreSQL cannot do for a partitioned table.
        let concurrently = kind == "p" ? "" : " CONCURRENTLY"
        return .missing(statement: "CREATE INDEX\(concurrently) ON \(table) (\(PostgresText.identifier(column)));")
    }
}

import RollcallCore

extension PostgresAudience {
    /// A sentence with columns of the relations that the query names, those nearest to a name first; nil: there are none.
    func nearColumns(to wanted: String) throws -> String? {
        guard case .query(let query, _) = source else { return nil }
        let (words, ours) = (PostgresQueryText.allNames(query).sorted(), StateTable.ownNames)
        let result = try session.query(
            Self.namedColumns,
            [PostgresText.array(words.map { $0 as String? }), PostgresText.array(ours.map { $0 as String? })])
        let columns = (0..<result.rowCount).map { row in
            (table: result.text(row, 0) ?? "", column: result.text(row, 1) ?? "")
        }
        return NearColumns.sentence(columns, near: wanted)
    }

    /// `$1`: words of the query, which may name relations and schemas; `$2`: names of state tables, which are not shown.
    private static let namedColumns = """
        SELECT c.relname, a.attname
          FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE c.relname = ANY($1::pg_catalog.text[]) AND c.relkind IN ('r', 'v', 'm', 'f', 'p')
           AND (n.nspname = ANY($1::pg_catalog.text[]) OR pg_catalog.pg_table_is_visible(c.oid))
           AND n.nspname <> 'information_schema' AND pg_catalog.left(n.nspname::pg_catalog.text, 3) <> 'pg_'
           AND NOT (c.relname = ANY($2::pg_catalog.text[])
                    AND EXISTS (SELECT FROM pg_catalog.pg_class s
                                 WHERE s.relnamespace = n.oid AND s.relname = 'sync_leases'))
         LIMIT 2000
        """
}

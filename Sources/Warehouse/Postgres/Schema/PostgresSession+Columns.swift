extension PostgresSession {
    /// Whether a state table has a column: tables which no run has upgraded yet may lack it.
    func hasColumn(_ column: String, of table: String) throws -> Bool {
        try query(
            """
            SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute
                            WHERE attrelid = $1::pg_catalog.regclass AND attname = $2 AND NOT attisdropped)
            """, [table, column]
        ).boolean(0, 0)
    }
}

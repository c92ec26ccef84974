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

    /// The table with a row for each event that a sync has seen, in a transaction on the state tables; nil: there is none. In tables
    /// which no run has upgraded yet it has the name that a view has from version 15 on, and a view has no positions.
    func eventTable() throws -> String? {
        try query(
            """
            SELECT c.relname FROM pg_catalog.pg_class c
              JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
              JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
             WHERE n.nspname = pg_catalog.current_schema() AND c.relname IN ('seen_events', 'synced_events')
               AND a.attname = 'position' AND NOT a.attisdropped
            """
        ).text(0, 0)
    }
}

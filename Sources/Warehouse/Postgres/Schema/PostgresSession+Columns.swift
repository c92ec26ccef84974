extension PostgresSession {
    /// Whether a state table is there and has a column: what no run has upgraded yet may lack either.
    func hasColumn(_ column: String, of table: String) throws -> Bool {
        try query(
            """
            SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute
                            WHERE attrelid = pg_catalog.to_regclass($1) AND attname = $2 AND NOT attisdropped)
            """, [table, column]
        ).boolean(0, 0)
    }

    /// The table with a row for each event that a sync has seen; nil: there is none. In tables which no run has upgraded yet it has the
    /// name that a view has from version 15 on.
    /// - Parameter prefix: what stands before the names of the tables.
    func eventTable(prefix: String = "") throws -> String? {
        for name in ["seen_events", "synced_events"].map({ prefix + $0 }) {
            if try hasColumn("position", of: name) { return name }
        }
        return nil
    }
}

import RollcallCore

/// What logical replication asks of the state tables. A publication that covers one of them lets its rows be updated and deleted
/// only if the table says what identifies a row.
struct PostgresReplication {
    let session: PostgresSession
    let tables: PostgresStateTables

    /// Tables whose rows are deleted or updated, with a column that can be set to itself; nil: rows are only deleted.
    private static let changed: [(table: String, column: String?)] = [
        ("sync_runs", "sync_name"), ("sync_log", nil), ("list_members", "listed"), ("sync_changes", nil),
        ("settling_requests", nil), ("stray_requests", nil), ("sync_state", "paused"), ("sync_leases", "token"),
        ("schedule_ticks", "outcome"), ("synced_records", "owned"), ("seen_events", "state"),
        ("sync_cursors", "late_rows"), ("destination_fields", "type"), ("item_checks", "has_failed"),
        ("iterable_events", "deliveries"), ("iterable_rejects", nil), ("receiver_counts", "outcome"),
        ("receiver_writers", "sequence"), ("receivers", "alert_state"), ("rate_budgets", "next_turn"),
        ("rate_shares", "share"),
    ]

    /// What is worth saying; nothing where all is well and as Rollcall made it. Reads only.
    func findings() throws -> [Finding] {
        var findings: [Finding] = []
        let isPublished = try session.query("SELECT 1 FROM pg_publication LIMIT 1").rowCount > 0
        let events = try session.eventTable()
        for (name, column) in Self.changed {
            let table = name == StateTable.events.rawValue ? events ?? name : name
            if isPublished, let failure = try failure(of: table, column) {
                findings.append(try refused(table, failure))
            } else if try isPartitioned(table) {
                findings.append(try partitioned(table))
            }
        }
        return findings
    }

    /// The error that changes of the table end with because it is published. EXPLAIN prepares the statement as far as the
    /// error, and changes nothing.
    private func failure(of table: String, _ column: String?) throws -> PostgresFailure? {
        let statements = ["DELETE FROM \(table)"] + (column.map { ["UPDATE \(table) SET \($0) = \($0)"] } ?? [])
        for statement in statements {
            try session.execute("SAVEPOINT replication")
            do {
                try session.execute("EXPLAIN \(statement)")
            } catch let failure as PostgresFailure {
                try session.execute("ROLLBACK TO SAVEPOINT replication")
                // Others are found elsewhere.
                if failure.isOfPublication { return failure }
            }
        }
        return nil
    }

    private func refused(_ table: String, _ failure: PostgresFailure) throws -> Finding {
        let isOld = try (PostgresWarehouse.version(session) ?? 0) < PostgresKeys.version
        let fix =
            if failure.sqlState == "42P10" {
                "Publish \(table) with all its columns and without a filter of rows, or leave it out of the publication."
            } else if isOld, try !isPartitioned(table) {
                "Run `rollcall migrate`, which gives every state table a primary key."
            } else {
                try identities(of: table) ?? "ALTER TABLE \(tables.quotedSchema).\(table) REPLICA IDENTITY FULL;"
            }
        return Finding(
            subject: "replication of \(table)", isFine: false,
            detail: "a publication covers the table, and no run can change it: \(failure.message)", fix: fix)
    }

    private func partitioned(_ table: String) throws -> Finding {
        let missing = try identities(of: table)
        return Finding(
            subject: "state table \(table)", isFine: true,
            detail: missing == nil
                ? "is partitioned; it has REPLICA IDENTITY FULL instead of a primary key"
                : "is partitioned; some of its partitions have no replica identity, which a publication would ask for",
            fix: missing)
    }

    // MARK: The catalog

    private func isPartitioned(_ table: String) throws -> Bool {
        try session.query(
            "SELECT c.relkind = 'p' OR c.relhassubclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                + " WHERE n.nspname = $1 AND c.relname = $2", [tables.schema, table]
        ).boolean(0, 0)
    }

    /// The statements that give a table and its partitions a replica identity where they have none; nil where all have one.
    func identities(of table: String) throws -> String? {
        try session.query(
            """
            WITH RECURSIVE tree AS (
                SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname = $1 AND c.relname = $2
                UNION SELECT i.inhrelid FROM pg_inherits i JOIN tree t ON t.oid = i.inhparent)
            SELECT string_agg(format('ALTER TABLE %I.%I REPLICA IDENTITY FULL;', n.nspname, c.relname), ' '
                              ORDER BY n.nspname, c.relname)
              FROM tree t JOIN pg_class c ON c.oid = t.oid JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p')
               AND CASE c.relreplident
                   WHEN 'f' THEN false
                   WHEN 'n' THEN true
                   WHEN 'd' THEN NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)
                   ELSE NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisreplident) END
            """, [tables.schema, table]
        ).text(0, 0)
    }
}

extension PostgresFailure {
    /// Whether a publication forbids the change: no replica identity, or columns or a filter that the identity does not fit.
    var isOfPublication: Bool { sqlState == "55000" || sqlState == "42P10" }
}

public import RollcallCore

extension PostgresWarehouse {
    public func noteStrays(
        _ run: SyncRun, _ changes: [Change], settleSeconds: Double
    ) async throws(WarehouseError) {
        guard let list = run.listID, !changes.isEmpty else { return }
        _ = try await write { session in
            guard PostgresText.runID(run.id) != nil else { throw PostgresRunRow.noRun(run.id) }
            return try session.modify(
                """
                INSERT INTO stray_requests (run_id, sequence, sync_name, list_id, fingerprint, email, user_id, operation,
                                            settles_at)
                SELECT $1::uuid, s.sequence, $2::text, $3::bigint, s.fingerprint, s.email, s.user_id, s.operation,
                       date_trunc('milliseconds', clock_timestamp() + $4::double precision * interval '1 second')
                  FROM unnest($5::bigint[], $6::uuid[], $7::text[], $8::text[], $9::text[])
                    AS s (sequence, fingerprint, email, user_id, operation)
                ON CONFLICT (run_id, sequence) DO NOTHING
                """,
                [
                    run.id, run.sync, String(list), String(settleSeconds),
                    PostgresText.array(changes.map { $0.sequence as Int64? }),
                    PostgresText.array(changes.map { PostgresText.uuid($0.fingerprint) as String? }),
                    try session.array(changes.map(\.identity.email)), try session.array(changes.map(\.identity.userID)),
                    PostgresText.array(changes.map { $0.operation.rawValue as String? }),
                ])
        }
    }

    public func settleStrays(_ lease: Lease) async throws(WarehouseError) -> Int {
        try await leased(lease) { session in
            let notes = try session.query(
                """
                DELETE FROM stray_requests WHERE sync_name = $1
                RETURNING run_id, list_id, fingerprint, email, user_id, operation,
                          \(PostgresRunRow.milliseconds("settles_at"))
                """, [lease.sync])
            if notes.rowCount == 0 { return 0 }
            let parameters =
                [lease.sync]
                + (0..<7).map { column in
                    PostgresText.array((0..<notes.rowCount).map { notes.text($0, column) })
                }
            var moved = 0
            for statement in [Self.doubt, Self.enter] {
                moved += try session.query(statement, parameters).count(0, 0)
            }
            try session.modify(Self.settle, parameters)
            if moved > 0 { try Self.renewGeneration(lease.sync, session) }
            return notes.rowCount
        }
    }

    /// The notes that were taken away, as a table.
    private static let notes = """
        WITH note AS (
            SELECT * FROM unnest($2::uuid[], $3::bigint[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::bigint[])
                AS n (run_id, list_id, fingerprint, email, user_id, operation, settles)
        )
        """

    private static let now = "date_trunc('milliseconds', clock_timestamp())"

    /// Entries that share `column` with a note which says something of them.
    private static func shaken(by column: String) -> String {
        """
        SELECT m.list_id, m.fingerprint, n.operation, n.run_id
          FROM list_members m JOIN note n ON n.list_id = m.list_id AND n.\(column) = m.\(column)
         WHERE m.sync_name = $1
           AND (m.state = 'subscribed' AND (n.operation = 'unsubscribe' OR n.fingerprint <> m.fingerprint)
                OR m.state = 'subscribing' AND n.operation = 'unsubscribe')
        """
    }

    private static let doubt = """
        \(notes), shaken AS (
            SELECT DISTINCT ON (list_id, fingerprint) * FROM (
                \(shaken(by: "email")) UNION ALL \(shaken(by: "user_id"))) AS s
             ORDER BY list_id, fingerprint, operation DESC, run_id DESC
        ), moved AS (
            UPDATE list_members m
               SET state = CASE s.operation WHEN 'subscribe' THEN 'subscribing' ELSE 'unsubscribing' END,
                   since_run_id = s.run_id, since = \(now)
              FROM shaken s
             WHERE m.sync_name = $1 AND m.list_id = s.list_id AND m.fingerprint = s.fingerprint
            RETURNING 1
        )
        SELECT count(*) FROM moved
        """

    private static let enter = """
        \(notes), moved AS (
            INSERT INTO list_members AS m (sync_name, list_id, fingerprint, email, user_id, state, listed,
                                           since_run_id, since)
            SELECT DISTINCT ON (list_id, fingerprint) $1::text, list_id, fingerprint, email, user_id, 'subscribing', true,
                   run_id, \(now)
              FROM note WHERE operation = 'subscribe' ORDER BY list_id, fingerprint, run_id DESC
            ON CONFLICT (sync_name, list_id, fingerprint) DO UPDATE SET listed = true WHERE NOT m.listed
            RETURNING 1
        )
        SELECT count(*) FROM moved
        """

    private static let settle = """
        \(notes)
        INSERT INTO settling_requests (sync_name, list_id, email, user_id, operation, settles_at)
        SELECT $1::text, list_id, email, user_id, operation, to_timestamp(settles / 1000.0)
          FROM note WHERE to_timestamp(settles / 1000.0) > clock_timestamp()
        """
}

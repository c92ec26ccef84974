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

    public func applyStrayNotes(_ lease: Lease) async throws(WarehouseError) -> Int {
        try await leased(lease) { session in
            let notes = try Self.takeNotes(lease.sync, session)
            if notes.isEmpty { return 0 }
            let changed = try StrayNotes.apply(notes, Self.entries(of: notes, lease.sync, session))
            if !changed.isEmpty {
                try Self.write(changed, lease.sync, session)
                try Self.renewGeneration(lease.sync, session)
            }
            try Self.leaveInDoubt(notes, lease.sync, session)
            return notes.count
        }
    }

    private static func takeNotes(_ sync: String, _ session: PostgresSession) throws -> [StrayNote] {
        let result = try session.query(
            """
            DELETE FROM stray_requests WHERE sync_name = $1
            RETURNING run_id, list_id, fingerprint, email, user_id, operation,
                      \(PostgresRunRow.milliseconds("settles_at"))
            """, [sync])
        return try (0..<result.rowCount).map { row in
            guard let run = result.text(row, 0), let list = result.integer(row, 1),
                let fingerprint = result.textFingerprint(row, 2),
                let operation = result.text(row, 5).flatMap(RollcallCore.Operation.init),
                let mayLandUntil = result.date(row, 6)
            else { throw unreadable("stray_requests") }
            return StrayNote(
                runID: run, listID: list, fingerprint: fingerprint,
                identity: Identity(email: result.text(row, 3), userID: result.text(row, 4)), operation: operation,
                mayLandUntil: mayLandUntil)
        }
    }

    /// The entries that have the fingerprint, the email or the userId of a note.
    private static func entries(
        of notes: [StrayNote], _ sync: String, _ session: PostgresSession
    ) throws -> [NotedEntry] {
        let result = try session.query(
            """
            WITH note AS (
                SELECT * FROM unnest($2::bigint[], $3::uuid[], $4::text[], $5::text[]) AS n (list_id, fingerprint, email, user_id)
            )
            SELECT m.list_id, m.fingerprint, m.email, m.user_id, m.state, m.listed FROM list_members m
             WHERE m.sync_name = $1
               AND ((m.list_id, m.fingerprint) IN (SELECT list_id, fingerprint FROM note)
                    OR (m.list_id, m.email) IN (SELECT list_id, email FROM note)
                    OR (m.list_id, m.user_id) IN (SELECT list_id, user_id FROM note))
            """,
            [
                sync, PostgresText.array(notes.map { $0.listID as Int64? }),
                PostgresText.array(notes.map { PostgresText.uuid($0.fingerprint) as String? }),
                try session.array(notes.map(\.identity.email)), try session.array(notes.map(\.identity.userID)),
            ])
        return try (0..<result.rowCount).map { row in
            guard let list = result.integer(row, 0), let fingerprint = result.textFingerprint(row, 1),
                let state = result.text(row, 4).flatMap(MemberState.init)
            else { throw unreadable("list_members") }
            return NotedEntry(
                listID: list, fingerprint: fingerprint,
                identity: Identity(email: result.text(row, 2), userID: result.text(row, 3)),
                mark: EntryMark(state, listed: result.boolean(row, 5)))
        }
    }

    private static func write(_ changed: [NotedEntry], _ sync: String, _ session: PostgresSession) throws {
        try session.modify(
            """
            INSERT INTO list_members AS m (sync_name, list_id, fingerprint, email, user_id, state, listed, since_run_id, since)
            SELECT $1::text, e.list_id, e.fingerprint, e.email, e.user_id, e.state, e.listed, e.changed_by, now.time
              FROM unnest($2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::boolean[], $8::uuid[])
                       AS e (list_id, fingerprint, email, user_id, state, listed, changed_by),
                   date_trunc('milliseconds', clock_timestamp()) AS now (time)
             WHERE e.changed_by IS NOT NULL
            ON CONFLICT (sync_name, list_id, fingerprint) DO UPDATE
               SET state = excluded.state, listed = excluded.listed, since_run_id = excluded.since_run_id,
                   since = excluded.since
            """, try parameters(changed.filter { $0.changedBy != nil }, sync, session))
        try session.modify(
            """
            UPDATE list_members m SET listed = e.listed
              FROM unnest($2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::boolean[], $8::uuid[])
                AS e (list_id, fingerprint, email, user_id, state, listed, changed_by)
             WHERE m.sync_name = $1 AND m.list_id = e.list_id AND m.fingerprint = e.fingerprint
            """, try parameters(changed.filter { $0.changedBy == nil }, sync, session))
    }

    private static func parameters(
        _ entries: [NotedEntry], _ sync: String, _ session: PostgresSession
    ) throws -> [String?] {
        [
            sync, PostgresText.array(entries.map { $0.listID as Int64? }),
            PostgresText.array(entries.map { PostgresText.uuid($0.fingerprint) as String? }),
            try session.array(entries.map(\.identity.email)), try session.array(entries.map(\.identity.userID)),
            PostgresText.array(entries.map { $0.mark?.state.rawValue }),
            PostgresText.array(entries.map { $0.mark.map { String($0.listed) } }),
            PostgresText.array(entries.map(\.changedBy)),
        ]
    }

    private static func leaveInDoubt(_ notes: [StrayNote], _ sync: String, _ session: PostgresSession) throws {
        try session.modify(
            """
            INSERT INTO settling_requests (sync_name, list_id, email, user_id, operation, settles_at)
            SELECT $1::text, n.list_id, n.email, n.user_id, n.operation, to_timestamp(n.settles / 1000.0)
              FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[])
                AS n (list_id, email, user_id, operation, settles)
             WHERE to_timestamp(n.settles / 1000.0) > clock_timestamp()
            """,
            [
                sync, PostgresText.array(notes.map { $0.listID as Int64? }),
                try session.array(notes.map(\.identity.email)), try session.array(notes.map(\.identity.userID)),
                PostgresText.array(notes.map { $0.operation.rawValue as String? }),
                PostgresText.array(notes.map { PostgresText.milliseconds($0.mayLandUntil) as Int64? }),
            ])
    }

    private static func unreadable(_ table: String) -> WarehouseError {
        WarehouseError(.other, "A row of \(table) cannot be read; it was changed by hand.")
    }
}

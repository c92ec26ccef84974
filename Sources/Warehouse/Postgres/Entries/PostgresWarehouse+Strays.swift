package import RollcallCore

extension PostgresWarehouse {
    package func noteStrays(
        _ run: SyncRun, _ changes: [Change], settleSeconds: Double
    ) async throws(WarehouseError) {
        guard let entries = run.entrySet, !changes.isEmpty else { return }
        let list = entries.listID.map { String($0) }
        _ = try await write { session in
            guard PostgresText.runID(run.id) != nil else { throw PostgresRunRow.noRun(run.id) }
            return try session.modify(
                """
                INSERT INTO stray_requests (run_id, sequence, sync_name, list_id, kind, fingerprint, email, user_id,
                                            operation, record_key, item_id, content, values_held, settles_at)
                SELECT $1::uuid, s.sequence, $2::text, $3::bigint, $4::text, s.fingerprint, s.email, s.user_id, s.operation,
                       s.record_key, s.item_id, s.content, decode(s.values_held, 'hex'),
                       date_trunc('milliseconds', clock_timestamp() + $5::double precision * interval '1 second')
                  FROM unnest($6::bigint[], $7::uuid[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[],
                              $13::bigint[], $14::text[])
                    AS s (sequence, fingerprint, email, user_id, operation, record_key, item_id, content, values_held)
                ON CONFLICT (run_id, sequence) DO NOTHING
                """,
                [
                    run.id, run.sync, list, run.kind.rawValue, String(settleSeconds),
                    PostgresText.array(changes.map { $0.sequence as Int64? }),
                    PostgresText.array(changes.map { PostgresText.uuid($0.fingerprint) as String? }),
                    try session.array(changes.map(\.identity.email)), try session.array(changes.map(\.identity.userID)),
                    PostgresText.array(changes.map { $0.operation.rawValue as String? }),
                    try session.array(changes.map(\.record?.key)), try session.array(changes.map(\.record?.itemID)),
                    PostgresText.array(changes.map(\.putContent)),
                    PostgresText.array(changes.map { $0.held?.ifInDoubt.bytes.hexadecimal }),
                ])
        }
    }

    package func applyStrayNotes(_ lease: Lease) async throws(WarehouseError) -> Int {
        try await leased(lease) { session in
            let notes = try Self.takeNotes(lease.sync, session)
            if notes.isEmpty { return 0 }
            // An event that comes twice is the same event: of events there is nothing to put right.
            let others = notes.filter { $0.entries != .records(.events) }
            let entries =
                try Self.members(of: others, lease.sync, session) + Self.records(of: others, lease.sync, session)
            let changed = StrayNotes.apply(others, entries)
            if !changed.isEmpty {
                for words in [EntryWords.list, .records] {
                    try Self.write(changed.filter { EntryWords($0.entries) == words }, words, lease.sync, session)
                }
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
                      \(PostgresRunRow.milliseconds("settles_at")), kind, record_key, item_id, content,
                      encode(values_held, 'hex')
            """, [sync])
        return try (0..<result.rowCount).map { row in
            let list = result.integer(row, 1).map(EntrySet.list)
            guard let run = result.text(row, 0),
                let entries = list ?? result.text(row, 7).flatMap(RecordKind.init).map(EntrySet.records),
                let fingerprint = result.textFingerprint(row, 2),
                let operation = result.text(row, 5).flatMap(RollcallCore.Operation.init),
                let mayLandUntil = result.date(row, 6)
            else { throw unreadable("stray_requests") }
            return StrayNote(
                runID: run, entries: entries, fingerprint: fingerprint,
                identity: Identity(email: result.text(row, 3), userID: result.text(row, 4)),
                record: result.text(row, 8).map {
                    RecordReference(key: $0, itemID: result.text(row, 9), content: result.integer(row, 10) ?? 0)
                },
                content: result.integer(row, 10), operation: operation, mayLandUntil: mayLandUntil,
                held: bits(result, row, 11))
        }
    }

    /// A column that was selected in hexadecimal digits; nil: NULL.
    private static func bits(_ result: borrowing PostgresResult, _ row: Int, _ column: Int) -> FieldBits? {
        result.text(row, column).map { FieldBits(bytes: PostgresText.bytes(hexadecimal: $0)) }
    }

    /// The members of lists that have the fingerprint, the email or the userId of a note.
    private static func members(
        of notes: [StrayNote], _ sync: String, _ session: PostgresSession
    ) throws -> [NotedEntry] {
        let notes = notes.filter { $0.list != nil }
        if notes.isEmpty { return [] }
        let result = try session.query(
            """
            WITH note AS (
                SELECT * FROM unnest($2::bigint[], $3::uuid[], $4::text[], $5::text[]) AS n (list_id, fingerprint, email, user_id)
            )
            SELECT m.list_id, m.fingerprint, m.email, m.user_id, m.state, m.listed, m.content, encode(m.values_held, 'hex')
              FROM list_members m
             WHERE m.sync_name = $1
               AND ((m.list_id, m.fingerprint) IN (SELECT list_id, fingerprint FROM note)
                    OR (m.list_id, m.email) IN (SELECT list_id, email FROM note)
                    OR (m.list_id, m.user_id) IN (SELECT list_id, user_id FROM note))
            """,
            [
                sync, PostgresText.array(notes.map(\.list)),
                PostgresText.array(notes.map { PostgresText.uuid($0.fingerprint) as String? }),
                try session.array(notes.map(\.identity.email)), try session.array(notes.map(\.identity.userID)),
            ])
        return try (0..<result.rowCount).map { row in
            guard let list = result.integer(row, 0), let fingerprint = result.textFingerprint(row, 1),
                let state = result.text(row, 4).flatMap(EntryWords.list.state)
            else { throw unreadable("list_members") }
            var entry = NotedEntry(
                entries: .list(list), fingerprint: fingerprint,
                identity: Identity(email: result.text(row, 2), userID: result.text(row, 3)),
                content: result.integer(row, 6), mark: EntryMark(state, listed: result.boolean(row, 5)))
            entry.held = bits(result, row, 7) ?? FieldBits()
            return entry
        }
    }

    /// The records that have the fingerprint of a note.
    private static func records(
        of notes: [StrayNote], _ sync: String, _ session: PostgresSession
    ) throws -> [NotedEntry] {
        let notes = notes.filter { $0.list == nil }
        if notes.isEmpty { return [] }
        let result = try session.query(
            """
            SELECT kind, fingerprint, email, user_id, state, owned, record_key, item_id, content, encode(values_held, 'hex')
              FROM synced_records
             WHERE sync_name = $1 AND fingerprint = ANY($2::uuid[])
            """, [sync, PostgresText.array(notes.map { PostgresText.uuid($0.fingerprint) as String? })])
        return try (0..<result.rowCount).map { row in
            guard let kind = result.text(row, 0).flatMap(RecordKind.init),
                let fingerprint = result.textFingerprint(row, 1),
                let state = result.text(row, 4).flatMap(EntryWords.records.state)
            else { throw unreadable("synced_records") }
            var entry = NotedEntry(
                entries: .records(kind), fingerprint: fingerprint,
                identity: Identity(email: result.text(row, 2), userID: result.text(row, 3)),
                record: RecordReference(
                    key: result.text(row, 6) ?? "", itemID: result.text(row, 7), content: result.integer(row, 8) ?? 0),
                mark: EntryMark(state, listed: result.boolean(row, 5)))
            entry.held = bits(result, row, 9) ?? FieldBits()
            return entry
        }
    }

    /// The columns of ``parameters(_:_:_:_:)`` as a relation.
    private static let given = """
        unnest($2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::boolean[], $8::uuid[], $9::text[],
               $10::text[], $11::bigint[], $12::text[])
            AS e (set_id, fingerprint, email, user_id, state, listed, changed_by, record_key, item_id, content, held)
        """

    private static func write(
        _ changed: [NotedEntry], _ words: EntryWords, _ sync: String, _ session: PostgresSession
    ) throws {
        if changed.isEmpty { return }
        let isRecord = words.areRecords
        let set = isRecord ? "kind" : "list_id"
        let setID = isRecord ? "e.set_id" : "e.set_id::bigint"
        try session.modify(
            """
            INSERT INTO \(words.table) AS m (sync_name, \(set), fingerprint, email, user_id, state, \(words.listed), since_run_id,
                                            since, content, values_held\(isRecord ? ", record_key, item_id" : ""))
            SELECT $1::text, \(setID), e.fingerprint, e.email, e.user_id, e.state, e.listed, e.changed_by, now.time,
                   e.content, decode(e.held, 'hex')\(isRecord ? ", e.record_key, e.item_id" : "")
              FROM \(given), \(PostgresText.now) AS now (time)
             WHERE e.changed_by IS NOT NULL
            ON CONFLICT (sync_name, \(set), fingerprint) DO UPDATE
               SET state = excluded.state, \(words.listed) = excluded.\(words.listed),
                   since_run_id = excluded.since_run_id, since = excluded.since,
                   values_held = COALESCE(excluded.values_held, m.values_held)
            """, try parameters(changed.filter { $0.changedBy != nil }, words, sync, session))
        try session.modify(
            """
            UPDATE \(words.table) m
               SET \(words.listed) = e.listed, values_held = COALESCE(decode(e.held, 'hex'), m.values_held)
              FROM \(given)
             WHERE m.sync_name = $1 AND m.\(set) = \(setID) AND m.fingerprint = e.fingerprint
            """, try parameters(changed.filter { $0.changedBy == nil }, words, sync, session))
    }

    private static func parameters(
        _ entries: [NotedEntry], _ words: EntryWords, _ sync: String, _ session: PostgresSession
    ) throws -> [String?] {
        [
            sync, PostgresText.array(entries.map { PostgresEntryTable($0.entries).parameter as String? }),
            PostgresText.array(entries.map { PostgresText.uuid($0.fingerprint) as String? }),
            try session.array(entries.map(\.identity.email)), try session.array(entries.map(\.identity.userID)),
            PostgresText.array(entries.map { $0.mark.map { words.word($0.state) } }),
            PostgresText.array(entries.map { $0.mark.map { String($0.listed) } }),
            PostgresText.array(entries.map(\.changedBy)), try session.array(entries.map(\.record?.key)),
            try session.array(entries.map(\.record?.itemID)), PostgresText.array(entries.map(\.content)),
            // What holds no value is as good as what is not known to hold one.
            PostgresText.array(entries.map { $0.held.isEmpty ? nil : $0.held.bytes.hexadecimal }),
        ]
    }

    private static func leaveInDoubt(_ notes: [StrayNote], _ sync: String, _ session: PostgresSession) throws {
        try session.modify(
            """
            INSERT INTO settling_requests (sync_name, list_id, email, user_id, operation, settles_at, fingerprint, content)
            SELECT $1::text, n.list_id, n.email, n.user_id, n.operation, to_timestamp(n.settles / 1000.0), n.fingerprint,
                   n.content
              FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::uuid[], $8::bigint[])
                AS n (list_id, email, user_id, operation, settles, fingerprint, content)
             WHERE to_timestamp(n.settles / 1000.0) > clock_timestamp() OR n.operation = 'rename'
            """,
            [
                sync, PostgresText.array(notes.map(\.list)),
                try session.array(notes.map(\.identity.email)), try session.array(notes.map(\.identity.userID)),
                PostgresText.array(notes.map { $0.operation.rawValue as String? }),
                PostgresText.array(notes.map { PostgresText.milliseconds($0.mayLandUntil) as Int64? }),
                PostgresText.array(notes.map { $0.list == nil ? PostgresText.uuid($0.fingerprint) : nil }),
                PostgresText.array(notes.map(\.content)),
            ])
    }

    private static func unreadable(_ table: String) -> WarehouseError {
        WarehouseError(.other, "A row of \(table) cannot be read; it was changed by hand.")
    }
}

extension StrayNote {
    /// The list that it is about; nil: it is about a record of another kind.
    var list: Int64? { entries.listID }
}

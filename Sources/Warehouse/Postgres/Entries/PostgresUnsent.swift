import RollcallCore

/// What a full run was to send once more of what is acknowledged, and did not, or without success: the next run sends it.
enum PostgresUnsent {
    private static let page: Int64 = 10_000

    /// All that is left in the outbox of the run.
    static func leaveRest(_ run: SyncRun, _ session: PostgresSession) throws {
        guard run.full, let entries = entries(run) else { return }
        let bounds = try session.query(
            "SELECT min(sequence), max(sequence) FROM sync_changes WHERE run_id = $1::uuid", [run.id])
        guard let first = bounds.integer(0, 0), let last = bounds.integer(0, 1) else { return }
        let words = EntryWords(entries, hasFields: try PostgresWarehouse.hasFields(run, .outbox(from: 0), session))
        var count = 0
        for lower in stride(from: first, through: last, by: Int(page)) {
            count += try leave(run, entries, words, lower...lower + page - 1, only: nil, session)
        }
        if count > 0 { try PostgresWarehouse.renewGeneration(run.sync, session) }
    }

    /// The changes whose outcomes are neither a success nor a refusal. Before these are carried out.
    /// - Returns: whether an entry has changed. The new generation is the caller's: its row is the last that outcomes lock.
    static func leaveFailures(
        _ outcomes: [BatchOutcome], _ run: SyncRun, hasFields: Bool, _ session: PostgresSession
    ) throws -> Bool {
        guard run.full, let entries = entries(run) else { return false }
        let failed = outcomes.flatMap { batch in
            batch.exceptions.filter { $0.value.kind != .succeeded && $0.value.kind != .rejected }.keys
        }
        guard let first = failed.min(), let last = failed.max() else { return false }
        let words = EntryWords(entries, hasFields: hasFields)
        return try leave(run, entries, words, first...last, only: failed, session) > 0
    }

    private static func entries(_ run: SyncRun) -> EntrySet? {
        run.entrySet.flatMap { $0 == .records(.events) ? nil : $0 }
    }

    /// Each entry is looked up by its key, in a scalar subquery: whatever the server knows of the tables, no plan reads one of them
    /// for each row of the other. The place of a row only says where to look, since places repeat across partitions.
    private static func leave(
        _ run: SyncRun, _ entries: EntrySet, _ words: EntryWords, _ sequences: ClosedRange<Int64>, only: [Int64]?,
        _ session: PostgresSession
    ) throws -> Int {
        try session.modify(
            """
            WITH again AS MATERIALIZED (
                SELECT c.fingerprint,
                       (SELECT m.ctid FROM \(words.table) m
                         WHERE \(PostgresEntryTable.isOfSet(words, "m", sync: "$2", set: "$3")) AND m.fingerprint = c.fingerprint
                           AND \(TransitionTable.isSentAgain("c", "m", words))) AS place
                  FROM sync_changes c
                 WHERE c.run_id = $1::uuid AND c.sequence BETWEEN $4::bigint AND $5::bigint AND c.kind = 'send'
                   AND ($6::bigint[] IS NULL OR c.sequence = ANY ($6::bigint[]))
            )
            UPDATE \(words.table) SET \(TransitionTable.unsent(words, run: "$1::uuid", now: PostgresText.now))
             WHERE ctid = ANY (ARRAY(SELECT place FROM again WHERE place IS NOT NULL))
               AND \(PostgresEntryTable.isOfSetWithoutIndex(words, sync: "$2", set: "$3"))
               AND (fingerprint IN (SELECT fingerprint FROM again WHERE place IS NOT NULL)) IS TRUE
            """,
            [
                run.id, run.sync, PostgresEntryTable(entries).parameter, String(sequences.lowerBound),
                String(sequences.upperBound), only.map { PostgresText.array($0.map { $0 as Int64? }) },
            ])
    }
}

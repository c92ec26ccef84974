import Foundation
package import RollcallCore

extension PostgresWarehouse {
    package func acknowledge(
        _ lease: Lease, _ run: SyncRun, outcomes: [BatchOutcome], log: LogSettings
    ) async throws(WarehouseError) {
        try await leased(lease, lock: .shared, settings: PostgresOutcomeStatements.settings) { session in
            guard PostgresText.runID(run.id) != nil else { throw PostgresRunRow.noRun(run.id) }
            let hasFields = try Self.hasFields(run, outcomes.sentFields, session)
            var moved = try PostgresUnsent.leaveFailures(outcomes, run, hasFields: hasFields, session)
            for operation in run.kind.operations {
                var rest = outcomes.filter { $0.operation == operation }
                guard !rest.isEmpty else { continue }
                guard let entries = run.entrySet else {
                    throw WarehouseError(.conflict, "The run \(run.id) has outcomes but no list.")
                }
                if entries != .records(.events) {
                    let found = PostgresBulkInserts.find(rest, of: operation)
                    rest = found.rest
                    for inserts in found.inserts {
                        if try inserts.write(run, entries, hasFields: hasFields, log: log, session) {
                            moved = true
                        } else {
                            rest += inserts.batches
                        }
                    }
                }
                var part = PostgresOutcomes(operation)
                for batch in rest { part.add(batch) }
                if part.isEmpty { continue }
                if try part.apply(run, entries, hasFields: hasFields, log: log, session).moved { moved = true }
            }
            if moved { try Self.renewGeneration(run.sync, session) }
            try PostgresRunRow.updateProgress(run, session)
        }
    }

    /// Whether the outbox of a run of a list has members with fields.
    static func hasFields(
        _ run: SyncRun, _ sent: SentFields, _ session: PostgresSession
    ) throws -> Bool {
        guard run.kind == .list else { return false }
        let first: Int64
        switch sent {
        case .known(let isKnown): return isKnown
        case .outbox(let from): first = from
        }
        return try session.query(
            """
            SELECT COALESCE((SELECT content IS NOT NULL FROM sync_changes
                              WHERE run_id = $1::uuid AND sequence >= $2::bigint
                                AND kind = 'send' AND operation = 'subscribe'
                              ORDER BY sequence LIMIT 1), false)
            """, [run.id, String(first)]
        ).boolean(0, 0)
    }

    static func renewGeneration(_ sync: String, _ session: PostgresSession) throws {
        try session.modify(
            """
            INSERT INTO sync_state (sync_name, generation) VALUES ($1, $2::bigint)
            ON CONFLICT (sync_name) DO UPDATE SET generation = excluded.generation
            """, [sync, String(Int64.random(in: 1 ... .max))])
    }

    package func applyLocalChanges(
        _ lease: Lease, _ run: SyncRun, log: LogSettings
    ) async throws(WarehouseError) -> PerOperation {
        if run.kind == .events { return try await applyLocalEvents(lease, run, log: log) }
        return try await leased(lease) { session in
            guard PostgresText.runID(run.id) != nil else { throw PostgresRunRow.noRun(run.id) }
            let result = try session.query(
                run.kind == .list ? Self.localChangesOfLists : Self.localChangesOfRecords,
                [
                    run.id, run.sync, run.entrySet.map { PostgresEntryTable($0).parameter }, String(log.retain),
                    FailureReason.refusedEarlier.code, FailureReason.refusedEarlier.reason,
                ])
            let counted = try result.text(0, 0).map {
                try JSONDecoder().decode([String: Int].self, from: Data($0.utf8))
            }
            var parked = PerOperation()
            for operation in run.kind.operations { parked[operation] = counted?[operation.rawValue] ?? 0 }
            if result.count(0, 1) > 0 { try Self.renewGeneration(run.sync, session) }
            if let list = run.listID {
                try session.modify(
                    "UPDATE sync_runs SET list_id = $2::bigint WHERE run_id = $1::uuid", [run.id, String(list)])
            }
            try Self.countFailed(run, parked, session)
            return parked
        }
    }

    /// Counts them at once, so that they stay failed should the process end before its next step, and so that the run balances.
    static func countFailed(_ run: SyncRun, _ failed: PerOperation, _ session: PostgresSession) throws {
        if failed.total == 0 { return }
        var stored = try Self.run(run.id, session)
        stored.counts.addFailed(failed)
        try PostgresRunRow.updateProgress(stored, session)
    }

    private static let localChangesOfLists = localChanges(.list)
    private static let localChangesOfRecords = localChanges(.records)

    /// Gives how many were not sent, and failed by that, as a JSON object by operation (NULL: none), and how many entries were forgotten or released. A change that says itself why
    /// it is not sent is logged with that, any other one with the reason of its entry.
    private static func localChanges(_ words: EntryWords) -> String {
        """
        WITH gone AS (
            DELETE FROM sync_changes WHERE run_id = $1::uuid AND kind IN ('parked', 'forget', 'release') RETURNING *
        ), logged AS (
            INSERT INTO sync_log (run_id, sync_name, email, user_id, operation, status, error_code, error_reason,
                                  http_status, attempts, logged_at, record_key, item_id)
            SELECT $1::uuid, $2, \(loggedIdentity("g")), g.operation, 'failed',
                   COALESCE(g.error_code, m.error_code, $5),
                   CASE WHEN g.error_code IS NULL THEN COALESCE(m.error_reason, $6) ELSE g.error_reason END,
                   CASE WHEN g.error_code IS NULL THEN m.http_status END, 0,
                   \(PostgresText.now)\(PostgresLoggedKey.columns(of: "g"))
              FROM gone g LEFT JOIN \(words.table) m
                ON \(PostgresEntryTable.isOfSet(words, "m", sync: "$2", set: "$3")) AND m.fingerprint = g.fingerprint
             WHERE g.kind = 'parked' AND $4::boolean ORDER BY g.sequence
        ), forgotten AS (
            DELETE FROM \(words.table) m USING gone g
             WHERE g.kind = 'forget' AND \(PostgresEntryTable.isOfSet(words, "m", sync: "$2", set: "$3"))
               AND m.fingerprint = g.fingerprint
               AND \(TransitionTable.mark(of: "m", words)) IN (\(TransitionTable.forgotten(words)))
            RETURNING 1
        ), released AS (
            UPDATE \(words.table) m SET \(words.listed) = false FROM gone g
             WHERE g.kind = 'release' AND \(PostgresEntryTable.isOfSet(words, "m", sync: "$2", set: "$3"))
               AND m.fingerprint = g.fingerprint
            RETURNING 1
        )
        SELECT (SELECT jsonb_object_agg(operation, changes) FROM (
                    SELECT operation, count(*) AS changes FROM gone WHERE kind = 'parked' GROUP BY operation) AS parked),
               (SELECT count(*) FROM forgotten) + (SELECT count(*) FROM released)
        """
    }

    /// Email and userId of an outbox row as the log shows them.
    static func loggedIdentity(_ row: String) -> String {
        let isPlain = "\(row).logged_email IS NULL AND \(row).logged_user_id IS NULL"
        return "CASE WHEN \(isPlain) THEN \(row).email ELSE \(row).logged_email END,"
            + " CASE WHEN \(isPlain) THEN \(row).user_id ELSE \(row).logged_user_id END"
    }

    /// Logs what is left in the outbox and counts as not attempted, and empties it.
    private static func emptyOutbox(
        _ run: SyncRun, _ reason: FailureReason, _ log: LogSettings, _ session: PostgresSession
    ) throws {
        try session.modify(
            """
            WITH gone AS (DELETE FROM sync_changes WHERE run_id = $1::uuid RETURNING *)
            INSERT INTO sync_log (run_id, sync_name, email, user_id, operation, status, error_code, error_reason,
                                  http_status, attempts, logged_at, record_key, item_id, event_name, event_id)
            SELECT $1::uuid, $2, \(loggedIdentity("g")), g.operation, 'not_attempted', $3, $4, $5::integer, 0,
                   \(PostgresText.now)\(PostgresLoggedKey.columns(of: "g")), g.event_name, g.event_id
              FROM gone g WHERE g.kind IN ('send', 'parked') AND $6::boolean ORDER BY g.sequence
            """,
            [run.id, run.sync, reason.code, reason.reason, reason.httpStatus.map { String($0) }, String(log.retain)])
    }

    package func finishRun(
        _ lease: Lease, _ run: SyncRun, reason: FailureReason, log: LogSettings
    ) async throws(WarehouseError) {
        try await leased(lease, .long) { session in
            guard PostgresText.runID(run.id) != nil else { throw PostgresRunRow.noRun(run.id) }
            guard run.status.isFinal else {
                throw WarehouseError(.conflict, "The run \(run.id) cannot end as \(run.status.rawValue).")
            }
            let isDone = try PostgresCursors.isDone(run, session)
            try PostgresUnsent.leaveRest(run, session)
            try Self.emptyOutbox(run, reason, log, session)
            try PostgresRunRow.updateState(run, session)
            try PostgresCursors.resolveStaged(run, isDone: isDone && run.counts.notAttempted.total == 0, session)
            try session.modify(PostgresOutcomeStatements.forgetSettled, [run.sync])
        }
    }

    package func moveCursor(_ lease: Lease, _ run: SyncRun) async throws(WarehouseError) {
        try await leased(lease, .long) { session in
            try PostgresRunRow.proveRunning(run, of: lease, session)
            guard run.counts.notAttempted.total == 0, try PostgresCursors.isDone(run, session) else { return }
            try PostgresCursors.resolveStaged(run, isDone: true, session)
        }
    }

    package func recoverRuns(
        _ lease: Lease, settleSeconds: Double, log: LogSettings
    ) async throws(WarehouseError) -> [SyncRun] {
        try await leased(lease, .long, settings: PostgresOutcomeStatements.settings) { session in
            let result = try session.query(
                "SELECT run_id, claimed_through FROM sync_runs"
                    + " WHERE sync_name = $1 AND status IN ('queued', 'running') FOR UPDATE", [lease.sync])
            var recovered: [SyncRun] = []
            for row in 0..<result.rowCount {
                guard let id = result.text(row, 0) else { continue }
                recovered.append(
                    try Self.recover(
                        Self.run(id, session), claimed: result.integer(row, 1) ?? 0, settleSeconds, log, session))
            }
            return recovered
        }
    }

    private static func recover(
        _ run: SyncRun, claimed: Int64, _ settleSeconds: Double, _ log: LogSettings, _ session: PostgresSession
    ) throws -> SyncRun {
        var run = run
        let now = try session.query("SELECT \(PostgresRunRow.milliseconds("clock_timestamp()"))").date(0, 0) ?? Date()
        var unknown = PerOperation()
        // Also of what may have been sent: no one knows.
        try PostgresUnsent.leaveRest(run, session)
        if claimed > 0, let entries = run.entrySet {
            unknown = try recoverClaimed(
                run, entries, claimed, mayLandUntil: now.addingTimeInterval(settleSeconds), log, session)
        }
        let isDone = try PostgresCursors.isDone(run, session)
        try emptyOutbox(run, .endedBeforeSending, log, session)
        run.interrupt(unknown: unknown, at: now)
        try PostgresRunRow.updateState(run, session)
        try PostgresCursors.resolveStaged(run, isDone: isDone && run.counts.notAttempted.total == 0, session)
        return try Self.run(run.id, session)
    }

    /// What may have been sent becomes unknown. Returns how many changes.
    private static func recoverClaimed(
        _ run: SyncRun, _ entries: EntrySet, _ claimed: Int64, mayLandUntil: Date, _ log: LogSettings,
        _ session: PostgresSession
    ) throws -> PerOperation {
        var unknown = PerOperation()
        var moved = false
        let hasFields = try hasFields(run, .outbox(from: 0), session)
        for operation in run.kind.operations {
            var part = PostgresOutcomes(operation)
            part.add(
                BatchOutcome(
                    sequences: 0...claimed, operation: operation, httpStatus: nil, attempts: 1,
                    mayLandUntil: mayLandUntil),
                otherwise: .unknown(.answerNotRecorded))
            let applied = try part.apply(run, entries, hasFields: hasFields, log: log, session)
            unknown[operation] = applied.changes
            moved = moved || applied.moved
        }
        if moved { try renewGeneration(run.sync, session) }
        return unknown
    }
}

import Foundation
import GRDB
package import RollcallCore

extension SQLiteWarehouse {
    package func acknowledge(
        _ lease: Lease, _ run: SyncRun, outcomes: [BatchOutcome], log: LogSettings
    ) async throws(WarehouseError) {
        try await write(lease) { database in
            guard run.entrySet != nil || outcomes.isEmpty else {
                throw WarehouseError(.conflict, "The run \(run.id) has outcomes but no list.")
            }
            let work = try SQLiteOutcomes(database, run, log, sentFields: outcomes.sentFields)
            try work.clear()
            for batch in outcomes { try work.add(batch) }
            try work.apply()
            try SQLiteRunRow.saveProgress(database, run)
        }
    }

    package func finishRun(
        _ lease: Lease, _ run: SyncRun, reason: FailureReason, log: LogSettings
    ) async throws(WarehouseError) {
        try await write(lease) { database in
            guard run.status.isFinal else {
                throw WarehouseError(.conflict, "The run \(run.id) cannot end as \(run.status.rawValue).")
            }
            // Repeated after a lost answer: it is done.
            if try SQLiteRunRow.find(database, id: run.id)?.status == run.status { return }
            let isDone = try SQLiteCursors.isDone(database, run)
            try SQLiteOutcomes(database, run, log, sentFields: run.full ? .outbox(from: 0) : .known(false))
                .giveUpRest(reason)
            var ended = run
            ended.finishedAt = try run.finishedAt ?? Self.now(database)
            try SQLiteRunRow.save(database, ended)
            try SQLiteCursors.resolveStaged(database, ended, isDone: isDone && ended.counts.notAttempted.total == 0)
            try database.change(SQLiteOutcomeStatements.forgetSettled, ["sync": .of(run.sync)])
        }
    }

    package func moveCursor(_ lease: Lease, _ run: SyncRun) async throws(WarehouseError) {
        try await write(lease) { database in
            try SQLiteRunRow.proveRunning(database, run, of: lease)
            guard run.counts.notAttempted.total == 0, try SQLiteCursors.isDone(database, run) else { return }
            try SQLiteCursors.resolveStaged(database, run, isDone: true)
        }
    }

    package func applyLocalChanges(
        _ lease: Lease, _ run: SyncRun, log: LogSettings
    ) async throws(WarehouseError) -> PerOperation {
        try await write(lease) { database in
            if run.kind == .events {
                let failed = try SQLiteOutcomes(database, run, log, sentFields: .known(false)).applyLocalEvents()
                try Self.countFailed(database, run, failed)
                return failed
            }
            let table = run.entrySet.map { SQLiteEntryTable($0) }
            let words = table?.words ?? .list
            let names: [String: SQLiteValue] = [
                "sync": .of(run.sync), "run": .of(run.id), "list": .of(run.listID), "set": table?.parameter ?? .null,
                "code": .of(FailureReason.refusedEarlier.code), "reason": .of(FailureReason.refusedEarlier.reason),
            ]
            if log.retain { try database.change(Self.logParked(words), names) }
            var parked = PerOperation()
            for row in try database.rows(Self.countParked, names, { ($0.text(0), $0.count(1)) }) {
                if let operation = row.0.flatMap(Operation.init) { parked[operation] = row.1 }
            }
            if run.listID != nil {
                try database.change("UPDATE rollcall_sync_runs SET list_id = :list WHERE run_id = :run", names)
            }
            try Self.countFailed(database, run, parked)
            let forgotten = try database.change(Self.forget(words), names)
            if try database.change(Self.release(words), names) + forgotten > 0 {
                try SQLiteOutcomes.renewGeneration(database, sync: run.sync)
            }
            try database.change(
                "DELETE FROM rollcall_sync_changes WHERE run_id = :run AND kind IN ('parked', 'forget', 'release')",
                names)
            return parked
        }
    }

    /// Counts them at once, so that they stay failed should the process end before its next step, and so that the run balances.
    private static func countFailed(_ database: Database, _ run: SyncRun, _ failed: PerOperation) throws {
        guard failed.total > 0, var stored = try SQLiteRunRow.find(database, id: run.id), stored.status == .running
        else { return }
        stored.counts.addFailed(failed)
        try SQLiteRunRow.saveProgress(database, stored)
    }

    private static let countParked = """
        SELECT operation, count(*) FROM rollcall_sync_changes WHERE run_id = :run AND kind = 'parked' GROUP BY operation
        """

    /// A change that says itself why it is not sent is logged with that, any other one with the reason of its entry.
    private static func logParked(_ words: EntryWords) -> String {
        """
        INSERT INTO rollcall_sync_log (run_id, sync_name, email, user_id, operation, status, error_code, error_reason,
            http_status, attempts, logged_at, record_key, item_id)
        SELECT :run, :sync, \(SQLiteOutcomes.loggedAs(of: "c")), c.operation, 'failed',
               coalesce(c.error_code, m.error_code, :code),
               iif(c.error_code IS NULL, coalesce(m.error_reason, :reason), c.error_reason),
               iif(c.error_code IS NULL, m.http_status, NULL), 0, \(SQLiteTime.now),
               \(SQLiteOutcomes.loggedKeys(of: "c"))
          FROM rollcall_sync_changes c LEFT JOIN \(SQLiteEntryTable.name(words)) m
            ON \(SQLiteEntryTable.isOfSet(words, "m")) AND m.fingerprint = c.fingerprint
         WHERE c.run_id = :run AND c.kind = 'parked' ORDER BY c.sequence
        """
    }

    private static func release(_ words: EntryWords) -> String {
        """
        UPDATE \(SQLiteEntryTable.name(words)) AS m SET \(words.listed) = 0
         WHERE \(SQLiteEntryTable.isOfSet(words, "m")) AND m.fingerprint IN (
               SELECT c.fingerprint FROM rollcall_sync_changes c WHERE c.run_id = :run AND c.kind = 'release')
        """
    }

    private static func forget(_ words: EntryWords) -> String {
        let table = SQLiteEntryTable.name(words)
        return """
            DELETE FROM \(table)
             WHERE \(SQLiteEntryTable.isOfSet(words))
               AND \(TransitionTable.mark(of: table, words)) IN (\(TransitionTable.forgotten(words))) AND fingerprint IN (
                SELECT fingerprint FROM rollcall_sync_changes WHERE run_id = :run AND kind = 'forget')
            """
    }

    // MARK: Runs of processes that ended

    package func recoverRuns(
        _ lease: Lease, settleSeconds: Double, log: LogSettings
    ) async throws(WarehouseError) -> [SyncRun] {
        try await write(lease) { database in
            let orphans = try database.rows(
                "SELECT run_id, claimed_through FROM rollcall_sync_runs "
                    + "WHERE sync_name = :sync AND status IN ('queued', 'running') ORDER BY run_id",
                ["sync": .of(lease.sync)]
            ) { (id: $0.text(0) ?? "", claimed: $0.integer(1) ?? 0) }
            let now = try Self.now(database)
            return try orphans.compactMap { orphan in
                guard var run = try SQLiteRunRow.find(database, id: orphan.id) else { return nil }
                let work = try SQLiteOutcomes(database, run, log)
                let unknown = try work.doubt(
                    through: orphan.claimed, mayLandUntil: now.addingTimeInterval(settleSeconds))
                let isDone = try SQLiteCursors.isDone(database, run)
                try work.giveUpRest(.endedBeforeSending)
                run.interrupt(unknown: unknown, at: now)
                try SQLiteRunRow.save(database, run)
                try SQLiteCursors.resolveStaged(database, run, isDone: isDone && run.counts.notAttempted.total == 0)
                return run
            }
        }
    }
}

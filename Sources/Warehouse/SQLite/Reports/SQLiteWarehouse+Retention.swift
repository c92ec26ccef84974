import Foundation
import GRDB
import RollcallCore

extension SQLiteWarehouse {
    package func prune(_ policies: [RetentionPolicy]) async throws(WarehouseError) -> PruneResult {
        // Where there are no state tables, or no rows that old, no lock is taken.
        guard try await read(false, { try Self.hasExpired($0, policies) }) else { return PruneResult() }
        return try await write { database in
            try SQLiteMigrations.refuseNewer(database)
            let now = try Self.now(database)
            var result = PruneResult()
            for policy in policies { try Self.prune(database, policy, now, &result) }
            return result
        }
    }

    private static let final =
        "('succeeded', 'completed_with_failures', 'failed', 'cancelled', 'skipped', 'interrupted')"

    /// Runs that ended before the cutoff.
    private static let expiredRuns = """
        SELECT run_id FROM rollcall_sync_runs WHERE sync_name = :sync AND status IN \(final) AND finished_at < :cutoff
        """

    /// Log rows of runs that ended: those past the cutoff, and all of the runs that go.
    private static let expiredRecords = """
        run_id IN (SELECT run_id FROM rollcall_sync_runs
                    WHERE sync_name = :sync AND status IN \(final) AND started_at < :cutoff)
           AND (logged_at < :cutoff OR run_id IN (\(expiredRuns)))
        """

    private static let expiredTicks = "sync_name = :sync AND due_at < :cutoff"

    private static func values(_ policy: RetentionPolicy, _ now: Date) -> [String: SQLiteValue] {
        ["sync": .of(policy.sync), "cutoff": .of(now.addingTimeInterval(-86_400 * Double(policy.days)))]
    }

    private static func hasExpired(_ database: Database, _ policies: [RetentionPolicy]) throws -> Bool {
        try SQLiteMigrations.refuseNewer(database)
        let now = try now(database)
        return try policies.contains { policy in
            try database.firstRow(
                """
                SELECT EXISTS (\(expiredRuns))
                    OR EXISTS (SELECT 1 FROM rollcall_sync_log WHERE \(expiredRecords))
                    OR EXISTS (SELECT 1 FROM rollcall_schedule_ticks WHERE \(expiredTicks))
                """, values(policy, now)
            ) { $0.count(0) != 0 } == true
        }
    }

    private static func prune(
        _ database: Database, _ policy: RetentionPolicy, _ now: Date, _ result: inout PruneResult
    ) throws {
        let values = values(policy, now)
        result.records += try database.change("DELETE FROM rollcall_sync_log WHERE \(expiredRecords)", values)
        result.runs += try database.change("DELETE FROM rollcall_sync_runs WHERE run_id IN (\(expiredRuns))", values)
        result.ticks += try database.change("DELETE FROM rollcall_schedule_ticks WHERE \(expiredTicks)", values)
    }
}

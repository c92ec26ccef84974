import GRDB
import RollcallCore

extension SQLiteWarehouse {
    package func summaries(_ syncs: [String]) async throws(WarehouseError) -> [String: SyncSummary] {
        let none = Dictionary(syncs.map { ($0, SyncSummary()) }) { first, _ in first }
        return try await read(none) { database in
            var summaries = none
            for sync in none.keys { summaries[sync] = try Self.summary(database, sync) }
            return summaries
        }
    }

    private static func summary(_ database: Database, _ sync: String) throws -> SyncSummary {
        let key = ["sync": SQLiteValue.of(sync)]
        var summary = SyncSummary()
        let state = try database.firstRow(
            "SELECT paused, list_id, alert_state, fingerprint_key FROM rollcall_sync_state WHERE sync_name = :sync", key
        ) { (isPaused: $0.count(0) != 0, listID: $0.integer(1), alert: $0.text(2), isNew: $0.isNull(3)) }
        summary.isPaused = state?.isPaused ?? false
        summary.listID = state?.listID
        summary.latestRun = try SQLiteRunRow.first(
            database, where: "sync_name = :sync ORDER BY run_id DESC LIMIT 1", key)
        summary.heldRun = try SQLiteRunRow.first(
            database, where: "sync_name = :sync AND status = 'held'", key)
        summary.latestTick = try database.firstRow(
            SQLiteTicks.select("sync_name = :sync ORDER BY due_at DESC LIMIT 1"), key, SQLiteTicks.read)
        summary.alertState = state?.alert
        summary.isNew = state?.isNew ?? true
        summary.elsewhere = try SQLiteTransfer.elsewhere(database, sync: sync)
        summary.latestGoodStart =
            try database.firstRow(
                """
                SELECT started_at FROM rollcall_sync_runs
                 WHERE sync_name = :sync AND status IN ('succeeded', 'completed_with_failures')
                 ORDER BY run_id DESC LIMIT 1
                """, key
            ) { $0.date(0) } ?? nil
        summary.firstTick =
            try database.firstRow("SELECT min(due_at) FROM rollcall_schedule_ticks WHERE sync_name = :sync", key) {
                $0.date(0)
            } ?? nil
        return summary
    }

    package func changeAlertState(
        sync: String, from old: String?, to new: String
    ) async throws(WarehouseError) -> Bool {
        try await write { database in
            let values: [String: SQLiteValue] = ["sync": .of(sync), "old": .of(old), "new": .of(new)]
            try database.change(
                "INSERT INTO rollcall_sync_state (sync_name) VALUES (:sync) ON CONFLICT DO NOTHING", values)
            return try database.change(
                """
                UPDATE rollcall_sync_state SET alert_state = :new
                 WHERE sync_name = :sync AND alert_state IS :old AND alert_state IS NOT :new
                """, values) == 1
        }
    }

    package func setPaused(_ paused: Bool, sync: String) async throws(WarehouseError) {
        try await write { database in
            try database.change(
                """
                INSERT INTO rollcall_sync_state (sync_name, paused) VALUES (:sync, :paused)
                    ON CONFLICT (sync_name) DO UPDATE SET paused = excluded.paused
                """, ["sync": .of(sync), "paused": .of(paused)])
            return
        }
    }

    package func requestCancel(run id: String) async throws(WarehouseError) {
        try await write { database in
            try database.change(
                """
                INSERT INTO rollcall_sync_state (sync_name, cancel_run_id)
                SELECT sync_name, run_id FROM rollcall_sync_runs WHERE run_id = :id AND status IN ('queued', 'running')
                    ON CONFLICT (sync_name) DO UPDATE SET cancel_run_id = excluded.cancel_run_id
                """, ["id": .of(id)])
            return
        }
    }

    package func cancelRequests() async throws(WarehouseError) -> Set<String> {
        let ids = try await read([]) { database in
            try database.rows(
                """
                SELECT r.run_id FROM rollcall_sync_state s JOIN rollcall_sync_runs r ON r.run_id = s.cancel_run_id
                 WHERE r.status IN ('queued', 'running')
                """
            ) { $0.text(0) ?? "" }
        }
        return Set(ids)
    }

    package func abandonedSyncs(
        isDead: @escaping @Sendable (String) -> Bool
    ) async throws(WarehouseError) -> [String] {
        try await read([]) { database in
            try database.rows(
                """
                SELECT r.sync_name, l.holder FROM rollcall_sync_runs r
                  LEFT JOIN rollcall_sync_leases l ON l.sync_name = r.sync_name AND l.expires_at > \(SQLiteTime.now)
                 WHERE r.status IN ('queued', 'running') ORDER BY r.sync_name
                """
            ) { row in row.text(1).map(isDead) ?? true ? row.text(0) : nil }.compactMap(\.self)
        }
    }

    package func leaseSecondsLeft(sync: String) async throws(WarehouseError) -> Double? {
        let left = try await read(nil) { try SQLiteLeases.holding($0, sync: sync)?.secondsLeft }
        return left.flatMap { $0 > 0 ? $0 : nil }
    }
}

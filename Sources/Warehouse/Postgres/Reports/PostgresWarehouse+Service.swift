import RollcallCore

extension PostgresWarehouse {
    package func summaries(_ syncs: [String]) async throws(WarehouseError) -> [String: SyncSummary] {
        let none = Dictionary(syncs.map { ($0, SyncSummary()) }) { first, _ in first }
        return try await read(orWithoutTables: none) { session in
            var summaries = none
            for sync in none.keys { summaries[sync] = try Self.summary(session, sync) }
            return summaries
        }
    }

    private static func summary(_ session: PostgresSession, _ sync: String) throws -> SyncSummary {
        var summary = SyncSummary()
        let state = try session.query(
            """
            SELECT paused, list_id, alert_state,
                   (SELECT \(PostgresRunRow.milliseconds("min(due_at)")) FROM schedule_ticks WHERE sync_name = $1),
                   (SELECT \(PostgresRunRow.milliseconds("started_at")) FROM sync_runs
                     WHERE sync_name = $1 AND status IN ('succeeded', 'completed_with_failures')
                     ORDER BY run_id DESC LIMIT 1),
                   fingerprint_key IS NULL, (SELECT \(PostgresTransfer.elsewhere) FROM sync_leases l WHERE l.sync_name = $1)
              FROM (VALUES (1)) AS one LEFT JOIN sync_state ON sync_name = $1
            """, [sync])
        summary.isPaused = state.boolean(0, 0)
        summary.listID = state.integer(0, 1)
        summary.alertState = state.text(0, 2)
        summary.firstTick = state.date(0, 3)
        summary.latestGoodStart = state.date(0, 4)
        summary.isNew = state.boolean(0, 5)
        summary.elsewhere = state.text(0, 6)
        summary.latestRun =
            try PostgresRunRow.runs(
                try session.query(
                    PostgresRunRow.select + " WHERE sync_name = $1 ORDER BY run_id DESC LIMIT 1", [sync])
            ).first
        summary.heldRun =
            try PostgresRunRow.runs(
                try session.query(PostgresRunRow.select + " WHERE sync_name = $1 AND status = 'held'", [sync])
            ).first
        summary.latestTick =
            try PostgresTicks.all(
                session.query(
                    PostgresTicks.select + " WHERE sync_name = $1 ORDER BY due_at DESC LIMIT 1", [sync])
            ).first
        return summary
    }

    package func changeAlertState(
        sync: String, from old: String?, to new: String
    ) async throws(WarehouseError) -> Bool {
        try await write { session in
            try session.modify("INSERT INTO sync_state (sync_name) VALUES ($1) ON CONFLICT DO NOTHING", [sync])
            return try session.modify(
                """
                UPDATE sync_state SET alert_state = $3
                 WHERE sync_name = $1 AND alert_state IS NOT DISTINCT FROM $2 AND alert_state IS DISTINCT FROM $3
                """, [sync, old, new]) == 1
        }
    }

    package func setPaused(_ paused: Bool, sync: String) async throws(WarehouseError) {
        _ = try await write { session in
            try session.modify(
                """
                INSERT INTO sync_state (sync_name, paused) VALUES ($1, $2::boolean)
                ON CONFLICT (sync_name) DO UPDATE SET paused = excluded.paused
                """, [sync, String(paused)])
        }
    }

    package func requestCancel(run id: String) async throws(WarehouseError) {
        guard PostgresText.runID(id) != nil else { return }
        _ = try await write { session in
            try session.modify(
                """
                INSERT INTO sync_state (sync_name, cancel_run_id)
                SELECT sync_name, run_id FROM sync_runs WHERE run_id = $1::uuid AND status IN ('queued', 'running')
                ON CONFLICT (sync_name) DO UPDATE SET cancel_run_id = excluded.cancel_run_id
                """, [id])
        }
    }

    package func cancelRequests() async throws(WarehouseError) -> Set<String> {
        try await read(orWithoutTables: []) { session in
            let result = try session.query(
                """
                SELECT r.run_id FROM sync_state s JOIN sync_runs r ON r.run_id = s.cancel_run_id
                 WHERE r.status IN ('queued', 'running')
                """)
            return Set((0..<result.rowCount).compactMap { result.text($0, 0) })
        }
    }

    package func abandonedSyncs(
        isDead: @escaping @Sendable (String) -> Bool
    ) async throws(WarehouseError) -> [String] {
        try await read(orWithoutTables: []) { session in
            let result = try session.query(
                """
                SELECT r.sync_name, l.holder FROM sync_runs r
                  LEFT JOIN sync_leases l ON l.sync_name = r.sync_name AND l.expires_at > clock_timestamp()
                 WHERE r.status IN ('queued', 'running') ORDER BY r.sync_name
                """)
            return (0..<result.rowCount).compactMap { row in
                result.text(row, 1).map(isDead) ?? true ? result.text(row, 0) : nil
            }
        }
    }

    package func leaseSecondsLeft(sync: String) async throws(WarehouseError) -> Double? {
        try await read(orWithoutTables: nil) { session in
            try session.query(
                """
                SELECT extract(epoch FROM expires_at - clock_timestamp())::double precision
                  FROM sync_leases WHERE sync_name = $1 AND expires_at > clock_timestamp()
                """, [sync]
            ).text(0, 0).flatMap(Double.init)
        }
    }
}

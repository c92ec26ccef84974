package import Foundation
package import RollcallCore

extension PostgresWarehouse: TickStore {
    package func noteSchedule(sync: String, schedule: String, now: Date) async throws(WarehouseError) {
        _ = try await write { session in
            try session.modify(
                """
                INSERT INTO sync_state AS s (sync_name, schedule, ticked_through)
                VALUES ($1, $2, \(PostgresRunRow.timestamp("$3")))
                ON CONFLICT (sync_name) DO UPDATE
                   SET schedule = excluded.schedule, ticked_through = excluded.ticked_through
                 WHERE s.schedule IS DISTINCT FROM excluded.schedule OR s.ticked_through IS NULL
                """, [sync, schedule, String(PostgresText.milliseconds(now))])
        }
    }

    package func claimTick(_ claim: TickClaim) async throws(WarehouseError) -> ClaimedTick? {
        // Of several processes all but the first find nothing to do.
        guard let seen = try await read(orWithoutTables: nil, { try PostgresTicks.owed($0, claim) }) else { return nil }
        return try await write(seen.missed.count > PostgresTicks.mostAtOnce ? .long : .state) { session in
            guard let owed = try PostgresTicks.owed(session, claim) else { return nil }
            let missed = try PostgresTicks.insertMissed(session, owed.missed, claim)
            try PostgresTicks.giveUpPending(session, sync: claim.sync, before: owed.due)
            let tick = try PostgresTicks.insert(session, owed.due, claim)
            try session.modify(
                "UPDATE sync_state SET ticked_through = \(PostgresRunRow.timestamp("$2")) WHERE sync_name = $1",
                [claim.sync, String(PostgresText.milliseconds(owed.due))])
            return tick.map { ClaimedTick(tick: $0, missed: missed) }
        }
    }

    package func finishTick(_ decision: Tick) async throws(WarehouseError) -> Tick? {
        try await write { session in
            let due = String(PostgresText.milliseconds(decision.dueAt))
            let row = try session.query(
                PostgresTicks.select
                    + " WHERE sync_name = $1 AND due_at = \(PostgresRunRow.timestamp("$2")) FOR UPDATE",
                [decision.sync, due])
            guard row.rowCount > 0 else { return nil }
            let stored = try PostgresTicks.tick(row, 0)
            let resolved = stored.resolved(as: decision, runExists: try Self.exists(stored.ownRunID(decision), session))
            if resolved == stored { return nil }
            try session.modify(
                """
                UPDATE schedule_ticks SET outcome = $3, run_id = $4::uuid, lateness_seconds = $5::double precision
                 WHERE sync_name = $1 AND due_at = \(PostgresRunRow.timestamp("$2"))
                """,
                [
                    decision.sync, due, resolved.outcome.rawValue, resolved.runID,
                    resolved.latenessSeconds.map { "\($0)" },
                ])
            return resolved
        }
    }

    private static func exists(_ run: String?, _ session: PostgresSession) throws -> Bool {
        guard let run, PostgresText.runID(run) != nil else { return false }
        return try session.query("SELECT 1 FROM sync_runs WHERE run_id = $1::uuid", [run]).rowCount > 0
    }

    package func takeOverTicks(pendingFor seconds: Double) async throws(WarehouseError) -> [Tick] {
        let condition =
            "outcome = 'pending' AND claimed_at <= clock_timestamp() - $1::double precision * interval '1 second'"
        let found = try await read(orWithoutTables: false) { session in
            try session.query("SELECT 1 FROM schedule_ticks WHERE \(condition) LIMIT 1", [String(seconds)]).rowCount > 0
        }
        guard found else { return [] }
        return try await write { session in
            try PostgresTicks.all(
                session.query(
                    """
                    UPDATE schedule_ticks SET claimed_at = clock_timestamp() WHERE \(condition)
                    RETURNING \(PostgresTicks.columns)
                    """, [String(seconds)]))
        }
    }

    package func ticks(_ filter: TickFilter) async throws(WarehouseError) -> [Tick] {
        try await read(orWithoutTables: []) { session in
            try PostgresTicks.all(
                session.query(
                    PostgresTicks.select + """
                         WHERE ($1::text IS NULL OR sync_name = $1) AND ($2::text IS NULL OR outcome = $2)
                           AND ($3::bigint IS NULL OR due_at >= \(PostgresRunRow.timestamp("$3")))
                           AND ($4::bigint IS NULL OR due_at < \(PostgresRunRow.timestamp("$4")))
                         ORDER BY due_at DESC, sync_name LIMIT $5::bigint
                        """,
                    [
                        filter.sync, filter.outcome?.rawValue,
                        filter.since.map { String(PostgresText.milliseconds($0)) },
                        filter.before.map { String(PostgresText.milliseconds($0)) }, String(max(0, filter.limit)),
                    ]))
        }
    }
}

/// Rows of `schedule_ticks`.
enum PostgresTicks {
    static let columns =
        "sync_name, \(PostgresRunRow.milliseconds("due_at")), outcome, run_id, lateness_seconds"
    static let select = "SELECT \(columns) FROM schedule_ticks"
    /// Missed ticks whose rows any server writes within the limit of a short statement. Ten years of every five minutes are
    /// a million.
    static let mostAtOnce = 10_000

    static func tick(_ result: borrowing PostgresResult, _ row: Int) throws -> Tick {
        guard let due = result.date(row, 1), let outcome = result.text(row, 2).flatMap(TickOutcome.init) else {
            throw WarehouseError(.other, "A row of schedule_ticks is not understood.")
        }
        return Tick(
            sync: result.text(row, 0) ?? "", dueAt: due, outcome: outcome, runID: result.text(row, 3),
            latenessSeconds: result.text(row, 4).flatMap(Double.init))
    }

    static func all(_ result: borrowing PostgresResult) throws -> [Tick] {
        var ticks: [Tick] = []
        for row in 0..<result.rowCount { ticks.append(try tick(result, row)) }
        return ticks
    }

    static func owed(_ session: PostgresSession, _ claim: TickClaim) throws -> OwedTicks? {
        let row = try session.query(
            """
            SELECT \(PostgresRunRow.milliseconds("s.ticked_through")),
                   (SELECT \(PostgresRunRow.milliseconds("max(t.due_at)")) FROM schedule_ticks t
                     WHERE t.sync_name = s.sync_name AND t.due_at <= \(PostgresRunRow.timestamp("$2")))
              FROM sync_state s WHERE s.sync_name = $1
            """, [claim.sync, String(PostgresText.milliseconds(claim.now))])
        guard let through = row.date(0, 0) else { return nil }
        return OwedTicks(
            grid: claim.grid, now: claim.now, accountedThrough: through, latestRow: row.date(0, 1),
            retentionDays: claim.retentionDays)
    }

    /// Says how many had no row yet.
    static func insertMissed(_ session: PostgresSession, _ ticks: TickRange, _ claim: TickClaim) throws -> Int {
        guard let first = ticks.first, let last = ticks.last else { return 0 }
        let bounds = [first, last, claim.now].map { String(Int64($0.timeIntervalSince1970.rounded(.down))) }
        return try session.modify(
            """
            INSERT INTO schedule_ticks (sync_name, due_at, outcome, lateness_seconds)
            SELECT $1, to_timestamp(second), 'missed', $5::bigint - second
              FROM generate_series($2::bigint, $3::bigint, $4::bigint) AS second
            ON CONFLICT DO NOTHING
            """, [claim.sync, bounds[0], bounds[1], String(ticks.interval), bounds[2]])
    }

    /// Earlier ticks for which no run was begun.
    static func giveUpPending(_ session: PostgresSession, sync: String, before due: Date) throws {
        try session.modify(
            """
            UPDATE schedule_ticks t
               SET outcome = CASE WHEN EXISTS (SELECT 1 FROM sync_runs r WHERE r.run_id = t.run_id)
                             THEN 'ran' ELSE 'missed' END,
                   run_id = (SELECT r.run_id FROM sync_runs r WHERE r.run_id = t.run_id)
             WHERE t.sync_name = $1 AND t.due_at < \(PostgresRunRow.timestamp("$2")) AND t.outcome = 'pending'
            """, [sync, String(PostgresText.milliseconds(due))])
    }

    /// The tick, if it had no row yet.
    static func insert(_ session: PostgresSession, _ due: Date, _ claim: TickClaim) throws -> Tick? {
        let isPaused = try session.query("SELECT paused FROM sync_state WHERE sync_name = $1", [claim.sync])
            .boolean(0, 0)
        let tick = claim.tick(due: due, isPaused: isPaused)
        let inserted = try session.modify(
            """
            INSERT INTO schedule_ticks (sync_name, due_at, outcome, run_id, lateness_seconds, claimed_at)
            VALUES ($1, \(PostgresRunRow.timestamp("$2")), $3, $4::uuid, $5::double precision, clock_timestamp())
            ON CONFLICT DO NOTHING
            """,
            [
                tick.sync, String(PostgresText.milliseconds(due)), tick.outcome.rawValue, tick.runID,
                tick.latenessSeconds.map { "\($0)" },
            ])
        return inserted == 1 ? tick : nil
    }
}

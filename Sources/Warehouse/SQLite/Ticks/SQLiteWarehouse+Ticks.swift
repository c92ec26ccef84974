package import Foundation
import GRDB
package import RollcallCore

extension SQLiteWarehouse: TickStore {
    package func noteSchedule(sync: String, schedule: String, now: Date) async throws(WarehouseError) {
        // The usual case, that nothing has changed, takes no lock.
        let known = try await read(nil) { database in
            try database.firstRow(
                "SELECT schedule FROM rollcall_sync_state WHERE sync_name = :sync AND ticked_through IS NOT NULL",
                ["sync": .of(sync)]
            ) { $0.text(0) } ?? nil
        }
        if known == schedule { return }
        try await write { database in
            try database.change(
                """
                INSERT INTO rollcall_sync_state (sync_name, schedule, ticked_through) VALUES (:sync, :schedule, :now)
                    ON CONFLICT (sync_name) DO UPDATE
                   SET schedule = excluded.schedule, ticked_through = excluded.ticked_through
                 WHERE schedule IS NOT excluded.schedule OR ticked_through IS NULL
                """, ["sync": .of(sync), "schedule": .of(schedule), "now": .of(now)])
            return
        }
    }

    package func claimTick(_ claim: TickClaim) async throws(WarehouseError) -> ClaimedTick? {
        // Of several processes all but the first find nothing to do, without a lock.
        guard try await read(nil, { try SQLiteTicks.owed($0, claim) }) != nil else { return nil }
        return try await write { database in
            guard let owed = try SQLiteTicks.owed(database, claim) else { return nil }
            let missed = try SQLiteTicks.insertMissed(database, owed.missed, claim)
            try SQLiteTicks.giveUpPending(database, sync: claim.sync, before: owed.due)
            let tick = try SQLiteTicks.insert(database, owed.due, claim)
            try database.change(
                "UPDATE rollcall_sync_state SET ticked_through = :due WHERE sync_name = :sync",
                ["sync": .of(claim.sync), "due": .of(owed.due)])
            return tick.map { ClaimedTick(tick: $0, missed: missed) }
        }
    }

    package func finishTick(_ decision: Tick) async throws(WarehouseError) -> Tick? {
        try await write { database in
            let key: [String: SQLiteValue] = ["sync": .of(decision.sync), "due": .of(decision.dueAt)]
            guard
                let stored = try database.firstRow(
                    SQLiteTicks.select("sync_name = :sync AND due_at = :due"), key, SQLiteTicks.read)
            else { return nil }
            let runExists =
                try stored.ownRunID(decision).map { try SQLiteRunRow.find(database, id: $0) != nil } ?? false
            let resolved = stored.resolved(as: decision, runExists: runExists)
            if resolved == stored { return nil }
            try database.change(
                """
                UPDATE rollcall_schedule_ticks SET outcome = :outcome, run_id = :run, lateness_seconds = CAST(:lateness AS REAL)
                 WHERE sync_name = :sync AND due_at = :due
                """, key.merging(SQLiteTicks.values(resolved)) { $1 })
            return resolved
        }
    }

    package func takeOverTicks(pendingFor seconds: Double) async throws(WarehouseError) -> [Tick] {
        let condition = "outcome = 'pending' AND claimed_at <= \(SQLiteLeases.expiry)"
        let values = ["seconds": SQLiteLeases.modifier(0 - seconds)]
        let found = try await read([]) { try $0.rows(SQLiteTicks.select(condition), values, SQLiteTicks.read) }
        if found.isEmpty { return [] }
        return try await write { database in
            let ticks = try database.rows(SQLiteTicks.select(condition), values, SQLiteTicks.read)
            try database.change(
                "UPDATE rollcall_schedule_ticks SET claimed_at = \(SQLiteTime.now) WHERE \(condition)", values)
            return ticks
        }
    }

    package func ticks(_ filter: TickFilter) async throws(WarehouseError) -> [Tick] {
        var conditions = SQLiteConditions()
        conditions.add("sync_name = :sync", "sync", filter.sync.map { .of($0) })
        conditions.add("outcome = :outcome", "outcome", filter.outcome.map { .of($0.rawValue) })
        conditions.add("due_at >= :since", "since", filter.since.map { .of($0) })
        conditions.add("due_at < :before", "before", filter.before.map { .of($0) })
        conditions.values["limit"] = .of(max(0, filter.limit))
        return try await read([]) { [conditions] database in
            try database.rows(
                SQLiteTicks.select("\(conditions.sql) ORDER BY due_at DESC, sync_name LIMIT :limit"),
                conditions.values, SQLiteTicks.read)
        }
    }
}

/// Rows of `rollcall_schedule_ticks`.
enum SQLiteTicks {
    static func select(_ condition: String) -> String {
        """
        SELECT sync_name, due_at, outcome, run_id, lateness_seconds FROM rollcall_schedule_ticks WHERE \(condition)
        """
    }

    static func read(_ row: SQLitePrepared) throws -> Tick {
        guard let due = row.date(1), let outcome = row.text(2).flatMap(TickOutcome.init) else {
            throw WarehouseError(.other, "A row of rollcall_schedule_ticks cannot be read; it was changed by hand.")
        }
        return Tick(
            sync: row.text(0) ?? "", dueAt: due, outcome: outcome, runID: row.text(3),
            latenessSeconds: row.text(4).flatMap(Double.init))
    }

    static func values(_ tick: Tick) -> [String: SQLiteValue] {
        [
            "sync": .of(tick.sync), "due": .of(tick.dueAt), "outcome": .of(tick.outcome.rawValue),
            "run": .of(tick.runID), "lateness": .of(tick.latenessSeconds.map { "\($0)" }),
        ]
    }

    static func owed(_ database: Database, _ claim: TickClaim) throws -> OwedTicks? {
        let through = try database.firstRow(
            "SELECT ticked_through FROM rollcall_sync_state WHERE sync_name = :sync", ["sync": .of(claim.sync)]
        ) { $0.date(0) }
        guard let through = through ?? nil else { return nil }
        let latest = try database.firstRow(
            "SELECT max(due_at) FROM rollcall_schedule_ticks WHERE sync_name = :sync AND due_at <= :now",
            ["sync": .of(claim.sync), "now": .of(claim.now)]
        ) { $0.date(0) }
        return OwedTicks(
            grid: claim.grid, now: claim.now, accountedThrough: through, latestRow: latest ?? nil,
            retentionDays: claim.retentionDays)
    }

    /// Says how many had no row yet.
    static func insertMissed(_ database: Database, _ ticks: TickRange, _ claim: TickClaim) throws -> Int {
        guard let first = ticks.first, let last = ticks.last else { return 0 }
        return try database.change(
            """
            WITH RECURSIVE grid (second) AS (
                SELECT :first UNION ALL SELECT second + :step FROM grid WHERE second + :step <= :last)
            INSERT INTO rollcall_schedule_ticks (sync_name, due_at, outcome, lateness_seconds)
            SELECT :sync, strftime('%Y-%m-%dT%H:%M:%fZ', second, 'unixepoch'), 'missed', :now - second FROM grid
             WHERE true ON CONFLICT DO NOTHING
            """,
            [
                "first": .of(Int64(first.timeIntervalSince1970)), "last": .of(Int64(last.timeIntervalSince1970)),
                "step": .of(ticks.interval), "sync": .of(claim.sync),
                "now": .of(Int64(claim.now.timeIntervalSince1970.rounded(.down))),
            ])
    }

    /// Earlier ticks for which no run was begun.
    static func giveUpPending(_ database: Database, sync: String, before due: Date) throws {
        try database.change(
            """
            UPDATE rollcall_schedule_ticks AS t
               SET outcome = CASE WHEN r.found THEN 'ran' ELSE 'missed' END,
                   run_id = CASE WHEN r.found THEN t.run_id END
              FROM (SELECT p.due_at, EXISTS (SELECT 1 FROM rollcall_sync_runs s WHERE s.run_id = p.run_id) AS found
                      FROM rollcall_schedule_ticks p
                     WHERE p.sync_name = :sync AND p.due_at < :due AND p.outcome = 'pending') AS r
             WHERE t.sync_name = :sync AND t.due_at = r.due_at
            """, ["sync": .of(sync), "due": .of(due)])
    }

    /// The tick, if it had no row yet.
    static func insert(_ database: Database, _ due: Date, _ claim: TickClaim) throws -> Tick? {
        let isPaused = try database.firstRow(
            "SELECT paused FROM rollcall_sync_state WHERE sync_name = :sync", ["sync": .of(claim.sync)]
        ) { $0.count(0) != 0 }
        let tick = claim.tick(due: due, isPaused: isPaused == true)
        let inserted = try database.change(
            """
            INSERT INTO rollcall_schedule_ticks (sync_name, due_at, outcome, run_id, lateness_seconds, claimed_at)
            VALUES (:sync, :due, :outcome, :run, CAST(:lateness AS REAL), \(SQLiteTime.now)) ON CONFLICT DO NOTHING
            """, values(tick))
        return inserted == 1 ? tick : nil
    }
}

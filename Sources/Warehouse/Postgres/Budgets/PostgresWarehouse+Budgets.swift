package import RollcallCore

extension PostgresWarehouse: BudgetStore {
    package func exchangeBudget(process: String, needs: [RateNeed]) async throws(WarehouseError) -> RateGrants {
        // Beside claims and not beside outcomes, which take longer.
        try await write(.claim) { session in
            let needs = needs.sorted { $0.budget < $1.budget }
            var budgets = try needs.map { RateBudget(next: try PostgresBudgets.lock(session, $0.budget)) }
            // Once the rows are locked: whoever had the locks before has a time that lies before this one.
            let (begun, now) = try PostgresBudgets.times(session)
            var grants: [RateGrant] = []
            for (index, need) in needs.enumerated() {
                let before = budgets[index]
                let stored = try PostgresBudgets.claims(session, need.budget)
                let (grant, gone) = budgets[index].exchange(need, process: process, stored: stored, now: now)
                if let grant, let claim = need.claim {
                    try PostgresBudgets.note(session, process, claim, grant)
                    grants.append(grant)
                }
                for process in gone { try PostgresBudgets.delete(session, need.budget, process) }
                if budgets[index] != before { try PostgresBudgets.save(session, need.budget, budgets[index]) }
            }
            return RateGrants(begun: begun, now: now, grants: grants)
        }
    }
}

/// Rows of `rate_budgets` and `rate_shares`.
enum PostgresBudgets {
    private static func microseconds(_ time: String) -> String { "(extract(epoch FROM \(time)) * 1000000)::bigint" }

    /// The time at which the transaction began, before it waited for locks, and the time now.
    static func times(_ session: PostgresSession) throws -> (begun: Int64, now: Int64) {
        let times = try session.query(
            "SELECT \(microseconds("transaction_timestamp()")), \(microseconds("clock_timestamp()"))")
        guard let begun = times.integer(0, 0), let now = times.integer(0, 1) else {
            throw WarehouseError(.other, "Postgres did not tell the time.")
        }
        return (begun, now)
    }

    /// The first turn that no process has; makes the row where there is none.
    static func lock(_ session: PostgresSession, _ budget: String) throws -> Int64 {
        let select = "SELECT next_turn FROM rate_budgets WHERE budget = $1 FOR UPDATE"
        let known = try session.query(select, [budget])
        if let next = known.rowCount > 0 ? known.integer(0, 0) : nil { return next }
        try session.modify(
            "INSERT INTO rate_budgets (budget, next_turn) VALUES ($1, 0) ON CONFLICT DO NOTHING", [budget])
        return try session.query(select, [budget]).integer(0, 0) ?? 0
    }

    static func save(_ session: PostgresSession, _ budget: String, _ state: RateBudget) throws {
        try session.modify(
            "UPDATE rate_budgets SET next_turn = $2::bigint WHERE budget = $1", [budget, String(state.next)])
    }

    static func claims(_ session: PostgresSession, _ budget: String) throws -> [StoredClaim] {
        let rows = try session.query(
            """
            SELECT process, rate_limit, wanted_by_streams, wanted_by_runs, \(microseconds("seen_at"))
              FROM rate_shares WHERE budget = $1
            """, [budget])
        return (0..<rows.rowCount).map { row in
            func number(_ column: Int) -> Double { rows.text(row, column).flatMap(Double.init) ?? 0 }
            return StoredClaim(
                process: rows.text(row, 0) ?? "",
                claim: RateClaim(limit: number(1), streams: number(2), runs: number(3)),
                seenAt: rows.integer(row, 4) ?? 0)
        }
    }

    static func note(_ session: PostgresSession, _ process: String, _ claim: RateClaim, _ grant: RateGrant) throws {
        try session.modify(
            """
            INSERT INTO rate_shares
                   (budget, process, rate_limit, wanted_by_streams, wanted_by_runs, share, seen_at)
            VALUES ($1, $2, $3::double precision, $4::double precision, $5::double precision, $6::double precision,
                    clock_timestamp())
            ON CONFLICT (budget, process) DO UPDATE
               SET rate_limit = excluded.rate_limit, wanted_by_streams = excluded.wanted_by_streams,
                   wanted_by_runs = excluded.wanted_by_runs, share = excluded.share, seen_at = excluded.seen_at
            """,
            [
                grant.budget, process, "\(claim.limit)", "\(claim.streams)", "\(claim.runs)", "\(grant.share)",
            ])
    }

    static func delete(_ session: PostgresSession, _ budget: String, _ process: String) throws {
        try session.modify("DELETE FROM rate_shares WHERE budget = $1 AND process = $2", [budget, process])
    }
}

import Foundation
import GRDB
package import RollcallCore

extension SQLiteWarehouse: BudgetStore {
    package func exchangeBudget(process: String, needs: [RateNeed]) async throws(WarehouseError) -> RateGrants {
        // By the clock of this machine, which is also that of the file, and before the lock is waited for.
        let begun = SQLiteBudgets.microseconds(Date())
        return try await write { database in
            guard try SQLiteMigrations.hasTable("rollcall_rate_shares", database) else {
                throw WarehouseError(
                    .stateMissing, "The tables of shared rate limits do not exist.", hint: "Run `rollcall migrate`.")
            }
            let now = SQLiteBudgets.microseconds(try Self.now(database))
            var grants: [RateGrant] = []
            for need in needs {
                let before = try SQLiteBudgets.budget(database, need.budget)
                var budget = before ?? RateBudget()
                let stored = try SQLiteBudgets.claims(database, need.budget)
                let (grant, gone) = budget.exchange(need, process: process, stored: stored, now: now)
                if let grant, let claim = need.claim {
                    try SQLiteBudgets.note(database, process, claim, grant)
                    grants.append(grant)
                }
                for process in gone { try SQLiteBudgets.delete(database, need.budget, process) }
                if budget != before { try SQLiteBudgets.save(database, need.budget, budget) }
            }
            return RateGrants(begun: begun, now: now, grants: grants)
        }
    }
}

/// Rows of `rollcall_rate_budgets` and `rollcall_rate_shares`.
enum SQLiteBudgets {
    static func microseconds(_ date: Date) -> Int64 { Int64((date.timeIntervalSince1970 * 1_000_000).rounded()) }

    static func budget(_ database: Database, _ budget: String) throws -> RateBudget? {
        try database.firstRow(
            "SELECT next_turn FROM rollcall_rate_budgets WHERE budget = :budget", ["budget": .of(budget)]
        ) { RateBudget(next: $0.integer(0) ?? 0) }
    }

    static func save(_ database: Database, _ budget: String, _ state: RateBudget) throws {
        try database.change(
            """
            INSERT INTO rollcall_rate_budgets (budget, next_turn) VALUES (:budget, :next)
                ON CONFLICT (budget) DO UPDATE SET next_turn = excluded.next_turn
            """, ["budget": .of(budget), "next": .of(state.next)])
    }

    static func claims(_ database: Database, _ budget: String) throws -> [StoredClaim] {
        try database.rows(
            """
            SELECT process, rate_limit, wanted_by_streams, wanted_by_runs, seen_at
              FROM rollcall_rate_shares WHERE budget = :budget
            """, ["budget": .of(budget)]
        ) { row in
            func number(_ column: Int32) -> Double { row.real(column) ?? 0 }
            return StoredClaim(
                process: row.text(0) ?? "", claim: RateClaim(limit: number(1), streams: number(2), runs: number(3)),
                seenAt: row.date(4).map(microseconds) ?? 0)
        }
    }

    static func note(_ database: Database, _ process: String, _ claim: RateClaim, _ grant: RateGrant) throws {
        try database.change(
            """
            INSERT INTO rollcall_rate_shares
                   (budget, process, rate_limit, wanted_by_streams, wanted_by_runs, share, seen_at)
            VALUES (:budget, :process, :limit, :streams, :runs, :share, \(SQLiteTime.now))
                ON CONFLICT (budget, process) DO UPDATE
               SET rate_limit = excluded.rate_limit, wanted_by_streams = excluded.wanted_by_streams,
                   wanted_by_runs = excluded.wanted_by_runs, share = excluded.share, seen_at = excluded.seen_at
            """,
            [
                "budget": .of(grant.budget), "process": .of(process), "limit": .real(claim.limit),
                "streams": .real(claim.streams), "runs": .real(claim.runs), "share": .real(grant.share),
            ])
    }

    static func delete(_ database: Database, _ budget: String, _ process: String) throws {
        try database.change(
            "DELETE FROM rollcall_rate_shares WHERE budget = :budget AND process = :process",
            ["budget": .of(budget), "process": .of(process)])
    }
}

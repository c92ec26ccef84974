import Foundation
import IterableSandbox
import TestSupport
import Testing

/// A process that is killed loses nothing and leaves nothing running.
@Suite(.serialized, .timeLimit(.minutes(2))) struct KillTests {
    /// Numbers that are the same in every run of the tests.
    private struct Seeded: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 31)
        }
    }

    @Test(arguments: [(Shop.Kind.sqlite, 10), (.postgres, 4)])
    func killedAnywhereTheNextRunSettlesEverything(_ kind: Shop.Kind, _ rounds: Int) async throws {
        try await Shop.with(kind, people: Shop.people(1...30), tune: { $0.latencySeconds = 0.04 }) { shop in
            try shop.configure {
                $0.limits =
                    "requests_per_second: 500, settle_seconds: 0.2, subscribers_per_request: 3, "
                    + "concurrent_requests: 2, request_timeout_seconds: 1"
                $0.guards = "max_removals: 100%"
            }
            var generator = Seeded(state: 20_261_121)
            for round in 0..<rounds {
                try await change(shop, round, using: &generator)
                try await kill(shop, round, using: &generator)
                try await settle(shop, round)
            }
            let statuses = try await shop.statuses()
            let hits = statuses.count { $0 == "interrupted" }
            #expect(hits >= rounds / 3, "runs are hit in the middle: \(statuses)")
            #expect(shop.sandbox.counts.overlappingIdentifiers.isEmpty)
        }
    }

    /// Half of the people are new in each round, and as many have left.
    private func change(_ shop: Shop, _ round: Int, using generator: inout Seeded) async throws {
        let rows = try await shop.query("SELECT email FROM people ORDER BY email")
        let present = rows.compactMap { $0.first ?? nil }
        try await shop.leave(Array(present.shuffled(using: &generator).prefix(8)))
        try await shop.enter(Shop.people((100 * round + 100)...(100 * round + 107)))
    }

    private func kill(_ shop: Shop, _ round: Int, using generator: inout Seeded) async throws {
        let before = shop.sandbox.counts.requests
        let requests = Int.random(in: 0...9, using: &generator)
        let further = Duration.milliseconds(Int.random(in: 0...60, using: &generator))
        let program = try shop.start("run", "members")
        _ = try await eventually { program.hasEnded || shop.sandbox.counts.requests >= before + requests }
        let moment = ContinuousClock.now + further
        _ = try await eventually { program.hasEnded || ContinuousClock.now >= moment }
        program.signal(SIGKILL)
        _ = try await program.output()
        // Who was to leave may have left before that could be written down; everybody else must be there.
        let audience = try await shop.query("SELECT email FROM people").compactMap { $0.first ?? nil }
        let claimed = ((try? await shop.snapshot()) ?? []).intersection(audience)
        #expect(claimed.isSubset(of: shop.members), "round \(round): the snapshot says more than is true")
    }

    private func settle(_ shop: Shop, _ round: Int) async throws {
        let runs = shop.state("sync_runs")
        let open = (try? await shop.query("SELECT run_id FROM \(runs) WHERE status = 'running'")) ?? []
        let next = try await shop.rollcall("run", "members", "--json")
        #expect([0, 3].contains(next.code), "round \(round): \(next.all)")
        let audience = try await shop.query("SELECT email FROM people").compactMap { $0.first ?? nil }
        #expect(shop.members == Set(audience), "round \(round)")
        #expect(try await shop.snapshot() == Set(audience), "round \(round)")
        #expect(try await shop.query("SELECT 1 FROM \(runs) WHERE status IN ('running', 'queued')").isEmpty)
        for run in open {
            let id = try #require(run.first ?? nil)
            let status = try await shop.query("SELECT status FROM \(runs) WHERE run_id = '\(id)'")
            #expect(status == [["interrupted"]], "round \(round)")
        }
        #expect(try await unbalanced(shop).isEmpty, "round \(round)")
        let outbox = try await shop.query("SELECT 1 FROM \(shop.state("sync_changes"))")
        #expect(outbox.isEmpty, "round \(round)")
    }

    /// Runs whose numbers, or whose numbers and logged records, do not agree.
    private func unbalanced(_ shop: Shop) async throws -> [[String?]] {
        func logged(_ operation: String, _ status: String) -> String {
            "(SELECT count(*) FROM \(shop.state("sync_log")) l WHERE l.run_id = r.run_id"
                + " AND l.operation = '\(operation)' AND l.status = '\(status)')"
        }
        return try await shop.query(
            """
            SELECT run_id, status FROM \(shop.state("sync_runs")) r
             WHERE rows_read <> rows_invalid + rows_duplicate + audience_size
                OR planned_subscribe + planned_unsubscribe <> succeeded_subscribe + succeeded_unsubscribe
                   + failed_subscribe + failed_unsubscribe + not_attempted + unknown
                OR succeeded_subscribe <> \(logged("subscribe", "succeeded"))
                OR succeeded_unsubscribe <> \(logged("unsubscribe", "succeeded"))
                OR unknown <> \(logged("subscribe", "unknown")) + \(logged("unsubscribe", "unknown"))
                OR not_attempted <> \(logged("subscribe", "not_attempted")) + \(logged("unsubscribe", "not_attempted"))
            """)
    }
}

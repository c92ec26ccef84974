import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

/// Rate limits that processes share.
enum BudgetConformance {
    static let tests = [
        ConformanceTest("no turn of a shared limit is given twice, however many ask at once", racing),
        ConformanceTest("processes get shares of a limit, and what is theirs stands in the table", shares),
        ConformanceTest("who leaves a shared limit gives back what it has not used", leaving),
        ConformanceTest("a process that is not seen for a while has no share", dead),
        ConformanceTest("several limits are exchanged in one call, and do not touch each other", several),
        ConformanceTest("shared limits need their tables", withoutTables),
    ]

    private static func stores(_ fixture: any WarehouseFixture, _ count: Int = 2) async throws -> [any ServiceWarehouse]
    {
        _ = try await fixture.warehouse.migrate()
        let others = try (1..<count).map { _ in try fixture.second() }
        return try ([fixture.warehouse] + others).map { try #require($0 as? any ServiceWarehouse) }
    }

    private static func need(_ budget: String = "b", limit: Double = 10, held: Int = 0) -> RateNeed {
        RateNeed(budget: budget, claim: RateClaim(limit: limit, streams: 0, runs: limit), held: held)
    }

    private static func turns(_ grants: RateGrants) -> [Int64] {
        grants.grants.flatMap { grant in (0..<Int64(grant.count)).map { grant.first + $0 * grant.interval } }
    }

    @Sendable static func racing(_ fixture: any WarehouseFixture) async throws {
        let stores = try await stores(fixture, 4)
        let all = try await withThrowingTaskGroup(of: [Int64].self) { group in
            for (number, store) in stores.enumerated() {
                group.addTask {
                    var turns: [Int64] = []
                    var held = 0
                    for _ in 0..<10 {
                        let grants = try await store.exchangeBudget(process: "p\(number)", needs: [need(held: held)])
                        turns += Self.turns(grants)
                        held = turns.count { $0 > grants.now }
                        #expect(grants.begun <= grants.now + 1000, "to the millisecond that SQLite tells")
                    }
                    return turns
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }.sorted()
        #expect(all.count >= 18, "the first one gets fifteen, each of the others some")
        let distance = zip(all, all.dropFirst()).map { $1 - $0 }.min() ?? 0
        #expect(distance >= 100_000, "ten a second")
        for store in stores.dropFirst() { await store.close() }
    }

    @Sendable static func shares(_ fixture: any WarehouseFixture) async throws {
        let stores = try await stores(fixture)
        let alone = try await stores[0].exchangeBudget(process: "one", needs: [need()])
        #expect(alone.grants.count == 1 && alone.grants[0].isAlone && alone.grants[0].count == 15)
        #expect(alone.grants[0].first >= alone.now, "turns lie ahead on the database's clock")
        let real = Date().timeIntervalSince1970
        #expect(abs(Double(alone.now) / 1_000_000 - real) < 3600, "microseconds since 1970")
        var second = try await stores[1].exchangeBudget(process: "two", needs: [need(limit: 4)])
        // On a machine that stands still for longer than a process counts, the first one is gone by then.
        while second.grants[0].isAlone {
            _ = try await stores[0].exchangeBudget(process: "one", needs: [need()])
            second = try await stores[1].exchangeBudget(process: "two", needs: [need(limit: 4)])
        }
        #expect(abs(second.grants[0].share - 2) < 0.05)
        let rows = try await fixture.query(
            "SELECT budget, process, rate_limit, wanted_by_runs FROM \(fixture.state("rate_shares")) ORDER BY process")
        #expect(
            rows.map { $0.compactMap(\.self).map { Double($0).map { "\($0)" } ?? $0 } }
                == [["b", "one", "10.0", "10.0"], ["b", "two", "4.0", "4.0"]])
        await stores[1].close()
    }

    @Sendable static func leaving(_ fixture: any WarehouseFixture) async throws {
        let store = try await stores(fixture, 1)[0]
        let grant = try await store.exchangeBudget(process: "one", needs: [need(limit: 0.01)]).grants[0]
        let unused = TurnRange(first: grant.first, end: grant.first + Int64(grant.count) * grant.interval)
        let leave = RateNeed(budget: "b", claim: nil, unused: unused)
        #expect(try await store.exchangeBudget(process: "one", needs: [leave]).grants.isEmpty)
        #expect(try await fixture.query("SELECT 1 FROM \(fixture.state("rate_shares"))").isEmpty)
        let next = try await store.exchangeBudget(process: "two", needs: [need(limit: 0.01)])
        #expect(next.grants[0].first - next.now < grant.interval / 2, "it need not wait for what was given back")
    }

    @Sendable static func dead(_ fixture: any WarehouseFixture) async throws {
        let store = try await stores(fixture, 1)[0]
        _ = try await store.exchangeBudget(process: "dead", needs: [need()])
        try await fixture.execute(
            "UPDATE \(fixture.state("rate_shares")) SET seen_at = '2020-01-01T00:00:00.000Z' WHERE process = 'dead'")
        let grant = try await store.exchangeBudget(process: "live", needs: [need()]).grants[0]
        #expect(grant.isAlone && grant.share > 9)
        let rows = try await fixture.query("SELECT process FROM \(fixture.state("rate_shares"))")
        #expect(rows == [["live"]], "its row is deleted")
    }

    @Sendable static func several(_ fixture: any WarehouseFixture) async throws {
        let store = try await stores(fixture, 1)[0]
        let grants = try await store.exchangeBudget(process: "one", needs: [need("z"), need("a", limit: 2)])
        #expect(Set(grants.grants.map(\.budget)) == ["a", "z"] && grants.grants.allSatisfy(\.isAlone))
        let other = try await store.exchangeBudget(process: "two", needs: [need("y")])
        #expect(other.grants.map(\.isAlone) == [true])
        #expect(try await store.exchangeBudget(process: "two", needs: []).grants.isEmpty)
    }

    @Sendable static func withoutTables(_ fixture: any WarehouseFixture) async throws {
        let store = try #require(fixture.warehouse as? any ServiceWarehouse)
        let error = await #expect(throws: WarehouseError.self) {
            try await store.exchangeBudget(process: "one", needs: [need()])
        }
        #expect(error?.kind == .stateMissing)
    }
}

import Foundation
import RollcallCore
import SyncEngine
import TestSupport
import Testing
import Warehouse

/// Iterable accepts items and says nothing of what became of each, so that some are read back by later runs.
@Suite(.timeLimit(.minutes(10))) struct CatalogVerifyTests {
    private static let rows = ["'a', 'Pen', 1, 1", "'b', 'Ink', 2, 1", "'c', 'Pad', 3, 1"]

    /// What is due at once: the warehouse's clock is the real one.
    private static func bench(sample: Int = 20, seconds: Int = 0) async throws -> CatalogBench {
        try await CatalogBench { catalog, _ in catalog.verify = .init(sample: sample, seconds: seconds) }
    }

    private static func checks(_ bench: CatalogBench) async throws -> Int {
        Int(try await bench.fixture.query("SELECT count(*) FROM \(bench.fixture.state("item_checks"))")[0][0] ?? "")
            ?? -1
    }

    @Test func itemsThatAreAsTheyWerePutAreReadOnce() async throws {
        let bench = try await Self.bench()
        try await bench.setRows(Self.rows)
        let first = try await bench.run()
        #expect(first.counts.verified == 0 && bench.catalogs.takeLooks().isEmpty, "nothing was accepted before")
        let second = try await bench.run()
        #expect(second.status == .succeeded && second.counts.verified == 3 && second.counts.notVerified == 0)
        #expect(second.counts.planned == PerOperation() && second.counts.unchanged == 3)
        #expect(Set(bench.catalogs.takeLooks()) == ["a", "b", "c"])
        let third = try await bench.run()
        #expect(third.counts.verified == 0 && bench.catalogs.takeLooks().isEmpty)
    }

    @Test func nothingIsReadBackUnlessTheConfigurationAsksForIt() async throws {
        let bench = try await CatalogBench()
        try await bench.setRows(Self.rows)
        try await bench.run()
        try await bench.run()
        #expect(bench.catalogs.takeLooks().isEmpty)
        #expect(try await Self.checks(bench) == 0)
    }

    @Test func nothingIsReadBackBeforeItsTime() async throws {
        let bench = try await Self.bench(seconds: 3600)
        try await bench.setRows(Self.rows)
        try await bench.run()
        #expect(try await bench.run().counts.verified == 0)
        #expect(bench.catalogs.takeLooks().isEmpty)
        try await bench.fixture.execute(
            "UPDATE \(bench.fixture.state("item_checks")) SET accepted_at = '2020-01-01T00:00:00.000Z'")
        #expect(try await bench.run().counts.verified == 3)
    }

    @Test func asManyAreReadBackAsTheSampleSays() async throws {
        let bench = try await Self.bench(sample: 2)
        try await bench.setRows(Self.rows)
        try await bench.run()
        #expect(try await Self.checks(bench) == 2)
        #expect(try await bench.run().counts.verified == 2)
        #expect(bench.catalogs.takeLooks().count == 2)
    }

    @Test func anItemThatIterableAcceptedAndDoesNotHaveIsPutAgainOnce() async throws {
        let bench = try await Self.bench()
        try await bench.setRows(Self.rows)
        bench.catalogs.setFate { _, number in number <= 2 ? .accept(without: ["b"]) : .ok }
        #expect(try await bench.run().status == .succeeded, "accepted")
        #expect(bench.catalogs.items("products")?["b"] == nil)
        let second = try await bench.run()
        #expect(second.status == .completedWithFailures)
        #expect(second.counts.verified == 2 && second.counts.notVerified == 1, "\(second.counts)")
        #expect(second.counts.planned.put == 2 && second.counts.failed.put == 1 && second.counts.succeeded.put == 1)
        #expect(second.counts.unchanged == 2 && second.counts.audience == 3)
        #expect(try await bench.log(second) == ["put failed not_verified b", "put succeeded  b"])
        #expect(bench.catalogs.items("products")?["b"] == #"{"price":2.0,"stock":1,"title":"Ink"}"#)
        _ = bench.catalogs.takeLooks()
        let third = try await bench.run()
        #expect(third.status == .succeeded && third.counts.verified == 1, "only what was put again is looked at again")
        #expect(bench.catalogs.takeLooks() == ["b"])
        #expect(try await bench.snapshot() == ["synced a", "synced b", "synced c"])
    }

    @Test func theSecondTimeItIsSetAsideUntilItsRowChanges() async throws {
        let bench = try await Self.bench()
        try await bench.setRows(Self.rows)
        bench.catalogs.setFate { _, _ in .accept(without: ["b"]) }
        try await bench.run()
        try await bench.run()
        let requests = bench.catalogs.requests.count
        let third = try await bench.run()
        #expect(third.counts.planned.put == 1 && third.counts.failed.put == 1 && third.counts.notVerified == 1)
        #expect(try await bench.log(third) == ["put failed not_verified b"])
        #expect(try await bench.snapshot() == ["synced a", "rejected b", "synced c"])
        #expect(bench.catalogs.requests.count == requests, "it is not put a third time")
        let fourth = try await bench.run()
        #expect(fourth.counts.failed.put == 1 && fourth.counts.notVerified == 0, "it fails in every run")
        #expect(try await bench.log(fourth) == ["put failed not_verified b"])
        bench.catalogs.setFate { _, _ in .ok }
        try await bench.setRows(["'a', 'Pen', 1, 1", "'b', 'Blue ink', 2, 1", "'c', 'Pad', 3, 1"])
        let last = try await bench.run()
        #expect(last.status == .succeeded && last.counts.succeeded.put == 1)
        #expect(try await bench.snapshot() == ["synced a", "synced b", "synced c"])
    }

    @Test func anItemThatIterableRefusedForGoodIsPutAgainByRetryRejected() async throws {
        let bench = try await Self.bench()
        try await bench.setRows(Self.rows)
        bench.catalogs.setFate { _, _ in .accept(without: ["b"]) }
        for _ in 1...3 { try await bench.run() }
        #expect(try await bench.snapshot().contains("rejected b"))
        bench.catalogs.setFate { _, _ in .ok }
        #expect(try await bench.run(.tryingRejected).counts.succeeded.put == 1)
        #expect(try await bench.run().counts.verified == 1)
    }

    @Test func otherContentIsNotVerifiedEither() async throws {
        let bench = try await Self.bench()
        try await bench.setRows(Self.rows)
        try await bench.run()
        bench.catalogs.set("a", #"{"title":"Something else"}"#, of: "products")
        let second = try await bench.run()
        #expect(second.counts.notVerified == 1 && second.counts.verified == 2)
        #expect(bench.catalogs.items("products")?["a"] == #"{"price":1.0,"stock":1,"title":"Pen"}"#)
    }

    @Test func itemsWhoseRowsHaveChangedOrGoneAreNotLookedAt() async throws {
        let bench = try await Self.bench()
        try await bench.setRows(Self.rows)
        try await bench.run()
        try await bench.setRows(["'a', 'Fountain pen', 1, 1", "'b', 'Ink', 2, 1"])
        let second = try await bench.run()
        #expect(bench.catalogs.takeLooks() == ["b"])
        #expect(second.counts.verified == 1 && second.counts.planned == PerOperation(put: 1, delete: 1))
    }

    /// What was put before is not what is to be read back.
    @Test func ofSeveralContentsTheLastOneIsReadBackOnce() async throws {
        let bench = try await Self.bench(seconds: 3600)
        try await bench.setRows(["'a', 'Pen', 1, 1"])
        try await bench.run()
        try await bench.setRows(["'a', 'Ink', 2, 1"])
        bench.catalogs.setFate { _, _ in .accept(without: ["a"]) }
        try await bench.run()
        #expect(try await Self.checks(bench) == 2)
        bench.catalogs.setFate { _, _ in .ok }
        try await bench.fixture.execute(
            "UPDATE \(bench.fixture.state("item_checks")) SET accepted_at = '2020-01-01T00:00:00.000Z'")
        let third = try await bench.run()
        #expect(third.counts.planned.put == 2 && third.counts.failed.put == 1, "\(third.counts)")
        #expect(bench.catalogs.takeLooks() == ["a"])
        #expect(bench.catalogs.items("products")?["a"] == #"{"price":2.0,"stock":1,"title":"Ink"}"#)
    }

    /// The row changes, and changes back before anything of it is sent: what was put may still be missing.
    @Test func aRowThatIsAsItWasAgainIsReadBack() async throws {
        let bench = try await Self.bench()
        try await bench.setRows(Self.rows)
        try await bench.run()
        bench.catalogs.setFate { _, _ in .answer(.stop(RunError(code: "forbidden", message: "no"))) }
        try await bench.setRows(["'a', 'Pen', 1, 1", "'b', 'Blue ink', 2, 1"])
        bench.clock.advance(by: .seconds(120))
        #expect(try await bench.run().counts.verified == 1)
        try await bench.setRows(Self.rows)
        let third = try await bench.run()
        #expect(third.counts.verified == 2 && third.counts.planned == PerOperation(), "\(third.counts)")
    }

    @Test func aLookThatFailsFailsNoRunAndIsTakenByTheNextOne() async throws {
        let bench = try await Self.bench()
        try await bench.setRows(Self.rows)
        try await bench.run()
        bench.catalogs.refuseLooks(
            DestinationError(error: RunError(code: "rate_limited", message: "too many requests"), isTransient: true))
        let second = try await bench.run()
        #expect(second.status == .succeeded && second.counts.verified == 0)
        #expect(bench.catalogs.takeLooks().count == 1, "after the first failure no other is tried")
        bench.catalogs.refuseLooks(nil)
        #expect(try await bench.run().counts.verified == 3)
    }

    @Test func aPlanSaysWhatARunWouldFindAndWritesNothing() async throws {
        let bench = try await Self.bench()
        try await bench.setRows(Self.rows)
        bench.catalogs.setFate { _, number in number <= 2 ? .accept(without: ["b"]) : .ok }
        try await bench.run()
        for _ in 1...2 {
            let plan = try await bench.pipeline().plan()
            #expect(plan.counts.verified == 2 && plan.counts.notVerified == 1 && plan.counts.planned.put == 2)
            #expect(plan.notes == ["Of 3 items read back, 2 are as they were put; put again: 1, set aside: 0."])
        }
        #expect(try await Self.checks(bench) == 3)
    }

    @Test func aRunOfOneItemLooksAtNone() async throws {
        let bench = try await Self.bench()
        try await bench.setRows(Self.rows)
        try await bench.run()
        var request = RunRequest.only("a")
        request.full = true
        try await bench.run(request)
        #expect(bench.catalogs.takeLooks().isEmpty)
        #expect(try await bench.run().counts.verified == 3)
    }

    /// What was put again but whose acceptance was not recorded counts as the first time still.
    @Test func aProcessThatDiesAfterItHasPutAnItemAgainSetsNothingAside() async throws {
        let bench = try await Self.bench()
        try await bench.setRows(Self.rows)
        bench.catalogs.setFate { _, _ in .accept(without: ["b"]) }
        try await bench.run()
        try await bench.run()
        try await bench.fixture.execute("UPDATE \(bench.fixture.state("item_checks")) SET accepted_at = NULL")
        let third = try await bench.run()
        #expect(third.counts.succeeded.put == 1 && third.counts.notVerified == 1, "\(third.counts)")
        #expect(try await bench.snapshot() == ["synced a", "synced b", "synced c"])
    }

    @Test func whatAHeldRunPutsIsReadBackAfterItWasApproved() async throws {
        let bench = try await Self.bench()
        try await bench.setRows(Self.rows)
        try await bench.run()
        try await bench.setRows(["'a', 'Pen', 1, 1", "'d', 'Map', 4, 1"])
        bench.clock.advance(by: .seconds(120))
        let held = try await bench.run { _, sync in sync.guards.maxRemovals = .count(0) }
        #expect(held.status == .held && held.counts.verified == 1)
        _ = bench.catalogs.takeLooks()
        #expect(
            try await bench.run(.approve(held.id)).counts.succeeded == PerOperation(put: 1, delete: 2)
        )
        #expect(try await bench.run().counts.verified == 2, "what the held run found was not written down")
        #expect(Set(bench.catalogs.takeLooks()) == ["a", "d"])
    }

    @Test func whatAHeldRunPutsAgainIsReadBackSomeTimeAfterItWasApproved() async throws {
        let bench = try await Self.bench(seconds: 3600)
        let checks = bench.fixture.state("item_checks")
        let longAgo = "'2020-01-01T00:00:00.000Z'"
        try await bench.setRows(Self.rows)
        bench.catalogs.setFate { _, _ in .accept(without: ["b"]) }
        try await bench.run()
        try await bench.fixture.execute("UPDATE \(checks) SET accepted_at = \(longAgo)")
        try await bench.setRows(Array(Self.rows.prefix(2)))
        bench.clock.advance(by: .seconds(120))
        let held = try await bench.run { _, sync in sync.guards.maxRemovals = .count(0) }
        #expect(held.status == .held && held.counts.verified == 1 && held.counts.notVerified == 1, "\(held)")
        // It waits for its approval for longer than an item has time.
        try await bench.fixture.execute("UPDATE \(checks) SET noted_at = \(longAgo)")
        let approved = try await bench.run(.approve(held.id))
        #expect(approved.counts.succeeded == PerOperation(put: 1, delete: 1), "\(approved)")
        _ = bench.catalogs.takeLooks()
        #expect(try await bench.run().counts.notVerified == 0)
        #expect(bench.catalogs.takeLooks() == ["a"], "of the other one nothing can be said yet")
        try await bench.fixture.execute("UPDATE \(checks) SET accepted_at = \(longAgo)")
        #expect(try await bench.run().counts.notVerified == 1)
        #expect(try await bench.snapshot() == ["synced a", "rejected b"], "it was put twice")
    }

    @Test func whatADiscardedRunWasToPutAgainIsPutAgainByTheNext() async throws {
        let bench = try await Self.bench()
        try await bench.setRows(Self.rows)
        bench.catalogs.setFate { _, number in number <= 2 ? .accept(without: ["b"]) : .ok }
        try await bench.run()
        try await bench.setRows(Array(Self.rows.prefix(2)))
        bench.clock.advance(by: .seconds(120))
        let held = try await bench.run { _, sync in sync.guards.maxRemovals = .count(0) }
        #expect(held.status == .held && held.counts.notVerified == 1, "\(held)")
        let outcome = await bench.pipeline().run(.discard(held.id))
        guard case .ran = outcome else { throw RunError(code: "test", message: "\(outcome)") }
        let next = try await bench.run()
        #expect(next.counts.notVerified == 1 && next.counts.succeeded.put == 1, "\(next)")
        #expect(bench.catalogs.items("products")?["b"] != nil)
    }
}

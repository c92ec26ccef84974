import RollcallCore
import SyncEngine
import TestSupport
import Testing
import Warehouse

/// Drastic plans wait for a person.
@Suite struct GuardTests {
    private func heldBench() async throws -> (Bench, SyncRun) {
        let bench = try await Bench()
        try await bench.setAudience(addresses(1...200))
        try await bench.run()
        try await bench.setAudience(addresses(101...205))
        let run = try await bench.run()
        return (bench, run)
    }

    @Test func tooManyRemovalsHoldTheRunAndNothingIsSent() async throws {
        let (bench, run) = try await heldBench()
        #expect(run.status == .held)
        #expect(run.held.map(\.guard) == ["max_removals"])
        #expect(run.held.first?.limit == "25%")
        #expect(run.counts.notAttempted.total == 105)
        #expect(bench.iterable.requests.count == 1)
        guard case .alreadyHeld(let held) = await bench.pipeline().run(RunRequest()) else {
            Issue.record("a second run must not start while one is held")
            return
        }
        #expect(held.id == run.id)
        #expect(bench.iterable.requests.count == 1)
    }

    @Test func approvalCarriesOutWhatWasStagedUnderTheSameID() async throws {
        let (bench, run) = try await heldBench()
        // The audience moves on; what was approved is what was staged.
        try await bench.setAudience(addresses(1...200))
        var request = RunRequest()
        request.kind = .approve(runID: run.id)
        let approved = try await bench.run(request)
        #expect(approved.id == run.id)
        #expect(approved.status == .succeeded)
        #expect(approved.counts.succeeded == PerOperation(subscribe: 5, unsubscribe: 100))
        #expect(bench.iterable.members() == listed(addresses(101...205)))
    }

    @Test func discardedRunsAreCancelledAndTheNextOneJudgesAnew() async throws {
        let (bench, run) = try await heldBench()
        var request = RunRequest()
        request.kind = .discard(runID: run.id)
        let discarded = try await bench.run(request)
        #expect(discarded.status == .cancelled)
        #expect(bench.iterable.requests.count == 1)
        try await bench.setAudience(addresses(1...199))
        let next = try await bench.run()
        #expect(next.status == .succeeded)
        #expect(bench.iterable.members() == listed(addresses(1...199)))
    }

    @Test func forceNewDiscardsTheHeldRun() async throws {
        let (bench, run) = try await heldBench()
        var request = RunRequest()
        request.forceNew = true
        let next = try await bench.run(request)
        #expect(next.id != run.id)
        #expect(next.status == .held)
        #expect(try await bench.fixture.warehouse.run(id: run.id)?.status == .cancelled)
    }

    @Test func anEmptyAudienceHoldsUnlessAllowed() async throws {
        let bench = try await Bench()
        try await bench.setAudience(addresses(1...3))
        try await bench.run()
        try await bench.setAudience(["not an address"])
        let run = try await bench.run()
        #expect(run.status == .held)
        #expect(run.held.map(\.guard) == ["allow_empty"])
        #expect(bench.iterable.members() == listed(addresses(1...3)))

        let permissive = try await Bench { sync, _ in sync.guards.allowEmpty = true }
        try await permissive.setAudience(addresses(1...3))
        try await permissive.run()
        try await permissive.setAudience([])
        let second = try await permissive.run()
        #expect(second.status == .succeeded)
        #expect(permissive.iterable.members().isEmpty)
    }

    @Test(arguments: [
        (GuardSettings.RemovalLimit.percent(25), 25, 100, false), (.percent(25), 26, 100, true),
        (.percent(25), 99, 99, false), (.percent(0), 1, 100, true), (.percent(100), 100, 100, false),
        (.count(3), 3, 10, false), (.count(3), 4, 10, true), (.count(0), 1, 1, true), (.percent(0.5), 1, 100, true),
    ])
    func limits(_ limit: GuardSettings.RemovalLimit, removals: Int, snapshot: Int, isHeld: Bool) {
        var guards = GuardSettings()
        guards.maxRemovals = limit
        var counts = RunCounts()
        counts.audience = 1
        let findings = GuardJudge.judge(guards, counts: counts, removals: removals, snapshot: snapshot)
        #expect(findings.isEmpty == !isHeld)
    }
}

import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

enum RunConformance {
    static let tests = [
        ConformanceTest("a run is kept with everything it has", roundTrip),
        ConformanceTest("a sync has one open run", oneOpenRun),
        ConformanceTest("staged changes come back in order and page by page", pages),
        ConformanceTest("staging fails as a whole", stageIsAtomic),
        ConformanceTest("a held run is resumed as it was staged", resume),
        ConformanceTest("a held run is discarded with its outbox", discard),
        ConformanceTest("claims only grow", claims),
        ConformanceTest("local changes: parked ones fail with their own reason, forgotten ones go", localChanges),
        ConformanceTest("finishing logs the rest as not attempted", finishing),
    ]

    @Sendable static func roundTrip(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var run = Scene.run(1)
        run.full = true
        try await fixture.warehouse.openRun(scene.lease, run)
        #expect(try await fixture.warehouse.run(id: run.id) == run)
        run.counts.rowsRead = 10
        run.counts.invalid = 1
        run.counts.duplicates = 2
        run.counts.audience = 7
        run.counts.unchanged = 3
        run.counts.planned = PerOperation(subscribe: 4, unsubscribe: 5)
        run.counts.notAttempted = PerOperation(subscribe: 4, unsubscribe: 5)
        run.requests = RequestCounts(sent: 3, retried: 2, rateLimited: 1)
        run.error = RunError(code: "guard", message: "Too many “leave”.", hint: "Look.")
        run.held = [GuardFinding(guard: "max_removals", limit: "25%", observed: "40% (400 of 1000)")]
        run.listID = 9_007_199_254_740_993
        run.read = AudienceRead(mode: .changed, bytes: 9_007_199_254_740_993, seconds: 1.234, reason: "\"less\"")
        run.status = .held
        try await fixture.warehouse.stage(scene.lease, run, plan: Plan([]), log: LogSettings())
        let stored = try #require(try await fixture.warehouse.run(id: run.id))
        #expect(stored.counts == run.counts)
        #expect(stored.read == run.read)
        #expect(stored.held == run.held)
        #expect(stored.status == .held)
        #expect(stored.listID == run.listID)
        #expect(stored.startedAt == run.startedAt)
        #expect(stored.full)
        #expect(try await fixture.warehouse.run(id: Scene.id(99)) == nil)
    }

    @Sendable static func oneOpenRun(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let run = try await scene.staged(1, [])
        #expect(try await kind { try await fixture.warehouse.openRun(scene.lease, Scene.run(2)) } == .conflict)
        try await scene.finish(run)
        try await fixture.warehouse.openRun(scene.lease, Scene.run(2))
        #expect(try await scene.count("sync_runs") == 2)
    }

    @Sendable static func pages(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var changes = (1...5).map { Scene.subscribe(Int64($0), $0) }
        changes[1].kind = .parked
        changes[2].notBefore = Date(timeIntervalSince1970: 1_790_000_060.5)
        changes[3].loggedAs = Identity(email: "p***@example.com", userID: nil)
        changes[3].identity = Identity(email: "only@example.com", userID: nil)
        changes[4] = Scene.unsubscribe(5, 5)
        let run = try await scene.staged(1, changes)
        let first = try await fixture.warehouse.changes(run: run.id, after: 0, limit: 2)
        #expect(first == [changes[0], changes[2]])
        let second = try await fixture.warehouse.changes(run: run.id, after: 3, limit: 10)
        #expect(second == [changes[3], changes[4]])
        #expect(try await fixture.warehouse.changes(run: run.id, after: 5, limit: 10).isEmpty)
        #expect(try await fixture.warehouse.changes(run: Scene.id(2), after: 0, limit: 10).isEmpty)
    }

    @Sendable static func stageIsAtomic(_ fixture: any WarehouseFixture) async throws {
        struct Broken: StagedPlan {
            let good = Plan((1...4).map { Scene.subscribe(Int64($0), $0) })
            func nextChanges(limit: Int) throws -> [Change] { try good.nextChanges(limit: limit) }
            func nextRecords(limit: Int) throws -> [ValidationRecord] { throw Unexpected("no more") }
        }
        let scene = try await Scene.make(fixture)
        var run = Scene.run(1)
        try await fixture.warehouse.openRun(scene.lease, run)
        run.counts.planned.subscribe = 4
        let failed = try await failure {
            try await fixture.warehouse.stage(scene.lease, run, plan: Broken(), log: LogSettings())
        }
        #expect(failed != nil)
        #expect(try await scene.count("sync_changes") == 0)
        #expect(try await fixture.warehouse.run(id: run.id)?.counts.planned.total == 0)
        try await fixture.warehouse.stage(
            scene.lease, run, plan: Plan([Scene.subscribe(1, 1)]), log: LogSettings())
        #expect(try await scene.count("sync_changes") == 1)
    }

    private static func held(_ scene: Scene) async throws -> SyncRun {
        var run = Scene.run(1)
        try await scene.warehouse.openRun(scene.lease, run)
        run.status = .held
        run.counts.planned.unsubscribe = 2
        run.counts.notAttempted.unsubscribe = 2
        run.held = [GuardFinding(guard: "allow_empty", limit: "false", observed: "0 rows")]
        let plan = Plan([Scene.unsubscribe(1, 1), Scene.unsubscribe(2, 2)])
        try await scene.warehouse.stage(scene.lease, run, plan: plan, log: LogSettings())
        return run
    }

    @Sendable static func resume(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let run = try await held(scene)
        #expect(try await fixture.warehouse.heldRun(sync: Scene.sync)?.id == run.id)
        #expect(try await kind { try await fixture.warehouse.openRun(scene.lease, Scene.run(2)) } == .conflict)
        // A takeover leaves a held run alone.
        #expect(
            try await fixture.warehouse.recoverRuns(scene.lease, settleSeconds: 60, log: LogSettings()).isEmpty)
        let resumed = try await fixture.warehouse.resumeHeldRun(scene.lease, id: run.id)
        #expect(resumed.status == .running)
        #expect(resumed.held == run.held)
        #expect(resumed.counts.planned == run.counts.planned)
        #expect(try await fixture.warehouse.heldRun(sync: Scene.sync) == nil)
        #expect(try await fixture.warehouse.changes(run: run.id, after: 0, limit: 10).count == 2)
        #expect(
            try await kind { _ = try await fixture.warehouse.resumeHeldRun(scene.lease, id: run.id) } == .conflict)
        #expect(
            try await kind { _ = try await fixture.warehouse.discardHeldRun(scene.lease, id: run.id) } == .conflict)
    }

    @Sendable static func discard(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let run = try await held(scene)
        let discarded = try await fixture.warehouse.discardHeldRun(scene.lease, id: run.id)
        #expect(discarded.status == .cancelled)
        #expect(discarded.finishedAt != nil)
        #expect(discarded.counts == run.counts)
        #expect(try await scene.count("sync_changes") == 0)
        #expect(
            try await kind { _ = try await fixture.warehouse.discardHeldRun(scene.lease, id: run.id) } == .conflict)
        try await fixture.warehouse.openRun(scene.lease, Scene.run(2))
    }

    @Sendable static func claims(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let run = try await scene.staged(1, [Scene.subscribe(1, 1)])
        try await fixture.warehouse.claim(scene.lease, run: run.id, through: 500)
        try await fixture.warehouse.claim(scene.lease, run: run.id, through: 100)
        let mark = try await fixture.query("SELECT claimed_through FROM \(fixture.state("sync_runs"))")
        #expect(mark == [["500"]])
    }

    @Sendable static func localChanges(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await scene.member(1, state: .rejected, listed: false)
        try await scene.member(2, state: .rejected, listed: false)
        try await scene.member(3, state: .rejected, listed: true)
        try await scene.member(4, state: .subscribed)
        let changes = [
            Scene.subscribe(1, 1, kind: .parked), Scene.unsubscribe(2, 2, kind: .forget),
            Scene.unsubscribe(3, 3, kind: .forget), Scene.unsubscribe(4, 4, kind: .forget), Scene.subscribe(5, 5),
        ]
        let run = try await scene.staged(1, changes)
        let parked = try await fixture.warehouse.applyLocalChanges(scene.lease, run, log: LogSettings())
        #expect(parked == PerOperation(subscribe: 1, unsubscribe: 0))
        #expect(try await scene.log() == ["subscribe failed forgotten 200 0 p1@example.com u1"])
        #expect(try await scene.entry(1) == "rejected unlisted 900")
        #expect(try await scene.entry(2) == nil)
        #expect(try await scene.entry(3) == "rejected listed 900")
        #expect(try await scene.entry(4) == "subscribed listed 900")
        #expect(try await scene.count("sync_changes") == 1)
        let again = try await fixture.warehouse.applyLocalChanges(scene.lease, run, log: LogSettings())
        #expect(again == PerOperation())
        #expect(try await scene.count("sync_log") == 1)
    }

    @Sendable static func finishing(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let past = try await fixture.warehouse.now().addingTimeInterval(-10)
        let future = past.addingTimeInterval(3600)
        var supersede = Scene.subscribe(5, 5, kind: .supersede)
        supersede.parent = 4
        var run = try await scene.staged(
            1,
            [
                Scene.subscribe(1, 1), Scene.subscribe(2, 2), Scene.subscribe(3, 3), Scene.unsubscribe(4, 4), supersede,
                Scene.unsubscribe(6, 6, kind: .forget),
            ])
        run.counts.succeeded.subscribe = 2
        try await scene.acknowledge(
            run,
            [Scene.batch(.subscribe, 1...1, mayLandUntil: past), Scene.batch(.subscribe, 2...2, mayLandUntil: future)])
        let failure = await warehouseFailure {
            try await fixture.warehouse.finishRun(scene.lease, run, reason: Scene.reason("stopped"), log: LogSettings())
        }
        #expect(failure?.kind == .conflict, "a run cannot end while it goes on")
        #expect(try await scene.count("sync_changes") > 0)
        // Neither where the totals add up and the operations do not, nor where a row has no place.
        for spoil in [
            { $0.counts.notAttempted = PerOperation(subscribe: 2, unsubscribe: 0) }, { $0.counts.rowsRead = 1 },
        ] as [(inout SyncRun) -> Void] {
            var wrong = run
            wrong.status = .failed
            wrong.counts.notAttempted = PerOperation(subscribe: 1, unsubscribe: 1)
            spoil(&wrong)
            let refusal = await warehouseFailure {
                try await fixture.warehouse.finishRun(
                    scene.lease, wrong, reason: Scene.reason("stopped"), log: LogSettings())
            }
            #expect(refusal?.kind == .conflict, "\(wrong.counts)")
        }
        #expect(try await fixture.warehouse.run(id: run.id)?.status == .running)
        #expect(try await scene.count("sync_changes") > 0)
        run.status = .failed
        run.counts.notAttempted = PerOperation(subscribe: 1, unsubscribe: 1)
        run.error = RunError(code: "unauthorized", message: "The API key was refused.")
        run.finishedAt = run.startedAt.addingTimeInterval(9.5)
        try await fixture.warehouse.finishRun(scene.lease, run, reason: Scene.reason("stopped"), log: LogSettings())
        #expect(
            try await scene.log().suffix(2) == [
                "subscribe not_attempted stopped - 0 p3@example.com u3",
                "unsubscribe not_attempted stopped - 0 p4@example.com u4",
            ])
        #expect(try await scene.count("sync_log") == 4)
        #expect(try await scene.count("sync_changes") == 0)
        #expect(try await scene.count("settling_requests") == 1)
        let stored = try #require(try await fixture.warehouse.run(id: run.id))
        #expect(stored == run)
        #expect(stored.counts.balances)
        #expect(try await scene.entry(3) == nil)
    }
}

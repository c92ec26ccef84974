import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

/// A run of events that is staged in parts, as a stream does it.
enum EventPartConformance {
    static let tests = [
        ConformanceTest("a second part is staged behind the first, of which nothing is touched", second),
        ConformanceTest("what needs no request is carried out in every part", local),
        ConformanceTest("what needs no request, and fails, counts as not attempted no more", balanced),
        ConformanceTest("only a running run of the lease's sync gets a further part, or moves its cursor", refused),
        ConformanceTest("a part that cannot be staged leaves nothing behind", atomic),
        ConformanceTest("the cursor moves between two parts, once nothing is left to be done", moves),
        ConformanceTest("the cursor does not move where something was not attempted", notAttempted),
        ConformanceTest("a run whose process ended in its second part is balanced", recovered),
        ConformanceTest("a run that is ended in its second part is balanced", ended),
    ]

    private static let invalid = ValidationRecord(
        isFailure: true, email: Array("nothing".utf8), userID: nil, reason: Scene.reason("email_syntax"))

    /// A run whose first part, the events 1 to 3, was sent; the second one failed.
    private static func first(_ scene: EventScene, _ number: Int = 1, cursor: EventCursor?) async throws -> SyncRun {
        let run = try await scene.staged(number, EventScene.sends(1...3), cursor: cursor)
        try await scene.warehouse.claim(scene.lease, run: run.id, through: 3)
        return try await scene.acknowledged(run, 1...3, [2: .failed(Scene.reason("bad"))])
    }

    @Sendable static func second(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        var run = try await first(scene, cursor: EventScene.cursor(300))
        run = try await scene.stagedMore(run, EventScene.sends(4...5), [invalid], cursor: EventScene.cursor(500))
        let stored = try #require(try await scene.warehouse.run(id: run.id))
        #expect(stored.status == .running && stored.counts == run.counts)
        #expect(stored.counts.planned.track == 5 && stored.counts.succeeded.track == 2)
        let changes = try await scene.warehouse.changes(run: run.id, after: 3, limit: 10)
        #expect(changes == EventScene.sends(4...5))
        let log = ["failed bad e-2", "failed email_syntax -", "succeeded - e-1", "succeeded - e-3"]
        #expect(try await scene.log().sorted() == log)
        try await scene.warehouse.claim(scene.lease, run: run.id, through: 5)
        run = try await scene.acknowledged(run, 4...5)
        #expect(try await scene.cursor() == nil)
        try await scene.finish(run)
        #expect(try await scene.cursor() == EventScene.cursor(500))
        #expect(try await scene.log().sorted() == log + ["succeeded - e-4", "succeeded - e-5"])
        #expect(try await scene.states() == [1: .sent, 2: .rejected, 3: .sent, 4: .sent, 5: .sent])
        let ended = try #require(try await scene.warehouse.run(id: run.id))
        #expect(ended.counts.balances && ended.counts.succeeded.track == 4 && ended.counts.invalid == 1)
    }

    @Sendable static func local(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        var run = try await scene.staged(1, [EventScene.change(1, 1, .skip), EventScene.change(2, 2, .wait)])
        #expect(try await scene.applyLocal(run).total == 0)
        run = try await scene.stagedMore(
            run, [EventScene.change(3, 3, .skip), EventScene.change(4, 4, .parked), EventScene.change(5, 5)])
        #expect(try await scene.applyLocal(run).track == 1)
        run.counts.failed.track += 1
        #expect(try await scene.warehouse.run(id: run.id)?.counts == run.counts)
        #expect(try await scene.states() == [1: .skipped, 2: .waiting, 3: .skipped, 4: .rejected])
        #expect(try await scene.warehouse.changes(run: run.id, after: 0, limit: 10).map(\.sequence) == [5])
    }

    @Sendable static func balanced(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        var run = try await scene.staged(1, [])
        run.counts.notAttempted.track = 3
        run = try await scene.stagedMore(
            run, [EventScene.change(1, 1, .parked), EventScene.change(2, 2), EventScene.change(3, 3, .parked)])
        #expect(try await scene.applyLocal(run).track == 2)
        let counts = try #require(try await scene.warehouse.run(id: run.id)).counts
        #expect(counts.balances && counts.failed.track == 2 && counts.notAttempted.track == 1, "\(counts)")
    }

    @Sendable static func refused(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        let ended = try await scene.staged(1, EventScene.sends(1...1))
        try await scene.finish(ended)
        let held = try await scene.staged(2, EventScene.sends(1...1), status: .held)
        let other = try await scene.other().staged(3, EventScene.sends(1...1))
        func refusals(of run: SyncRun) async throws -> [WarehouseError.Kind?] {
            [
                try await kind { _ = try await scene.stagedMore(run, EventScene.sends(9...9)) },
                try await kind { try await scene.moveCursor(run) },
            ]
        }
        for run in [ended, held, other, scene.run(4)] {
            #expect(try await refusals(of: run) == [.conflict, .conflict], "\(run.id)")
        }
        #expect(try await scene.scene.count("sync_changes") == 2)
        #expect(try await scene.warehouse.run(id: held.id)?.counts == held.counts)
        _ = try await scene.warehouse.discardHeldRun(scene.lease, id: held.id)
        let open = try await scene.staged(5, EventScene.sends(1...1), cursor: EventScene.cursor(100))
        _ = try await Scene.lease(scene.warehouse, holder: "next") { _ in true }
        #expect(try await refusals(of: open) == [.leaseLost, .leaseLost])
        #expect(try await scene.isStaged())
    }

    @Sendable static func atomic(_ fixture: any WarehouseFixture) async throws {
        struct Broken: StagedPlan {
            let good = Plan(EventScene.sends(4...5))
            func nextChanges(limit: Int) throws -> [Change] { try good.nextChanges(limit: limit) }
            func nextRecords(limit: Int) throws -> [ValidationRecord] { throw Unexpected("no more") }
            var cursor: EventCursor? { EventScene.cursor(500) }
        }
        let scene = try await EventScene.make(fixture)
        let run = try await scene.staged(1, EventScene.sends(1...3), cursor: EventScene.cursor(300))
        var more = run
        more.counts.planned.track = 5
        let staging = more
        let failed = try await failure {
            try await scene.warehouse.stageMore(scene.lease, staging, plan: Broken(), log: LogSettings())
        }
        #expect(failed != nil)
        #expect(try await scene.scene.count("sync_changes") == 3)
        #expect(try await scene.warehouse.run(id: run.id)?.counts == run.counts)
        try await scene.finish(try await scene.acknowledged(run, 1...3))
        #expect(try await scene.watermark() == 300)
    }

    // MARK: The cursor

    @Sendable static func moves(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        var run = try await scene.staged(1, EventScene.sends(1...2), cursor: EventScene.cursor(200))
        try await scene.moveCursor(run)
        #expect(try await scene.cursor() == nil, "two are left to be sent")
        #expect(try await scene.isStaged())
        run = try await scene.acknowledged(run, 1...2)
        for _ in 0..<2 {
            try await scene.moveCursor(run)
            #expect(try await scene.watermark() == 200)
            #expect(try await !scene.isStaged())
        }
        #expect(try await scene.warehouse.run(id: run.id)?.status == .running)
        // Without a cursor it stays, also where one was staged before.
        run = try await scene.stagedMore(run, EventScene.sends(3...3), cursor: EventScene.cursor(300))
        run = try await scene.stagedMore(run, EventScene.sends(4...4))
        #expect(try await !scene.isStaged())
        run = try await scene.acknowledged(run, 3...4)
        try await scene.moveCursor(run)
        #expect(try await scene.watermark() == 200)
        // The one that was staged last counts.
        run = try await scene.stagedMore(run, EventScene.sends(5...5), cursor: EventScene.cursor(500))
        run = try await scene.stagedMore(run, [], cursor: EventScene.cursor(550))
        run = try await scene.acknowledged(run, 5...5)
        try await scene.moveCursor(run)
        #expect(try await scene.watermark() == 550)
        #expect(try await scene.states().count == 5)
        run = try await scene.stagedMore(run, [], cursor: EventScene.cursor(600, keepFrom: 400))
        try await scene.moveCursor(run)
        #expect(try await scene.states() == [4: .sent, 5: .sent])
        try await scene.finish(run)
        #expect(try await scene.cursor() == EventScene.cursor(600, keepFrom: 400))
    }

    @Sendable static func notAttempted(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        var run = try await scene.staged(1, EventScene.sends(1...2), cursor: EventScene.cursor(200))
        run = try await scene.acknowledged(run, 1...2, [2: .notAttempted(Scene.reason("stopped"))])
        try await scene.moveCursor(run)
        #expect(try await scene.cursor() == nil)
        #expect(try await scene.scene.count("sync_changes") == 0)
        try await scene.finish(run)
        #expect(try await scene.cursor() == nil)
    }

    // MARK: Ends

    @Sendable static func recovered(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        // How far the second part, the changes 4 and 5, was claimed.
        for claimed in 3...5 {
            let before = Int64(claimed * 1000)
            var run = try await first(scene, claimed, cursor: EventScene.cursor(before))
            try await scene.moveCursor(run)
            #expect(try await scene.watermark() == before)
            run = try await scene.stagedMore(run, EventScene.sends(4...5), cursor: EventScene.cursor(before + 500))
            if claimed > 3 {
                try await scene.warehouse.claim(scene.lease, run: run.id, through: Int64(claimed))
            }
            let closed = try #require(try await scene.recover().first)
            #expect(closed.status == .interrupted && closed.counts.balances, "\(closed.counts)")
            #expect(closed.counts.planned.track == 5 && closed.counts.succeeded.track == 2)
            #expect(closed.counts.failed.track == 1)
            #expect(closed.counts.unknown.track == claimed - 3 && closed.counts.notAttempted.track == 5 - claimed)
            #expect(try await scene.watermark() == (claimed == 5 ? before + 500 : before))
            #expect(try await !scene.isStaged())
            #expect(try await scene.scene.count("sync_changes") == 0)
            let inDoubt = try await scene.states().filter { $0.value == .sending }.keys.sorted()
            #expect(inDoubt == Array(4..<max(4, claimed + 1)))
            try await fixture.execute("DELETE FROM \(fixture.state("seen_events"))")
        }
    }

    @Sendable static func ended(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        var run = try await first(scene, cursor: EventScene.cursor(300))
        try await scene.moveCursor(run)
        run = try await scene.stagedMore(run, EventScene.sends(4...5), cursor: EventScene.cursor(500))
        run = try await scene.acknowledged(run, 4...4)
        try await scene.finish(run)
        let stored = try #require(try await scene.warehouse.run(id: run.id))
        #expect(stored.counts.balances && stored.counts.notAttempted.track == 1)
        #expect(try await scene.watermark() == 300)
        #expect(try await !scene.isStaged())
        #expect(try await scene.log().contains("not_attempted stopped e-5"))
    }
}

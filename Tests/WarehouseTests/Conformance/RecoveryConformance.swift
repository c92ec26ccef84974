import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

enum RecoveryConformance {
    static let tests = [
        ConformanceTest("a dead process's run: claimed changes are unknown, the rest not attempted", recover),
        ConformanceTest("recovering balances what was acknowledged before", balance),
        ConformanceTest("recovering keeps what is subscribed and marks removals", snapshot),
        ConformanceTest("what a full run has not sent is sent by the next run: it was stopped", fullStopped),
        ConformanceTest("what a full run has not sent is sent by the next run: it died", fullDied),
        ConformanceTest("a run that died before it staged is closed too", beforeStaging),
        ConformanceTest("a run whose counts were wrong is closed all the same", wrongCounts),
        ConformanceTest("the log says what became of each change, in the same words everywhere", words),
        ConformanceTest("without orphans nothing is recovered", nothing),
    ]

    @Sendable static func recover(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let run = try await scene.staged(1, (1...4).map { Scene.subscribe(Int64($0), $0) })
        try await fixture.warehouse.claim(scene.lease, run: run.id, through: 2)
        let lease = try await Scene.lease(fixture.warehouse, holder: "next") { _ in true }
        let before = try await fixture.warehouse.now()
        let closed = try await fixture.warehouse.recoverRuns(lease, settleSeconds: 60, log: LogSettings())
        #expect(closed.map(\.id) == [run.id])
        let stored = try #require(try await fixture.warehouse.run(id: run.id))
        #expect(stored == closed.first)
        #expect(stored.status == .interrupted)
        #expect(stored.finishedAt != nil)
        #expect(stored.counts.unknown.total == 2)
        #expect(stored.counts.notAttempted.total == 2)
        #expect(stored.counts.balances)
        #expect(try await scene.entry(1) == "subscribing listed 001")
        #expect(try await scene.entry(3) == nil)
        let log = try await scene.log().map { $0.split(separator: " ").prefix(2).joined(separator: " ") }
        #expect(log.filter { $0 == "subscribe unknown" }.count == 2)
        #expect(log.filter { $0 == "subscribe not_attempted" }.count == 2)
        #expect(try await scene.count("sync_changes") == 0)
        let settling = try await fixture.warehouse.requestsInDoubt(sync: Scene.sync, of: .list(Scene.list))
        #expect(Set(settling.map(\.identity)) == [Scene.identity(1), Scene.identity(2)])
        #expect(settling.allSatisfy { $0.mayLandUntil >= before.addingTimeInterval(59.9) })
        try await fixture.warehouse.openRun(lease, Scene.run(2))
    }

    @Sendable static func balance(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var run = try await scene.staged(
            1, (1...5).map { Scene.subscribe(Int64($0), $0) } + [Scene.subscribe(6, 6, kind: .parked)])
        run.counts.succeeded.subscribe = 1
        run.counts.failed.subscribe = 1
        try await fixture.warehouse.claim(scene.lease, run: run.id, through: 4)
        try await scene.acknowledge(
            run, [Scene.batch(.subscribe, 1...2, [2: .failed(Scene.reason("not_found"))])])
        let closed = try await fixture.warehouse.recoverRuns(scene.lease, settleSeconds: 1, log: LogSettings())
        let counts = try #require(closed.first?.counts)
        #expect(counts.succeeded.total == 1)
        #expect(counts.failed.total == 1)
        #expect(counts.unknown.total == 2)
        #expect(counts.notAttempted.total == 2)
        #expect(counts.balances)
        #expect(try await scene.count("sync_log") == 6)
    }

    @Sendable static func snapshot(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await scene.member(1, state: .subscribed)
        try await scene.member(2, state: .subscribed)
        let run = try await scene.staged(1, [Scene.subscribe(1, 1), Scene.unsubscribe(2, 2)])
        try await fixture.warehouse.claim(scene.lease, run: run.id, through: 2)
        var log = LogSettings()
        log.retain = false
        _ = try await fixture.warehouse.recoverRuns(scene.lease, settleSeconds: 60, log: log)
        #expect(try await scene.entry(1) == "subscribed listed 900")
        #expect(try await scene.entry(2)?.hasPrefix("unsubscribing listed") == true)
        #expect(try await scene.count("sync_log") == 0)
        let settling = try await fixture.warehouse.requestsInDoubt(sync: Scene.sync, of: .list(Scene.list))
        #expect(Set(settling.map(\.operation)) == [.subscribe, .unsubscribe])
    }

    /// Of six members three are sent again: with success, without, and to a refusal; two are not, and one is to be removed.
    private static func halfFull(_ fixture: any WarehouseFixture, full: Bool = true) async throws -> (Scene, SyncRun) {
        let scene = try await Scene.make(fixture)
        for person in 1...6 { try await scene.member(person, state: .subscribed) }
        // What is left is looked at in pages of sequences.
        let changes =
            (1...4).map { Scene.subscribe(Int64($0), $0) }
            + [Scene.subscribe(25_000, 5), Scene.unsubscribe(25_001, 6), Scene.subscribe(25_002, 7)]
        var run = try await scene.staged(1, full: full, changes)
        try await fixture.warehouse.claim(scene.lease, run: run.id, through: 3)
        (run.counts.succeeded.subscribe, run.counts.failed.subscribe) = (1, 2)
        try await scene.acknowledge(
            run,
            [
                Scene.batch(
                    .subscribe, 1...3, [2: .failed(Scene.reason("conflict")), 3: .rejected(Scene.reason("invalid"))])
            ])
        return (scene, run)
    }

    private static func judgeHalfFull(_ scene: Scene, generation: Int64?) async throws {
        let entries = [
            1: "subscribed listed 900", 2: "subscribing listed 001", 3: "rejected listed 001",
            4: "subscribing listed 001", 5: "subscribing listed 001", 6: "subscribed listed 900",
        ]
        for person in 1...7 { #expect(try await scene.entry(person) == entries[person], "\(person)") }
        // Copies of the snapshot in other places must be read again.
        #expect(try await scene.warehouse.snapshotGeneration(sync: Scene.sync) != generation)
    }

    @Sendable static func fullStopped(_ fixture: any WarehouseFixture) async throws {
        let (scene, run) = try await halfFull(fixture)
        let generation = try await fixture.warehouse.snapshotGeneration(sync: Scene.sync)
        try await scene.finish(run)
        try await judgeHalfFull(scene, generation: generation)
    }

    @Sendable static func fullDied(_ fixture: any WarehouseFixture) async throws {
        let (scene, _) = try await halfFull(fixture)
        let generation = try await fixture.warehouse.snapshotGeneration(sync: Scene.sync)
        let lease = try await Scene.lease(fixture.warehouse, holder: "next") { _ in true }
        _ = try await fixture.warehouse.recoverRuns(lease, settleSeconds: 60, log: LogSettings())
        try await judgeHalfFull(scene, generation: generation)
    }

    @Sendable static func beforeStaging(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var run = Scene.run(1)
        run.listID = nil
        run.counts.rowsRead = 17
        try await fixture.warehouse.openRun(scene.lease, run)
        let closed = try await fixture.warehouse.recoverRuns(scene.lease, settleSeconds: 60, log: LogSettings())
        #expect(closed.first?.status == .interrupted)
        #expect(closed.first?.counts.balances == true)
    }

    @Sendable static func wrongCounts(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let run = try await scene.staged(1, (1...3).map { Scene.subscribe(Int64($0), $0) })
        let wrong = #"{"subscribe":{"planned":1,"succeeded":0,"failed":0,"not_attempted":0,"unknown":0}}"#
        try await fixture.execute("UPDATE \(fixture.state("sync_runs")) SET planned_subscribe = 1, counts = '\(wrong)'")
        try await fixture.warehouse.claim(scene.lease, run: run.id, through: 3)
        let closed = try await fixture.warehouse.recoverRuns(scene.lease, settleSeconds: 60, log: LogSettings())
        let counts = try #require(closed.first?.counts)
        #expect(counts.unknown.total == 3 && counts.notAttempted.total == 0 && counts.planned.subscribe == 3)
        #expect(counts.balances)
    }

    @Sendable static func words(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let run = try await scene.staged(
            1, [Scene.subscribe(1, 1), Scene.subscribe(2, 2), Scene.subscribe(3, 3, kind: .parked)])
        _ = try await fixture.warehouse.applyLocalChanges(scene.lease, run, log: LogSettings())
        try await fixture.warehouse.claim(scene.lease, run: run.id, through: 1)
        _ = try await fixture.warehouse.recoverRuns(scene.lease, settleSeconds: 60, log: LogSettings())
        let reasons = try await fixture.query(
            "SELECT error_code, error_reason FROM \(fixture.state("sync_log")) ORDER BY email")
        let expected = [FailureReason.answerNotRecorded, .endedBeforeSending, .refusedEarlier]
        #expect(reasons == expected.map { [$0.code, $0.reason] })
    }

    @Sendable static func nothing(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let run = try await scene.staged(1, [])
        try await scene.finish(run)
        #expect(try await fixture.warehouse.recoverRuns(scene.lease, settleSeconds: 60, log: LogSettings()).isEmpty)
        #expect(try await fixture.warehouse.run(id: run.id)?.status == .succeeded)
    }
}

import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

enum TickConformance {
    static let tests = [
        ConformanceTest("a tick is claimed once, by one of many processes", claimedOnce),
        ConformanceTest("missed ticks have rows and the latest makes up for them", missed),
        ConformanceTest("ten years of missed ticks are bounded by retention", bounded),
        ConformanceTest("another schedule counts from now on", otherSchedule),
        ConformanceTest("a clock set forward and back neither repeats nor loses ticks", clockJumps),
        ConformanceTest("paused and disabled syncs skip their ticks", skipped),
        ConformanceTest("a tick ran if its run exists, whatever is said", finished),
        ConformanceTest("a pending tick is taken over with its run id, or given up by the next", takenOver),
        ConformanceTest("ticks are found by sync, outcome and time", found),
        ConformanceTest("a summary shows pause, list, runs and tick", summary),
        ConformanceTest("what alerts say is changed by one process", alertState),
        ConformanceTest("a request to cancel reaches whoever runs the run", cancel),
        ConformanceTest("a run without a lease is abandoned", abandoned),
        ConformanceTest("without state tables nothing is owed and nothing is found", withoutTables),
    ]

    private static let noon = Date(timeIntervalSince1970: 1_800_014_400)
    private static let hourly = TickGrid(ScheduleSettings(every: .hour))

    private static func store(_ fixture: any WarehouseFixture) async throws -> any ServiceWarehouse {
        _ = try await fixture.warehouse.migrate()
        return try #require(fixture.warehouse as? any ServiceWarehouse)
    }

    private static func claim(
        _ seconds: Double, run: Int = 1, enabled: Bool = true, grid: TickGrid = hourly, days: Int = 30
    ) -> TickClaim {
        TickClaim(
            sync: Scene.sync, grid: grid, now: noon.addingTimeInterval(seconds), retentionDays: days,
            isEnabled: enabled, runID: Scene.id(run))
    }

    /// `seconds from noon: outcome`, oldest first.
    private static func rows(_ store: any TickStore) async throws -> [String] {
        try await store.ticks(TickFilter(sync: Scene.sync, limit: 1000)).reversed().map {
            "\(Int($0.dueAt.timeIntervalSince(noon))): \($0.outcome.rawValue)"
        }
    }

    @Sendable static func claimedOnce(_ fixture: any WarehouseFixture) async throws {
        let store = try await store(fixture)
        try await store.noteSchedule(sync: Scene.sync, schedule: "hourly", now: noon.addingTimeInterval(-60))
        #expect(try await store.claimTick(claim(-1)) == nil)
        let others = try (0..<3).map { _ in try #require(try fixture.second() as? any ServiceWarehouse) }
        let claims = try await withThrowingTaskGroup(of: ClaimedTick?.self) { group in
            for (number, other) in others.enumerated() {
                group.addTask { try await other.claimTick(claim(2, run: number + 1)) }
            }
            return try await group.reduce(into: [ClaimedTick]()) { if let claimed = $1 { $0.append(claimed) } }
        }
        #expect(claims.count == 1)
        let tick = try #require(claims.first?.tick)
        #expect(tick.outcome == .pending && tick.dueAt == noon && tick.latenessSeconds == 2 && tick.runID != nil)
        #expect(try await store.ticks(TickFilter()) == [tick])
        #expect(try await store.claimTick(claim(3, run: 9)) == nil)
        for other in others { await other.close() }
    }

    @Sendable static func missed(_ fixture: any WarehouseFixture) async throws {
        let store = try await store(fixture)
        try await store.noteSchedule(sync: Scene.sync, schedule: "hourly", now: noon)
        let claimed = try await store.claimTick(claim(3 * 3600 + 90))
        #expect(claimed?.missed == 2 && claimed?.tick.dueAt == noon.addingTimeInterval(3 * 3600))
        #expect(try await rows(store) == ["3600: missed", "7200: missed", "10800: pending"])
        let lateness = try await store.ticks(TickFilter(sync: Scene.sync)).map(\.latenessSeconds)
        #expect(lateness == [90, 3690, 7290])
        try await store.noteSchedule(sync: Scene.sync, schedule: "hourly", now: noon.addingTimeInterval(5 * 3600))
        let next = try await store.claimTick(claim(5 * 3600, run: 2))
        #expect(next?.missed == 1, "the same schedule still owes what it missed")
    }

    @Sendable static func bounded(_ fixture: any WarehouseFixture) async throws {
        let store = try await store(fixture)
        let began = noon.addingTimeInterval(-315_360_000)
        try await store.noteSchedule(sync: Scene.sync, schedule: "hourly", now: began)
        let short = try await store.claimTick(claim(0, days: 1))
        #expect(short?.missed == 23)
        try await store.noteSchedule(sync: Scene.sync, schedule: "hourly again", now: began)
        let long = try await store.claimTick(claim(3600, run: 2, days: 3650))
        #expect(
            long?.missed == 87_600 - 1 - 24, "all but the one that is due now and the last day's, which have their rows"
        )
    }

    @Sendable static func otherSchedule(_ fixture: any WarehouseFixture) async throws {
        let store = try await store(fixture)
        let grid = TickGrid(ScheduleSettings(every: .fiveMinutes))
        try await store.noteSchedule(sync: Scene.sync, schedule: "hourly", now: noon.addingTimeInterval(-60))
        _ = try await store.claimTick(claim(0))
        try await store.noteSchedule(sync: Scene.sync, schedule: "5m", now: noon.addingTimeInterval(1800))
        #expect(try await store.claimTick(claim(1801, run: 2, grid: grid)) == nil)
        #expect(try await store.claimTick(claim(2100, run: 2, grid: grid))?.missed == 0)
        #expect(try await rows(store) == ["0: missed", "2100: pending"])
    }

    @Sendable static func clockJumps(_ fixture: any WarehouseFixture) async throws {
        let store = try await store(fixture)
        try await store.noteSchedule(sync: Scene.sync, schedule: "hourly", now: noon.addingTimeInterval(-60))
        #expect(try await store.claimTick(claim(0)) != nil)
        #expect(try await store.claimTick(claim(2 * 3600, run: 2))?.missed == 1)
        for seconds in [0.0, 3599, 3600, 7200, 10_799] {
            #expect(try await store.claimTick(claim(seconds, run: 3)) == nil)
        }
        #expect(try await store.claimTick(claim(3 * 3600, run: 3))?.missed == 0)
        // Twelve years ahead and back again.
        #expect(try await store.claimTick(claim(400_000_000, run: 4, days: 1)) != nil)
        #expect(try await store.claimTick(claim(3 * 3600 + 60, run: 5)) == nil)
        #expect(try await store.claimTick(claim(4 * 3600, run: 5))?.missed == 0)
        #expect(try await store.claimTick(claim(6 * 3600, run: 6))?.missed == 1)
    }

    @Sendable static func skipped(_ fixture: any WarehouseFixture) async throws {
        let store = try await store(fixture)
        try await store.setPaused(true, sync: Scene.sync)
        try await store.noteSchedule(sync: Scene.sync, schedule: "hourly", now: noon.addingTimeInterval(-60))
        let paused = try await store.claimTick(claim(0))
        #expect(paused?.tick.outcome == .skippedPaused && paused?.tick.runID == nil)
        #expect(try await store.claimTick(claim(3600, enabled: false))?.tick.outcome == .skippedDisabled)
        try await store.setPaused(false, sync: Scene.sync)
        #expect(try await store.claimTick(claim(7200))?.tick.outcome == .pending)
        #expect(try await fixture.warehouse.fingerprintKey(sync: Scene.sync, newKey: nil) == nil)
    }

    @Sendable static func finished(_ fixture: any WarehouseFixture) async throws {
        let store = try await store(fixture)
        try await store.noteSchedule(sync: Scene.sync, schedule: "hourly", now: noon.addingTimeInterval(-60))
        var tick = try #require(try await store.claimTick(claim(0))?.tick)
        tick.outcome = .ran
        #expect(try await store.finishTick(tick) == nil, "there is no such run yet")
        let lease = try await Scene.lease(store)
        try await store.openRun(lease, Scene.run(1))
        tick.latenessSeconds = 7
        #expect(try await store.finishTick(tick) == tick)
        #expect(try await store.finishTick(tick) == nil)
        tick.outcome = .skippedRunning
        #expect(try await store.finishTick(tick) == nil)
        #expect(try await store.ticks(TickFilter()).map(\.outcome) == [.ran])
        var held = try #require(try await store.claimTick(claim(3600, run: 2))?.tick)
        held.outcome = .skippedHeld
        held.runID = Scene.id(1)
        #expect(try await store.finishTick(held)?.outcome == .skippedHeld)
        #expect(try await store.ticks(TickFilter(limit: 1)).first?.runID == Scene.id(1))
        held.dueAt = noon.addingTimeInterval(9)
        #expect(try await store.finishTick(held) == nil)
    }

    @Sendable static func takenOver(_ fixture: any WarehouseFixture) async throws {
        let store = try await store(fixture)
        try await store.noteSchedule(sync: Scene.sync, schedule: "hourly", now: noon.addingTimeInterval(-60))
        let tick = try #require(try await store.claimTick(claim(0))?.tick)
        #expect(try await store.takeOverTicks(pendingFor: 60) == [])
        #expect(try await store.takeOverTicks(pendingFor: 0) == [tick])
        try await fixture.execute(
            "UPDATE \(fixture.state("schedule_ticks")) SET claimed_at = '2020-01-01T00:00:00.000Z'")
        #expect(try await store.takeOverTicks(pendingFor: 60) == [tick])
        #expect(try await store.takeOverTicks(pendingFor: 60) == [], "it was taken just now")
        // The next tick gives up the one that has no run and keeps the one that has.
        #expect(try await store.claimTick(claim(3600, run: 2)) != nil)
        let lease = try await Scene.lease(store)
        try await store.openRun(lease, Scene.run(2))
        #expect(try await store.claimTick(claim(7200, run: 3)) != nil)
        let rows = try await store.ticks(TickFilter()).map { "\($0.outcome.rawValue) \($0.runID ?? "-")" }
        #expect(rows == ["pending \(Scene.id(3))", "ran \(Scene.id(2))", "missed -"])
    }

    @Sendable static func found(_ fixture: any WarehouseFixture) async throws {
        let store = try await store(fixture)
        try await store.noteSchedule(sync: Scene.sync, schedule: "hourly", now: noon)
        _ = try await store.claimTick(claim(4 * 3600))
        func hours(_ filter: TickFilter) async throws -> [Int] {
            try await store.ticks(filter).map { Int($0.dueAt.timeIntervalSince(noon)) / 3600 }
        }
        #expect(try await hours(TickFilter()) == [4, 3, 2, 1])
        #expect(try await hours(TickFilter(sync: "other")) == [])
        #expect(try await hours(TickFilter(outcome: .missed, limit: 2)) == [3, 2])
        let two = noon.addingTimeInterval(7200)
        #expect(try await hours(TickFilter(sync: Scene.sync, since: two)) == [4, 3, 2])
        #expect(try await hours(TickFilter(sync: Scene.sync, before: two)) == [1])
    }

    @Sendable static func summary(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let store = try await store(fixture)
        try await store.noteSchedule(sync: Scene.sync, schedule: "hourly", now: noon.addingTimeInterval(-60))
        _ = try await store.claimTick(claim(0))
        try await scene.finish(try await scene.staged(1, []))
        var run = Scene.run(2)
        try await store.openRun(scene.lease, run)
        run.status = .held
        try await store.stage(scene.lease, run, plan: Plan([]), log: LogSettings())
        try await store.setPaused(true, sync: Scene.sync)
        try await store.saveListBinding(
            scene.lease, ListBinding(sync: Scene.sync, destination: "marketing", listName: "VIP", listID: 42))
        let summaries = try await store.summaries([Scene.sync, "other"])
        let summary = try #require(summaries[Scene.sync])
        #expect(summary.isPaused && summary.listID == 42)
        #expect(summary.latestRun?.id == Scene.id(2) && summary.heldRun?.id == Scene.id(2))
        #expect(summary.latestTick?.dueAt == noon)
        #expect(summary.isNew && summary.elsewhere == nil, "no run has made its key")
        #expect(summaries["other"] == SyncSummary())
        _ = try await fixture.warehouse.fingerprintKey(sync: Scene.sync, newKey: Array(repeating: 7, count: 16))
        #expect(try await store.summaries([Scene.sync])[Scene.sync]?.isNew == false)
    }

    @Sendable static func alertState(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let store = try await store(fixture)
        #expect(try await store.changeAlertState(sync: Scene.sync, from: "fine", to: "failed") == false)
        #expect(try await store.changeAlertState(sync: Scene.sync, from: nil, to: "fine"))
        #expect(try await store.changeAlertState(sync: Scene.sync, from: nil, to: "failed") == false)
        #expect(try await store.changeAlertState(sync: Scene.sync, from: "fine", to: "fine") == false)
        #expect(try await store.changeAlertState(sync: Scene.sync, from: "fine", to: "failed"))
        #expect(try await store.summaries([Scene.sync])[Scene.sync]?.alertState == "failed")
        // What lateness is judged by.
        #expect(try await store.summaries([Scene.sync])[Scene.sync]?.latestGoodStart == nil)
        let run = try await scene.staged(1, [])
        try await scene.finish(run)
        try await store.noteSchedule(sync: Scene.sync, schedule: "hourly", now: noon)
        _ = try await store.claimTick(claim(4 * 3600))
        let summary = try #require(try await store.summaries([Scene.sync])[Scene.sync])
        #expect(summary.firstTick == noon.addingTimeInterval(3600))
        #expect(summary.latestGoodStart == run.startedAt)
    }

    @Sendable static func cancel(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let store = try await store(fixture)
        let run = try await scene.staged(1, [])
        #expect(try await store.cancelRequests().isEmpty)
        try await store.requestCancel(run: Scene.id(7))
        try await store.requestCancel(run: "no id")
        #expect(try await store.cancelRequests().isEmpty)
        try await store.requestCancel(run: run.id)
        #expect(try await store.cancelRequests() == [run.id])
        try await scene.finish(run)
        #expect(try await store.cancelRequests().isEmpty)
    }

    @Sendable static func abandoned(_ fixture: any WarehouseFixture) async throws {
        let start = ContinuousClock.now
        let scene = try await Scene.make(fixture)
        let store = try await store(fixture)
        let run = try await scene.staged(1, [])
        #expect(try await store.abandonedSyncs { _ in false }.isEmpty)
        #expect(try await store.abandonedSyncs { $0 == "host:1" } == [Scene.sync])
        let left = try #require(try await store.leaseSecondsLeft(sync: Scene.sync))
        #expect(left <= 60 && left > 59 - (ContinuousClock.now - start) / .seconds(1))
        try await store.releaseLease(scene.lease)
        #expect(try await store.leaseSecondsLeft(sync: Scene.sync) == nil)
        #expect(try await store.abandonedSyncs { _ in false } == [Scene.sync])
        let lease = try await Scene.lease(store)
        let closed = try await store.recoverRuns(lease, settleSeconds: 1, log: LogSettings())
        #expect(closed.map(\.id) == [run.id])
        try await store.releaseLease(lease)
        #expect(try await store.abandonedSyncs { _ in true }.isEmpty)
    }

    @Sendable static func withoutTables(_ fixture: any WarehouseFixture) async throws {
        let store = try #require(fixture.warehouse as? any ServiceWarehouse)
        #expect(try await store.claimTick(claim(0)) == nil)
        #expect(try await store.ticks(TickFilter()).isEmpty)
        #expect(try await store.takeOverTicks(pendingFor: 0).isEmpty)
        #expect(try await store.summaries(["vip"]) == ["vip": SyncSummary()])
        #expect(try await store.cancelRequests().isEmpty)
        #expect(try await store.abandonedSyncs { _ in true }.isEmpty)
        #expect(try await store.leaseSecondsLeft(sync: "vip") == nil)
        #expect(try await store.schemaVersion() == nil)
    }
}

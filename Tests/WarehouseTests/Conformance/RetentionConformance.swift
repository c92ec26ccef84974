import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

enum RetentionConformance {
    static let tests = [
        ConformanceTest("retention deletes ended runs, their log and ticks, by the sync's own days", prune),
        ConformanceTest("retention spares the snapshot and open runs", spares),
        ConformanceTest("the latest ended run stays for the default period", latest),
    ]

    /// A finished run of `days` ago with one log row and one member; the run's number is its person's.
    private static func finished(_ scene: Scene, _ number: Int, daysAgo days: Double) async throws {
        let run = try await scene.staged(number, [Scene.subscribe(1, number)])
        try await scene.acknowledge(run, [Scene.batch(.subscribe, 1...1)])
        var ended = run
        ended.counts.succeeded.subscribe = 1
        ended.status = .succeeded
        ended.finishedAt = ended.startedAt
        try await scene.warehouse.finishRun(scene.lease, ended, reason: Scene.reason("x"), log: LogSettings())
        try await age(scene, number, daysAgo: days)
    }

    private static func age(_ scene: Scene, _ number: Int, daysAgo days: Double) async throws {
        let time = iso(try await scene.warehouse.now().addingTimeInterval(-86_400 * days))
        let fixture = scene.fixture
        try await fixture.execute(
            """
            UPDATE \(fixture.state("sync_runs")) SET started_at = '\(time)',
                   finished_at = CASE WHEN finished_at IS NULL THEN finished_at ELSE '\(time)' END
             WHERE run_id = '\(Scene.id(number))'
            """)
        try await fixture.execute(
            "UPDATE \(fixture.state("sync_log")) SET logged_at = '\(time)' WHERE run_id = '\(Scene.id(number))'")
        try await fixture.execute(
            """
            INSERT INTO \(fixture.state("schedule_ticks")) (sync_name, due_at, outcome, run_id)
            VALUES ('\(Scene.sync)', '\(time)', 'ran', '\(Scene.id(number))')
            """)
    }

    private static func iso(_ date: Date) -> String {
        Date(timeIntervalSince1970: date.timeIntervalSince1970.rounded())
            .formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    @Sendable static func prune(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        for (number, days) in [(1, 40.0), (2, 31), (3, 29), (4, 2), (5, 0)] {
            try await finished(scene, number, daysAgo: days)
        }
        let first = try await fixture.warehouse.prune([
            RetentionPolicy(sync: Scene.sync, days: 30), RetentionPolicy(sync: "other", days: 1),
        ])
        #expect(first == PruneResult(runs: 2, records: 2, ticks: 2))
        let second = try await fixture.warehouse.prune([RetentionPolicy(sync: Scene.sync, days: 1)])
        #expect(second == PruneResult(runs: 2, records: 2, ticks: 2))
        #expect(try await fixture.warehouse.runs(RunFilter()).map(\.id) == [Scene.id(5)])
        #expect(try await fixture.warehouse.prune([RetentionPolicy(sync: Scene.sync, days: 1)]) == PruneResult())
        #expect(try await fixture.warehouse.memberCounts(sync: Scene.sync, of: .list(Scene.list))[.subscribed] == 5)
    }

    @Sendable static func spares(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await finished(scene, 1, daysAgo: 0)
        var run = Scene.run(2)
        try await fixture.warehouse.openRun(scene.lease, run)
        run.status = .held
        run.counts.planned.subscribe = 1
        run.counts.notAttempted.subscribe = 1
        let record = ValidationRecord(isFailure: true, email: nil, userID: nil, reason: Scene.reason("empty"))
        try await fixture.warehouse.stage(
            scene.lease, run, plan: Plan([Scene.subscribe(1, 2)], [record]), log: LogSettings())
        try await age(scene, 2, daysAgo: 400)
        let result = try await fixture.warehouse.prune([RetentionPolicy(sync: Scene.sync, days: 1)])
        #expect(result == PruneResult(runs: 0, records: 0, ticks: 1))
        #expect(try await fixture.warehouse.heldRun(sync: Scene.sync)?.id == run.id)
        #expect(try await scene.count("sync_log") == 2)
        #expect(try await scene.count("sync_changes") == 1)
        #expect(try await scene.entry(1) == "subscribed listed 001")
    }

    @Sendable static func latest(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await finished(scene, 1, daysAgo: 20)
        try await finished(scene, 2, daysAgo: 10)
        let policy = RetentionPolicy(sync: Scene.sync, days: 1)
        #expect(try await fixture.warehouse.prune([policy]) == PruneResult(runs: 2, records: 2, ticks: 2))
        #expect(try await fixture.warehouse.runs(RunFilter()).isEmpty)
        #expect(try await scene.count("list_members") == 2)
    }
}

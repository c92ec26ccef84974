import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

/// How far syncs of events have read: the cursor moves when a run has ended and everything that it planned has an outcome.
enum EventCursorConformance {
    static let tests = [
        ConformanceTest("a cursor is kept with everything it has", roundTrip),
        ConformanceTest("the cursor moves when everything planned has an outcome", moves),
        ConformanceTest("the cursor stays while something was not attempted, or not noted", stays),
        ConformanceTest("a plan without a cursor leaves it where it is", without),
        ConformanceTest("the cursor of a run whose process ended moves, or stays", recovered),
        ConformanceTest("the cursor of a held run moves when it was carried out", held),
        ConformanceTest("a plan that cannot be staged stages no cursor", atomic),
        ConformanceTest("when the first run began is known until the cursor has moved", begun),
        ConformanceTest("when the first look of a stream began is kept although it moves no cursor", begunOfALook),
        ConformanceTest("keys behind the cursor are forgotten, but for what is unfinished", forgotten),
    ]

    // MARK: What is kept

    private static func whole(isTime: Bool) -> EventCursor {
        var cursor = EventCursor(column: "löaded \"at\"", isTime: isTime)
        cursor.watermark = 1_790_000_000_123_456
        cursor.lastSweepAt = Date(timeIntervalSince1970: 1_790_000_000.125)
        (cursor.sweepFrom, cursor.earlierSweepFrom) = (.max, .min)
        (cursor.lateRows, cursor.keepFrom) = (7, -3)
        cursor.begunAt = Date(timeIntervalSince1970: 1_789_000_000.125)
        return cursor
    }

    /// A run that stages the cursor and has nothing to do.
    private static func pass(_ scene: EventScene, _ number: Int, _ cursor: EventCursor) async throws {
        let run = try await scene.staged(number, [], cursor: cursor)
        try await scene.finish(run)
    }

    @Sendable static func roundTrip(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        #expect(try await scene.cursor() == nil)
        let columns = "column_name, watermark, late_rows, staged_run_id, staged"
        func row() async throws -> [[String?]] {
            try await fixture.query("SELECT \(columns) FROM \(fixture.state("sync_cursors"))")
        }
        let texts: [(EventCursor, String?)] = [
            (whole(isTime: true), "2026-09-21T14:13:20.123456Z"), (whole(isTime: false), "1790000000123456"),
        ]
        for (number, (cursor, watermark)) in texts.enumerated() {
            try await pass(scene, number + 1, cursor)
            #expect(try await scene.cursor() == cursor)
            #expect(try await row() == [["löaded \"at\"", watermark, "7", nil, nil]])
            let sweeps = try await fixture.query(
                "SELECT 1 FROM \(fixture.state("sync_cursors")) WHERE last_sweep_at IS NOT NULL")
            #expect(sweeps.count == 1)
        }
        var early = EventCursor(column: "", isTime: true)
        try await pass(scene, 3, early)
        #expect(try await scene.cursor() == early)
        #expect(try await row() == [["", nil, "0", nil, nil]])
        let moments: [(Int64, String)] = [
            (1_790_000_000_000_000, "2026-09-21T14:13:20.000000Z"), (-1, "1969-12-31T23:59:59.999999Z"),
        ]
        for (number, (position, text)) in moments.enumerated() {
            early.watermark = position
            try await pass(scene, number + 4, early)
            #expect(try await row().first?[1] == text)
        }
        #expect(try await scene.warehouse.eventCursor(sync: "other") == nil)
    }

    // MARK: Ends of runs

    @Sendable static func moves(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        let run = try await scene.staged(
            1, EventScene.sends(1...5) + [EventScene.change(6, 6, .skip), EventScene.change(7, 7, .wait)],
            cursor: EventScene.cursor(700))
        _ = try await scene.applyLocal(run)
        #expect(try await scene.cursor() == nil)
        let exceptions: [Int64: RecordOutcome] = [
            2: .failed(Scene.reason("disallowed")), 3: .rejected(Scene.reason("invalid")),
            4: .unknown(Scene.reason("timeout")), 5: .waiting(Scene.reason("absent")),
        ]
        try await scene.scene.acknowledge(run, [Scene.batch(.track, 1...5, exceptions)])
        #expect(try await scene.cursor() == nil)
        #expect(try await scene.isStaged())
        try await scene.finish(run, succeeded: 1, failed: 2, unknown: 1, waiting: 1)
        #expect(try await scene.cursor() == EventScene.cursor(700))
        #expect(try await !scene.isStaged())
        // A run that finds nothing new moves it as well; one that has only to note something, too.
        try await pass(scene, 2, EventScene.cursor(800))
        #expect(try await scene.watermark() == 800)
        let noting = try await scene.staged(3, [EventScene.change(1, 9, .skip)], cursor: EventScene.cursor(900))
        _ = try await scene.applyLocal(noting)
        try await scene.finish(noting)
        #expect(try await scene.watermark() == 900)
    }

    @Sendable static func stays(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        try await pass(scene, 1, EventScene.cursor(100))
        func expectStayed(_ what: Comment) async throws {
            #expect(try await scene.watermark() == 100, what)
            #expect(try await !scene.isStaged(), what)
        }
        // One has the outcome that it was not attempted.
        let first = try await scene.staged(2, EventScene.sends(1...2), cursor: EventScene.cursor(200))
        try await scene.scene.acknowledge(
            first, [Scene.batch(.track, 1...2, [2: .notAttempted(Scene.reason("behind"))])])
        try await scene.finish(first, succeeded: 1)
        try await expectStayed("an outcome")
        // One has none.
        let second = try await scene.staged(3, EventScene.sends(1...2), cursor: EventScene.cursor(200))
        try await scene.scene.acknowledge(second, [Scene.batch(.track, 1...1)])
        try await scene.finish(second, succeeded: 1)
        try await expectStayed("no outcome")
        // The run was stopped before it noted what it skips and what waits, and counts nothing any more.
        for (number, kind) in [(4, ChangeKind.skip), (5, .wait), (6, .send)] {
            var run = try await scene.staged(number, [EventScene.change(1, 3, kind)], cursor: EventScene.cursor(200))
            run.counts = RunCounts()
            try await scene.finish(run)
            try await expectStayed("\(kind)")
        }
        // After a lost answer.
        let last = try await scene.staged(7, EventScene.sends(1...1), cursor: EventScene.cursor(200))
        for _ in 0..<2 { try await scene.finish(last) }
        try await expectStayed("twice")
        #expect(try await scene.states() == [1: .sent])
    }

    @Sendable static func without(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        try await pass(scene, 1, EventScene.cursor(100))
        // A plan that is staged once more, after a lost answer, may differ.
        let run = try await scene.staged(2, [], cursor: EventScene.cursor(200))
        #expect(try await scene.isStaged())
        try await scene.warehouse.stage(scene.lease, run, plan: CursorPlan([], nil), log: LogSettings())
        #expect(try await !scene.isStaged())
        try await scene.finish(run)
        #expect(try await scene.cursor() == EventScene.cursor(100))
        var list = Scene.run(3)
        try await scene.warehouse.openRun(scene.lease, list)
        try await scene.warehouse.stage(
            scene.lease, list, plan: CursorPlan([], EventScene.cursor(300)), log: LogSettings())
        list.status = .succeeded
        try await scene.warehouse.finishRun(scene.lease, list, reason: Scene.reason("stopped"), log: LogSettings())
        #expect(try await scene.cursor() == EventScene.cursor(100), "a run of another kind has no cursor")
    }

    // MARK: Ends of processes

    /// What a process had done of three sends, a skip and a wait before it ended.
    private struct Phase {
        var name: String
        var notes = true
        var claims: Int64 = 0
        var acknowledges: ClosedRange<Int64>?
        var moves: Bool
    }

    private static let phases = [
        Phase(name: "staged", notes: false, moves: false), Phase(name: "noted", moves: false),
        Phase(name: "claimed, and noted nothing", notes: false, claims: 3, moves: false),
        Phase(name: "claimed some", claims: 2, moves: false), Phase(name: "claimed", claims: 3, moves: true),
        Phase(name: "answered some", claims: 2, acknowledges: 1...2, moves: false),
        Phase(name: "answered", claims: 3, acknowledges: 1...3, moves: true),
        Phase(name: "claimed, and answered some", claims: 3, acknowledges: 1...1, moves: true),
    ]

    @Sendable static func recovered(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        // Before it was staged.
        try await scene.warehouse.openRun(scene.lease, scene.run(1))
        _ = try await scene.recover()
        #expect(try await scene.cursor() == nil)
        for (place, phase) in phases.enumerated() {
            let before = Int64(place * 10)
            try await pass(scene, place * 2 + 2, EventScene.cursor(before))
            try await end(scene, place * 2 + 3, phase, EventScene.cursor(before + 5))
            #expect(try await scene.watermark() == before + (phase.moves ? 5 : 0), "\(phase.name)")
            #expect(try await !scene.isStaged(), "\(phase.name)")
            #expect(try await scene.scene.count("sync_changes") == 0, "\(phase.name)")
            let noted: [Int: EventState] = phase.notes ? [4: .skipped, 5: .waiting] : [:]
            #expect(try await scene.states().filter { $0.key > 3 } == noted, "\(phase.name)")
            try await fixture.execute("DELETE FROM \(fixture.state("seen_events"))")
        }
        // With nothing to send: noted, or not.
        for (number, notes) in [(101, true), (102, false)] {
            let run = try await scene.staged(
                number, [EventScene.change(1, 4, .skip)], cursor: EventScene.cursor(Int64(number)))
            if notes { _ = try await scene.applyLocal(run) }
            _ = try await scene.recover()
            #expect(try await scene.watermark() == 101)
        }
    }

    private static func end(_ scene: EventScene, _ number: Int, _ phase: Phase, _ cursor: EventCursor) async throws {
        var run = try await scene.staged(
            number, EventScene.sends(1...3) + [EventScene.change(4, 4, .skip), EventScene.change(5, 5, .wait)],
            cursor: cursor)
        if phase.notes { _ = try await scene.applyLocal(run) }
        if phase.claims > 0 { try await scene.warehouse.claim(scene.lease, run: run.id, through: phase.claims) }
        if let sequences = phase.acknowledges {
            run.counts.succeeded.track = sequences.count
            try await scene.scene.acknowledge(run, [Scene.batch(.track, sequences)])
        }
        let closed = try await scene.recover()
        #expect(closed.first?.counts.balances == true, "\(phase.name)")
    }

    // MARK: Others

    @Sendable static func held(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        let cursor = EventScene.cursor(200)
        let staged = try await scene.staged(1, EventScene.sends(1...2), cursor: cursor, status: .held)
        #expect(try await scene.recover().isEmpty)
        #expect(try await scene.cursor() == nil)
        #expect(try await scene.isStaged())
        var run = try await scene.warehouse.resumeHeldRun(scene.lease, id: staged.id)
        run.counts.notAttempted = PerOperation()
        _ = try await scene.applyLocal(run)
        try await scene.scene.acknowledge(run, [Scene.batch(.track, 1...2)])
        try await scene.finish(run, succeeded: 2)
        #expect(try await scene.cursor() == cursor)
        // What is discarded without a cursor, an `--only` for example, leaves it.
        let other = try await scene.staged(2, EventScene.sends(3...3), status: .held)
        _ = try await scene.warehouse.discardHeldRun(scene.lease, id: other.id)
        #expect(try await scene.cursor() == cursor)
        #expect(try await scene.states() == [1: .sent, 2: .sent, 3: .skipped])
    }

    @Sendable static func begun(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        func begunAt() async throws -> Date? { try await scene.warehouse.eventsBegunAt(sync: scene.lease.sync) }
        #expect(try await begunAt() == nil)
        var cursor = EventScene.cursor(300)
        cursor.begunAt = Date(timeIntervalSince1970: 1_790_000_000.25)
        // The first run is broken off.
        let first = try await scene.staged(1, EventScene.sends(1...2), cursor: cursor)
        #expect(try await begunAt() == cursor.begunAt)
        try await scene.finish(first)
        #expect(try await scene.cursor() == nil)
        #expect(try await begunAt() == cursor.begunAt)
        // So is one that says nothing of the cursor.
        try await scene.finish(try await scene.staged(2, EventScene.sends(1...1)))
        #expect(try await begunAt() == cursor.begunAt)
        try await scene.finish(try await scene.staged(3, [], cursor: cursor))
        #expect(try await scene.cursor() == cursor)
        #expect(try await begunAt() == nil)
        // Nor does it count where the cursor has moved.
        try await note(cursor, 4, scene)
        #expect(try await begunAt() == nil)
        #expect(try await scene.cursor() == cursor)
        #expect(try await scene.warehouse.eventsBegunAt(sync: "other") == nil)
    }

    /// A first look that moves no cursor says when it began; a later one does not change that.
    @Sendable static func begunOfALook(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        var begun = EventCursor(column: "loaded", isTime: false)
        begun.begunAt = Date(timeIntervalSince1970: 1_790_000_000.25)
        try await note(begun, 1, scene)
        var later = begun
        later.begunAt = Date(timeIntervalSince1970: 1_790_000_001)
        try await note(later, 2, scene)
        #expect(try await scene.warehouse.eventsBegunAt(sync: scene.lease.sync) == begun.begunAt)
        #expect(try await scene.cursor() == nil)
        let cursor = EventScene.cursor(300)
        try await scene.finish(try await scene.staged(3, [], cursor: cursor))
        #expect(try await scene.cursor() == cursor)
    }

    private static func note(_ begun: EventCursor, _ number: Int, _ scene: EventScene) async throws {
        struct First: StagedPlan {
            let begun: EventCursor?
            func nextChanges(limit: Int) throws -> [Change] { [] }
            func nextRecords(limit: Int) throws -> [ValidationRecord] { [] }
        }
        let run = try await scene.staged(number, [])
        try await scene.warehouse.stageMore(scene.lease, run, plan: First(begun: begun), log: LogSettings())
        try await scene.finish(run)
    }

    @Sendable static func atomic(_ fixture: any WarehouseFixture) async throws {
        struct Broken: StagedPlan {
            let good = Plan(EventScene.sends(1...4))
            func nextChanges(limit: Int) throws -> [Change] { try good.nextChanges(limit: limit) }
            func nextRecords(limit: Int) throws -> [ValidationRecord] { throw Unexpected("no more") }
            var cursor: EventCursor? { EventScene.cursor(400) }
        }
        let scene = try await EventScene.make(fixture)
        var run = scene.run()
        try await scene.warehouse.openRun(scene.lease, run)
        run.counts.planned.track = 4
        let staging = run
        let failed = try await failure {
            try await scene.warehouse.stage(scene.lease, staging, plan: Broken(), log: LogSettings())
        }
        #expect(failed != nil)
        #expect(try await !scene.isStaged())
        #expect(try await scene.scene.count("sync_cursors") == 0)
        #expect(try await scene.scene.count("sync_changes") == 0)
    }

    @Sendable static func forgotten(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        let states: [EventState] = [.sent, .sending, .skipped, .waiting, .rejected]
        var all: [Int: EventState] = [:]
        var positions: [Int: Int64?] = [:]
        // Five behind, five just at it, and five without a position.
        let places: [Int64?] = [499, 500, nil]
        for (place, position) in places.enumerated() {
            for (number, state) in states.enumerated() {
                let event = place * 10 + number
                all[event] = state
                positions[event] = .some(position)
            }
        }
        try await scene.enter(all, positions: positions)
        try await pass(scene, 1, EventScene.cursor(600))
        #expect(try await scene.states() == all, "nothing is forgotten without a place")
        let halted = try await scene.staged(
            2, EventScene.sends(40...40), cursor: EventScene.cursor(600, keepFrom: 500))
        try await scene.finish(halted)
        #expect(try await scene.states() == all, "the cursor has not moved")
        try await pass(scene, 3, EventScene.cursor(600, keepFrom: 500))
        var left = all
        for behind in [0, 2, 4] { left[behind] = nil }
        #expect(try await scene.states() == left)
    }
}

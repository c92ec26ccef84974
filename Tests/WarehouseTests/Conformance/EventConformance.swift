import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

/// What becomes of events: staged, skipped, sent, recovered, discarded.
enum EventConformance {
    static let tests = [
        ConformanceTest("an event is staged and read back whole", staged),
        ConformanceTest("every outcome does to every event what is decided", everyOutcome),
        ConformanceTest("an event that was sent keeps its id and content, and nothing of its body", bodies),
        ConformanceTest("events are logged with name, id and key, as the log is to show them", logged),
        ConformanceTest("events that are skipped, wait or fail without a request", local),
        ConformanceTest("a row that is met further on keeps its key for longer", raised),
        ConformanceTest("that an event waits is logged once", waitsOnce),
        ConformanceTest("an event that began to wait in a request is logged once too", waitsOnceInRequests),
        ConformanceTest("events of a run whose process ended are in doubt, or were not attempted", recovered),
        ConformanceTest("what a discarded run was to do with events is never done", discarded),
        ConformanceTest("a sync that is let go of forgets its events, its cursor and its ids", abandoned),
        ConformanceTest("stray notes of events leave a request in doubt and nothing else", strays),
        ConformanceTest("events of two syncs are apart", apart),
        ConformanceTest("whoever lost the lease does nothing to events", fencing),
        ConformanceTest("retention spares events", retention),
        ConformanceTest("late events are counted", late),
    ]

    @Sendable static func staged(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        var first = EventScene.change(1, 1, position: .some(nil))
        first.payload = [0x7B, 0x00, 0xFF, 0x7D]
        first.event?.name = "order “placed”"
        first.event?.order = .min
        var second = EventScene.change(2, 2, position: Int64.max, isWaiting: true)
        second.record?.content = .min
        second.notBefore = Date(timeIntervalSince1970: 1_790_000_060.5)
        second.loggedKey = "hashed"
        let run = try await scene.staged(
            1, [first, second, EventScene.change(3, 3, .skip), EventScene.change(4, 4, .wait)])
        #expect(try await scene.warehouse.changes(run: run.id, after: 0, limit: 10) == [first, second])
        let stored = try #require(try await scene.warehouse.run(id: run.id))
        #expect(stored.kind == .events && stored.target == "events" && stored.listID == nil)
        #expect(stored.counts.planned == EventScene.counted(2) && stored.counts.waiting == 1)
        #expect(try await scene.stored().isEmpty)
    }

    // MARK: Outcomes

    private struct Line {
        var event: Int
        var before: EventState?
        var outcome: RecordOutcome
        var mayStillLand: Bool
        var isSame: Bool

        /// As ``EventScene/show(_:)`` has it.
        var shown: String? {
            let same = before.map { "\($0) \($0 == .skipped ? "-" : "e-\(event)") 5 \(event * 100) 900" }
            let old = same.map { "\($0) \(before == .waiting || before == .rejected ? "before" : "-")" }
            guard let after else { return old }
            let isKept = before == after && isSame
            return "\(after) e-\(event) \(isSame ? 5 : 6) \(event * 100) \(isKept ? "900" : "001") \(reason(after))"
        }

        private func reason(_ state: EventState) -> String {
            state == .waiting || state == .rejected ? outcome.reason?.code ?? "-" : "-"
        }

        private var after: EventState? {
            switch outcome {
            case .succeeded: .sent
            case .failed, .rejected: .rejected
            case .unknown: .sending
            case .waiting: .waiting
            case .notAttempted: nil
            }
        }
    }

    private static let outcomes: [RecordOutcome] = [
        .succeeded, .failed(Scene.reason("not_found")), .rejected(Scene.reason("invalid")),
        .unknown(Scene.reason("timeout")), .notAttempted(Scene.reason("stopped")), .waiting(Scene.reason("absent")),
    ]

    /// The lines of each batch, which have one outcome.
    private static func lines() -> [[Line]] {
        let states: [EventState?] = [nil] + EventState.allCases
        var batches: [[Line]] = []
        var count = 0
        for (outcome, mayStillLand) in outcomes.flatMap({ [($0, false), ($0, true)] }) {
            var lines: [Line] = []
            for before in states {
                for isSame in before == nil ? [true] : [true, false] {
                    count += 1
                    lines.append(
                        Line(
                            event: count, before: before, outcome: outcome, mayStillLand: mayStillLand, isSame: isSame))
                }
            }
            batches.append(lines)
        }
        return batches
    }

    private static func batch(_ lines: [Line], _ mayLandUntil: Date) -> BatchOutcome {
        let sequences = lines.map { Int64($0.event) }
        let outcome = lines[0].outcome
        let exceptions = Dictionary(uniqueKeysWithValues: sequences.map { ($0, outcome) })
        return BatchOutcome(
            sequences: (sequences.min() ?? 0)...(sequences.max() ?? 0), operation: .track,
            exceptions: outcome == .succeeded ? [:] : exceptions, httpStatus: 200, attempts: 1,
            mayLandUntil: lines[0].mayStillLand ? mayLandUntil : nil)
    }

    @Sendable static func everyOutcome(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        let mayLandUntil = try await fixture.warehouse.now().addingTimeInterval(3600)
        let batches = lines()
        let lines = batches.flatMap(\.self)
        try await scene.enter(
            Dictionary(uniqueKeysWithValues: lines.compactMap { line in line.before.map { (line.event, $0) } }))
        let entered = try await scene.stored()
        let run = try await scene.staged(
            1,
            lines.map {
                EventScene.change(
                    Int64($0.event), $0.event, content: $0.isSame ? 5 : 6, isWaiting: $0.before == .waiting)
            })
        // The second time after a lost answer.
        for _ in 0..<2 {
            try await scene.scene.acknowledge(run, batches.map { batch($0, mayLandUntil) })
            let found = try await scene.stored()
            for line in lines {
                #expect(found[line.event].map(EventScene.show) == line.shown, "\(line)")
                if let event = found[line.event], event.runID.hasSuffix("900") {
                    #expect(event.at == entered[line.event]?.at, "\(line)")
                }
            }
            let doubts = try await scene.doubts()
            let doubted = lines.filter { $0.mayStillLand && $0.outcome.kind != .notAttempted }
            #expect(doubts.count == doubted.count && doubts.allSatisfy { $0.operation == .track })
            #expect(Set(doubts.map(\.fingerprint)) == Set(doubted.map { Scene.fingerprint($0.event) }))
            #expect(doubts.count { $0.content == 6 } == doubted.count { !$0.isSame })
            let silent = lines.count { $0.outcome.kind == .waiting && $0.before == .waiting }
            #expect(try await scene.scene.count("sync_log") == lines.count - silent)
            #expect(try await scene.scene.count("sync_changes") == 0)
        }
    }

    @Sendable static func bodies(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        let run = try await scene.staged(1, EventScene.sends(1...5))
        let exceptions: [Int64: RecordOutcome] = [
            2: .unknown(Scene.reason("timeout")), 3: .waiting(Scene.reason("absent")),
            4: .rejected(FailureReason(code: "invalid", reason: "Because of it.", httpStatus: 400)),
        ]
        try await scene.scene.acknowledge(run, [Scene.batch(.track, 1...5, exceptions)])
        let found = try await scene.stored()
        for (event, state) in [(2, EventState.sending), (3, .waiting), (4, .rejected)] {
            let stored = try #require(found[event])
            var reference = EventScene.change(1, event).event
            reference?.isWaiting = state == .waiting
            #expect(stored.state == state && stored.event == reference && stored.recordKey == "k/\(event)")
            #expect(stored.identity == Scene.identity(event) && stored.payload == Array("{\"n\":\(event)}".utf8))
        }
        #expect(found[2]?.reason == nil && found[3]?.reason?.code == "absent")
        #expect(found[4]?.reason == FailureReason(code: "invalid", reason: "Because of it.", httpStatus: 400))
        let sent = StoredEvent(
            key: Scene.fingerprint(1), state: .sent, id: "e-1", event: nil, position: 100, content: 5, runID: run.id,
            at: found[1]?.at ?? .distantPast)
        #expect(found[1] == sent)
        // What waited and is sent at last loses its body as well.
        try await scene.finish(run, succeeded: 2, failed: 1, unknown: 1, waiting: 1)
        let next = try await scene.staged(2, [EventScene.change(1, 3, isWaiting: true), EventScene.change(2, 2)])
        try await scene.scene.acknowledge(next, [Scene.batch(.track, 1...2)])
        let left = ["record_key", "email", "user_id", "event_name", "payload", "happened", "first_seen", "error_code"]
        let rests = try await fixture.query(
            "SELECT event_id FROM \(fixture.state("seen_events"))"
                + " WHERE state = 'sent' AND (\(left.map { "\($0) IS NOT NULL" }.joined(separator: " OR ")))")
        #expect(rests.isEmpty)
        #expect(try await scene.states() == [1: .sent, 2: .sent, 3: .sent, 4: .rejected, 5: .sent])
    }

    @Sendable static func logged(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        var changes = EventScene.sends(1...3)
        changes[1].loggedKey = "hash of 2"
        changes[1].loggedAs = Identity(email: "p***@example.com", userID: nil)
        let run = try await scene.staged(1, changes)
        try await scene.scene.acknowledge(
            run, [Scene.batch(.track, 1...2, [2: .rejected(Scene.reason("invalid"))])])
        try await scene.finish(run, succeeded: 1, failed: 1)
        let rows = Collected<LogRecord>()
        try await scene.warehouse.records(RecordFilter()) { rows.add($0) }
        let records = Array(rows.all.reversed())
        #expect(records.map(\.operation) == ["track", "track", "track"])
        #expect(records.map(\.status) == ["succeeded", "failed", "not_attempted"])
        #expect(records.map(\.eventName) == ["order", "order", "order"])
        #expect(records.map(\.eventID) == ["e-1", "e-2", "e-3"])
        #expect(records.map(\.recordKey) == ["k/1", "hash of 2", "k/3"])
        #expect(records.map(\.email) == ["p1@example.com", "p***@example.com", "p3@example.com"])
        #expect(records.map(\.userID) == ["u1", nil, "u3"] && records.allSatisfy { $0.itemID == nil })
        #expect(records.map(\.attempts) == [2, 2, 0])
        let byID = Collected<String>()
        var filter = RecordFilter()
        filter.identifiers = ["e-2"]
        try await scene.warehouse.records(filter) { byID.add($0.status) }
        #expect(byID.all == ["failed"])
    }

    // MARK: Without a request

    @Sendable static func local(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        try await scene.enter([2: .sent, 5: .waiting])
        var expired = EventScene.change(5, 5, .parked, isWaiting: true)
        expired.refusal = Scene.reason("user_not_found")
        let run = try await scene.staged(
            1,
            [
                EventScene.change(1, 1, .skip), EventScene.change(2, 2, .skip, content: 6),
                EventScene.change(3, 3, .wait), EventScene.change(4, 4), expired, EventScene.change(6, 6, .parked),
                EventScene.change(7, 7, .skip, position: .some(nil)),
            ])
        #expect(try await scene.applyLocal(run) == EventScene.counted(2))
        let refused = FailureReason.refusedEarlier
        let expected = [
            1: "skipped - 5 100 001 -", 2: "sent e-2 5 200 900 -", 3: "waiting e-3 5 300 001 waiting_for_user",
            5: "rejected e-5 5 500 001 user_not_found", 6: "rejected e-6 5 600 001 \(refused.code)",
            7: "skipped - 5 - 001 -",
        ]
        let log = ["waiting waiting_for_user e-3", "failed user_not_found e-5", "failed \(refused.code) e-6"]
        #expect(try await scene.shown() == expected)
        #expect(try await scene.log() == log)
        let stored = try #require(try await scene.stored()[3])
        #expect(stored.payload == Array("{\"n\":3}".utf8) && stored.recordKey == "k/3")
        #expect(stored.event?.isWaiting == true && stored.event?.firstSeen == EventScene.firstSeen)
        #expect(try await scene.warehouse.run(id: run.id)?.counts.failed == EventScene.counted(2))
        #expect(try await scene.warehouse.changes(run: run.id, after: 0, limit: 10).map(\.sequence) == [4])
        #expect(try await scene.scene.count("sync_changes") == 1)
        // After a lost answer.
        #expect(try await scene.applyLocal(run) == PerOperation())
        #expect(try await scene.shown() == expected)
        #expect(try await scene.log() == log)
        #expect(try await scene.warehouse.run(id: run.id)?.counts.failed == EventScene.counted(2))
    }

    @Sendable static func raised(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        try await scene.enter([1: .sent, 2: .waiting, 3: .rejected, 4: .sent, 5: .sent], positions: [5: nil])
        let before = try await scene.stored()
        let run = try await scene.staged(
            1,
            [
                EventScene.change(1, 1, .skip, content: 0, position: 101),
                EventScene.change(2, 2, .skip, position: 201), EventScene.change(3, 3, .skip, position: 299),
                EventScene.change(4, 4, .skip, position: .some(nil)), EventScene.change(5, 5, .skip, position: 501),
                // A new key may come twice, and one that waits may be sent as well.
                EventScene.change(6, 6, .skip, position: 600), EventScene.change(7, 6, .skip, position: 601),
                EventScene.change(8, 2, position: 150, isWaiting: true),
            ])
        #expect(try await scene.applyLocal(run) == PerOperation())
        var expected = before
        for (event, position) in [(1, Int64(101)), (2, 201), (5, 501)] {
            expected[event]?.position = position
            expected[event]?.event?.position = position
        }
        var found = try await scene.stored()
        #expect(found.removeValue(forKey: 6).map(EventScene.show) == "skipped - 5 601 001 -")
        #expect(found == expected)
        try await scene.scene.acknowledge(run, [Scene.batch(.track, 8...8)])
        #expect(try await scene.shown()[2] == "sent e-2 5 201 001 -")
    }

    @Sendable static func waitsOnce(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        let first = try await scene.staged(1, [EventScene.change(1, 1, .wait)])
        _ = try await scene.applyLocal(first)
        try await scene.finish(first)
        #expect(try await scene.log() == ["waiting waiting_for_user e-1"])
        let since = try #require(try await scene.stored()[1]).at
        let second = try await scene.staged(2, [EventScene.change(1, 1, .wait, isWaiting: true)])
        _ = try await scene.applyLocal(second)
        try await scene.finish(second)
        #expect(try await scene.log() == ["waiting waiting_for_user e-1"])
        #expect(try await scene.shown() == [1: "waiting e-1 5 100 001 waiting_for_user"])
        #expect(try await scene.stored()[1]?.at == since)
        var log = LogSettings()
        log.retain = false
        let third = try await scene.staged(3, [EventScene.change(1, 2, .wait)], log: log)
        _ = try await scene.applyLocal(third, log: log)
        #expect(try await scene.scene.count("sync_log") == 1)
        #expect(try await scene.states() == [1: .waiting, 2: .waiting])
    }

    @Sendable static func waitsOnceInRequests(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        let absent = RecordOutcome.waiting(Scene.reason("absent"))
        let first = try await scene.staged(1, EventScene.sends(1...2))
        try await scene.scene.acknowledge(first, [Scene.batch(.track, 1...2, [1: absent, 2: absent])])
        try await scene.finish(first, waiting: 2)
        #expect(try await scene.log() == ["waiting absent e-1", "waiting absent e-2"])
        let second = try await scene.staged(
            2, [EventScene.change(1, 1, isWaiting: true), EventScene.change(2, 2, isWaiting: true)])
        try await scene.scene.acknowledge(second, [Scene.batch(.track, 1...2, [1: absent])])
        try await scene.finish(second, succeeded: 1, waiting: 1)
        #expect(try await scene.log() == ["waiting absent e-1", "waiting absent e-2", "succeeded - e-2"])
        #expect(try await scene.shown() == [1: "waiting e-1 5 100 001 absent", 2: "sent e-2 5 200 002 -"])
        #expect(try await scene.warehouse.run(id: Scene.id(1))?.counts.waiting == 2)
    }

    // MARK: Ends

    @Sendable static func recovered(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        try await scene.enter([1: .waiting, 2: .sent])
        let changes =
            [EventScene.change(1, 1, isWaiting: true), EventScene.change(2, 2, content: 6)]
            + (3...5).map { EventScene.change(Int64($0), $0) }
        var run = try await scene.staged(1, changes)
        _ = try await scene.applyLocal(run)
        run.counts.succeeded.track = 1
        try await scene.scene.acknowledge(run, [Scene.batch(.track, 3...3)])
        try await scene.warehouse.claim(scene.lease, run: run.id, through: 4)
        let before = try await scene.warehouse.now()
        let closed = try await scene.recover()
        let counts = try #require(closed.first?.counts)
        #expect(closed.first?.status == .interrupted && counts.balances)
        #expect(counts.unknown == EventScene.counted(3) && counts.notAttempted == EventScene.counted(1))
        #expect(
            try await scene.shown() == [
                1: "sending e-1 5 100 001 -", 2: "sending e-2 6 200 001 -", 3: "sent e-3 5 300 001 -",
                4: "sending e-4 5 400 001 -",
            ])
        let lost = FailureReason.answerNotRecorded.code
        #expect(
            try await scene.log() == [
                "succeeded - e-3", "unknown \(lost) e-1", "unknown \(lost) e-2", "unknown \(lost) e-4",
                "not_attempted \(FailureReason.endedBeforeSending.code) e-5",
            ])
        let doubts = try await scene.doubts()
        #expect(Set(doubts.map(\.content)) == [5, 6] && doubts.count == 3)
        #expect(doubts.allSatisfy { $0.mayLandUntil >= before.addingTimeInterval(59.9) })
        #expect(try await scene.scene.count("sync_changes") == 0)
        #expect(try await scene.recover().isEmpty)
    }

    @Sendable static func discarded(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        try await scene.enter([1: .waiting, 2: .sending, 3: .sent, 4: .rejected])
        let changes = [
            EventScene.change(1, 1, .wait, isWaiting: true), EventScene.change(2, 2, content: 6),
            EventScene.change(3, 3, content: 6, position: 301), EventScene.change(4, 4, content: 6),
            EventScene.change(5, 5, content: 6), EventScene.change(6, 6, .skip), EventScene.change(7, 7, .wait),
            EventScene.change(8, 8, .parked), EventScene.change(9, 2, .skip, content: 6, position: 201),
        ]
        let cursor = EventScene.cursor(700)
        let run = try await scene.staged(1, changes, cursor: cursor, status: .held)
        #expect(try await scene.cursor() == nil)
        let ended = try await scene.warehouse.discardHeldRun(scene.lease, id: run.id)
        #expect(ended.status == .cancelled && ended.counts == run.counts)
        #expect(
            try await scene.shown() == [
                1: "skipped - 5 100 001 -", 2: "skipped - 6 201 001 -", 3: "sent e-3 5 301 900 -",
                4: "rejected e-4 5 400 900 before", 5: "skipped - 6 500 001 -", 6: "skipped - 5 600 001 -",
                7: "skipped - 5 700 001 -", 8: "skipped - 5 800 001 -",
            ])
        let rests = try await fixture.query(
            "SELECT 1 FROM \(fixture.state("seen_events")) WHERE state = 'skipped'"
                + " AND (payload IS NOT NULL OR record_key IS NOT NULL OR email IS NOT NULL OR error_code IS NOT NULL)")
        #expect(rests.isEmpty)
        #expect(try await scene.scene.count("sync_changes") == 0)
        #expect(try await scene.log() == [])
        #expect(try await scene.cursor() == cursor)
        #expect(try await !scene.isStaged())
    }

    @Sendable static func abandoned(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        let other = try await scene.other()
        for (number, scene) in [(1, scene), (2, other)] {
            try await scene.warehouse.saveMapping(scene.lease, "key id")
            let run = try await scene.staged(number, EventScene.sends(1...2), cursor: EventScene.cursor(200))
            try await scene.scene.acknowledge(run, [Scene.batch(.track, 1...2)])
            try await scene.finish(run, succeeded: 2)
        }
        _ = try await scene.staged(3, EventScene.sends(3...3), cursor: EventScene.cursor(300), status: .held)
        let done = Abandonment(lists: [], records: 2, discardedRunID: Scene.id(3), discardedChanges: 1)
        #expect(try await scene.warehouse.abandon(scene.lease, list: nil) == .done(done))
        #expect(try await scene.stored().isEmpty)
        #expect(try await scene.cursor() == nil)
        #expect(try await scene.warehouse.mapping(sync: Scene.sync) == nil)
        #expect(try await other.states() == [1: .sent, 2: .sent])
        #expect(try await other.watermark() == 200)
        #expect(try await scene.warehouse.mapping(sync: "other") == "key id")
        #expect(try await scene.scene.count("sync_cursors") == 1)
        #expect(try await scene.warehouse.abandon(scene.lease, list: nil) == .done(Abandonment(lists: [])))
    }

    @Sendable static func strays(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        try await scene.enter([1: .sent, 2: .waiting])
        let before = try await scene.shown()
        let generation = try await scene.warehouse.snapshotGeneration(sync: Scene.sync)
        let changes = (1...3).map { EventScene.change(Int64($0), $0, content: 6) }
        for _ in 0..<2 { try await scene.warehouse.noteStrays(scene.run(7), changes, settleSeconds: 60) }
        try await scene.warehouse.noteStrays(scene.run(8), [EventScene.change(1, 4)], settleSeconds: -1)
        #expect(try await scene.warehouse.applyStrayNotes(scene.lease) == 4)
        #expect(try await scene.warehouse.applyStrayNotes(scene.lease) == 0)
        #expect(try await scene.shown() == before)
        #expect(try await scene.scene.count("synced_records") == 0)
        #expect(try await scene.warehouse.snapshotGeneration(sync: Scene.sync) == generation)
        let doubts = try await scene.doubts()
        #expect(doubts.count == 3 && doubts.allSatisfy { $0.operation == .track && $0.content == 6 })
        #expect(Set(doubts.map(\.fingerprint)) == Set((1...3).map(Scene.fingerprint)))
    }

    // MARK: Others

    @Sendable static func apart(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        let other = try await scene.other()
        try await other.enter([1: .sent, 2: .waiting, 3: .rejected])
        let before = try await other.shown()
        let run = try await scene.staged(
            1, [EventScene.change(1, 1, content: 6), EventScene.change(2, 2, .skip), EventScene.change(3, 3, .wait)],
            cursor: EventScene.cursor(500, keepFrom: 450))
        _ = try await scene.applyLocal(run)
        try await scene.scene.acknowledge(run, [Scene.batch(.track, 1...1)])
        #expect(try await scene.states() == [1: .sent, 2: .skipped, 3: .waiting])
        try await scene.finish(run, succeeded: 1)
        #expect(try await scene.states() == [3: .waiting])
        #expect(try await other.shown() == before)
        #expect(try await other.cursor() == nil)
        let held = try await scene.staged(2, [EventScene.change(1, 2)], status: .held)
        _ = try await scene.warehouse.discardHeldRun(scene.lease, id: held.id)
        #expect(try await other.shown() == before)
    }

    @Sendable static func fencing(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        let run = try await scene.staged(
            1, [EventScene.change(1, 1), EventScene.change(2, 2, .skip), EventScene.change(3, 3, .wait)],
            cursor: EventScene.cursor(300))
        let next = try await Scene.lease(fixture.warehouse, holder: "next") { _ in true }
        let calls: [() async throws -> Void] = [
            { _ = try await scene.applyLocal(run) },
            { try await scene.scene.acknowledge(run, [Scene.batch(.track, 1...1)]) },
            { try await scene.finish(run, succeeded: 1) }, { _ = try await scene.recover() },
            { try await scene.warehouse.stage(scene.lease, run, plan: CursorPlan([], nil), log: LogSettings()) },
            { try await scene.warehouse.saveMapping(scene.lease, "key id") },
        ]
        for call in calls { #expect(try await kind(call) == .leaseLost) }
        #expect(try await scene.stored().isEmpty)
        #expect(try await scene.scene.count("sync_changes") == 3)
        #expect(try await scene.scene.count("sync_log") == 0)
        #expect(try await scene.isStaged())
        #expect(try await scene.warehouse.mapping(sync: Scene.sync) == nil)
        try await scene.warehouse.saveMapping(next, "key id")
    }

    @Sendable static func retention(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        let run = try await scene.staged(1, EventScene.sends(1...2), cursor: EventScene.cursor(200))
        try await scene.scene.acknowledge(run, [Scene.batch(.track, 1...2, [2: .waiting(Scene.reason("absent"))])])
        try await scene.finish(run, succeeded: 1, waiting: 1)
        let isSQLite = fixture is SQLiteFixture || fixture is SQLiteWALFixture
        let past = isSQLite ? "'2020-01-01T00:00:00.000Z'" : "'2020-01-01'"
        try await fixture.execute(
            """
            UPDATE \(fixture.state("sync_runs")) SET started_at = \(past), finished_at = \(past);
            UPDATE \(fixture.state("sync_log")) SET logged_at = \(past);
            UPDATE \(fixture.state("seen_events")) SET at = \(past), first_seen = \(past);
            """)
        let pruned = try await scene.warehouse.prune([RetentionPolicy(sync: Scene.sync, days: 1)])
        #expect(pruned.records == 2 && pruned.runs == 1)
        #expect(try await scene.states() == [1: .sent, 2: .waiting])
        #expect(try await scene.watermark() == 200)
    }

    @Sendable static func late(_ fixture: any WarehouseFixture) async throws {
        let scene = try await EventScene.make(fixture)
        var run = scene.run()
        run.counts.late = 1
        try await scene.warehouse.openRun(scene.lease, run)
        #expect(try await scene.warehouse.run(id: run.id) == run)
        run.counts.late = 3
        try await scene.warehouse.stage(scene.lease, run, plan: CursorPlan([], nil), log: LogSettings())
        run.counts.late = 4
        try await scene.scene.acknowledge(run, [])
        #expect(try await scene.warehouse.run(id: run.id)?.counts.late == 4)
        #expect(try await fixture.query("SELECT late FROM \(fixture.state("latest_runs"))") == [["4"]])
    }
}

import Foundation
import RollcallCore
import SeededRandom
import SyncEngine
import Synchronization
import TestSupport
import Testing
import Warehouse

/// Lost answers, processes that die, and histories of both: each event arrives, under one id, as its row has it.
@Suite(.timeLimit(.minutes(10))) struct EventsFaultTests {
    private static func object(_ id: Int, _ person: String, _ at: Int) -> String {
        #"{"id":"\#(OrderIDs.derived[id])","email":"\#(person)@example.com","eventName":"order_placed","#
            + #""createdAt":\#(at),"createNewFields":true}"#
    }

    // MARK: Lost answers

    @Test func aRetryMendsALostAnswer() async throws {
        let bench = try await EventsBench()
        bench.events.setFate { _, number in number <= 2 ? .loseAfter : .ok }
        try await bench.add((1, "ann", 100), (2, "ben", 200))
        let run = try await bench.run()
        #expect(run.status == .succeeded && run.requests.sent == 3 && run.requests.retried == 2, "\(run)")
        #expect(bench.requests == [["1", "2"], ["1", "2"], ["1", "2"]])
        #expect(bench.events.taken.count == 2)
        #expect(try await bench.table() == ["sent 1", "sent 2"])
    }

    @Test func anOutageLeavesEventsInDoubtAndTheNextRunSendsThemAtOnce() async throws {
        let bench = try await EventsBench()
        bench.events.setFate { _, _ in .loseAfter }
        try await bench.add((1, "ann", 100), (2, "ben", 200), (3, "cy", 300))
        let lost = try await bench.run()
        #expect(lost.status == .failed && lost.error?.code == "destination_unavailable", "\(lost)")
        #expect(lost.counts.unknown.track == 2 && lost.counts.notAttempted.track == 1)
        #expect(try await bench.table() == ["sending 1", "sending 2"])
        let sent = bench.requests.count
        bench.events.setFate { _, _ in .ok }
        let before = bench.clock.uptime
        let run = try await bench.run()
        #expect(run.status == .succeeded && run.counts.succeeded.track == 3, "\(run)")
        #expect(Array(bench.requests[sent...]) == [["1", "2"], ["3"]])
        #expect(bench.clock.uptime - before < .seconds(60), "the same event may be repeated")
        #expect(bench.events.objects(0) == bench.events.objects(sent))
        #expect(try await bench.table() == ["sent 1", "sent 2", "sent 3"])
    }

    @Test func sumsThatDoNotAgreeLeaveTheEventInDoubt() async throws {
        let bench = try await EventsBench()
        bench.events.setFate { events, _ in events.contains { $0.id == OrderIDs.derived[2] } ? .unclear : .ok }
        try await bench.add((1, "ann", 100), (2, "ben", 200))
        let run = try await bench.run()
        #expect(run.counts.succeeded.track == 1 && run.counts.unknown.track == 1, "\(run)")
        #expect(bench.requests == [["1", "2"], ["1"], ["2"]], "halved until one is left")
        #expect(try await bench.table() == ["sending 2", "sent 1"])
        #expect(try await bench.log(run).sorted() == ["track succeeded  1", "track unknown counts_mismatch 2"])
        bench.events.setFate { _, _ in .ok }
        let second = try await bench.run()
        #expect(second.counts.succeeded.track == 1 && second.counts.unchanged == 1, "\(second)")
        #expect(bench.requests.last == ["2"])
        #expect(bench.events.objects(3) == bench.events.objects(2), "the same event under the same id")
    }

    @Test func anOlderEventNeverLandsOverANewerOne() async throws {
        let bench = try await EventsBench { events, _, destination in
            // The warehouse has the machine's clock, by which a test may take long.
            destination.limits.settleSeconds = 86_400
            events.changedRows = .update
            events.fields = .only([FieldSetting(name: "note", source: .column("note"))])
        }
        try await bench.add((1, "ann", 100))
        bench.events.setFate { _, _ in .late(.seconds(45)) }
        #expect(try await bench.run().counts.unknown.track == 1)
        let sent = bench.requests.count
        bench.events.setFate { _, _ in .ok }
        try await bench.change("note = 'other'", of: 1)
        let before = bench.clock.uptime
        #expect(try await bench.run().counts.succeeded.track == 1)
        #expect(bench.clock.uptime - before >= .seconds(60))
        #expect(bench.requests.count == sent + 1)
        bench.clock.advance(by: .seconds(600))
        #expect(bench.events.taken.count == 1)
        #expect(bench.events.taken[OrderIDs.derived[1]]?.contains("other") == true)
    }

    // MARK: Processes that die

    @Test(arguments: 0..<14, [false, true])
    func aProcessThatDiesAtAWriteLosesNothing(_ writes: Int, _ after: Bool) async throws {
        let bench = try await EventsBench()
        try await bench.add((1, "ann", 100), (2, "ben", 200), (3, "ann", 300), (4, "cy", 400))
        let dying = bench.failing(writes: writes, after: after)
        _ = await bench.pipeline(warehouse: dying, holder: EventsBench.deadHolder).run(RunRequest())
        let run = try await bench.run()
        #expect(run.status == .succeeded, "\(run)")
        #expect(
            bench.events.taken == [
                OrderIDs.derived[1]: Self.object(1, "ann", 100), OrderIDs.derived[2]: Self.object(2, "ben", 200),
                OrderIDs.derived[3]: Self.object(3, "ann", 300), OrderIDs.derived[4]: Self.object(4, "cy", 400),
            ])
        #expect(try await bench.table() == ["sent 1", "sent 2", "sent 3", "sent 4"])
        #expect(try await bench.run().counts.unchanged == 4)
    }

    @Test(arguments: 0..<10, [false, true])
    func aFirstRunThatDiesSendsNothingOfWhatWasThere(_ writes: Int, _ after: Bool) async throws {
        for cursor in [nil, EventSettings.Cursor(column: "loaded")] {
            let bench = try await EventsBench { events, _, _ in
                events.start = .now
                events.cursor = cursor
            }
            for id in 1...3 {
                try await bench.insert("id, email, at, loaded", "\(id), 'p\(id)@example.com', \(id), \(id)")
            }
            let dying = bench.failing(writes: writes, after: after)
            _ = await bench.pipeline(warehouse: dying, holder: EventsBench.deadHolder).run(RunRequest())
            #expect(try await bench.run().status == .succeeded)
            #expect(bench.requests.isEmpty, "\(bench.requests)")
            try await bench.insert("id, email, at, loaded", "4, 'p4@example.com', 4, 4")
            #expect(try await bench.run().counts.planned.track == 1)
            #expect(bench.requests == [["4"]])
        }
    }

    @Test(arguments: 0..<12, [false, true])
    func anEventThatWaitsOutlivesItsProcess(_ writes: Int, _ after: Bool) async throws {
        let bench = try await EventsBench()
        try await bench.add((1, "ben", 100), (2, "ann", 200), (3, "ben", 300))
        bench.events.setUnknown(["ben@example.com"])
        let dying = bench.failing(writes: writes, after: after)
        _ = await bench.pipeline(warehouse: dying, holder: EventsBench.deadHolder).run(RunRequest())
        try await bench.run()
        bench.events.setUnknown([])
        try await bench.run()
        #expect(try await bench.table() == ["sent 1", "sent 2", "sent 3"])
        #expect(bench.events.taken.count == 3)
    }

    // MARK: Histories

    @Test(arguments: 1...20)
    func afterAllFaultsEachRowIsOneEvent(_ seed: Int) async throws {
        let dice = Dice(UInt64(seed))
        let bench = try await EventsBench { events, _, destination in
            if seed.isMultiple(of: 2) {
                var cursor = EventSettings.Cursor(column: "loaded")
                cursor.overlap = .steps(200)
                events.cursor = cursor
            }
            if seed.isMultiple(of: 5) { events.delivery = .single }
            destination.limits.events.recordsPerRequest = 3
            destination.limits.concurrentRequests = 3
        }
        var expected: [String: String] = [:]
        var id = 0
        for round in 1...5 {
            for _ in 0..<dice.between(1, 7) {
                id += 1
                let (person, at) = ("p\(dice.between(1, 4))", round * 1000 + dice.between(0, 900))
                // Within the overlap of the round before.
                let loaded = round * 100 + dice.between(-50, 50)
                try await bench.insert(
                    "id, email, at, loaded", "\(id), '\(person)@example.com', \(at), \(loaded)")
                expected[OrderIDs.derived[id]] = Self.object(id, person, at)
            }
            let level = dice.between(0, 60)
            bench.events.setUnknown(dice.chance(40) ? ["p1@example.com"] : [])
            bench.events.setFate { events, _ in dice.chance(level) ? Self.fate(dice, events) : .ok }
            let writes = dice.chance(40) ? dice.between(0, 12) : .max
            let warehouse = bench.failing(writes: writes, after: dice.chance(50))
            _ = await bench.pipeline(warehouse: warehouse, holder: EventsBench.deadHolder).run(RunRequest())
            bench.clock.advance(by: .seconds(dice.between(0, 90)))
        }
        bench.events.setUnknown([])
        bench.events.setFate { _, _ in .ok }
        let last = try await bench.run(.tryingRejected)
        #expect(last.status == .succeeded, "seed \(seed): \(last)")
        bench.clock.advance(by: .seconds(200))
        #expect(bench.events.taken == expected, "seed \(seed)")
        #expect(try await bench.table() == (1...id).map { "sent \($0)" }.sorted(), "seed \(seed)")
        let idle = try await bench.run()
        #expect(idle.requests.sent == 0 && idle.counts.planned.track == 0, "seed \(seed): \(idle)")
        let open = try await bench.fixture.query(
            "SELECT run_id FROM \(bench.fixture.state("sync_runs")) WHERE status IN ('running', 'queued')")
        #expect(open.isEmpty, "seed \(seed)")
    }

    private static func fate(_ dice: Dice, _ events: [EventsRequest.Event]) -> FakeEvents.Fate {
        let reason = FailureReason(code: "fault", reason: "on purpose", httpStatus: 500)
        switch dice.between(1, 8) {
        case 1: return .loseBefore
        case 2: return .loseAfter
        case 3: return .late(.seconds(dice.between(1, 55)))
        case 4: return .unclear
        case 5: return .answer(.retry(reason, after: .seconds(3), mayHaveBeenApplied: false, cause: .rateLimit))
        case 6: return .answer(.stop(RunError(code: "api_key_refused", message: "On purpose.")))
        case 7: return events.count > 1 ? .answer(.refused(reason)) : .ok
        default:
            guard let email = events.first?.identity.email else { return .ok }
            return .refuse([email: .rejected(FailureReason(code: "forgotten", reason: "on purpose", httpStatus: 200))])
        }
    }
}

/// Numbers from a seed, for several tasks.
private final class Dice: Sendable {
    private let numbers: Mutex<SeededGenerator>

    init(_ seed: UInt64) { numbers = Mutex(SeededGenerator(seed: seed &* 0x9e37_79b9_7f4a_7c15)) }

    func between(_ low: Int, _ high: Int) -> Int { low + numbers.withLock { $0.next(below: high - low + 1) } }
    func chance(_ percent: Int) -> Bool { between(1, 100) <= percent }
}

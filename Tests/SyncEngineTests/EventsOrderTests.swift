import Foundation
import RollcallCore
import SyncEngine
import Synchronization
import TestSupport
import Testing
import Warehouse

/// The events of one person go one after the other, in the order in which they happened.
@Suite(.timeLimit(.minutes(10))) struct EventsOrderTests {
    private static func bench(
        records: Int, requests: Int = 4, adjust: @escaping EventsBench.Adjustment = { _, _, _ in }
    ) async throws -> EventsBench {
        try await EventsBench {
            $2.limits.events.recordsPerRequest = records
            $2.limits.concurrentRequests = requests
            adjust(&$0, &$1, &$2)
        }
    }

    /// Opens once.
    private actor Gate {
        private var isOpen = false
        private var waiters: [CheckedContinuation<Void, Never>] = []

        func open() {
            isOpen = true
            for waiter in waiters { waiter.resume() }
            waiters = []
        }

        func pass() async {
            if isOpen { return }
            await withCheckedContinuation { waiters.append($0) }
        }
    }

    @Test func eventsGoByTheTimeAtWhichTheyHappened() async throws {
        let bench = try await Self.bench(records: 2)
        bench.events.setFate { _, _ in
            // Whatever could go at the same time would.
            for _ in 0..<50 { await Task.yield() }
            return .ok
        }
        try await bench.add(
            (1, "ann", 300), (2, "ann", 100), (3, "ben", 150), (4, "ann", 200), (5, "ben", 50), (6, "ann", 400))
        let run = try await bench.run()
        #expect(run.counts.succeeded.track == 6, "\(run)")
        #expect(bench.requests == [["5", "2"], ["3", "4"], ["1", "6"]])
        #expect(bench.events.arrivals.map(OrderIDs.name) == ["5", "2", "3", "4", "1", "6"])
    }

    @Test func oneRequestAtATimeCarriesEventsOfAPerson() async throws {
        let bench = try await Self.bench(records: 1)
        let begun = Mutex<[Int]>([])
        bench.events.setFate { [events = bench.events] _, _ in
            for _ in 0..<200 { await Task.yield() }
            let count = events.requests.count
            begun.withLock { $0.append(count) }
            return .ok
        }
        for id in 1...6 { try await bench.add((id, "ann", id)) }
        try await bench.run()
        let counts = begun.withLock { $0 }
        #expect(counts == [1, 2, 3, 4, 5, 6])
        #expect(bench.requests == (1...6).map { ["\($0)"] })
    }

    @Test func requestsOfOtherPeopleGoMeanwhile() async throws {
        let bench = try await Self.bench(records: 1, requests: 2)
        let gate = Gate()
        // The first request has no answer before the second has begun.
        bench.events.setFate { _, number in
            if number == 1 { await gate.pass() } else { await gate.open() }
            return .ok
        }
        try await bench.add((1, "ann", 100), (2, "ben", 200))
        #expect(try await bench.run().counts.succeeded.track == 2)
    }

    @Test func eventsOfOneTimeGoByTheirKeys() async throws {
        let bench = try await Self.bench(records: 10)
        try await bench.add((10, "ann", 100), (9, "ann", 100), (2, "ann", 100), (11, "ann", 99))
        try await bench.run()
        #expect(bench.requests == [["11", "2", "9", "10"]])
    }

    @Test func fractionsOfASecondCountAlthoughTheyAreNotSent() async throws {
        let bench = try await Self.bench(records: 10) { events, _, _ in
            events.createdAt = EventSettings.Time(column: "placed")
        }
        try await bench.insert(
            "id, email, placed", "1, 'ann@example.com', '2026-11-29 08:00:00.7'",
            "2, 'ann@example.com', '2026-11-29 08:00:00.2'", "3, 'ann@example.com', '2026-11-29 08:00:00.700001'")
        try await bench.run()
        #expect(bench.requests == [["2", "1", "3"]])
        #expect(bench.events.objects(0).allSatisfy { $0.contains(#""createdAt":1795939200,"#) })
    }

    @Test func withoutATimeTheCursorSaysTheOrder() async throws {
        let bench = try await Self.bench(records: 10) { events, _, _ in
            events.createdAt = nil
            events.cursor = EventSettings.Cursor(column: "loaded")
        }
        try await bench.insert(
            "id, email, loaded", "1, 'ann@example.com', 30", "2, 'ann@example.com', 10", "3, 'ann@example.com', 20")
        try await bench.run()
        #expect(bench.requests == [["2", "3", "1"]])
    }

    // MARK: Behind an event in doubt

    @Test func nothingOvertakesAnEventInDoubt() async throws {
        let bench = try await Self.bench(records: 1)
        bench.events.setFate { _, number in number == 1 ? .unclear : .ok }
        try await bench.add((1, "ann", 100), (2, "ann", 200), (3, "ben", 300), (4, "ann", 400))
        let run = try await bench.run()
        #expect(run.counts.unknown.track == 1 && run.counts.waiting == 2, "\(run)")
        #expect(run.counts.succeeded.track == 1 && run.status == .completedWithFailures)
        #expect(bench.requests == [["1"], ["3"]])
        #expect(try await bench.table() == ["sending 1", "sent 3", "waiting 2", "waiting 4"])
        #expect(
            try await bench.log(run).sorted() == [
                "track succeeded  3", "track unknown counts_mismatch 1", "track waiting waiting_for_user 2",
                "track waiting waiting_for_user 4",
            ])
        #expect(try await bench.run().counts.succeeded.track == 3)
        #expect(bench.requests == [["1"], ["3"], ["1"], ["2"], ["4"]])
        #expect(try await bench.table() == ["sent 1", "sent 2", "sent 3", "sent 4"])
    }

    @Test func nothingOvertakesAnEventOfTheSameRequest() async throws {
        let bench = try await Self.bench(records: 4)
        bench.events.setFate { _, _ in .unclear }
        for id in 1...4 { try await bench.add((id, "ann", id)) }
        let run = try await bench.run()
        // Halved until it is certain that the first is the one: what comes after it goes no further.
        #expect(bench.requests == [["1", "2", "3", "4"], ["1", "2"], ["1"]], "\(bench.requests)")
        #expect(run.counts.unknown.track == 4, "\(run)")
        bench.events.setFate { _, _ in .ok }
        #expect(try await bench.run().counts.succeeded.track == 4)
        #expect(bench.requests.last == ["1", "2", "3", "4"])
    }

    @Test func otherPeopleOfTheSameRequestGoOn() async throws {
        let bench = try await Self.bench(records: 4)
        bench.events.setFate { events, _ in events.contains { $0.id == OrderIDs.derived[1] } ? .unclear : .ok }
        try await bench.add((1, "ann", 1), (2, "ben", 2), (3, "cy", 3), (4, "dan", 4))
        let run = try await bench.run()
        #expect(run.counts.unknown.track == 1 && run.counts.succeeded.track == 3, "\(run)")
        #expect(bench.requests == [["1", "2", "3", "4"], ["1", "2"], ["1"], ["2"], ["3", "4"]])
        #expect(try await bench.table() == ["sending 1", "sent 2", "sent 3", "sent 4"])
    }

    @Test func whatRestsKeepsItsOrderAndNothingOvertakesIt() async throws {
        let bench = try await Self.bench(records: 4) { events, _, destination in
            events.changedRows = .update
            events.fields = .only([FieldSetting(name: "note", source: .column("note"))])
            // The warehouse has the machine's clock, by which a test may take long.
            destination.limits.settleSeconds = 86_400
        }
        try await bench.add((1, "ann", 100), (2, "ann", 200))
        bench.events.setFate { _, _ in .late(.seconds(45)) }
        let lost = try await bench.run()
        #expect(lost.counts.unknown.track == 2 && lost.error?.code == "destination_unavailable", "\(lost)")
        let sent = bench.requests.count
        bench.events.setFate { _, _ in .ok }
        // Both are other events now, which must not go while the first may still land; a third comes after them.
        try await bench.fixture.execute("UPDATE orders SET note = 'other'")
        try await bench.add((3, "ann", 300))
        let before = bench.clock.uptime
        let run = try await bench.run()
        #expect(run.counts.succeeded.track == 3, "\(run)")
        #expect(bench.clock.uptime - before >= .seconds(60))
        #expect(Array(bench.requests[sent...].joined()) == ["1", "2", "3"])
        bench.clock.advance(by: .seconds(600))
        for id in 1...2 {
            #expect(bench.events.taken[OrderIDs.derived[id]]?.contains("other") == true, "an older event landed")
        }
    }

    @Test func eventsThatWaitedGoBeforeLaterOnes() async throws {
        let bench = try await Self.bench(records: 10)
        try await bench.add((1, "ann", 200), (2, "ann", 300))
        bench.events.setUnknown(["ann@example.com"])
        #expect(try await bench.run().counts.waiting == 2)
        bench.events.setUnknown([])
        try await bench.add((3, "ann", 250), (4, "ann", 400), (5, "ann", 100))
        try await bench.run()
        #expect(bench.requests == [["1", "2"], ["5", "1", "3", "2", "4"]])
    }
}

import Foundation
import RollcallCore
import SyncEngine
import TestSupport
import Testing
import Warehouse

/// What a first run with a time or a span under `start` leaves out, it leaves out for good.
@Suite(.timeLimit(.minutes(10))) struct EventsStartTests {
    private static let start = EventSettings.Start.time(Date(timeIntervalSince1970: 150))

    @Test func whatIsOlderIsNotSentWhenItIsCorrectedLater() async throws {
        let bench = try await EventsBench { events, sync, _ in
            events.start = Self.start
            (events.name, events.names) = (.column("name"), ["placed"])
            sync.guards.maxInvalid = nil
        }
        try await bench.insert(
            "id, email, at, name", "1, NULL, 100, 'placed'", "2, 'ben@example.com', 100, 'placed'",
            "3, 'cy@example.com', 100, 'returned'", "4, 'dan@example.com', 100, NULL", "5, NULL, 200, 'placed'",
            "6, 'eve@example.com', NULL, 'placed'", "7, 'fay@example.com', 200, 'returned'",
            "NULL, 'gus@example.com', 100, 'placed'")
        let first = try await bench.run()
        // One cannot be sent, one has no name, one of the span has no person, one no time, one no key.
        #expect(first.counts.invalid == 5 && first.counts.excluded == 2 && first.counts.unchanged == 1, "\(first)")
        #expect(first.counts.planned.track == 0)
        #expect(try await bench.table() == ["skipped -", "skipped -", "skipped -", "skipped -"])
        for id in 1...6 { try await bench.change("email = 'p@example.com', at = 300, name = 'placed'", of: id) }
        let second = try await bench.run { events, _, _ in events.names = ["placed", "returned"] }
        #expect(bench.requests.flatMap(\.self).sorted() == ["5", "6", "7"], "\(second)")
        #expect(second.counts.unchanged == 4)
        // A backfill sends them all the same.
        let third = try await bench.run(.backfilling(.all))
        #expect(third.counts.succeeded.track == 4, "\(third)")
        #expect(try await bench.table() == (1...7).map { "sent \($0)" })
    }

    /// Whichever of the two rows comes first.
    @Test(arguments: [["100, 'b'", "200, 'a'"], ["200, 'a'", "100, 'b'"]])
    func anEventThatIsSentIsNotWrittenDownAsLeftOut(_ rows: [String]) async throws {
        let bench = try await EventsBench { events, _, _ in
            events.start = Self.start
            (events.name, events.names) = (.column("name"), ["a"])
        }
        for row in rows { try await bench.insert("id, email, at, name", "1, 'ann@example.com', \(row)") }
        let run = try await bench.run()
        #expect(run.counts.excluded == 1 && run.counts.succeeded.track == 1, "\(run)")
        #expect(try await bench.table() == ["sent 1"])
    }

    @Test func whereTheTimeOfAnEventCannotBeReadTheCursorTellsThatItIsOlder() async throws {
        let bench = try await EventsBench { events, sync, _ in
            events.start = .time(Date(timeIntervalSince1970: 3_999_931_200))
            events.cursor = EventSettings.Cursor(column: "seen")
            sync.guards.maxInvalid = nil
        }
        try await bench.insert(
            "id, email, at, seen", "1, 'ann@example.com', NULL, '2096-10-01 11:59:59'",
            "2, 'ben@example.com', NULL, '2096-10-01 12:00:01'", "3, 'cy@example.com', 100, NULL")
        let first = try await bench.run()
        #expect(first.counts.invalid == 3 && first.counts.planned.track == 0, "\(first)")
        #expect(try await bench.table() == ["skipped -", "skipped -"])
        let later = "at = 3999999999, seen = '2096-10-02 07:00:00'"
        for id in 1...3 { try await bench.change(later, of: id) }
        try await bench.run()
        #expect(bench.requests == [["2"]])
    }

    @Test func aFirstRunThatWasBrokenOffTakesWhatItWouldHaveTaken() async throws {
        let bench = try await EventsBench { events, _, destination in
            events.start = .last(seconds: 3600)
            destination.limits.events.recordsPerRequest = 1
        }
        try await bench.add((1, "ann", EventsBench.start - 3500), (2, "ben", EventsBench.start - 10))
        try await bench.add((3, "cy", EventsBench.start - 3700))
        let busy = FailureReason(code: "server_busy", reason: "busy", httpStatus: 503)
        bench.events.setFate { _, _ in
            .answer(.retry(busy, after: nil, mayHaveBeenApplied: false, cause: .trouble))
        }
        let first = try await bench.run()
        #expect(first.counts.planned.track == 2 && first.counts.notAttempted.track == 2, "\(first)")
        #expect(try await bench.cursor() == nil)
        bench.events.setFate { _, _ in .ok }
        // By now both lie before the span, if it were counted from now on.
        bench.clock.advance(by: .seconds(7200))
        let second = try await bench.run()
        #expect(second.counts.succeeded.track == 2, "\(second)")
        #expect(try await bench.table() == ["sent 1", "sent 2", "skipped -"])
        let begun = try await bench.cursor()?.begunAt
        #expect((begun ?? .distantFuture) < Date(timeIntervalSince1970: Double(EventsBench.start + 3600)))
    }

    @Test func aTryOfOneEventIsNoFirstRun() async throws {
        let bench = try await EventsBench { events, _, _ in events.start = .last(seconds: 3600) }
        try await bench.add((1, "ann", EventsBench.start - 3500), (2, "ben", EventsBench.start - 10))
        #expect(try await bench.run(.only("1")).counts.succeeded.track == 1)
        bench.clock.advance(by: .seconds(7200))
        let first = try await bench.run()
        #expect(first.counts.planned.track == 0 && first.counts.unchanged == 2, "\(first)")
        #expect(try await bench.table() == ["sent 1", "skipped -"])
    }
}

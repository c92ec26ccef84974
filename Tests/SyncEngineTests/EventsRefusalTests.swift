import Foundation
import RollcallCore
import SyncEngine
import TestSupport
import Testing
import Warehouse

/// What a refusal means depends on what else is known: of the request, of earlier attempts, of other rows.
@Suite(.timeLimit(.minutes(10))) struct EventsRefusalTests {
    private static let badRequest = FakeEvents.Fate.answer(
        .refused(FailureReason(code: "bad_request", reason: "Iterable refused the request.", httpStatus: 400)))

    @Test func whereEveryRequestIsRefusedNoEventIsTakenForBad() async throws {
        let bench = try await EventsBench()
        bench.events.setFate { _, _ in Self.badRequest }
        try await bench.add((1, "ann", 100), (2, "ben", 200))
        let run = try await bench.run()
        #expect(run.counts.notAttempted.track == 2 && run.counts.failed.track == 0, "\(run)")
        #expect(try await bench.table().isEmpty)
        #expect(try await bench.cursor() == nil, "nothing is passed over")
        bench.events.setFate { _, _ in .ok }
        #expect(try await bench.run().counts.succeeded.track == 2)
        #expect(try await bench.table() == ["sent 1", "sent 2"])
    }

    @Test func whereOthersAreTakenTheRefusedEventIsBad() async throws {
        let bench = try await EventsBench { $2.limits.events.recordsPerRequest = 1 }
        bench.events.setFate { events, _ in events.contains { $0.id == OrderIDs.derived[2] } ? Self.badRequest : .ok }
        try await bench.add((1, "ann", 100), (2, "ben", 200))
        let run = try await bench.run()
        #expect(run.counts.succeeded.track == 1 && run.counts.failed.track == 1, "\(run)")
        #expect(try await bench.table() == ["rejected 2", "sent 1"])
    }

    /// When it is refused, nothing was taken yet: what comes after it in the same request says that it is bad.
    @Test func theOldestEventIsBadTooWhereOthersAreTaken() async throws {
        let bench = try await EventsBench { $2.limits.events.recordsPerRequest = 4 }
        bench.events.setFate { events, _ in events.contains { $0.id == OrderIDs.derived[1] } ? Self.badRequest : .ok }
        try await bench.add((1, "ann", 100), (2, "ben", 200), (3, "cy", 300), (4, "dan", 400))
        let run = try await bench.run()
        #expect(run.counts.succeeded.track == 3 && run.counts.failed.track == 1, "\(run)")
        #expect(bench.requests == [["1", "2", "3", "4"], ["1", "2"], ["1"], ["2"], ["3", "4"]])
        #expect(try await bench.table() == ["rejected 1", "sent 2", "sent 3", "sent 4"])
        #expect(try await bench.log(run).contains("track failed bad_request 1"))
    }

    @Test func nothingOvertakesAnEventThatWasNotSent() async throws {
        let bench = try await EventsBench { $2.limits.events.recordsPerRequest = 1 }
        bench.events.setFate { _, number in number == 1 ? Self.badRequest : .ok }
        try await bench.add((1, "ann", 100), (2, "ann", 200), (3, "ann", 300))
        let run = try await bench.run()
        #expect(run.counts.notAttempted.track == 3, "\(run)")
        #expect(bench.requests == [["1"]])
        #expect(try await bench.table().isEmpty)
        #expect(try await bench.run().counts.succeeded.track == 3)
        #expect(bench.requests == [["1"], ["1"], ["2"], ["3"]])
    }

    /// The other events of its person go once it is known that it is bad, and lie between those of others.
    @Test func anEventThatIsBadHoldsUpNothing() async throws {
        let bench = try await EventsBench { $2.limits.events.recordsPerRequest = 6 }
        bench.events.setFate { events, _ in events.contains { $0.id == OrderIDs.derived[1] } ? Self.badRequest : .ok }
        try await bench.add(
            (1, "ann", 100), (2, "ann", 200), (3, "ann", 300), (4, "ben", 400), (5, "ann", 500), (6, "cy", 600))
        let run = try await bench.run()
        #expect(
            bench.requests == [["1", "2", "3", "4", "5", "6"], ["1", "2", "3"], ["1"], ["4", "6"], ["2", "3", "5"]])
        #expect(run.counts.succeeded.track == 5 && run.counts.failed.track == 1, "\(run)")
        #expect(try await bench.table() == ["rejected 1", "sent 2", "sent 3", "sent 4", "sent 5", "sent 6"])
    }

    @Test func whatMayHaveArrivedIsNotForgottenForALaterRefusal() async throws {
        let bench = try await EventsBench()
        bench.events.setFate { _, number in number == 1 ? .loseAfter : Self.badRequest }
        try await bench.add((1, "ann", 100))
        let run = try await bench.run()
        #expect(run.counts.unknown.track == 1 && run.counts.notAttempted.track == 0, "\(run)")
        #expect(try await bench.table() == ["sending 1"])
        // Its row changes, and changed rows are ignored: what goes again is what may have arrived.
        try await bench.change("at = 150", of: 1)
        bench.events.setFate { _, _ in .ok }
        #expect(try await bench.run().counts.succeeded.track == 1)
        #expect(bench.events.objects(bench.requests.count - 1)[0].contains(#""createdAt":100,"#))
        #expect(try await bench.table() == ["sent 1"])
    }

    /// The event of a person who waits stands between two that are sent: it has one outcome, and that is its own.
    @Test func whatIsWithheldInDoubtIsNotTakenForSent() async throws {
        let bench = try await EventsBench { $2.limits.events.recordsPerRequest = 10 }
        let noSuchUser = FailureReason(code: "user_not_found", reason: "Unknown.", httpStatus: 200)
        bench.events.setFate { _, number in
            switch number {
            case 1: .loseBefore
            case 2: Self.badRequest
            default: .refuse(["ann@example.com": .failed(noSuchUser)])
            }
        }
        try await bench.add((1, "ann", 100), (2, "ben", 110), (3, "cy", 120), (4, "ann", 130), (5, "dan", 140))
        let run = try await bench.run()
        #expect(bench.requests == [["1", "2", "3", "4", "5"], ["1", "2", "3", "4", "5"], ["1", "2"], ["3", "5"]])
        #expect(run.counts.succeeded.track == 3 && run.counts.unknown.track == 1, "\(run)")
        let table = try await bench.table()
        #expect(table.contains("sending 4") && table.filter { $0.hasPrefix("sent ") }.count == 3, "\(table)")
        bench.events.setFate { _, _ in .ok }
        #expect(try await bench.run().counts.succeeded.track == 2)
        #expect(try await bench.table() == ["sent 1", "sent 2", "sent 3", "sent 4", "sent 5"])
    }

    /// A text with U+0000, in the first or in the second row of a key.
    @Test(arguments: [["'a'", "char(0)"], ["char(0)", "'a'"]])
    func aRowThatCannotBeSentContradictsOthersOfItsKeyWhereverItStands(_ notes: [String]) async throws {
        let bench = try await EventsBench { events, _, _ in
            events.fields = .only([FieldSetting(name: "note", source: .column("note"))])
        }
        for note in notes { try await bench.insert("id, email, at, note", "1, 'ann@example.com', 100, \(note)") }
        try await bench.add((2, "ben", 200))
        let run = try await bench.run()
        #expect(run.counts.invalid == 2 && run.counts.audience == 1 && run.counts.rowsRead == 3, "\(run)")
        #expect(
            Set(try await bench.log(run)) == [
                "validate failed duplicate_key 1", "validate failed invalid_value 1", "track succeeded  2",
            ])
        let why = try await bench.pipeline().why("1")
        #expect(Set(why.rows.map(\.failure?.code)) == ["duplicate_key", "invalid_value"], "\(why.rows)")
        // What was sent stays as it is, whatever comes beside it.
        try await bench.fixture.execute("DELETE FROM orders WHERE note = char(0)")
        #expect(try await bench.run().counts.succeeded.track == 1)
        try await bench.insert("id, email, at, note", "1, 'ann@example.com', 100, char(0)")
        let last = try await bench.run()
        #expect(last.counts.invalid == 0 && last.counts.unchanged == 2, "\(last)")
        #expect(bench.requests == [["2"], ["1"]])
    }

    @Test func aRowOfBeforeTheStartThatCannotBeSentIsInvalid() async throws {
        let bench = try await EventsBench { events, _, _ in
            events.start = .time(Date(timeIntervalSince1970: 150))
            events.fields = .only([FieldSetting(name: "note", source: .column("note"))])
        }
        try await bench.insert(
            "id, email, at, note", "1, 'ann@example.com', 100, char(0)", "2, 'ben@example.com', 100, 'a'",
            "3, 'cy@example.com', 200, 'b'")
        let run = try await bench.run()
        #expect(run.counts.invalid == 1 && run.counts.unchanged == 1 && run.counts.succeeded.track == 1, "\(run)")
        #expect(bench.requests == [["3"]])
    }

    /// A request for each event, one after the other.
    @Test func theOldestEventIsBadAlsoWhereLaterRequestsAreTaken() async throws {
        let bench = try await EventsBench { $2.limits.events.recordsPerRequest = 1 }
        bench.events.setFate { events, _ in events.contains { $0.id == OrderIDs.derived[1] } ? Self.badRequest : .ok }
        try await bench.add((1, "ann", 100), (2, "ben", 200), (3, "ann", 300))
        let run = try await bench.run()
        #expect(run.counts.succeeded.track == 1 && run.counts.failed.track == 1, "\(run)")
        #expect(run.counts.notAttempted.track == 1, "what had to go after it is sent by the next run")
        #expect(try await bench.table() == ["rejected 1", "sent 2"])
        #expect(try await bench.run().counts.succeeded.track == 1)
    }
}

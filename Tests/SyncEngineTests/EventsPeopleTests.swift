import Foundation
import RollcallCore
import SyncEngine
import TestSupport
import Testing
import Warehouse

/// Whose events they are: people whom Iterable does not know yet, and people whom another sync has to send first.
@Suite(.timeLimit(.minutes(10))) struct EventsPeopleTests {
    private static let day = Duration.seconds(86_400)

    // MARK: Who an event is of

    @Test func anEventNamesItsPersonByOneIdentifier() async throws {
        for (project, mapping, person) in [
            (ProjectType.email, ColumnMapping(email: "email", userID: "user_id"), #""email":"ann@example.com""#),
            (.userID, ColumnMapping(email: "email", userID: "user_id"), #""userId":"u1""#),
            (.hybrid, ColumnMapping(email: "email", userID: "user_id"), #""userId":"u1""#),
            (.hybrid, ColumnMapping(email: "email"), #""email":"ann@example.com""#),
        ] {
            let bench = try await EventsBench { _, sync, destination in
                destination.projectType = project
                sync.mapping = mapping
            }
            try await bench.insert("id, email, user_id, at", "1, 'ann@example.com', 'u1', 100")
            let run = try await bench.run()
            #expect(run.status == .succeeded, "\(run)")
            #expect(
                bench.events.objects(0) == [
                    #"{"id":"\#(OrderIDs.derived[1])",\#(person),"eventName":"order_placed","createdAt":100,"#
                        + #""createNewFields":true}"#
                ])
        }
    }

    @Test func inHybridProjectsTheOtherIdentifierStandsInWhereOneIsMissing() async throws {
        let bench = try await EventsBench { _, sync, destination in
            destination.projectType = .hybrid
            sync.mapping = ColumnMapping(email: "email", userID: "user_id")
        }
        try await bench.insert(
            "id, email, user_id, at", "1, 'ann@example.com', NULL, 100", "2, NULL, 'u2', 200", "3, NULL, NULL, 300")
        let run = try await bench.run()
        #expect(run.counts.planned.track == 2 && run.counts.invalid == 1, "\(run)")
        #expect(
            bench.events.requests[0].map(\.identity) == [
                Identity(email: "ann@example.com", userID: nil), Identity(email: nil, userID: "u2"),
            ])
        #expect(try await bench.log(run).first == "validate failed identifier_missing 3")
    }

    @Test func aRowThatGoesOnWithOneOfTwoIdentifiersIsLoggedOnceWithItsEvent() async throws {
        let tooLong = String(repeating: "u", count: 100)
        for (project, logged) in [(ProjectType.hybrid, "3"), (.email, "1"), (.userID, nil)] {
            let bench = try await EventsBench { _, sync, destination in
                destination.projectType = project
                sync.mapping = ColumnMapping(email: "email", userID: "user_id")
            }
            try await bench.insert(
                "id, email, user_id, at", "1, 'not an address', 'u1', 100", "2, 'ann@example.com', 'u2', 200",
                "3, 'cy@example.com', '\(tooLong)', 300")
            let run = try await bench.run()
            let invalid = project == .userID ? 1 : 0
            #expect(run.counts.planned.track == 3 - invalid && run.counts.invalid == invalid, "\(run)")
            let dropped = try await bench.log(run).filter { $0.contains("identifier_dropped") }
            #expect(dropped == (logged.map { ["validate succeeded identifier_dropped \($0)"] } ?? []))
            // The row is read again, and nothing is sent of it.
            #expect(try await bench.log(bench.run()).allSatisfy { !$0.contains("identifier_dropped") })
        }
    }

    @Test func aRowWithoutAPersonIsInvalidUntilItHasOne() async throws {
        let bench = try await EventsBench()
        try await bench.insert("id, email, at", "1, NULL, 100", "2, 'not an address', 200", "3, 'cy@example.com', 300")
        let run = try await bench.run()
        #expect(run.counts.invalid == 2 && run.counts.planned.track == 1, "\(run)")
        #expect(
            try await bench.log(run) == [
                "validate failed identifier_missing 1", "validate failed email_syntax 2", "track succeeded  3",
            ])
        try await bench.change("email = 'ann@example.com'", of: 1)
        #expect(try await bench.run().counts.planned.track == 1)
        #expect(bench.requests == [["3"], ["1"]])
    }

    // MARK: People whom Iterable does not know

    @Test func anEventWaitsUntilItsPersonIsThere() async throws {
        let bench = try await EventsBench()
        try await bench.add((1, "ann", 100), (2, "ben", 200))
        bench.events.setUnknown(["ben@example.com"])
        let first = try await bench.run()
        #expect(first.status == .succeeded, "that an event waits is no failure: \(first)")
        #expect(first.counts.planned.track == 1 && first.counts.succeeded.track == 1 && first.counts.waiting == 1)
        #expect(try await bench.log(first).sorted() == ["track succeeded  1", "track waiting waiting_for_user 2"])
        #expect(try await bench.table() == ["sent 1", "waiting 2"])

        let second = try await bench.run()
        #expect(second.counts.waiting == 1 && second.counts.planned.track == 0, "\(second)")
        #expect(second.counts.audience == 2 && second.counts.unchanged == 1, "\(second)")
        #expect(try await bench.log(second).isEmpty, "it was logged when it began to wait")
        #expect(bench.requests == [["1", "2"], ["2"]])

        // Its body is kept, whatever becomes of the row.
        try await bench.delete(2)
        bench.events.setUnknown([])
        let third = try await bench.run()
        #expect(third.counts.succeeded.track == 1 && third.counts.waiting == 0, "\(third)")
        #expect(bench.events.objects(1) == bench.events.objects(2))
        #expect(try await bench.table() == ["sent 1", "sent 2"])
        #expect(try await bench.run().counts.planned.track == 0)
    }

    @Test func anEventWhosePersonNeverAppearsFailsOnce() async throws {
        let bench = try await EventsBench()
        try await bench.add((1, "ben", 200))
        bench.events.setUnknown(["ben@example.com"])
        try await bench.run()
        bench.clock.advance(by: .seconds(86_000))
        #expect(try await bench.run().counts.waiting == 1)
        bench.clock.advance(by: .seconds(600))
        let last = try await bench.run()
        #expect(last.counts.failed.track == 1 && last.counts.waiting == 0, "\(last)")
        #expect(last.status == .completedWithFailures)
        #expect(try await bench.log(last) == ["track failed user_not_found 1"])
        #expect(try await bench.table() == ["rejected 1"])
        let sent = bench.requests.count
        for _ in 0..<2 {
            let run = try await bench.run()
            #expect(run.status == .succeeded && run.counts.failed.track == 0 && run.counts.unchanged == 1, "\(run)")
        }
        #expect(bench.requests.count == sent)
        bench.events.setUnknown([])
        let again = try await bench.run(.tryingRejected)
        #expect(again.counts.succeeded.track == 1 && again.counts.unchanged == 0, "\(again)")
        #expect(bench.requests.last == ["1"])
        #expect(try await bench.table() == ["sent 1"])
    }

    @Test func howLongAnEventWaitsCountsFromTheFirstSightOfIt() async throws {
        let bench = try await EventsBench { events, _, _ in
            events.changedRows = .update
            events.fields = .only([FieldSetting(name: "note", source: .column("note"))])
        }
        try await bench.add((1, "ben", 200))
        bench.events.setUnknown(["ben@example.com"])
        try await bench.run()
        bench.clock.advance(by: .seconds(72_000))
        try await bench.change("note = 'other'", of: 1)
        let changed = try await bench.run()
        #expect(changed.counts.waiting == 1, "\(changed)")
        #expect(bench.events.objects(1)[0].contains("other"), "it waits as the row is now")
        #expect(try await bench.log(changed).isEmpty)
        bench.clock.advance(by: .seconds(18_000))
        let last = try await bench.run()
        #expect(last.counts.failed.track == 1 && last.counts.waiting == 0, "\(last)")
    }

    @Test func laterEventsOfAPersonWaitBehindOneThatWaits() async throws {
        let bench = try await EventsBench { _, _, destination in destination.limits.events.recordsPerRequest = 1 }
        try await bench.add((1, "ben", 100), (2, "ben", 200), (3, "ben", 300), (4, "ann", 400))
        bench.events.setUnknown(["ben@example.com"])
        let run = try await bench.run()
        #expect(run.counts.waiting == 3 && run.counts.planned.track == 1 && run.counts.succeeded.track == 1, "\(run)")
        #expect(bench.requests == [["1"], ["4"]])
        #expect(try await bench.table() == ["sent 4", "waiting 1", "waiting 2", "waiting 3"])
        #expect(
            try await bench.log(run).sorted() == [
                "track succeeded  4", "track waiting waiting_for_user 1", "track waiting waiting_for_user 2",
                "track waiting waiting_for_user 3",
            ])
        try await bench.add((5, "ben", 50))
        bench.events.setUnknown([])
        #expect(try await bench.run().counts.succeeded.track == 4)
        #expect(bench.requests == [["1"], ["4"], ["5"], ["1"], ["2"], ["3"]])
    }

    @Test func whatIterableRefusesForGoodIsCountedOnceAndTriedAgainOnRequest() async throws {
        let bench = try await EventsBench { events, _, _ in
            events.changedRows = .update
            events.fields = .only([FieldSetting(name: "note", source: .column("note"))])
        }
        try await bench.add((1, "ann", 100), (2, "ben", 200))
        let forgotten = RecordOutcome.rejected(FailureReason(code: "forgotten", reason: "GDPR", httpStatus: 200))
        bench.events.setFate { _, _ in .refuse(["ben@example.com": forgotten]) }
        let run = try await bench.run()
        #expect(run.counts.failed.track == 1 && run.status == .completedWithFailures, "\(run)")
        #expect(try await bench.log(run).sorted() == ["track failed forgotten 2", "track succeeded  1"])
        let second = try await bench.run()
        #expect(second.counts.failed.track == 0 && second.counts.unchanged == 2, "\(second)")
        #expect(bench.requests.count == 1)
        // Another row is another try.
        try await bench.change("note = 'other'", of: 2)
        #expect(try await bench.run().counts.failed.track == 1)
        bench.events.setFate { _, _ in .ok }
        #expect(try await bench.run(.tryingRejected).counts.succeeded.track == 1)
        #expect(bench.requests == [["1", "2"], ["2"], ["2"]])
    }

    @Test func eventsOfANameThatIterableDoesNotTakeFailAlone() async throws {
        let bench = try await EventsBench { events, _, _ in events.name = .column("name") }
        try await bench.insert(
            "id, email, at, name", "1, 'ann@example.com', 100, 'good'", "2, 'ann@example.com', 200, 'bad'",
            "3, 'ann@example.com', 300, 'good'")
        let disallowed = RecordOutcome.rejected(
            FailureReason(code: "event_name_disallowed", reason: "No.", httpStatus: 200))
        bench.events.setFate { _, _ in .refuse(["bad": disallowed]) }
        let run = try await bench.run()
        #expect(run.counts.succeeded.track == 2 && run.counts.failed.track == 1, "\(run)")
        #expect(try await bench.table() == ["rejected 2", "sent 1", "sent 3"])
        #expect(bench.requests == [["1", "2"], ["3"]], "what comes after a refused event does not wait for it")
        #expect(try await bench.run().counts.unchanged == 3)
        #expect(bench.requests.count == 2)
    }

    @Test func aFailureWithoutAReasonIsNotForGood() async throws {
        let bench = try await EventsBench()
        try await bench.add((1, "ann", 100))
        let unspecified = RecordOutcome.failed(
            FailureReason(code: "unspecified", reason: "Who knows.", httpStatus: 200))
        bench.events.setFate { _, _ in .refuse(["ann@example.com": unspecified]) }
        try await bench.run()
        bench.events.setFate { _, _ in .ok }
        #expect(try await bench.run().counts.succeeded.track == 1)
        #expect(bench.requests == [["1"], ["1"]])
    }

    // MARK: After a sync of users

    @Test func onlyPeopleWhomTheOtherSyncHasHadAcknowledgedGetTheirEvents() async throws {
        let bench = try await EventsBench { events, _, _ in events.after = "people" }
        try await bench.acknowledge("ann")
        try await bench.add((1, "ann", 100), (2, "ben", 200), (3, "ben", 300))
        let run = try await bench.run()
        #expect(run.status == .succeeded && run.counts.planned.track == 1 && run.counts.waiting == 2, "\(run)")
        #expect(bench.requests == [["1"]])
        #expect(try await bench.table() == ["sent 1", "waiting 2", "waiting 3"])
        #expect(
            try await bench.log(run).sorted() == [
                "track succeeded  1", "track waiting waiting_for_user 2", "track waiting waiting_for_user 3",
            ])
        let second = try await bench.run()
        #expect(second.counts.waiting == 2 && second.counts.planned.track == 0, "\(second)")
        #expect(try await bench.log(second).isEmpty && bench.requests.count == 1)

        try await bench.acknowledge("ann", "ben")
        #expect(try await bench.run().counts.succeeded.track == 2)
        #expect(bench.requests == [["1"], ["2", "3"]])
        #expect(try await bench.table() == ["sent 1", "sent 2", "sent 3"])
    }

    @Test func aPersonRestsForAMinuteBeforeTheFirstEvent() async throws {
        let bench = try await EventsBench { events, _, _ in events.after = "people" }
        try await bench.acknowledge("ann", "ben")
        try await bench.acknowledge("ann", secondsAgo: 30)
        try await bench.acknowledge("ben", secondsAgo: 90)
        try await bench.add((1, "ann", 100), (2, "ben", 200))
        let run = try await bench.run()
        #expect(run.counts.waiting == 1 && bench.requests == [["2"]], "\(run)")
        bench.clock.advance(by: .seconds(40))
        #expect(try await bench.run().counts.succeeded.track == 1)
        #expect(bench.requests == [["2"], ["1"]])
    }

    @Test func whoNeverAppearsInTheOtherSyncFailsOnce() async throws {
        let bench = try await EventsBench { events, _, _ in
            events.after = "people"
            events.waitForUserSeconds = 3600
        }
        try await bench.add((1, "ben", 200))
        #expect(try await bench.run().counts.waiting == 1)
        bench.clock.advance(by: .seconds(3500))
        #expect(try await bench.run().counts.waiting == 1)
        bench.clock.advance(by: .seconds(200))
        let last = try await bench.run()
        #expect(last.counts.failed.track == 1 && last.counts.planned.track == 1 && last.counts.waiting == 0, "\(last)")
        #expect(try await bench.log(last) == ["track failed user_not_found 1"])
        let reasons = try await bench.fixture.query(
            "SELECT error_reason FROM \(bench.fixture.state("sync_log")) WHERE run_id = '\(last.id)'")
        #expect(reasons == [["The sync people had not acknowledged the person within 60 min (wait_for_user)."]])
        #expect(try await bench.table() == ["rejected 1"])
        #expect(try await bench.run().counts.unchanged == 1)
        #expect(bench.requests.isEmpty)
    }

    /// A move of states that was broken off has moved this sync, and not the one that knows the people.
    @Test func noEventIsGivenUpWhileTheStateOfTheOtherSyncIsElsewhere() async throws {
        let bench = try await EventsBench { events, _, _ in
            events.after = "vip"
            events.waitForUserSeconds = 3600
        }
        let (people, archive) = (try await Bench(), try await SQLiteFixture.make())
        try await people.setAudience(addresses(1...2))
        let source = try #require(people.fixture.warehouse as? any ServiceWarehouse)
        let state = try #require(archive.warehouse as? any ServiceWarehouse)
        let there = await people.pipeline(warehouse: SplitWarehouse(source: source, state: state)).run(RunRequest())
        guard case .ran = there else { throw RunError(code: "test", message: "\(there)") }
        let search = StateSearch(home: "shop") {
            [StateHome(name: "archive", warehouse: SQLiteWarehouse(path: archive.path))]
        }
        try await bench.add((1, "ben", 200))
        #expect(try await bench.run().counts.waiting == 1)
        bench.clock.advance(by: .seconds(3700))
        guard case .ran(let run) = await bench.pipeline(search: search).run(RunRequest()) else {
            throw RunError(code: "test", message: "not run")
        }
        #expect(run.status == .failed && run.error?.code == "state_elsewhere", "\(run)")
        #expect(run.error?.message.contains("archive") == true, "\(run)")
        #expect(try await bench.table() == ["waiting 1"])
        // Where none of the warehouses has it, the sync of users has never run, and the event is given up.
        #expect(try await bench.run().counts.failed.track == 1)
        await archive.tearDown()
    }

    @Test func whoWaitsForTheOtherSyncIsStillWaitedForInIterable() async throws {
        let bench = try await EventsBench { events, _, _ in events.after = "people" }
        try await bench.acknowledge("ben")
        try await bench.add((1, "ben", 200))
        bench.events.setUnknown(["ben@example.com"])
        #expect(try await bench.run().counts.waiting == 1)
        #expect(bench.requests == [["1"]])
        bench.events.setUnknown([])
        #expect(try await bench.run().counts.succeeded.track == 1)
    }
}

import Foundation
import RollcallCore
import SyncEngine
import TestSupport
import Testing
import Warehouse

/// `mode: update`: only people whom Iterable knows are sent.
@Suite(.timeLimit(.minutes(10))) struct UsersUpdateTests {
    private static let rows = [
        "1, 'ann@example.com', 'free', 'Bonn', 3", "2, 'ben@example.com', 'pro', 'Kiel', 0",
        "3, 'cy@example.com', 'pro', 'Ulm', 1",
    ]

    /// - Parameter known: addresses of profiles that are there.
    private func bench(
        knows known: [String] = ["ann@example.com"],
        adjust: @escaping @Sendable (inout UserSettings, inout SyncSettings, inout DestinationSettings) -> Void = {
            _, _, _ in
        }
    ) async throws -> UsersBench {
        let bench = try await UsersBench { users, sync, destination in
            users.mode = .update
            adjust(&users, &sync, &destination)
        }
        for person in known { bench.users.write(person, "source", "\"form\"") }
        return bench
    }

    @Test func whomIterableDoesNotKnowIsLeftOut() async throws {
        let bench = try await bench()
        try await bench.setRows(Self.rows)
        let run = try await bench.run()
        #expect(run.status == .completedWithFailures, "\(run)")
        #expect(run.counts.planned[.update] == 3 && run.counts.succeeded[.update] == 1)
        #expect(run.counts.failed[.update] == 2 && run.error == nil)
        #expect(bench.users.people == ["ann@example.com"])
        #expect(bench.users.requests.flatMap(\.people).compactMap(\.identity.email) == ["ann@example.com"])
        #expect(
            try await bench.log(run).sorted() == [
                "update failed user_not_found 2", "update failed user_not_found 3", "update succeeded  1",
            ])
        #expect(try await bench.snapshot() == ["synced 1 ann@example.com"])
    }

    @Test func whomIterableHasAcknowledgedIsNotLookedUpAgain() async throws {
        let bench = try await bench()
        try await bench.setRows(Self.rows)
        try await bench.run()
        #expect(
            Set(bench.users.looks) == [.email("ann@example.com"), .email("ben@example.com"), .email("cy@example.com")])
        #expect(bench.users.looks.count == 3)
        // The next run looks once at each of those who were missing, and sends who is there by now.
        bench.users.write("ben@example.com", "source", "\"form\"")
        try await bench.setRows(["1, 'ann@example.com', 'pro', 'Bonn', 3"] + Self.rows.dropFirst())
        let second = try await bench.run()
        #expect(second.counts.succeeded[.update] == 2 && second.counts.failed[.update] == 1, "\(second)")
        #expect(Set(bench.users.looks.dropFirst(3)) == [.email("ben@example.com"), .email("cy@example.com")])
        #expect(bench.users.looks.count == 5)
        #expect(bench.users.profile("ann@example.com")?["plan"] == "\"pro\"")
    }

    @Test func aRequestWithoutAnAnswerDoesNotMakeAPersonKnown() async throws {
        let bench = try await bench()
        try await bench.setRows([Self.rows[0]])
        bench.users.setFate { _, _ in
            .answer(
                .retry(
                    FailureReason(code: "no_answer", reason: "no answer"), after: nil, mayHaveBeenApplied: true,
                    cause: .trouble))
        }
        let lost = try await bench.run()
        #expect(lost.counts.unknown[.update] == 1, "\(lost)")
        bench.users.setFate { _, _ in .ok }
        bench.clock.advance(by: .seconds(300))
        #expect(try await bench.run().counts.succeeded[.update] == 1)
        #expect(bench.users.looks == [.email("ann@example.com"), .email("ann@example.com")])
    }

    @Test func planSaysHowManyPeopleAreLookedUpAndLooksAtNobody() async throws {
        let bench = try await bench()
        try await bench.setRows(Self.rows)
        let plan = try await bench.pipeline().plan()
        #expect(plan.preparations == ["Iterable is asked whether it knows 3 people"])
        #expect(bench.users.looks.isEmpty)
        try await bench.run()
        try await bench.setRows(["1, 'ann@example.com', 'pro', 'Bonn', 3", Self.rows[1]])
        #expect(try await bench.pipeline().plan().preparations == ["Iterable is asked whether it knows one person"])
    }

    @Test func whySaysThatThePersonMustBeKnown() async throws {
        let bench = try await bench()
        try await bench.setRows(Self.rows)
        try await bench.run()
        let missing = try await bench.pipeline().why("2")
        #expect(missing.nextStep == "update 2, if Iterable knows the person")
        #expect(missing.records.first?.errorCode == "user_not_found")
        try await bench.setRows(["1, 'ann@example.com', 'pro', 'Bonn', 3"])
        #expect(try await bench.pipeline().why("1").nextStep == "update 1")
    }

    @Test func anUnreachableIterableLeavesTheRestNotAttempted() async throws {
        let bench = try await bench(knows: ["ann@example.com", "ben@example.com", "cy@example.com"])
        try await bench.setRows(Self.rows)
        bench.users.setLookFate { name, _ throws(DestinationError) in
            if name == .email("ann@example.com") { return nil }
            throw DestinationError(
                error: RunError(code: "no_answer", message: "no answer"), isTransient: true, retryAfter: .seconds(5))
        }
        let run = try await bench.run { _, _, destination in destination.limits.users.recordsPerRequest = 1 }
        #expect(run.error?.code == "no_answer", "\(run)")
        #expect(run.counts.notAttempted[.update] >= 2 && run.counts.failed.total == 0 && run.counts.unknown.total == 0)
        bench.users.setLookFate { _, _ in nil }
        #expect(try await bench.run().status == .succeeded)
        #expect(try await bench.snapshot().count == 3)
    }

    /// What Iterable has stored of one person may keep it from answering about them, in every run.
    @Test(arguments: ["server_error", "unreadable_answer"])
    func aPersonOfWhomIterableCannotTellKeepsNobodyWaiting(code: String) async throws {
        let people = (1...5).map { "p\($0)@example.com" }
        let bench = try await bench(knows: people)
        try await bench.setRows((1...5).map { "\($0), 'p\($0)@example.com', 'free', 'Bonn', 3" })
        func fail(_ names: [String]) {
            let names = names.map { ProfileName.email($0) }
            bench.users.setLookFate { name, _ throws(DestinationError) in
                if !names.contains(name) { return nil }
                throw DestinationError(
                    error: RunError(code: code, message: "It cannot be told."), isTransient: true,
                    retryAfter: .seconds(5))
            }
        }
        func run() async throws -> SyncRun {
            try await bench.run { _, _, destination in
                destination.limits.users.recordsPerRequest = 2
                destination.limits.concurrentRequests = 1
            }
        }
        // Two in a row, and one more after others.
        fail([people[0], people[1], people[3]])
        let first = try await run()
        #expect(first.status == .completedWithFailures && first.error == nil, "\(first)")
        #expect(first.counts.succeeded[.update] == 2 && first.counts.failed[.update] == 3)
        let refusal = "update failed \(code)"
        #expect(
            try await bench.log(first).sorted() == [
                "\(refusal) 1", "\(refusal) 2", "\(refusal) 4", "update succeeded  3", "update succeeded  5",
            ])
        // Three in a row are no longer about one person.
        fail([people[0], people[1], people[3]])
        let second = try await run()
        #expect(second.error?.code == code && second.counts.succeeded.total == 0, "\(second)")
        #expect(second.counts.balances && second.counts.notAttempted[.update] >= 1)
        fail([])
        let third = try await run()
        #expect(third.status == .succeeded && third.counts.succeeded[.update] == 3, "\(third)")
    }

    @Test func aRefusalIsAboutThePersonAndNotAboutTheRun() async throws {
        let bench = try await bench(knows: ["ann@example.com"])
        try await bench.setRows(Array(Self.rows.prefix(2)))
        let forgotten = FailureReason(code: "forgotten", reason: "forgotten", httpStatus: 400)
        bench.users.setLookFate { name, _ in name == .email("ben@example.com") ? .refused(.rejected(forgotten)) : nil }
        let run = try await bench.run()
        #expect(run.counts.succeeded[.update] == 1 && run.counts.failed[.update] == 1 && run.error == nil, "\(run)")
        #expect(try await bench.snapshot() == ["synced 1 ann@example.com", "rejected 2 ben@example.com"])
        // Refused for good: neither sent nor looked up until the row changes.
        let looks = bench.users.looks.count
        #expect(try await bench.run().counts.failed[.update] == 1)
        #expect(bench.users.looks.count == looks)
    }

    @Test func aStopEndsTheLooks() async throws {
        let bench = try await bench(knows: [])
        try await bench.setRows((1...50).map { "\($0), 'p\($0)@example.com', 'free', 'Bonn', 3" })
        let stop = StopSignal()
        bench.users.setLookFate { _, number in
            if number == 5 { stop.request(.interrupted) }
            return nil
        }
        let outcome = await bench.pipeline(stop: stop) { _, _, destination in
            destination.limits.users.recordsPerRequest = 50
        }.run(RunRequest())
        guard case .ran(let run) = outcome else { throw RunError(code: "test", message: "\(outcome)") }
        #expect(run.status == .interrupted && run.counts.notAttempted[.update] == 50, "\(run)")
        #expect(run.counts.balances && bench.users.requests.isEmpty)
        #expect(bench.users.looks.count < 50)
    }

    @Test func aRenameOfSomebodyWhoIsNotThereMakesNoProfile() async throws {
        let bench = try await bench()
        try await bench.setRows([Self.rows[0]])
        try await bench.run()
        _ = bench.users.delete(.email("ann@example.com"))
        try await bench.setRows(["1, 'anna@example.com', 'free', 'Bonn', 3"])
        bench.clock.advance(by: .seconds(300))
        let run = try await bench.run()
        #expect(try await bench.log(run).contains("rename failed user_not_found 1"), "\(run)")
        #expect(bench.users.people.isEmpty && bench.users.renames.isEmpty)
    }

    // MARK: Another API key

    /// It may belong to another project: whom Iterable has acknowledged with the key before is looked up like others.
    @Test func withAnotherKeyEverybodyIsLookedUp() async throws {
        let bench = try await bench(knows: ["ann@example.com", "ben@example.com"]) { $2.keyHash = "one" }
        try await bench.setRows(Array(Self.rows.prefix(2)))
        try await bench.run()
        _ = bench.users.delete(.email("ann@example.com"))
        let change: @Sendable (inout UserSettings, inout SyncSettings, inout DestinationSettings) -> Void = {
            $2.keyHash = "another"
        }
        let plan = try await bench.pipeline(change: change).plan()
        #expect(plan.preparations == ["Iterable is asked whether it knows 2 people"])
        // A run that is broken off leaves that as it is.
        let denied = RunError(code: "unauthorized", message: "no")
        bench.users.setLookFate { _, _ throws(DestinationError) in
            throw DestinationError(error: denied, isTransient: false)
        }
        #expect(try await bench.run(change: change).error?.code == "unauthorized")
        bench.users.setLookFate { _, _ in nil }
        let first = try await bench.run(change: change)
        #expect(first.counts.succeeded[.update] == 1 && first.counts.unknown[.update] == 1, "\(first)")
        #expect(try await bench.log(first).contains("update unknown user_not_found 1"))
        let second = try await bench.run(change: change)
        #expect(second.counts.failed[.update] == 1 && second.counts.unchanged == 1, "\(second)")
        #expect(bench.users.people == ["ben@example.com"])
        // Whom the new key has acknowledged is not looked up again.
        let looks = bench.users.looks.count
        try await bench.setRows(["2, 'ben@example.com', 'free', 'Kiel', 0"])
        #expect(try await bench.run(change: change).counts.succeeded[.update] == 1)
        #expect(bench.users.looks.count == looks)
    }

    /// The run of another key counts as carried out; whoever could not be looked up by it is looked up by the next one all the same.
    @Test func whoCouldNotBeLookedUpWithAnotherKeyIsNotSentUnseen() async throws {
        let bench = try await bench(knows: ["ann@example.com", "ben@example.com"]) { $2.keyHash = "one" }
        try await bench.setRows(Array(Self.rows.prefix(2)))
        try await bench.run()
        _ = bench.users.delete(.email("ann@example.com"))
        let change: @Sendable (inout UserSettings, inout SyncSettings, inout DestinationSettings) -> Void = {
            $2.keyHash = "another"
        }
        bench.users.setLookFate { name, _ throws(DestinationError) in
            if name != .email("ann@example.com") { return nil }
            throw DestinationError(
                error: RunError(code: "server_error", message: "It failed."), isTransient: true, retryAfter: .seconds(5)
            )
        }
        let first = try await bench.run(change: change)
        #expect(first.counts.succeeded[.update] == 1 && first.counts.unknown[.update] == 1, "\(first)")
        bench.users.setLookFate { _, _ in nil }
        bench.clock.advance(by: .seconds(300))
        let second = try await bench.run(change: change)
        #expect(second.counts.failed[.update] == 1, "\(second)")
        #expect(bench.users.people == ["ben@example.com"], "no profile was made")
    }

    // MARK: By userId

    @Test func emailProjectsByUserIDNeedNoLook() async throws {
        let bench = try await bench { _, sync, _ in sync.mapping = ColumnMapping(email: nil, userID: "user_id") }
        let missing = FailureReason(code: "user_not_found", reason: "no such user", httpStatus: 200)
        bench.users.setFate { _, _ in .refuse(["u2": .failed(missing)]) }
        try await bench.setRows(["1, NULL, 'free', 'Bonn', 3, 'u1'", "2, NULL, 'pro', 'Kiel', 0, 'u2'"])
        let run = try await bench.run()
        #expect(run.counts.succeeded[.update] == 1 && run.counts.failed[.update] == 1, "\(run)")
        #expect(
            bench.users.objects(0).first
                == #"{"userId":"u1","dataFields":{"city":"Bonn","orders":3,"plan":"free"},"mergeNestedObjects":false,"#
                + #""preferUserId":false}"#)
        #expect(bench.users.looks.isEmpty)
        #expect(try await bench.pipeline().plan().preparations.isEmpty)
        #expect(try await bench.log(run).sorted() == ["update failed user_not_found 2", "update succeeded  1"])
    }

    @Test func hybridProjectsAreAskedByTheUserIDAndThenByTheAddress() async throws {
        let bench = try await bench(knows: ["ben@example.com"]) { _, sync, destination in
            sync.mapping = ColumnMapping(email: "email", userID: "user_id")
            destination.projectType = .hybrid
        }
        bench.users.write("u1", "source", "\"form\"")
        try await bench.setRows([
            "1, 'ann@example.com', 'free', 'Bonn', 3, 'u1'", "2, 'ben@example.com', 'pro', 'Kiel', 0, NULL",
            "3, 'cy@example.com', 'pro', 'Ulm', 1, 'u3'",
        ])
        let run = try await bench.run()
        #expect(run.counts.succeeded[.update] == 2 && run.counts.failed[.update] == 1, "\(run)")
        #expect(
            Set(bench.users.looks) == [
                .userID("u1"), .email("ben@example.com"), .userID("u3"), .email("cy@example.com"),
            ])
        #expect(bench.users.looks.count == 4)
    }

    // MARK: New fields

    @Test func newFieldsAreShownBySomebodyWhoIsThere() async throws {
        let bench = try await bench(knows: ["cy@example.com"]) { users, _, _ in users.newFields = .create }
        bench.users.setTypes(["plan": "string", "orders": "long"])
        try await bench.setRows(Self.rows)
        let run = try await bench.run()
        #expect(run.error == nil && run.counts.succeeded[.update] == 1 && run.counts.failed[.update] == 2, "\(run)")
        #expect(bench.users.types["city"] == "string")
        #expect(bench.users.profile("cy@example.com")?["city"] == "\"Ulm\"")
    }

    /// It gets no other object while the one before may still be carried out.
    @Test func whoseRequestHasNoAnswerShowsNewFieldsLater() async throws {
        let bench = try await bench(knows: ["cy@example.com"]) { users, _, _ in users.newFields = .create }
        try await bench.setRows([Self.rows[2]])
        bench.users.setFate { _, _ in .loseAfter }
        #expect(try await bench.run().counts.unknown[.update] == 1)
        bench.users.setFate { _, _ in .ok }
        let sent = bench.users.requests.count
        bench.users.setTypes(["plan": "string", "orders": "long"])
        try await bench.setRows([Self.rows[0], "3, 'cy@example.com', 'free', 'Ulm', 1"])
        let before = bench.clock.uptime
        let run = try await bench.run()
        #expect(run.error == nil && run.counts.succeeded[.update] == 1, "\(run)")
        #expect(bench.users.requests.count == sent + 1 && bench.users.types["city"] == "string")
        #expect(bench.clock.uptime - before >= .seconds(60), "not while the first may still be carried out")
    }

    /// Nor while a deletion may: it would take the person along who has just come back.
    @Test func whoComesBackShowsNewFieldsOnceTheDeletionIsCarriedOut() async throws {
        let bench = try await UsersBench { users, _, _ in (users.onLeave, users.newFields) = (.delete, .create) }
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3", "2, 'ben@example.com', 'free', 'Bonn', 3"])
        try await bench.run()
        try await bench.setRows(["2, 'ben@example.com', 'free', 'Bonn', 3"])
        #expect(try await bench.run().counts.succeeded[.delete] == 1)
        bench.users.setTypes(["plan": "string", "orders": "long"])
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Kiel', 3", "2, 'ben@example.com', 'free', 'Bonn', 3"])
        let before = bench.clock.uptime
        let run = try await bench.run()
        #expect(run.error == nil && run.counts.succeeded[.update] == 1, "\(run)")
        #expect(bench.users.types["city"] == "string")
        #expect(bench.clock.uptime - before >= .seconds(60), "not before the deletion has settled")
    }

    @Test func whereNobodyIsThereToShowNewFieldsTheyAreNotMissed() async throws {
        let bench = try await bench(knows: []) { users, _, _ in users.newFields = .create }
        bench.users.setTypes(["plan": "string", "orders": "long"])
        try await bench.setRows(Self.rows)
        let run = try await bench.run()
        #expect(run.error == nil && run.counts.failed[.update] == 3, "\(run)")
        #expect(bench.users.requests.isEmpty && bench.users.types["city"] == nil)
    }

    @Test func fieldsThatOnlyUnknownPeopleShowStopTheRun() async throws {
        let bench = try await bench(knows: ["cy@example.com"]) { users, _, _ in users.newFields = .create }
        bench.users.setTypes(["plan": "string", "orders": "long"])
        // Iterable would take the last city for a date.
        try await bench.setRows(Array(Self.rows.prefix(2)) + ["3, 'cy@example.com', 'pro', '2024-01-01', 1"])
        let run = try await bench.run()
        #expect(run.error?.code == "canary_failed" && run.counts.notAttempted[.update] == 1, "\(run)")
        #expect(bench.users.requests.isEmpty)
    }
}

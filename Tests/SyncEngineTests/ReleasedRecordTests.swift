import RollcallCore
import SyncEngine
import TestSupport
import Testing

/// A record whose row left, whose profile another record of the sync has got since, and whose row comes back.
@Suite(.timeLimit(.minutes(10))) struct ReleasedRecordTests {
    private static let ben = "2, 'ben@example.com', 'free', 'Bonn', 3"

    /// Ann was sent as 1 and left; then 3 was sent under her address.
    private static func afterATakeOver(
        _ changes: UserSettings.IdentityChanges = .rename, _ body: (UsersBench) async throws -> Void
    ) async throws {
        let bench = try await UsersBench { users, _, _ in users.identityChanges = changes }
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3", ben])
        try await bench.run()
        try await bench.setRows([ben])
        try await bench.run()
        try await bench.setRows(["3, 'ann@example.com', 'pro', 'Kiel', 4", ben])
        let run = try await bench.run()
        #expect(run.counts.succeeded[.update] == 1, "\(run)")
        try await body(bench)
    }

    @Test(arguments: UserSettings.IdentityChanges.allCases)
    func takesNoProfileAwayWithItsNewAddress(_ changes: UserSettings.IdentityChanges) async throws {
        try await Self.afterATakeOver(changes) { bench in
            try await bench.setRows([
                "1, 'anna@example.com', 'free', 'Bonn', 3", "3, 'ann@example.com', 'pro', 'Kiel', 4", Self.ben,
            ])
            let run = try await bench.run()
            #expect(run.counts.succeeded[.update] == 1 && run.counts.failed.total == 0, "\(run)")
            #expect(bench.users.renames.isEmpty)
            #expect(bench.users.people == ["ann@example.com", "anna@example.com", "ben@example.com"])
            #expect(bench.users.profile("ann@example.com")?["city"] == "\"Kiel\"")
            #expect(bench.users.profile("anna@example.com")?["city"] == "\"Bonn\"")
            let next = try await bench.run()
            #expect(next.counts.planned.total == 0, "\(next)")
        }
    }

    /// Both rows have another address than the profile that the second one has.
    @Test func leavesTheProfileToTheRecordThatHasIt() async throws {
        try await Self.afterATakeOver { bench in
            try await bench.setRows([
                "1, 'anna@example.com', 'free', 'Bonn', 3", "3, 'cleo@example.com', 'pro', 'Kiel', 4", Self.ben,
            ])
            for _ in 0..<2 { try await bench.run() }
            #expect(bench.users.renames.map(\.newEmail) == ["cleo@example.com"])
            #expect(bench.users.people == ["anna@example.com", "ben@example.com", "cleo@example.com"])
            #expect(bench.users.profile("anna@example.com")?["city"] == "\"Bonn\"")
        }
    }

    @Test func doesNotStandInTheWayWithARowThatCannotBeSent() async throws {
        try await Self.afterATakeOver { bench in
            try await bench.setRows([
                "1, 'no address', 'free', 'Bonn', 3", "3, 'ann@example.com', 'pro', 'Bonn', 5", Self.ben,
            ])
            let run = try await bench.run()
            #expect(run.counts.succeeded[.update] == 1 && run.counts.failed.total == 0, "\(run)")
        }
    }

    /// The record that is sent by itself has the profile of one that is gone, which is let go with it: what becomes of that record
    /// later is not done to this profile.
    @Test func isLetGoWhereAnotherIsSentByItself() async throws {
        let bench = try await UsersBench { users, _, _ in users.onLeave = .delete }
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3", Self.ben])
        try await bench.run()
        try await bench.setRows(["3, 'ann@example.com', 'pro', 'Kiel', 4", Self.ben])
        var request = RunRequest()
        request.only = "3"
        let run = try await bench.run(request)
        #expect(run.counts.succeeded[.update] == 1, "\(run)")
        try await bench.setRows(["3, 'cleo@example.com', 'pro', 'Kiel', 4", Self.ben])
        for _ in 0..<3 { try await bench.run() }
        #expect(bench.users.people == ["ben@example.com", "cleo@example.com"])
        #expect(bench.users.renames.map(\.newEmail) == ["cleo@example.com"])
    }
}

extension ReleasedRecordTests {
    /// Whatever the rest of the source looks like.
    @Test func isKeptWhereAnotherPersonIsSentByItself() async throws {
        let bench = try await UsersBench()
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3", "2, 'ben@example.com', 'free', 'Bonn', 3"])
        try await bench.run()
        try await bench.setRows(["2, 'ben@example.com', 'pro', 'Bonn', 3"])
        var request = RunRequest()
        request.only = "2"
        #expect(try await bench.run(request).counts.succeeded[.update] == 1)
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3", "2, 'ben@example.com', 'pro', 'Bonn', 3"])
        let run = try await bench.run()
        #expect(run.counts.planned.total == 0, "\(run)")
    }
}

extension ReleasedRecordTests {
    /// Iterable carries a deletion out later: what was let go waits as what is new.
    @Test func waitsForTheDeletionOfItsPersonUnderAnotherKey() async throws {
        let bench = try await UsersBench { users, _, _ in users.onLeave = .delete }
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3", Self.ben])
        try await bench.run()
        try await bench.setRows(["3, 'ann@example.com', 'pro', 'Bonn', 3", Self.ben])
        try await bench.run()
        try await bench.setRows([Self.ben])
        #expect(try await bench.run().counts.succeeded[.delete] == 1)
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3", Self.ben])
        let before = bench.clock.uptime
        #expect(try await bench.run().counts.succeeded[.update] == 1)
        #expect(bench.clock.uptime - before >= .seconds(60), "not before the deletion has settled")
    }

    /// A person whom no other record is sent for is not let go: the deletion would never come.
    @Test func isKeptWhereThePersonOfAnotherRowIsSentByItself() async throws {
        let bench = try await UsersBench { users, _, _ in users.onLeave = .delete }
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3", Self.ben])
        try await bench.run()
        try await bench.setRows(["3, 'ann@example.com', 'pro', 'Bonn', 3", "2, 'ben@example.com', 'pro', 'Bonn', 3"])
        var request = RunRequest()
        request.only = "2"
        #expect(try await bench.run(request).counts.succeeded[.update] == 1)
        try await bench.setRows(["2, 'ben@example.com', 'pro', 'Bonn', 3"])
        #expect(try await bench.run().counts.succeeded[.delete] == 1)
        #expect(bench.users.people == ["ben@example.com"])
    }
}

/// People who are cleared of what this sync has written.
@Suite(.timeLimit(.minutes(10))) struct ClearedPeopleTests {
    @Test(arguments: [true, false])
    func toClearSomebodyMakesNoProfile(_ isCarriedOut: Bool) async throws {
        let bench = try await UsersBench { users, _, _ in users.onLeave = .clear }
        let noAnswer = DeliveryAnswer.retry(
            FailureReason(code: "no_answer", reason: "no answer"), after: nil, mayHaveBeenApplied: true, cause: .trouble
        )
        bench.users.setFate { _, _ in isCarriedOut ? .loseAfter : .answer(noAnswer) }
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3"])
        #expect(try await bench.run().counts.unknown[.update] == 1)
        bench.users.setFate { _, _ in .ok }
        try await bench.setRows(["2, 'ben@example.com', 'free', 'Bonn', 3"])
        try await bench.fixture.execute("UPDATE rollcall_settling_requests SET settles_at = '2020-01-01T00:00:00.000Z'")
        let run = try await bench.run()
        #expect(run.counts.succeeded[.clear] == 1, "\(run)")
        #expect(bench.users.profile("ann@example.com") == (isCarriedOut ? [:] : nil))
        #expect(try await bench.snapshot() == ["synced 2 ben@example.com"])
    }

    /// The key may be that of another project, which has never heard of the person.
    @Test func withAnotherKeyToClearSomebodyMakesNoProfile() async throws {
        let bench = try await UsersBench { users, _, destination in
            users.onLeave = .clear
            destination.keyHash = "one"
        }
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3", "2, 'ben@example.com', 'free', 'Bonn', 3"])
        try await bench.run()
        _ = bench.users.delete(.email("ann@example.com"))
        try await bench.setRows(["2, 'ben@example.com', 'free', 'Bonn', 3"])
        let change: @Sendable (inout UserSettings, inout SyncSettings, inout DestinationSettings) -> Void = {
            $2.keyHash = "another"
        }
        let plan = try await bench.pipeline(change: change).plan()
        #expect(plan.preparations == ["Iterable is asked whether it knows one person"])
        let held = try await bench.run(change: change)
        #expect(held.status == .held, "\(held)")
        var request = RunRequest()
        request.kind = .approve(runID: held.id)
        let run = try await bench.run(request, change: change)
        #expect(run.counts.succeeded[.clear] == 1, "\(run)")
        #expect(bench.users.people == ["ben@example.com"])
    }

    /// Another system's value of a field stays.
    @Test func whoHasNoFieldOfTheSyncIsLetGo() async throws {
        let bench = try await UsersBench { users, _, _ in users.onLeave = .clear }
        try await bench.setRows(["1, 'ann@example.com', NULL, NULL, NULL", "2, 'ben@example.com', 'free', 'Bonn', 3"])
        try await bench.run()
        bench.users.write("ann@example.com", "plan", "\"pro\"")
        try await bench.setRows(["2, 'ben@example.com', 'free', 'Bonn', 3"])
        let run = try await bench.run()
        #expect(run.counts.planned.total == 0, "\(run)")
        #expect(bench.users.profile("ann@example.com")?["plan"] == "\"pro\"")
        #expect(try await bench.run().counts.planned.total == 0)
    }
}

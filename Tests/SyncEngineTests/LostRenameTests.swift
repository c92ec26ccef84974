import RollcallCore
import SyncEngine
import TestSupport
import Testing

/// A rename whose answer was lost, and a row that has changed again before it was known what became of it.
@Suite(.timeLimit(.minutes(10))) struct LostRenameTests {
    /// The profile of Ann was to get the address anna@example.com, which no answer has told of.
    private static func afterALostRename(
        isCarriedOut: Bool, removal: Removal = .keep, _ body: (UsersBench) async throws -> Void
    ) async throws {
        let bench = try await UsersBench { users, _, _ in users.onLeave = removal }
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3", "2, 'ben@example.com', 'free', 'Bonn', 3"])
        try await bench.run()
        let noAnswer = DeliveryAnswer.retry(
            FailureReason(code: "no_answer", reason: "no answer"), after: nil, mayHaveBeenApplied: true, cause: .trouble
        )
        bench.users.setRenameFate { _, number in
            number > 1 ? .ok : isCarriedOut ? .loseAfter : .answer(noAnswer)
        }
        try await bench.setRows(["1, 'anna@example.com', 'free', 'Bonn', 3", "2, 'ben@example.com', 'free', 'Bonn', 3"])
        #expect(try await bench.run().counts.unknown[.rename] == 1)
        // However long ago that was.
        try await bench.fixture.execute("UPDATE rollcall_settling_requests SET settles_at = '2020-01-01T00:00:00.000Z'")
        try await body(bench)
    }

    typealias Removal = UserSettings.Leaving

    @Test(arguments: [true, false])
    func aRowThatHasItsOldAddressAgainIsNotTakenForUnchanged(_ isCarriedOut: Bool) async throws {
        try await Self.afterALostRename(isCarriedOut: isCarriedOut) { bench in
            try await bench.setRows([
                "1, 'ann@example.com', 'free', 'Bonn', 3", "2, 'ben@example.com', 'free', 'Bonn', 3",
            ])
            let second = try await bench.run()
            #expect(second.counts.planned[.rename] == 1, "\(second)")
            #expect(second.counts.succeeded[.rename] == (isCarriedOut ? 1 : 0), "\(second)")
            // What was not carried out, and is not wanted any more, is not sent again.
            #expect(bench.users.renames.count == 1)
            for _ in 0..<2 { try await bench.run() }
            #expect(bench.users.people == ["ann@example.com", "ben@example.com"])
            #expect(try await bench.run().counts.planned.total == 0)
        }
    }

    @Test(arguments: [true, false])
    func aRowThatHasAThirdAddressMakesNoSecondProfile(_ isCarriedOut: Bool) async throws {
        try await Self.afterALostRename(isCarriedOut: isCarriedOut) { bench in
            bench.users.write(isCarriedOut ? "anna@example.com" : "ann@example.com", "history", "1")
            try await bench.setRows([
                "1, 'annika@example.com', 'pro', 'Bonn', 3", "2, 'ben@example.com', 'free', 'Bonn', 3",
            ])
            for _ in 0..<3 { try await bench.run() }
            #expect(bench.users.people == ["annika@example.com", "ben@example.com"])
            #expect(bench.users.profile("annika@example.com")?["plan"] == "\"pro\"")
            #expect(bench.users.profile("annika@example.com")?["history"] == "1")
        }
    }

    @Test(arguments: [true, false])
    func whoIsGoneIsDeletedWhereTheProfileIs(_ isCarriedOut: Bool) async throws {
        try await Self.afterALostRename(isCarriedOut: isCarriedOut, removal: .delete) { bench in
            try await bench.setRows(["2, 'ben@example.com', 'free', 'Bonn', 3"])
            let second = try await bench.run()
            #expect(second.counts.planned[.rename] == 1 && second.counts.planned.total == 1, "\(second)")
            try await bench.run()
            #expect(bench.users.people == ["ben@example.com"])
        }
    }

    /// So it is where every answer came.
    @Test func aRowThatHasItsOldAddressAgainAfterARenameIsRenamedBack() async throws {
        let bench = try await UsersBench()
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3"])
        try await bench.run()
        try await bench.setRows(["1, 'anna@example.com', 'free', 'Bonn', 3"])
        #expect(try await bench.run().counts.succeeded[.rename] == 1)
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3"])
        for _ in 0..<2 { try await bench.run() }
        #expect(bench.users.people == ["ann@example.com"])
        let last = try await bench.run()
        #expect(last.counts.unchanged == 1, "\(last)")
    }

    /// What Iterable refuses is known: the next row goes at once, and nothing counts as lost.
    @Test func aRenameThatIsRefusedIsNotLost() async throws {
        let bench = try await UsersBench()
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3"])
        try await bench.run()
        let forgotten = RecordOutcome.failed(FailureReason(code: "forgotten", reason: "Forgotten."))
        bench.users.setRenameFate { rename, _ in
            rename.newEmail == "anna@example.com" ? .answer(.answered([forgotten], httpStatus: 400)) : .ok
        }
        try await bench.setRows(["1, 'anna@example.com', 'free', 'Bonn', 3"])
        #expect(try await bench.run().counts.failed[.rename] == 1)
        try await bench.setRows(["1, 'annika@example.com', 'free', 'Bonn', 3"])
        let second = try await bench.run()
        #expect(second.counts.succeeded[.rename] == 1 && second.counts.failed.total == 0, "\(second)")
        try await bench.run()
        #expect(bench.users.people == ["annika@example.com"])
    }
}

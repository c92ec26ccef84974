import Foundation
import RollcallCore
import SyncEngine
import TestSupport
import Testing
import Warehouse

/// The profiles of a project are kept equal to a source.
@Suite(.timeLimit(.minutes(10))) struct UsersSyncTests {
    @Test func aRowBecomesAnObjectAndOnlyWhatChangedIsSentAgain() async throws {
        let bench = try await UsersBench()
        try await bench.setRows([
            "1, ' Ann@Example.com', 'free', 'Bonn', 3", "2, 'ben@example.com', NULL, 'Kiel', 0",
            "3, 'cy@example.com', 'pro', NULL, NULL",
        ])
        let run = try await bench.run()
        #expect(run.status == .succeeded, "\(run)")
        #expect(run.counts.planned[.update] == 3 && run.counts.succeeded[.update] == 3)
        #expect(
            bench.users.objects(0) == [
                #"{"email":"ann@example.com","dataFields":{"city":"Bonn","orders":3,"plan":"free"},"mergeNestedObjects":false}"#,
                #"{"email":"ben@example.com","dataFields":{"city":"Kiel","orders":0},"mergeNestedObjects":false}"#,
            ])
        #expect(bench.users.requests.map(\.people.count) == [2, 1])
        #expect(bench.users.requests.allSatisfy { !$0.createsNewFields })
        #expect(
            try await bench.snapshot() == [
                "synced 1 ann@example.com", "synced 2 ben@example.com", "synced 3 cy@example.com",
            ])
        #expect(
            try await bench.log(run) == ["update succeeded  1", "update succeeded  2", "update succeeded  3"])
        #expect(try await bench.run().counts.unchanged == 3)
        #expect(bench.users.requests.count == 2, "nothing changed, nothing sent")
        try await bench.setRows([
            "1, 'ann@example.com', 'free', 'Bonn', 3", "2, 'ben@example.com', 'pro', 'Kiel', 0",
            "3, 'cy@example.com', 'pro', NULL, NULL",
        ])
        let second = try await bench.run()
        #expect(second.counts.planned[.update] == 1 && second.counts.unchanged == 2)
        #expect(bench.users.profile("ben@example.com")?["plan"] == "\"pro\"")
    }

    @Test func aPersonWhoseRowIsGoneStays() async throws {
        let bench = try await UsersBench()
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3", "2, 'ben@example.com', 'pro', 'Kiel', 0"])
        try await bench.run()
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3"])
        let run = try await bench.run()
        #expect(run.counts.planned == PerOperation() && run.counts.unchanged == 1)
        #expect(bench.users.people == ["ann@example.com", "ben@example.com"])
    }

    @Test func aPersonWhoLeavesIsClearedOfWhatThisSyncWrote() async throws {
        let bench = try await UsersBench { users, _, _ in users.onLeave = .clear }
        bench.users.write("ben@example.com", "city", "\"Rome\"")
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3", "2, 'ben@example.com', 'pro', NULL, 0"])
        try await bench.run()
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3"])
        bench.clock.advance(by: .seconds(120))
        let run = try await bench.run()
        #expect(run.counts.planned[.clear] == 1 && run.counts.succeeded[.clear] == 1, "\(run)")
        #expect(
            bench.users.objects(1) == [
                #"{"email":"ben@example.com","dataFields":{"orders":null,"plan":null},"mergeNestedObjects":false}"#
            ])
        #expect(bench.users.profile("ben@example.com") == ["city": "\"Rome\""])
        #expect(try await bench.snapshot() == ["synced 1 ann@example.com"])
        #expect(try await bench.log(run) == ["clear succeeded  2"])
        #expect(try await bench.run().counts.planned.total == 0)
    }

    @Test func aPersonWhoLeavesIsDeletedUnlessARowStillNamesThem() async throws {
        let bench = try await UsersBench { users, sync, _ in
            users.onLeave = .delete
            sync.mapping = ColumnMapping(email: "email", userID: "user_id")
        }
        let rows = [
            "1, 'ann@example.com', 'free', 'Bonn', 3, 'u1'", "2, 'ben@example.com', 'pro', NULL, 0, 'u2'",
            "3, 'cy@example.com', 'pro', NULL, 0, 'u3'",
        ]
        try await bench.setRows(rows)
        try await bench.run()
        // Another key for the second, and the third's userId stands in the row of another person.
        try await bench.setRows([
            "9, 'ben@example.com', 'pro', NULL, 0, 'u2'", "8, 'dan@example.com', 'pro', NULL, 0, 'u3'",
        ])
        bench.clock.advance(by: .seconds(120))
        let run = try await bench.run()
        #expect(run.counts.planned[.delete] == 1 && run.counts.succeeded[.delete] == 1, "\(run)")
        #expect(bench.users.deletions == [.email("ann@example.com")])
        try await bench.setRows(["9, 'ben@example.com', 'pro', NULL, 0, 'u2'"])
        bench.clock.advance(by: .seconds(120))
        #expect(try await bench.run().counts.succeeded[.delete] == 2)
        #expect(bench.users.people == ["ben@example.com"])
    }

    /// A row without its key, and one that cannot be sent, say of no record what it is, but who is in the source.
    @Test func aPersonIsNotDeletedWhoseAddressARowWithoutAKeyHas() async throws {
        for (row, isDeleted) in [
            ("NULL, 'ann@example.com', 'free', 'Bonn', 3, 'u1'", false), ("NULL, NULL, 'free', 'Bonn', 3, 'u1'", false),
            ("7, 'nobody', 'free', 'Bonn', 3, 'u1'", false), ("NULL, 'cy@example.com', 'free', 'Bonn', 3, 'u3'", true),
        ] {
            let bench = try await UsersBench { users, sync, _ in
                users.onLeave = .delete
                sync.mapping = ColumnMapping(email: "email", userID: "user_id")
            }
            let ben = "2, 'ben@example.com', 'pro', NULL, 0, 'u2'"
            try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3, 'u1'", ben])
            try await bench.run()
            try await bench.setRows([row, ben])
            bench.clock.advance(by: .seconds(120))
            let run = try await bench.run()
            #expect(run.counts.invalid == 1 && run.counts.planned[.delete] == (isDeleted ? 1 : 0), "\(row): \(run)")
        }
    }

    @Test func whoLeftWhileProfilesWereKeptIsNotRemovedLater() async throws {
        let bench = try await UsersBench()
        let (ann, ben) = ("1, 'ann@example.com', 'free', 'Bonn', 3", "2, 'ben@example.com', 'pro', 'Kiel', 0")
        try await bench.setRows([ann, ben])
        try await bench.run()
        try await bench.setRows([ann])
        try await bench.run()
        let later = try await bench.run { users, _, _ in users.onLeave = .delete }
        #expect(later.counts.planned.total == 0 && bench.users.people.count == 2, "\(later)")
        // The row comes back: the profile is this sync's own again.
        try await bench.setRows([ann, ben])
        #expect(try await bench.run { users, _, _ in users.onLeave = .delete }.counts.planned[.update] == 1)
        try await bench.setRows([ann])
        bench.clock.advance(by: .seconds(120))
        #expect(try await bench.run { users, _, _ in users.onLeave = .delete }.counts.succeeded[.delete] == 1)
    }

    @Test func manyRemovalsHoldTheRun() async throws {
        let bench = try await UsersBench { users, _, _ in users.onLeave = .clear }
        try await bench.setRows((1...120).map { "\($0), 'p\($0)@example.com', 'free', 'Bonn', 3" })
        try await bench.run()
        try await bench.setRows((1...80).map { "\($0), 'p\($0)@example.com', 'free', 'Bonn', 3" })
        let run = try await bench.run()
        #expect(run.status == .held && run.held.map(\.guard) == ["max_removals"], "\(run)")
    }

    // MARK: Identifiers

    @Test func whatStandsAtTheTopFollowsFromTheProject() async throws {
        for (project, mapping, object) in [
            (
                ProjectType.email, ColumnMapping(email: "email", userID: "user_id"),
                #"{"email":"ann@example.com","userId":"u1","dataFields":{"plan":"free"},"#
            ),
            (
                .userID, ColumnMapping(email: "email", userID: "user_id"),
                #"{"userId":"u1","dataFields":{"email":"ann@example.com","plan":"free"},"#
            ),
            (
                .hybrid, ColumnMapping(email: "email", userID: "user_id"),
                #"{"userId":"u1","dataFields":{"email":"ann@example.com","plan":"free"},"#
            ),
            (.hybrid, ColumnMapping(email: "email"), #"{"email":"ann@example.com","dataFields":{"plan":"free"},"#),
        ] {
            let bench = try await UsersBench { _, sync, destination in
                destination.projectType = project
                sync.mapping = mapping
            }
            try await bench.setRows(["1, 'ann@example.com', 'free', NULL, NULL, 'u1'"])
            let run = try await bench.run()
            #expect(run.status == .succeeded, "\(run)")
            #expect(bench.users.objects(0) == [object + #""mergeNestedObjects":false}"#])
        }
    }

    @Test func withoutFieldsTheIdentifiersAreStillAnObject() async throws {
        let bench = try await UsersBench { _, sync, destination in
            destination.projectType = .userID
            sync.mapping = ColumnMapping(email: "email", userID: "user_id")
        }
        try await bench.setRows(["1, 'ann@example.com', NULL, NULL, NULL, 'u1'"])
        try await bench.run()
        #expect(
            bench.users.objects(0) == [
                #"{"userId":"u1","dataFields":{"email":"ann@example.com"},"mergeNestedObjects":false}"#
            ])
    }

    @Test func rowsWithoutAKeyOrAPersonAreInvalidAndASecondIdentifierIsLeftOut() async throws {
        let bench = try await UsersBench { _, sync, _ in sync.mapping = ColumnMapping(email: "email", userID: "user_id")
        }
        let long = String(repeating: "u", count: 60)
        try await bench.setRows([
            "NULL, 'ann@example.com', 'free', NULL, NULL, 'u1'", "2, NULL, 'free', NULL, NULL, 'u2'",
            "3, 'nobody', 'free', NULL, NULL, 'u3'", "4, 'dan@example.com', 'free', NULL, NULL, '\(long)'",
        ])
        let run = try await bench.run()
        #expect(run.counts.invalid == 3 && run.counts.planned[.update] == 1, "\(run.counts)")
        #expect(
            Set(try await bench.log(run)) == [
                "validate failed key_missing -", "validate failed identifier_missing 2",
                "validate failed email_syntax 3", "validate succeeded identifier_dropped 4", "update succeeded  4",
            ])
        #expect(bench.users.objects(0)[0].hasPrefix(#"{"email":"dan@example.com","dataFields""#))
    }

    @Test func theKeyIsTheIdentifierWhereNoneIsNamed() async throws {
        let bench = try await UsersBench { users, _, _ in users.key = [] }
        try await bench.setRows(["1, 'Ann@example.com', 'free', 'Bonn', 3"])
        try await bench.run()
        #expect(try await bench.snapshot() == ["synced ann@example.com ann@example.com"])
        try await bench.setRows(["9, 'ann@EXAMPLE.com', 'free', 'Bonn', 3"])
        #expect(try await bench.run().counts.unchanged == 1)
    }

    @Test func aKeyOfSeveralColumnsIsAnArrayOfTheirTexts() async throws {
        let bench = try await UsersBench { users, _, _ in users.key = ["id", "city"] }
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bo\"nn', 3"])
        try await bench.run()
        #expect(try await bench.snapshot() == [#"synced ["1","Bo\"nn"] ann@example.com"#])
    }

    // MARK: Two rows, one person

    @Test func ofRowsOfOnePersonThatDifferNoneIsSentAndEqualOnesAreOne() async throws {
        let bench = try await UsersBench()
        try await bench.setRows([
            "1, 'ann@example.com', 'free', 'Bonn', 3", "2, 'ANN@example.com', 'pro', 'Bonn', 3",
            "3, 'ben@example.com', 'free', 'Kiel', 1", "4, 'ben@example.com', 'free', 'Kiel', 1",
            "5, 'cy@example.com', 'free', 'Ulm', 1",
        ])
        let run = try await bench.run()
        #expect(
            run.counts.invalid == 2 && run.counts.duplicates == 1 && run.counts.planned[.update] == 2, "\(run.counts)")
        #expect(bench.users.people == ["ben@example.com", "cy@example.com"])
        #expect(
            try await bench.log(run).filter { $0.contains("duplicate_key") }.sorted() == [
                "validate failed duplicate_key 1", "validate failed duplicate_key 2",
            ])
        // Once the rows agree, the one that is known stays the one.
        let again = try await bench.run()
        #expect(again.counts.unchanged == 2 && again.counts.planned.total == 0, "\(again.counts)")
    }

    @Test func aRecordWhoseProfileAnotherKeyHasWrittenIsSentAgain() async throws {
        let bench = try await UsersBench { users, _, _ in users.duplicates = .newest("changed") }
        let old = "1, 'ann@example.com', 'free', 'Bonn', 3, NULL, 5"
        try await bench.setRows([old])
        try await bench.run()
        // Another key of the same person, beside the first and in its place.
        for rows in [
            [old, "2, 'ann@example.com', 'pro', 'Bonn', 3, NULL, 7"], ["3, 'ann@example.com', 'pro', 'Bonn', 3"],
        ] {
            try await bench.setRows(rows)
            try await bench.run()
            #expect(bench.users.profile("ann@example.com")?["plan"] == "\"pro\"")
            try await bench.setRows([old])
            #expect(try await bench.run().counts.succeeded[.update] == 1)
            #expect(bench.users.profile("ann@example.com")?["plan"] == "\"free\"")
        }
    }

    @Test func aRowThatIterableRefusedCanBeCorrected() async throws {
        let bench = try await UsersBench()
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3"])
        bench.users.setFate { _, _ in
            .refuse(["ann@example.com": .rejected(FailureReason(code: "invalid_email", reason: "No."))])
        }
        #expect(try await bench.run().counts.failed[.update] == 1)
        try await bench.setRows(["1, 'anna@example.com', 'free', 'Bonn', 3"])
        #expect(try await bench.run().counts.succeeded[.update] == 1)
        #expect(bench.users.people == ["anna@example.com"])
    }

    @Test func ofSeveralRowsOfAKeyOnlyTheOneThatIsSentRenames() async throws {
        let bench = try await UsersBench { users, _, _ in users.duplicates = .newest("changed") }
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3, NULL, 5"])
        try await bench.run()
        try await bench.setRows([
            "1, 'annb@example.com', 'free', 'Bonn', 3, NULL, 6", "1, 'anna@example.com', 'free', 'Bonn', 3, NULL, 7",
        ])
        try await bench.run()
        #expect(bench.users.renames.map(\.newEmail) == ["anna@example.com"])
    }

    @Test func nobodyTakesTheAddressOfARecordWhoseRowsContradictEachOther() async throws {
        let bench = try await UsersBench()
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3"])
        try await bench.run()
        try await bench.setRows([
            "1, 'eve@example.com', 'free', 'Bonn', 3", "2, 'eve@example.com', 'pro', 'Bonn', 3",
            "3, 'ann@example.com', 'pro', 'Ulm', 1",
        ])
        let run = try await bench.run()
        #expect(try await bench.log(run).contains("update failed identity_conflict 3"))
        #expect(bench.users.profile("ann@example.com")?["plan"] == "\"free\"")
    }

    @Test func anAddressThatAUserIDGivesUpIsTakenByALaterRun() async throws {
        let bench = try await UsersBench { _, sync, destination in
            destination.projectType = .hybrid
            sync.mapping = ColumnMapping(email: "email", userID: "user_id")
        }
        try await bench.setRows(["1, 'ann@example.com', 'free', NULL, 3, 'u1'"])
        try await bench.run()
        try await bench.setRows([
            "1, 'anna@example.com', 'free', NULL, 3, 'u1'", "2, 'ann@example.com', 'pro', NULL, 1, NULL",
        ])
        let run = try await bench.run()
        #expect(run.counts.succeeded[.update] == 1 && run.counts.waiting == 1, "\(run)")
        #expect(try await bench.run().counts.succeeded[.update] == 1)
        #expect(bench.users.profile("u1")?["email"] == "\"anna@example.com\"")
    }

    @Test func theNewestRowOfAPersonIsSentWhereAColumnSaysSo() async throws {
        let bench = try await UsersBench { users, _, _ in users.duplicates = .newest("changed") }
        try await bench.setRows([
            "1, 'ann@example.com', 'free', 'Bonn', 3, NULL, 5", "2, 'ann@example.com', 'pro', 'Bonn', 3, NULL, 7",
            "3, 'ben@example.com', 'free', 'Kiel', 1, NULL, 5", "4, 'ben@example.com', 'pro', 'Kiel', 1, NULL, 5",
            "5, 'cy@example.com', 'free', 'Ulm', 1, NULL, 5", "6, 'cy@example.com', 'pro', 'Ulm', 1, NULL, NULL",
        ])
        let run = try await bench.run()
        #expect(bench.users.people == ["ann@example.com"])
        #expect(bench.users.profile("ann@example.com")?["plan"] == "\"pro\"")
        #expect(run.counts.invalid == 4 && run.counts.duplicates == 1, "\(run.counts)")
    }

    @Test func aRowThatCannotBeSentStandsForItsPerson() async throws {
        let bench = try await UsersBench()
        let long = String(repeating: "x", count: 33_000)
        try await bench.setRows([
            "1, 'ann@example.com', '\(long)', 'Bonn', 3", "2, 'ann@example.com', 'pro', 'Bonn', 3",
        ])
        let run = try await bench.run()
        #expect(run.counts.invalid == 2 && bench.users.people.isEmpty, "\(run.counts)")
    }

    // MARK: Changed identifiers

    @Test func aRowThatNamesAnotherPersonFailsAndNobodyTakesTheAddressMeanwhile() async throws {
        let bench = try await UsersBench { users, _, _ in users.identityChanges = .refuse }
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3"])
        try await bench.run()
        try await bench.setRows(["1, 'anna@example.com', 'free', 'Bonn', 3", "2, 'ann@example.com', 'pro', 'Kiel', 1"])
        for _ in 0..<2 {
            let run = try await bench.run()
            #expect(run.counts.planned[.update] == 2 && run.counts.failed[.update] == 2, "\(run.counts)")
            #expect(run.status == .completedWithFailures)
            #expect(
                Set(try await bench.log(run)) == [
                    "update failed identity_changed 1", "update failed identity_conflict 2",
                ])
        }
        #expect(bench.users.requests.count == 1)
        #expect(try await bench.snapshot() == ["synced 1 ann@example.com"])
        // The first row is gone for good: its person is another's row now.
        try await bench.setRows(["2, 'ann@example.com', 'pro', 'Kiel', 1"])
        #expect(try await bench.run().counts.succeeded[.update] == 1)
        #expect(bench.users.profile("ann@example.com")?["plan"] == "\"pro\"")
    }

    @Test func inProjectsWithUserIDsAnotherAddressIsAnUpdateAndAnotherUserIDIsNot() async throws {
        for project in [ProjectType.userID, .hybrid] {
            let bench = try await UsersBench { _, sync, destination in
                destination.projectType = project
                sync.mapping = ColumnMapping(email: "email", userID: "user_id")
            }
            try await bench.setRows(["1, 'ann@example.com', 'free', NULL, 3, 'u1'"])
            try await bench.run()
            try await bench.setRows(["1, 'anna@example.com', 'free', NULL, 3, 'u1'"])
            #expect(try await bench.run().counts.succeeded[.update] == 1)
            #expect(bench.users.profile("u1")?["email"] == "\"anna@example.com\"")
            try await bench.setRows(["1, 'anna@example.com', 'free', NULL, 3, 'u2'"])
            let run = try await bench.run()
            #expect(try await bench.log(run) == ["update failed identity_changed 1"])
        }
    }

    // MARK: Renames

    @Test func aProfileGetsItsNewAddressBeforeItIsUpdatedUnderIt() async throws {
        // The warehouse has the machine's clock, by which a test may take long; so in the tests below.
        let bench = try await UsersBench { _, _, destination in destination.limits.settleSeconds = 86_400 }
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3", "2, 'ben@example.com', 'pro', 'Kiel', 0"])
        try await bench.run()
        try await bench.setRows(["1, 'anna@example.com', 'gold', 'Bonn', 3", "2, 'ben@example.com', 'pro', 'Kiel', 0"])
        let run = try await bench.run()
        #expect(run.status == .succeeded && run.counts.waiting == 1, "\(run)")
        #expect(
            run.counts.planned[.rename] == 1 && run.counts.succeeded[.rename] == 1 && run.counts.planned[.update] == 0)
        #expect(bench.users.renames == [UserRename(email: "ann@example.com", newEmail: "anna@example.com")])
        #expect(try await bench.snapshot() == ["synced 1 anna@example.com", "synced 2 ben@example.com"])
        #expect(try await bench.log(run) == ["rename succeeded  1"])
        let before = bench.clock.uptime
        let second = try await bench.run()
        #expect(second.counts.succeeded[.update] == 1 && second.counts.waiting == 0, "\(second)")
        #expect(bench.clock.uptime - before >= .seconds(60), "the profile rests after a rename")
        #expect(bench.users.profile("anna@example.com")?["plan"] == "\"gold\"")
        #expect(bench.users.people == ["anna@example.com", "ben@example.com"])
        #expect(try await bench.run().counts.unchanged == 2)
    }

    @Test func whatBecameOfALostRenameBothAddressesSay() async throws {
        for isCarriedOut in [true, false] {
            let bench = try await UsersBench { _, _, destination in destination.limits.settleSeconds = 86_400 }
            try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3"])
            try await bench.run()
            try await bench.setRows(["1, 'anna@example.com', 'free', 'Bonn', 3"])
            let lost = DeliveryAnswer.retry(
                FailureReason(code: "no_answer", reason: "no answer"), after: nil, mayHaveBeenApplied: true,
                cause: .trouble)
            bench.users.setRenameFate { _, _ in isCarriedOut ? .loseAfter : .answer(lost) }
            let run = try await bench.run()
            #expect(run.counts.unknown[.rename] == 1 && bench.users.renames.count == 1, "\(run)")
            bench.users.setRenameFate { _, _ in .ok }
            let before = bench.clock.uptime
            let second = try await bench.run()
            #expect(second.counts.succeeded[.rename] == 1, "\(second)")
            #expect(bench.clock.uptime - before >= .seconds(60), "not while the first may still be made")
            #expect(bench.users.renames.count == (isCarriedOut ? 1 : 2))
            #expect(try await bench.run().counts.succeeded[.update] == 1)
            #expect(bench.users.people == ["anna@example.com"])
        }
    }

    @Test func anAddressThatIsTakenIsAConflict() async throws {
        let bench = try await UsersBench()
        bench.users.write("anna@example.com", "city", "\"Rome\"")
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3"])
        try await bench.run()
        try await bench.setRows(["1, 'anna@example.com', 'free', 'Bonn', 3"])
        let run = try await bench.run()
        #expect(run.counts.failed[.rename] == 1 && bench.users.renames.isEmpty, "\(run)")
        #expect(try await bench.log(run) == ["rename failed identity_conflict 1"])
        #expect(bench.users.profile("anna@example.com") == ["city": "\"Rome\""], "nothing is merged")
    }

    @Test func addressesThatMoveOnGoOneRunAfterTheOtherAndSwapsFail() async throws {
        let bench = try await UsersBench()
        try await bench.setRows([
            "1, 'a@example.com', 'one', 'Bonn', 3", "2, 'b@example.com', 'two', 'Kiel', 0",
            "3, 'x@example.com', 'three', 'Bonn', 3", "4, 'y@example.com', 'four', 'Kiel', 0",
        ])
        try await bench.run()
        // 1 frees a for 2, which frees b for a new row; 3 and 4 want each other's.
        try await bench.setRows([
            "1, 'c@example.com', 'one', 'Bonn', 3", "2, 'a@example.com', 'two', 'Kiel', 0",
            "5, 'b@example.com', 'five', 'Ulm', 0", "3, 'y@example.com', 'three', 'Bonn', 3",
            "4, 'x@example.com', 'four', 'Kiel', 0",
        ])
        let first = try await bench.run()
        #expect(first.counts.succeeded[.rename] == 1 && first.counts.failed[.rename] == 2, "\(first)")
        #expect(first.counts.waiting == 5 && first.counts.planned[.update] == 0, "\(first)")
        for _ in 0..<3 { try await bench.run() }
        #expect(
            bench.users.renames.map(\.newEmail) == ["c@example.com", "a@example.com"], "\(bench.users.renames)")
        for (email, plan) in [("c", "one"), ("a", "two"), ("b", "five"), ("x", "three"), ("y", "four")] {
            #expect(bench.users.profile("\(email)@example.com")?["plan"] == "\"\(plan)\"", "\(email)")
        }
        #expect(
            Set(try await bench.log(first)).isSuperset(of: [
                "rename failed identity_conflict 3", "rename failed identity_conflict 4",
            ]))
    }

    @Test func manyRenamesHoldTheRun() async throws {
        let bench = try await UsersBench { _, sync, _ in sync.guards.maxIdentityChanges = 1 }
        try await bench.setRows((1...120).map { "\($0), 'p\($0)@example.com', 'free', 'Bonn', 3" })
        try await bench.run()
        try await bench.setRows((1...120).map { "\($0), '\($0 < 3 ? "q" : "p")\($0)@example.com', 'free', 'Bonn', 3" })
        let run = try await bench.run()
        #expect(run.status == .held && run.held.map(\.guard) == ["max_identity_changes"], "\(run)")
    }

    // MARK: Nulls

    @Test func aNullClearsOnlyWhatThisSyncHasWritten() async throws {
        let bench = try await UsersBench()
        bench.users.write("ann@example.com", "city", "\"Rome\"")
        try await bench.setRows(["1, 'ann@example.com', 'free', NULL, 3"])
        try await bench.run()
        #expect(bench.users.profile("ann@example.com")?["city"] == "\"Rome\"", "another system wrote it")
        try await bench.setRows(["1, 'ann@example.com', NULL, NULL, 3"])
        try await bench.run()
        #expect(
            bench.users.objects(1) == [
                #"{"email":"ann@example.com","dataFields":{"orders":3,"plan":null},"mergeNestedObjects":false}"#
            ])
        #expect(try await bench.run().counts.unchanged == 1)
        // Cleared is cleared: another system writes the field, and it stays.
        bench.users.write("ann@example.com", "plan", "\"gold\"")
        try await bench.setRows(["1, 'ann@example.com', NULL, NULL, 4"])
        try await bench.run()
        #expect(bench.users.objects(2)[0].contains(#"{"orders":4}"#))
        #expect(bench.users.profile("ann@example.com")?["plan"] == "\"gold\"")
    }

    @Test func aNullIsDueUntilItIsAcknowledged() async throws {
        let bench = try await UsersBench()
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3"])
        try await bench.run()
        bench.users.setFate { _, number in number == 2 ? .answer(.stop(RunError(code: "x", message: "y"))) : .ok }
        try await bench.setRows(["1, 'ann@example.com', NULL, 'Bonn', 3"])
        try await bench.run()
        #expect(try await bench.run().counts.succeeded[.update] == 1)
        #expect(bench.users.objects(2)[0].contains(#""plan":null"#))
        #expect(bench.users.profile("ann@example.com")?["plan"] == nil)
        bench.users.setFate { _, _ in .loseAfter }
        try await bench.setRows(["1, 'ann@example.com', NULL, NULL, 3"])
        #expect(try await bench.run().counts.unknown[.update] == 1)
        bench.users.setFate { _, _ in .ok }
        #expect(try await bench.run().counts.succeeded[.update] == 1)
        #expect(bench.users.objects(bench.users.requests.count - 1)[0].contains(#""city":null"#))
    }

    /// What the earlier attempt may still clear is cleared by the later one already.
    @Test func aNullIsAcknowledgedThoughAnEarlierAttemptHadNoAnswer() async throws {
        let bench = try await UsersBench()
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3"])
        try await bench.run()
        bench.users.setFate { _, number in number == 2 ? .loseAfter : .ok }
        try await bench.setRows(["1, 'ann@example.com', 'free', NULL, 3"])
        #expect(try await bench.run().counts.succeeded[.update] == 1)
        #expect(bench.users.requests.count == 3 && bench.users.profile("ann@example.com")?["city"] == nil)
        let next = try await bench.run()
        #expect(next.counts.unchanged == 1 && next.requests.sent == 0, "\(next)")
    }

    @Test func skipNeverSendsANullAndAlwaysSendsEach() async throws {
        let bench = try await UsersBench { users, _, _ in
            users.fields = .only([
                FieldSetting(name: "plan", source: .column("plan"), nulls: .skip),
                FieldSetting(name: "city", source: .column("city"), nulls: .always),
                FieldSetting(name: "orders", source: .column("orders")),
            ])
        }
        bench.users.write("ann@example.com", "city", "\"Rome\"")
        try await bench.setRows(["1, 'ann@example.com', 'free', NULL, 3"])
        try await bench.run()
        #expect(bench.users.objects(0)[0].contains(#"{"city":null,"orders":3,"plan":"free"}"#))
        #expect(try await bench.run().counts.unchanged == 1)
        try await bench.setRows(["1, 'ann@example.com', NULL, NULL, 4"])
        try await bench.run()
        #expect(bench.users.objects(1)[0].contains(#"{"city":null,"orders":4}"#))
        // The setting changes: what the sync has written and the row has not is cleared now.
        let run = try await bench.run { users, _, _ in
            users.fields = .only(["plan", "city", "orders"].map { FieldSetting(name: $0, source: .column($0)) })
        }
        #expect(run.counts.planned[.update] == 1)
        #expect(bench.users.objects(2)[0].contains(#"{"orders":4,"plan":null}"#))
    }

    @Test func partsOfAnObjectAreReplacedOrMerged() async throws {
        let bench = try await UsersBench { users, _, _ in
            users.newFields = .create
            users.fields = .only([
                FieldSetting(name: "address.city", source: .column("city")),
                FieldSetting(name: "address.orders", source: .column("orders")),
            ])
        }
        bench.users.setTypes(["address": "object", "address.city": "string", "address.orders": "long"])
        try await bench.setRows(["1, 'ann@example.com', NULL, 'Bonn', 3"])
        try await bench.run()
        try await bench.setRows(["1, 'ann@example.com', NULL, NULL, 3"])
        try await bench.run()
        #expect(bench.users.objects(1)[0].contains(#"{"address":{"orders":3}}"#), "an object is sent whole")
        try await bench.setRows(["1, 'ann@example.com', NULL, 'Bonn', 3"])
        try await bench.run { users, _, _ in users.nested = .merge }
        try await bench.setRows(["1, 'ann@example.com', NULL, NULL, 3"])
        try await bench.run { users, _, _ in users.nested = .merge }
        #expect(
            bench.users.objects(3)[0].hasSuffix(
                #""dataFields":{"address":{"city":null,"orders":3}},"mergeNestedObjects":true}"#))
        try await bench.setRows(["1, 'ann@example.com', NULL, NULL, NULL"])
        try await bench.run { users, _, _ in users.nested = .merge }
        #expect(bench.users.objects(4)[0].contains(#"{"address":{"orders":null}}"#))
    }

    // MARK: Fields

    @Test func aFieldOfAnotherTypeOrNameFailsTheRunBeforeAnythingIsSent() async throws {
        let bench = try await UsersBench()
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3"])
        bench.users.setTypes(["plan": "string", "city": "date", "orders": "long"])
        var run = try await bench.run()
        #expect(run.error?.code == "type_mismatch" && run.error?.hint?.contains("type: date") == true, "\(run)")
        bench.users.setTypes(["Plan": "string", "city": "string", "orders": "long"])
        run = try await bench.run()
        #expect(run.error?.code == "field_unknown", "\(run)")
        #expect(run.error?.hint?.contains("Iterable has \"Plan\", you wrote \"plan\"") == true, "\(run)")
        #expect(bench.users.requests.isEmpty)
    }

    @Test func newFieldsAreShownByTheFewestRecordsFirst() async throws {
        let bench = try await UsersBench { users, _, _ in users.newFields = .create }
        bench.users.setTypes(["orders": "long"])
        try await bench.setRows([
            "1, 'ann@example.com', NULL, 'Bonn', 3", "2, 'ben@example.com', 'free', NULL, 0",
            "3, 'cy@example.com', 'pro', 'Kiel', 1", "4, 'dan@example.com', '2020-01-01', 'Ulm', 1",
        ])
        let plan = try await bench.pipeline().plan()
        #expect(
            plan.preparations == [
                "fields are made, for ever: city (string), plan (string); one record tries them"
            ])
        let run = try await bench.run()
        #expect(run.status == .succeeded && run.counts.succeeded[.update] == 4, "\(run)")
        #expect(bench.users.requests.map(\.createsNewFields) == [true, false, false])
        // Those of the rest may come in any order.
        #expect(bench.users.requests.first?.people.count == 1)
        #expect(bench.users.requests.map(\.people.count).sorted() == [1, 1, 2])
        #expect(bench.users.objects(0)[0].contains("cy@example.com"))
        #expect(bench.users.types["plan"] == "string")
        let known = try await bench.fixture.query(
            "SELECT field, type FROM \(bench.fixture.state("destination_fields"))")
        #expect(Set(known.map { "\($0[0] ?? "") \($0[1] ?? "")" }) == ["city string", "plan string"])
    }

    @Test func aNewFieldOfAnotherTypeStopsTheRun() async throws {
        let bench = try await UsersBench { users, _, _ in users.newFields = .create }
        bench.users.setTypes(["orders": "long", "city": "string"])
        bench.users.setWrongType("plan", "date")
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3", "2, 'ben@example.com', 'pro', NULL, 0"])
        let run = try await bench.run()
        #expect(run.error?.code == "canary_failed" && run.status == .failed, "\(run)")
        #expect(run.counts.succeeded[.update] == 1 && run.counts.notAttempted[.update] == 1, "\(run.counts)")
        #expect(bench.users.requests.count == 1)
    }

    @Test func aNewFieldThatNoRowCanShowStopsTheRunAndOneWithoutValuesWaits() async throws {
        let bench = try await UsersBench { users, _, _ in users.newFields = .create }
        bench.users.setTypes(["orders": "long"])
        try await bench.setRows(["1, 'ann@example.com', '2020-01-01', NULL, 3", "2, 'ben@example.com', NULL, NULL, 3"])
        let run = try await bench.run()
        #expect(run.error?.code == "canary_failed" && run.error?.message.contains("plan (string)") == true, "\(run)")
        #expect(bench.users.requests.isEmpty)
        try await bench.setRows(["1, 'ann@example.com', NULL, NULL, 3"])
        #expect(try await bench.run().status == .succeeded)
        #expect(bench.users.requests.map(\.createsNewFields) == [false] && bench.users.types.count == 1)
    }

    /// A date as a text is a date to Iterable, which gives the field another type than the column is to have.
    @Test func aDateThatIsToBeATextIsNoFirstValue() async throws {
        let bench = try await UsersBench { users, _, _ in
            users.newFields = .create
            users.fields = .only([
                FieldSetting(name: "born", source: .column("born", type: .string)),
                FieldSetting(name: "city", source: .column("city")),
            ])
        }
        bench.users.setTypes([:])
        try await bench.fixture.execute("ALTER TABLE customers ADD COLUMN born DATE DEFAULT '2001-02-03'")
        try await bench.setRows(["1, 'ann@example.com', NULL, 'Bonn', 3", "2, 'ben@example.com', NULL, 'Kiel', 3"])
        let run = try await bench.run()
        #expect(run.error?.code == "canary_failed" && bench.users.requests.isEmpty, "\(run)")
        // The city keeps nobody from anything.
        #expect(run.error?.message.contains("new field born (string):") == true, "\(run)")
    }

    /// Each could be shown but for another field of its row, which a further row shows; no row shows both.
    @Test func fieldsThatNoRowShowsTogetherAreNamed() async throws {
        let bench = try await UsersBench { users, _, _ in users.newFields = .create }
        bench.users.setTypes(["orders": "long"])
        try await bench.setRows([
            "1, 'ann@example.com', '2020-01-01', 'Bonn', 3", "2, 'ben@example.com', 'free', '2020-01-01', 3",
        ])
        let run = try await bench.run()
        #expect(run.error?.code == "canary_failed" && bench.users.requests.isEmpty, "\(run)")
        #expect(run.error?.message.contains("city (string), plan (string)") == true, "\(run)")
    }

    @Test func aRecordThatShowsOneFieldAndSpoilsAnotherIsNotTheFirst() async throws {
        let bench = try await UsersBench { users, _, _ in users.newFields = .create }
        bench.users.setTypes(["orders": "long"])
        try await bench.setRows([
            "1, 'ann@example.com', '2020-01-01', 'Bonn', 3", "2, 'ben@example.com', NULL, 'Kiel', 3",
            "3, 'cy@example.com', 'free', NULL, 3",
        ])
        #expect(try await bench.run().status == .succeeded)
        #expect(bench.users.requests.map(\.createsNewFields) == [true, true, false])
        #expect(bench.users.types["plan"] == "string" && bench.users.types["city"] == "string")
    }

    /// What the row would show in a wrong way has its type by then.
    @Test func aRecordMaySpoilAFieldThatAnEarlierOneHasShown() async throws {
        let bench = try await UsersBench { users, _, _ in users.newFields = .create }
        bench.users.setTypes(["orders": "long"])
        try await bench.setRows([
            "1, 'ann@example.com', NULL, 'Bonn', 3", "2, 'ben@example.com', 'free', '2020-01-01', 3",
        ])
        let run = try await bench.run()
        #expect(run.status == .succeeded, "\(run)")
        #expect(bench.users.requests.map(\.createsNewFields) == [true, true])
        #expect(bench.users.objects(0)[0].contains("ann@example.com"))
        #expect(bench.users.types["plan"] == "string" && bench.users.types["city"] == "string")
    }

    /// Other records show as much as one that Iterable refuses.
    @Test func aRecordThatIsRefusedIsNotTheOnlyOneThatShowsAField() async throws {
        let bench = try await UsersBench { users, _, _ in users.newFields = .create }
        bench.users.setTypes(["orders": "long", "city": "string"])
        let conflict = RecordOutcome.failed(FailureReason(code: "identity_conflict", reason: "Two people."))
        bench.users.setFate { request, number in
            number == 1 ? .refuse([request.people[0].identity.email ?? "": conflict]) : .ok
        }
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3", "2, 'ben@example.com', 'pro', NULL, 0"])
        let run = try await bench.run()
        #expect(run.status == .completedWithFailures && run.error == nil, "\(run)")
        #expect(run.counts.succeeded[.update] == 1 && run.counts.failed[.update] == 1, "\(run)")
        #expect(bench.users.types["plan"] == "string")
    }

    /// Of a constant as of a value: `3.0` might be taken for a whole number.
    @Test func aConstantShowsWhatAValueWould() async throws {
        for (constant, isShown) in [("3.0", false), ("3.5", true)] {
            let bench = try await UsersBench { users, _, _ in
                users.newFields = .create
                users.fields = .only([
                    FieldSetting(name: "score", source: .constant(FieldConstant(text: constant, type: .double))),
                    FieldSetting(name: "plan", source: .column("plan")),
                ])
            }
            bench.users.setTypes(["orders": "long", "city": "string"])
            try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3"])
            let code = try await Self.code { _ = try await bench.pipeline().plan() }
            #expect(code == (isShown ? nil : "canary_failed"), "\(constant)")
            #expect(try await bench.run().error?.code == code, "\(constant)")
        }
    }

    private static func code(_ body: () async throws -> Void) async throws -> String? {
        do {
            try await body()
            return nil
        } catch let error as RunError {
            return error.code
        }
    }

    @Test func whatIterableLeavesOutIsSaid() async throws {
        let bench = try await UsersBench()
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3"])
        bench.users.setFate { _, _ in .answer(.answered([.succeeded], httpStatus: 200, leftOut: ["prefs.colour"])) }
        let run = try await bench.run()
        #expect(run.status == .completedWithFailures && run.error?.code == "field_dropped", "\(run)")
        #expect(run.counts.succeeded[.update] == 1 && run.error?.message.contains("prefs.colour") == true)
    }

    @Test func aMemberThatIterableLeavesOutIsSaidOnceAndAFieldEachTime() async throws {
        let bench = try await UsersBench()
        func run(_ orders: Int, _ request: RunRequest = RunRequest(), leavingOut names: [String]) async throws
            -> String?
        {
            bench.users.setFate { _, _ in .answer(.answered([.succeeded], httpStatus: 200, leftOut: names)) }
            try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', \(orders)"])
            let run = try await bench.run(request)
            #expect(run.counts.succeeded[.update] == 1, "\(run)")
            return run.error?.message
        }
        #expect(try await run(1, leavingOut: ["prefs.colour"])?.contains("prefs.colour") == true)
        #expect(try await run(2, leavingOut: ["prefs.colour"]) == nil)
        let other = try #require(try await run(3, leavingOut: ["prefs.colour", "prefs.size", "city"]))
        #expect(!other.contains("colour") && other.contains("city, prefs.size"), "\(other)")
        #expect(try await run(4, leavingOut: ["prefs.colour", "city"])?.contains("have: city") == true)
        var full = RunRequest()
        full.full = true
        #expect(try await run(5, full, leavingOut: ["prefs.colour"])?.contains("prefs.colour") == true)
    }

    /// A run that ends with an error says the error alone.
    @Test func whatARunThatFailsDoesNotSayTheNextOneSays() async throws {
        let bench = try await UsersBench { _, _, destination in destination.limits.concurrentRequests = 1 }
        try await bench.setRows((1...3).map { "\($0), 'p\($0)@example.com', 'free', 'Bonn', 3" })
        bench.users.setFate { _, number in
            number == 1
                ? .answer(.answered([.succeeded, .succeeded], httpStatus: 200, leftOut: ["prefs.colour"]))
                : .answer(.stop(RunError(code: "api_key", message: "no key")))
        }
        let failed = try await bench.run()
        #expect(failed.error?.code == "api_key" && failed.counts.succeeded[.update] == 2, "\(failed)")
        bench.users.setFate { _, _ in .answer(.answered([.succeeded], httpStatus: 200, leftOut: ["prefs.colour"])) }
        let next = try await bench.run()
        #expect(next.error?.code == "field_dropped" && next.error?.message.contains("prefs.colour") == true, "\(next)")
    }

    // MARK: Answers and doubt

    @Test func refusedForGoodIsNotSentAgainUntilTheRowChanges() async throws {
        let bench = try await UsersBench()
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3", "2, 'ben@example.com', 'pro', 'Kiel', 0"])
        bench.users.setFate { _, _ in
            .refuse(["ann@example.com": .rejected(FailureReason(code: "forgotten", reason: "Forgotten."))])
        }
        #expect(try await bench.run().counts.failed[.update] == 1)
        let second = try await bench.run()
        #expect(second.counts.failed[.update] == 1 && bench.users.requests.count == 1, "\(second.counts)")
        bench.users.setFate { _, _ in .ok }
        #expect(try await bench.run(.tryingRejected).counts.succeeded[.update] == 1)
    }

    @Test func anOlderObjectNeverLandsOverANewerOne() async throws {
        // The warehouse has the machine's clock, by which a test may take long.
        let bench = try await UsersBench { _, _, destination in destination.limits.settleSeconds = 86_400 }
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3"])
        bench.users.setFate { _, number in number <= 30 ? .late(.seconds(45)) : .ok }
        #expect(try await bench.run().counts.unknown[.update] == 1)
        bench.users.setFate { _, _ in .ok }
        // The same person under another key and with another plan.
        try await bench.setRows(["7, 'ann@example.com', 'pro', 'Bonn', 3"])
        let before = bench.clock.uptime
        #expect(try await bench.run().counts.succeeded[.update] == 1)
        #expect(bench.clock.uptime - before >= .seconds(60))
        bench.clock.advance(by: .seconds(600))
        #expect(bench.users.profile("ann@example.com")?["plan"] == "\"pro\"")
    }

    // MARK: Guards

    @Test func tooManyChangesHoldTheRun() async throws {
        let bench = try await UsersBench { _, sync, _ in sync.guards.maxChanges = 50 }
        func rows(_ plan: String, _ changed: Int) -> [String] {
            (1...120).map { "\($0), 'p\($0)@example.com', '\($0 <= changed ? plan : "free")', 'Bonn', 3" }
        }
        try await bench.setRows(rows("free", 0))
        #expect(try await bench.run().status == .succeeded)
        try await bench.setRows(rows("pro", 60))
        #expect(try await bench.run().status == .succeeded, "half is not more than half")
        try await bench.setRows(rows("gold", 61))
        let held = try await bench.run()
        #expect(held.status == .held && held.held.map(\.guard) == ["max_changes"], "\(held)")
        #expect(held.held.first?.observed == "50.8% (61 of 120)")
        let outcome = await bench.pipeline().run(.approve(held.id))
        guard case .ran(let approved) = outcome else { return #expect(Bool(false), "\(outcome)") }
        #expect(approved.counts.succeeded[.update] == 61)
    }

    /// Nothing changed in the warehouse: a person who looks for it there would look in vain.
    @Test func aHeldRunSaysThatTheMappingChanged() async throws {
        let bench = try await UsersBench { _, sync, _ in sync.guards.maxChanges = 50 }
        let fewer: @Sendable (inout UserSettings, inout SyncSettings, inout DestinationSettings) -> Void = {
            users, _, _ in
            users.fields = .only(["plan", "orders"].map { FieldSetting(name: $0, source: .column($0)) })
        }
        func rows(_ plan: String) -> [String] { (1...120).map { "\($0), 'p\($0)@example.com', '\(plan)', 'Bonn', 3" } }
        try await bench.setRows(rows("free"))
        #expect(try await bench.run().status == .succeeded)
        // A first try with one person is not all.
        var first = RunRequest()
        first.only = "1"
        #expect(try await bench.run(first, change: fewer).counts.succeeded[.update] == 1)
        let held = try await bench.run(change: fewer)
        #expect(held.held.first?.observed == "99.2% (119 of 120; the mapping of the sync has changed)", "\(held)")
        let outcome = await bench.pipeline(change: fewer).run(.approve(held.id))
        guard case .ran(let approved) = outcome else { return #expect(Bool(false), "\(outcome)") }
        #expect(approved.counts.succeeded[.update] == 119, "\(approved)")
        // It was sent with this mapping now; another column that is read is no other mapping.
        try await bench.setRows(rows("pro"))
        let next = try await bench.run { users, sync, destination in
            fewer(&users, &sync, &destination)
            users.duplicates = .newest("changed")
        }
        #expect(next.held.first?.observed == "100% (120 of 120)", "\(next)")
    }

    /// An update that was carried out and got no answer, then a refusal: the profile may have what the row had.
    @Test func whatALostRequestMayHaveWrittenIsClearedWhenTheRefusedRowComesBackWithoutIt() async throws {
        let bench = try await UsersBench { _, _, destination in destination.limits.users.recordsPerRequest = 1 }
        let other = "2, 'ben@example.com', 'pro', 'Kiel', 0"
        try await bench.setRows([other])
        try await bench.run()
        let refusal = RecordOutcome.rejected(FailureReason(code: "invalid_email", reason: "No."))
        let first = bench.users.requests.count + 1
        bench.users.setFate { _, number in number == first ? .loseAfter : .answer(.answered([refusal], httpStatus: 400))
        }
        try await bench.setRows(["1, 'ann@example.com', 'pro', 'Bonn', 3", other])
        let refused = try await bench.run()
        #expect(refused.counts.failed[.update] == 1, "\(refused)")
        #expect(bench.users.profile("ann@example.com")?["plan"] == "\"pro\"")
        bench.users.setFate { _, _ in .ok }
        try await bench.setRows([other])
        // Released by the first, and not forgotten by those after it.
        for _ in 1...3 { try await bench.run() }
        try await bench.setRows(["1, 'ann@example.com', NULL, 'Bonn', 4", other])
        try await bench.run()
        #expect(bench.users.profile("ann@example.com")?["plan"] == nil)
    }

    /// Whoever a full run did not reach is sent by the next run, whatever the guards say of changes; events need not wait for them.
    @Test func whatAFullRunHasNotSentIsNoChange() async throws {
        let bench = try await UsersBench { _, sync, _ in sync.guards.maxChanges = 1 }
        try await bench.setRows((1...120).map { "\($0), 'p\($0)@example.com', 'free', 'Bonn', 3" })
        try await bench.run()
        let snapshot = try await bench.snapshot()
        let refused = DeliveryAnswer.stop(RunError(code: "api_key_refused", message: "refused"))
        bench.users.setFate { _, _ in .answer(refused) }
        let full = try await bench.run(.sendingAll)
        #expect(full.status == .failed && full.counts.notAttempted.total == 120, "\(full)")
        #expect(try await bench.snapshot() == snapshot)
        bench.users.setFate { _, _ in .ok }
        let next = try await bench.run()
        #expect(next.status == .succeeded && next.counts.succeeded[.update] == 120, "\(next)")
        #expect(try await bench.run().counts.unchanged == 120)
    }

    @Test func anotherAPIKeySendsEverybodyAgainAndAnotherAddressNobody() async throws {
        let bench = try await UsersBench { _, sync, destination in
            sync.guards.maxChanges = 1
            destination.keyHash = "one"
        }
        try await bench.setRows((1...120).map { "\($0), 'p\($0)@example.com', 'free', 'Bonn', 3" })
        try await bench.run()
        let second = try await bench.run { _, _, destination in destination.keyHash = "two" }
        #expect(second.counts.succeeded[.update] == 120, "\(second)")
        #expect(try await bench.run { _, _, destination in destination.keyHash = "two" }.counts.unchanged == 120)
        let third = try await bench.run { _, _, destination in destination.baseURL = "http://127.0.0.2" }
        #expect(third.error?.code == "project_changed", "\(third)")
    }

    @Test func oneRecordIsTriedFirst() async throws {
        let bench = try await UsersBench()
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3", "2, 'ben@example.com', 'pro', 'Kiel', 0"])
        let run = try await bench.run(.only("2"))
        #expect(run.counts.succeeded[.update] == 1 && bench.users.people == ["ben@example.com"])
        #expect(try await bench.run().counts.planned[.update] == 1)
    }

    @Test func whyTellsOfAKeyAnEmailAndAUserID() async throws {
        let bench = try await UsersBench { _, sync, _ in sync.mapping = ColumnMapping(email: "email", userID: "user_id")
        }
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3, 'u1'"])
        try await bench.run()
        try await bench.setRows(["1, 'ann@example.com', 'pro', 'Bonn', 3, 'u1'"])
        for name in ["1", "Ann@example.com", "u1"] {
            let report = try await bench.pipeline().why(name)
            #expect(report.rows.count == 1 && report.rows.allSatisfy(\.isValid), "\(name)")
            #expect(report.members.count == 1 && report.records.count == 1, "\(name)")
            #expect(report.nextStep == "update 1", "\(name): \(report.nextStep)")
        }
    }

    @Test func whyTellsOfRowsThatContradictEachOtherAndOfChangedIdentifiers() async throws {
        let bench = try await UsersBench { users, _, _ in users.identityChanges = .refuse }
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3", "2, 'ann@example.com', 'pro', 'Bonn', 3"])
        for name in ["1", "ann@example.com"] {
            let report = try await bench.pipeline().why(name)
            #expect(!report.rows.isEmpty && report.rows.allSatisfy { $0.failure?.code == "duplicate_key" }, "\(name)")
            #expect(report.nextStep.contains("fails again until it is corrected"), "\(name): \(report.nextStep)")
        }
        try await bench.setRows(["1, 'ann@example.com', 'free', 'Bonn', 3"])
        try await bench.run()
        try await bench.setRows(["1, 'eve@example.com', 'free', 'Bonn', 3"])
        let report = try await bench.pipeline().why("1")
        #expect(report.nextStep.contains("names another person"), "\(report.nextStep)")
    }
}

import Foundation
import RollcallCore
import SyncEngine
import TemporaryFolders
import TestSupport
import Testing
import Warehouse

/// Lists whose members are sent with fields.
@Suite struct ListFieldsTests {
    @Test func fieldsAreSentWithEachSubscriptionAndAgainWhenTheyChange() async throws {
        let bench = try await FieldsBench()
        try await bench.setAudience(["a@x.de gold 3", "b@x.de silver -", "c@x.de - -"])
        let first = try await bench.run()
        #expect(first.status == .succeeded && first.counts.succeeded.subscribe == 3)
        #expect(
            bench.sent(from: 0) == [
                #"a@x.de/- {"ltv":3,"plan":"gold"}"#, #"b@x.de/- {"plan":"silver"}"#, "c@x.de/- {}",
            ])

        let second = try await bench.run()
        #expect(second.counts.planned.total == 0 && second.counts.unchanged == 3 && second.requests.sent == 0)

        let before = bench.iterable.requests.count
        try await bench.setAudience(["a@x.de gold 4", "b@x.de silver -", "c@x.de bronze -"])
        let plan = try await bench.bench.pipeline().plan()
        #expect(plan.counts.planned == PerOperation(subscribe: 2, unsubscribe: 0) && plan.counts.unchanged == 1)
        #expect(plan.notes.count == 1 && plan.notes[0].hasPrefix("2 members are subscribed again"))
        let third = try await bench.run()
        #expect(third.counts.succeeded.subscribe == 2 && third.counts.unchanged == 1)
        #expect(
            bench.sent(from: before) == [#"a@x.de/- {"ltv":4,"plan":"gold"}"#, #"c@x.de/- {"plan":"bronze"}"#])
        #expect(bench.iterable.fields == ["a@x.de/- ltv=4 plan=gold", "b@x.de/- plan=silver", "c@x.de/- plan=bronze"])
        #expect(try await bench.run().requests.sent == 0)
    }

    @Test func aColumnThatIsNotSentChangesNothing() async throws {
        let bench = try await FieldsBench { sync, _ in
            sync.memberFields = MemberFieldSettings(
                fields: .only([FieldSetting(name: "plan", source: .column("plan"))]))
        }
        try await bench.setAudience(["a@x.de gold 3"])
        try await bench.run()
        try await bench.setAudience(["a@x.de gold 4"])
        #expect(try await bench.run().requests.sent == 0)
    }

    @Test func everybodyIsSubscribedOnceMoreWhenFieldsAreAdded() async throws {
        let bench = try await FieldsBench()
        try await bench.setAudience(["a@x.de gold 3", "b@x.de silver -"])
        let plain = await bench.bench.pipeline(change: { $0.memberFields = nil }).run(RunRequest())
        guard case .ran(let run) = plain else { throw RunError(code: "test", message: "\(plain)") }
        #expect(run.counts.succeeded.subscribe == 2 && bench.iterable.fields.isEmpty)
        #expect(bench.iterable.requests[0].fields.isEmpty)
        let filled = try await bench.run()
        #expect(filled.counts.succeeded.subscribe == 2 && filled.counts.unchanged == 0)
        #expect(bench.iterable.fields == ["a@x.de/- ltv=3 plan=gold", "b@x.de/- plan=silver"])
        #expect(try await bench.run().requests.sent == 0)
    }

    @Test func whoeverLeavesIsRemovedWithoutAWordOnFields() async throws {
        let bench = try await FieldsBench()
        try await bench.setAudience(["a@x.de gold 3", "b@x.de silver -"])
        try await bench.run()
        try await bench.setAudience(["a@x.de gold 3"])
        let run = try await bench.run()
        #expect(run.counts.planned == PerOperation(subscribe: 0, unsubscribe: 1))
        #expect(bench.iterable.requests.last?.fields.isEmpty == true)
        #expect(bench.iterable.members() == ["a@x.de/-"])
        #expect(bench.iterable.fields.contains("b@x.de/- plan=silver"))
    }

    @Test func aFullRunSendsAllFieldsAgain() async throws {
        let bench = try await FieldsBench()
        try await bench.setAudience(["a@x.de gold 3", "b@x.de silver -"])
        try await bench.run()
        let before = bench.iterable.requests.count
        let run = try await bench.run(.sendingAll)
        #expect(run.counts.succeeded.subscribe == 2)
        #expect(bench.sent(from: before) == [#"a@x.de/- {"ltv":3,"plan":"gold"}"#, #"b@x.de/- {"plan":"silver"}"#])
    }

    // MARK: Nulls

    @Test func aNullClearsWhatThisSyncHasWrittenAndNothingElse() async throws {
        let bench = try await FieldsBench()
        try await bench.setAudience(["a@x.de gold 3", "b@x.de silver -"])
        try await bench.run()
        bench.iterable.setForeignField("ltv", "9", of: Identity(email: "b@x.de", userID: nil))
        var before = bench.iterable.requests.count
        try await bench.setAudience(["a@x.de - 3", "b@x.de gold -"])
        try await bench.run()
        #expect(bench.sent(from: before) == [#"a@x.de/- {"ltv":3,"plan":null}"#, #"b@x.de/- {"plan":"gold"}"#])
        #expect(bench.iterable.fields == ["a@x.de/- ltv=3", "b@x.de/- ltv=9 plan=gold"])
        // The null was acknowledged: it is not sent again, not even with another change.
        before = bench.iterable.requests.count
        try await bench.setAudience(["a@x.de - 4", "b@x.de gold -"])
        try await bench.run()
        #expect(bench.sent(from: before) == [#"a@x.de/- {"ltv":4}"#])
        #expect(try await bench.run().requests.sent == 0)
    }

    @Test func aNullThatAPartOfARequestHasClearedIsNotSentAgain() async throws {
        let bench = try await FieldsBench()
        try await bench.setAudience(["a@x.de gold 3", "b@x.de silver 4"])
        try await bench.run()
        bench.iterable.setFate { request, _ in
            let mismatch = FailureReason(code: "counts_mismatch", reason: "Who?", httpStatus: 200)
            return request.subscribers.count > 1 ? .unclear(mismatch) : .ok
        }
        try await bench.setAudience(["a@x.de - 3", "b@x.de - 4"])
        let halved = try await bench.run()
        #expect(halved.counts.succeeded.subscribe == 2 && halved.requests.sent == 3, "\(halved)")
        #expect(bench.iterable.fields == ["a@x.de/- ltv=3", "b@x.de/- ltv=4"])
        #expect(try await bench.run().requests.sent == 0)
    }

    @Test(arguments: [NullRule.skip, .always]) func theOtherRulesHold(_ rule: NullRule) async throws {
        let bench = try await FieldsBench { sync, _ in sync.memberFields?.nulls = rule }
        try await bench.setAudience(["a@x.de gold 3", "b@x.de - -"])
        try await bench.run()
        let nulls = rule == .always
        #expect(bench.sent(from: 0).last == (nulls ? #"b@x.de/- {"ltv":null,"plan":null}"# : "b@x.de/- {}"))
        let before = bench.iterable.requests.count
        try await bench.setAudience(["a@x.de - 3", "b@x.de - -"])
        try await bench.run()
        #expect(bench.sent(from: before) == [nulls ? #"a@x.de/- {"ltv":3,"plan":null}"# : #"a@x.de/- {"ltv":3}"#])
    }

    // MARK: Rows that cannot be sent

    @Test func aRowWithAValueThatCannotBeSentIsInvalidAndItsPersonStays() async throws {
        let bench = try await FieldsBench()
        try await bench.setAudience(["a@x.de gold 3", "b@x.de silver -"])
        try await bench.run()
        try await bench.bench.fixture.execute("UPDATE people SET ltv = 'many' WHERE email = 'a@x.de'")
        let run = try await bench.run()
        #expect(run.status == .completedWithFailures)
        #expect(run.counts.invalid == 1 && run.counts.audience == 1 && run.counts.planned.total == 0)
        #expect(bench.iterable.members() == ["a@x.de/-", "b@x.de/-"])
        #expect(try await bench.bench.log(run) == ["validate failed invalid_value a@x.de/-"])
        // Somebody new whose row cannot be sent is not subscribed.
        try await bench.bench.fixture.execute("INSERT INTO people VALUES ('c@x.de', NULL, 'x', 'many')")
        #expect(try await bench.run().counts.invalid == 2)
        #expect(bench.iterable.members().count == 2)
        try await bench.setAudience(["b@x.de silver -"])
        try await bench.run()
        #expect(bench.iterable.members() == ["b@x.de/-"])
    }

    @Test func aTextThatIsTooLongIsFoundWhicheverRowComesFirst() async throws {
        let long = String(repeating: "x", count: 32_001)
        for rows in [["a@x.de \(long) 1", "a@x.de gold 2"], ["a@x.de gold 2", "a@x.de \(long) 1"]] {
            let bench = try await FieldsBench()
            try await bench.setAudience(rows)
            let run = try await bench.run()
            #expect(run.counts.invalid == 1 && run.counts.audience == 1 && run.counts.duplicates == 0)
            #expect(try await bench.bench.log(run).first == "validate failed value_too_long a@x.de/-")
            #expect(bench.iterable.fields == ["a@x.de/- ltv=2 plan=gold"])
        }
    }

    @Test func ofSeveralRowsWithTheSameIdentifiersAlwaysTheSameOneIsSent() async throws {
        let bench = try await FieldsBench()
        let rows = ["a@x.de gold 1", "A@x.de silver 2", "a@x.de bronze 3", "a@x.de silver 2"]
        try await bench.setAudience(rows)
        let first = try await bench.run()
        #expect(first.counts.audience == 1 && first.counts.duplicates == 3 && first.counts.planned.subscribe == 1)
        let fields = bench.iterable.fields
        for order in [[1, 0, 2, 3], [2, 3, 1, 0], [3, 2, 0, 1]] {
            try await bench.setAudience(order.map { rows[$0] })
            let plan = try await bench.bench.pipeline().plan()
            #expect(plan.counts.planned.total == 0 && plan.counts.duplicates == 3, "\(order)")
            #expect(plan.notes.contains { $0.hasPrefix("Rows with the same identifiers") }, "\(plan.notes)")
        }
        #expect(try await bench.run().requests.sent == 0)
        #expect(bench.iterable.fields == fields)
    }

    // MARK: Before anything is sent

    @Test func aFieldThatTheProjectDoesNotHaveStopsTheRun() async throws {
        let bench = try await FieldsBench()
        bench.iterable.users.setTypes(["Plan": "string", "ltv": "long"])
        try await bench.setAudience(["a@x.de gold 3"])
        let run = try await bench.run()
        #expect(run.status == .failed && run.error?.code == "field_unknown" && bench.iterable.requests.isEmpty)
        #expect(run.error?.hint?.contains("Iterable has \"Plan\", you wrote \"plan\"") == true)
        #expect(run.error?.hint?.contains("Subscribing makes no fields") == true)
        await #expect(throws: RunError.self) { try await bench.bench.pipeline().plan() }
    }

    @Test func aFieldOfAnotherTypeStopsTheRun() async throws {
        let bench = try await FieldsBench()
        bench.iterable.users.setTypes(["plan": "string", "ltv": "double"])
        try await bench.setAudience(["a@x.de gold 3"])
        let run = try await bench.run()
        #expect(run.status == .failed && run.error?.code == "type_mismatch" && bench.iterable.requests.isEmpty)
        #expect(run.error?.hint?.contains("type: double") == true)
    }

    @Test func whatIterableLeavesOutIsSaid() async throws {
        let bench = try await FieldsBench()
        bench.iterable.setFate { _, _ in .answer(.answered([.succeeded], httpStatus: 200, leftOut: ["plan"])) }
        try await bench.setAudience(["a@x.de gold 3"])
        let run = try await bench.run()
        #expect(run.status == .completedWithFailures && run.error?.code == "field_dropped")
        #expect(run.counts.succeeded.subscribe == 1)
    }

    // MARK: Refusals

    @Test func whoWasRefusedIsSentAgainWhenTheFieldsChange() async throws {
        let bench = try await FieldsBench()
        let reason = FailureReason(code: "type_mismatch", reason: "on purpose", httpStatus: 400)
        bench.iterable.setFate { _, _ in .refuse(["a@x.de": .failed(reason)]) }
        try await bench.setAudience(["a@x.de gold 3"])
        #expect(try await bench.run().counts.failed.subscribe == 1)
        bench.iterable.setFate { _, _ in .ok }
        let parked = try await bench.run()
        #expect(parked.counts.failed.subscribe == 1 && parked.requests.sent == 0)
        try await bench.setAudience(["a@x.de gold 4"])
        #expect(try await bench.run().counts.succeeded.subscribe == 1)
        #expect(try await bench.bench.snapshot() == ["subscribed a@x.de/-"])
    }

    @Test func whoWasRefusedBeforeALostAnswerIsNotUnsubscribedWhenTheyLeave() async throws {
        let bench = try await FieldsBench()
        let reason = FailureReason(code: "type_mismatch", reason: "on purpose", httpStatus: 400)
        let plan = TypeMismatch(field: "plan", expected: "long", offending: .string("gold"))
        bench.iterable.setFate { _, number in
            switch number {
            case 1: .answer(.mismatched(reason, [plan]))
            case 2: .loseAfter
            default: .ok
            }
        }
        try await bench.setAudience(["a@x.de - 1", "b@x.de gold 2", "c@x.de - 3"])
        let run = try await bench.run()
        #expect(run.counts.succeeded.subscribe == 2 && run.counts.failed.subscribe == 1, "\(run)")
        try await bench.setAudience(["a@x.de - 1", "c@x.de - 3"])
        let next = try await bench.run()
        #expect(next.counts.planned.total == 0 && bench.iterable.requests.allSatisfy { $0.operation == .subscribe })
        #expect(try await bench.bench.snapshot() == ["subscribed a@x.de/-", "subscribed c@x.de/-"])
    }

    // MARK: Without fields again

    private static func runWithoutFields(_ bench: FieldsBench) async throws -> SyncRun {
        let outcome = await bench.bench.pipeline(change: { $0.memberFields = nil }).run(RunRequest())
        guard case .ran(let run) = outcome else { throw RunError(code: "test", message: "\(outcome)") }
        return run
    }

    @Test func whoWasRefusedForAFieldIsSentOnceFieldsAreSentNoMore() async throws {
        let bench = try await FieldsBench()
        let mismatch = FailureReason(code: "type_mismatch", reason: "on purpose", httpStatus: 400)
        let invalid = FailureReason(code: "invalid_email", reason: "on purpose", httpStatus: 200)
        bench.iterable.setFate { _, _ in .refuse(["a@x.de": .failed(mismatch), "b@x.de": .rejected(invalid)]) }
        try await bench.setAudience(["a@x.de gold 3", "b@x.de silver 4"])
        #expect(try await bench.run().counts.failed.subscribe == 2)
        bench.iterable.setFate { _, _ in .ok }
        let plain = try await Self.runWithoutFields(bench)
        #expect(plain.counts.succeeded.subscribe == 1 && plain.counts.failed.subscribe == 1, "\(plain)")
        #expect(bench.iterable.members() == ["a@x.de/-"] && bench.iterable.fields.isEmpty)
        #expect(try await Self.runWithoutFields(bench).requests.sent == 0)
        // With fields again: those that were refused are not what Iterable has acknowledged.
        let filled = try await bench.run()
        #expect(filled.counts.succeeded.subscribe == 1 && filled.counts.failed.subscribe == 1, "\(filled)")
        #expect(bench.iterable.fields == ["a@x.de/- ltv=3 plan=gold"])
    }

    @Test func fieldsInDoubtAreSentAgainAlthoughTheMemberWasSentWithoutMeanwhile() async throws {
        let bench = try await FieldsBench()
        bench.iterable.setFate { _, _ in .loseBefore }
        try await bench.setAudience(["a@x.de gold 3"])
        #expect(try await bench.run().counts.unknown.subscribe == 1)
        bench.iterable.setFate { _, _ in .ok }
        #expect(try await Self.runWithoutFields(bench).counts.succeeded.subscribe == 1)
        #expect(bench.iterable.fields.isEmpty)
        #expect(try await bench.run().counts.succeeded.subscribe == 1)
        #expect(bench.iterable.fields == ["a@x.de/- ltv=3 plan=gold"])
    }

    @Test func fieldsThatWereAcknowledgedHoldWhileNoneAreSent() async throws {
        let bench = try await FieldsBench()
        try await bench.setAudience(["a@x.de gold 3"])
        try await bench.run()
        #expect(try await Self.runWithoutFields(bench).requests.sent == 0)
        let full = await bench.bench.pipeline(change: { $0.memberFields = nil }).run(.sendingAll)
        guard case .ran(let run) = full else { throw RunError(code: "test", message: "\(full)") }
        #expect(run.counts.succeeded.subscribe == 1)
        #expect(try await bench.run().requests.sent == 0)
    }

    // MARK: Lost answers

    @Test func otherFieldsWaitUntilTheLostOnesCanLandNoMore() async throws {
        let bench = try await FieldsBench()
        try await bench.setAudience(["a@x.de gold 3"])
        try await bench.run()
        // Each attempt is given up, and carried out half a minute later.
        bench.iterable.setFate { _, _ in .late(.seconds(30)) }
        try await bench.setAudience(["a@x.de silver 3"])
        let lost = try await bench.run()
        #expect(lost.counts.unknown.subscribe == 1)
        #expect(try await bench.bench.snapshot() == ["subscribing a@x.de/-"])
        bench.iterable.setFate { _, _ in .ok }
        try await bench.setAudience(["a@x.de bronze 3"])
        let plan = try await bench.bench.pipeline().plan()
        var waits: [Bool] = []
        try plan.forEachChange(limit: nil) { waits.append($0.notBefore != nil) }
        #expect(waits == [true])
        #expect(try await bench.run().counts.succeeded.subscribe == 1)
        bench.bench.clock.advance(by: .seconds(600))
        #expect(bench.iterable.fields == ["a@x.de/- ltv=3 plan=bronze"])
    }

    @Test func theSameFieldsGoAgainAtOnce() async throws {
        let bench = try await FieldsBench()
        bench.iterable.setFate { _, _ in .loseBefore }
        try await bench.setAudience(["a@x.de gold 3"])
        #expect(try await bench.run().counts.unknown.subscribe == 1)
        bench.iterable.setFate { _, _ in .ok }
        let plan = try await bench.bench.pipeline().plan()
        var waits: [Bool] = []
        try plan.forEachChange(limit: nil) { waits.append($0.notBefore != nil) }
        #expect(waits == [false])
        #expect(try await bench.run().counts.succeeded.subscribe == 1)
        #expect(bench.iterable.fields == ["a@x.de/- ltv=3 plan=gold"])
    }

    @Test func aValueThatMayHaveBeenWrittenIsCleared() async throws {
        let bench = try await FieldsBench()
        bench.iterable.setFate { _, _ in .loseAfter }
        try await bench.setAudience(["a@x.de gold 3"])
        #expect(try await bench.run().counts.unknown.subscribe == 1)
        bench.iterable.setFate { _, _ in .ok }
        try await bench.setAudience(["a@x.de - 3"])
        try await bench.run()
        #expect(bench.iterable.fields == ["a@x.de/- ltv=3"])
    }

    // MARK: Held runs

    @Test func aHeldRunSendsTheFieldsThatItWasStagedWith() async throws {
        let bench = try await FieldsBench { sync, _ in sync.guards.maxRemovals = .count(0) }
        try await bench.setAudience(["a@x.de gold 3", "b@x.de silver -"])
        try await bench.run()
        try await bench.setAudience(["a@x.de silver 3"])
        let held = try await bench.run()
        #expect(held.status == .held)
        try await bench.setAudience(["a@x.de bronze 3"])
        let approved = try await bench.run(.approve(held.id))
        #expect(
            approved.status == .succeeded && approved.counts.succeeded == PerOperation(subscribe: 1, unsubscribe: 1))
        #expect(bench.iterable.fields.contains("a@x.de/- ltv=3 plan=silver"))
        #expect(try await bench.run().counts.succeeded.subscribe == 1)
        #expect(bench.iterable.fields.contains("a@x.de/- ltv=3 plan=bronze"))
    }

    @Test func theCacheOfSnapshotsIsNotUsed() async throws {
        let folder = try TemporaryFolders.make("cache").path
        let bench = try await FieldsBench(cache: SnapshotCache(folder: folder, leastMembers: 0))
        try await bench.setAudience(["a@x.de gold 3"])
        try await bench.run()
        try await bench.setAudience(["a@x.de silver 3"])
        #expect(try await bench.run().counts.succeeded.subscribe == 1)
        #expect(try await bench.run().requests.sent == 0)
    }

    // MARK: Hybrid projects

    @Test func theRowThatRepresentsThePersonGivesTheFields() async throws {
        let bench = try await FieldsBench(.hybrid)
        try await bench.setAudience(["a@x.de/u1 gold 1", "a@x.de silver 2", "-/u1 bronze 3"])
        let run = try await bench.run()
        #expect(run.counts.audience == 1 && run.counts.duplicates == 2)
        #expect(bench.iterable.fields == ["a@x.de/u1 ltv=1 plan=gold"])
        #expect(try await bench.run().requests.sent == 0)
        // A row that does not represent anybody changes nothing.
        try await bench.setAudience(["a@x.de/u1 gold 1", "a@x.de bronze 7", "-/u1 bronze 3"])
        #expect(try await bench.run().requests.sent == 0)
    }

    @Test func fieldsAreComparedAgainWhenAnotherRowRepresentsThePerson() async throws {
        let bench = try await FieldsBench(.hybrid)
        try await bench.setAudience(["a@x.de/u1 gold 1", "a@x.de silver -"])
        try await bench.run()
        // The other row represents them now; what only the first one had is cleared.
        try await bench.setAudience(["a@x.de silver -"])
        let run = try await bench.run()
        #expect(run.counts.planned == PerOperation(subscribe: 1, unsubscribe: 0))
        #expect(bench.iterable.fields == ["a@x.de/u1 plan=silver"])
        #expect(try await bench.run().requests.sent == 0)
        // Back again: the entry is still on the snapshot, and what it says of the fields is void.
        try await bench.setAudience(["a@x.de/u1 gold 1", "a@x.de silver -"])
        try await bench.run()
        #expect(bench.iterable.fields == ["a@x.de/u1 ltv=1 plan=gold"])
        #expect(try await bench.run().requests.sent == 0)
    }

    @Test func fieldsOfALostRequestForAnotherNameOfThePersonArePutRight() async throws {
        let bench = try await FieldsBench(.hybrid)
        try await bench.setAudience(["a@x.de silver 2"])
        try await bench.run()
        bench.iterable.setFate { _, _ in .loseAfter }
        try await bench.setAudience(["a@x.de/u1 gold 1", "a@x.de silver 2"])
        #expect(try await bench.run().counts.unknown.subscribe == 1)
        bench.iterable.setFate { _, _ in .ok }
        // The row that was on the snapshot all the time is sent again, with its fields.
        try await bench.setAudience(["a@x.de silver 2"])
        #expect(try await bench.run().counts.succeeded.subscribe == 1)
        #expect(bench.iterable.fields == ["a@x.de/u1 ltv=2 plan=silver"])
        #expect(try await bench.run().requests.sent == 0)
    }

    @Test func aRowThatCannotBeSentKeepsWhoeverSharesAnIdentifier() async throws {
        let bench = try await FieldsBench(.hybrid)
        try await bench.setAudience(["a@x.de/u1 gold 1", "b@x.de/u2 silver 2"])
        try await bench.run()
        try await bench.setAudience(["b@x.de/u2 silver 2"])
        try await bench.bench.fixture.execute("INSERT INTO people VALUES ('new@x.de', 'u1', 'gold', 'many')")
        let run = try await bench.run()
        #expect(run.counts.invalid == 1 && run.counts.planned.total == 0)
        #expect(bench.iterable.members() == ["a@x.de/u1", "b@x.de/u2"])
    }

    @Test func whoLosesAnIdentifierThatManyShareKeepsTheFields() async throws {
        let bench = try await FieldsBench(.hybrid) { sync, _ in sync.identity.maxSharing = 2 }
        try await bench.setAudience(["info@x.de/u1 gold 1", "info@x.de/u2 silver 2"])
        try await bench.run()
        // A third one: the address counts as none, and each stands for the userId alone.
        try await bench.setAudience(["info@x.de/u1 gold 1", "info@x.de/u2 silver 2", "info@x.de/u3 bronze 3"])
        let run = try await bench.run()
        #expect(run.counts.audience == 3)
        let fields = bench.iterable.fields.map { $0.split(separator: "/")[1] }.sorted()
        #expect(fields == ["u1 ltv=1 plan=gold", "u2 ltv=2 plan=silver", "u3 ltv=3 plan=bronze"])
        #expect(try await bench.run().requests.sent == 0)
    }

    /// An address that counts as none makes no one the same person: what other people's fields were clears nothing.
    @Test func anIdentifierThatManyShareSaysNothingOfTheFields() async throws {
        let bench = try await FieldsBench(.hybrid) { sync, _ in sync.identity.maxSharing = 2 }
        for id in ["u1", "u2"] { bench.iterable.addForeign(Identity(email: nil, userID: id), to: 99) }
        try await bench.setAudience(["info@x.de/u1 gold 1", "info@x.de/u2 silver -"])
        try await bench.run()
        bench.iterable.setForeignField("ltv", "9", of: Identity(email: nil, userID: "u2"))
        let before = bench.iterable.requests.count
        try await bench.setAudience(["info@x.de/u1 gold 1", "info@x.de/u2 silver -", "info@x.de/u3 bronze 3"])
        try await bench.run()
        #expect(bench.sent(from: before).contains(#"-/u2 {"plan":"silver"}"#), "\(bench.sent(from: before))")
        #expect(bench.iterable.fields.contains { $0.hasSuffix("/u2 ltv=9 plan=silver") }, "\(bench.iterable.fields)")
    }

    // MARK: Why

    @Test func whyNamesTheFieldsThatAreSent() async throws {
        let bench = try await FieldsBench()
        try await bench.setAudience(["a@x.de gold 3"])
        try await bench.run()
        #expect(try await bench.bench.pipeline().why("a@x.de").nextStep == "nothing to do, the list is right")
        try await bench.setAudience(["a@x.de silver 3"])
        let changed = try await bench.bench.pipeline().why("a@x.de").nextStep
        #expect(changed == "subscribe a@x.de with ltv, plan (not what Iterable acknowledged last)")
        try await bench.bench.fixture.execute("UPDATE people SET ltv = 'many'")
        let report = try await bench.bench.pipeline().why("a@x.de")
        #expect(report.rows.first?.failure?.code == "invalid_value" && report.rows.first?.isValid == false)
        #expect(report.nextStep == "nothing is sent; the row fails again until it is corrected")
    }

    @Test func checkSaysWhichFieldsAreSent() async throws {
        let bench = try await FieldsBench()
        let words = try await bench.bench.pipeline().describeColumns()
        #expect(words == "email from email; fields ltv (long), plan (string)")
    }
}

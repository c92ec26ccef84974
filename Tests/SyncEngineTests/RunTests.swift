import Foundation
import RollcallCore
import SyncEngine
import TestSupport
import Testing
import Warehouse

/// Lists, rejections, leases, stopping: all that surrounds the mirror.
@Suite struct RunTests {
    // MARK: The list

    @Test func aMissingListIsMadeOnceAndKept() async throws {
        let bench = try await Bench(list: nil)
        try await bench.setAudience(addresses(1...3))
        let run = try await bench.run()
        #expect(run.listID == 101)
        try await bench.setAudience(addresses(1...4))
        try await bench.run()
        #expect(bench.iterable.creations == 1)
        #expect(bench.iterable.members() == listed(addresses(1...4)))
    }

    @Test func aCreationWithoutAnswerIsLookedUpBeforeAnotherIsMade() async throws {
        let bench = try await Bench(list: nil)
        bench.iterable.setCreateFate { _ in .loseAfter }
        try await bench.setAudience(addresses(1...3))
        let run = try await bench.run()
        #expect(run.status == .succeeded)
        #expect(bench.iterable.creations == 1)
        #expect(bench.iterable.knownLists.count == 1)
    }

    @Test func aCreationThatIsRefusedAndThenLostMakesOneList() async throws {
        let bench = try await Bench(list: nil)
        let reason = FailureReason(code: "busy", reason: "busy", httpStatus: 429)
        bench.iterable.setCreateFate { number in
            number == 1 ? .answer(.retry(reason, after: nil, mayHaveBeenApplied: false, cause: .rateLimit)) : .loseAfter
        }
        try await bench.setAudience(addresses(1...3))
        #expect(try await bench.run().status == .succeeded)
        #expect(bench.iterable.creations == 2)
        #expect(bench.iterable.knownLists.count == 1)
    }

    @Test func aHeldFirstRunMakesNoList() async throws {
        let bench = try await Bench(list: nil)
        try await bench.setAudience([])
        let run = try await bench.run()
        #expect(run.status == .held)
        #expect(bench.iterable.creations == 0)
    }

    @Test func twoListsOfOneNameAreAnErrorThatNamesThem() async throws {
        let bench = try await Bench()
        bench.iterable.addList(RemoteList(id: 2, name: "VIP", listType: "Standard"))
        try await bench.setAudience(addresses(1...3))
        let run = try await bench.run()
        #expect(run.status == .failed)
        #expect(run.error?.code == "list_ambiguous")
        #expect(run.error?.message.contains("1, 2") == true)
    }

    @Test func aListOfAnotherTypeIsRefused() async throws {
        let bench = try await Bench(list: RemoteList(id: 5, name: "VIP", listType: "Dynamic"))
        try await bench.setAudience(addresses(1...3))
        let run = try await bench.run()
        #expect(run.error?.code == "list_type")
        #expect(bench.iterable.creations == 0)
    }

    @Test func aDeletedListFailsAndIsNotMadeAgainUnasked() async throws {
        let bench = try await Bench()
        try await bench.setAudience(addresses(1...3))
        try await bench.run()
        bench.iterable.deleteLists()
        try await bench.setAudience(addresses(1...4))
        for _ in 0..<2 {
            let run = try await bench.run()
            #expect(run.status == .failed)
            #expect(run.error?.code == "list_not_found")
        }
        #expect(bench.iterable.creations == 0)
        // The way on: somebody makes the list; the sync adopts it and fills it.
        bench.iterable.addList(RemoteList(id: 9, name: "VIP", listType: "Standard"))
        let run = try await bench.run()
        #expect(run.status == .succeeded)
        #expect(run.listID == 9)
        #expect(bench.iterable.members(9) == listed(addresses(1...4)))
    }

    // MARK: Refusals

    @Test func notFoundIsTriedAgainInEveryRun() async throws {
        let bench = try await Bench()
        let notFound = RecordOutcome.failed(FailureReason(code: "not_found", reason: "unknown", httpStatus: 200))
        bench.iterable.setFate { _, _ in .refuse(["p1@example.com": notFound]) }
        try await bench.setAudience(addresses(1...3))
        for _ in 0..<2 {
            let run = try await bench.run()
            #expect(run.status == .completedWithFailures)
            #expect(run.counts.failed.subscribe == 1)
        }
        bench.iterable.setFate { _, _ in .ok }
        try await bench.run()
        #expect(bench.iterable.members() == listed(addresses(1...3)))
        #expect(bench.iterable.requests.count == 3)
    }

    @Test func rejectedPeopleAreParkedCountedAndSentAgainOnlyWhenAsked() async throws {
        let bench = try await Bench()
        let forgotten = RecordOutcome.rejected(FailureReason(code: "forgotten", reason: "GDPR", httpStatus: 200))
        bench.iterable.setFate { _, _ in .refuse(["p1@example.com": forgotten]) }
        try await bench.setAudience(addresses(1...3))
        try await bench.run()
        #expect(try await bench.snapshot().contains("rejected p1@example.com/-"))
        let second = try await bench.run()
        #expect(second.requests.sent == 0)
        #expect(second.counts.failed.subscribe == 1)
        #expect(second.status == .completedWithFailures)
        #expect(try await bench.log(second) == ["subscribe failed forgotten p1@example.com/-"])

        bench.iterable.setFate { _, _ in .ok }
        var request = RunRequest()
        request.retryRejected = true
        let third = try await bench.run(request)
        #expect(third.status == .succeeded)
        #expect(bench.iterable.members() == listed(addresses(1...3)))
    }

    @Test func rejectedPeopleWhoLeaveAreDroppedWithoutARequest() async throws {
        let bench = try await Bench()
        let forgotten = RecordOutcome.rejected(FailureReason(code: "forgotten", reason: "GDPR", httpStatus: 200))
        bench.iterable.setFate { _, _ in .refuse(["p1@example.com": forgotten]) }
        try await bench.setAudience(addresses(1...3))
        try await bench.run()
        try await bench.setAudience(addresses(2...3))
        let run = try await bench.run()
        #expect(run.status == .succeeded)
        #expect(run.requests.sent == 0)
        #expect(try await bench.snapshot() == Set(addresses(2...3).map { "subscribed \($0)/-" }))
    }

    @Test func oneBadRecordIsFoundByHalving() async throws {
        let bench = try await Bench()
        bench.iterable.setFate { request, _ in
            let bad = request.subscribers.contains { $0.email == "p700@example.com" }
            return bad
                ? .answer(.refused(FailureReason(code: "invalid_json", reason: "refused", httpStatus: 400))) : .ok
        }
        try await bench.setAudience(addresses(1...1000))
        let run = try await bench.run()
        #expect(run.counts.succeeded.subscribe == 999)
        #expect(run.counts.failed.subscribe == 1)
        #expect(
            try await bench.log(run).filter { $0.contains("failed") } == [
                "subscribe failed invalid_json p700@example.com/-"
            ])
        #expect(run.requests.sent <= 21)
    }

    @Test func failuresThatNobodyIsNamedForAreNotTakenForSuccess() async throws {
        let bench = try await Bench()
        bench.iterable.setFate { request, _ in
            let bad = request.subscribers.contains { $0.email == "p3@example.com" }
            return bad ? .answer(.ambiguous(FailureReason(code: "unattributed", reason: "who?", httpStatus: 200))) : .ok
        }
        try await bench.setAudience(addresses(1...8))
        let run = try await bench.run()
        #expect(run.counts.succeeded.subscribe == 7)
        #expect(run.counts.unknown.total == 1)
        #expect(run.status == .completedWithFailures)
        #expect(try await bench.snapshot().contains("subscribing p3@example.com/-"))
    }

    // MARK: Leases, crashes, stopping

    @Test func aSyncThatRunsElsewhereIsBusy() async throws {
        let bench = try await Bench()
        try await bench.setAudience(addresses(1...3))
        _ = try await bench.fixture.warehouse.migrate()
        let attempt = try await bench.fixture.warehouse.acquireLease(
            sync: "vip", holder: "somebody else", seconds: 60, isDead: { _ in false })
        guard case .acquired(let lease) = attempt else {
            Issue.record("the lease was free")
            return
        }
        guard case .busy(let error) = await bench.pipeline().run(RunRequest()) else {
            Issue.record("two runs of one sync")
            return
        }
        #expect(error.code == "busy")
        #expect(bench.iterable.requests.isEmpty)
        try await bench.fixture.warehouse.releaseLease(lease)
        try await bench.run()
    }

    @Test func aLeaseThatWasTakenOverStopsItsHolderBeforeTheNextRequest() async throws {
        let bench = try await Bench { _, destination in destination.limits.concurrentRequests = 1 }
        try await bench.setAudience(addresses(1...5000))
        let thief = try bench.fixture.second()
        bench.iterable.setFate { _, number in
            if number == 2 {
                // Another process takes the sync over while the second request is under way.
                _ = try? await thief.acquireLease(sync: "vip", holder: "thief", seconds: 60, isDead: { _ in true })
                bench.clock.advance(by: .seconds(3600))
            }
            return .ok
        }
        let outcome = await bench.pipeline().run(RunRequest())
        guard case .ran(let run) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(run.error?.code == "warehouse_lease_lost")
        #expect(bench.iterable.requests.count == 2)
        await thief.close()
    }

    @Test func aHolderThatSleptPastItsLeaseSendsNothingMore() async throws {
        let bench = try await Bench { _, destination in destination.limits.concurrentRequests = 1 }
        try await bench.setAudience(addresses(1...5000))
        bench.iterable.setFate { _, number in
            // The process stands still for an hour while its second request is under way.
            if number == 2 { bench.clock.advance(by: .seconds(3600)) }
            return .ok
        }
        let run = try await bench.run(warehouse: FailingWarehouse(bench.fixture.warehouse, renews: false))
        #expect(run.error?.code == "lease_lost")
        #expect(bench.iterable.requests.count == 2)
        #expect(run.counts.succeeded.subscribe == 2000)
        #expect(run.counts.notAttempted.total == 3000)
    }

    @Test func aStoppedRunIsInterruptedAndTheNextOneCarriesOn() async throws {
        let bench = try await Bench { _, destination in destination.limits.concurrentRequests = 1 }
        try await bench.setAudience(addresses(1...5000))
        let stop = StopSignal()
        bench.iterable.setFate { _, number in
            if number == 2 { stop.request(.interrupted) }
            return .ok
        }
        let run = try await bench.run(stop: stop)
        #expect(run.status == .interrupted)
        #expect(run.counts.succeeded.subscribe == 2000)
        #expect(run.counts.notAttempted.total == 3000)
        #expect(try await bench.log(run).filter { $0.hasPrefix("subscribe not_attempted") }.count == 3000)
        let next = try await bench.run(stop: StopSignal())
        #expect(next.status == .succeeded)
        #expect(next.counts.succeeded.subscribe == 3000)
        #expect(bench.iterable.requests.flatMap(\.subscribers).count == 5000)
        #expect(bench.iterable.members() == listed(addresses(1...5000)))
    }

    /// A call that might have got through had it been tried again is no failure of a run that was stopped meanwhile.
    @Test(arguments: ["lists", "creation", "creation without an answer"])
    func aRunThatIsStoppedBeforeItSendsIsInterrupted(_ place: String) async throws {
        let bench = try await Bench()
        try await bench.setAudience(addresses(1...3))
        let stop = StopSignal()
        switch place {
        case "lists":
            bench.iterable.setListsFailure { number in
                if number == 2 { stop.request(.interrupted) }
                return DestinationError(error: RunError(code: "unavailable", message: "no answer"), isTransient: true)
            }
        default:
            bench.iterable.deleteLists()
            bench.iterable.setCreateFate { _ in
                stop.request(.interrupted)
                return place == "creation"
                    ? .answer(.stop(RunError(code: "unavailable", message: "no answer"))) : .loseBefore
            }
        }
        let run = try await bench.run(stop: stop)
        #expect(run.status == .interrupted && run.error == nil, "\(run)")
        #expect(run.counts.notAttempted.total == (place == "lists" ? 0 : 3))
        #expect(bench.iterable.requests.isEmpty)
        bench.iterable.setListsFailure { _ in nil }
        bench.iterable.setCreateFate { _ in .ok }
        let next = try await bench.run(stop: StopSignal())
        // Only a list that may still appear is waited for.
        if place == "creation without an answer" {
            #expect(next.error?.code == "list_creation_unknown")
        } else {
            #expect(next.counts.succeeded.subscribe == 3, "\(next)")
        }
    }

    @Test func aCancelledRunIsCancelled() async throws {
        let bench = try await Bench { _, destination in destination.limits.concurrentRequests = 1 }
        try await bench.setAudience(addresses(1...3000))
        let stop = StopSignal()
        bench.iterable.setFate { _, _ in
            stop.request(.cancelled)
            return .ok
        }
        let run = try await bench.run(stop: stop)
        #expect(run.status == .cancelled)
    }

    @Test func errorsBeforeThePlanAreRecordedInTheRun() async throws {
        let bench = try await Bench { sync, _ in sync.audience = .table(["peopel"]) }
        let run = try await bench.run()
        #expect(run.status == .failed)
        #expect(run.error?.description.contains("people") == true, "the error names what exists")
        let columns = try await Bench { sync, _ in sync.mapping = ColumnMapping(email: "e_mail") }
        let second = try await columns.run()
        #expect(second.error?.code == "column_missing")
        #expect(second.error?.message.contains("email, user_id") == true)
    }

    /// A run that no warehouse would close as it is must not stay `running`.
    @Test func aRunWhoseMessageCannotBeStoredIsClosedWithoutIt() async throws {
        let bench = try await Bench()
        bench.iterable.addList(RemoteList(id: 2, name: "VIP", listType: "Standard"))
        let warehouse = FailingWarehouse(
            bench.fixture.warehouse, refusesToEnd: { $0.error?.message.contains("VIP") == true })
        let run = try await bench.run(warehouse: warehouse)
        #expect(run.error?.code == "list_ambiguous" && run.error?.message.contains("VIP") == true)
        let stored = try #require(try await bench.fixture.warehouse.run(id: run.id))
        #expect(stored.status == .failed && stored.finishedAt != nil)
        #expect(stored.error?.code == "list_ambiguous" && stored.error?.message.contains("VIP") == false)
    }

    /// Where it is not the message, the run ends as it did before: failed for the caller, and closed by the next one.
    @Test func aRunThatCannotBeClosedAtAllIsClosedByTheNext() async throws {
        let bench = try await Bench()
        bench.iterable.addList(RemoteList(id: 2, name: "VIP", listType: "Standard"))
        let warehouse = FailingWarehouse(bench.fixture.warehouse, refusesToEnd: { _ in true })
        guard case .ran(let run) = await bench.pipeline(warehouse: warehouse).run(RunRequest()) else {
            Issue.record("not run")
            return
        }
        #expect(run.status == .failed && run.error?.code == "list_ambiguous")
        #expect(try await bench.fixture.warehouse.run(id: run.id)?.status == .running)
        try await bench.run()
        #expect(try await bench.fixture.warehouse.run(id: run.id)?.status == .interrupted)
    }

    @Test(arguments: [LogSettings.Identifiers.masked, .hashed])
    func identifiersCanBeKeptOutOfTheLog(_ form: LogSettings.Identifiers) async throws {
        let bench = try await Bench { sync, _ in sync.logs.identifiers = form }
        try await bench.setAudience(["ada.lovelace@example.com", "charles babbage@x"])
        let run = try await bench.run()
        let log = try await bench.log(run).joined()
        #expect(!log.contains("lovelace"))
        #expect(!log.contains("babbage"))
        #expect(try await bench.log(run).count == 2)
        let report = try await bench.pipeline().why("Ada.Lovelace@example.com")
        #expect(report.records.count == 1)
    }

    @Test func whyTellsOnePersonsStory() async throws {
        let bench = try await Bench()
        try await bench.setAudience(addresses(1...3) + ["Bad Address@x"])
        try await bench.run()
        try await bench.setAudience(addresses(2...3))
        let gone = try await bench.pipeline().why("P1@Example.com")
        #expect(gone.rows.isEmpty)
        #expect(gone.members.map(\.member.state) == [.subscribed])
        #expect(gone.changes.map(\.operation) == [.unsubscribe])
        #expect(gone.records.map(\.status) == ["succeeded"])
        let bad = try await bench.pipeline().why("Bad Address@x")
        #expect(bad.members.isEmpty)
        #expect(bad.records.map(\.status) == ["failed"])
    }

    /// A row that lost one identifier still counts, whichever of the two is asked for.
    @Test(arguments: ["not an address", "u1"])
    func whyKnowsThatARowGoesOnWithItsOtherIdentifier(_ identifier: String) async throws {
        let bench = try await Bench(.hybrid)
        try await bench.setAudience(["not an address/u1", "nobody/-"])
        let before = try await bench.pipeline().why(identifier)
        #expect(before.rows.map(\.person) == [Identity(email: nil, userID: "u1")])
        #expect(before.rows.map(\.failure?.code) == ["identifier_dropped"])
        #expect(before.nextStep == "subscribe u1")
        try await bench.run()
        let after = try await bench.pipeline().why(identifier)
        #expect(after.members.map(\.member.state) == [.subscribed])
        let place = identifier == "u1" ? "the list is right" : "the person is on the list as u1"
        #expect(after.nextStep == "nothing to do, \(place)")
        let refused = try await bench.pipeline().why("nobody")
        #expect(refused.rows.map(\.isValid) == [false])
        #expect(refused.rows.map(\.failure?.code) == ["email_syntax"])
    }
}

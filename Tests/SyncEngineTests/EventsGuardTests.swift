import Foundation
import RollcallCore
import SyncEngine
import TestSupport
import Testing
import Warehouse

/// What a person decides: held runs, earlier events, single events.
@Suite(.timeLimit(.minutes(10))) struct EventsGuardTests {
    private static let day = 86_400

    // MARK: Guards

    @Test func tooManyEventsHoldTheRunAndApprovalSendsWhatWasStaged() async throws {
        let bench = try await EventsBench { _, sync, _ in sync.guards.maxEvents = 2 }
        try await bench.add((1, "ann", 100), (2, "ben", 200))
        #expect(try await bench.run().status == .succeeded, "two are not more than two")
        try await bench.add((3, "ann", 300), (4, "ben", 400), (5, "cy", 500))
        let held = try await bench.run()
        #expect(held.status == .held, "\(held)")
        #expect(held.held == [GuardFinding(guard: "max_events", limit: "2", observed: "3")])
        #expect(held.counts.notAttempted.track == 3 && bench.requests == [["1", "2"]])
        #expect(try await bench.table() == ["sent 1", "sent 2"])
        guard case .alreadyHeld = await bench.pipeline().run(RunRequest()) else {
            Issue.record("a run began while one is held")
            return
        }
        // What has come since, and what became of the rows, is no part of it.
        try await bench.add((6, "dan", 600))
        try await bench.change("at = 1000", of: 3)
        try await bench.delete(4)
        let approved = try await bench.run(.approve(held.id))
        #expect(approved.id == held.id && approved.status == .succeeded, "\(approved)")
        #expect(approved.counts.succeeded.track == 3)
        #expect(bench.requests == [["1", "2"], ["3", "4"], ["5"]])
        #expect(bench.events.objects(1)[0].contains(#""createdAt":300,"#))
        #expect(try await bench.table() == ["sent 1", "sent 2", "sent 3", "sent 4", "sent 5"])
        let next = try await bench.run()
        #expect(next.counts.planned.track == 1 && bench.requests.last == ["6"], "\(next)")
    }

    @Test func discardedEventsAreSkippedUntilABackfill() async throws {
        let bench = try await EventsBench { _, sync, _ in sync.guards.maxEvents = 2 }
        try await bench.add((1, "ann", 100), (2, "ben", 200), (3, "cy", 300))
        let held = try await bench.run()
        #expect(held.status == .held, "\(held)")
        let discarded = try await bench.run(.discard(held.id))
        #expect(discarded.status == .cancelled, "\(discarded)")
        #expect(try await bench.table().count == 3)
        #expect(try await bench.table().allSatisfy { $0.hasPrefix("skipped") })
        let next = try await bench.run()
        #expect(next.status == .succeeded && next.counts.planned.track == 0 && next.counts.unchanged == 3, "\(next)")
        try await bench.add((4, "dan", 400))
        #expect(try await bench.run().counts.planned.track == 1)
        #expect(bench.requests == [["4"]])
        let backfill = try await bench.run(.backfilling(.all)) { _, sync, _ in sync.guards.maxEvents = nil }
        #expect(backfill.counts.succeeded.track == 3 && backfill.counts.unchanged == 1, "\(backfill)")
        #expect(bench.requests == [["4"], ["1", "2"], ["3"]])
        #expect(try await bench.table() == ["sent 1", "sent 2", "sent 3", "sent 4"])
    }

    @Test func eventsOfLongAgoHoldTheRun() async throws {
        let bench = try await EventsBench { _, sync, _ in sync.guards.maxAgeSeconds = 7 * Self.day }
        let week = EventsBench.start - 7 * Self.day
        try await bench.add((1, "ann", week + 100), (2, "ben", week - 100), (3, "cy", week - 200))
        let held = try await bench.run()
        #expect(held.status == .held, "\(held)")
        #expect(held.held == [GuardFinding(guard: "max_age", limit: "7d", observed: "2")])
        #expect(try await bench.run(.approve(held.id)).counts.succeeded.track == 3)
        // It is older by now, and no more to be sent.
        bench.clock.advance(by: .seconds(3600))
        let next = try await bench.run()
        #expect(next.status == .succeeded && next.counts.unchanged == 3, "\(next)")
    }

    @Test func whatHasBegunToWaitIsNotJudgedAgain() async throws {
        let bench = try await EventsBench { events, sync, _ in
            events.waitForUserSeconds = 30 * Self.day
            sync.guards.maxAgeSeconds = 7 * Self.day
        }
        try await bench.add((1, "ben", EventsBench.start - 6 * Self.day))
        bench.events.setUnknown(["ben@example.com"])
        #expect(try await bench.run().counts.waiting == 1)
        bench.clock.advance(by: .seconds(2 * Self.day))
        bench.events.setUnknown([])
        let run = try await bench.run()
        #expect(run.status == .succeeded && run.counts.succeeded.track == 1, "\(run)")
    }

    @Test func tooManyInvalidRowsHoldTheRun() async throws {
        for (rows, isHeld) in [(5, false), (4, true)] {
            let bench = try await EventsBench { _, sync, _ in sync.guards.maxInvalid = 20 }
            try await bench.insert("id, email, at", "1, NULL, 100")
            for id in 2...rows { try await bench.add((id, "ann", id)) }
            let run = try await bench.run()
            #expect((run.status == .held) == isHeld, "one of \(rows): \(run)")
            #expect(run.held.map(\.guard) == (isHeld ? ["max_invalid"] : []))
            #expect(bench.requests.isEmpty == isHeld)
        }
    }

    @Test func aHeldRunIsNotSentUnderOtherIDs() async throws {
        let bench = try await EventsBench { _, sync, _ in sync.guards.maxEvents = 0 }
        try await bench.add((1, "ann", 100))
        let held = try await bench.run()
        let outcome = await bench.pipeline { events, _, _ in events.key = ["id", "status"] }.run(.approve(held.id))
        guard case .ran(let run) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(run.error?.code == "event_ids_changed" && bench.requests.isEmpty, "\(run)")
    }

    // MARK: Backfill

    @Test func aBackfillSendsWhatWasSkippedWithinItsSpan() async throws {
        let bench = try await EventsBench { events, _, _ in events.start = .now }
        try await bench.add(
            (1, "ann", EventsBench.start - 40 * Self.day), (2, "ben", EventsBench.start - 20 * Self.day),
            (3, "cy", EventsBench.start - Self.day))
        try await bench.run()
        let plan = try await bench.pipeline().plan(backfill: .seconds(30 * Self.day))
        #expect(plan.counts.planned.track == 2 && plan.held.isEmpty, "\(plan.counts)")
        let month = try await bench.run(.backfilling(.seconds(30 * Self.day)))
        #expect(month.counts.planned.track == 2 && month.counts.unchanged == 1, "\(month)")
        #expect(bench.requests == [["2", "3"]])
        #expect(try await bench.table() == ["sent 2", "sent 3", "skipped -"])
        #expect(try await bench.run().counts.planned.track == 0)
        let all = try await bench.run(.backfilling(.all))
        #expect(all.counts.planned.track == 1 && all.counts.unchanged == 2, "\(all)")
        #expect(bench.requests == [["2", "3"], ["1"]])
        let again = try await bench.run(.backfilling(.all))
        #expect(again.status == .succeeded && again.counts.planned.track == 0 && again.counts.unchanged == 3)
        #expect(bench.events.arrivals.count == 3)
    }

    @Test func aBackfillOfASpanNeedsATimeInTheRows() async throws {
        let bench = try await EventsBench { events, _, _ in
            events.createdAt = nil
            events.start = .now
        }
        try await bench.add((1, "ann", 100))
        try await bench.run()
        let run = try await bench.run(.backfilling(.seconds(Self.day)))
        #expect(run.status == .failed && bench.requests.isEmpty, "all of it was sent: \(run)")
        #expect(try await bench.run(.backfilling(.all)).counts.succeeded.track == 1)
    }

    @Test func aBackfillIsNoFirstRun() async throws {
        let bench = try await EventsBench { events, _, _ in events.start = .now }
        try await bench.add((1, "ann", 100), (2, "ben", EventsBench.start - 60))
        #expect(try await bench.run(.backfilling(.seconds(3600))).counts.succeeded.track == 1)
        #expect(bench.requests == [["2"]])
        let first = try await bench.run()
        #expect(first.counts.planned.track == 0 && first.counts.unchanged == 2, "\(first)")
        #expect(try await bench.table() == ["sent 2", "skipped -"])
        try await bench.add((3, "cy", 100))
        #expect(try await bench.run().counts.planned.track == 1)
    }

    @Test func otherKindsHaveNoBackfill() async throws {
        let users = try await UsersBench()
        #expect(try await users.run(.backfilling(.all)).error?.code == "only_events")
        let list = try await Bench()
        try await list.setAudience(addresses(1...3))
        #expect(try await list.run(.backfilling(.all)).error?.code == "only_events")
        #expect(users.users.requests.isEmpty && list.iterable.requests.isEmpty)
    }

    @Test func eventsAreNeverAllSentAgain() async throws {
        let bench = try await EventsBench()
        try await bench.add((1, "ann", 100))
        let run = try await bench.run(.sendingAll)
        #expect(run.status == .failed && run.error?.code == "full_of_events", "\(run)")
        #expect(run.error?.hint?.contains("--backfill 30d") == true)
        #expect(bench.requests.isEmpty)
        await #expect(throws: RunError.self) { _ = try await bench.pipeline().plan(full: true) }
        #expect(try await bench.table().isEmpty)
    }

    // MARK: One event

    @Test func oneEventIsTriedFirst() async throws {
        let bench = try await EventsBench { _, sync, _ in sync.guards.maxEvents = 0 }
        try await bench.add((1, "ann", 100), (2, "ben", 200), (3, "cy", 300))
        let run = try await bench.run(.only("2"))
        #expect(run.status == .succeeded && run.counts.planned.track == 1, "a guard does not hold it: \(run)")
        #expect(run.counts.rowsRead == 3 && run.counts.audience == 3 && run.counts.unchanged == 2)
        #expect(bench.requests == [["2"]])
        #expect(try await bench.table() == ["sent 2"])
        let second = try await bench.run(.only("2"))
        #expect(second.status == .failed && second.error?.code == "record_unchanged", "\(second)")
        #expect(try await bench.run(.only("9")).error?.code == "record_unchanged")
        let rest = try await bench.run { _, sync, _ in sync.guards.maxEvents = nil }
        #expect(rest.counts.planned.track == 2 && rest.counts.unchanged == 1, "\(rest)")
        #expect(bench.requests == [["2"], ["1", "3"]])
    }

    @Test func oneEventIsSentAlsoWhereItWasSkipped() async throws {
        let bench = try await EventsBench { events, _, _ in
            events.start = .now
            events.key = ["id", "status"]
        }
        try await bench.insert(
            "id, status, email, at", "1, 'placed', 'ann@example.com', 100", "1, 'shipped', 'ann@example.com', 200")
        try await bench.run()
        let run = try await bench.run(.only(#"["1","placed"]"#))
        #expect(run.counts.succeeded.track == 1 && run.counts.unchanged == 1, "\(run)")
        #expect(bench.requests == [["rc-7ce512e5097a407fc3949ddef2a58078309540cc"]])
        #expect(
            try await bench.table() == ["sent rc-7ce512e5097a407fc3949ddef2a58078309540cc", "skipped -"])
    }

    @Test func oneEventThatWaitsIsTriedAlone() async throws {
        let bench = try await EventsBench()
        try await bench.add((1, "ben", 100), (2, "cy", 200))
        bench.events.setUnknown(["ben@example.com", "cy@example.com"])
        try await bench.run()
        bench.events.setUnknown([])
        #expect(try await bench.run(.only("2")).counts.succeeded.track == 1)
        #expect(bench.requests == [["1", "2"], ["2"]])
        #expect(try await bench.table() == ["sent 2", "waiting 1"])
    }

    // MARK: Another project

    @Test func anotherProjectIsRefused() async throws {
        let bench = try await EventsBench()
        try await bench.add((1, "ann", 100))
        try await bench.run()
        let run = try await bench.run { _, _, destination in destination.baseURL = "http://127.0.0.2" }
        #expect(run.status == .failed && run.error?.code == "project_changed", "\(run)")
        #expect(bench.requests.count == 1)
    }
}

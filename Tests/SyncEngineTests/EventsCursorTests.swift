import Foundation
import RollcallCore
import SyncEngine
import TestSupport
import Testing
import Warehouse

/// With a cursor a run reads what is new, a little before it, and from time to time much before it.
@Suite(.timeLimit(.minutes(10))) struct EventsCursorTests {
    /// Follows the whole numbers of `loaded`, ten of which are read again.
    private static func bench(adjust: @escaping EventsBench.Adjustment = { _, _, _ in }) async throws -> EventsBench {
        try await EventsBench {
            var cursor = EventSettings.Cursor(column: "loaded")
            cursor.overlap = .steps(10)
            $0.cursor = cursor
            adjust(&$0, &$1, &$2)
        }
    }

    /// Events of one person each, in the order of their keys.
    private static func load(_ bench: EventsBench, _ rows: (id: Int, loaded: String)...) async throws {
        for row in rows {
            try await bench.insert(
                "id, email, at, loaded", "\(row.id), 'p\(row.id)@example.com', \(row.id), \(row.loaded)")
        }
    }

    private static let day = Duration.seconds(86_400)

    // MARK: The window

    @Test func aRunReadsFromALittleBeforeTheHighestValue() async throws {
        let bench = try await Self.bench()
        try await Self.load(bench, (1, "100"), (2, "200"), (3, "300"))
        let first = try await bench.run()
        #expect(first.counts.rowsRead == 3 && first.counts.planned.track == 3, "\(first)")
        let begun = try #require(try await bench.cursor())
        #expect(begun.column == "loaded" && !begun.isTime && begun.watermark == 300 && begun.lateRows == 0)
        #expect(begun.lastSweepAt != nil && begun.keepFrom == nil, "\(begun)")

        // One became visible late and one is new; a third is too late for a run that is no sweep; a row is gone.
        try await Self.load(bench, (4, "295"), (5, "310"), (6, "250"))
        try await bench.delete(1)
        let second = try await bench.run()
        #expect(second.counts.rowsRead == 3 && second.counts.unchanged == 1, "\(second)")
        #expect(second.counts.planned.track == 2 && second.counts.late == 0)
        #expect(bench.requests == [["1", "2"], ["3"], ["4", "5"]])
        #expect(try await bench.cursor()?.watermark == 310)

        let third = try await bench.run()
        #expect(third.counts.rowsRead == 2 && third.counts.unchanged == 2, "\(third)")
        // Another row with the same value.
        try await Self.load(bench, (7, "310"))
        let fourth = try await bench.run()
        #expect(fourth.counts.rowsRead == 3 && fourth.counts.planned.track == 1, "\(fourth)")
        #expect(bench.requests.last == ["7"])
        #expect(try await bench.table() == ["sent 1", "sent 2", "sent 3", "sent 4", "sent 5", "sent 7"])
    }

    @Test func aSweepFindsAndCountsWhatBecameVisibleLate() async throws {
        let bench = try await Self.bench()
        try await Self.load(bench, (1, "100"), (2, "300"))
        try await bench.run()
        try await Self.load(bench, (3, "250"), (4, "295"), (5, "320"))
        bench.clock.advance(by: .seconds(86_000))
        #expect(try await bench.run().counts.late == 0, "no sweep yet")
        #expect(bench.requests == [["1", "2"], ["4", "5"]])
        bench.clock.advance(by: .seconds(500))
        let sweep = try await bench.run()
        #expect(sweep.counts.rowsRead == 5 && sweep.counts.planned.track == 1 && sweep.counts.late == 1, "\(sweep)")
        #expect(bench.requests.last == ["3"])
        #expect(try await bench.cursor()?.lateRows == 1)
        #expect(try await bench.cursor()?.watermark == 320, "a late row does not put it back")
        // The next one is another day later.
        try await Self.load(bench, (6, "200"))
        bench.clock.advance(by: .seconds(86_000))
        let next = try await bench.run()
        #expect(next.counts.rowsRead == 1 && next.counts.late == 0 && next.counts.planned.track == 0, "\(next)")
        #expect(try await bench.cursor()?.lateRows == 1)
    }

    @Test func anEventThatASweepSendsAgainIsNotLate() async throws {
        let bench = try await Self.bench { events, _, _ in
            events.changedRows = .update
            events.fields = .only([FieldSetting(name: "note", source: .column("note"))])
        }
        try await Self.load(bench, (1, "100"), (2, "300"))
        try await bench.run()
        try await bench.change("note = 'other'", of: 1)
        bench.clock.advance(by: Self.day)
        let sweep = try await bench.run()
        #expect(sweep.counts.planned.track == 1 && sweep.counts.late == 0, "\(sweep)")
        #expect(try await bench.cursor()?.lateRows == 0)
    }

    @Test func rowsFarInTheFutureAreSentAndDoNotMoveTheCursor() async throws {
        let bench = try await EventsBench { events, _, _ in events.cursor = EventSettings.Cursor(column: "seen") }
        // By the clock it is 07:06:40.
        try await bench.insert(
            "id, email, at, seen", "1, 'ann@example.com', 1, '2096-10-02 07:00:00'",
            "2, 'ben@example.com', 2, '2096-10-02T07:11:00Z'", "3, 'cy@example.com', 3, '2096-10-02 08:00:00'",
            "4, 'dan@example.com', 4, '2096-10-01 23:00:00'")
        let run = try await bench.run()
        #expect(run.counts.succeeded.track == 4, "\(run)")
        #expect(bench.notes.count == 1 && bench.notes[0].hasPrefix("1 row has a value in seen"), "\(bench.notes)")
        let cursor = try #require(try await bench.cursor())
        #expect(cursor.isTime && cursor.watermark == 4_000_000_000_000_000, "not ahead of the clock: \(cursor)")
        // A quarter of an hour before the watermark; the fourth lies before that.
        let second = try await bench.run()
        #expect(second.counts.rowsRead == 3 && second.counts.unchanged == 3, "\(second)")
        try await bench.insert("id, email, at, seen", "5, 'eve@example.com', 5, '2096-10-02 07:11:30'")
        #expect(try await bench.run().counts.planned.track == 1)
        #expect(try #require(await bench.cursor()?.watermark) < 4_000_000_010_000_000)
        // Once it is no more ahead, it is the watermark.
        bench.clock.advance(by: .seconds(3600))
        #expect(try await bench.run().counts.planned.track == 0)
        #expect(try await bench.cursor()?.watermark == 4_000_003_200_000_000)
        #expect(bench.events.arrivals.count == 5)
    }

    @Test func timesInAnyFormAreComparedAsMoments() async throws {
        let bench = try await EventsBench { events, _, _ in events.cursor = EventSettings.Cursor(column: "seen") }
        try await bench.insert("id, email, at, seen", "1, 'ann@example.com', 1, '2096-10-02T09:00:00+02:00'")
        try await bench.run()
        #expect(try await bench.cursor()?.watermark == 3_999_999_600_000_000)
        // 06:50 and 06:40 of Greenwich; the window begins at 06:45.
        try await bench.insert(
            "id, email, at, seen", "2, 'ben@example.com', 2, '2096-10-01T22:50:00-08:00'",
            "3, 'cy@example.com', 3, '2096-10-02T14:40:00+08:00'")
        let run = try await bench.run()
        #expect(run.counts.rowsRead == 2 && run.counts.planned.track == 1, "\(run)")
        #expect(bench.requests == [["1"], ["2"]])
    }

    @Test func aRowWithoutAValueOfTheCursorIsInvalidInEachRun() async throws {
        let bench = try await Self.bench()
        try await Self.load(bench, (1, "100"), (2, "NULL"), (3, "'soon'"))
        for _ in 0..<2 {
            let run = try await bench.run()
            #expect(run.counts.rowsRead == 3 && run.counts.invalid == 2, "\(run)")
            let log = try await bench.log(run).filter { $0.hasPrefix("validate") }
            #expect(log.count == 2 && log[0].hasPrefix("validate failed cursor_null"), "\(log)")
            #expect(log.count == 2 && log[1].hasPrefix("validate failed invalid_value"), "\(log)")
        }
        #expect(bench.requests == [["1"]])
        #expect(try await bench.cursor()?.watermark == 100)
    }

    @Test func invalidAndExcludedRowsMoveTheCursorToo() async throws {
        let bench = try await Self.bench { events, _, _ in
            events.name = .column("name")
            events.names = ["a"]
        }
        try await bench.insert(
            "id, email, at, loaded, name", "1, 'ann@example.com', 1, 100, 'a'", "2, 'ben@example.com', 2, 200, 'b'",
            "3, NULL, 3, 300, 'a'")
        #expect(try await bench.run().counts.planned.track == 1)
        #expect(try await bench.cursor()?.watermark == 300)
        #expect(try await bench.run().counts.rowsRead == 1)
    }

    @Test func withoutACursorTheWholeSourceIsReadInEachRun() async throws {
        let bench = try await EventsBench()
        try await Self.load(bench, (1, "300"), (2, "200"))
        try await bench.run()
        try await Self.load(bench, (3, "1"))
        let run = try await bench.run()
        #expect(run.counts.rowsRead == 3 && run.counts.planned.track == 1, "\(run)")
        #expect(try await bench.cursor()?.watermark == nil)
    }

    // MARK: What is seen stays seen

    @Test func aRowWhoseValueGrewIsNoNewEvent() async throws {
        let bench = try await Self.bench()
        try await Self.load(bench, (1, "100"), (2, "300"))
        try await bench.run()
        try await bench.change("loaded = 310, note = 'other'", of: 1)
        let run = try await bench.run()
        #expect(run.counts.planned.track == 0 && run.counts.unchanged == 2, "\(run)")
        #expect(bench.requests == [["1", "2"]])
        // Its key is kept as long as its row may be read.
        for value in [400, 500, 600] {
            bench.clock.advance(by: Self.day)
            try await bench.change("loaded = \(value)", of: 1)
            try await Self.load(bench, (value, "\(value)"))
            try await bench.run()
        }
        #expect(bench.events.arrivals.filter { $0 == OrderIDs.derived[1] }.count == 1)
    }

    @Test func keysThatNothingReadsAnyMoreAreForgottenAndNeverSentAgain() async throws {
        let bench = try await Self.bench()
        try await Self.load(bench, (1, "100"), (2, "200"), (3, "300"))
        try await bench.run()
        for (id, loaded, rowsRead) in [(4, 400, 4), (5, 500, 5)] {
            bench.clock.advance(by: Self.day)
            try await Self.load(bench, (id, "\(loaded)"))
            let run = try await bench.run()
            #expect(run.counts.rowsRead == rowsRead && run.counts.planned.track == 1, "\(run)")
        }
        // The watermark of two sweeps ago was 300.
        #expect(try await bench.cursor()?.keepFrom == 300)
        #expect(try await bench.table() == ["sent 3", "sent 4", "sent 5"])
        bench.clock.advance(by: Self.day)
        let run = try await bench.run()
        #expect(run.counts.rowsRead == 3 && run.counts.unchanged == 3 && run.counts.planned.track == 0, "\(run)")
        #expect(try await bench.cursor()?.keepFrom == 400)
        #expect(try await bench.table() == ["sent 4", "sent 5"])
        // A larger overlap does not reach what is forgotten.
        let wide = try await bench.run { events, _, _ in events.cursor?.overlap = .steps(1000) }
        #expect(wide.counts.rowsRead == 2 && wide.counts.planned.track == 0, "\(wide)")
        #expect(bench.events.arrivals.count == 5)
    }

    @Test func forgottenKeysGoAgainOnlyWithApprovalAndUnderTheSameIDs() async throws {
        let bench = try await Self.bench()
        try await Self.load(bench, (1, "100"), (2, "200"), (3, "300"))
        try await bench.run()
        for loaded in [400, 500] {
            bench.clock.advance(by: Self.day)
            try await Self.load(bench, (loaded / 100, "\(loaded)"))
            try await bench.run()
        }
        #expect(try await bench.table() == ["sent 3", "sent 4", "sent 5"])
        let sent = bench.events.taken
        let held = try await bench.run(.backfilling(.all))
        #expect(held.status == .held && held.held.map(\.guard) == ["backfill"], "\(held)")
        #expect(held.held.first?.observed == "2" && held.counts.planned.track == 2 && held.counts.unchanged == 3)
        #expect(bench.events.arrivals.count == 5)
        let approved = try await bench.run(.approve(held.id))
        #expect(approved.counts.succeeded.track == 2, "\(approved)")
        #expect(bench.requests.last == ["1", "2"])
        #expect(bench.events.taken == sent, "the same events again")
    }

    @Test func whatWasThereBeforeTheStartNeedsNoKeys() async throws {
        let bench = try await Self.bench { events, _, _ in events.start = .now }
        try await Self.load(bench, (1, "100"), (2, "295"), (3, "300"))
        let run = try await bench.run()
        #expect(run.counts.unchanged == 3 && bench.notes.count == 1, "\(run)")
        #expect(try await bench.table() == ["skipped -", "skipped -"])
        #expect(try await bench.cursor()?.keepFrom == 290)
        try await Self.load(bench, (4, "292"), (5, "299"))
        let second = try await bench.run()
        #expect(second.counts.rowsRead == 4 && second.counts.planned.track == 2, "\(second)")
        // Nor does a sweep look there.
        bench.clock.advance(by: Self.day)
        let sweep = try await bench.run()
        #expect(sweep.counts.rowsRead == 4 && sweep.counts.unchanged == 4, "\(sweep)")
        #expect(bench.requests == [["4", "5"]])
    }

    // MARK: When it moves

    @Test func aRunThatIsStoppedLeavesTheCursorAndTheNextOneSendsTheRest() async throws {
        let bench = try await Self.bench()
        var watermark: Int64?
        for round in 0..<2 {
            let first = round * 4 + 1
            for id in first..<first + 4 { try await Self.load(bench, (id, "\(id * 100)")) }
            let stop = StopSignal()
            bench.events.setFate { _, _ in
                stop.request(.interrupted)
                return .ok
            }
            let run = try await bench.run(stop: stop)
            #expect(run.status == .interrupted, "\(run)")
            #expect(run.counts.succeeded.track == 2 && run.counts.notAttempted.track == 2, "\(run)")
            #expect(try await bench.cursor()?.watermark == watermark, "round \(round)")
            #expect(bench.requests.last == ["\(first)", "\(first + 1)"])
            bench.events.setFate { _, _ in .ok }
            let next = try await bench.run()
            #expect(next.status == .succeeded && next.counts.planned.track == 2, "\(next)")
            #expect(bench.requests.last == ["\(first + 2)", "\(first + 3)"])
            watermark = Int64(first + 3) * 100
            #expect(try await bench.cursor()?.watermark == watermark)
        }
        #expect(bench.events.arrivals.count == 8)
    }

    @Test func aRunThatFailsLeavesTheCursor() async throws {
        let bench = try await Self.bench()
        try await Self.load(bench, (1, "100"))
        try await bench.run()
        try await Self.load(bench, (2, "200"), (3, "300"))
        bench.events.setFate { _, _ in .answer(.stop(RunError(code: "api_key_refused", message: "No."))) }
        let failed = try await bench.run()
        #expect(failed.status == .failed && failed.counts.notAttempted.track == 2, "\(failed)")
        #expect(try await bench.cursor()?.watermark == 100)
        #expect(try await bench.table() == ["sent 1"])
        bench.events.setFate { _, _ in .ok }
        // One is gone meanwhile, and with it its event.
        try await bench.delete(2)
        #expect(try await bench.run().counts.succeeded.track == 1)
        #expect(try await bench.cursor()?.watermark == 300)
        #expect(Set(bench.events.taken.keys) == [OrderIDs.derived[1], OrderIDs.derived[3]])
    }

    @Test func anEventInDoubtNeedsNoRowToBeSentAgain() async throws {
        let bench = try await Self.bench()
        try await Self.load(bench, (1, "100"))
        try await bench.run()
        try await Self.load(bench, (2, "105"))
        bench.events.setFate { _, _ in .unclear }
        let unclear = try await bench.run()
        #expect(unclear.counts.unknown.track == 1 && unclear.status == .completedWithFailures, "\(unclear)")
        #expect(try await bench.table() == ["sending 2", "sent 1"])
        bench.events.setFate { _, _ in .ok }
        try await bench.delete(2)
        try await Self.load(bench, (3, "1000"))
        let run = try await bench.run()
        #expect(run.counts.succeeded.track == 2, "\(run)")
        #expect(bench.requests == [["1"], ["2"], ["2", "3"]])
        #expect(bench.events.objects(1) == [bench.events.objects(2)[0]])
        #expect(try await bench.table() == ["sent 1", "sent 2", "sent 3"])
    }

    @Test func plansRunsForOneEventAndHeldRunsDoNotMoveIt() async throws {
        let bench = try await Self.bench { _, sync, _ in sync.guards.maxEvents = 1 }
        try await Self.load(bench, (1, "100"))
        try await bench.run()
        try await Self.load(bench, (2, "200"), (3, "300"))
        _ = try await bench.pipeline().plan()
        #expect(try await bench.cursor()?.watermark == 100)
        #expect(try await bench.run(.only("3")).counts.succeeded.track == 1)
        #expect(try await bench.cursor()?.watermark == 100)
        try await Self.load(bench, (4, "400"))
        let held = try await bench.run()
        #expect(held.status == .held, "\(held)")
        #expect(try await bench.cursor()?.watermark == 100)
        #expect(try await bench.run(.approve(held.id)).counts.succeeded.track == 2)
        #expect(try await bench.cursor()?.watermark == 400)
        #expect(bench.requests == [["1"], ["3"], ["2", "4"]])
    }

    // MARK: Another column

    @Test func aWildValueOfTheCursorIsToldAndSoIsThatNothingIsReadAfterIt() async throws {
        let bench = try await Self.bench()
        try await Self.load(bench, (1, "100"), (2, "200"))
        try await bench.run()
        try await Self.load(bench, (3, "1000000"))
        try await bench.run()
        #expect(bench.notes.isEmpty, "numbers may leave others out")
        try await Self.load(bench, (4, "9000000000000"))
        let plan = try await bench.pipeline().plan()
        #expect(plan.notes.count == 1 && plan.notes[0].contains("9000000000000, after 1000000;"), "\(plan.notes)")
        try await bench.run()
        #expect(bench.notes == plan.notes)

        try await bench.delete(4)
        try await Self.load(bench, (5, "1000001"))
        let blind = try await bench.run()
        #expect(blind.counts.rowsRead == 0 && bench.notes.count == 2, "\(bench.notes)")
        #expect(bench.notes.last?.contains("rollcall abandon orders") == true, "\(bench.notes)")
        #expect(bench.notes.last?.contains("rollcall run orders --backfill all") == true, "\(bench.notes)")
        #expect(try await bench.run(.backfilling(.all)).counts.planned.track == 1)
        #expect(bench.requests.last == ["5"] && bench.notes.count == 2)
    }

    @Test func anotherColumnIsRefused() async throws {
        let bench = try await Self.bench { events, _, _ in events.start = .now }
        try await bench.insert(
            "id, email, at, loaded, campaign, seen", "1, 'ann@example.com', 1, 100, 1, '2026-11-29 08:00:00'")
        try await bench.run()
        try await bench.insert(
            "id, email, at, loaded, campaign, seen", "2, 'ben@example.com', 2, 200, 2, '2026-11-29 09:00:00'")
        for column in ["campaign", "seen", nil] {
            let run = try await bench.run { events, _, _ in
                events.cursor = column.map { EventSettings.Cursor(column: $0) }
            }
            #expect(run.status == .failed && run.error?.code == "cursor_changed", "\(column ?? "none"): \(run)")
        }
        #expect(bench.requests.isEmpty)
        #expect(try await bench.run().counts.planned.track == 1)
    }

    @Test func aCursorIsKnownAlsoWhereNoKeyIsKept() async throws {
        let bench = try await Self.bench { events, _, _ in
            events.start = .now
            events.name = .column("name")
            events.names = ["a"]
        }
        // What is highest is not among the names, so that nothing below it is kept.
        try await bench.insert(
            "id, email, at, loaded, campaign, name", "1, 'ann@example.com', 1, 100, 1, 'a'",
            "2, 'ben@example.com', 2, 1000, 2, 'b'")
        try await bench.run()
        #expect(try await bench.table() == ["skipped -"])
        let run = try await bench.run { events, _, _ in events.cursor = EventSettings.Cursor(column: "campaign") }
        #expect(run.error?.code == "cursor_changed" && bench.requests.isEmpty, "\(run)")
    }

    @Test func aSyncMayBeginToFollowAColumn() async throws {
        let bench = try await EventsBench()
        try await Self.load(bench, (1, "100"), (2, "200"), (3, "300"))
        try await bench.run()
        let change: EventsBench.Adjustment = { events, _, _ in events.cursor = EventSettings.Cursor(column: "loaded") }
        let first = try await bench.run(change: change)
        #expect(first.counts.rowsRead == 3 && first.counts.unchanged == 3, "\(first)")
        #expect(try await bench.cursor()?.watermark == 300)
        try await bench.fixture.execute("UPDATE orders SET loaded = loaded + 100000")
        try await Self.load(bench, (4, "200000"))
        try await bench.run(change: change)
        let second = try await bench.run(change: change)
        #expect(second.counts.rowsRead == 1 && second.counts.unchanged == 1, "\(second)")
        #expect(bench.requests == [["1", "2"], ["3"], ["4"]], "keys without a position are kept")
        // And to read all again, as long as nothing was forgotten.
        let third = try await bench.run()
        #expect(third.counts.rowsRead == 4 && third.counts.unchanged == 4, "\(third)")
    }
}

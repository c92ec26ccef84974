import Foundation
import RollcallCore
import SyncEngine
import TestSupport
import Testing
import Warehouse

/// The rows of a source become events, each once.
@Suite(.timeLimit(.minutes(10))) struct EventsSyncTests {
    /// The object of an order without fields.
    private static func object(_ id: Int, _ person: String, _ at: Int) -> String {
        #"{"id":"\#(OrderIDs.derived[id])","email":"\#(person)@example.com","eventName":"order_placed","#
            + #""createdAt":\#(at),"createNewFields":true}"#
    }

    /// The id was computed apart from this program: SHA-256 over `orders`, `timestamp`, `2026-11-29T08:00:00Z`, `boolean` and `true`.
    @Test func anIDIsMadeOfWhatTheColumnsAreDeclaredAs() async throws {
        let bench = try await EventsBench { events, _, _ in events.key = ["placed", "paid"] }
        try await bench.insert("email, at, placed, paid", "'ann@example.com', 100, '2026-11-29 08:00:00', 1")
        #expect(try await bench.run().status == .succeeded)
        #expect(bench.events.taken["rc-6b21770ae861034b933e39242a3f8ed703e62dd5"] != nil, "\(bench.events.taken)")
    }

    @Test func aRowBecomesAnEventAndIsSentOnce() async throws {
        let bench = try await EventsBench()
        try await bench.insert("id, email, at", "1, ' Ann@Example.com', 100")
        try await bench.add((2, "ben", 200), (3, "cy", 300))
        let run = try await bench.run()
        #expect(run.status == .succeeded && run.target == "order_placed", "\(run)")
        #expect(run.counts.planned.track == 3 && run.counts.succeeded.track == 3 && run.counts.rowsRead == 3)
        #expect(
            bench.events.objects(0) == [Self.object(1, "ann", 100), Self.object(2, "ben", 200)])
        #expect(bench.events.objects(1) == [Self.object(3, "cy", 300)])
        #expect(bench.requests.count == 2 && bench.events.singles == 0)
        #expect(try await bench.table() == ["sent 1", "sent 2", "sent 3"])
        #expect(try await bench.log(run) == ["track succeeded  1", "track succeeded  2", "track succeeded  3"])
        let logged = try await bench.fixture.query(
            "SELECT event_name, event_id FROM \(bench.fixture.state("sync_log")) ORDER BY record_id")
        #expect(logged == (1...3).map { ["order_placed", OrderIDs.derived[$0]] })

        let second = try await bench.run()
        #expect(second.counts.unchanged == 3 && second.counts.rowsRead == 3 && second.counts.planned.track == 0)
        #expect(bench.requests.count == 2, "nothing is new, nothing is sent")
        try await bench.add((4, "ann", 50))
        let third = try await bench.run()
        #expect(third.counts.planned.track == 1 && third.counts.unchanged == 3, "\(third)")
        #expect(bench.requests.last == ["4"])
        // A row that is gone was an event all the same.
        try await bench.delete(2)
        let fourth = try await bench.run()
        #expect(fourth.counts.planned.track == 0 && fourth.counts.unchanged == 3, "\(fourth)")
        #expect(try await bench.table() == ["sent 1", "sent 2", "sent 3", "sent 4"])
        #expect(bench.events.arrivals.count == 4)
    }

    // MARK: Start

    @Test func whatIsThereAtFirstIsSkippedAndTheFirstRunSaysHowToSendIt() async throws {
        let bench = try await EventsBench { events, _, _ in events.start = .now }
        try await bench.add((1, "ann", 100), (2, "ben", 200), (3, "cy", 300))
        let plan = try await bench.pipeline().plan()
        #expect(plan.notes.count == 1 && plan.notes[0].hasPrefix("3 events were there"), "\(plan.notes)")
        let run = try await bench.run()
        #expect(run.status == .succeeded && run.counts.unchanged == 3 && run.counts.planned.track == 0, "\(run)")
        #expect(bench.requests.isEmpty)
        #expect(bench.notes == plan.notes && bench.notes[0].contains("rollcall run orders --backfill all"))
        #expect(try await bench.table() == ["skipped -", "skipped -", "skipped -"])
        try await bench.add((4, "ann", 50))
        let second = try await bench.run()
        #expect(second.counts.planned.track == 1 && second.counts.unchanged == 3, "\(second)")
        #expect(bench.requests == [["4"]])
        #expect(bench.notes.count == 1, "only the first run says so")
    }

    @Test func aStartMayBeATimeOrASpanBeforeTheFirstRun() async throws {
        let month = 30 * 86_400
        for (start, old, new) in [
            (EventSettings.Start.time(Date(timeIntervalSince1970: 200)), 199, 200),
            (.last(seconds: month), EventsBench.start - month - 100, EventsBench.start - month + 100),
        ] {
            let bench = try await EventsBench { events, _, _ in events.start = start }
            try await bench.add((1, "ann", old), (2, "ben", new), (3, "cy", EventsBench.start - 10))
            let run = try await bench.run()
            #expect(run.counts.planned.track == 2 && run.counts.unchanged == 1, "\(start): \(run)")
            #expect(bench.requests == [["2", "3"]], "\(start)")
            #expect(try await bench.table() == ["sent 2", "sent 3", "skipped -"])
            #expect(bench.notes.count == 1 && bench.notes[0].hasPrefix("1 "), "\(bench.notes)")
            // What comes later is sent, however old it says it is.
            try await bench.add((4, "ann", old))
            #expect(try await bench.run().counts.planned.track == 1, "\(start)")
        }
    }

    @Test func whereNothingSaysWhenAnEventHappenedTheCursorDoes() async throws {
        let bench = try await EventsBench { events, _, _ in
            events.createdAt = nil
            events.start = .time(Date(timeIntervalSince1970: 3_999_931_200))
            events.cursor = EventSettings.Cursor(column: "seen")
        }
        try await bench.insert(
            "id, email, seen", "1, 'ann@example.com', '2096-10-01 11:59:59'",
            "2, 'ben@example.com', '2096-10-01T12:00:00Z'")
        let run = try await bench.run()
        #expect(run.counts.planned.track == 1 && run.counts.unchanged == 1, "\(run)")
        #expect(
            bench.events.requests.count == 1
                && bench.events.objects(0) == [
                    #"{"id":"\#(OrderIDs.derived[2])","email":"ben@example.com","eventName":"order_placed","#
                        + #""createNewFields":true}"#
                ])
    }

    @Test func aTimeToStartFromNeedsATimeInTheRows() async throws {
        let bench = try await EventsBench { events, _, _ in
            events.createdAt = nil
            events.start = .last(seconds: 86_400)
        }
        try await bench.add((1, "ann", 100))
        let run = try await bench.run()
        #expect(run.status == .failed && run.error?.code == "start_without_time", "\(run)")
        #expect(bench.requests.isEmpty)
        #expect(try await bench.table().isEmpty)
    }

    @Test func whatWasThereAtFirstIsNotSentWhenItIsCorrectedLater() async throws {
        let bench = try await EventsBench { events, _, _ in events.start = .now }
        try await bench.insert("id, email, at", "1, NULL, 100", "2, 'ben@example.com', NULL")
        #expect(try await bench.run().status != .failed)
        try await bench.change("email = 'ann@example.com', at = 100", of: 1)
        try await bench.change("at = 200", of: 2)
        let run = try await bench.run()
        #expect(run.counts.planned.track == 0 && bench.requests.isEmpty, "\(run)")
    }

    // MARK: Ids

    @Test func theIDOfSeveralColumnsIsMadeOfAll() async throws {
        let bench = try await EventsBench { events, _, _ in events.key = ["id", "status"] }
        try await bench.insert(
            "id, status, email, at", "1, 'placed', 'ann@example.com', 100", "1, 'shipped', 'ann@example.com', 200")
        let run = try await bench.run()
        #expect(bench.events.requests.count == 1 && bench.events.requests[0].count == 2, "\(run)")
        #expect(bench.events.requests.first?.first?.id == "rc-7ce512e5097a407fc3949ddef2a58078309540cc")
        #expect(
            try await bench.log(run) == [#"track succeeded  ["1","placed"]"#, #"track succeeded  ["1","shipped"]"#])
    }

    @Test func anIDFromAColumnIsSentAsItIs() async throws {
        let bench = try await EventsBench { events, _, _ in events.id = .column("ref") }
        let long = String(repeating: "x", count: 512)
        try await bench.insert(
            "id, email, at, ref", "1, 'ann@example.com', 100, 'Order-17'", "2, 'ben@example.com', 200, '\(long)'",
            "3, 'cy@example.com', 300, '\(long)x'", "4, 'cy@example.com', 300, 'a b'", "5, 'cy@example.com', 300, 'ä'",
            "6, 'cy@example.com', 300, ''", "7, 'cy@example.com', 300, NULL")
        let run = try await bench.run()
        #expect(run.counts.invalid == 5 && run.counts.planned.track == 2, "\(run.counts)")
        #expect(bench.requests == [["Order-17", long]])
        #expect(bench.events.objects(0)[0].hasPrefix(#"{"id":"Order-17","email":"ann@example.com","#))
        #expect(
            Set(try await bench.log(run)).isSuperset(
                of: (3...7).map { "validate failed invalid_event_id \($0)" }))
        #expect(try await bench.table() == ["sent Order-17", "sent \(long)"])
        #expect(run.status == .completedWithFailures)
    }

    @Test func ofTwoKeysWithOneIDNoneIsSent() async throws {
        let bench = try await EventsBench { events, _, _ in events.id = .column("ref") }
        try await bench.insert(
            "id, email, at, ref", "1, 'ann@example.com', 100, 'x-1'", "2, 'ben@example.com', 200, 'x-1'",
            "3, 'cy@example.com', 300, 'x-3'")
        let run = try await bench.run()
        #expect(run.counts.invalid == 2 && run.counts.audience == 1 && run.counts.planned.track == 1, "\(run.counts)")
        #expect(bench.requests == [["x-3"]])
        #expect(
            Set(try await bench.log(run)) == [
                "validate failed duplicate_key 1", "validate failed duplicate_key 2", "track succeeded  3",
            ])
        try await bench.change("ref = 'x-2'", of: 2)
        #expect(try await bench.run().counts.planned.track == 2)
        #expect(bench.requests == [["x-3"], ["x-1", "x-2"]])
    }

    @Test func anIDThatWasSentUnderAnotherKeyIsNotSentAgain() async throws {
        let bench = try await EventsBench { events, _, _ in events.id = .column("ref") }
        try await bench.insert("id, email, at, ref", "1, 'ann@example.com', 100, 'x-1'")
        try await bench.run()
        try await bench.insert("id, email, at, ref", "2, 'ben@example.com', 200, 'x-1'")
        let run = try await bench.run()
        #expect(run.counts.invalid == 1 && run.counts.unchanged == 1 && run.counts.planned.track == 0, "\(run.counts)")
        #expect(try await bench.log(run) == ["validate failed duplicate_key 2"])
        #expect(bench.requests == [["x-1"]])
        // Also where the row of the first is gone.
        try await bench.delete(1)
        #expect(try await bench.run().counts.invalid == 1)
        #expect(bench.requests.count == 1)
    }

    @Test func anEventKeepsItsID() async throws {
        let bench = try await EventsBench { events, _, _ in
            events.id = .column("ref")
            events.changedRows = .update
        }
        try await bench.insert("id, email, at, ref", "1, 'ann@example.com', 100, 'x-1'")
        try await bench.run()
        try await bench.change("ref = 'x-2'", of: 1)
        try await bench.run()
        #expect(Set(bench.events.taken.keys) == ["x-1"], "one row is one event")
    }

    @Test func otherIDsAreRefusedUntilTheyAreAccepted() async throws {
        let bench = try await EventsBench()
        try await bench.add((1, "ann", 100))
        try await bench.run()
        try await bench.add((2, "ben", 200))
        let change: EventsBench.Adjustment = { events, _, _ in events.namespace = "other" }
        let refused = try await bench.run(change: change)
        #expect(refused.status == .failed && refused.error?.code == "event_ids_changed", "\(refused)")
        #expect(refused.error?.hint?.contains("--accept-new-ids") == true)
        await #expect(throws: RunError.self) { _ = try await bench.pipeline(change: change).plan() }
        #expect(bench.requests == [["1"]])
        // By its key the first is known, whatever its id would be.
        let accepted = try await bench.run(.acceptingNewIDs, change: change)
        #expect(accepted.counts.planned.track == 1 && accepted.counts.unchanged == 1, "\(accepted)")
        #expect(bench.requests.last == ["rc-234fcc61ef9d0e446279d3b2204cb64187d305a0"])
        #expect(try await bench.run(change: change).counts.unchanged == 2, "once accepted, they are the ids")
        // The former ones would be others now.
        #expect(try await bench.run().error?.code == "event_ids_changed")
        #expect(bench.requests.count == 2)
    }

    @Test func whatWasSentIsSentAgainUnderItsIDAlsoOnceOthersWereAccepted() async throws {
        let bench = try await EventsBench { events, _, _ in
            events.changedRows = .update
            events.fields = .only([FieldSetting(name: "note", source: .column("note"))])
        }
        try await bench.add((1, "ann", 100), (2, "ben", 200))
        try await bench.run()
        try await bench.change("note = 'other'", of: 1)
        try await bench.add((3, "cy", 300))
        let change: EventsBench.Adjustment = { events, _, _ in events.namespace = "other" }
        let accepted = try await bench.run(.acceptingNewIDs, change: change)
        #expect(accepted.counts.planned.track == 2 && accepted.counts.unchanged == 1, "\(accepted)")
        #expect(bench.events.taken.count == 3, "one row is one event: \(bench.events.taken.keys)")
        let first = bench.events.taken[OrderIDs.derived[1]]
        #expect(first?.hasPrefix(#"{"id":"\#(OrderIDs.derived[1])","email":"ann@example.com""#) == true)
        #expect(first?.contains(#""dataFields":{"note":"other"}"#) == true)
        #expect(bench.events.taken[OrderIDs.derived[3]] == nil, "what is new has a new id")
        let why = try await bench.pipeline(change: change).why("1")
        #expect(why.rows.map(\.event?.id) == [OrderIDs.derived[1]])
        #expect(try await bench.run(change: change).counts.unchanged == 3)
    }

    /// Whether the ids were those of a column before, or are now.
    @Test(arguments: [true, false])
    func anEventStaysAsItIsWhereAnotherThingGivesItsID(_ wasOfColumn: Bool) async throws {
        let bench = try await EventsBench { events, _, _ in
            events.changedRows = .update
            events.fields = .only([FieldSetting(name: "note", source: .column("note"))])
        }
        let column: EventsBench.Adjustment = { events, _, _ in events.id = .column("ref") }
        let derived: EventsBench.Adjustment = { _, _, _ in }
        let (before, after) = wasOfColumn ? (column, derived) : (derived, column)
        try await bench.insert(
            "id, email, at, ref", "1, 'ann@example.com', 100, 'x-1'", "2, 'ben@example.com', 200, 'x-2'")
        try await bench.run(change: before)
        let ids = Set(bench.events.taken.keys)
        let accepted = try await bench.run(.acceptingNewIDs, change: after)
        #expect(accepted.counts.planned.track == 0 && accepted.counts.unchanged == 2, "\(accepted)")
        try await bench.change("note = 'other'", of: 1)
        let run = try await bench.run(change: after)
        // What a column says now is another id.
        #expect(run.counts.planned.track == (wasOfColumn ? 1 : 0), "\(run)")
        #expect(run.counts.invalid == (wasOfColumn ? 0 : 1), "\(run)")
        #expect(Set(bench.events.taken.keys) == ids)
    }

    @Test func rowsOfOneKeyWithTwoIDsContradictEachOther() async throws {
        let bench = try await EventsBench { events, _, _ in events.id = .column("ref") }
        try await bench.insert(
            "id, email, at, ref", "1, 'ann@example.com', 100, 'x-1'", "1, 'ann@example.com', 100, 'x-2'",
            "2, 'ben@example.com', 200, 'x-3'", "2, 'ben@example.com', 200, 'x-3'")
        let run = try await bench.run()
        #expect(run.counts.invalid == 2 && run.counts.duplicates == 1 && run.counts.audience == 1, "\(run.counts)")
        #expect(bench.requests == [["x-3"]])
    }

    @Test func aKeyOfAnotherTypeMakesOtherIDs() async throws {
        let bench = try await EventsBench()
        try await bench.add((1, "ann", 100))
        try await bench.run()
        let key = #"namespace "orders", key "id" (long)"#
        #expect(try await bench.fixture.warehouse.mapping(sync: "orders") == key)
        // As it was written before types were noted; the next run notes them.
        let state = bench.fixture.state("sync_state")
        try await bench.fixture.execute("UPDATE \(state) SET mapping_hash = 'namespace \"orders\", key \"id\"'")
        #expect(try await bench.run().counts.unchanged == 1)
        #expect(try await bench.fixture.warehouse.mapping(sync: "orders") == key)
        try await bench.fixture.execute(
            """
            ALTER TABLE orders RENAME TO former;
            CREATE TABLE orders (id DECIMAL(10,2), email TEXT, user_id TEXT, at INTEGER);
            INSERT INTO orders SELECT id, email, user_id, at FROM former
            """)
        let refused = try await bench.run()
        #expect(refused.status == .failed && refused.error?.code == "event_ids_changed", "\(refused)")
        #expect(refused.error?.message.contains(#""id" (decimal) now"#) == true, "\(refused)")
        #expect(refused.error?.hint?.contains("another type now") == true, "\(refused)")
        #expect(bench.requests == [["1"]])
        #expect(try await bench.run(.acceptingNewIDs).status == .succeeded)
        #expect(bench.requests == [["1"]], "the key is the same, and known")
    }

    @Test func anotherKeyMakesOtherEvents() async throws {
        let bench = try await EventsBench()
        try await bench.insert("id, status, email, at", "1, 'placed', 'ann@example.com', 100")
        try await bench.run()
        let change: EventsBench.Adjustment = { events, _, _ in events.key = ["id", "status"] }
        #expect(try await bench.run(change: change).error?.code == "event_ids_changed")
        #expect(bench.requests.count == 1)
        #expect(try await bench.run(.acceptingNewIDs, change: change).counts.planned.track == 1)
        #expect(bench.requests.last == ["rc-7ce512e5097a407fc3949ddef2a58078309540cc"])
    }

    // MARK: Rows of one key

    @Test func ofRowsOfOneKeyThatDifferNoneIsSentAndEqualOnesAreOne() async throws {
        let bench = try await EventsBench()
        try await bench.add((1, "ann", 100), (1, "ann", 100), (2, "ben", 200), (2, "ben", 201), (1, "ann", 100))
        let run = try await bench.run()
        #expect(
            run.counts.duplicates == 2 && run.counts.invalid == 2 && run.counts.audience == 1
                && run.counts.planned.track == 1, "\(run.counts)")
        #expect(bench.requests == [["1"]])
        #expect(
            try await bench.log(run).sorted() == [
                "track succeeded  1", "validate failed duplicate_key 2", "validate failed duplicate_key 2",
            ])
        #expect(try await bench.table() == ["sent 1"])
        try await bench.fixture.execute("DELETE FROM orders WHERE at = 201")
        let second = try await bench.run()
        #expect(
            second.counts.duplicates == 2 && second.counts.unchanged == 1 && second.counts.planned.track == 1,
            "\(second.counts)")
        #expect(bench.requests == [["1"], ["2"]])
    }

    @Test(arguments: [[100, 150], [150, 100]])
    func rowsThatContradictEachOtherAreInvalidInWhateverOrderTheyCome(_ times: [Int]) async throws {
        let bench = try await EventsBench { events, _, _ in events.changedRows = .update }
        try await bench.add((1, "ann", 100))
        try await bench.run()
        try await bench.delete(1)
        for time in times { try await bench.add((1, "ann", time)) }
        let run = try await bench.run()
        #expect(run.counts.invalid == 2 && run.counts.planned.track == 0, "\(run.counts)")
        #expect(
            try await bench.log(run) == ["validate failed duplicate_key 1", "validate failed duplicate_key 1"])
        #expect(bench.requests.count == 1)
    }

    @Test func aRowWithoutAKeyIsInvalid() async throws {
        let bench = try await EventsBench { events, _, _ in events.key = ["id", "status"] }
        try await bench.insert(
            "id, status, email, at", "NULL, 'placed', 'ann@example.com', 100", "2, NULL, 'ann@example.com', 100",
            "3.5, 'placed', 'ann@example.com', 100", "4, x'00', 'ann@example.com', 100",
            "5, 'placed', 'ann@example.com', 100")
        let run = try await bench.run()
        #expect(run.counts.invalid == 4 && run.counts.planned.track == 1, "\(run.counts)")
        #expect(
            try await bench.log(run).filter { $0.hasPrefix("validate") }.sorted() == [
                "validate failed invalid_value -", "validate failed invalid_value -",
                "validate failed key_missing -", "validate failed key_missing -",
            ])
        let reasons = try await bench.fixture.query(
            """
            SELECT error_reason FROM \(bench.fixture.state("sync_log"))
            WHERE error_reason LIKE '%stored as a floating point number%'
            """)
        #expect(reasons.count == 1, "3.5 is one, whatever its column is declared as")
    }

    @Test func aColumnOfFloatingPointNumbersIsNoKey() async throws {
        let bench = try await EventsBench { events, _, _ in events.key = ["total"] }
        let run = try await bench.run()
        #expect(run.status == .failed && run.error?.code == "column_type", "\(run)")
        #expect(run.error?.hint?.contains("text or numeric") == true, "\(run)")
    }

    // MARK: Names

    @Test func aColumnGivesEachEventItsNameAndAListChoosesAmongThem() async throws {
        let bench = try await EventsBench { events, _, _ in
            events.name = .column("name")
            events.names = ["order_placed", "order_shipped"]
        }
        try await bench.insert(
            "id, email, at, name", "1, 'ann@example.com', 100, 'order_placed'",
            "2, 'ben@example.com', 200, 'order_shipped'", "3, 'cy@example.com', 300, 'order_returned'",
            "4, 'cy@example.com', 300, NULL", "5, 'cy@example.com', 300, ''")
        let run = try await bench.run()
        #expect(run.target == "events", "\(run)")
        #expect(
            run.counts.excluded == 1 && run.counts.invalid == 2 && run.counts.audience == 2
                && run.counts.rowsRead == 5, "\(run.counts)")
        #expect(bench.events.requests.map { $0.map(\.name) } == [["order_placed", "order_shipped"]])
        #expect(bench.events.objects(0)[1].contains(#""eventName":"order_shipped""#))
        let log = try await bench.log(run)
        #expect(log.count == 4 && log.filter { $0.hasPrefix("validate failed invalid_value") }.count == 2, "\(log)")
    }

    // MARK: Times, campaigns, templates

    @Test func timesAreSentInWholeSeconds() async throws {
        for (column, unit, values, expected) in [
            ("at", EventSettings.TimeUnit.seconds, ["1700000000", "100000000000"], [1_700_000_000, 100_000_000_000]),
            ("loaded", .milliseconds, ["1700000000999", "1999"], [1_700_000_000, 1]),
            (
                "placed", nil,
                ["'2026-11-29 08:00:00.9'", "'2026-11-29T09:00:00+01:00'", "'2026-11-29'"],
                [1_795_939_200, 1_795_939_200, 1_795_910_400]
            ),
        ] as [(String, EventSettings.TimeUnit?, [String], [Int])] {
            let bench = try await EventsBench { events, _, destination in
                events.createdAt = EventSettings.Time(column: column, unit: unit)
                destination.limits.events.recordsPerRequest = 100
            }
            for (index, value) in values.enumerated() {
                try await bench.insert("id, email, \(column)", "\(index), 'ann@example.com', \(value)")
            }
            let run = try await bench.run()
            #expect(run.counts.planned.track == values.count, "\(column): \(run)")
            for (index, second) in expected.enumerated() {
                let object = bench.events.taken[OrderIDs.derived[index]]
                #expect(object?.contains(#""createdAt":\#(second),"#) == true, "\(column): \(object ?? "none")")
            }
        }
    }

    @Test func aTimeThatCannotBeMeantMakesTheRowInvalid() async throws {
        let bench = try await EventsBench()
        try await bench.insert(
            "id, email, at", "1, 'ann@example.com', 100000000001", "2, 'ann@example.com', NULL",
            "3, 'ann@example.com', -1", "4, 'ann@example.com', 'x'", "5, 'ann@example.com', 0")
        let run = try await bench.run()
        #expect(run.counts.invalid == 4 && run.counts.planned.track == 1, "\(run.counts)")
        #expect(
            try await bench.log(run) == [
                "validate failed timestamp_unit 1", "validate failed invalid_value 2",
                "validate failed invalid_value 3", "validate failed invalid_value 4", "track succeeded  5",
            ])
        let texts = try await EventsBench { events, _, _ in events.createdAt = EventSettings.Time(column: "placed") }
        try await texts.insert("id, email, placed", "1, 'ann@example.com', 'noon'", "2, 'ann@example.com', 1700000000")
        #expect(try await texts.run().counts.invalid == 2)
        #expect(texts.requests.isEmpty)
    }

    @Test func wholeNumbersSayATimeOnlyWithTheirUnit() async throws {
        let bench = try await EventsBench { events, _, _ in events.createdAt?.unit = nil }
        try await bench.add((1, "ann", 100))
        #expect(try await bench.run().error?.code == "column_type")
        let text = try await EventsBench { events, _, _ in
            events.createdAt = EventSettings.Time(column: "placed", unit: .seconds)
        }
        try await text.add((1, "ann", 100))
        #expect(try await text.run().error?.code == "column_type")
        #expect(bench.requests.isEmpty && text.requests.isEmpty)
    }

    @Test func whereNoTimeIsMappedNoneIsSent() async throws {
        let bench = try await EventsBench { events, _, _ in events.createdAt = nil }
        try await bench.add((1, "ann", 100))
        try await bench.run()
        #expect(
            bench.events.objects(0) == [
                #"{"id":"\#(OrderIDs.derived[1])","email":"ann@example.com","eventName":"order_placed","#
                    + #""createNewFields":true}"#
            ])
    }

    @Test func campaignsAndTemplatesAreConstantsOrColumns() async throws {
        let bench = try await EventsBench { events, _, _ in
            events.campaignID = EventSettings.Number(column: "campaign", fallback: 123)
            events.templateID = EventSettings.Number(column: nil, fallback: 456)
        }
        try await bench.insert(
            "id, email, at, campaign", "1, 'ann@example.com', 100, 7", "2, 'ben@example.com', 200, NULL",
            "3, 'cy@example.com', 300, 'x'", "4, 'cy@example.com', 300, 0", "5, 'cy@example.com', 300, -7")
        let run = try await bench.run()
        #expect(run.counts.invalid == 3 && run.counts.planned.track == 2, "\(run.counts)")
        let invalid = (3...5).map { "validate failed invalid_value \($0)" }
        #expect(Array(try await bench.log(run).prefix(3)) == invalid)
        #expect(
            bench.events.objects(0)[0].hasSuffix(
                #""createdAt":100,"campaignId":7,"templateId":456,"createNewFields":true}"#))
        #expect(bench.events.objects(0)[1].contains(#""campaignId":123,"templateId":456"#))

        let column = try await EventsBench { events, _, _ in
            events.campaignID = EventSettings.Number(column: "campaign")
        }
        try await column.insert(
            "id, email, at, campaign", "1, 'ann@example.com', 100, 7", "2, 'ben@example.com', 200, NULL")
        try await column.run()
        #expect(column.events.objects(0)[0].contains(#""campaignId":7,"#))
        #expect(!column.events.objects(0)[1].contains("campaignId"))
    }

    // MARK: Fields

    @Test func fieldsHaveTheTypesOfTheirColumnsAndDotsNest() async throws {
        let bench = try await EventsBench { events, _, _ in
            events.newFields = .refuse
            events.fields = .only([
                FieldSetting(name: "total", source: .column("total")),
                FieldSetting(name: "order.status", source: .column("status")),
                FieldSetting(name: "order.paid", source: .column("paid")),
                FieldSetting(name: "items", source: .column("items")),
                FieldSetting(name: "shop", source: .constant(FieldConstant(text: "north", type: .string))),
                FieldSetting(
                    name: "note", source: .column("note"), fallback: FieldConstant(text: "none", type: .string)),
                FieldSetting(name: "placed", source: .column("placed")),
            ])
        }
        try await bench.insert(
            "id, email, at, total, status, paid, items, placed",
            #"1, 'ann@example.com', 100, 3, 'new', 1, '{"sku":"a"}', '2026-11-29 08:00:00'"#,
            "2, 'ann@example.com', 200, NULL, NULL, NULL, NULL, NULL")
        try await bench.run()
        #expect(
            bench.events.objects(0)[0].hasSuffix(
                #""dataFields":{"items":{"sku":"a"},"note":"none","order":{"paid":true,"status":"new"},"#
                    + #""placed":"2026-11-29 08:00:00 +00:00","shop":"north","total":3.0},"createNewFields":false}"#))
        #expect(bench.events.objects(0)[1].contains(#""dataFields":{"note":"none","shop":"north"}"#))
    }

    @Test func allFieldsAreTheColumnsWithoutAnotherUse() async throws {
        let bench = try await EventsBench { events, _, _ in
            events.name = .column("name")
            events.campaignID = EventSettings.Number(column: "campaign")
            events.cursor = EventSettings.Cursor(column: "loaded")
            events.fields = .all(except: ["note"])
        }
        try await bench.insert(
            "id, email, at, name, campaign, loaded, note, status, total",
            "1, 'ann@example.com', 100, 'order_placed', 7, 5, 'secret', 'new', 9.5")
        try await bench.run()
        #expect(
            bench.events.objects(0) == [
                #"{"id":"\#(OrderIDs.derived[1])","email":"ann@example.com","eventName":"order_placed","#
                    + #""createdAt":100,"campaignId":7,"dataFields":{"status":"new","total":9.5},"#
                    + #""createNewFields":true}"#
            ])
    }

    @Test func aValueThatCannotBeSentMakesItsRowInvalid() async throws {
        let bench = try await EventsBench { events, _, _ in
            events.fields = .only(["note", "paid"].map { FieldSetting(name: $0, source: .column($0)) })
        }
        let long = String(repeating: "x", count: 32_001)
        try await bench.insert(
            "id, email, at, note, paid", "1, 'ann@example.com', 100, '\(long)', 1",
            "2, 'ben@example.com', 200, 'fine', 2", "3, 'cy@example.com', 300, 'fine', 0")
        let run = try await bench.run()
        #expect(run.counts.invalid == 2 && run.counts.planned.track == 1, "\(run.counts)")
        #expect(
            Set(try await bench.log(run)) == [
                "validate failed value_too_long 1", "validate failed invalid_value 2", "track succeeded  3",
            ])
        // Corrected, they are events like any other.
        try await bench.change("note = 'short'", of: 1)
        #expect(try await bench.run().counts.planned.track == 1)
    }

    @Test func anEventThatNoRequestHoldsIsInvalid() async throws {
        let bench = try await EventsBench { events, _, destination in
            destination.limits.bytesPerRequest = 40_000
            events.fields = .only(["note", "status"].map { FieldSetting(name: $0, source: .column($0)) })
        }
        let long = String(repeating: "x", count: 20_000)
        try await bench.insert(
            "id, email, at, note, status", "1, 'ann@example.com', 100, '\(long)', '\(long)'",
            "2, 'ben@example.com', 200, '\(long)', 'fine'", "3, 'ben@example.com', 300, '\(long)', 'fine'")
        let run = try await bench.run()
        #expect(run.counts.invalid == 1 && run.counts.planned.track == 2, "\(run.counts)")
        #expect(try await bench.log(run).first == "validate failed value_too_long 1")
    }

    /// What was staged has the types of then.
    @Test func anApprovedRunNotesNoTypesOfAnotherConfiguration() async throws {
        let bench = try await EventsBench { events, sync, _ in
            sync.guards.maxEvents = 1
            events.fields = .only([FieldSetting(name: "quantity", source: .column("campaign"))])
        }
        try await bench.insert(
            "id, email, at, campaign", "1, 'ann@example.com', 100, 3", "2, 'ben@example.com', 200, 4")
        let held = try await bench.run()
        #expect(held.status == .held, "\(held)")
        let approved = try await bench.run(.approve(held.id)) { events, _, _ in
            events.fields = .only([FieldSetting(name: "quantity", source: .column("campaign", type: .double))])
        }
        #expect(approved.counts.succeeded.track == 2, "\(approved)")
        let types = "SELECT field, type FROM \(bench.fixture.state("destination_fields"))"
        #expect(try await bench.fixture.query(types).isEmpty)
        try await bench.insert("id, email, at, campaign", "3, 'cy@example.com', 300, 5")
        try await bench.run()
        #expect(try await bench.fixture.query(types) == [["quantity", "long"]])
    }

    @Test func onlyFieldsThatEventsOfANameHaveHadAreRemembered() async throws {
        let bench = try await EventsBench { events, _, _ in
            events.name = .column("status")
            events.fields = .only(
                ["campaign", "note", "items"].map { FieldSetting(name: $0, source: .column($0)) })
        }
        try await bench.insert(
            "id, status, email, at, campaign, note, items", "1, 'seen', 'ann@example.com', 100, 3, NULL, NULL",
            "2, 'seen', 'ben@example.com', 200, 4, NULL, NULL",
            "3, 'paid', 'ben@example.com', 300, NULL, 'say \"campaign\":', '{\"a\":1}'")
        #expect(try await bench.run().counts.succeeded.track == 3)
        let known = try await bench.fixture.query(
            "SELECT scope, field, type FROM \(bench.fixture.state("destination_fields")) ORDER BY scope, field")
        #expect(
            known == [
                ["event:paid", "items", "object"], ["event:paid", "note", "string"],
                ["event:seen", "campaign", "long"],
            ])
    }

    @Test func aFieldKeepsTheTypeThatItWasSentWithFirst() async throws {
        let bench = try await EventsBench { events, _, _ in
            events.fields = .only([FieldSetting(name: "quantity", source: .column("campaign"))])
        }
        let change: EventsBench.Adjustment = { events, _, _ in
            events.fields = .only([FieldSetting(name: "quantity", source: .column("campaign", type: .double))])
        }
        try await bench.insert("id, email, at, campaign", "1, 'ann@example.com', 100, 3")
        try await bench.run()
        let known = try await bench.fixture.query(
            "SELECT scope, field, type FROM \(bench.fixture.state("destination_fields"))")
        #expect(known == [["event:order_placed", "quantity", "long"]])
        try await bench.insert("id, email, at, campaign", "2, 'ben@example.com', 200, 4")
        let refused = try await bench.run(change: change)
        #expect(refused.status == .failed && refused.error?.code == "type_mismatch", "\(refused)")
        #expect(refused.error?.message.contains("\"quantity\" of the event order_placed was sent as long") == true)
        #expect(refused.error?.hint?.contains("type: long") == true)
        #expect(bench.requests == [["1"]])
        // Events of another name have other fields.
        let renamed = try await bench.run {
            change(&$0, &$1, &$2)
            $0.name = .constant("order_seen")
        }
        #expect(renamed.counts.succeeded.track == 1, "\(renamed)")
        #expect(bench.events.objects(1)[0].contains(#""dataFields":{"quantity":4.0}"#))
    }

    @Test func aRunThatSendsNothingNewIsNotRefusedForATypeThatChanged() async throws {
        let bench = try await EventsBench { events, _, _ in
            events.fields = .only([FieldSetting(name: "quantity", source: .column("campaign"))])
        }
        try await bench.insert("id, email, at, campaign", "1, 'ann@example.com', 100, 3")
        try await bench.run()
        let run = try await bench.run { events, _, _ in
            events.fields = .only([FieldSetting(name: "quantity", source: .column("campaign", type: .double))])
        }
        #expect(run.status == .succeeded && run.counts.unchanged == 1, "\(run)")
    }

    // MARK: Changed rows

    @Test func aRowThatChangesIsNoNewEvent() async throws {
        let bench = try await EventsBench { events, _, _ in
            events.fields = .only([FieldSetting(name: "note", source: .column("note"))])
        }
        try await bench.add((1, "ann", 100))
        try await bench.run()
        try await bench.change("note = 'other', email = 'anna@example.com', at = 200", of: 1)
        let run = try await bench.run()
        #expect(run.counts.unchanged == 1 && run.counts.planned.track == 0, "\(run)")
        #expect(bench.requests.count == 1)
        // Nor is one that could not be sent any more.
        try await bench.change("email = NULL", of: 1)
        let second = try await bench.run()
        #expect(second.counts.unchanged == 1 && second.counts.invalid == 0, "\(second)")
    }

    @Test func aRowThatChangesReplacesItsEventWhereThatIsAskedFor() async throws {
        let bench = try await EventsBench { events, _, _ in
            events.changedRows = .update
            events.fields = .only([FieldSetting(name: "note", source: .column("note"))])
        }
        try await bench.add((1, "ann", 100), (2, "ben", 200))
        try await bench.run()
        #expect(try await bench.run().counts.unchanged == 2)
        // Another use of the row changes nothing.
        try await bench.change("status = 'shipped'", of: 1)
        #expect(try await bench.run().counts.unchanged == 2)
        try await bench.change("note = 'other'", of: 1)
        let run = try await bench.run()
        #expect(run.counts.planned.track == 1 && run.counts.unchanged == 1, "\(run)")
        #expect(bench.requests == [["1", "2"], ["1"]])
        #expect(bench.events.taken[OrderIDs.derived[1]]?.contains(#""dataFields":{"note":"other"}"#) == true)
        #expect(bench.events.taken.count == 2)
        #expect(try await bench.run().counts.unchanged == 2)
        #expect(try await bench.table() == ["sent 1", "sent 2"])
        // A second more is another event, a fraction of one is not.
        try await bench.change("at = 101", of: 1)
        #expect(try await bench.run().counts.planned.track == 1)
    }

    // MARK: One by one

    @Test func eventsGoOneByOneWhereThatIsAskedFor() async throws {
        let bench = try await EventsBench { events, _, _ in events.delivery = .single }
        try await bench.add((1, "ann", 100), (2, "ben", 200), (3, "ann", 300))
        let run = try await bench.run()
        #expect(run.counts.succeeded.track == 3 && run.requests.sent == 3, "\(run)")
        #expect(bench.requests == [["1"], ["2"], ["3"]] && bench.events.singles == 3)
        #expect(bench.events.objects(0) == [Self.object(1, "ann", 100)])
        #expect(try await bench.table() == ["sent 1", "sent 2", "sent 3"])
    }

    // MARK: Accounting

    @Test func everyRowAndEveryEventIsCountedOnce() async throws {
        let bench = try await EventsBench { events, _, destination in
            events.name = .column("name")
            events.names = ["a"]
            destination.limits.events.recordsPerRequest = 1
        }
        try await bench.insert("id, email, at, name", "1, 'ann@example.com', 100, 'a'")
        try await bench.run()
        try await bench.insert(
            "id, email, at, name", "2, 'ben@example.com', 200, 'a'", "2, 'ben@example.com', 200, 'a'",
            "3, 'cy@example.com', 300, 'a'", "3, 'cy@example.com', 301, 'a'", "4, 'dan@example.com', 400, 'b'",
            "5, NULL, 500, 'a'", "6, 'eve@example.com', 600, 'a'", "7, 'fay@example.com', 700, 'a'",
            "8, 'guy@example.com', 800, 'a'")
        bench.events.setUnknown(["eve@example.com"])
        let forgotten = RecordOutcome.rejected(FailureReason(code: "forgotten", reason: "GDPR", httpStatus: 200))
        bench.events.setFate { events, _ in
            events[0].identity.email == "guy@example.com" ? .unclear : .refuse(["fay@example.com": forgotten])
        }
        let run = try await bench.run()
        let counts = run.counts
        #expect(counts.rowsRead == 10 && counts.invalid == 3 && counts.duplicates == 1, "\(counts)")
        #expect(counts.excluded == 1 && counts.audience == 5 && counts.unchanged == 1, "\(counts)")
        #expect(counts.planned.track == 3 && counts.waiting == 1 && counts.late == 0, "\(counts)")
        #expect(
            counts.succeeded.track == 1 && counts.failed.track == 1 && counts.unknown.track == 1
                && counts.notAttempted.track == 0, "\(counts)")
        #expect(run.status == .completedWithFailures)
        #expect(try await bench.table() == ["rejected 7", "sending 8", "sent 1", "sent 2", "waiting 6"])
        #expect(
            try await bench.log(run).sorted() == [
                "track failed forgotten 7", "track succeeded  2", "track unknown counts_mismatch 8",
                "track waiting waiting_for_user 6", "validate failed duplicate_key 3",
                "validate failed duplicate_key 3", "validate failed identifier_missing 5",
            ])
        bench.events.setUnknown([])
        bench.events.setFate { _, _ in .ok }
        let second = try await bench.run()
        #expect(second.counts.planned.track == 2 && second.counts.succeeded.track == 2, "\(second.counts)")
        #expect(second.counts.unchanged == 3 && second.counts.audience == 5, "\(second.counts)")
        #expect(bench.requests.suffix(2) == [["6"], ["8"]])
    }
}

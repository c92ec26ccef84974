import Foundation
import IterableSandbox
import TestSupport
import Testing

/// Events from end to end: the program, a real database and the sandbox.
@Suite(.timeLimit(.minutes(10))) struct EventsCommandTests {
    @Test(arguments: Shop.Kind.allCases) func theWholeWay(_ kind: Shop.Kind) async throws {
        try await EventsScene.with(kind, rows: 1...12) { scene in
            let shop = scene.shop
            let run = try await scene.run()
            #expect(run["kind"] as? String == "events" && run["target"] as? String == "order_placed")
            #expect(run["list_id"] is NSNull)
            let counts = try EventCounts(run)
            #expect(counts.rowsRead == 12 && counts.records == 12 && counts.unchanged == 0 && counts.late == 0)
            #expect(counts.planned == 12 && counts.succeeded == 12 && counts.waiting == 0)
            let first = try scene.taken()
            #expect(first == (try await scene.source()))
            #expect(scene.sent.sorted() == [2, 5, 5])
            #expect(shop.sandbox.counts.maxInFlightPerIdentifier == 1, "one request at a time for each person")
            let again = try EventCounts(try await scene.run())
            #expect(again.unchanged == 12 && again.planned == 0)
            #expect(scene.sent.count == 3, "nothing is new, nothing is sent")
            // What changed is sent already, and what is gone was an event all the same.
            try await shop.execute("UPDATE orders SET note = 'other' WHERE id = 3")
            try await shop.execute("DELETE FROM orders WHERE id = 4")
            try await scene.enter(20...21)
            let third = try EventCounts(try await scene.run())
            #expect(third.rowsRead == 13 && third.planned == 2 && third.unchanged == 11)
            var expected = try await scene.source()
            (expected[3], expected[4]) = (first[3], first[4])
            #expect(try scene.taken() == expected)
            try await stateIsInOrder(shop)
        }
    }

    private func stateIsInOrder(_ shop: Shop) async throws {
        let counts = shop.state("sync_run_counts")
        let operations = try await shop.query(
            "SELECT operation, planned, succeeded FROM \(counts) WHERE planned > 0 ORDER BY planned")
        #expect(operations == [["track", "2", "2"], ["track", "12", "12"]])
        let columns = "kind, target, list_id, audience_size, waiting, late"
        let runs = try await shop.query("SELECT \(columns) FROM \(shop.state("sync_runs")) ORDER BY run_id")
        let expected = ["12", "12", "13"].map { size -> [String?] in ["events", "order_placed", nil, size, "0", "0"] }
        #expect(runs == expected)
        let events = try await shop.query(
            "SELECT state, count(*) FROM \(shop.state("synced_events")) GROUP BY state")
        #expect(events == [["sent", "14"]])
    }

    @Test(arguments: Shop.Kind.allCases) func whatARunWouldDoIsSaidBeforehand(_ kind: Shop.Kind) async throws {
        try await EventsScene.with(kind, rows: 1...12) { scene in
            let shop = scene.shop
            let check = try await shop.rollcall("check", "orders")
            #expect(check.code == 0, "\(check.all)")
            #expect(
                check.out.contains(
                    "sync orders, columns: key from id, email from email, userId from user_id, time from placed;"
                        + " fields note (string), orderId (long), total (double)\n"), "\(check.out)")
            #expect(
                check.out.contains(
                    "sync orders, events: events \"order_placed\", ids made of the key in the namespace \"orders\";"
                        + " the first run sends all that are there (start)\n"), "\(check.out)")
            #expect(!check.out.contains("sync orders, people"), "an email project makes no profiles")

            let plan = try await shop.rollcall("plan", "orders", "--format", "json", "--rows", "all")
            #expect(plan.code == 0, "\(plan.all)")
            let planned = try plan.object()
            #expect(planned["kind"] as? String == "events" && planned["target"] as? String == "order_placed")
            #expect(try EventCounts(planned).planned == 12)
            let rows = try #require(planned["rows"] as? [[String: Any]])
            let columns = ["operation", "record_key", "email", "user_id", "event_name", "event_id", "note"]
            #expect(rows.allSatisfy { Set($0.keys) == Set(columns) })
            #expect(Set(rows.compactMap { $0["record_key"] as? String }) == Set((1...12).map { "\($0)" }))

            let csv = try await shop.rollcall("plan", "orders", "--format", "csv", "--rows", "all")
            let lines = try CommaSeparatedValues.rows(csv.out)
            #expect(lines.count == 13 && lines.first == columns)
            let third = ["track", "3", "user3@example.com", "", "order_placed", EventsScene.ids[2], ""]
            #expect(lines.contains(third), "\(csv.out)")

            let text = try await shop.rollcall("plan", "orders", environment: ["COLUMNS": "80"]).out
            #expect(
                text.hasPrefix(
                    "orders  plan for events order_placed; nothing was changed\n"
                        + "  12 rows read: 12 events, 0 unchanged\n  12 to send\n"), "\(text)")
            #expect(!text.contains("delete") && !text.contains("rc-"), "\(text)")
            #expect(text.contains("10 of 12 rows; all: --rows all"))
            #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(text)")
            #expect(shop.sandbox.eventCount == 0 && scene.sent.isEmpty)
        }
    }

    @Test func fieldsThatAreNotToBeMadeAreLeftOutAndNamed() async throws {
        try await EventsScene.with(.sqlite, rows: 1...2) { scene in
            try scene.configure(sync: "start: all\n    new_fields: refuse")
            let run = try await scene.run(code: 3)
            #expect(try EventCounts(run).succeeded == 2 && run["status"] as? String == "completed_with_failures")
            let error = try #require(run["error"] as? [String: Any])
            #expect(error["code"] as? String == "field_dropped")
            #expect((error["message"] as? String)?.contains("note, orderId, total") == true, "\(error)")
            #expect(scene.shop.sandbox.eventCount == 2)
            try await scene.enter(3...3)
            try scene.configure()
            let plan = try await scene.shop.rollcall("plan", "orders", "--format", "json").object()
            let notes = try #require(plan["notes"] as? [String])
            #expect(notes.contains { $0.contains("note (string), orderId (long), total (double)") }, "\(notes)")
            #expect(try EventCounts(try await scene.run()).succeeded == 1)
        }
    }

    @Test(arguments: Shop.Kind.allCases) func aCursorWantsAnIndex(_ kind: Shop.Kind) async throws {
        try await EventsScene.with(kind, rows: 1...3) { scene in
            let shop = scene.shop
            try scene.configure(sync: "start: all\n    cursor: seq")
            let check = try await shop.rollcall("check", "orders", "--format", "json")
            #expect(check.code == 0, "\(check.all)")
            let findings = try #require(try check.json() as? [[String: Any]])
            let finding = findings.first { $0["subject"] as? String == "sync orders, cursor" }
            let statement = try #require(finding?["fix"] as? String, "\(check.out)")
            #expect(finding?["ok"] as? Bool == true && statement.contains("CREATE INDEX"))
            try await shop.execute(String(statement.dropLast()))
            #expect(!(try await shop.rollcall("check", "orders").out.contains("sync orders, cursor")))
            // What a query reads is not known.
            try await shop.execute("CREATE VIEW some_orders AS SELECT * FROM orders")
            let text = try String(contentsOf: shop.folder.appendingPathComponent("rollcall.yaml"), encoding: .utf8)
            let ofView = text.replacing("source: { table: orders }", with: "source: { table: some_orders }")
            try Data(ofView.utf8).write(to: shop.folder.appendingPathComponent("rollcall.yaml"))
            let unknown = try await shop.rollcall("check", "orders")
            #expect(unknown.code == 0 && unknown.out.contains("is not known of a view or a query"), "\(unknown.all)")
        }
    }

    @Test func whatMayNotBeMeantIsSaid() async throws {
        try await EventsScene.with(.sqlite, .hybrid, rows: 1...3) { scene in
            let shop = scene.shop
            try await shop.execute("UPDATE orders SET name = 'order-' || id, note = '2026-01-0' || id, total = id")
            try scene.configure(
                event: "name: { value: order_placed }, id: name, created_at: { column: placed, unit: s }")
            let check = try await shop.rollcall("check", "orders")
            #expect(check.code == 0, "\(check.all)")
            #expect(
                check.out.contains(
                    "warn sync orders, ids: the column \"name\" gives the ids, and an id is unique among all custom"),
                "\(check.out)")
            #expect(
                check.out.contains("warn sync orders, people: in a project of type hybrid Iterable makes a profile"),
                "\(check.out)")
            #expect(check.out.contains("better: let a sync of kind users send the people first"), "\(check.out)")
            #expect(
                check.out.contains("warn sync orders, fields: every text of \"note\" looks like a date"),
                "\(check.out)")
            #expect(
                check.out.contains("warn sync orders, fields: every number of \"total\" is whole"), "\(check.out)")
            try await shop.execute("UPDATE orders SET total = 0.5 WHERE id = 3")
            let other = try await shop.rollcall("check", "orders")
            #expect(!other.out.contains("\"total\" is whole"), "\(other.out)")
        }
    }

    /// Each type of project finds people by other identifiers.
    @Test(arguments: Shop.Kind.allCases, SandboxProjectType.allCases)
    func eventsEqualTheirRows(_ kind: Shop.Kind, _ project: SandboxProjectType) async throws {
        try await EventsScene.with(kind, project, rows: 1...9) { scene in
            try await scene.shop.execute("UPDATE orders SET note = NULL WHERE id = 2")
            if project == .email {
                try await scene.shop.execute("UPDATE orders SET user_id = NULL WHERE id = 3")
            } else {
                try await scene.shop.execute("UPDATE orders SET email = NULL WHERE id = 3")
            }
            try await scene.run()
            let source = try await scene.source()
            #expect(try scene.taken() == source && scene.shop.sandbox.userCount == EventsScene.people)
        }
    }

    @Test(arguments: Shop.Kind.allCases) func timesAndNumbersArrive(_ kind: Shop.Kind) async throws {
        try await EventsScene.with(kind, rows: 1...2) { scene in
            let shop = scene.shop
            let type = kind == .sqlite ? "timestamp" : "timestamptz"
            try await shop.execute("ALTER TABLE orders ADD COLUMN happened \(type)")
            try await shop.execute("ALTER TABLE orders ADD COLUMN campaign integer")
            try await shop.execute("UPDATE orders SET happened = '2026-07-01T12:00:00.9+02:00'")
            try await shop.execute("UPDATE orders SET campaign = 77 WHERE id = 1")
            try scene.configure(
                event: "name: { value: order_placed }, created_at: happened, "
                    + "campaign_id: { column: campaign, default: 123 }, template_id: { value: 456 }")
            try await scene.run()
            let events = shop.sandbox.events.sorted { $0.dataFields < $1.dataFields }
            // 2026-07-01 10:00:00 UTC; fractions are cut off.
            #expect(events.map(\.createdAt) == [1_782_900_000, 1_782_900_000])
            #expect(events.map(\.campaignID) == [77, 123] && events.map(\.templateID) == [456, 456])
        }
    }

    @Test(arguments: Shop.Kind.allCases) func oneEventARequest(_ kind: Shop.Kind) async throws {
        try await EventsScene.with(kind, rows: 1...6) { scene in
            try scene.configure(sync: "start: all\n    delivery: single")
            #expect(try EventCounts(try await scene.run()).succeeded == 6)
            let requests = scene.shop.sandbox.requestLog.filter { $0.path == "/api/events/track" }
            #expect(requests.count == 6 && scene.sent.isEmpty)
            let source = try await scene.source()
            #expect(try scene.taken() == source)
        }
    }

    // MARK: Start and backfill

    @Test(arguments: Shop.Kind.allCases) func whatWasThereAtFirstIsSentOnRequest(_ kind: Shop.Kind) async throws {
        try await EventsScene.with(kind) { scene in
            let shop = scene.shop
            try await scene.enter(1...2, daysAgo: 40)
            try await scene.enter(3...4, daysAgo: 3)
            try scene.configure(sync: "start: now")
            let note = "4 events were there before the first run and are not sent;"
            let plan = try await shop.rollcall("plan", "orders")
            #expect(plan.out.split(whereSeparator: \.isWhitespace).joined(separator: " ").contains(note), "\(plan.out)")
            let planned = try await shop.rollcall("plan", "orders", "--format", "json").object()
            #expect((planned["notes"] as? [String])?.first?.hasPrefix(note) == true)
            let first = try await shop.rollcall("run", "orders")
            #expect(first.code == 0 && first.err.contains("orders: \(note)"), "\(first.all)")
            #expect(first.out.contains("  4 rows read: 4 events, 4 unchanged\n  0 sent\n"), "\(first.out)")
            #expect(scene.sent.isEmpty)
            try await scene.enter(5...5)
            #expect(try EventCounts(try await scene.run()).planned == 1)

            let full = try await shop.rollcall("run", "orders", "--full")
            #expect(full.code == 2 && full.out.isEmpty && full.err.contains("--backfill 30d"), "\(full.all)")
            #expect(try await shop.rollcall("plan", "orders", "--full").code == 2)
            let few = try await shop.rollcall("plan", "orders", "--backfill", "30d", "--format", "json").object()
            #expect(try EventCounts(few).planned == 2)
            #expect(try EventCounts(try await scene.run("--backfill", "30d")).succeeded == 2)
            #expect(Set(try scene.taken().keys) == [3, 4, 5])
            #expect(try EventCounts(try await scene.run("--backfill", "all")).succeeded == 2)
            let source = try await scene.source()
            #expect(try scene.taken() == source)
            #expect(try EventCounts(try await scene.run("--backfill", "all")).planned == 0)
            #expect(shop.sandbox.events.allSatisfy { $0.writes == 1 })
        }
    }

    @Test(arguments: Shop.Kind.allCases) func aGuardHoldsUntilItIsDecided(_ kind: Shop.Kind) async throws {
        try await EventsScene.with(kind, rows: 1...3) { scene in
            let shop = scene.shop
            try scene.configure(guards: "max_events: 2, max_age: off")
            let held = try await shop.rollcall("run", "orders")
            #expect(held.code == 4 && scene.sent.isEmpty, "\(held.all)")
            #expect(held.out.contains("held: it would send 3 events, and guards.max_events allows 2\n"), "\(held.out)")
            #expect(held.out.contains("  3 to send\n"), "\(held.out)")
            let met = try await shop.rollcall("run", "orders")
            #expect(met.code == 4 && met.out.hasPrefix("orders: an earlier run is still held"), "\(met.all)")
            #expect(!met.out.contains("--force-new"), "it would be refused: \(met.out)")
            let forced = try await shop.rollcall("run", "orders", "--force-new")
            #expect(forced.code == 1 && forced.err.contains("`rollcall run --approve "), "\(forced.all)")
            let id = try #require(try await scene.run(code: 4)["run_id"] as? String)
            #expect(try await shop.rollcall("run", "--discard", id).code == 0)
            let states = try await shop.query("SELECT state FROM \(shop.state("synced_events"))")
            #expect(states == Array(repeating: ["skipped"], count: 3))
            #expect(try EventCounts(try await scene.run()).unchanged == 3)
            let again = try #require(try await scene.run("--backfill", "all", code: 4)["run_id"] as? String)
            #expect(try await shop.rollcall("run", "--approve", again).code == 0)
            let source = try await scene.source()
            #expect(try scene.taken() == source)
        }
    }

    @Test(arguments: Shop.Kind.allCases) func oneEventIsTriedFirst(_ kind: Shop.Kind) async throws {
        try await EventsScene.with(kind, rows: 1...5) { scene in
            let shop = scene.shop
            let plan = try await shop.rollcall("plan", "orders", "--only", "2", "--format", "csv")
            let lines = try CommaSeparatedValues.rows(plan.out)
            #expect(lines.dropFirst().map { $0[1] } == ["2"], "\(plan.all)")
            #expect(try EventCounts(try await scene.run("--only", "2")).succeeded == 1)
            #expect(shop.sandbox.events.map(\.id) == [EventsScene.ids[1]] && scene.sent == [1])
            for key in ["2", "99"] {
                let unchanged = try await scene.run("--only", key, code: 1)
                #expect((unchanged["error"] as? [String: Any])?["code"] as? String == "record_unchanged", "\(key)")
            }
            #expect(try EventCounts(try await scene.run()).succeeded == 4)
            let source = try await scene.source()
            #expect(try scene.taken() == source)
        }
    }

    // MARK: The cursor

    @Test(arguments: Shop.Kind.allCases)
    func aCursorReadsWhatIsNewAndASweepWhatCameLate(_ kind: Shop.Kind) async throws {
        try await EventsScene.with(kind, rows: 1...5) { scene in
            let shop = scene.shop
            try scene.configure(sync: "start: all\n    cursor: { column: seq, overlap: 20, sweep: 1h }")
            let begin = ContinuousClock.now
            #expect(try EventCounts(try await scene.run()).rowsRead == 5)
            try await scene.enter(6...6)
            let second = try EventCounts(try await scene.run())
            #expect(second.rowsRead == 4 && second.planned == 1 && second.unchanged == 3)
            // A row that became visible late lies before what a run reads.
            try await scene.enter(99...99)
            try await shop.execute("UPDATE orders SET seq = 15 WHERE id = 99")
            #expect(try EventCounts(try await scene.run()).planned == 0)
            let why = try await shop.rollcall("why", "orders", "99").out
            #expect(why.contains("became visible late, and is read by the next sweep, from 2"), "\(why)")
            try scene.configure(sync: "start: all\n    cursor: { column: seq, overlap: 20, sweep: 5s }")
            try await Task.sleep(until: begin + .seconds(8), clock: .continuous)
            let sweep = try await shop.rollcall("run", "orders")
            #expect(sweep.code == 0 && sweep.out.contains("  1 sent, 1 found late\n"), "\(sweep.all)")
            let cursors = shop.state("sync_cursors")
            let cursor = try await shop.query("SELECT column_name, watermark, late_rows FROM \(cursors)")
            #expect(cursor == [["seq", "60", "1"]])
            let source = try await scene.source()
            #expect(try scene.taken() == source)
            let check = try await shop.rollcall("check", "orders").out
            #expect(check.contains("cursor from seq;") && check.contains("; read up to 60\n"), "\(check)")
            // Another column would count what was sent as new.
            try scene.configure(sync: "start: all\n    cursor: placed")
            let refused = try await scene.run(code: 1)
            #expect((refused["error"] as? [String: Any])?["code"] as? String == "cursor_changed")
        }
    }

    @Test(arguments: Shop.Kind.allCases) func otherIDsAreRefusedUntilTheyAreAccepted(_ kind: Shop.Kind) async throws {
        try await EventsScene.with(kind, rows: 1...3) { scene in
            try await scene.run()
            try scene.configure(event: "\(EventsScene.event), namespace: visits")
            let refused = try await scene.run(code: 1)
            #expect((refused["error"] as? [String: Any])?["code"] as? String == "event_ids_changed")
            #expect(try await scene.shop.rollcall("plan", "orders").code == 1)
            #expect(try await scene.shop.rollcall("plan", "orders", "--accept-new-ids").code == 0)
            try await scene.enter(4...4)
            #expect(try EventCounts(try await scene.run("--accept-new-ids")).planned == 1)
            #expect(try EventCounts(try await scene.run()).unchanged == 4)
            #expect(scene.shop.sandbox.eventCount == 4)
        }
    }

    // MARK: People

    @Test(arguments: Shop.Kind.allCases) func anEventWaitsForItsPerson(_ kind: Shop.Kind) async throws {
        try await EventsScene.with(kind, rows: 1...2) { scene in
            let shop = scene.shop
            try await scene.enter(50, "stranger@example.com")
            let run = try await shop.rollcall("run", "orders")
            #expect(run.code == 0 && run.out.contains("  2 sent, 1 waiting\n"), "\(run.all)")
            let log = try await shop.rollcall("log", "--status", "waiting", "--format", "csv")
            let lines = try CommaSeparatedValues.rows(log.out)
            #expect(lines.count == 2 && lines[1].contains("waiting_for_user") && lines[1].contains("order_placed"))
            let waiting = try await shop.rollcall("records", "orders", "--state", "waiting", "--format", "json")
            let event = try #require((try waiting.json() as? [[String: Any]])?.first, "\(waiting.all)")
            #expect(event["email"] as? String == "stranger@example.com" && event["record_key"] as? String == "50")
            #expect(event["error_code"] as? String == "waiting_for_user")

            let why = try await whyJSON(shop, "stranger@example.com")
            let known = try #require((why["events"] as? [[String: Any]])?.first)
            #expect(known["state"] as? String == "waiting" && known["waits_until"] is String)
            #expect(why["next"] as? String == "send order_placed 50")
            #expect((why["log"] as? [[String: Any]])?.map { $0["status"] as? String } == ["waiting"])
            let second = try EventCounts(try await scene.run())
            #expect(second.waiting == 1 && second.planned == 0)
            let csv = try CommaSeparatedValues.rows(try await shop.rollcall("runs", "--format", "csv").out)
            #expect(
                csv.first?.suffix(5) == ["waiting", "planned_track", "succeeded_track", "failed_track", "late"])
            #expect(csv.dropFirst().first?.suffix(5) == ["1", "0", "0", "0", "0"])

            shop.sandbox.addUser(email: "stranger@example.com")
            #expect(try EventCounts(try await scene.run()).succeeded == 1)
            let source = try await scene.source()
            #expect(try scene.taken() == source)
        }
    }

    @Test(arguments: Shop.Kind.allCases) func eventsWaitForAnotherSync(_ kind: Shop.Kind) async throws {
        try await EventsScene.with(kind, .hybrid, rows: 1...2) { scene in
            let shop = scene.shop
            try await shop.execute("CREATE TABLE customers (id integer, user_id varchar(60), plan varchar(40))")
            try await shop.execute("INSERT INTO customers VALUES (1, 'u-1', 'free')")
            try scene.configure(
                sync: "start: all\n    after: customers",
                others: """
                      customers:
                        kind: users
                        warehouse: shop
                        destination: iterable
                        source: { table: customers }
                        key: id
                        mapping: { user_id: user_id }
                        fields: { plan: plan }
                        new_fields: create
                    """)
            #expect(try await shop.rollcall("run", "customers").code == 0)
            let first = try EventCounts(try await scene.run())
            #expect(first.waiting == 2 && first.planned == 0, "a person rests for a minute")
            let why = try await whyJSON(shop, "1")
            let person = try #require((why["people"] as? [[String: Any]])?.first)
            #expect(person["user_id"] as? String == "u-1" && person["sync"] as? String == "customers")
            #expect(person["acknowledged"] as? Bool == true)
            let other = try await shop.rollcall("why", "orders", "2").out
            #expect(other.contains("person:    u-2, not acknowledged by customers\n"), "\(other)")
            #expect(other.contains("next run:  nothing is sent of 2 yet: "), "\(other)")
            let time =
                kind == .sqlite ? "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-2 minutes')" : "now() - interval '2 minutes'"
            try await shop.execute("UPDATE \(shop.state("synced_records")) SET since = \(time)")
            let second = try EventCounts(try await scene.run())
            #expect(second.succeeded == 1 && second.waiting == 1)
            #expect(shop.sandbox.events.map(\.id) == [EventsScene.ids[0]])
        }
    }

    @Test(arguments: Shop.Kind.allCases) func aNameThatIsNotTakenFailsOnce(_ kind: Shop.Kind) async throws {
        try await EventsScene.with(kind, rows: 1...4, tune: { $0.disallowedEventNames = ["secret"] }) { scene in
            let shop = scene.shop
            try await shop.execute("UPDATE orders SET name = 'secret' WHERE id = 2")
            try await shop.execute("UPDATE orders SET name = 'elsewhere' WHERE id = 3")
            let names = "name: name, names: [order_placed, secret]"
            try scene.configure(event: "\(names), created_at: { column: placed, unit: s }")
            let run = try await scene.run(code: 3)
            #expect(run["target"] as? String == "events")
            let counts = try EventCounts(run)
            #expect(counts.succeeded == 2 && counts.failed == 1 && counts.excluded == 1 && counts.records == 3)
            let log = try await shop.rollcall("log", "--status", "failed", "--format", "csv")
            #expect(log.out.contains(",track,failed,event_name_disallowed,"), "\(log.out)")
            #expect(log.out.contains(",2,,secret,\(EventsScene.ids[1])\n"), "\(log.out)")
            let second = try EventCounts(try await scene.run())
            #expect(second.failed == 0 && second.unchanged == 3, "for good, and counted once")
            let refused = try await whyJSON(shop, "2")["next"] as? String
            #expect(refused == "nothing is sent: it failed for good; --retry-rejected tries again")
            let left = try await whyJSON(shop, "3")
            #expect((left["source"] as? [[String: Any]])?.first?["excluded"] as? Bool == true)
            #expect(left["next"] as? String == "nothing is sent: event.names leaves the name of the event out")
            #expect(try EventCounts(try await scene.run("--retry-rejected", code: 3)).failed == 1)
        }
    }

    // MARK: What commands say

    private func whyJSON(_ shop: Shop, _ name: String) async throws -> [String: Any] {
        let output = try await shop.rollcall("why", "orders", name, "--format", "json")
        #expect(output.code == 0, "\(output.all)")
        let report = try output.object()
        #expect(
            Set(report.keys) == ["sync", "identifier", "in_source", "source", "events", "people", "next", "log"])
        return report
    }

    @Test(arguments: Shop.Kind.allCases) func whyTellsOfAnEventByAnyName(_ kind: Shop.Kind) async throws {
        try await EventsScene.with(kind, .hybrid, rows: 1...3) { scene in
            let shop = scene.shop
            try await scene.enter(4, "nobody")
            #expect(try EventCounts(try await scene.run(code: 3)).invalid == 1)
            for name in ["1", EventsScene.ids[0], " User1@Example.COM ", "u-1"] {
                let why = try await whyJSON(shop, name)
                #expect(why["in_source"] as? Bool == true, "\(name)")
                let row = try #require((why["source"] as? [[String: Any]])?.first, "\(name)")
                #expect(row["record_key"] as? String == "1" && row["event_id"] as? String == EventsScene.ids[0])
                #expect(row["event_name"] as? String == "order_placed" && row["user_id"] as? String == "u-1")
                let event = try #require((why["events"] as? [[String: Any]])?.first, "\(name)")
                #expect(event["state"] as? String == "sent" && event["event_id"] as? String == EventsScene.ids[0])
                #expect((event["event_key"] as? String)?.wholeMatch(of: /[0-9a-f]{32}/) != nil)
                #expect((why["log"] as? [Any])?.count == 1, "\(name)")
                #expect(why["next"] as? String == "nothing to do, Iterable has accepted it", "\(name)")
            }
            let invalid = try await whyJSON(shop, "4")
            #expect(invalid["in_source"] as? Bool == false && (invalid["events"] as? [Any])?.isEmpty == true)
            #expect((invalid["source"] as? [[String: Any]])?.first?["error_code"] as? String == "email_syntax")
            #expect((invalid["log"] as? [[String: Any]])?.map { $0["operation"] as? String } == ["validate"])
            let text = try await shop.rollcall("why", "orders", "1").out
            #expect(
                text.contains("  source:    1, order_placed, \(EventsScene.ids[0]); valid\n")
                    && text.contains("; sent since "), "\(text)")
            let stranger = try await shop.rollcall("why", "orders", "stranger@example.com").out
            #expect(stranger.contains("no row has this key, event id, email or userId"), "\(stranger)")
            try await scene.enter(5...5)
            #expect(try await whyJSON(shop, "5")["next"] as? String == "send order_placed 5")
            try await shop.execute("DELETE FROM orders WHERE id = 2")
            let gone = try await whyJSON(shop, "2")
            #expect(gone["in_source"] as? Bool == false)
            #expect(gone["next"] as? String == "nothing to do, Iterable has accepted it")
        }
    }

    @Test(arguments: Shop.Kind.allCases) func rowsThatContradictEachOtherAreNamed(_ kind: Shop.Kind) async throws {
        try await EventsScene.with(kind, rows: 1...2) { scene in
            let shop = scene.shop
            try await scene.enter(2...2)
            try await shop.execute("UPDATE orders SET note = NULL WHERE id = 2 AND note = 'note 2'")
            try await scene.enter(2...2)
            #expect(try EventCounts(try await scene.run(code: 3)).invalid == 3)
            #expect(try scene.taken().keys.sorted() == [1])
            let why = try await whyJSON(shop, "2")
            let codes = (why["source"] as? [[String: Any]])?.map { $0["error_code"] as? String }
            #expect(codes == Array(repeating: "duplicate_key", count: 3))
        }
    }

    @Test(arguments: Shop.Kind.allCases) func whatCommandsSayOfARun(_ kind: Shop.Kind) async throws {
        try await EventsScene.with(kind, rows: 1...3) { scene in
            let shop = scene.shop
            let run = try await shop.rollcall("run", "orders", environment: ["COLUMNS": "80"])
            #expect(
                run.out.contains(
                    "  3 rows read: 3 events, 0 unchanged\n  3 sent\n  events order_placed, 1 request"), "\(run.out)")
            #expect(run.out.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(run.out)")
            let listed = try await shop.rollcall("runs", "--format", "json")
            let last = try #require((try listed.json() as? [[String: Any]])?.first, "\(listed.all)")
            let id = try #require(last["run_id"] as? String)
            #expect(last["kind"] as? String == "events" && last["list_id"] is NSNull && last["late"] as? Int == 0)
            #expect(last["audience_size"] as? Int == 3 && last["succeeded_track"] as? Int == 3)
            let report = try await shop.rollcall("run-report", id, "--format", "json").object()
            #expect(try EventCounts(report).succeeded == 3)
            #expect(try await shop.rollcall("run-report", id).out.contains("  3 sent\n"))
            let syncs = try await shop.rollcall("syncs", "--format", "json")
            let sync = try #require(
                (try syncs.json() as? [[String: Any]])?.first { $0["sync"] as? String == "orders" }, "\(syncs.all)")
            #expect(sync["members"] as? Int == 3 && sync["list_id"] is NSNull && sync["last_run_id"] as? String == id)

            let log = try CommaSeparatedValues.rows(try await shop.rollcall("log", "--format", "csv").out)
            let columns = try #require(log.first)
            #expect(columns.suffix(4) == ["record_key", "item_id", "event_name", "event_id"])
            let records = log.dropFirst().map { Dictionary(zip(columns, $0)) { first, _ in first } }
            let first = try #require(records.first { $0["record_key"] == "1" })
            #expect(first["operation"] == "track" && first["status"] == "succeeded" && first["http_status"] == "200")
            #expect(first["event_id"] == EventsScene.ids[0] && first["event_name"] == "order_placed")
            #expect(first["email"] == "user1@example.com" && first["user_id"] == "")
            #expect(try await shop.rollcall("log").out.contains(EventsScene.ids[0]))
            try await recordsAreListed(shop)
        }
    }

    private func recordsAreListed(_ shop: Shop) async throws {
        let csv = try await shop.rollcall("records", "orders", "--format", "csv")
        let rows = try CommaSeparatedValues.rows(csv.out)
        #expect(rows.first?.prefix(5) == ["event_key", "event_id", "state", "run_id", "at"], "\(csv.all)")
        #expect(Set(rows.dropFirst().map { $0[1] }) == Set(EventsScene.ids))
        #expect(rows.dropFirst().allSatisfy { $0[2] == "sent" })
        let json = try await shop.rollcall("records", "orders", "--format", "json", "--limit", "2")
        #expect((try json.json() as? [Any])?.count == 2 && json.err.contains("2 events shown"), "\(json.all)")
        let table = try await shop.rollcall("records", "orders").out
        #expect(table.hasPrefix("state  since (UTC)") && !table.contains("email"), "\(table)")
        let none = try await shop.rollcall("records", "orders", "--state", "waiting")
        #expect(none.code == 0 && none.out == "no events\n", "\(none.all)")
    }

    @Test func hiddenIdentifiersAreHiddenInTheLogAndFoundAllTheSame() async throws {
        try await EventsScene.with(.sqlite, rows: 1...2) { scene in
            let shop = scene.shop
            try await scene.enter(2...2)
            try await shop.execute("UPDATE orders SET note = 'other' WHERE rowid = 3")
            try scene.configure(sync: "start: all\n    logs: { identifiers: hashed }")
            try await scene.run(code: 3)
            let log = try await shop.query("SELECT email, record_key FROM \(shop.state("sync_log"))")
            #expect(log.count == 3 && log.allSatisfy { $0.allSatisfy { $0?.hasPrefix("hash:") ?? true } }, "\(log)")
            #expect((try await whyJSON(shop, "user1@example.com")["log"] as? [Any])?.count == 1)
            let twice = try await whyJSON(shop, "2")
            let codes = (twice["source"] as? [[String: Any]])?.map { $0["error_code"] as? String }
            #expect(codes == ["duplicate_key", "duplicate_key"])
        }
    }

    @Test(arguments: Shop.Kind.allCases) func whatWasLetGoOfBeginsFromTheStart(_ kind: Shop.Kind) async throws {
        try await EventsScene.with(kind, rows: 1...3) { scene in
            let shop = scene.shop
            try await scene.run()
            let abandon = try await shop.rollcall("abandon", "orders")
            #expect(abandon.code == 0 && abandon.out.contains("orders: let go of 3 events\n"), "\(abandon.all)")
            #expect(abandon.out.contains("its next run begins from start: again."), "\(abandon.out)")
            #expect(try EventCounts(try await scene.run()).succeeded == 3)
            #expect(shop.sandbox.eventCount == 3, "the same events again")
        }
    }
}

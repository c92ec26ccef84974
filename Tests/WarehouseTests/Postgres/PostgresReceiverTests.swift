import Foundation
import RollcallCore
import TestSupport
import Testing

@testable import Warehouse

/// What receivers keep in Postgres alone.
@Suite struct PostgresReceiverTests {
    private func withStore(
        _ encoding: String = "UTF8", _ body: (PostgresFixture, any ReceiverStore) async throws -> Void
    ) async throws {
        let fixture = try await PostgresFixture.make(encoding: encoding)
        do {
            let store = try #require(fixture.warehouse as? any ReceiverStore)
            _ = try await store.migrate()
            try await body(fixture, store)
        } catch {
            await fixture.tearDown()
            throw error
        }
        await fixture.tearDown()
    }

    /// Numbers keep their digits, and what jsonb does not take is a JSON string.
    @Test func bodiesAreJSON() async throws {
        try await withStore { fixture, store in
            let bodies = [#"{"b": 1.50, "a": 12345678901234567890.1, "c": 1e3}"#] + ReceiverConformance.oddBodies
            let events = bodies.enumerated().map { ReceiverScene.event($0, payload: $1) }
            _ = try await store.storeReceived(ReceiverScene.group(1, events))
            let rows = try await fixture.query(
                "SELECT jsonb_typeof(payload), payload::text FROM rollcall.iterable_events ORDER BY event_id")
            #expect(rows[0] == ["object", #"{"a": 12345678901234567890.1, "b": 1.50, "c": 1000}"#])
            let kinds = rows.map { $0[0] ?? "" }
            #expect(Array(kinds.dropFirst()) == Array(repeating: "string", count: 8) + ["object", "object", "object"])
            #expect(
                rows.allSatisfy { ($0[1]?.utf8.count ?? 0) < 300_000 },
                "no number is shown with more digits than it came with")
        }
    }

    /// Bytes that are no text at all, which no receiver lets pass.
    @Test(arguments: [[0x7B, 0xFF, 0x7D], [0x7B, 0x00, 0x7D], [], Array("{".utf8)] as [[UInt8]])
    func brokenBodiesAreKeptAsStrings(_ body: [UInt8]) async throws {
        try await withStore { fixture, store in
            var event = ReceiverScene.event(1)
            event.payload = body
            let stored = try await store.storeReceived(ReceiverScene.group(1, [event, ReceiverScene.event(2)]))
            #expect(stored.stored == [ReceiverScene.receiver: 2])
            let kinds = try await fixture.query(
                "SELECT jsonb_typeof(payload) FROM rollcall.iterable_events ORDER BY event_id")
            #expect(kinds == [["string"], ["object"]])
        }
    }

    /// Databases that lack characters, and those whose server does not know what an escape stands for.
    @Test(arguments: [
        ("UTF8", "Zoë 日本 😀 é"), ("SQL_ASCII", "Zoë 日本 😀 é"), ("LATIN1", #"Zoë \u{65E5}\u{672C} \u{1F600} é"#),
        ("EUC_JP", #"Zoë 日本 \u{1F600} é"#), ("KOI8R", #"Zo\u{00EB} \u{65E5}\u{672C} \u{1F600} \u{00E9}"#),
    ])
    func encodings(_ encoding: String, _ written: String) async throws {
        try await withStore(encoding) { fixture, store in
            let text = "Zoë 日本 😀 é"
            var event = ReceiverScene.event(
                1, name: text, payload: #"{"a": "Zoë 日本 \ud83d\ude00 \u00e9", "\\\u0041": "\n\\u00e9 \"1e99999"}"#)
            (event.email, event.userID, event.messageID, event.url, event.destination) = (text, text, text, text, text)
            event.receiver = text
            var group = ReceiverScene.group(1, [event, ReceiverScene.event(2, payload: "{\"\(text)\": 1e99999}")])
            group.rejects = [
                RejectedBody(receiver: text, receivedAt: ReceiverScene.noon, reason: "not_json", body: text)
            ]
            #expect(try await store.storeReceived(group).stored == [text: 1, ReceiverScene.receiver: 1])
            let rows = try await fixture.query(
                """
                SELECT email, event_name, payload ->> 'a', payload ->> E'\\\\A' FROM rollcall.iterable_events
                 WHERE event_id = '\(ReceiverScene.id(1))'
                """)
            #expect(rows == [[written, written, written, "\n\\u00e9 \"1e99999"]])
            let whole = try await fixture.query(
                "SELECT payload #>> '{}' FROM rollcall.iterable_events WHERE event_id = '\(ReceiverScene.id(2))'")
            #expect(whole == [["{\"\(written)\": 1e99999}"]])
            // Whoever asks for it as it was finds it.
            var filter = ReceivedFilter(receiver: text, eventName: text, limit: 5)
            let found = try #require(try await store.receivedEvents(filter).first?.event)
            filter.eventName = written + "?"
            #expect(try await store.receivedEvents(filter).isEmpty)
            #expect([found.receiver, found.email, found.messageID, found.url] == [text, text, text, text])
            #expect(try await store.rejectedBodies(receiver: text, limit: 1) == group.rejects)
            let summary = try await store.receiverSummaries([text], since: ReceiverScene.noon)
            #expect(summary[text]?.newest == 1 && summary[text]?.counts.map(\.count) == [1])
        }
    }

    /// A trigger of the owner's that keeps rows away must not make an event count as one that was there.
    @Test func rowsThatAreKeptAwayAreNoticed() async throws {
        try await withStore { fixture, store in
            try await fixture.execute(
                """
                CREATE FUNCTION rollcall.away() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
                CREATE TRIGGER away BEFORE INSERT ON rollcall.iterable_events FOR EACH ROW EXECUTE FUNCTION rollcall.away();
                """)
            let group = ReceiverScene.group(1, [ReceiverScene.event(1)])
            let error = await warehouseFailure { try await store.storeReceived(group) }
            #expect(error?.kind == .conflict && error?.error.message.contains("iterable_events") == true)
            try await fixture.execute("DROP TRIGGER away ON rollcall.iterable_events")
            #expect(try await store.storeReceived(group).stored == [ReceiverScene.receiver: 1])
        }
    }

    /// Also where the database is set up to answer before anything is on the disk.
    @Test func groupsAreOnTheDisk() async throws {
        try await withStore { fixture, store in
            try await fixture.execute(
                """
                ALTER DATABASE \(fixture.database) SET synchronous_commit = off;
                CREATE TABLE rollcall.noted (setting text);
                CREATE FUNCTION rollcall.note() RETURNS trigger LANGUAGE plpgsql AS
                    'BEGIN INSERT INTO rollcall.noted VALUES (current_setting(''synchronous_commit'')); RETURN NULL; END';
                CREATE TRIGGER note AFTER INSERT ON rollcall.iterable_events FOR EACH ROW EXECUTE FUNCTION rollcall.note();
                CREATE TRIGGER note AFTER INSERT ON rollcall.receiver_key FOR EACH ROW EXECUTE FUNCTION rollcall.note();
                CREATE TRIGGER note AFTER INSERT ON rollcall.receivers FOR EACH ROW EXECUTE FUNCTION rollcall.note();
                """)
            let other = try #require(try fixture.second() as? any ReceiverStore)
            _ = try await other.receiverKey()
            _ = try await other.storeReceived(ReceiverScene.group(1, [ReceiverScene.event(1)]))
            // The setting is the group's alone.
            _ = try await other.changeReceiverAlert(receiver: "r", from: nil, to: "silent")
            #expect(try await fixture.query("SELECT setting FROM rollcall.noted") == [["on"], ["on"], ["off"]])
        }
    }

    /// Whatever millions of events came.
    @Test func eventsAreFoundAlongTheirIndexes() async throws {
        try await withStore { fixture, _ in
            try await fixture.execute(
                """
                INSERT INTO rollcall.iterable_events (event_id, receiver, event_name, email, message_id, received_at,
                                                      last_received_at, deliveries, payload)
                SELECT lpad(i::text, 64, '0'), 'r' || i % 3, CASE i % 200 WHEN 0 THEN 'emailUnSubscribe' ELSE 'emailOpen' END,
                       i || '@example.com', 'm-' || i, now() - i * interval '1 s', now(), 1, '{}' FROM generate_series(1, 30000) i;
                ANALYZE rollcall.iterable_events;
                """)
            func plan(_ statement: String, _ values: [String]) async throws -> String {
                var statement = statement
                for (index, value) in values.enumerated() {
                    statement = statement.replacing("$\(index + 1)", with: value)
                }
                let lines = try await fixture.query("SET search_path = rollcall; EXPLAIN \(statement)")
                return lines.map { $0[0] ?? "" }.joined(separator: "\n")
            }
            var filter = ReceivedFilter(receiver: "r1", eventName: "emailOpen", limit: 10)
            filter.before = (Date(), "e")
            let newest = try await plan(
                PostgresReceivedEvents.select(filter).sql, ["'r1'", "'emailOpen'", "1800000000000", "'e'"])
            let summary = try await plan(PostgresReceivedEvents.summaries, ["'{r1,r2}'"])
            let prune = try await plan(PostgresReceivedEvents.prune, ["'r1'", "1700000000000", "100"])
            for plan in [newest, summary, prune] {
                #expect(plan.contains("using iterable_events_by_time on iterable_events"), "\(plan)")
                #expect(plan.contains("receiver = ") && !plan.contains("Seq Scan on iterable_events"), "\(plan)")
            }
            #expect(newest.contains(#"AND ("left"(event_name, 64) = 'emailOpen'::text))"#), "\(newest)")
            #expect(prune.contains("iterable_events_pkey"), "\(prune)")
            let message = try await plan("SELECT * FROM email_engagement WHERE message_id = 'm-7'", [])
            #expect(message.contains("iterable_events_by_message"), "\(message)")
            let left = try await plan("SELECT * FROM latest_unsubscribes", [])
            #expect(left.contains("iterable_events_of_subscription"), "\(left)")
            #expect(left.contains("iterable_events_of_people"), "\(left)")
        }
    }
}

/// What is looked for in a body before the server gets it.
@Suite struct PostgresPayloadTests {
    @Test(arguments: [
        (#"{}"#, true), (#"{"a":1e9994}"#, true), (#"{"a":1e9995}"#, false), (#"{"a":1E-9994}"#, false),
        (#"{"a":[1e5000,1e4999]}"#, true), (#"{"a":[1e5000,1e5001]}"#, false), (#"{"1e99999":"1e99999"}"#, true),
        (#"{"a\"":1e99999}"#, false), (#"{"a\\":1e99999}"#, false), (#"{"a":"\\\"1e99999"}"#, true),
        (#"{"a":1e99999999999999999999999}"#, false), (#"{"a":1e+10000}"#, false),
        (#"[true,false,null,-0.5e-3]"#, true),
        ("1e99999", false), (String(repeating: "1", count: 10_000), true),
        (String(repeating: "1", count: 10_001), false),
        (#""unfinished 1e99999 \"#, true),
    ])
    func numbers(_ json: String, _ isPlain: Bool) {
        #expect(PostgresPayload.hasPlainNumbers(Array(json.utf8)) == isPlain)
    }

    @Test(arguments: [
        (#""é\u00e9\u00E9""#, "\"ééé\""), (#""\ud83d\ude00\u65e5""#, "\"😀日\""),
        (#""\u0041\u001f\u0000""#, #""\u0041\u001f\u0000""#),
        (#""\\u00e9\\\u00e9""#, #""\\u00e9\\é""#), (#""\ud83d\u0041""#, #""\ud83d\u0041""#),
        (#""\ude00""#, #""\ude00""#),
        (#""\ud83d""#, #""\ud83d""#), (#""\u00e""#, #""\u00e""#), (#""\u"#, #""\u"#), ("\"\\", "\"\\"),
        (#""\u+0e9""#, #""\u+0e9""#),
    ])
    func escapes(_ json: String, _ written: String) {
        #expect(PostgresPayload.withoutEscapes(Array(json.utf8)) == written)
    }
}

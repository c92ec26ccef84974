import Foundation
import RollcallCore
import SyncEngine
import TestSupport
import Testing

@testable import Web

/// The API and the pages of a sync of events.
@Suite struct EventsAPITests {
    /// The sync `vip` sends one event of each of three people, of whom Iterable has forgotten one.
    private func with(
        tokens: String? = "ops:operator:\(WebBench.operatorToken),eye:read:\(WebBench.readToken)",
        _ body: (WebBench, SyncRun) async throws -> Void
    ) async throws {
        try await WebBench.with(
            tokens: tokens,
            adjustSync: { sync in
                var events = EventSettings(key: ["email"], name: .constant("visited"), namespace: "vip")
                events.start = .all
                events.cursor = EventSettings.Cursor(column: "seq")
                sync.target = .events(events)
                sync.guards.allowEmpty = true
            }
        ) { bench in
            try await bench.fixture.execute("ALTER TABLE people ADD COLUMN seq INTEGER")
            try await bench.fixture.execute("UPDATE people SET seq = rowid")
            bench.destination.refuse(["p2@example.com"])
            let run = try await bench.run()
            #expect(run.status == .completedWithFailures, "\(run)")
            try await body(bench, run)
        }
    }

    // MARK: The API

    @Test func theRunObjectIsThatOfTheCommandLine() async throws {
        try await with { bench, run in
            try await bench.routes { client in
                let answer = try await client.get("/api/v1/runs/\(run.id)")
                #expect(answer.body == RunJSON(run).text)
                #expect(try Schema.violations(of: "Run", in: answer.body).isEmpty)
                let object = try answer.json
                #expect(object["kind"] as? String == "events" && object["target"] as? String == "visited")
                let counts = try #require(object["counts"] as? [String: Any])
                #expect(counts["records"] as? Int == 3 && counts["audience"] == nil && counts["late"] as? Int == 0)
                #expect(counts["succeeded"] as? [String: Int] == ["track": 2])
                #expect(counts["failed"] as? [String: Int] == ["track": 1])
            }
        }
    }

    @Test func recordsHaveTheNameAndTheIDOfTheirEvent() async throws {
        try await with { bench, run in
            try await bench.routes { client in
                let path = "/api/v1/runs/\(run.id)/records"
                let answer = try await client.get(path)
                #expect(try Schema.violations(of: "RecordPage", in: answer.body).isEmpty)
                let records = try answer.items
                #expect(records.count == 3)
                #expect(records.allSatisfy { $0["operation"] as? String == "track" })
                #expect(records.allSatisfy { $0["event_name"] as? String == "visited" })
                #expect(records.allSatisfy { ($0["event_id"] as? String)?.hasPrefix("rc-") == true })
                let waiting = try await client.get("\(path)?status=waiting")
                #expect(waiting.status == 200)
                #expect(try waiting.items.isEmpty)
                let csv = try await client.get("\(path)?format=csv").body
                let lines = csv.components(separatedBy: "\r\n")
                #expect(lines.first?.hasSuffix(",logged_at,record_key,item_id,event_name,event_id") == true)
                let ofFirst = try #require(lines.first { $0.contains(",p1@example.com,,visited,rc-") })
                #expect(ofFirst.contains(",track,succeeded,"))
            }
        }
    }

    @Test func whyTellsOneEventsStory() async throws {
        try await with { bench, run in
            try await bench.routes { client in
                let answer = try await client.get("/api/v1/syncs/vip/why?identifier=P1%40Example.com")
                #expect(answer.status == 200)
                #expect(try Schema.violations(of: "Why", in: answer.body).isEmpty, "\(answer.body)")
                let why = try answer.json
                #expect(why["in_source"] as? Bool == true)
                let event = try #require((why["events"] as? [[String: Any]])?.first)
                #expect(event["state"] as? String == "sent" && event["run_id"] as? String == run.id)
                #expect((why["log"] as? [[String: Any]])?.map { $0["status"] as? String } == ["succeeded"])
                let refused = try await client.get("/api/v1/syncs/vip/why?identifier=p2@example.com")
                #expect(try Schema.violations(of: "Why", in: refused.body).isEmpty, "\(refused.body)")
                let known = try #require((try refused.json["events"] as? [[String: Any]])?.first)
                #expect(known["state"] as? String == "rejected" && known["error_code"] as? String == "forgotten")
                #expect(known["event_name"] as? String == "visited" && known["email"] as? String == "p2@example.com")
                #expect((try refused.json["next"] as? String)?.contains("--retry-rejected") == true)
            }
        }
    }

    @Test func aRunMayTakeEarlierEvents() async throws {
        try await with { bench, _ in
            try await bench.routes { client in
                let path = "/api/v1/syncs/vip/runs"
                for (body, code) in [
                    (#"{"full":true}"#, "full_of_events"), (#"{"backfill":"soon"}"#, "bad_field"),
                    (#"{"backfill":true}"#, "bad_field"), (#"{"accept_new_ids":"yes"}"#, "bad_field"),
                    (#"{"backfill":null}"#, "bad_field"), (#"{"back_fill":"all"}"#, "unknown_field"),
                ] {
                    let refused = try await client.post(path, json: body)
                    #expect(refused.status == 400, "\(body)")
                    #expect(try refused.json["code"] as? String == code, "\(body)")
                    #expect(!refused.body.contains("--full"), "a client of the API has no such option")
                }
                let all = try await client.post(path, json: #"{"backfill":"all","accept_new_ids":true}"#)
                #expect(all.status == 202)
                let run = try await bench.ended(try #require(try all.json["run_id"] as? String))
                #expect(run.counts.unchanged == 3 && run.counts.planned.track == 0, "\(run)")
                let span = try await client.post(path, json: #"{"backfill":"30d"}"#)
                #expect(span.status == 202)
                try await bench.ended(try #require(try span.json["run_id"] as? String))
            }
        }
    }

    /// RudderStack's call is refused as that of our own API is, and leaves no failed run.
    @Test func aTriggerForEverythingIsRefused() async throws {
        try await with { bench, run in
            try await bench.routes { client in
                let path = "/v2/retl-connections/vip/start"
                let refused = try await client.post(path, json: #"{"syncType":"full"}"#)
                #expect(refused.status == 400)
                #expect(try refused.json["code"] as? String == "full_of_events")
                let runs = try await client.get("/api/v1/runs?sync=vip").items
                #expect(runs.map { $0["run_id"] as? String } == [run.id])
                let some = try await client.post(path, json: #"{"syncType":"incremental"}"#)
                #expect(some.status == 200)
                try await bench.ended(try #require(try some.json["syncId"] as? String))
            }
        }
    }

    @Test func anEventIsLookedUpByMoreThanItsPerson() async throws {
        try await with { bench, _ in
            try await bench.routes { client in
                let detail = try await client.get("/api/v1/syncs/vip/why").json["detail"] as? String
                #expect(
                    detail == "The parameter identifier must be a key, the id of an event, an email or a userId.",
                    "\(detail ?? "")")
            }
        }
    }

    @Test func otherKindsHaveNoEarlierEvents() async throws {
        try await WebBench.with { bench in
            try await bench.routes { client in
                for body in [#"{"backfill":"30d"}"#, #"{"accept_new_ids":true}"#] {
                    let refused = try await client.post("/api/v1/syncs/vip/runs", json: body)
                    #expect(refused.status == 400)
                    #expect(try refused.json["code"] as? String == "only_events", "\(body)")
                    #expect(!refused.body.contains("--"), "a client of the API has no options of a command")
                    let unknown = try await client.post("/api/v1/syncs/none/runs", json: body)
                    #expect(unknown.status == 404)
                }
                #expect(bench.destination.deliveries == 0)
            }
        }
    }

    @Test(arguments: [
        ("all", true), ("30d", true), ("12h", true), ("90m", true), ("45s", true), ("2w", true), ("0d", false),
        ("", false), ("30", false), ("-1d", false), ("1.5h", false), ("36501d", false), ("99999999999s", false),
        ("ALL", false), ("30 d", false),
    ])
    func spansAreDocumentedAsTheyAreTaken(_ text: String, _ isTaken: Bool) throws {
        #expect((Backfill(text: text) != nil) == isTaken)
        // The pattern knows no bounds.
        let hasForm = text.wholeMatch(of: try Regex(Backfill.pattern)) != nil
        #expect(hasForm == isTaken || (hasForm && ["0d", "36501d"].contains(text)))
        var schema = try Schema.document()
        let path = ["paths", "/api/v1/syncs/{name}/runs", "post", "requestBody", "content", "application/json"]
        for key in path + ["schema", "properties", "backfill"] {
            schema = try #require(schema[key] as? [String: Any], "\(key)")
        }
        #expect(schema["pattern"] as? String == Backfill.pattern)
    }

    // MARK: The pages

    @Test func pagesSayWhatWasSentAndNothingOfRemovals() async throws {
        try await with(tokens: nil) { bench, run in
            try await bench.routes { client in
                let sync = try await client.get("/syncs/vip", token: nil).body
                #expect(sync.contains("<dt>Event</dt><dd><bdi>visited</bdi></dd>"), "\(sync)")
                #expect(sync.contains("<dt>Read up to</dt><dd>3</dd>") && sync.contains("<dt>Last sweep</dt>"))
                #expect(sync.contains("<dt>Sent</dt><dd>2</dd>") && sync.contains("<dt>Rejected</dt><dd>1</dd>"))
                #expect(!sync.contains("Found late") && !sync.contains("send everything again"))
                #expect(sync.contains(">Sent</th>") && !sync.contains("Deleted"))
                let page = try await client.get("/runs/\(run.id)", token: nil).body
                #expect(page.contains(">To send</th>") && !page.contains("To delete"), "\(page)")
                #expect(page.contains("status=waiting\">waiting</a>") && page.contains("p2@example.com · visited"))
                let all = try await client.get("/runs/\(run.id)?status=waiting", token: nil)
                #expect(all.status == 200)
            }
        }
    }

    /// To the second, and never broken within a word.
    @Test func theTimeReadUpToHasNoFraction() throws {
        var cursor = EventCursor(column: "at", isTime: true)
        cursor.watermark = 1_796_000_461_123_456
        let view = EventsView(cursor, [:], now: .now)
        #expect(view.readTo == nil && view.readUpTo?.words == "2026-11-30 01:01:01")
        #expect(view.readUpTo?.iso == "2026-11-30T01:01:01Z")
        cursor = EventCursor(column: "seq", isTime: false)
        cursor.watermark = 7
        #expect(EventsView(cursor, [:], now: .now).readTo == "7")
    }

    @Test func theStoryOfAnEventIsAPage() async throws {
        try await with(tokens: nil) { bench, _ in
            try await bench.routes { client in
                let empty = try await client.get("/syncs/vip/why", token: nil).body
                #expect(empty.contains(">Key, event id, email or userId</label>"), "\(empty)")
                let token = String(try #require(empty.firstMatch(of: /name="token" value="([0-9a-f]{64})"/)).output.1)
                let page = try await client.form("/syncs/vip/why", ["token": token, "identifier": "p2@example.com"])
                #expect(page.status == 200)
                #expect(page.body.contains("<h2>Events</h2>") && page.body.contains(">rejected</span>"), "\(page.body)")
                #expect(page.body.contains("p2@example.com · visited · rc-"))
            }
        }
    }

    /// Runs of events have one column of changes; charts have one bar a run.
    @Test func chartsHaveOneBarARun() throws {
        let runs = (1...2).map { number in
            var run = SyncRun(
                id: "0198c5f0-0000-7000-8000-00000000000\(number)", sync: "vip", destination: "marketing",
                trigger: .manual, status: .succeeded, startedAt: Date(timeIntervalSince1970: Double(number) * 1000))
            run.kind = .events
            run.counts.rowsRead = 5
            run.counts.audience = 5
            run.counts.succeeded.track = number
            return run
        }
        let charts = ChartMaker(runs.reversed()).charts
        #expect(charts.map(\.title) == ["Events read", "Sent", "Duration"])
        #expect(charts[1].bars.map(\.kind) == ["in", "in"])
    }
}

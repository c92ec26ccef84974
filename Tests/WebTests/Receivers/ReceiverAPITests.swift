import Foundation
import Receivers
import RollcallCore
import Testing
import Warehouse

@testable import Web

/// The API and the metrics of receivers.
@Suite struct ReceiverAPITests {
    /// Of `engagement`: five events, of which two have the name emailClick, and counts of this hour and of three days ago.
    private func shelf(_ change: (inout ReceiverShelf.Contents) -> Void = { _ in }) -> ReceiverShelf {
        ReceiverShelf("engagement", "sms") { contents in
            contents.events = (1...5).map { number in
                ReceiverShelf.event(number, secondsAgo: Double(100 - number)) { event in
                    if number > 3 { event.eventName = "emailClick" }
                    event.campaignID = 42
                }
            }
            let now = CountedHours.day(Date()).hours.last ?? .distantPast
            contents.statuses[0].summary?.latestAt = contents.events.last?.event.receivedAt
            contents.statuses[0].summary?.newest = 5
            contents.statuses[0].summary?.newestWithUserID = 2
            contents.statuses[0].summary?.counts = [
                ReceiverCount(
                    receiver: "engagement", hour: now.addingTimeInterval(-3 * 86400), outcome: .stored, count: 7),
                ReceiverCount(receiver: "engagement", hour: now, outcome: .stored, count: 5),
                ReceiverCount(receiver: "engagement", hour: now, outcome: .unauthorized, count: 2),
            ]
            contents.rejects = [
                RejectedBody(receiver: "engagement", receivedAt: now, reason: "not_json", body: "<xml/>")
            ]
            change(&contents)
        }
    }

    @Test func receiversAreListed() async throws {
        try await WebBench.with(receivers: shelf()) { bench in
            try await bench.routes { client in
                let answer = try await client.get("/api/v1/receivers")
                #expect(answer.status == 200)
                #expect(try Schema.violations(of: "ReceiverPage", in: answer.body).isEmpty, "\(answer.body)")
                let items = try answer.items
                #expect(items.map { $0["receiver"] as? String } == ["engagement", "sms"])
                #expect(items.map { $0["state"] as? String } == ["receiving", "new"])
                #expect(items[0]["path"] as? String == "/hooks/engagement")
                let counts = try #require(items[0]["counts"] as? [String: [String: Int]])
                #expect(counts["last_24_hours"]?["stored"] == 5 && counts["last_7_days"]?["stored"] == 12)
                #expect(counts["last_24_hours"]?["unauthorized"] == 2 && counts["last_24_hours"]?["test"] == 0)
                #expect(!answer.body.contains("project:key"))
                let first = try await client.get("/api/v1/receivers?limit=1")
                #expect(try first.json["next"] as? String == "engagement")
                let second = try await client.get("/api/v1/receivers?limit=1&cursor=engagement")
                #expect(try second.items.map { $0["receiver"] as? String } == ["sms"])
                #expect(try second.json["next"] is NSNull)
                let wrong = try await client.get("/api/v1/receivers?cursor=none")
                #expect(wrong.status == 400)
            }
        }
    }

    @Test func aReceiverHasItsNewestEvents() async throws {
        try await WebBench.with(receivers: shelf()) { bench in
            try await bench.routes { client in
                var seen: [String] = []
                var cursor = ""
                for _ in 0..<3 {
                    let answer = try await client.get("/api/v1/receivers/engagement?limit=2" + cursor)
                    #expect(try Schema.violations(of: "ReceiverDetails", in: answer.body).isEmpty, "\(answer.body)")
                    let page = try #require(try answer.json["received"] as? [String: Any])
                    let items = try #require(page["items"] as? [[String: Any]])
                    seen += items.compactMap { $0["email"] as? String }
                    guard let next = page["next"] as? String else { break }
                    #expect(next.wholeMatch(of: try Regex(EventPosition.pattern)) != nil)
                    cursor = "&cursor=\(next)"
                }
                #expect(seen == (1...5).reversed().map { "p\($0)@example.com" })
                let clicks = try await client.get("/api/v1/receivers/engagement?event=emailClick")
                let page = try #require(try clicks.json["received"] as? [String: Any])
                #expect((page["items"] as? [[String: Any]])?.count == 2)
                #expect((try clicks.json["hours"] as? [[String: Any]])?.count == 3)
                let rejects = try #require(try clicks.json["rejects"] as? [[String: Any]])
                #expect(rejects.map { $0["reason"] as? String } == ["not_json"])
                #expect(rejects.map { $0["body"] as? String } == ["<xml/>"])
                #expect(!clicks.body.contains("payload"))
            }
        }
    }

    @Test(arguments: [
        "limit=0", "limit=501", "cursor=", "cursor=x", "cursor=1-2", "name=x",
        "cursor=99999999999999999999-" + String(repeating: "0", count: 64),
        "cursor=5-" + String(repeating: "z", count: 64),
    ])
    func wrongParametersAreSaid(_ query: String) async throws {
        try await WebBench.with(receivers: shelf()) { bench in
            try await bench.routes { client in
                let answer = try await client.get("/api/v1/receivers/engagement?\(query)")
                #expect(answer.status == 400, "\(query): \(answer.body)")
            }
        }
    }

    @Test func anUnknownReceiverMayBeMeant() async throws {
        try await WebBench.with(receivers: shelf()) { bench in
            try await bench.routes { client in
                let near = try await client.get("/api/v1/receivers/engagment")
                #expect(near.status == 404)
                #expect(try near.json["code"] as? String == "receiver_unknown")
                #expect(try (near.json["hint"] as? String)?.contains("Did you mean \"engagement\"?") == true)
                let far = try await client.get("/api/v1/receivers/other")
                #expect(try (far.json["hint"] as? String)?.contains("Did you mean") == false)
            }
        }
        try await WebBench.with { bench in
            try await bench.routes { client in
                let none = try await client.get("/api/v1/receivers")
                #expect(try none.items.isEmpty)
                let one = try await client.get("/api/v1/receivers/engagement")
                #expect(one.status == 404)
                #expect(try one.json["code"] as? String == "receiver_unknown")
            }
        }
    }

    @Test func whatCannotBeReadIsNull() async throws {
        let error = RunError(code: "warehouse_connection", message: "no route to shop", hint: "Start it.")
        let shelf = shelf { contents in
            contents.statuses[0].summary = nil
            contents.statuses[0].problem = error
            contents.statuses[0].spooledBodies = 12
            contents.statuses[0].spooledBytes = 3400
            contents.problem = error
        }
        try await WebBench.with(receivers: shelf) { bench in
            try await bench.routes { client in
                let answer = try await client.get("/api/v1/receivers/engagement")
                #expect(answer.status == 200)
                #expect(try Schema.violations(of: "ReceiverDetails", in: answer.body).isEmpty, "\(answer.body)")
                let object = try answer.json
                #expect(object["state"] as? String == "unreachable" && object["received"] is NSNull)
                #expect(object["counts"] is NSNull && object["hours"] is NSNull)
                #expect((object["problem"] as? [String: Any])?["code"] as? String == "warehouse_connection")
                #expect((object["spool"] as? [String: Int])?["bytes"] == 3400)
            }
        }
    }

    /// A reload brings others.
    @Test func receiversMayChange() async throws {
        let shelf = shelf()
        try await WebBench.with(receivers: shelf) { bench in
            shelf.change { $0.statuses[1].settings = ReceiverShelf.settings("push") }
            try await bench.routes { client in
                let answer = try await client.get("/api/v1/receivers")
                #expect(try answer.items.map { $0["receiver"] as? String } == ["engagement", "push"])
                let gone = try await client.get("/api/v1/receivers/sms")
                #expect(gone.status == 404)
            }
        }
    }

    @Test func metricsCountRequestsAndWhatWaits() async throws {
        let shelf = shelf { contents in
            contents.metrics.requests = [
                ReceiverMetrics.Requests(receiver: "engagement", outcome: .stored, count: 5),
                ReceiverMetrics.Requests(receiver: "engagement", outcome: .tooLarge, count: 0),
            ]
            contents.metrics.spools = [ReceiverMetrics.Spool(warehouse: "shop", bodies: 12, bytes: 3400)]
            contents.metrics.waiting = 3
        }
        try await WebBench.with(receivers: shelf) { bench in
            try await bench.routes { client in
                let text = try await client.get("/metrics").body
                for line in [
                    "rollcall_receiver_requests_total{receiver=\"engagement\",outcome=\"stored\"} 5",
                    "rollcall_receiver_requests_total{receiver=\"engagement\",outcome=\"too_large\"} 0",
                    "rollcall_receiver_spool_bytes{warehouse=\"shop\"} 3400",
                    "rollcall_receiver_spool_bodies{warehouse=\"shop\"} 12", "rollcall_receiver_waiting_bodies 3",
                ] {
                    #expect(text.contains(line + "\n"), "\(line)")
                }
            }
        }
        try await WebBench.with { bench in
            try await bench.routes { client in
                let text = try await client.get("/metrics").body
                #expect(!text.contains("rollcall_receiver_"))
            }
        }
    }

    @Test func statesFollowFromWhatIsKnown() {
        var status = ReceiverStatus(settings: ReceiverShelf.settings("a"), summary: ReceiverSummary())
        #expect(ReceiverState(status) == .new)
        status.summary?.latestAt = .now
        #expect(ReceiverState(status) == .receiving)
        status.summary?.alertState = AlertState(.silent).text
        #expect(ReceiverState(status) == .silent)
        // Of a damaged file the bodies may not be countable.
        status.spooledBytes = 1
        #expect(ReceiverState(status) == .spooling)
        status.summary = nil
        #expect(ReceiverState(status) == .unreachable)
    }

    @Test func hoursAreThoseOfUTC() throws {
        let now = try #require(try? Date("2026-11-29T00:30:00Z", strategy: .iso8601))
        #expect(CountedHours.day(now).hours.count == 24 && CountedHours.week(now).hours.count == 168)
        #expect(CountedHours.day(now).start.iso8601 == "2026-11-28T01:00:00.000Z")
        #expect(CountedHours.today(now).hours.map(\.iso8601) == ["2026-11-29T00:00:00.000Z"])
        let evening = now.addingTimeInterval(23 * 3600)
        #expect(CountedHours.today(evening).start.iso8601 == "2026-11-29T00:00:00.000Z")
        #expect(CountedHours.today(evening).hours.count == 24)
    }
}

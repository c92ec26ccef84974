import Foundation
import Receivers
import RollcallCore
import Testing
import Warehouse

@testable import Web

/// The pages about receivers.
@Suite struct ReceiverPagesTests {
    private static let hostile = [
        "<script>document.title='pwned'</script>", "\"><img src=x onerror=\"document.title='pwned'\">",
        "\u{202e}nepOliame", "{{frame.formToken}}", "</td></table><h1>gone</h1>", String(repeating: "x", count: 5000),
    ]

    private func hostileShelf() -> ReceiverShelf {
        ReceiverShelf("engagement") { contents in
            contents.events = Self.hostile.enumerated().map { number, text in
                ReceiverShelf.event(number, secondsAgo: Double(number)) { event in
                    event.eventName = text
                    event.email = text
                    event.userID = text
                    event.url = number == 0 ? "javascript:document.title='pwned'" : text
                }
            }
            contents.rejects = Self.hostile.map {
                RejectedBody(receiver: "engagement", receivedAt: .now, reason: "not_json", body: $0)
            }
            contents.statuses[0].summary?.latestAt = .now
            contents.statuses[0].summary?.counts = [
                ReceiverCount(
                    receiver: "engagement", hour: CountedHours.day(.now).hours[20], outcome: .stored, count: 120_000)
            ]
        }
    }

    @Test func theNavigationShowsReceiversWhereThereAreAny() async throws {
        let shelf = hostileShelf()
        try await WebBench.with(tokens: nil, receivers: shelf) { bench in
            try await bench.routes { client in
                for path in ["/", "/syncs/vip", "/receivers", "/receivers/engagement"] {
                    let page = try await client.get(path, token: nil)
                    #expect(page.status == 200)
                    #expect(page.body.contains("<a href=\"/receivers\""), "\(path)")
                }
                shelf.change { $0.statuses = [] }
                let page = try await client.get("/", token: nil)
                #expect(!page.body.contains("<a href=\"/receivers\""))
                let list = try await client.get("/receivers", token: nil)
                #expect(list.status == 200)
                #expect(list.body.contains("No receiver is configured."))
            }
        }
        try await WebBench.with(tokens: nil) { bench in
            try await bench.routes { client in
                let page = try await client.get("/", token: nil)
                #expect(!page.body.contains("/receivers"))
                let one = try await client.get("/receivers/engagement", token: nil, ["accept": "text/html"])
                #expect(one.status == 404)
                #expect(one.body.contains("<h1>Not Found</h1>"))
            }
        }
    }

    @Test func strangersSeeNothingOfReceivers() async throws {
        try await WebBench.with(receivers: hostileShelf()) { bench in
            try await bench.routes { client in
                for path in ["/receivers", "/receivers/engagement"] {
                    let answer = try await client.get(path, token: nil, ["accept": "text/html"])
                    #expect(answer.status == 303)
                }
                let login = try await client.get("/login", token: nil)
                #expect(!login.body.contains("/receivers"))
                let read = try await client.get("/receivers/engagement")
                #expect(read.status == 200)
            }
        }
    }

    @Test func hostileTextsStayTexts() async throws {
        try await WebBench.with(tokens: nil, receivers: hostileShelf()) { bench in
            try await bench.routes { client in
                let page = try await client.get("/receivers/engagement", token: nil).body
                #expect(!page.contains("<script>") && !page.contains("<img") && !page.contains("<h1>gone"))
                #expect(!page.contains("\u{202e}") && !page.contains(String(repeating: "x", count: 201)))
                #expect(page.contains("&lt;script&gt;") && page.contains("{{frame.formToken}}"))
                #expect(page.contains("javascript:document.title"))
                let links = page.matches(of: /(?:href|src|action)="([^"]*)"/).map { String($0.output.1) }
                let own = ["/", "#", "data:image/svg"]
                #expect(links.count > 5 && links.allSatisfy { link in own.contains { link.hasPrefix($0) } }, "\(links)")
                #expect(!page.contains("style=") && page.firstMatch(of: /\ on[a-z]+="/) == nil)
            }
        }
    }

    @Test func eventsComeInPages() async throws {
        let shelf = ReceiverShelf("engagement") { contents in
            contents.events = (1...60).map { number in
                ReceiverShelf.event(number, secondsAgo: Double(100 - number)) {
                    $0.eventName = number.isMultiple(of: 2) ? "emailOpen" : "a&b"
                }
            }
        }
        try await WebBench.with(tokens: nil, receivers: shelf) { bench in
            try await bench.routes { client in
                let page = try await client.get("/receivers/engagement", token: nil).body
                #expect(page.contains("p60@example.com") && !page.contains("p10@example.com"))
                let link = try #require(page.firstMatch(of: /href="(\/receivers\/engagement\?cursor=[^"]+)"/)).output.1
                let older = try await client.get(String(link), token: nil).body
                #expect(older.contains("p10@example.com") && !older.contains("p60@example.com"))
                let odd = try await client.get("/receivers/engagement?event=a%26b", token: nil).body
                #expect(odd.contains("p59@example.com") && !odd.contains("p60@example.com"))
                #expect(odd.contains("name=\"event\" value=\"a&amp;b\""))
                let wrong = try await client.get("/receivers/engagement?cursor=x", token: nil)
                #expect(wrong.status == 400)
            }
        }
    }

    @Test func whatIsNewIsSetUp() async throws {
        let shelf = ReceiverShelf("engagement", "open", "header") { contents in
            contents.statuses[1].settings.credentials = []
            contents.statuses[2].settings.credentials = [.header(name: "x-hook", value: Secret("s3cret"))]
        }
        try await WebBench.with(tokens: nil, receivers: shelf) { bench in
            try await bench.routes { client in
                let page = try await client.get("/receivers/engagement", token: nil).body
                #expect(page.contains("set it up in Iterable") && page.contains("https://YOUR-HOST/hooks/engagement"))
                #expect(page.contains("rollcall receivers test engagement") && page.contains("Choose Basic or OAuth2"))
                #expect(!page.contains("project:key"))
                let open = try await client.get("/receivers/open", token: nil).body
                #expect(open.contains("only programs on this machine may post"))
                let header = try await client.get("/receivers/header", token: nil).body
                #expect(header.contains("x-hook") && !header.contains("s3cret"))
                shelf.change { $0.statuses[0].summary?.latestAt = .now }
                let later = try await client.get("/receivers/engagement", token: nil).body
                #expect(!later.contains("set it up in Iterable"))
            }
        }
    }

    @Test func ofAWarehouseThatIsAwayNoEventsAreDenied() async throws {
        let shelf = ReceiverShelf("engagement") { $0.statuses[0].summary = nil }
        try await WebBench.with(tokens: nil, receivers: shelf) { bench in
            try await bench.routes { client in
                let away = try await client.get("/receivers/engagement", token: nil).body
                #expect(away.contains("Not known while the warehouse is away.") && !away.contains("None."))
                shelf.change { $0.statuses[0].summary = ReceiverSummary() }
                let back = try await client.get("/receivers/engagement", token: nil).body
                #expect(back.contains("None.") && !back.contains("Not known"))
            }
        }
    }

    @Test func whatIsWrongIsSaidWithTheWayOut() {
        var status = ReceiverStatus(settings: ReceiverShelf.settings("a"), summary: ReceiverSummary())
        status.summary?.latestAt = .now
        #expect(ReceiverFinding.all(status, OutcomeTally()).isEmpty)
        let counts = ReceiverOutcome.allCases.map {
            ReceiverCount(receiver: "a", hour: CountedHours.day(.now).start, outcome: $0, count: 2000)
        }
        status.summary?.newest = 1000
        status.spooledBodies = 12
        status.spooledBytes = 3400
        status.problem = RunError(code: "warehouse_connection", message: "no route", hint: "Start it.")
        let findings = ReceiverFinding.all(status, OutcomeTally(counts, since: .distantPast))
        let text = findings.map { finding in
            let hint = (finding.hint?.parts ?? []).flatMap(\.words).map { $0.text + $0.gap }.joined()
            return "\(finding.message) \(hint)"
        }.joined(separator: "\n")
        for part in [
            "cannot be used: no route Start it.",
            "12 bodies, 3.4 kB for the warehouse shop, of all its receivers, wait on disk.",
            "2,000 requests came without a valid token", "had too large a body", "server.max_body",
            "answered with 503", "no JSON object", "None of the newest 1,000 events has a userId",
        ] {
            #expect(text.contains(part), "\(part) in \(text)")
        }
        #expect(findings.allSatisfy { $0.hint != nil })
        #expect(findings.filter(\.isBad).count == 1)
    }

    @Test func chartsStackWhatBecameOfRequests() {
        let hours = CountedHours.day(.now)
        let counts = [
            ReceiverCount(receiver: "a", hour: hours.hours[3], outcome: .stored, count: 100),
            ReceiverCount(receiver: "a", hour: hours.hours[3], outcome: .repeated, count: 100),
            ReceiverCount(receiver: "a", hour: hours.hours[3], outcome: .filtered, count: 100),
            ReceiverCount(receiver: "a", hour: hours.hours[3], outcome: .rejected, count: 100),
            ReceiverCount(receiver: "a", hour: hours.hours[9], outcome: .unauthorized, count: 1),
            ReceiverCount(receiver: "a", hour: .distantPast, outcome: .stored, count: 1_000_000),
        ]
        let chart = OutcomeChart.day(counts, hours)
        #expect(chart.bars.map(\.kind) == ["in", "rest", "out", "out"])
        #expect(chart.bars.map(\.height) == ["59.0", "29.5", "29.5", "0.3"])
        #expect(chart.bars.map(\.y).prefix(3) == ["69.0", "39.5", "10.0"])
        #expect(chart.bars[0].title.contains("200 kept, 100 left out, 100 refused"))
        #expect(chart.label.contains("at most 400 in one"))
        #expect(OutcomeChart.week([], CountedHours.week(.now)).bars.isEmpty)
    }

    /// The posts of `rollcall receivers test` are of no person: no chart has them, and no configuration leaves them out.
    @Test func testsAreNotDrawn() {
        let hours = CountedHours.day(.now)
        let counts = [
            ReceiverCount(receiver: "a", hour: hours.hours[3], outcome: .test, count: 100),
            ReceiverCount(receiver: "a", hour: hours.hours[3], outcome: .stored, count: 7),
            ReceiverCount(receiver: "a", hour: hours.hours[5], outcome: .test, count: 3),
        ]
        let chart = OutcomeChart.day(counts, hours)
        #expect(chart.bars.map(\.kind) == ["in"])
        #expect(chart.bars.first?.title.contains("7 kept, 0 left out, 0 refused") == true)
        #expect(chart.label.contains("at most 7 in one"))
        let tally = OutcomeTally(counts, since: hours.start)
        #expect(tally.total == 7 && tally[.test] == 103, "the table still counts them")
    }

    @Test(arguments: [
        (0, "0"), (99_999, "99,999"), (100_000, "100k"), (120_000, "120k"), (250_500, "250.5k"), (1_000_000, "1M"),
        (2_500_000, "2.5M"), (4_000_000_000, "4G"), (.infinity, "0"),
    ])
    func numbersFitBesideTheAxis(_ number: Double, _ words: String) {
        #expect(ChartMaker.compact(number) == words)
    }

    @Test(arguments: [
        (0, "0 B"), (999, "999 B"), (3400, "3.4 kB"), (12_000, "12 kB"), (999_600, "1.0 MB"), (1_200_000_000, "1.2 GB"),
        (-1, "0 B"),
    ])
    func sizesInWords(_ bytes: Int64, _ words: String) { #expect(ReceiverWords.size(bytes) == words) }

    /// In headless Chromium.
    @Test(.enabled(if: Chromium.path != nil, "Chromium is not installed: scripts/setup --browser"))
    func browsersFollowNothingThatWasReceived() async throws {
        try await WebBench.with(tokens: nil, receivers: hostileShelf()) { bench in
            try await bench.listening { port in
                for path in ["/receivers", "/receivers/engagement"] {
                    let page = try await Chromium.open("http://127.0.0.1:\(port)\(path)")
                    #expect(!page.document.contains("<title>pwned") && !page.document.contains("<h1>gone"), "\(path)")
                    #expect(!page.document.contains("<img src=") && !page.document.contains("href=\"javascript"))
                    let hasFailed = ["Content Security Policy", "Uncaught"].contains { page.log.contains($0) }
                    #expect(!hasFailed, "\(path): \(page.log)")
                }
            }
        }
    }
}

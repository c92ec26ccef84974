import Foundation
import HTTPTypes
import RollcallCore
import SyncEngine
import TestSupport
import Testing

@testable import Web

@Suite struct DashboardTests {
    private static let html = ["accept": "text/html,application/xhtml+xml"]

    /// A run that was broken off says of each operation what it did not do.
    @Test func aBrokenRunShowsWhatItDidNotDo() throws {
        var run = SyncRun(
            id: "0198c5f0-0000-7000-8000-000000000000", sync: "vip", destination: "marketing", trigger: .manual,
            status: .interrupted, startedAt: .now)
        run.counts.planned = PerOperation(subscribe: 1100, unsubscribe: 90)
        run.counts.notAttempted = PerOperation(subscribe: 1000, unsubscribe: 70)
        run.counts.unknown = PerOperation(subscribe: 100, unsubscribe: 20)
        let view = RunView(
            run, live: nil, plan: [], records: RecordPage(status: "failed", records: []),
            frame: Frame(title: "Run", version: "test"), now: .now)
        let html = try PageRenderer().render(view, "run")
        let cells = /<th scope="row">([^<]*)<\/th><td class="number">([^<]*)<\/td><td class="number">([^<]*)</
        let rows = html.matches(of: cells)
            .map { "\($0.output.1): \($0.output.2), \($0.output.3)" }
        #expect(rows.contains("Planned: 1,100, 90") && rows.contains("Succeeded: 0, 0"), "\(rows)")
        #expect(rows.contains("Not attempted: 1,000, 70") && rows.contains("Unknown: 100, 20"), "\(rows)")
    }

    /// Who leaves a sync of users is deleted, or keeps a profile of which something is cleared.
    @Test func clearingAProfileIsNotCalledDeleting() throws {
        let runs = (1...2).map { number in
            var run = SyncRun(
                id: "0198c5f0-0000-7000-8000-00000000000\(number)", sync: "vip", destination: "marketing",
                trigger: .manual, status: .succeeded, startedAt: Date(timeIntervalSince1970: Double(number) * 1000))
            run.kind = .users
            run.counts.rowsRead = 5
            run.counts.planned.clear = 98
            run.counts.succeeded.clear = 98
            return run
        }
        var held = runs[0]
        held.status = .held
        let frame = Frame(title: "Run", version: "test")
        let view = RunView(
            held, live: nil, plan: [], records: RecordPage(status: "failed", records: []), frame: frame, now: .now)
        let page = try PageRenderer().render(view, "run")
        #expect(page.contains("<strong>98</strong> to clear or delete") && page.contains(">To clear or delete</th>"))
        #expect(!page.contains("to delete") && !page.contains("To delete"), "\(page)")
        let words = WordsView(.users)
        #expect(words.Put == "Updated" && words.Removed == "Cleared or deleted")
        let chart = ChartMaker(runs.reversed()).charts[1]
        #expect(chart.title == "Updated (green) and cleared or deleted (orange)")
        #expect(chart.bars.contains { $0.title.hasSuffix(": 98 cleared or deleted") })
    }

    /// Logs in and gives the cookie.
    private func logIn(_ client: RouteClient, _ token: String, _ headers: [String: String] = [:]) async throws -> String
    {
        let answer = try await client.form("/login", ["secret": token, "next": "/"], headers)
        #expect(answer.status == 303)
        let cookie = try #require(answer.header("set-cookie"))
        #expect(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && cookie.contains("Path=/"))
        return String(cookie.prefix { $0 != ";" })
    }

    private func formToken(_ page: String) throws -> String {
        String(try #require(page.firstMatch(of: /name="token" value="([0-9a-f]{64})"/)).output.1)
    }

    @Test func strangersAreSentToTheLogin() async throws {
        try await WebBench.with { bench in
            try await bench.routes { client in
                for path in ["/", "/syncs/vip", "/runs/0198c5f0-0000-7000-8000-000000000000", "/syncs/vip/why"] {
                    let answer = try await client.get(path, token: nil, Self.html)
                    #expect(answer.status == 303)
                    #expect(answer.header("location") == "/login?next=\(path.percentEncoded)")
                }
                let page = try await client.get("/login?next=%2Fsyncs%2Fvip", token: nil, Self.html)
                #expect(page.status == 200)
                #expect(page.body.contains("name=\"next\" value=\"/syncs/vip\""))
                let wrong = try await client.form("/login", ["secret": "wrong"], Self.html)
                #expect(wrong.status == 403)
                #expect(wrong.header("set-cookie") == nil)
            }
        }
    }

    @Test(arguments: [
        "https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\r\nx: y",
    ])
    func aLoginLeadsNowhereElse(next: String) async throws {
        try await WebBench.with { bench in
            try await bench.routes { client in
                let answer = try await client.form("/login", ["secret": WebBench.readToken, "next": next])
                #expect(answer.header("location") == "/")
            }
        }
    }

    @Test func aSessionOpensPagesAndLooksOnly() async throws {
        try await WebBench.with { bench in
            try await bench.routes { client in
                let cookie = try await logIn(client, WebBench.operatorToken)
                let page = try await client.get("/", token: nil, ["cookie": cookie].merging(Self.html) { a, _ in a })
                #expect(page.status == 200)
                #expect(page.header("cache-control") == "no-store")
                #expect(page.body.contains("Log out"))
                let look = try await client.get("/api/v1/syncs", token: nil, ["cookie": cookie])
                #expect(look.status == 200)
                // A cookie alone does not act: neither through the API nor through a form without its token.
                let api = try await client.post("/api/v1/syncs/vip/runs", token: nil, ["cookie": cookie])
                #expect(api.status == 401)
                let form = try await client.form("/syncs/vip/run", [:], ["cookie": cookie])
                #expect(form.status == 403)
                #expect(bench.destination.deliveries == 0)

                _ = try await client.form("/logout", [:], ["cookie": cookie])
                let after = try await client.get("/api/v1/syncs", token: nil, ["cookie": cookie])
                #expect(after.status == 401)
            }
        }
    }

    @Test func behindTLSTheCookieIsBoundToTheHost() async throws {
        try await WebBench.with { bench in
            try await bench.routes { client in
                let https = ["x-forwarded-proto": "https"]
                let answer = try await client.form("/login", ["secret": WebBench.readToken], https)
                let cookie = try #require(answer.header("set-cookie"))
                #expect(cookie.hasPrefix("__Host-rollcall=") && cookie.contains("Secure"))
                #expect(!cookie.contains("Domain"))
            }
        }
    }

    @Test func aFormRunsTheSync() async throws {
        try await WebBench.with { bench in
            try await bench.routes { client in
                let cookie = ["cookie": try await logIn(client, WebBench.operatorToken)]
                let page = try await client.get("/syncs/vip", token: nil, cookie)
                let token = try formToken(page.body)
                let foreign = try await client.form(
                    "/syncs/vip/run", ["token": token], cookie.merging(["origin": "https://evil.example"]) { a, _ in a }
                )
                #expect(foreign.status == 403)
                let answer = try await client.form("/syncs/vip/run", ["token": token, "full": "1"], cookie)
                #expect(answer.status == 303)
                let location = try #require(answer.header("location"))
                let run = try await bench.ended(String(location.split(separator: "/")[1]))
                #expect(run.status == .succeeded && run.full && run.trigger == .manual)
                let shown = try await client.get(location + "?status=all", token: nil, cookie)
                #expect(shown.body.contains("p1@example.com"))
                #expect(shown.body.contains("format=csv"))
            }
        }
    }

    @Test func readersSeeNoButtons() async throws {
        try await WebBench.with { bench in
            try await bench.routes { client in
                let cookie = ["cookie": try await logIn(client, WebBench.readToken)]
                let page = try await client.get("/syncs/vip", token: nil, cookie)
                #expect(page.status == 200)
                #expect(!page.body.contains("action=\"/syncs/vip/run\""))
                let why = try await client.get("/syncs/vip/why", token: nil, cookie)
                let token = try formToken(why.body)
                let refused = try await client.form("/syncs/vip/run", ["token": token], cookie)
                #expect(refused.status == 403)
                let story = try await client.form(
                    "/syncs/vip/why", ["token": token, "identifier": "p1@example.com"], cookie)
                #expect(story.status == 200)
                #expect(story.body.contains("subscribe p1@example.com"))
            }
        }
    }

    @Test func aHeldRunShowsItsPlanAndTheWaysOut() async throws {
        try await WebBench.with(tokens: nil, people: 0) { bench in
            let held = try await bench.run()
            #expect(held.status == .held)
            try await bench.routes { client in
                let sync = try await client.get("/syncs/vip", token: nil)
                #expect(sync.body.contains("/runs/\(held.id)"))
                #expect(!sync.body.contains("id=\"run\""))
                let page = try await client.get("/runs/\(held.id)", token: nil)
                #expect(page.body.contains("guards.allow_empty is false"))
                let token = try formToken(page.body)
                let answer = try await client.form("/runs/\(held.id)/discard", ["token": token])
                #expect(answer.header("location") == "/runs/\(held.id)")
                let after = try await bench.service.run(held.id)
                #expect(after.status == .cancelled)
                let again = try await client.form("/runs/\(held.id)/approve", ["token": token], Self.html)
                #expect(again.status == 409)
                #expect(again.body.contains("<h1>Conflict</h1>"))
            }
        }
    }

    @Test func aRunThatIsNotThereIsNotInTheWay() async throws {
        let id = "0198c5f0-0000-7000-8000-000000000000"
        try await WebBench.with(tokens: nil) { bench in
            try await bench.routes { client in
                let page = try await client.get("/runs/\(id)", token: nil, Self.html)
                #expect(page.status == 404)
                #expect(!page.body.contains("Show the run in the way"), "\(page.body)")
                let problem = try await client.get("/api/v1/runs/\(id)", token: nil).json
                #expect(problem["code"] as? String == "run_unknown" && problem["run_id"] == nil)
            }
        }
    }

    @Test func noGetChangesAnything() async throws {
        try await WebBench.with(tokens: nil) { bench in
            try await bench.routes { client in
                for route in bench.server.routes where route.method == .post {
                    let path = route.path.replacing("{name}", with: "vip").replacing("{sync}", with: "vip")
                        .replacing("{id}", with: "0198c5f0-0000-7000-8000-000000000000")
                    let answer = try await client.get(path, token: nil)
                    let isLook = ["/login", "/syncs/vip/why"].contains(path)
                    #expect(answer.status == (isLook ? 200 : 405), "\(path)")
                }
                #expect(bench.destination.deliveries == 0)
            }
        }
    }

    @Test func everyAnswerHasItsHeaders() async throws {
        try await WebBench.with(tokens: nil) { bench in
            try await bench.routes { client in
                for path in [
                    "/", "/syncs/vip", "/login", "/api/v1/syncs", "/nothing", "/assets/rollcall.css", "/healthz",
                ] {
                    let answer = try await client.get(path, token: nil)
                    let policy = try #require(answer.header("content-security-policy"))
                    #expect(policy.contains("default-src 'none'") && !policy.contains("unsafe"))
                    #expect(policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"))
                    #expect(answer.header("x-content-type-options") == "nosniff")
                    #expect(answer.header("referrer-policy") == "no-referrer")
                    let isAsset = path.hasPrefix("/assets")
                    #expect(answer.header("cache-control") == (isAsset ? "public, max-age=86400" : "no-store"))
                }
            }
        }
    }

    @Test func pagesCarryNoInlineStyleOrScript() {
        for text in [
            FrameTemplates.head, FrameTemplates.foot, FrameTemplates.error, FrameTemplates.login,
            SyncTemplates.overview,
            SyncTemplates.sync, SyncTemplates.chart, SyncTemplates.why, SyncTemplates.live,
            SyncTemplates.stream, SyncTemplates.badge, SyncTemplates.time, RunTemplates.run,
            RunTemplates.records, ReceiverTemplates.overview, ReceiverTemplates.receiver,
        ] {
            #expect(!text.contains("style=") && !text.contains("<style") && !text.contains("{{{"))
            #expect(text.firstMatch(of: /\ on[a-z]+=/) == nil)
            #expect(text.firstMatch(of: /<script(?! src="\/assets\/)/) == nil)
        }
    }

    @Test(arguments: ["\"\u{301} autofocus onfocus=alert(1) x=\"\u{301}", "<\u{301}script>", "<img src=x>", "'&"])
    func textsAreEscapedScalarByScalar(text: String) throws {
        let view = LoginView(frame: Frame(title: "x", version: "1"), next: text, failed: false)
        let html = try PageRenderer().render(view, "login")
        let value = try #require(html.firstMatch(of: /name="next" value="([^"]*)"/)).output.1
        #expect(!value.unicodeScalars.contains { "<>\"'".unicodeScalars.contains($0) })
        #expect(!html.contains("<script>") && !html.contains("<img"))
    }

    @Test func absentValuesAreNotTakenFromAround() throws {
        struct Inner: PageView { var words: String?; var kind: String }
        struct Outer: PageView { var words: String; var badge: Inner }
        let html = try PageRenderer().render(
            Outer(words: "outer", badge: Inner(words: nil, kind: "good")).badge, "badge")
        #expect(!html.contains("outer"))
    }

    @Test func chartsHaveRoundScales() {
        let expected: [(Double, Double)] = [
            (0, 2), (1, 2), (3, 4), (7, 10), (10, 10), (11, 20), (450, 500), (501, 1000),
        ]
        for (highest, scale) in expected { #expect(ChartMaker.scale(highest) == scale) }
        #expect(ChartMaker([]).charts.isEmpty)
        #expect(ChartMaker([]).spark == nil)
    }

    @Test(arguments: [
        (0.0, "0 s"), (-5, "0 s"), (3.14, "3.1 s"), (59, "59 s"), (200, "3 min 20 s"), (7500, "2 h 5 min"),
        (360_000, "4 d 4 h"), (.infinity, "0 s"),
    ])
    func durationsInWords(seconds: Double, words: String) { #expect(DisplayText.duration(seconds) == words) }

    @Test func hostileTextIsMadeVisible() {
        #expect(DisplayText.safe("a\u{202e}b\u{0}c") == "a\\u{202e}b\\u{0}c")
        #expect(DisplayText.safe(String(repeating: "x", count: 10_000), limit: 10) == "xxxxxxxxxx…")
        #expect(ChartMaker.roundDuration(1000) == "17 min" && ChartMaker.roundDuration(5400) == "1.5 h")
        #expect(DisplayText.line("a\n   b\r\n\nc\u{1b}", limit: 100) == "a · b · c\\u{1b}")
        #expect(DisplayText.grouped(1_234_567) == "1,234,567")
        #expect(DisplayText.grouped(-1000) == "-1,000")
    }
}

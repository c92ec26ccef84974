import Foundation
import HTTPTypes
import RollcallCore
import TestSupport
import Testing

@testable import Web

/// The document names every status that a call can get, and its parameters mean what the server takes.
@Suite struct DocumentedAnswersTests {
    /// The operation of a route in the document.
    private func operation(_ method: String, _ path: String) throws -> [String: Any] {
        let paths = try #require(try Schema.document()["paths"] as? [String: [String: Any]])
        return try #require(paths[path]?[method.lowercased()] as? [String: Any], "\(method) \(path)")
    }

    private func documented(_ method: String, _ path: String) throws -> Set<String> {
        Set(try #require(try operation(method, path)["responses"] as? [String: Any]).keys)
    }

    /// Every route, called without a token, with a reader's, with a wrong body, a wrong parameter, for what does not exist.
    @Test func everyRefusalIsDocumented() async throws {
        try await WebBench.with(people: 2) { bench in
            let run = try await bench.run()
            let routes = bench.server.routes.filter { !$0.isPage && !$0.path.hasPrefix("/assets/") }
            try await bench.routes { client in
                for route in routes where !route.path.hasSuffix("/events") {
                    let known = route.path.replacingOccurrences(of: "{name}", with: "vip")
                        .replacingOccurrences(of: "{sync}", with: "vip").replacingOccurrences(of: "{id}", with: run.id)
                    let unknown = route.path.replacingOccurrences(of: "{name}", with: "none")
                        .replacingOccurrences(of: "{sync}", with: "none").replacingOccurrences(of: "{id}", with: "none")
                    // What the call asks for is given, so that only the name is wrong.
                    let needed =
                        route.path.hasSuffix("/why")
                        ? "?identifier=a@example.com" : route.path == "/api/v1/runs" ? "?sync=none" : ""
                    let token = WebBench.operatorToken
                    let isPost = route.method == .post
                    let json = ["content-type": "application/json"]
                    var answers: [(String, Answer)] = [
                        ("no token", try await client.call(route.method, known, token: nil)),
                        ("wrong token", try await client.call(route.method, known, token: "wrong")),
                        ("unknown", try await client.call(route.method, unknown + needed, token: token)),
                        ("parameter", try await client.call(route.method, known + "?nope=1", token: token)),
                    ]
                    if isPost {
                        answers += [
                            ("reader", try await client.call(.post, known, token: WebBench.readToken)),
                            ("no JSON", try await client.call(.post, known, token: token, json, body: "{")),
                            ("array", try await client.call(.post, known, token: token, json, body: "[]")),
                            ("field", try await client.call(.post, known, token: token, json, body: "{\"x\": 1}")),
                            ("text", try await client.call(.post, known, token: token, body: "x")),
                            (
                                "large",
                                try await client.call(
                                    .post, known, token: token, json, body: String(repeating: " ", count: 70_000))
                            ),
                        ]
                    } else if route.path.contains("ticks") || route.path.hasSuffix("runs") {
                        for query in ["since=", "cursor=", "limit=0", "limit=x", "since=1e5h", "since=2026-02-31"] {
                            answers.append((query, try await client.call(.get, known + "?" + query, token: token)))
                        }
                    }
                    let allowed = try documented(route.method.rawValue, route.path)
                    for (name, answer) in answers {
                        #expect(
                            allowed.contains("\(answer.status)"),
                            "\(route.method) \(route.path), \(name): \(answer.status)")
                    }
                    if allowed.contains("401") { #expect(answers[0].1.status == 401 && answers[1].1.status == 401) }
                    if allowed.contains("404") { #expect(answers[2].1.status == 404, "\(route.path)") }
                }
            }
        }
    }

    @Test func aRunInTheWayIsDocumented() throws {
        for path in ["/api/v1/syncs/{name}/runs", "/v2/retl-connections/{sync}/start", "/api/v1/runs/{id}/approve"] {
            #expect(try documented("POST", path).contains("409"), "\(path)")
        }
    }

    @Test func aStateThatIsElsewhereIsDocumented() throws {
        for path in ["/api/v1/runs", "/api/v1/syncs/{name}/ticks", "/api/v1/syncs/{name}/why"] {
            #expect(try documented("GET", path).contains("409"), "\(path)")
        }
    }

    @Test(arguments: ["TRACE", "CONNECT", "PROPFIND", "OPTIONS", "DELETE", "PATCH", "get"])
    func otherMethodsAreNotAllowed(_ method: String) async throws {
        try await WebBench.with { bench in
            try await bench.routes { client in
                let method = try #require(HTTPRequest.Method(method))
                for path in ["/api/v1/syncs", "/api/v1/syncs/vip/runs", "/healthz", "/v2/retl-connections/vip/start"] {
                    let answer = try await client.call(method, path, token: WebBench.operatorToken)
                    #expect(answer.status == 405, "\(method) \(path)")
                    #expect(answer.header("allow")?.isEmpty == false)
                }
                let nothing = try await client.call(method, "/api/v1/nothing", token: WebBench.operatorToken)
                #expect(nothing.status == 404)
            }
        }
    }

    /// What the server takes and what the pattern takes is the same.
    @Test(arguments: [
        ("30m", true), ("1.5h", true), ("2026-11-21", true), ("2026-11-21T06:00:00Z", true),
        ("2026-11-21T06:00:00.123+01:00", true), ("", false), ("h", false), ("-1h", false), ("1e5h", false),
        (".5d", false), ("2026-16-67", false), ("2026-00-10", false), ("2026-12-00", false), ("0000-01-01", false),
        ("7506-40-21T21:09:07-01:55", false), ("9999-12-31", true),
        ("2026-11-21T24:00:00Z", false), ("2026-11-21 06:00", false), ("yesterday", false),
    ])
    func timesAreDocumentedAsTheyAreTaken(_ text: String, _ isTaken: Bool) throws {
        #expect((PastTime.parse(text, now: Date()) != nil) == isTaken)
        let pattern = try Regex(PastTime.pattern)
        #expect((text.wholeMatch(of: pattern) != nil) == isTaken)
        for path in ["/api/v1/runs", "/api/v1/syncs/{name}/ticks"] {
            let parameters = try #require(try operation("GET", path)["parameters"] as? [[String: Any]])
            let since = try #require(parameters.first { $0["name"] as? String == "since" })
            #expect((since["schema"] as? [String: Any])?["pattern"] as? String == PastTime.pattern)
        }
    }

    @Test func syncsComeInPages() async throws {
        try await WebBench.with(names: ["a", "b", "c"]) { bench in
            try await bench.routes { client in
                var names: [String] = []
                var path = "/api/v1/syncs?limit=2"
                for _ in 0..<3 {
                    let answer = try await client.get(path)
                    names += try answer.items.compactMap { $0["sync"] as? String }
                    guard let next = try answer.json["next"] as? String else { break }
                    path = "/api/v1/syncs?limit=2&cursor=\(next)"
                }
                #expect(names == ["a", "b", "c"])
                let whole = try await client.get("/api/v1/syncs")
                #expect(try whole.items.count == 3 && whole.json["next"] is NSNull)
                let unknown = try await client.get("/api/v1/syncs?cursor=z")
                #expect(unknown.status == 400)
            }
        }
    }
}

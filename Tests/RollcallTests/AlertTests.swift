import AsyncHTTPClient
import Foundation
import Iterable
import NIOCore
import RollcallConfig
import RollcallCore
import Synchronization
import TestSupport
import Testing

@testable import rollcall

/// Alerts of `rollcall serve`, as a receiver gets them.
@Suite(.serialized, .timeLimit(.minutes(10))) struct AlertTests {
    private static let secret = "alert-secret-77"

    private struct Received: Sendable {
        var head: String
        var body: String

        func header(_ name: String) -> String? {
            head.components(separatedBy: "\r\n").first { $0.lowercased().hasPrefix(name.lowercased() + ":") }
                .map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
        }
    }

    /// Source: RFC 4231, test cases 1 and 2.
    @Test func theSignatureIsHMACWithSHA256() {
        #expect(
            AlertSignature.hmac(Data("Hi There".utf8), key: Data(repeating: 0x0b, count: 20))
                == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
        #expect(
            AlertSignature.hmac(Data("what do ya want for nothing?".utf8), key: Data("Jefe".utf8))
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    }

    @Test func slackTextIsEscaped() {
        var run = SyncRun(
            id: "r", sync: "vip", destination: "d", trigger: .schedule, status: .failed, startedAt: Date())
        run.error = RunError(code: "x", message: "a <b> & \u{202E}\"c\"", hint: "do this")
        let message = AlertMessage(Alert(kind: .failed, sync: "vip", run: run), time: Date())
        #expect(
            message.slack == #"{"text":"vip failed: a &lt;b&gt; &amp; \\u{202e}\"c\"\ndo this"}"#)
    }

    @Test func aStreamThatIsBehindSaysSinceWhen() {
        let since = Date(timeIntervalSince1970: 1_800_014_400)
        let message = AlertMessage(Alert(kind: .streamBehind, sync: "orders", since: since), time: since)
        #expect(message.slack.hasPrefix(#"{"text":"orders is behind: "#), "\(message.slack)")
        #expect(message.slack.contains("has waited since 2027-01-15T12:00:00.000Z"))
        #expect(message.json.contains(#""kind":"stream_behind","sync":"orders""#))
        #expect(message.json.contains(#""since":"2027-01-15T12:00:00.000Z""#))
    }

    @Test func eachChangeIsToldOnceToThoseWhoWantIt() async throws {
        let received = Mutex<[Received]>([])
        let refusals = Mutex(1)
        let receiver = try OneAnswerServer(
            onRequest: { head, body in received.withLock { $0.append(Received(head: head, body: body)) } },
            answer: { _ in
                // The first try is refused, so that another is needed.
                let status = refusals.withLock { left in
                    left -= 1
                    return left >= 0 ? "503 Service Unavailable" : "200 OK"
                }
                return "HTTP/1.1 \(status)\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            })
        defer { receiver.stop() }
        try await Shop.with(people: Shop.people(1...3)) { shop in
            try shop.configure {
                $0.guards = "max_removals: 0"
                $0.further = """
                    alerts:
                      webhooks:
                        - {url: "\(receiver.baseURL)/json", kind: json, secret: "${ALERT_SECRET}"}
                        - {url: "\(receiver.baseURL)/slack", kind: slack, on: [recovered]}
                    """
            }
            let secret = ["ALERT_SECRET": Self.secret]
            _ = try await shop.rollcall("run", "members", environment: secret)
            try await shop.leave(Shop.people(1...1))
            _ = try await shop.rollcall("run", "members", environment: secret)
            let environment = shop.environment.merging(secret) { $1 }
            let program = try Program.start(
                ["serve", "--listen", "127.0.0.1:0"], in: shop.folder, environment: environment)
            #expect(try await eventually { received.withLock { $0.count } == 2 }, "\(program.errorsSoFar)")
            _ = try await shop.rollcall("run", "members", "--force-new", environment: secret)
            let id = try #require(
                try await shop.query("SELECT run_id FROM \(shop.state("sync_runs")) WHERE status = 'held'").first?[0])
            _ = try await shop.rollcall(["run", "--approve", id], environment: secret)
            let isTold = try await eventually { received.withLock { $0.contains { $0.head.contains("/slack") } } }
            #expect(isTold, "\(program.errorsSoFar)")
            program.signal(SIGTERM)
            let output = try await program.output()
            #expect(output.code == 0)
            #expect(!output.all.contains(Self.secret))
            try check(received.withLock { $0 })
        }
    }

    /// One of two webhooks refuses: the log says which and why, and only the other one is ever given the all-clear, also by
    /// a process that begins later.
    @Test(arguments: [false, true]) func onlyWhoWasAlertedHearsThatAllIsWell(isRestarted: Bool) async throws {
        let received = Mutex<[Received]>([])
        let receiver = try OneAnswerServer(
            onRequest: { head, body in received.withLock { $0.append(Received(head: head, body: body)) } },
            answer: { request in
                let isWell = request.contains("POST /good")
                return
                    "HTTP/1.1 \(isWell ? "200 OK" : "403 Forbidden")\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            })
        defer { receiver.stop() }
        func kinds(_ path: String) -> [String] {
            received.withLock { $0 }.filter { $0.head.contains("POST \(path)") }.compactMap {
                (try? JSONSerialization.jsonObject(with: Data($0.body.utf8)) as? [String: Any])?["kind"] as? String
            }
        }
        try await Shop.with(people: Shop.people(1...3)) { shop in
            try shop.configure {
                $0.guards = "max_removals: 0"
                $0.further = """
                    alerts:
                      webhooks:
                        - {url: "\(receiver.baseURL)/good", kind: json}
                        - {url: "\(receiver.baseURL)/bad/secret-path", kind: json}
                    """
            }
            _ = try await shop.rollcall("run", "members")
            try await shop.leave(Shop.people(1...1))
            _ = try await shop.rollcall("run", "members")
            var program = try shop.start("serve", "--listen", "127.0.0.1:0")
            let heard = "SELECT alert_state FROM \(shop.state("sync_state")) WHERE alert_state LIKE 'held%heard=%'"
            #expect(try await eventually { try await !shop.query(heard).isEmpty }, "\(program.errorsSoFar)")
            #expect(kinds("/good") == ["held"] && kinds("/bad") == ["held"])
            let log = program.errorsSoFar
            #expect(log.contains("alerts.webhooks[1] (json, 127.0.0.1:"), "\(log)")
            #expect(log.contains("it answered HTTP 403") && !log.contains("secret-path"), "\(log)")
            if isRestarted {
                program.signal(SIGTERM)
                _ = try await program.output()
                program = try shop.start("serve", "--listen", "127.0.0.1:0")
            }
            let id = try #require(
                try await shop.query("SELECT run_id FROM \(shop.state("sync_runs")) WHERE status = 'held'").first?[0])
            _ = try await shop.rollcall("run", "--approve", id)
            #expect(try await eventually { kinds("/good") == ["held", "recovered"] }, "\(program.errorsSoFar)")
            program.signal(SIGTERM)
            _ = try await program.output()
            #expect(kinds("/bad") == ["held"])
        }
    }

    @Test func failuresAreSaidWithoutTheAddress() {
        let late = TransportFailures.message(for: HTTPClientError.deadlineExceeded, host: "hooks.example.com")
        #expect(late == "hooks.example.com did not answer in time.")
        let refused = IOError(errnoCode: ECONNREFUSED, reason: "connect https://hooks.example.com/secret")
        let text = TransportFailures.message(for: refused, host: "hooks.example.com")
        #expect(text.contains("refused") && !text.contains("secret"), "\(text)")
    }

    @Test func aReceiverIsNamedByPlaceKindAndHost() {
        let receiver = AlertReceiver(
            WebhookSettings(url: Secret("https://hooks.slack.com/services/T0/B0/secret"), kind: .slack), index: 2)
        #expect(receiver.name == "alerts.webhooks[2] (slack, hooks.slack.com)")
        #expect(receiver.wants(.recovered, heardBy: nil) && receiver.wants(.recovered, heardBy: [receiver.id]))
        #expect(!receiver.wants(.recovered, heardBy: []) && receiver.wants(.failed, heardBy: []))
        let only = AlertReceiver(WebhookSettings(url: Secret("http://x"), kind: .json, on: [.recovered]), index: 0)
        #expect(only.wants(.recovered, heardBy: []) && !only.wants(.failed, heardBy: nil))
    }

    private func check(_ received: [Received]) throws {
        let json = received.filter { $0.head.contains("POST /json") }
        let kinds = try json.map { request in
            let time = try #require(request.header("Rollcall-Signature")?.split(separator: ",").first?.dropFirst(2))
            let expected = AlertSignature.header(
                body: request.body, secret: Secret(Self.secret), time: try #require(Int(time)))
            #expect(request.header("Rollcall-Signature") == expected)
            let object = try #require(
                try JSONSerialization.jsonObject(with: Data(request.body.utf8)) as? [String: Any])
            #expect(object["sync"] as? String == "members" && (object["run"] as? [String: Any])?["run_id"] is String)
            return try #require(object["kind"] as? String)
        }
        // The first was sent twice; between the two held runs there may have been a look at neither.
        #expect(kinds.prefix(2) == ["held", "held"] && kinds.last == "recovered", "\(kinds)")
        let slack = received.filter { $0.head.contains("POST /slack") }
        #expect(slack.map(\.body) == [#"{"text":"members is all right again."}"#])
        #expect(slack.allSatisfy { $0.header("Rollcall-Signature") == nil })
    }
}

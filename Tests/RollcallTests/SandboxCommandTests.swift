import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Synchronization
import TestSupport
import Testing

/// `rollcall sandbox` as a process.
@Suite(.serialized, .timeLimit(.minutes(10))) struct SandboxCommandTests {
    private static let token = "key-4410:token-7d2"
    private static let variable = ["ITERABLE_WEBHOOK_TOKEN": token]

    private func ask(_ url: String, _ body: String? = nil) async throws -> [String: Any] {
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "Api-Key", value: "sandbox-key")
        if let body {
            request.method = .POST
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(string: body))
        }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        let data = try await response.body.collect(upTo: 1_000_000)
        return try JSONSerialization.jsonObject(with: Data(data.readableBytesView)) as? [String: Any] ?? [:]
    }

    /// The address that a sandbox prints once it listens.
    private static func base(of program: RunningProgram) async throws -> String {
        let address = /base_url: (http:\/\/127\.0\.0\.1:\d+)\s/
        _ = try await eventually { program.hasEnded || program.outputSoFar.contains(address) }
        return String(try #require(program.outputSoFar.firstMatch(of: address)?.1, "\(program.errorsSoFar)"))
    }

    @Test func itPostsWhatBecomesOfMessages() async throws {
        let received = Mutex<[(head: String, body: String)]>([])
        let receiver = try OneAnswerServer(
            onRequest: { head, body in received.withLock { $0.append((head, body)) } },
            answer: { _ in "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n" })
        defer { receiver.stop() }
        try await withFolder { folder in
            let program = try Program.start(
                [
                    "sandbox", "--port", "0", "--webhook", "\(receiver.baseURL)/events", "--webhook-auth", "base64",
                    "--webhook-user-id", "--disallow-event", "secret", "--fault", "duplicate:nth=1",
                ], in: folder, environment: Self.variable)
            let base = try await Self.base(of: program)
            let event = #"{"userId":"u1","email":"a@example.com","eventName":"order","dataFields":{"total":3}}"#
            _ = try await ask("\(base)/api/events/track", event)
            let secret = #"{"userId":"u1","eventName":"secret"}"#
            let answer = try await ask("\(base)/api/events/track", secret)
            #expect((answer["msg"] as? String)?.contains("disallowed") == true, "\(answer)")
            #expect(try await eventually { try await ask("\(base)/sandbox/webhooks")["pending"] as? Int == 0 })
            let journal = try await ask("\(base)/sandbox/webhooks")
            let events = try #require(journal["events"] as? [[String: Any]])
            let seen = received.withLock { $0 }
            let bodies = events.flatMap { event in
                Array(repeating: event["body"] as? String ?? "", count: event["attempts"] as? Int ?? 0)
            }
            #expect(!events.isEmpty && seen.map(\.body).sorted() == bodies.sorted())
            #expect(events.first?["attempts"] as? Int == 2 && seen.first?.body.contains(#""userId":"u1""#) == true)
            let header = "Authorization: Basic \(Data(Self.token.utf8).base64EncodedString())"
            #expect(
                seen.allSatisfy {
                    $0.head.lowercased().contains(header.lowercased()) && $0.head.hasPrefix("POST /events ")
                })
            program.signal(SIGTERM)
            let output = try await program.output()
            #expect(output.code == 0 && output.out.contains("/sandbox/webhooks"), "\(output.all)")
            #expect(!output.all.contains("token-7d2") && !"\(journal)".contains("token-7d2"))
        }
    }

    @Test func whatIsAcceptedMayComeLate() async throws {
        try await withFolder { folder in
            let program = try Program.start(
                ["sandbox", "--port", "0", "--bulk-events-after", "3600", "--catalog-items-after", "3600"], in: folder,
                environment: [:])
            let base = try await Self.base(of: program)
            let event = #"{"userId":"u1","eventName":"order"}"#
            _ = try await ask("\(base)/api/events/trackBulk", #"{"events":[\#(event)]}"#)
            _ = try await ask("\(base)/api/events/track", event)
            _ = try await ask("\(base)/api/catalogs/Shops", "{}")
            let upload = #"{"documents":{"a":{"city":"Rome"}},"replaceUploadedFieldsOnly":false}"#
            _ = try await ask("\(base)/api/catalogs/Shops/items", upload)
            let state = try await ask("\(base)/sandbox/state")
            #expect(state["eventCount"] as? Int == 1 && state["pendingCatalogChanges"] as? Int == 1, "\(state)")
            program.signal(SIGTERM)
            #expect(try await program.output().code == 0)
        }
    }

    @Test(arguments: [
        (["--webhook-auth", "bare"], variable, "--webhook"), (["--webhook-user-id"], [:], "--webhook"),
        (["--webhook", "http://hooks.example.com/a"], [:], "https://"), (["--webhook", ""], [:], "URL"),
        (["--webhook", "http://127.0.0.1:1/", "--webhook-auth", "digest"], variable, "base64"),
        (["--webhook", "http://127.0.0.1:1/", "--webhook-auth", "bare"], [:], "ITERABLE_WEBHOOK_TOKEN"),
        (
            ["--webhook", "http://127.0.0.1:1/", "--webhook-auth", "bare", "--webhook-token-env", "OTHER"], variable,
            "OTHER is empty"
        ),
        (["--webhook", "http://127.0.0.1:1/", "--webhook-auth", "bare"], ["ITERABLE_WEBHOOK_TOKEN": "a\nb"], "token"),
        (["--webhook", "http://127.0.0.1:1/", "--webhook-token-env", "OTHER"], [:], "--webhook-auth"),
        (["--catalog-items-after", "3601"], [:], "0 to 3600 seconds"),
        (["--bulk-events-after=-1"], [:], "0 to 3600 seconds"),
        (["--fault", "drop"], [:], "needs a webhook"), (["--fault", "drop:op=any"], [:], "webhook"),
    ])
    func whatCannotBeIsSaidAtOnce(_ arguments: [String], _ environment: [String: String], _ words: String) async throws
    {
        try await withFolder { folder in
            let output = try await Program.run(
                ["sandbox", "--port", "0"] + arguments, in: folder, environment: environment)
            #expect(output.code == 2 && output.err.contains(words), "\(output.all)")
            #expect(!output.all.contains("token-7d2"))
        }
    }
}

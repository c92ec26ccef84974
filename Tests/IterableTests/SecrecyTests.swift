import Foundation
import Iterable
import RollcallCore
import TestSupport
import Testing

/// The API key stays where it is used, whatever the server says.
@Suite struct SecrecyTests {
    static let key = Harness.key

    @Test(arguments: [
        [ScriptedServer.Step.send(Answers.json(400, #"{"msg":"Headers: Api-Key: \#(key)","code":"\#(key)"}"#))],
        [.send(Answers.json(401, #"{"msg":"\#(key)","code":"BadApiKey","params":{"apiKeyIdentifier":"\#(key)"}}"#))],
        [.send(Answers.text(403, "<html>\(key)</html>", headers: "Retry-After: \(key)\r\n"))],
        [.send(Answers.text(302, key, headers: "Location: http://127.0.0.1/\(key)\r\n"))],
        [.send(Answers.text(404, key))], [.send(Answers.text(429, key, headers: "Retry-After: \(key)\r\n"))],
        [.send(Answers.text(500, key))], [.send(Answers.text(200, key))],
        [.send(Answers.json(200, #"{"successCount":1,"failCount":1,"invalidEmails":["\#(key)"]}"#))],
        [.send("HTTP/1.1 200 \(key)\r\n\(key): \(key)\r\nbroken \(key)\r\n\r\n"), .close],
        [.send("\(key)\r\n"), .close], [.reset],
    ])
    func errorsAndLogsNeverShowTheKey(steps: [ScriptedServer.Step]) async throws {
        try await Harness.run { _, _ in
            steps
        } _: { harness in
            let client = harness.client
            var seen = ["\(await client.deliver(Harness.request))"]
            seen.append(await said { _ = try await client.lists() })
            seen.append(await said { _ = try await client.createList(name: "x", description: nil) })
            seen.append(await said { try await client.members(ofList: 1, preferUserID: false) { _ in } })
            var dumped = ""
            dump(client, to: &dumped)
            seen += [dumped, "\(client)", String(reflecting: client), harness.log.text]
            #expect(harness.log.text.contains("/api/lists/subscribe"))
            for text in seen { #expect(!text.contains(Self.key)) }
            for person in ["anna@", "ben@", "u-1"] { #expect(!harness.log.text.contains(person)) }
        }
    }

    @Test func passwordsInTheAddressAreNotShown() async throws {
        let port = try LoopbackListener.freePort()
        let client = Harness.client(baseURL: "http://user:hunter2@127.0.0.1:\(port)")
        let answer = await client.deliver(Harness.request)
        await client.shutdown()
        #expect(!"\(answer)".contains("hunter2"))
    }

    private func said(_ call: () async throws -> Void) async -> String {
        do {
            try await call()
            return ""
        } catch {
            return "\(error) \(String(reflecting: error)) \(error.localizedDescription)"
        }
    }
}

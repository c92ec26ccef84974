import Foundation
import HTTPTypes
import Synchronization

@testable import IterableSandbox

/// A receiver of a webhook in this process, with a script of answers.
final class ScriptedReceiver: Sendable {
    struct NoAnswer: Error {}

    private struct Script {
        var answers: [Int?]
        var requests: [SandboxWebhookRequest] = []
    }

    private let script: Mutex<Script>

    /// - Parameter answers: statuses, nil for none; 204 after the last one.
    init(_ answers: [Int?] = []) { script = Mutex(Script(answers: answers)) }

    func send(_ request: SandboxWebhookRequest) throws -> Int {
        let answer = script.withLock { script in
            script.requests.append(request)
            return script.answers.isEmpty ? 204 : script.answers.removeFirst()
        }
        guard let answer else { throw NoAnswer() }
        return answer
    }

    var requests: [SandboxWebhookRequest] { script.withLock { $0.requests } }
    var bodies: [String] { requests.map { String(decoding: $0.body, as: UTF8.self) } }
}

extension SandboxOptions {
    /// Gives the project a webhook that posts to this receiver.
    mutating func post(to receiver: ScriptedReceiver, _ change: (inout SandboxWebhook) -> Void = { _ in }) {
        var webhook = SandboxWebhook(url: "http://127.0.0.1:8430/events") { try receiver.send($0) }
        change(&webhook)
        self.webhook = webhook
    }
}

extension Sandbox {
    /// Waits until nothing is to be posted any more.
    func isQuiet() async -> Bool { await eventually { pendingWebhooks == 0 } }
}

extension SandboxWebhookRecord {
    /// A member of the body by its path.
    subscript(_ path: String...) -> JSONValue? {
        path.reduce(Optional(parsed)) { value, name in value?.members?[name] }
    }

    private var parsed: JSONValue { (try? JSONDecoder().decode(JSONValue.self, from: Data(body.utf8))) ?? .null }

    /// What it says, without the time.
    var gist: String { body.replacing(/"createdAt":"[^"]*"/, with: "") }
}

extension API {
    /// Subscribes `p1@shop.com` and so on, with the userIds `u1` and so on.
    func subscribe(_ list: Int, people: ClosedRange<Int>) async throws -> Answer {
        let rows = people.map { #"{"email":"p\#($0)@shop.com","userId":"u\#($0)"}"# }.joined(separator: ",")
        return try await self(.post, "/api/lists/subscribe", "{\"listId\":\(list),\"subscribers\":[\(rows)]}")
    }
}

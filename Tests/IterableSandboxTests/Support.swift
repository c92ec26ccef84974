import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Synchronization

@testable import IterableSandbox

/// One answer of the sandbox.
struct Answer: Sendable {
    let status: Int
    let contentType: String
    let retryAfter: String?
    let text: String

    /// The body as JSON; null when it is none.
    var json: JSONValue { (try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))) ?? .null }

    /// A member of the body by its path.
    subscript(_ path: String...) -> JSONValue? {
        path.reduce(Optional(json)) { value, name in value?.members?[name] }
    }

    /// The lists of `failedUpdates` that are not empty.
    var failures: [String: [String]] {
        let lists = self["failedUpdates"]?.members ?? [:]
        return lists.compactMapValues { value in
            guard case .array(let elements) = value, !elements.isEmpty else { return nil }
            return elements.compactMap(\.text)
        }
    }
}

/// A clock that moves only when told.
final class ManualClock: Sendable {
    private let now = Mutex(Duration.zero)
    var reading: Duration { now.withLock { $0 } }
    func advance(_ seconds: Double) { now.withLock { $0 += .seconds(seconds) } }
}

/// Calls the API without a socket.
struct API: Sendable {
    let sandbox: Sandbox
    let client: any TestClientProtocol

    func callAsFunction(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil,
        key: String? = "sandbox-key", headers: [String: String] = [:]
    ) async throws -> Answer {
        var fields: HTTPFields = [:]
        if body != nil { fields[.contentType] = "application/json" }
        for (name, value) in headers { if let name = HTTPField.Name(name) { fields[name] = value } }
        if let key, let name = HTTPField.Name("Api-Key") { fields[name] = key }
        return try await client.execute(
            uri: path, method: method, headers: fields, body: body.map { ByteBuffer(string: $0) }
        ) { response in
            Answer(
                status: response.status.code, contentType: response.headers[.contentType] ?? "",
                retryAfter: response.headers[.retryAfter], text: String(buffer: response.body))
        }
    }

    func subscribe(_ list: Int, _ rows: String..., extra: String = "") async throws -> Answer {
        try await self(
            .post, "/api/lists/subscribe",
            "{\"listId\":\(list),\"subscribers\":[\(rows.joined(separator: ","))]\(extra)}")
    }

    func unsubscribe(_ list: Int, _ rows: String..., extra: String = "") async throws -> Answer {
        try await self(
            .post, "/api/lists/unsubscribe",
            "{\"listId\":\(list),\"subscribers\":[\(rows.joined(separator: ","))]\(extra)}")
    }
}

/// A sandbox behind its router, with a clock that stands still.
func withAPI(
    _ change: (inout SandboxOptions) -> Void = { _ in }, clock: ManualClock = ManualClock(),
    _ test: @Sendable (API) async throws -> Void
) async throws {
    var options = SandboxOptions()
    options.readRateLimits = false
    options.documentedRateLimits = false
    change(&options)
    let sandbox = try Sandbox(options: options, logger: nil) { clock.reading }
    try await sandbox.application().test(.router) { client in
        try await test(API(sandbox: sandbox, client: client))
    }
}

/// Waits until a condition holds. Only a defect takes as long as this waits: the machine may be busy with a thousand other tests.
func eventually(_ condition: () -> Bool) async -> Bool {
    let deadline = ContinuousClock.now + .seconds(600)
    while !condition() {
        if ContinuousClock.now > deadline { return false }
        do { try await Task.sleep(for: .milliseconds(5)) } catch { return false }
    }
    return true
}

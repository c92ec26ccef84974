import AsyncHTTPClient
import IterableSandbox
import NIOCore
import NIOHTTP1

/// Posts the events of the sandbox's webhook. Whoever makes one ends it with ``shutdown()``.
final class SandboxWebhookClient: Sendable {
    /// Of one attempt.
    private static let timeout = TimeAmount.seconds(10)
    /// Bytes that are read of an answer, so that its connection can be used again.
    private static let longestAnswer = 65_536

    private let client: HTTPClient

    init() {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: Self.timeout, read: Self.timeout))
        configuration.proxy = nil
        client = HTTPClient(configuration: configuration)
    }

    /// The status of the answer.
    /// - Throws: whatever kept an answer from coming.
    func send(_ request: SandboxWebhookRequest) async throws -> Int {
        var post = HTTPClientRequest(url: request.url)
        post.method = .POST
        for header in request.headers { post.headers.add(name: header.name, value: header.value) }
        post.body = .bytes(ByteBuffer(bytes: request.body))
        let response = try await client.execute(post, timeout: Self.timeout)
        _ = try? await response.body.collect(upTo: Self.longestAnswer)
        return Int(response.status.code)
    }

    func shutdown() async { try? await client.shutdown() }
}

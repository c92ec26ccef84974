import Foundation
import Iterable
import Logging
import RollcallCore
import Synchronization

/// A client against a scripted server, and everything that was logged meanwhile.
struct Harness: Sendable {
    static let key = "5ecret5ecret5ecret5ecret5ecretaa"

    let server: ScriptedServer
    let client: IterableClient
    let log = RecordedLog()

    /// Runs `body` with a client and shuts the client down.
    static func run<Value: Sendable>(
        timeout: Double = 120, script: @escaping @Sendable (ScriptedServer.Request, Int) -> [ScriptedServer.Step],
        _ body: @Sendable (Harness) async throws -> Value
    ) async throws -> Value {
        let harness = Harness(server: try ScriptedServer(script), timeout: timeout)
        do {
            let value = try await body(harness)
            await harness.client.shutdown()
            return value
        } catch {
            await harness.client.shutdown()
            throw error
        }
    }

    private init(server: ScriptedServer, timeout: Double) {
        self.server = server
        client = Self.client(baseURL: server.baseURL, timeout: timeout, log: log)
    }

    static func client(
        baseURL: String, key: String = key, timeout: Double = 120, log: RecordedLog = RecordedLog()
    ) -> IterableClient {
        var settings = DestinationSettings(
            name: "marketing", apiKey: Secret(key), projectType: .hybrid, baseURL: baseURL)
        settings.limits.requestTimeoutSeconds = timeout
        return IterableClient(settings: settings, version: "1.2.3", logger: log.logger)
    }

    static let request = request(.subscribe)

    static func request(_ operation: RollcallCore.Operation) -> DeliveryRequest {
        .list(
            ListRequest(
                listID: 42, operation: operation,
                subscribers: [
                    Identity(email: "anna@example.com", userID: "u-1"), Identity(email: "ben@example.com", userID: nil),
                ]))
    }
}

/// Builds HTTP answers.
enum Answers {
    static func json(_ status: Int, _ body: String, headers: String = "") -> String {
        text(status, body, type: "application/json", headers: headers)
    }

    static func text(_ status: Int, _ body: String, type: String = "text/plain", headers: String = "") -> String {
        "HTTP/1.1 \(status) Word\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)"
    }

    static func chunked(_ chunks: [String], end: Bool = true) -> [ScriptedServer.Step] {
        var steps = [ScriptedServer.Step.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")]
        for chunk in chunks {
            steps.append(.send("\(String(chunk.utf8.count, radix: 16))\r\n\(chunk)\r\n"))
        }
        return steps + [end ? .send("0\r\n\r\n") : .close]
    }

    static let bothSucceeded = json(200, #"{"successCount":2,"failCount":0}"#)
}

/// Every line of a log, with its metadata.
final class RecordedLog: Sendable {
    private let lines = Mutex<[String]>([])

    var text: String { lines.withLock { $0.joined(separator: "\n") } }

    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(log: self) }
        logger.logLevel = .trace
        return logger
    }

    private func append(_ line: String) { lines.withLock { $0.append(line) } }

    private struct Handler: LogHandler {
        let log: RecordedLog
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            log.append("\(event.message) \(event.metadata ?? [:])")
        }
    }
}

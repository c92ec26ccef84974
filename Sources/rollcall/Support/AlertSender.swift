import AsyncHTTPClient
import Foundation
import Iterable
import NIOCore
import NIOHTTP1
import RollcallConfig
import RollcallCore
import SyncEngine
import Synchronization

/// Posts alerts to webhooks: each to all that want its kind, three tries, no redirects. The alerts of one sync or receiver go out
/// one after the other.
final class AlertSender: Sendable {
    private let client: HTTPClient
    private let log: ServeLog
    private let webhooks: Mutex<[AlertReceiver]>
    /// Webhooks that this process knows to have got an alert since its subject was last well.
    private let heard = Mutex<[AlertSubject: Set<String>]>([:])

    /// Of one attempt.
    private static let timeoutSeconds: Int64 = 5
    /// Before the second and the third attempt.
    private static let pauses = [Duration.seconds(1), .seconds(3)]

    init(_ settings: AlertSettings?, log: ServeLog) {
        self.log = log
        webhooks = Mutex(AlertReceiver.all(settings))
        let timeout = TimeAmount.seconds(Self.timeoutSeconds)
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: timeout, read: timeout))
        configuration.proxy = nil
        client = HTTPClient(configuration: configuration)
    }

    /// Takes the webhooks of another configuration.
    func use(_ settings: AlertSettings?) { webhooks.withLock { $0 = AlertReceiver.all(settings) } }

    /// Sends the alerts among these events, until they end and all is sent or given up; closes its connections then.
    ///
    /// - Parameter note: gets the ids of the webhooks that took an alert.
    func follow(
        _ events: AsyncStream<ServiceEvent>, note: @escaping @Sendable (Alert, Set<String>) async -> Void
    ) async {
        var latest: [AlertSubject: Task<Void, Never>] = [:]
        for await event in events {
            guard case .alert(let alert) = event else { continue }
            let previous = latest[alert.subject]
            latest[alert.subject] = Task {
                await previous?.value
                await self.send(alert, note: note)
            }
        }
        for task in latest.values { await task.value }
        try? await client.shutdown()
    }

    private func send(_ alert: Alert, note: @Sendable (Alert, Set<String>) async -> Void) async {
        let known = heard.withLock { $0[alert.subject] } ?? alert.heardBy
        let receivers = webhooks.withLock { $0 }.filter { $0.wants(alert.kind, heardBy: known) }
        let took = await withTaskGroup(of: String?.self) { group in
            for receiver in receivers {
                group.addTask { await self.send(alert, to: receiver) ? receiver.id : nil }
            }
            return await group.reduce(into: Set<String>()) { if let id = $1 { $0.insert(id) } }
        }
        if alert.kind == .recovered {
            heard.withLock { $0[alert.subject] = nil }
        } else {
            heard.withLock { $0[alert.subject] = (known ?? []).union(took) }
            await note(alert, took)
        }
    }

    /// Whether the receiver took the alert.
    private func send(_ alert: Alert, to receiver: AlertReceiver) async -> Bool {
        let request = request(alert, receiver.settings)
        var failure = ""
        for pause in [.zero] + Self.pauses {
            if pause > .zero { guard (try? await Task.sleep(for: pause)) != nil else { break } }
            do {
                let status = try await client.execute(request, timeout: .seconds(Self.timeoutSeconds)).status
                if (200..<300).contains(status.code) { return true }
                failure = "it answered HTTP \(status.code)"
                if status.code < 500, status.code != 408, status.code != 429 { break }
            } catch {
                failure = TransportFailures.message(for: error, host: receiver.host)
            }
        }
        log.write(
            .error, "alert_failed",
            "\(alert.subject.words): \(receiver.name) did not take the alert \(alert.kind.rawValue): \(failure)",
            ServeLog.fields(alert) + [("webhook", receiver.place), ("host", receiver.host), ("cause", failure)])
        return false
    }

    private func request(_ alert: Alert, _ webhook: WebhookSettings) -> HTTPClientRequest {
        let message = AlertMessage(alert, time: Date())
        let body = webhook.kind == .slack ? message.slack : message.json
        var request = HTTPClientRequest(url: webhook.url.reveal())
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        request.headers.add(name: "User-Agent", value: "rollcall/\(rollcallVersion)")
        if let secret = webhook.secret {
            request.headers.add(
                name: "Rollcall-Signature",
                value: AlertSignature.header(body: body, secret: secret, time: Int(message.time.timeIntervalSince1970)))
        }
        request.body = .bytes(ByteBuffer(string: body))
        return request
    }
}

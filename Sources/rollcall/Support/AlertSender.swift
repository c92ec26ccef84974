import AsyncHTTPClient
import Crypto
import Foundation
import NIOCore
import NIOHTTP1
import RollcallConfig
import RollcallCore
import SyncEngine
import Synchronization

/// Posts alerts to webhooks: each to all that want its kind, three tries, no redirects.
final class AlertSender: Sendable {
    private let client: HTTPClient
    private let log: ServeLog
    private let webhooks: Mutex<[WebhookSettings]>

    /// Of one attempt.
    private static let timeout = TimeAmount.seconds(5)
    /// Before the second and the third attempt.
    private static let pauses = [Duration.seconds(1), .seconds(3)]

    init(_ settings: AlertSettings?, log: ServeLog) {
        self.log = log
        webhooks = Mutex(settings?.webhooks ?? [])
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: Self.timeout, read: Self.timeout))
        configuration.proxy = nil
        client = HTTPClient(configuration: configuration)
    }

    /// Takes the webhooks of another configuration.
    func use(_ settings: AlertSettings?) { webhooks.withLock { $0 = settings?.webhooks ?? [] } }

    /// Sends the alerts among these events, until they end and all is sent or given up; closes its connections then.
    func follow(_ events: AsyncStream<ServiceEvent>) async {
        await withDiscardingTaskGroup { group in
            for await event in events {
                guard case .alert(let alert) = event else { continue }
                for webhook in webhooks.withLock({ $0 }) where webhook.on.contains(alert.kind) {
                    group.addTask { await self.send(alert, to: webhook) }
                }
            }
        }
        try? await client.shutdown()
    }

    private func send(_ alert: Alert, to webhook: WebhookSettings) async {
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
        var failure = ""
        for pause in [.zero] + Self.pauses {
            if pause > .zero { guard (try? await Task.sleep(for: pause)) != nil else { break } }
            do {
                let status = try await client.execute(request, timeout: Self.timeout).status
                if (200..<300).contains(status.code) { return }
                failure = "HTTP \(status.code)"
                if status.code < 500, status.code != 408, status.code != 429 { break }
            } catch {
                // The error's own words may carry the address, and that may be a secret.
                failure = "no answer (\(type(of: error)))"
            }
        }
        log.write(
            .error, "alert_failed",
            "\(alert.sync): a webhook did not take the alert \(alert.kind.rawValue): \(failure)",
            [("sync", alert.sync), ("kind", alert.kind.rawValue)])
    }
}

/// `t=<seconds since 1970>,v1=<hexadecimal HMAC-SHA256 of "<t>.<body>">`
enum AlertSignature {
    static func header(body: String, secret: Secret, time: Int) -> String {
        "t=\(time),v1=" + hmac(Data("\(time).\(body)".utf8), key: Data(secret.reveal().utf8))
    }

    /// Source: RFC 2104.
    static func hmac(_ message: Data, key: Data) -> String {
        HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: key))
            .map { String(format: "%02x", $0) }.joined()
    }
}

import Crypto
import Foundation
import RollcallConfig
import RollcallCore

/// One webhook, with what may be said of it in logs.
struct AlertReceiver: Sendable {
    let settings: WebhookSettings
    /// Its place in the configuration: `alerts.webhooks[0]`.
    let place: String
    /// Host and port; the rest of the address may be a secret.
    let host: String
    /// Eight hexadecimal digits that stand for its address, also after a reload or restart.
    let id: String

    static func all(_ settings: AlertSettings?) -> [AlertReceiver] {
        (settings?.webhooks ?? []).enumerated().map { AlertReceiver($1, index: $0) }
    }

    init(_ settings: WebhookSettings, index: Int) {
        self.settings = settings
        place = "alerts.webhooks[\(index)]"
        let address = URLComponents(string: settings.url.reveal())
        host = (address?.host ?? "?") + (address?.port.map { ":\($0)" } ?? "")
        id = SHA256.hash(data: Data(settings.url.reveal().utf8)).prefix(4).hexadecimal
    }

    /// `alerts.webhooks[0] (slack, hooks.slack.com)`
    var name: String { "\(place) (\(settings.kind.rawValue), \(host))" }

    /// Whether an alert is for it. That all is well again is of use only to one that knows that something was wrong, unless
    /// it asked for nothing else.
    ///
    /// - Parameter receivers: those that got an alert since the sync was last well; nil: not known.
    func wants(_ kind: AlertKind, heardBy receivers: Set<String>?) -> Bool {
        guard settings.on.contains(kind) else { return false }
        guard kind == .recovered, settings.on != [.recovered], let receivers else { return true }
        return receivers.contains(id)
    }
}

/// `t=<seconds since 1970>,v1=<hexadecimal HMAC-SHA256 of "<t>.<body>">`
enum AlertSignature {
    static func header(body: String, secret: Secret, time: Int) -> String {
        "t=\(time),v1=" + hmac(Data("\(time).\(body)".utf8), key: Data(secret.reveal().utf8))
    }

    /// Source: RFC 2104.
    static func hmac(_ message: Data, key: Data) -> String {
        HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: key)).hexadecimal
    }
}

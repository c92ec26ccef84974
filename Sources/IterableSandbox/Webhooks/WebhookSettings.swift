import Foundation

/// The webhook as the project has it now: as the options made it, and as `POST /api/webhooks` changed it.
struct WebhookSettings: Sendable {
    /// The number that the API knows it by.
    static let id = 5_190

    /// What the API calls `authType`.
    enum AuthType: String, CaseIterable {
        case noAuth = "NoAuth"
        case basic = "Basic"
        case oauth2 = "OAuth2"
    }

    var endpoint: String
    var auth: SandboxWebhookAuth
    /// nil: no `Authorization` header.
    var token: String?
    var isEnabled = true
    var takesBlastSends = true
    var takesTriggeredSends = true

    init(_ webhook: SandboxWebhook) {
        endpoint = webhook.url
        auth = webhook.auth
        token = webhook.token
    }

    var authType: AuthType {
        guard token != nil else { return .noAuth }
        return auth == .oauth2 ? .oauth2 : .basic
    }

    /// The webhook as the API shows it; never with its token.
    var json: JSONValue {
        [
            "id": .int(Self.id), "endpoint": .string(endpoint), "authType": .string(authType.rawValue),
            "enabled": .bool(isEnabled), "blastSendEnabled": .bool(takesBlastSends),
            "triggeredSendEnabled": .bool(takesTriggeredSends), "channelIds": [], "messageTypeIds": [],
        ]
    }

    /// The request that posts a body.
    func request(_ body: [UInt8]) -> SandboxWebhookRequest {
        var headers: [(name: String, value: String)] = [
            ("Content-Type", "application/json"), ("User-Agent", "iterable-sandbox"),
        ]
        if let token { headers.append(("Authorization", authorization(token))) }
        return SandboxWebhookRequest(url: endpoint, headers: headers, body: body)
    }

    private func authorization(_ token: String) -> String {
        switch auth {
        case .bare: token
        case .basic: "Basic \(token)"
        case .base64: "Basic \(Data(token.utf8).base64EncodedString())"
        case .oauth2: "OAuth2 \(token)"
        }
    }
}

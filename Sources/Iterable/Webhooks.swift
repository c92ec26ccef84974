import Foundation
import IterableProtocol
package import RollcallCore

/// A webhook of an Iterable project, as `GET /api/webhooks` gives it. Its token is not among what Iterable gives.
package struct RemoteWebhook: Sendable, Equatable {
    package var id: Int64
    /// The address that Iterable posts to; may hold merge parameters (`{{…}}`), and is no URL then.
    package var endpoint: String
    /// `NoAuth`, `Basic` or `OAuth2`.
    package var authType: String
    package var isEnabled: Bool
    /// Whether events of blast campaigns are posted, and those of triggered ones.
    package var blastSends: Bool
    package var triggeredSends: Bool

    package init(
        id: Int64, endpoint: String, authType: String, isEnabled: Bool, blastSends: Bool = true,
        triggeredSends: Bool = true
    ) {
        self.id = id
        self.endpoint = endpoint
        self.authType = authType
        self.isEnabled = isEnabled
        self.blastSends = blastSends
        self.triggeredSends = triggeredSends
    }

    /// The path of the endpoint, without query and fragment, not decoded; `/` where it has none.
    package var path: String {
        let rest = endpoint.range(of: "://").map { endpoint[$0.upperBound...] } ?? endpoint[...]
        guard let slash = rest.firstIndex(of: "/") else { return "/" }
        return String(rest[slash...].prefix { $0 != "?" && $0 != "#" })
    }
}

extension IterableClient {
    /// `GET /api/webhooks`: every system webhook of the project, enabled or not.
    package func webhooks() async throws(DestinationError) -> [RemoteWebhook] {
        let answer = try await answer(to: APICall(path: "/api/webhooks", maximumAnswerBytes: 16 << 20))
        guard let body = try? JSONDecoder().decode(WebhooksBody.self, from: Data(answer.body)) else {
            throw AnswerClassifier.unreadable(status: answer.status, changesSomething: false)
        }
        return body.webhooks.map {
            RemoteWebhook(
                id: $0.id, endpoint: $0.endpoint, authType: $0.authType, isEnabled: $0.enabled,
                blastSends: $0.blastSendEnabled, triggeredSends: $0.triggeredSendEnabled)
        }
    }
}

/// Source: `GetWebhooksResponse` of Iterable's API description; every member that is read is required there.
private struct WebhooksBody: Decodable {
    struct Entry: Decodable {
        var id: Int64
        var endpoint: String
        var authType: String
        var enabled: Bool
        var blastSendEnabled: Bool
        var triggeredSendEnabled: Bool
    }

    var webhooks: [Entry]
}

/// How a webhook's token stands in its `Authorization` header. Iterable calls the first three "Basic"; which of them it sends
/// is not documented beyond doubt.
package enum SandboxWebhookAuth: String, Sendable, CaseIterable {
    /// `TOKEN`, as it was typed: the form of Iterable's documentation.
    case bare
    /// `Basic TOKEN`
    case basic
    /// `Basic` and the token in base64, as RFC 7617 has it.
    case base64
    /// `OAuth2 TOKEN`
    case oauth2
}

/// One request to a webhook: a POST with one event.
package struct SandboxWebhookRequest: Sendable {
    package let url: String
    /// In the order in which they are sent.
    package let headers: [(name: String, value: String)]
    /// A JSON object in UTF-8.
    package let body: [UInt8]
}

/// The project's webhook: where Iterable posts what became of messages.
package struct SandboxWebhook: Sendable {
    /// Sends a request and gives the status of its answer. It follows no redirects, and throws when there is no answer; how long
    /// it waits for one is its own matter. It is called from several tasks at once, and cancelled when the sandbox stops.
    package typealias Sender = @Sendable (SandboxWebhookRequest) async throws -> Int

    /// `https://…`, or `http://…` on loopback.
    package var url: String
    package var auth = SandboxWebhookAuth.bare
    /// 1 to 2000 printable ASCII characters without white space at its ends; nil: requests have no `Authorization` header.
    package var token: String?
    /// Whether events have a `userId`: in Iterable a feature that has to be asked for.
    package var sendsUserIDs = false
    /// Requests that are under way at once, 1 to 64.
    package var concurrentRequests = 4
    let send: Sender

    /// - Parameter send: what posts; the sandbox itself has no HTTP client.
    package init(url: String, send: @escaping Sender) {
        self.url = url
        self.send = send
    }

    /// What is wrong with it, in one sentence without the token; nil when nothing is.
    var problem: String? {
        if let problem = WebhookAddress.problem(url) { return problem }
        if let token, let problem = Self.problem(ofToken: token) { return problem }
        guard (1...64).contains(concurrentRequests) else {
            return "Requests to the webhook that are under way at once must be from 1 to 64, not \(concurrentRequests)."
        }
        return nil
    }

    /// What is wrong with a token, in one sentence without it; nil when nothing is.
    static func problem(ofToken token: String) -> String? {
        let bytes = Array(token.utf8)
        let isPlain = (1...2000).contains(bytes.count) && bytes.allSatisfy { (0x20...0x7E).contains($0) }
        guard isPlain, bytes.first != 0x20, bytes.last != 0x20 else {
            return "The webhook's token must be 1 to 2000 printable ASCII characters without blanks at its ends."
        }
        return nil
    }
}

extension SandboxOptions {
    /// Why these faults cannot be in force, in one sentence; nil when they can.
    func problem(ofFaults faults: [Fault]) -> String? {
        guard webhook == nil, let fault = faults.first(where: { $0.kind.concernsWebhook }) else { return nil }
        return "The fault \(fault.kind.name) needs a webhook."
    }
}

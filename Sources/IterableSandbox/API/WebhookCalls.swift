/// Body of `POST /api/webhooks`: what is left out stays as it is. Its `headers` are not looked at.
private struct WebhookUpdate: Decodable, Sendable {
    let id: WholeNumber
    let endpoint: String?
    let authType: String?
    let authToken: String?
    let enabled: Bool?
    let blastSendEnabled: Bool?
    let triggeredSendEnabled: Bool?
}

/// Reading and changing the project's webhook. As in Iterable, no call makes or deletes one.
enum WebhookCalls {
    static let endpoints: [Endpoint] = [
        .plain("GET", "/api/webhooks") { _, state, _ in
            .json(["webhooks": .array(state.webhooks.settings.map { [$0.json] } ?? [])])
        },
        .decoding(WebhookUpdate.self, "POST", "/api/webhooks") { body, _, state, _ in
            guard let old = state.webhooks.settings, body.id.value == WebhookSettings.id else {
                throw Refusal(.badParams("Webhook \(body.id.value) does not exist"))
            }
            let new = try changed(old, body)
            state.webhooks.settings = new
            return .json(new.json)
        },
    ]

    private static func changed(_ old: WebhookSettings, _ update: WebhookUpdate) throws -> WebhookSettings {
        var new = old
        if let endpoint = update.endpoint {
            if let problem = WebhookAddress.problem(endpoint) { throw Refusal(.badParams(problem)) }
            new.endpoint = endpoint
        }
        if let token = update.authToken {
            if let problem = SandboxWebhook.problem(ofToken: token) { throw Refusal(.badParams(problem)) }
            new.token = token
        }
        try setAuth(of: &new, to: update.authType)
        new.isEnabled = update.enabled ?? new.isEnabled
        new.takesBlastSends = update.blastSendEnabled ?? new.takesBlastSends
        new.takesTriggeredSends = update.triggeredSendEnabled ?? new.takesTriggeredSends
        return new
    }

    /// "Basic" keeps the form that the webhook had, where it had one.
    private static func setAuth(of webhook: inout WebhookSettings, to name: String?) throws {
        guard let name else { return }
        switch WebhookSettings.AuthType(rawValue: name) {
        case .noAuth?: webhook.token = nil
        case .basic?: if webhook.auth == .oauth2 { webhook.auth = .bare }
        case .oauth2?: webhook.auth = .oauth2
        case nil: throw Refusal(.badParams("authType must be NoAuth, Basic or OAuth2"))
        }
        if name != WebhookSettings.AuthType.noAuth.rawValue, webhook.token == nil {
            throw Refusal(.badParams("authToken is required for authType \(name)"))
        }
    }
}

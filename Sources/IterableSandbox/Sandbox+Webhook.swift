/// The webhook, for tests and tools.
extension Sandbox {
    /// The last 20,000 events that the webhook was to get, in the order in which they were made.
    package var webhookJournal: [SandboxWebhookRecord] { core.with { $0.webhooks.journal.all } }

    /// Events that were made for the webhook, also those that the journal does not keep any more.
    package var webhookEventCount: Int { core.with { $0.webhooks.journal.count } }

    /// Sendings that wait or are under way, a retry included.
    package var pendingWebhooks: Int { core.with { $0.webhooks.pending } }

    /// Posts to another address from now on, as `POST /api/webhooks` does.
    /// - Throws: ``SandboxError/invalidOption(_:)`` for an address that a webhook cannot have.
    package func setWebhook(url: String) throws(SandboxError) {
        if let problem = WebhookAddress.problem(url) { throw .invalidOption(problem) }
        core.with { $0.webhooks.settings?.endpoint = url }
    }
}

extension WebhookState {
    /// The journal as the inspection call shows it; never with the token.
    var json: JSONValue {
        [
            "webhook": settings?.json ?? .null, "pending": .int(pending), "overflowed": .int(overflowed),
            "made": .int(journal.count), "events": .array(journal.all.map(\.json)),
        ]
    }
}

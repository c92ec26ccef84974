import RollcallCore

/// What stands below `alerts`.
enum AlertKeys {
    static let failuresOver = ConfigurationKey(
        "failures_over", .integer(0...1_000_000_000),
        "failures is sent when a run completes with more failed and invalid records than this.",
        defaultValue: .integer(0))
    static let lateAfterMinutes = ConfigurationKey(
        "late_after_minutes", .integer(1...100_000),
        "late is sent when this many minutes after a tick no run that began for it, or later, has ended well.",
        defaultValue: .integer(60))
    static let silentAfterMinutes = ConfigurationKey(
        "silent_after_minutes", .integer(1...100_000),
        "receiver_silent is sent when a receiver that got events earlier has got none for this many minutes.",
        defaultValue: .integer(1440))
    static let webhooks = ConfigurationKey(
        "webhooks", .list(WebhookKeys.section),
        "Addresses that get a POST for each change of a sync's or receiver's state.")

    static let section = ConfigurationSection(keys: [failuresOver, lateAfterMinutes, silentAfterMinutes, webhooks])
}

enum WebhookKeys {
    static let url = ConfigurationKey(
        "url", .text(TextRule()),
        "Where to post to; https, unless the host is loopback. Whoever has the address of a Slack webhook can post to "
            + "it: keep it in the environment.",
        isRequired: true, example: .string("${SLACK_WEBHOOK_URL}"), isSecret: true)
    static let kind = ConfigurationKey(
        "kind", .choice(WebhookSettings.Kind.allCases.map(\.rawValue)),
        "slack: a text that Slack and its likes show; json: an object for programs.", isRequired: true)
    static let secret = ConfigurationKey(
        "secret", .text(TextRule()),
        "Only with json: the body is signed with it (HMAC-SHA256, header Rollcall-Signature).",
        example: .string("${ALERT_SECRET}"), isSecret: true)
    static let on = ConfigurationKey(
        "on", .choices(AlertKind.allCases.map(\.rawValue)), "Which alerts are sent; all when left out.")

    static let section = ConfigurationSection(keys: [url, kind, secret, on])
}

internal import Foundation
internal import RollcallCore
internal import Yams

/// Reads `alerts`.
enum AlertReader {
    static func read(_ reader: SectionReader) -> AlertSettings {
        var settings = AlertSettings()
        if let count = reader.integer(AlertKeys.failuresOver) { settings.thresholds.failuresOver = Int(count) }
        if let minutes = reader.integer(AlertKeys.lateAfterMinutes) {
            settings.thresholds.lateAfterMinutes = Int(minutes)
        }
        if let minutes = reader.integer(AlertKeys.silentAfterMinutes) {
            settings.thresholds.silentAfterMinutes = Int(minutes)
        }
        settings.webhooks = reader.list(AlertKeys.webhooks).compactMap(webhook)
        return settings
    }

    private static func webhook(_ reader: SectionReader) -> WebhookSettings? {
        let url = reader.text(WebhookKeys.url)
        let kind = reader.choice(WebhookKeys.kind, of: WebhookSettings.Kind.self)
        let secret = reader.text(WebhookKeys.secret)
        let on = reader.has(WebhookKeys.on) ? reader.choices(WebhookKeys.on, of: AlertKind.self) : AlertKind.allCases
        if secret != nil, kind?.value == .slack {
            reader.report(
                at: WebhookKeys.secret, "a slack webhook takes no secret", hint: "Only kind: json is signed.")
        }
        if let secret, secret.literal.contains(where: { $0 != Substitution.placeholder && !$0.isWhitespace }) {
            reader.report(
                at: WebhookKeys.secret, "\(secret.path) is written into the file", expected: "no secret in the file",
                hint: "Put it into the environment or into .env, and write secret: ${ALERT_SECRET} here.")
        }
        guard let url, let kind, let on else { return nil }
        guard isAddress(url.value) else {
            reader.reportWrong(
                WebhookKeys.url, url, "is no address to post to",
                expected: "an https address without user and fragment; http only where the host is loopback")
            return nil
        }
        return WebhookSettings(
            url: Secret(url.value), kind: kind.value, secret: secret.map { Secret($0.value) }, on: Set(on))
    }

    private static func isAddress(_ text: String) -> Bool {
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), let parts = URLComponents(string: text),
            let host = parts.host?.lowercased(), !host.isEmpty, parts.user == nil, parts.password == nil,
            parts.fragment == nil
        else { return false }
        let bare = host.filter { $0 != "[" && $0 != "]" }
        return parts.scheme == "https" || (parts.scheme == "http" && LoopbackAddress.contains(bare))
    }
}

extension SectionReader {
    /// A list of fixed words; nil when something is wrong with it, which is reported.
    func choices<Choice: RawRepresentable<String>>(_ key: ConfigurationKey, of type: Choice.Type) -> [Choice]? {
        guard let entry = entries[key.name], case .choices(let words) = key.kind else { return nil }
        let keyPath = path(of: key.name)
        guard case .sequence(let items) = entry.node, !items.isEmpty else {
            context.report(
                at: context.document.position(of: entry.node), path: keyPath,
                "\(keyPath) is \(entry.node.kindWords), not a list of words", expected: key.kind.words)
            return nil
        }
        var found: [Choice] = []
        var isRight = true
        for item in items {
            let text = item.scalar?.string ?? ""
            if let choice = Choice(rawValue: text) {
                found.append(choice)
            } else {
                isRight = false
                context.report(
                    at: context.document.position(of: item), path: keyPath,
                    "\(keyPath) \(TextLayout.quoted(text)) is not one of the choices",
                    expected: TextLayout.alternatives(words),
                    suggestion: Suggestion.nearest(to: text, among: words).map(TextLayout.quoted))
            }
        }
        return isRight ? found : nil
    }
}

/// The names of events that Iterable documents for its webhooks. The list grows: events of other names are kept as well. Source:
/// Iterable's help centre, article 208013936.
package enum KnownEvents {
    /// In the order of the documentation.
    package static let names = [
        "emailSend", "emailSendSkip", "emailOpen", "emailClick", "emailBounce", "emailComplaint", "emailSubscribe",
        "emailUnSubscribe", "hostedUnsubscribeClick",
        "pushSend", "pushSendSkip", "pushOpen", "pushBounce", "pushUninstall",
        "inAppSend", "inAppSendSkip", "inAppOpen", "inAppClick", "inAppDelete", "inAppRecall",
        "smsSend", "smsSendSkip", "smsBounce", "smsClick", "smsReceived",
        "webPushSend", "webPushSendSkip", "webPushClick",
        "embeddedReceived", "embeddedClick", "embeddedImpression", "embeddedSession",
        "journeyExit",
        "whatsAppSend", "whatsAppSendSkip", "whatsAppBounce", "whatsAppClick", "whatsAppSeen", "whatsAppReceived",
    ]

    private static let all = Set(names)

    /// Names count with their letters' case.
    package static func contains(_ name: String) -> Bool { all.contains(name) }
}

extension ReceiverSettings.Events {
    /// Whether events of this name are stored; those without a name count as unknown ones.
    package func includes(_ name: String?) -> Bool {
        switch self {
        case .all: true
        case .named(let names, let unknown):
            if let name { names.contains(name) || unknown && !KnownEvents.contains(name) } else { unknown }
        }
    }
}

/// What the project tells the webhook of. Nothing of it happens where there is no webhook, or where it is not enabled.
extension SandboxState {
    /// Number of bytes that `transactionalData` may have.
    private static let longestData = 12_000

    /// A person entered a list, and gets its welcome.
    mutating func welcome(_ number: Int, to list: Int, _ moment: Moment) {
        guard let settings = webhooks.settings, settings.takesBlastSends, let name = lists[list]?.name else { return }
        let about = Subject(key: "list \(list)", name: name, campaignID: list + 1_000_000, templateID: list + 2_000_000)
        engage(number, about, .blast, moment)
    }

    /// A custom event was taken, and causes a message; that of an id that was taken before does not.
    mutating func trigger(by event: StoredEvent, _ moment: Moment) {
        guard let settings = webhooks.settings, settings.takesTriggeredSends, webhooks.isFirst(event: event.id) else {
            return
        }
        var data = event.dataFields
        data["eventName"] = .string(event.name)
        let value = JSONValue.object(data)
        let number = event.name.utf8.reduce(0) { ($0 * 31 + Int($1)) % 100_000 }
        let about = Subject(
            key: "event \(event.id)", name: event.name, campaignID: event.campaignID ?? 7_000_000 + number,
            templateID: event.templateID ?? 8_000_000 + number)
        let isShort = value.encoded().count <= Self.longestData
        engage(event.user, about, .trigger(isShort ? value : nil), moment)
    }

    /// A person left a list, or the whole channel, by a call of the API.
    mutating func reportUnsubscribe(
        _ number: Int, from list: Int, isMember: Bool, wholeChannel: Bool, campaignID: Int?, _ moment: Moment
    ) {
        guard let settings = webhooks.settings, settings.isEnabled, let profile = profiles[number] else { return }
        let lists = options.projectType == .userID ? "userListIds" : "emailListIds"
        let fields: [String: JSONValue] = [
            "email": profile.email.map(JSONValue.string) ?? .null, "createdAt": .string(Self.dateText(moment.time)),
            "unsubSource": "ApiCall", lists: isMember ? [.int(list)] : [], "channelIds": wholeChannel ? [1] : [],
            "messageTypeIds": [], "campaignId": campaignID.map(JSONValue.int) ?? .null, "workflowId": nil,
        ]
        let event = WebhookEvent(
            name: "emailUnSubscribe", email: profile.email, userID: profile.userID, namesUserID: namesUserIDs,
            fields: fields)
        webhooks.draft([event])
    }

    /// What a message is about.
    private struct Subject {
        /// Names it among all.
        let key: String
        let name: String
        let campaignID: Int
        let templateID: Int
    }

    private var namesUserIDs: Bool { options.webhook?.sendsUserIDs ?? false }

    private mutating func engage(_ number: Int, _ about: Subject, _ cause: Message.Cause, _ moment: Moment) {
        guard webhooks.settings?.isEnabled == true, let profile = profiles[number] else { return }
        let person = profile.userID.map { "userId \($0)" } ?? "email \(profile.email ?? "")"
        var generator = webhooks.generator(forMessage: "\(about.key) \(person)")
        let message = Message(
            cause: cause, email: profile.email, userID: profile.userID, namesUserID: namesUserIDs,
            time: Self.dateText(moment.time), id: Self.messageID(using: &generator), campaignID: about.campaignID,
            templateID: about.templateID, subject: about.name)
        webhooks.draft(Engagement.events(of: message, using: &generator))
    }

    /// 32 hexadecimal digits.
    private static func messageID(using generator: inout SeededGenerator) -> String {
        (0..<2).map { _ in
            let digits = String(generator.next(), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}

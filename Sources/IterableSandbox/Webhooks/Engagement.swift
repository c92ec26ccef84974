import Foundation

/// What people do with a message, by chance that the generator of the message decides. Everything happens in the second in which
/// the message was sent.
enum Engagement {
    private static let links = ["sale", "news", "account"]
    private static let browser =
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_6) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36"

    /// All events of a message: it is sent, and then bounces or is perhaps opened; of those who open it half click, once or
    /// twice, and one in ten unsubscribes from the channel.
    static func events(of message: Message, using generator: inout SeededGenerator) -> [WebhookEvent] {
        message.isEmail ? email(message, using: &generator) : push(message, using: &generator)
    }

    private static func email(_ message: Message, using generator: inout SeededGenerator) -> [WebhookEvent] {
        var sent: [String: JSONValue] = ["contentId": .int(message.templateID + 1_000_000)]
        if case .trigger(let data) = message.cause { sent["transactionalData"] = data }
        var events = [message.event("emailSend", sent)]
        if happens(0.05, &generator) {
            return events + [message.event("emailBounce", ["recipientState": "HardBounce"])]
        }
        guard happens(0.6, &generator) else { return events }
        let address = "203.0.113.\(Int.random(in: 1...254, using: &generator))"
        events.append(message.event("emailOpen", open(address)))
        if happens(0.5, &generator) {
            let first = Int.random(in: 0..<links.count, using: &generator)
            events.append(message.event("emailClick", click(first, message, address)))
            if happens(0.25, &generator) {
                events.append(message.event("emailClick", click((first + 1) % links.count, message, address)))
            }
        }
        if happens(0.1, &generator) { events.append(message.event("emailUnSubscribe", unsubscribe(message))) }
        return events
    }

    private static func push(_ message: Message, using generator: inout SeededGenerator) -> [WebhookEvent] {
        var sent: [String: JSONValue] = [
            "contentId": .int(message.templateID + 1_000_000), "platformEndpoint": nil,
            "payload": ["path": .string("shop/\(links[0])")],
        ]
        if case .trigger(let data) = message.cause { sent["transactionalData"] = data }
        let events = [message.event("pushSend", sent)]
        if happens(0.05, &generator) { return events + [message.event("pushBounce")] }
        return happens(0.3, &generator) ? events + [message.event("pushOpen", ["appAlreadyRunning": false])] : events
    }

    private static func happens(_ probability: Double, _ generator: inout SeededGenerator) -> Bool {
        Double.random(in: 0..<1, using: &generator) < probability
    }

    private static func open(_ address: String) -> [String: JSONValue] {
        [
            "userAgent": "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
            "proxySource": "Gmail", "device": "Gmail", "ip": .string(address),
        ]
    }

    /// A click on a link of the message; one of the links has the person's address in it.
    private static func click(_ link: Int, _ message: Message, _ address: String) -> [String: JSONValue] {
        let person = message.email?.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        let query = links[link] == "account" ? "email=\(person)" : "utm_campaign=\(message.campaignID)"
        let url = JSONValue.string("https://shop.example/\(links[link])?\(query)")
        let linkID = JSONValue.string(String(message.templateID * 10 + link))
        return [
            "url": url, "linkUrl": url, "linkId": linkID, "canonicalUrlId": linkID, "ip": .string(address),
            "userAgent": .string(browser), "userAgentDevice": "Mac", "city": "Berlin", "region": "BE",
            "country": "Germany",
        ]
    }

    private static func unsubscribe(_ message: Message) -> [String: JSONValue] {
        [
            "unsubSource": "EmailLink", "channelIds": [.int(message.channelID)], "messageTypeIds": [],
            "emailListIds": [],
        ]
    }
}

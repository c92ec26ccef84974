import RollcallCore

/// Bodies as Iterable posts them, one for each type of event that it documents. They are about no real person. Source: the samples of
/// Iterable's help centre, article 208013936, for the members.
enum ReceiverSample {
    static let all = KnownEvents.names.map(body)

    /// Not JSON.
    static let broken = "this is no JSON"

    static func body(_ event: String) -> String {
        JSON.object([
            "email": .string("rollcall-test@example.com"), "userId": .string("rollcall-test"),
            "eventName": .string(event), "dataFields": .object(members(event)),
        ]).text
    }

    private static func members(_ event: String) -> [(key: String, value: JSON)] {
        var members: [(key: String, value: JSON)] = [
            ("createdAt", .string("2022-04-19 03:33:50 +00:00")), ("campaignId", .integer(1)),
            ("templateId", .integer(1)), ("messageTypeId", .integer(1)), ("channelId", .integer(1)),
            ("messageId", .string("0123456789abcdef0123456789abcdef")), ("campaignName", .string("Rollcall test")),
            ("workflowId", .null), ("experimentId", .null), ("labels", .array([])),
        ]
        if event.hasSuffix("Click") {
            members += [
                ("url", .string("https://example.com/?from=test")), ("linkUrl", .string("https://example.com/")),
                ("linkId", .string("1")), ("ip", .string("192.0.2.1")), ("userAgent", .string("Mozilla/5.0")),
                ("userAgentDevice", .string("Other")),
            ]
        }
        if event.hasSuffix("Subscribe") || event == "hostedUnsubscribeClick" {
            members += [
                ("emailListIds", .array([.integer(1)])), ("channelIds", .array([.integer(1)])),
                ("messageTypeIds", .array([])), ("unsubSource", .string("EmailLink")),
            ]
        }
        if event.hasSuffix("Bounce") || event.hasSuffix("Skip") || event.hasSuffix("Complaint") {
            members += [("recipientState", .string("HardBounce")), ("reason", .string("Rollcall test"))]
        }
        if event.hasSuffix("Send") { members.append(("transactionalData", .object(["order": .integer(1)]))) }
        if event.hasPrefix("sms") || event.hasPrefix("whatsApp") {
            members.append(("fromPhoneNumberId", .integer(1)))
            members.append(("smsProviderResponse", .object(["status": .integer(202)])))
        }
        if event.hasPrefix("inApp") { members.append(("messageContext", .object(["saveToInbox": .bool(false)]))) }
        return members
    }
}

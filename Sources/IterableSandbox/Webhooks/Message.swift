import Foundation

/// A message that a person got as far as the webhook knows; none is sent.
struct Message: Sendable {
    /// Whether many got it at once, or a custom event of this person caused it.
    enum Cause: Sendable {
        /// They entered a list.
        case blast
        /// The event's data.
        case trigger(JSONValue)
    }

    let cause: Cause
    let email: String?
    let userID: String?
    /// Whether events name the userId, be it null.
    let namesUserID: Bool
    /// `2026-11-29 11:52:00 +00:00`
    let time: String
    let id: String
    let campaignID: Int
    let templateID: Int
    /// What the campaign is about: the name of the list, or of the event.
    let subject: String

    /// Whether it goes to an address; people without one get a push.
    var isEmail: Bool { email.map { !$0.hasSuffix("@placeholder.email") } ?? false }

    /// The channel and the type of the message, which have one number: marketing 1, transactional 2.
    var channelID: Int { if case .blast = cause { 1 } else { 2 } }

    /// An event about this message.
    func event(_ name: String, _ fields: [String: JSONValue] = [:]) -> WebhookEvent {
        WebhookEvent(
            name: name, email: email, userID: userID, namesUserID: namesUserID,
            fields: common.merging(fields) { $1 })
    }

    /// What all events of the message have.
    private var common: [String: JSONValue] {
        var fields: [String: JSONValue] = [
            "email": email.map(JSONValue.string) ?? .null, "createdAt": .string(time), "messageId": .string(id),
            "campaignId": .int(campaignID), "campaignName": .string("Campaign \(subject)"),
            "templateId": .int(templateID), "templateName": .string("Template \(subject)"),
            "channelId": .int(channelID), "messageTypeId": .int(channelID), "experimentId": nil, "labels": [],
            "locale": nil, "workflowId": nil, "workflowName": nil,
        ]
        if case .trigger = cause {
            fields["workflowId"] = .int(campaignID + 20_000)
            fields["workflowName"] = .string("Journey \(subject)")
        }
        if isEmail, let email {
            fields["emailSubject"] = .string("About \(subject)")
            fields["emailId"] = .string("c\(campaignID):t\(templateID):\(email)")
        }
        return fields
    }
}

extension WebhookEvent {
    /// - Parameters:
    ///   - namesUserID: whether there is a `userId`, null for people who have none.
    ///   - fields: what stands in `dataFields`.
    init(name: String, email: String?, userID: String?, namesUserID: Bool, fields: [String: JSONValue]) {
        var body: [String: JSONValue] = [
            "eventName": .string(name), "email": email.map(JSONValue.string) ?? .null, "dataFields": .object(fields),
        ]
        if namesUserID { body["userId"] = userID.map(JSONValue.string) ?? .null }
        self.name = name
        self.body = Array(JSONValue.object(body).encoded())
    }
}

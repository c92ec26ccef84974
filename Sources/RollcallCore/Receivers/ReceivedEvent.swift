package import Foundation

/// An event that Iterable posted, as a row of `iterable_events` keeps it. Identifiers are hidden already where the receiver hides
/// them, in every member.
package struct ReceivedEvent: Sendable, Equatable {
    /// 64 hexadecimal digits: HMAC-SHA256, under the state's key, over the receiver's name and the canonical body.
    package var eventID: String
    package var receiver: String
    package var destination: String?
    package var eventName: String?
    package var email: String?
    package var userID: String?
    /// When it happened, as the body says; nil where that cannot be read.
    package var occurredAt: Date?
    package var receivedAt: Date
    package var campaignID: Int64?
    package var templateID: Int64?
    package var messageID: String?
    package var messageTypeID: Int64?
    package var channelID: Int64?
    package var workflowID: Int64?
    package var experimentID: Int64?
    package var url: String?
    /// The body, JSON in UTF-8 without U+0000.
    package var payload: [UInt8]

    package init(eventID: String, receiver: String, destination: String? = nil, receivedAt: Date, payload: [UInt8]) {
        self.eventID = eventID
        self.receiver = receiver
        self.destination = destination
        self.receivedAt = receivedAt
        self.payload = payload
    }
}

/// A body that is no JSON object, as a row of `iterable_rejects` keeps it.
package struct RejectedBody: Sendable, Equatable {
    /// Bytes that are kept of a body.
    package static let longest = 65_536

    package var receiver: String
    package var receivedAt: Date
    /// A short code, such as `not_json`, `not_an_object`, `repeated_member`.
    package var reason: String
    /// The body, or its beginning, made text: what is not UTF-8 or is U+0000 is U+FFFD.
    package var body: String

    package init(receiver: String, receivedAt: Date, reason: String, body: String) {
        self.receiver = receiver
        self.receivedAt = receivedAt
        self.reason = reason
        self.body = body
    }
}

/// What became of a request to a receiver.
package enum ReceiverOutcome: String, Sendable, CaseIterable, Codable {
    /// A row was made.
    case stored
    /// The row was there already; its number of deliveries was raised.
    case repeated
    /// The receiver leaves events of this name out.
    case filtered
    /// The receiver leaves events without a userId out.
    case withoutUser = "without_user"
    /// The body is no JSON object; answered with 400.
    case rejected
    /// No token, a wrong one, or an address that may not post; answered with 401 or 403.
    case unauthorized
    case tooLarge = "too_large"
    /// It could not be made durable; answered with 503.
    case unavailable
    /// Sent by `rollcall receivers test`; nothing was stored.
    case test
}

/// How many requests of a receiver had an outcome in an hour.
package struct ReceiverCount: Sendable, Equatable {
    package var receiver: String
    /// The beginning of the hour, UTC.
    package var hour: Date
    package var outcome: ReceiverOutcome
    package var count: Int

    package init(receiver: String, hour: Date, outcome: ReceiverOutcome, count: Int) {
        self.receiver = receiver
        self.hour = hour
        self.outcome = outcome
        self.count = count
    }
}

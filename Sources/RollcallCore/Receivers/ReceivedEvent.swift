public import Foundation

/// An event that Iterable posted, as a row of `iterable_events` keeps it. Identifiers are hidden already where the receiver hides
/// them, in every member.
public struct ReceivedEvent: Sendable, Equatable {
    /// 64 hexadecimal digits: HMAC-SHA256, under the state's key, over the receiver's name and the canonical body.
    public var eventID: String
    public var receiver: String
    public var destination: String?
    public var eventName: String?
    public var email: String?
    public var userID: String?
    /// When it happened, as the body says; nil where that cannot be read.
    public var occurredAt: Date?
    public var receivedAt: Date
    public var campaignID: Int64?
    public var templateID: Int64?
    public var messageID: String?
    public var messageTypeID: Int64?
    public var channelID: Int64?
    public var workflowID: Int64?
    public var experimentID: Int64?
    public var url: String?
    /// The body, JSON in UTF-8 without U+0000.
    public var payload: [UInt8]

    public init(eventID: String, receiver: String, destination: String? = nil, receivedAt: Date, payload: [UInt8]) {
        self.eventID = eventID
        self.receiver = receiver
        self.destination = destination
        self.receivedAt = receivedAt
        self.payload = payload
    }
}

/// A body that is no JSON object, as a row of `iterable_rejects` keeps it.
public struct RejectedBody: Sendable, Equatable {
    /// Bytes that are kept of a body.
    public static let longest = 65_536

    public var receiver: String
    public var receivedAt: Date
    /// A short code, such as `not_json`, `not_an_object`, `repeated_member`.
    public var reason: String
    /// The body, or its beginning, made text: what is not UTF-8 or is U+0000 is U+FFFD.
    public var body: String

    public init(receiver: String, receivedAt: Date, reason: String, body: String) {
        self.receiver = receiver
        self.receivedAt = receivedAt
        self.reason = reason
        self.body = body
    }
}

/// What became of a request to a receiver.
public enum ReceiverOutcome: String, Sendable, CaseIterable, Codable {
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
public struct ReceiverCount: Sendable, Equatable {
    public var receiver: String
    /// The beginning of the hour, UTC.
    public var hour: Date
    public var outcome: ReceiverOutcome
    public var count: Int

    public init(receiver: String, hour: Date, outcome: ReceiverOutcome, count: Int) {
        self.receiver = receiver
        self.hour = hour
        self.outcome = outcome
        self.count = count
    }
}

public import Foundation

/// What is known of one member of the snapshot.
public enum MemberState: String, Sendable, Codable, CaseIterable {
    /// Iterable acknowledged the subscription.
    case subscribed
    /// A subscribe request was sent and its outcome is unknown.
    case subscribing
    /// An unsubscribe request was sent and its outcome is unknown.
    case unsubscribing
    /// Iterable permanently refuses this person (forgotten, invalid); not sent again until the row changes.
    case rejected
}

extension MemberState {
    /// As the tables of a kind have it: `list_members` or `synced_records`.
    public func word(_ kind: RecordKind) -> String {
        switch (kind, self) {
        case (.list, _): rawValue
        case (_, .subscribed): "synced"
        case (_, .subscribing): "sending"
        case (_, .unsubscribing): "removing"
        case (_, .rejected): "rejected"
        }
    }
}

/// One row of `list_members`.
public struct Member: Sendable, Equatable {
    public var fingerprint: Fingerprint
    public var identity: Identity
    public var state: MemberState
    /// Whether this sync may have put the person on the list; only such members are ever removed from it.
    public var listed: Bool
    /// Why Iterable refuses the person; only with `rejected`.
    public var rejection: FailureReason?
    /// nil: a member of a list.
    public var record: RecordReference?

    public init(
        fingerprint: Fingerprint, identity: Identity, state: MemberState, listed: Bool,
        rejection: FailureReason? = nil, record: RecordReference? = nil
    ) {
        self.fingerprint = fingerprint
        self.identity = identity
        self.state = state
        self.listed = listed
        self.rejection = rejection
        self.record = record
    }
}

/// Why one record failed.
public struct FailureReason: Sendable, Hashable {
    /// Stable, lower-case: `not_found`, `forgotten`, `email_syntax` …
    public var code: String
    /// One sentence for a person.
    public var reason: String
    /// Status of the answer that said so; nil where no answer was involved.
    public var httpStatus: Int?

    public init(code: String, reason: String, httpStatus: Int? = nil) {
        self.code = code
        self.reason = reason
        self.httpStatus = httpStatus
    }
}

extension FailureReason {
    /// The code of an event whose person Iterable does not know.
    public static let userNotFoundCode = "user_not_found"
    /// A person who is suppressed, where the snapshot does not say why Iterable refused them.
    public static let refusedEarlier = FailureReason(
        code: "rejected", reason: "Iterable refused this person in an earlier run.")
    /// Of a run whose process ended: this may have been sent.
    public static let answerNotRecorded = FailureReason(
        code: "interrupted",
        reason: "The process ended before Iterable's answer was recorded; the next run takes that into account.")
    /// Of a run whose process ended: this was certainly not sent.
    public static let endedBeforeSending = FailureReason(
        code: "interrupted", reason: "The process ended before this was sent; the next run sends it.")
}

/// A request about this person or record got no answer and may still be carried out until `mayLandUntil`. Until then the same
/// write may be sent again, and no other.
public struct RequestInDoubt: Sendable, Equatable {
    public var identity: Identity
    public var operation: Operation
    public var mayLandUntil: Date
    /// The record; nil: a member of a list, who is known by the identity.
    public var fingerprint: Fingerprint?
    /// The hash of what was put; nil: a member of a list who was sent without fields.
    public var content: Int64?

    public init(
        identity: Identity, operation: Operation, mayLandUntil: Date, fingerprint: Fingerprint? = nil,
        content: Int64? = nil
    ) {
        self.identity = identity
        self.operation = operation
        self.mayLandUntil = mayLandUntil
        self.fingerprint = fingerprint
        self.content = content
    }
}

extension Member {
    public var mark: EntryMark { EntryMark(state, listed: listed) }
}

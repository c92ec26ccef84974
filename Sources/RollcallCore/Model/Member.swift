package import Foundation

/// What is known of one member of the snapshot.
package enum MemberState: String, Sendable, Codable, CaseIterable {
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
    package func word(_ kind: RecordKind) -> String {
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
package struct Member: Sendable, Equatable {
    package var fingerprint: Fingerprint
    package var identity: Identity
    package var state: MemberState
    /// Whether this sync may have put the person on the list; only such members are ever removed from it.
    package var listed: Bool
    /// Why Iterable refuses the person; only with `rejected`.
    package var rejection: FailureReason?
    /// nil: a member of a list.
    package var record: RecordReference?

    package init(
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
package struct FailureReason: Sendable, Hashable {
    /// Stable, lower-case: `not_found`, `forgotten`, `email_syntax` …
    package var code: String
    /// One sentence for a person.
    package var reason: String
    /// Status of the answer that said so; nil where no answer was involved.
    package var httpStatus: Int?

    package init(code: String, reason: String, httpStatus: Int? = nil) {
        self.code = code
        self.reason = reason
        self.httpStatus = httpStatus
    }
}

extension FailureReason {
    /// The code of an event whose person Iterable does not know.
    package static let userNotFoundCode = "user_not_found"
    /// A person who is suppressed, where the snapshot does not say why Iterable refused them.
    package static let refusedEarlier = FailureReason(
        code: "rejected", reason: "Iterable refused this person in an earlier run.")
    /// Of a run whose process ended: this may have been sent.
    package static let answerNotRecorded = FailureReason(
        code: "interrupted",
        reason: "The process ended before Iterable's answer was recorded; the next run takes that into account.")
    /// Of a run whose process ended: this was certainly not sent.
    package static let endedBeforeSending = FailureReason(
        code: "interrupted", reason: "The process ended before this was sent; the next run sends it.")
}

/// A request about this person or record got no answer and may still be carried out until `mayLandUntil`. Until then the same
/// write may be sent again, and no other.
package struct RequestInDoubt: Sendable, Equatable {
    package var identity: Identity
    package var operation: Operation
    package var mayLandUntil: Date
    /// The record; nil: a member of a list, who is known by the identity.
    package var fingerprint: Fingerprint?
    /// The hash of what was put; nil: a member of a list who was sent without fields.
    package var content: Int64?

    package init(
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
    package var mark: EntryMark { EntryMark(state, listed: listed) }
}

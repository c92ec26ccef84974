package import Foundation

/// What a change of the plan asks for.
package enum ChangeKind: String, Sendable, Codable, CaseIterable {
    /// To be sent to Iterable.
    case send
    /// In the source but refused by Iterable before, or not to be sent for another reason: counted and logged as failed.
    case parked
    /// Left the audience and is not on the list: dropped from the snapshot, nothing sent, not counted.
    case forget
    /// Its row is gone and it stays in Iterable: this sync keeps it no more, until its row comes back. Nothing is sent or counted.
    case release
    /// An older entry of the same person, dropped from the snapshot when `parent` succeeds; not sent, not counted.
    case supersede
    /// A member of a list whose fields are sent: another entry of the same person. What it says of the fields holds no more once
    /// `parent` may have been carried out; not sent, not counted.
    case outdate
    /// An event that is never sent: it counts as seen from now on. Not counted as planned.
    case skip
    /// An event whose person is not ready yet: it waits from now on, and a later run sends it. Counted as waiting, not as planned.
    case wait

    /// Whether a plan lists and counts the change: it is sent, or would be, had Iterable not refused it before.
    package var isListed: Bool { self == .send || self == .parked }
}

/// One change of a plan, as staged in the outbox.
package struct Change: Sendable, Equatable {
    /// Position in the run, from 1, without gaps. Changes are sent in this order.
    package var sequence: Int64
    package var kind: ChangeKind
    package var operation: Operation
    package var fingerprint: Fingerprint
    package var identity: Identity
    /// Not sent before this time, because an opposite request may still land, and after all that need not wait. Of a change that
    /// only goes after all others it is no time (``last(_:)``).
    package var notBefore: Date?
    /// Only with ``ChangeKind/supersede`` and ``ChangeKind/outdate``: the `sequence` of the change that makes this entry obsolete.
    package var parent: Int64?
    private var details: Details?

    /// Of a member of a list without fields.
    package init(
        sequence: Int64, kind: ChangeKind, operation: Operation, fingerprint: Fingerprint, identity: Identity,
        notBefore: Date? = nil, parent: Int64? = nil
    ) {
        self.sequence = sequence
        self.kind = kind
        self.operation = operation
        self.fingerprint = fingerprint
        self.identity = identity
        self.notBefore = notBefore
        self.parent = parent
    }

    package init(
        sequence: Int64, kind: ChangeKind, operation: Operation, fingerprint: Fingerprint, identity: Identity,
        notBefore: Date? = nil, parent: Int64? = nil, loggedAs: Identity? = nil, record: RecordReference? = nil,
        payload: [UInt8]? = nil, loggedKey: String? = nil, held: HeldFields? = nil, refusal: FailureReason? = nil,
        event: EventReference? = nil, content: Int64? = nil
    ) {
        self.init(
            sequence: sequence, kind: kind, operation: operation, fingerprint: fingerprint, identity: identity,
            notBefore: notBefore, parent: parent)
        more = More(
            loggedAs: loggedAs, record: record, payload: payload, loggedKey: loggedKey, held: held, refusal: refusal,
            event: event, content: content)
    }

    package static func == (one: Change, other: Change) -> Bool {
        one.sequence == other.sequence && one.kind == other.kind && one.operation == other.operation
            && one.fingerprint == other.fingerprint && one.identity == other.identity
            && one.notBefore == other.notBefore && one.parent == other.parent && one.more == other.more
    }
}

// MARK: What a plain member of a list has not

extension Change {
    /// Kept apart: the first sync of a large list copies every change a dozen times, and this is three quarters of its size.
    private struct More: Sendable, Equatable {
        var loggedAs: Identity?
        var record: RecordReference?
        var payload: [UInt8]?
        var loggedKey: String?
        var held: HeldFields?
        var refusal: FailureReason?
        var event: EventReference?
        var content: Int64?

        var isEmpty: Bool {
            loggedAs == nil && record == nil && payload == nil && loggedKey == nil && held == nil && refusal == nil
                && event == nil && content == nil
        }
    }

    private final class Details: Sendable {
        let more: More
        init(_ more: More) { self.more = more }
    }

    private var more: More {
        get { details?.more ?? More() }
        set { details = newValue.isEmpty ? nil : Details(newValue) }
    }

    /// How the person appears in the log where that differs from `identity` (masked or hashed identifiers).
    package var loggedAs: Identity? {
        get { details?.more.loggedAs }
        set { more.loggedAs = newValue }
    }
    /// nil: a member of a list.
    package var record: RecordReference? {
        get { details?.more.record }
        set { more.record = newValue }
    }
    /// Of records that are put or cleared: the JSON object as it is sent. Of a member of a list who is sent with fields: the
    /// object of these. Of a rename: the former address.
    package var payload: [UInt8]? {
        get { details?.more.payload }
        set { more.payload = newValue }
    }
    /// How the record's key appears in the log where that differs (hashed).
    package var loggedKey: String? {
        get { details?.more.loggedKey }
        set { more.loggedKey = newValue }
    }
    /// Of records that may have their fields cleared: which of them hold a value afterwards.
    package var held: HeldFields? {
        get { details?.more.held }
        set { more.held = newValue }
    }
    /// With ``ChangeKind/parked``: why it is not sent; nil: Iterable refused it before.
    package var refusal: FailureReason? {
        get { details?.more.refusal }
        set { more.refusal = newValue }
    }
    /// Of an event.
    package var event: EventReference? {
        get { details?.more.event }
        set { more.event = newValue }
    }
    /// Of a member of a list who is sent with fields: the hash of these; 0: what the fields are is not known. nil: the change
    /// says nothing of fields.
    package var content: Int64? {
        get { details?.more.content }
        set { more.content = newValue }
    }

    /// Of a rename: from which address to which one.
    package var rename: UserRename? {
        guard operation == .rename, let payload else { return nil }
        let isWithdrawn = Self.isWithdrawn(renameStagedWith: payload)
        return UserRename(
            email: String(decoding: isWithdrawn ? payload.dropLast() : payload[...], as: UTF8.self),
            newEmail: identity.email ?? "", isWithdrawn: isWithdrawn)
    }

    /// What a rename is staged with: the address that the profile has until now.
    package static func payload(ofRenameFrom email: String, isWithdrawn: Bool = false) -> [UInt8] {
        Array(email.utf8) + (isWithdrawn ? [withdrawn] : [])
    }

    package static func isWithdrawn(renameStagedWith payload: [UInt8]) -> Bool { payload.last == withdrawn }

    /// A line feed, which no address has.
    private static let withdrawn = UInt8(ascii: "\n")

    /// The hash of what is put, of a record or of a member.
    package var putContent: Int64? { record?.content ?? content }
}

/// One record of the validation stage, for `sync_log`; the values are the warehouse's own bytes.
package struct ValidationRecord: Sendable, Equatable {
    /// False for a row that went on (with its other identifier) or was merged into another.
    package var isFailure: Bool
    package var email: [UInt8]?
    package var userID: [UInt8]?
    /// Of other kinds than lists, as far as the row has one.
    package var recordKey: [UInt8]?
    package var reason: FailureReason

    package init(
        isFailure: Bool, email: [UInt8]?, userID: [UInt8]?, recordKey: [UInt8]? = nil, reason: FailureReason
    ) {
        self.isFailure = isFailure
        self.email = email
        self.userID = userID
        self.recordKey = recordKey
        self.reason = reason
    }
}

/// What became of one change that was sent.
package enum RecordOutcome: Sendable, Equatable {
    case succeeded
    /// Refused; tried again by the next run.
    case failed(FailureReason)
    /// Refused for good; not sent again until the row changes.
    case rejected(FailureReason)
    /// Sent, and whether it was carried out is not known.
    case unknown(FailureReason)
    /// Certainly never sent or certainly not carried out; the next run tries again.
    case notAttempted(FailureReason)
    /// Of an event: its person is not there yet, or an earlier event of the person waits. A later run sends it.
    case waiting(FailureReason)

    /// The outcome without its reason.
    package enum Kind: String, Sendable, CaseIterable {
        case succeeded
        case failed
        case rejected
        case unknown
        case notAttempted = "not_attempted"
        case waiting

        /// The status in `sync_log`: `succeeded`, `failed`, `unknown`, `not_attempted` or `waiting`.
        package var logStatus: String { self == .rejected ? Kind.failed.rawValue : rawValue }
    }

    package var kind: Kind {
        switch self {
        case .succeeded: .succeeded
        case .failed: .failed
        case .rejected: .rejected
        case .unknown: .unknown
        case .notAttempted: .notAttempted
        case .waiting: .waiting
        }
    }

    /// nil for a success.
    package var reason: FailureReason? {
        switch self {
        case .succeeded: nil
        case .failed(let reason), .rejected(let reason), .unknown(let reason), .notAttempted(let reason),
            .waiting(let reason):
            reason
        }
    }
}

/// The outcome of a run of consecutive changes that one request carried.
package struct BatchOutcome: Sendable, Equatable {
    /// The changes that were sent, all of one operation: every `send` change of the range (`supersede` changes may
    /// lie between them).
    package var sequences: ClosedRange<Int64>
    /// How many changes were sent.
    package var changes: Int
    package var operation: Operation
    /// Changes that did not succeed; every other one of the range did.
    package var exceptions: [Int64: RecordOutcome]
    /// Status of the last answer; nil where there was none.
    package var httpStatus: Int?
    /// How often the records were sent, at least 1.
    package var attempts: Int
    /// If one of the attempts got no answer: until when it may still be carried out.
    package var mayLandUntil: Date?
    /// The changes that were sent, in order, as they are in the outbox; or empty. A warehouse may write from them what
    /// it would else read from there again.
    package var entries: [Change]

    package init(
        sequences: ClosedRange<Int64>, changes: Int? = nil, operation: Operation,
        exceptions: [Int64: RecordOutcome] = [:], httpStatus: Int?, attempts: Int, mayLandUntil: Date? = nil,
        entries: [Change] = []
    ) {
        self.sequences = sequences
        self.changes = changes ?? sequences.count
        self.operation = operation
        self.exceptions = exceptions
        self.httpStatus = httpStatus
        self.attempts = attempts
        self.mayLandUntil = mayLandUntil
        self.entries = entries
    }
}

import Foundation
import RollcallCore
import Warehouse

/// The events that a run sends, skips, or lets wait.
struct EventChanges: PlannedChanges {
    let spool: EventSpool
    let invalid: RecordSpool
    let inDoubt: InDoubtIndex
    let logIdentity: LogIdentity
    let waitForUserSeconds: Int
    /// The sync of users that must have had a person acknowledged first; nil: there is none.
    let after: String?
    /// How long after it happened a stream may send an event, in seconds; nil: for ever.
    let maxAgeSeconds: Int?
    /// The lowest position of the events that are new, in microseconds; nil: there are none, or positions are no times.
    let oldest: Int64?
    /// Of a look of a stream: invalid rows that say nothing of what comes.
    let oldInvalid: Int
    /// Whether the source has more than was read.
    let isCut: Bool
    /// Where the cursor stands afterwards.
    let cursor: EventCursor?
    /// See ``StagedPlan/begun``.
    let begun: EventCursor?
    /// Whether it is the first run that passes over what was there before.
    var isFirst = false

    func makeReader(isOrdered: Bool) throws -> any StagedPlan { EventPlanReader(self) }

    /// Whether nothing would be written but, perhaps, where the cursor stands.
    var isEmpty: Bool { spool.isEmpty && !invalid.hasInvalid && begun == nil }

    private var neverAppeared: FailureReason {
        guard let after else { return .userNeverAppeared(after: waitForUserSeconds) }
        return .neverAcknowledged(by: after, within: waitForUserSeconds)
    }

    /// - Parameters: of the place, which are decided after the entry was spooled.
    func change(_ entry: EventEntry, _ kind: ChangeKind, _ cause: EventSpool.Cause? = nil) -> Change {
        var change = Change(
            sequence: 0, kind: kind, operation: .track, fingerprint: entry.fingerprint, identity: entry.identity,
            loggedAs: logIdentity.of(entry.identity),
            record: RecordReference(key: entry.key, content: entry.content),
            payload: entry.payload.isEmpty ? nil : entry.payload, loggedKey: logIdentity.of(key: entry.key),
            event: entry.event)
        switch kind {
        case .wait:
            change.refusal =
                cause == .isBehindAnother
                ? .waitingBehindAnother : after.map(FailureReason.waiting(for:)) ?? .waitingForUser
        case .parked:
            change.refusal = cause == .isTooOld ? .tooOld(maxAgeSeconds ?? 0) : neverAppeared
        case .send:
            change.notBefore = inDoubt.notBefore(
                .init(operation: .track, content: entry.content), for: .key(entry.fingerprint))
        default: break
        }
        return change
    }
}

extension FailureReason {
    static let waitingForUser = FailureReason(
        code: "waiting_for_user", reason: "Iterable does not know the person yet; the event waits.")
    /// - Parameter users: the sync of users that comes first.
    static func waiting(for users: String) -> FailureReason {
        FailureReason(
            code: "waiting_for_user",
            reason: "The sync \(users) has not had the person acknowledged for 60 seconds; the event waits.")
    }

    static let waitingBehindAnother = FailureReason(
        code: "waiting_for_user", reason: "An earlier event of the person waits; this one goes after it.")
    static let behindAnUnansweredOne = FailureReason(
        code: "waiting_for_user", reason: "An earlier event of the person got no answer; this one goes after it.")

    static func tooOld(_ seconds: Int) -> FailureReason {
        FailureReason(
            code: "too_old",
            reason:
                "It happened longer ago than guards.max_age (\(Duration.seconds(seconds).spoken)) lets a stream send.")
    }

    /// - Parameter users: the sync of users that comes first. Without it no request was made.
    static func neverAcknowledged(by users: String, within seconds: Int) -> FailureReason {
        FailureReason(
            code: userNotFoundCode,
            reason:
                "The sync \(users) had not acknowledged the person within \(Duration.seconds(seconds).spoken) (wait_for_user)."
        )
    }

    static func userNeverAppeared(after seconds: Int) -> FailureReason {
        FailureReason(
            code: userNotFoundCode,
            reason: "Iterable did not know the person within \(Duration.seconds(seconds).spoken) (wait_for_user).")
    }
}

extension Duration {
    /// `24 h`, `90 min`, `45 s`.
    fileprivate var spoken: String {
        let seconds = components.seconds
        if seconds >= 7200, seconds % 3600 == 0 { return "\(seconds / 3600) h" }
        return seconds >= 120 && seconds % 60 == 0 ? "\(seconds / 60) min" : "\(seconds) s"
    }
}

/// Gives a plan page by page: what is skipped, then the events in the order in which they are sent; last those that must not cross an
/// earlier request, of which there are few.
// SAFETY: `stage` calls it from one thread at a time, one page after the other.
final class EventPlanReader: NumberedPlan, @unchecked Sendable {
    private let plan: EventChanges
    private let skips: EventSpool.SkipReader
    private let invalid: RecordSpool.InvalidReader
    private var next = 0
    /// Those that wait for a lost request, and those of the same people that come after them.
    private var deferred: [Change] = []
    private var waiting: [Identity: Date] = [:]
    private var isDeferring = false
    /// Of a first run: the events that are sent, or wait.
    private lazy var taken = plan.isFirst ? Set(plan.spool.places.map(\.fingerprint)) : []
    /// Of the last change that was given.
    private(set) var sequence: Int64

    /// - Parameter sequence: of the last change that the run has staged before.
    init(_ plan: EventChanges, after sequence: Int64 = 0) {
        self.plan = plan
        self.sequence = sequence
        skips = plan.spool.makeSkipReader()
        invalid = plan.invalid.makeInvalidReader()
    }

    var cursor: EventCursor? { plan.cursor }
    var begun: EventCursor? { plan.begun }

    func nextRecords(limit: Int) throws -> [ValidationRecord] {
        var page: [ValidationRecord] = []
        while page.count < limit, let record = try invalid.next() { page.append(plan.logIdentity.of(record)) }
        return page
    }

    func nextChanges(limit: Int) throws -> [Change] {
        var page: [Change] = []
        while page.count < limit, var change = try nextChange() {
            sequence += 1
            change.sequence = sequence
            page.append(change)
        }
        return page
    }

    private func nextChange() throws -> Change? {
        while let skip = try skips.next() {
            // Nothing reads there again.
            if let kept = plan.cursor?.keepFrom, let position = skip.event.position, position < kept { continue }
            // Another row of the key says that it is to be sent.
            if taken.contains(skip.fingerprint) { continue }
            return plan.change(skip, .skip)
        }
        while next < plan.spool.places.count {
            let place = plan.spool.places[next]
            next += 1
            var change = plan.change(try plan.spool.entry(at: place), place.kind, place.cause)
            if change.kind == .send {
                change.notBefore = [change.notBefore, waiting[change.identity]].compactMap(\.self).max()
            }
            guard let time = change.notBefore else { return change }
            waiting[change.identity] = time
            deferred.append(change)
        }
        if !isDeferring {
            isDeferring = true
            // Of one person, none is to be sent before one that stands before it: where times are equal the order stays.
            let order = deferred.enumerated().sorted { first, second in
                let (one, other) = (first.element.notBefore ?? .distantPast, second.element.notBefore ?? .distantPast)
                return (one, first.offset) < (other, second.offset)
            }
            deferred = order.reversed().map(\.element)
        }
        return deferred.popLast()
    }
}

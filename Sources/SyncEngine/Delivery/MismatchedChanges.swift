import Foundation
import RollcallCore
import Synchronization

/// The changes of a refused request that have a value of a type that the answer names.
struct MismatchedChanges {
    /// Of the request.
    let reason: FailureReason
    /// Why each of them is refused, by its sequence.
    private(set) var reasons: [Int64: FailureReason] = [:]

    init(_ part: ArraySlice<Change>, _ mismatches: [TypeMismatch], _ reason: FailureReason) {
        self.reason = reason
        for change in part {
            guard let fields = Self.fields(of: change), let found = mismatches.first(where: { $0.isOf(fields) }) else {
                continue
            }
            reasons[change.sequence] = Self.reason(found, reason.httpStatus, isOfEvent: change.event != nil)
        }
    }

    private static func fields(of change: Change) -> [String: JSONTree]? {
        guard let payload = change.payload,
            let object = try? JSONDecoder().decode([String: JSONTree].self, from: Data(payload))
        else { return nil }
        return object["dataFields"]?.members ?? object
    }

    /// The field is one of the record's own; its value is no word for a log.
    private static func reason(_ mismatch: TypeMismatch, _ status: Int?, isOfEvent: Bool) -> FailureReason {
        let type = mismatch.expected.map { ", which is of type \($0) in Iterable" } ?? ""
        // No list of fields shows those of events, and nothing changes them.
        let remedy =
            isOfEvent
            ? " Iterable gave the field its type by the first value that came; send it under another name, or as that type."
            : ""
        return FailureReason(
            code: NarrowingBudget.code,
            reason: "The value of the field \(mismatch.field)\(type), is of another type.\(remedy)", httpStatus: status)
    }
}

/// How many further requests may be made because requests are refused for some of their records.
///
/// One run, or of a stream one row of `sync_runs`, has 40 to look for such records by halving (``RunContext/narrowing``): a
/// request costs two. Where the answer names the records one request carries the others, so each delivery, of a stream each
/// look, has 40 for that (``BatchSender/further``), and for sending in other forms.
final class NarrowingBudget: Sendable {
    /// Of refusals that are narrowed down so.
    static let code = "type_mismatch"
    private static let most = 40
    private let left = Mutex(NarrowingBudget.most)

    /// Whether no further request may be made.
    var isSpent: Bool { left.withLock { $0 == 0 } }

    /// Whether this number of further requests may be made; if so, they are counted.
    func take(_ requests: Int) -> Bool {
        left.withLock { left in
            guard left >= requests else { return false }
            left -= requests
            return true
        }
    }

    /// Why a record was given up with others.
    static func isSpent(_ reason: FailureReason) -> FailureReason {
        FailureReason(
            code: reason.code,
            reason:
                "Not sent: some record of its request has a value of another type than its field, and the run has made"
                + " \(most) requests to find such records. The next run goes on.", httpStatus: reason.httpStatus)
    }

    /// Why a record that was refused is not sent in another form.
    static func isSpentForForms(_ reason: FailureReason) -> FailureReason {
        FailureReason(
            code: reason.code,
            reason: "Not sent in another form: \(most) requests were made with such records. The next run goes on.",
            httpStatus: reason.httpStatus)
    }
}

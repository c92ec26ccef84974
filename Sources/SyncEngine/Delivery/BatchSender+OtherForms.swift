import Foundation
import RollcallCore
import Warehouse

extension BatchSender {
    /// Sends what Iterable refused once more, where the target knows another form of it. What may have one and is not sent in
    /// it, because the run stops or has no request left for it, is not attempted, so that it comes again also where a stream's
    /// cursor moves on. Where Iterable cannot be asked which form it takes, the refusals stay.
    /// - Returns: whether anything was sent so.
    func sendInOtherForms(_ result: inout BatchResult) async -> Bool {
        let refused = mayHaveOtherForms(result)
        if refused.isEmpty { return false }
        if result.stop != nil || isStopped {
            let reason = result.stop.map { FailureReason(code: $0.code, reason: $0.message) }
            leave(refused, reason ?? Self.stopped, &result)
            return false
        }
        if further.isSpent {
            leave(refused, nil, &result)
            return false
        }
        let others: [Change]
        do {
            others = try await target.otherForms(of: refused.map(\.change))
        } catch {
            if error is CancellationError { leave(refused, Self.stopped, &result) }
            return false
        }
        if others.isEmpty { return false }
        let sequences = Set(others.map(\.sequence))
        guard further.take(1) else {
            leave(refused.filter { sequences.contains($0.change.sequence) }, nil, &result)
            return false
        }
        let first = result.outcomes
        result.outcomes = []
        await deliver(others[...], history(of: first, with: sequences), &result)
        result.outcomes = first.map { Self.without(sequences, $0) } + result.outcomes
        return true
    }

    private typealias Refused = (change: Change, reason: FailureReason)

    private func mayHaveOtherForms(_ result: BatchResult) -> [Refused] {
        var refused: [Refused] = []
        for outcome in result.outcomes where !outcome.exceptions.isEmpty {
            for change in outcome.entries {
                guard case .failed(let reason)? = outcome.exceptions[change.sequence],
                    target.mayHaveOtherForm(change, refusedFor: reason)
                else { continue }
                refused.append((change, reason))
            }
        }
        return refused
    }

    /// Has refused changes count as not attempted.
    /// - Parameter reason: why they are not sent in another form; nil: the delivery has no further request for them.
    private func leave(_ refused: [Refused], _ reason: FailureReason?, _ result: inout BatchResult) {
        let reasons = Dictionary(
            refused.map { ($0.change.sequence, reason ?? NarrowingBudget.isSpentForForms($0.reason)) },
            uniquingKeysWith: { first, _ in first })
        for index in result.outcomes.indices {
            let isInDoubt = result.outcomes[index].mayLandUntil != nil
            for change in result.outcomes[index].entries {
                guard let reason = reasons[change.sequence] else { continue }
                // What an earlier attempt may have carried out is not as if it had never been sent.
                result.outcomes[index].exceptions[change.sequence] =
                    isInDoubt ? .unknown(reason) : .notAttempted(reason)
            }
        }
    }

    /// The outcome as that of its other changes.
    private static func without(_ sequences: Set<Int64>, _ outcome: BatchOutcome) -> BatchOutcome {
        var outcome = outcome
        outcome.entries.removeAll { sequences.contains($0.sequence) }
        return outcome
    }

    /// What was tried before with these changes.
    private func history(of outcomes: [BatchOutcome], with sequences: Set<Int64>) -> History {
        let own = outcomes.filter { outcome in outcome.entries.contains { sequences.contains($0.sequence) } }
        var history = History(attempts: own.map(\.attempts).max() ?? 1)
        history.mayLandUntil = own.compactMap(\.mayLandUntil).max()
        history.doubt = history.mayLandUntil == nil ? nil : Self.inDoubt
        return history
    }

    private static let inDoubt = FailureReason(
        code: "no_answer", reason: "Whether an earlier request with this record was carried out is not known.")
}

import Foundation
import RollcallCore
import Warehouse

extension BatchSender {
    /// Sends what Iterable refused once more, where the target knows another form of it. Whatever keeps that from being done leaves
    /// the refusals as they are.
    /// - Returns: whether anything was sent so.
    func sendInOtherForms(_ result: inout BatchResult) async -> Bool {
        if result.stop != nil || run.isStopped || narrowing.isSpent { return false }
        var refused: [(change: Change, reason: FailureReason)] = []
        for outcome in result.outcomes where !outcome.exceptions.isEmpty {
            for change in outcome.entries {
                if case .failed(let reason)? = outcome.exceptions[change.sequence] { refused.append((change, reason)) }
            }
        }
        if refused.isEmpty { return false }
        // Where Iterable cannot be asked now, the next run asks.
        guard let others = try? await target.otherForms(of: refused), !others.isEmpty, narrowing.take(1) else {
            return false
        }
        let sequences = Set(others.map(\.sequence))
        let first = result.outcomes
        result.outcomes = []
        await deliver(others[...], history(of: first, with: sequences), &result)
        let reasons = Dictionary(
            refused.map { ($0.change.sequence, RecordOutcome.failed($0.reason)) },
            uniquingKeysWith: { first, _ in first })
        let again = result.outcomes.map { Self.refusing(reasons, what: $0) }
        result.outcomes = first.map { Self.without(sequences, $0) } + again
        return true
    }

    /// What was not sent again has the outcome that it had.
    private static func refusing(_ reasons: [Int64: RecordOutcome], what outcome: BatchOutcome) -> BatchOutcome {
        var outcome = outcome
        for (sequence, exception) in outcome.exceptions where exception.kind == .notAttempted {
            outcome.exceptions[sequence] = reasons[sequence]
        }
        return outcome
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

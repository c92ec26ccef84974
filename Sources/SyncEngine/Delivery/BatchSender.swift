import Foundation
import RollcallCore
import Warehouse

/// Sends one batch until each of its records has an outcome. Here a batch is taken apart and its outcomes are put together;
/// `BatchSender+Attempts.swift` paces one request and tries it again, `BatchSender+OtherForms.swift` sends once more in another form.
struct BatchSender: Sendable {
    let run: RunContext
    let target: any ReadyTarget
    let policy: RetryPolicy
    /// Says durably that changes up to this sequence may have been sent; called right before their first request.
    let claim: @Sendable (_ through: Int64) async throws -> Void
    /// Requests that this delivery may still make after an answer that names the records for which a request is refused.
    let further = NarrowingBudget()

    var settings: DestinationSettings { run.settings }
    var limiters: RateLimiterPool { run.limiters }
    var keeper: LeaseKeeper { run.keeper }
    var clock: any EngineClock { run.clock }
    var stop: StopSignal { run.stop }
    var narrowing: NarrowingBudget { run.narrowing }

    /// What was tried before with the same records.
    struct History {
        var attempts = 0
        /// Until when one of the attempts may still be carried out.
        var mayLandUntil: Date?
        /// Why that is so.
        var doubt: FailureReason?
    }

    static let stopped = FailureReason(
        code: "stopped", reason: "The run was stopped before this record was sent.")

    var isStopped: Bool { run.isStopped }

    /// - Parameter withheld: the outcomes of changes of the batch that are not sent.
    func send(_ batch: [Change], withheld: [Int64: RecordOutcome] = [:]) async -> BatchResult {
        var result = BatchResult()
        var withheld = withheld
        do {
            withheld.merge(try await target.withhold(batch)) { first, _ in first }
        } catch {
            return cannotTell(batch, error)
        }
        var rest = withheld.isEmpty ? batch : batch.filter { withheld[$0.sequence] == nil }
        var isInterleaved = false
        while !rest.isEmpty {
            await deliver(rest[...], History(), &result)
            judgeAgain(&result)
            rest = release(&result, of: batch)
            isInterleaved = isInterleaved || !rest.isEmpty
        }
        if await sendInOtherForms(&result) { isInterleaved = true }
        let unsent = withheld.merging(result.withheld) { first, _ in first }
        if !unsent.isEmpty || isInterleaved {
            result.outcomes = OutcomeRanges.of(
                result.outcomes, unsent, mayLandUntil: result.withheldMayLandUntil, in: batch)
        }
        return result
    }

    /// Nothing of a batch is sent, because it cannot be known which of its records are to be.
    private func cannotTell(_ batch: [Change], _ error: any Error) -> BatchResult {
        var result = BatchResult()
        var reason = Self.stopped
        if error is WarehouseError {
            result.claimFailure = error
            reason = FailureReason(code: "warehouse", reason: "The warehouse was not reachable.")
        } else if !(error is CancellationError) {
            let stop = RunError(any: error)
            result.stop = stop
            reason = FailureReason(code: stop.code, reason: stop.message)
        }
        record(batch[...], Array(repeating: .notAttempted(reason), count: batch.count), nil, History(), &result)
        return result
    }

    /// Asks once more what the refusals mean of which the target could not tell, because it had taken nothing yet.
    func judgeAgain(_ result: inout BatchResult) {
        if result.unjudged.isEmpty { return }
        let now = run.now
        for index in result.outcomes.indices {
            for change in result.outcomes[index].entries {
                guard let refusal = result.unjudged[change.sequence] else { continue }
                let meant = target.outcome(refusal, of: change, now: now)
                if meant.kind == .notAttempted { continue }
                result.outcomes[index].exceptions[change.sequence] = meant
                result.unjudged[change.sequence] = nil
            }
        }
    }

    /// Takes those out of `withheld` that nothing stands before any more.
    private func release(_ result: inout BatchResult, of batch: [Change]) -> [Change] {
        let behind = batch.filter { result.withheld[$0.sequence]?.kind == .notAttempted }
        if behind.isEmpty || result.stop != nil || isStopped { return [] }
        var order = PersonOrder()
        order.stop(after: result.outcomes)
        let held = order.withheld(behind)
        let released = behind.filter { held[$0.sequence] == nil }
        for change in released { result.withheld[change.sequence] = nil }
        return released
    }

    /// Without the events of people of whom an earlier part of the batch has left one waiting, without an answer or unsent.
    private func inOrder(
        _ part: ArraySlice<Change>, _ history: History, _ result: inout BatchResult
    ) -> ArraySlice<Change> {
        guard part.first?.operation == .track else { return part }
        judgeAgain(&result)
        var order = PersonOrder()
        order.stop(after: result.outcomes)
        let withheld = order.withheld(part)
        if withheld.isEmpty { return part }
        if let doubt = history.doubt, history.mayLandUntil != nil {
            // The whole batch may have been carried out.
            result.withheld.merge(withheld.mapValues { _ in .unknown(doubt) }) { first, _ in first }
            result.withheldMayLandUntil = [result.withheldMayLandUntil, history.mayLandUntil].compactMap(\.self).max()
        } else {
            result.withheld.merge(withheld) { first, _ in first }
        }
        return part.filter { withheld[$0.sequence] == nil }[...]
    }

    func deliver(_ part: ArraySlice<Change>, _ past: History, _ result: inout BatchResult) async {
        var history = past
        switch await attempt(part, &history, &result) {
        case .outcomes(let outcomes, let status):
            record(part, outcomes, status, history, &result)
        case .mismatched(let reason, let mismatches):
            await narrow(part, MismatchedChanges(part, mismatches, reason), history, &result)
        case .split(let reason, let isKnown) where part.count > 1 && result.stop == nil:
            await split(part, reason, isKnown: isKnown, history, &result)
        case .split(let reason, let isKnown):
            let outcome = isKnown ? RecordOutcome.failed(reason) : .unknown(reason)
            if !isKnown { history.mayLandUntil = lastLanding(from: clock.uptime) }
            record(part, Array(repeating: outcome, count: part.count), reason.httpStatus, history, &result)
        case .givenUp(let last):
            // What made the outcome unknown says more than what ended the tries.
            let reason = history.doubt ?? last
            let outcome = history.mayLandUntil == nil ? RecordOutcome.notAttempted(last) : .unknown(reason)
            record(part, Array(repeating: outcome, count: part.count), reason.httpStatus, history, &result)
        }
    }

    private func split(
        _ part: ArraySlice<Change>, _ reason: FailureReason, isKnown: Bool, _ past: History,
        _ result: inout BatchResult
    ) async {
        var history = past
        if isKnown, reason.code == NarrowingBudget.code, !narrowing.take(2) {
            let rest = RecordOutcome.notAttempted(NarrowingBudget.isSpent(reason))
            return record(part, Array(repeating: rest, count: part.count), reason.httpStatus, history, &result)
        }
        // Answered, but not for whom: until the halves have their answers, each record may have been carried out.
        if !isKnown {
            history.mayLandUntil = lastLanding(from: clock.uptime)
            history.doubt = reason
        }
        let middle = part.startIndex + part.count / 2
        await deliver(part[..<middle], history, &result)
        let rest = inOrder(part[middle...], history, &result)
        if !rest.isEmpty { await deliver(rest, history, &result) }
    }

    /// Sends a part of a batch again without the records whose values the answer names; where it names none of them, in halves.
    private func narrow(
        _ part: ArraySlice<Change>, _ refused: MismatchedChanges, _ history: History, _ result: inout BatchResult
    ) async {
        if part.count == 1 {
            let outcome = RecordOutcome.rejected(refused.reasons.values.first ?? refused.reason)
            return record(part, [outcome], refused.reason.httpStatus, history, &result)
        }
        // What an earlier attempt may have carried out must be found out record by record.
        if refused.reasons.isEmpty || history.mayLandUntil != nil {
            return await split(part, refused.reason, isKnown: true, history, &result)
        }
        let rest = part.filter { refused.reasons[$0.sequence] == nil }
        result.withheld.merge(refused.reasons.mapValues { .rejected($0) }) { first, _ in first }
        if rest.isEmpty { return }
        if further.take(1) { return await deliver(rest[...], history, &result) }
        let unsent = RecordOutcome.notAttempted(NarrowingBudget.isSpent(refused.reason))
        record(rest[...], Array(repeating: unsent, count: rest.count), refused.reason.httpStatus, history, &result)
    }

    /// Until when a request sent at `sent` may still land: its deadline, `settle_seconds`, and a margin for a clock
    /// of ours that does not run quite like the warehouse's.
    func lastLanding(from sent: Duration) -> Date {
        let deadline = max(0, settings.limits.requestTimeoutSeconds - (clock.uptime - sent).seconds)
        return run.now.addingTimeInterval(
            deadline + settings.limits.settleSeconds + LeaseKeeper.margin.seconds)
    }

    private func record(
        _ part: ArraySlice<Change>, _ outcomes: [RecordOutcome], _ status: Int?, _ history: History,
        _ result: inout BatchResult
    ) {
        guard let first = part.first, let last = part.last else { return }
        var exceptions: [Int64: RecordOutcome] = [:]
        let now = run.now
        for (change, outcome) in zip(part, outcomes) where outcome != .succeeded {
            let meant = target.outcome(outcome, of: change, now: now)
            if case .failed = outcome, meant.kind == .notAttempted { result.unjudged[change.sequence] = outcome }
            // What an earlier attempt may have carried out is not as if it had never been sent.
            if case .notAttempted(let reason) = meant, history.mayLandUntil != nil {
                exceptions[change.sequence] = .unknown(reason)
            } else {
                exceptions[change.sequence] = meant
            }
        }
        target.took(part.filter { exceptions[$0.sequence] == nil })
        result.outcomes.append(
            BatchOutcome(
                sequences: first.sequence...last.sequence, changes: part.count, operation: first.operation,
                exceptions: exceptions,
                httpStatus: status, attempts: history.attempts, mayLandUntil: history.mayLandUntil, entries: Array(part)
            ))
    }
}

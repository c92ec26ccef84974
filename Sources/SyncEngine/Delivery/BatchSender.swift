import Foundation
import RollcallCore
import Warehouse

/// What became of one batch, in as many parts as it had to be split into.
struct BatchResult: Sendable {
    var outcomes: [BatchOutcome] = []
    var requests = RequestCounts()
    /// Set when nothing more may be sent in this run.
    var stop: RunError?
    /// Iterable said that what the run sends to does not exist.
    var targetIsGone = false
    /// The warehouse did not take the claim, so nothing was sent.
    var claimFailure: (any Error)?
    /// Requests that were sent and may have been carried out.
    var sent: [SentRequest] = []
    /// Names of fields that Iterable did not take.
    var leftOut: Set<String> = []
    /// Changes that were left out of what was sent: refused for their values, or events of a person of whom one before them in the
    /// same batch waits, has no answer or was not sent.
    var withheld: [Int64: RecordOutcome] = [:]
    /// Until when those of `withheld` that are unknown may still be carried out.
    var withheldMayLandUntil: Date?
    /// Refusals that count as not attempted, as long as nothing says that they are about the records.
    var unjudged: [Int64: RecordOutcome] = [:]
}

/// A request that may have been carried out, or may still be.
struct SentRequest: Sendable {
    var changes: ArraySlice<Change>
    /// Whether the lease could still be relied on when the request had its answer or was given up. If so, whoever takes the
    /// lease over knows of it from the claim; if not, it may have left after that.
    var isCovered: Bool
}

/// Sends one batch until each of its records has an outcome: paces, tries again, splits.
struct BatchSender: Sendable {
    let run: RunContext
    let target: any ReadyTarget
    let policy: RetryPolicy
    /// Says durably that changes up to this sequence may have been sent; called right before their first request.
    let claim: @Sendable (_ through: Int64) async throws -> Void
    /// Of the whole delivery.
    let narrowing = NarrowingBudget()

    init(
        run: RunContext, target: any ReadyTarget, policy: RetryPolicy,
        claim: @escaping @Sendable (_ through: Int64) async throws -> Void
    ) {
        self.run = run
        self.target = target
        self.policy = policy
        self.claim = claim
    }

    private var settings: DestinationSettings { run.settings }
    private var limiters: RateLimiterPool { run.limiters }
    private var keeper: LeaseKeeper { run.keeper }
    private var clock: any EngineClock { run.clock }
    private var stop: StopSignal { run.stop }

    /// What was just made may be unknown to Iterable for a while.
    private static let newTarget = RetryPolicy(
        attempts: 30, longest: .seconds(75), base: .seconds(2), cap: .seconds(5))

    /// What was tried before with the same records.
    struct History {
        var attempts = 0
        /// Until when one of the attempts may still be carried out.
        var mayLandUntil: Date?
        /// Why that is so.
        var doubt: FailureReason?
    }

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
        // What an earlier attempt may have carried out must be told apart record by record.
        if refused.reasons.isEmpty || history.mayLandUntil != nil {
            return await split(part, refused.reason, isKnown: true, history, &result)
        }
        let rest = part.filter { refused.reasons[$0.sequence] == nil }
        result.withheld.merge(refused.reasons.mapValues { .rejected($0) }) { first, _ in first }
        if rest.isEmpty { return }
        if narrowing.take(1) { return await deliver(rest[...], history, &result) }
        let unsent = RecordOutcome.notAttempted(NarrowingBudget.isSpent(refused.reason))
        record(rest[...], Array(repeating: unsent, count: rest.count), refused.reason.httpStatus, history, &result)
    }

    private enum AttemptResult {
        case outcomes([RecordOutcome], Int)
        /// Refused as a whole, for values in these fields.
        case mismatched(FailureReason, [TypeMismatch])
        /// Refused or answered as a whole; `isKnown`: certainly not carried out.
        case split(FailureReason, isKnown: Bool)
        /// Not tried again in this run.
        case givenUp(FailureReason)
    }

    private func attempt(
        _ part: ArraySlice<Change>, _ history: inout History, _ result: inout BatchResult
    ) async -> AttemptResult {
        let request = target.request(part[part.startIndex].operation, for: part, now: run.now)
        let started = clock.uptime
        var tries = 0
        while true {
            if let known = await target.foresee(request) {
                switch known {
                case .answered(let outcomes, let status, _): return .outcomes(outcomes, status)
                case .stop(let error):
                    result.stop = error
                    return .givenUp(FailureReason(code: error.code, reason: error.message))
                default: break
                }
            }
            if let reason = await waitForTurn(request.endpoint, &result) { return .givenUp(reason) }
            if history.attempts == 0 {
                if let failure = await claimFailure(part) {
                    result.claimFailure = failure
                    return .givenUp(FailureReason(code: "warehouse", reason: "The warehouse was not reachable."))
                }
            }
            // The claim and the connection may have taken their time: what held before them need not hold now.
            let sent = clock.uptime
            let answer = await run.destination.deliver(request, mayStillSend: lastLook(from: sent))
            if answer != .withheld {
                tries += 1
                history.attempts += 1
                count(answer, part, history, &result)
            }
            switch answer {
            case .withheld:
                if let reason = await refusal(&result) { return .givenUp(reason) }
            case .answered(let outcomes, let status, let leftOut):
                result.leftOut.formUnion(leftOut)
                if !leftOut.isEmpty { target.leftOut(leftOut) }
                limiters.succeeded(settings, request.endpoint)
                // What depends on it rests until Iterable has carried it out everywhere.
                if !request.mayBeRepeated { history.mayLandUntil = lastLanding(from: clock.uptime) }
                return .outcomes(outcomes, status)
            case .ambiguous(let reason):
                return .split(reason, isKnown: false)
            case .refused(let reason):
                return .split(reason, isKnown: true)
            case .mismatched(let reason, let mismatches):
                return .mismatched(reason, mismatches)
            case .targetNotFound(let error):
                result.stop = error
                result.targetIsGone = true
                return .givenUp(FailureReason(code: error.code, reason: error.message))
            case .stop(let error):
                result.stop = error
                return .givenUp(FailureReason(code: error.code, reason: error.message))
            case .retry(let reason, let after, let mayHaveBeenApplied, let cause):
                if mayHaveBeenApplied {
                    history.mayLandUntil = lastLanding(from: sent)
                    history.doubt = reason
                    if !request.mayBeRepeated { return .givenUp(reason) }
                }
                if cause == .rateLimit {
                    result.requests.rateLimited += 1
                    limiters.rateLimited(settings, request.endpoint, after: after)
                }
                let policy = cause == .newTarget ? BatchSender.newTarget : policy
                let pause = policy.delay(
                    attempt: tries, random: clock.randomFraction(), rateLimited: cause == .rateLimit, retryAfter: after)
                guard policy.allowsAnother(after: tries, elapsed: clock.uptime - started + pause) else {
                    result.stop = unavailable(reason, tries)
                    return .givenUp(reason)
                }
                await stop.sleep(for: pause, on: clock)
            }
        }
    }

    private func count(
        _ answer: DeliveryAnswer, _ part: ArraySlice<Change>, _ history: History, _ result: inout BatchResult
    ) {
        result.requests.sent += 1
        if history.attempts > 1 { result.requests.retried += 1 }
        guard answer.mayHaveBeenApplied else { return }
        result.sent.append(SentRequest(changes: part, isCovered: keeper.holds(for: .zero)))
    }

    /// What is asked right before a request leaves: no stop was asked for, and the lease outlasts the request.
    private func lastLook(from began: Duration) -> @Sendable () -> Bool {
        let deadline = began + .seconds(settings.limits.requestTimeoutSeconds)
        return { [stop, keeper] in stop.reason == nil && keeper.covers(until: deadline) }
    }

    private func claimFailure(_ part: ArraySlice<Change>) async -> (any Error)? {
        guard let last = part.last else { return nil }
        do { try await claim(last.sequence) } catch { return error }
        return nil
    }

    /// Waits for the rate limit; gives the reason why the request must not be sent any more, if there is one.
    private func waitForTurn(
        _ endpoint: Endpoint, _ result: inout BatchResult
    ) async -> FailureReason? {
        if result.stop != nil { return Self.stopped }
        do throws(RunError) {
            guard try await run.waitForTurn(endpoint) else { return Self.stopped }
        } catch {
            result.stop = error
            return FailureReason(code: error.code, reason: error.message)
        }
        return await refusal(&result)
    }

    static let stopped = FailureReason(
        code: "stopped", reason: "The run was stopped before this record was sent.")

    private var isStopped: Bool { run.isStopped }

    /// Why nothing may be sent right now: the run is to stop, or its lease does not outlast a request.
    private func refusal(_ result: inout BatchResult) async -> FailureReason? {
        if isStopped { return Self.stopped }
        do throws(WarehouseError) {
            try await keeper.ensure(for: .seconds(settings.limits.requestTimeoutSeconds))
            return nil
        } catch  where error.kind == .replaced {
            result.stop = error.error
            return FailureReason(code: error.error.code, reason: error.error.message)
        } catch {
            result.stop = .leaseLost
            return FailureReason(code: "lease_lost", reason: "The run lost its lease before this record was sent.")
        }
    }

    /// Until when a request sent at `sent` may still land: its deadline, `settle_seconds`, and a margin for a clock
    /// of ours that does not run quite like the warehouse's.
    private func lastLanding(from sent: Duration) -> Date {
        let deadline = max(0, settings.limits.requestTimeoutSeconds - (clock.uptime - sent).seconds)
        return run.now.addingTimeInterval(
            deadline + settings.limits.settleSeconds + LeaseKeeper.margin.seconds)
    }

    private func unavailable(_ reason: FailureReason, _ tries: Int) -> RunError {
        RunError(
            code: "destination_unavailable",
            message: "Iterable did not take a request after \(tries) attempts: \(reason.reason)",
            hint: "What was sent and not answered is put right by the next run; the rest is tried again.")
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

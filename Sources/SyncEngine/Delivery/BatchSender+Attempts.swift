import Foundation
import RollcallCore
import Warehouse

/// One request: it waits for its turn, is claimed before it first leaves, and is tried again until it has an answer or is given up.
extension BatchSender {
    /// What was just made may be unknown to Iterable for a while.
    private static let newTarget = RetryPolicy(
        attempts: 30, longest: .seconds(75), base: .seconds(2), cap: .seconds(5))

    enum AttemptResult {
        case outcomes([RecordOutcome], Int)
        /// Refused as a whole, for values in these fields.
        case mismatched(FailureReason, [TypeMismatch])
        /// Refused or answered as a whole; `isKnown`: certainly not carried out.
        case split(FailureReason, isKnown: Bool)
        /// Not tried again in this run.
        case givenUp(FailureReason)
    }

    func attempt(
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
                // What depends on it rests until Iterable has carried it out everywhere. What it refused leaves nothing to wait for.
                if !request.mayBeRepeated, outcomes.contains(.succeeded) {
                    history.mayLandUntil = lastLanding(from: clock.uptime)
                }
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

    private func unavailable(_ reason: FailureReason, _ tries: Int) -> RunError {
        RunError(
            code: "destination_unavailable",
            message: "Iterable did not take a request after \(tries) attempts: \(reason.reason)",
            hint: "What was sent and not answered is put right by the next run; the rest is tried again.")
    }
}

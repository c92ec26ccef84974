import Synchronization
import Warehouse

/// A call to a warehouse that is waited for only so long. It may go on after that; its result then goes nowhere.
final class LimitedCall<R: Sendable>: Sendable {
    typealias Outcome = Result<R, WarehouseError>

    private struct State {
        var outcome: Outcome?
        var isGivenUp = false
        var waiter: CheckedContinuation<Outcome?, Never>?
    }

    private let state = Mutex(State())

    /// - Returns: nil when it took longer than `limit`, or was given up.
    func run(
        atMost limit: Duration, _ clock: any ReceiverClock,
        _ body: @escaping @Sendable () async throws(WarehouseError) -> R
    ) async -> Outcome? {
        var wait = WarehouseWait.current
        wait.isStopped = { self.state.withLock { $0.isGivenUp } }
        let limited = wait
        let call = Task {
            await WarehouseWait.$current.withValue(limited) {
                do throws(WarehouseError) {
                    self.end(.success(try await body()))
                } catch {
                    self.end(.failure(error))
                }
            }
        }
        let timer = Task {
            guard (try? await clock.sleep(for: limit)) != nil else { return }
            self.giveUp()
        }
        let outcome = await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                let isOver = state.outcome != nil || state.isGivenUp
                if !isOver { state.waiter = continuation }
                return isOver
            }
            if isOver { continuation.resume(returning: state.withLock { $0.outcome }) }
        }
        timer.cancel()
        if outcome == nil { call.cancel() }
        return outcome
    }

    /// Ends the wait.
    func giveUp() {
        let waiter = state.withLock { state in
            if state.outcome == nil { state.isGivenUp = true }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(returning: nil)
    }

    private func end(_ outcome: Outcome) {
        let waiter = state.withLock { state -> CheckedContinuation<Outcome?, Never>? in
            guard !state.isGivenUp else { return nil }
            state.outcome = outcome
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(returning: outcome)
    }
}

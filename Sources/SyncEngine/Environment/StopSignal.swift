import Synchronization

/// Asks runs to stop: no new request after it, those under way get their answers recorded.
package final class StopSignal: Sendable {
    /// Why a run is to stop; decides its status.
    package enum Reason: Sendable, Equatable {
        /// The process was asked to end (Ctrl-C, SIGTERM): the run becomes `interrupted`.
        case interrupted
        /// A person cancelled this run: it becomes `cancelled`.
        case cancelled
    }

    private struct State {
        var reason: Reason?
        var nextID = 0
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    /// The first request wins; later ones change nothing.
    package func request(_ reason: Reason) {
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            if state.reason == nil { state.reason = reason }
            defer { state.waiters = [:] }
            return state.waiters.sorted { $0.key < $1.key }.map(\.value)
        }
        for waiter in waiters { waiter.resume() }
    }

    package var reason: Reason? { state.withLock { $0.reason } }

    /// Returns when a stop is requested or the task is cancelled.
    package func wait() async {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let resumeNow = state.withLock { state in
                    if state.reason != nil || Task.isCancelled { return true }
                    state.waiters[id] = continuation
                    return false
                }
                if resumeNow { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }

    /// Sleeps, but wakes early when a stop is requested or the task is cancelled.
    func sleep(for duration: Duration, on clock: any EngineClock) async {
        guard duration > .zero, reason == nil else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await clock.sleep(for: duration) }
            group.addTask { await self.wait() }
            await group.next()
            group.cancelAll()
        }
    }
}

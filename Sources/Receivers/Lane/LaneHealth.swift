import RollcallCore
import Synchronization
import Warehouse

/// Whether a warehouse can be written now, and when that is tried again.
final class LaneHealth: Sendable {
    private static let firstPause = Duration.seconds(1)
    private static let longestPause = Duration.seconds(30)

    private struct State {
        var problem: RunError?
        var pause = firstPause
        var nextAttempt = Duration.zero
    }

    private let state = Mutex(State())

    var problem: RunError? { state.withLock { $0.problem } }

    /// How long no attempt is to be made; nil: none has to wait.
    func pause(at now: Duration) -> Duration? {
        state.withLock { state in
            guard state.problem != nil, state.nextAttempt > now else { return nil }
            return state.nextAttempt - now
        }
    }

    /// - Returns: whether it could be written before.
    func fail(_ problem: RunError, at now: Duration) -> Bool {
        state.withLock { state in
            let wasFine = state.problem == nil
            state.problem = problem
            state.pause = wasFine ? Self.firstPause : min(state.pause * 2, Self.longestPause)
            state.nextAttempt = now + state.pause
            return wasFine
        }
    }

    /// - Returns: whether it could not be written before.
    func succeed() -> Bool {
        state.withLock { state in
            defer { state = State() }
            return state.problem != nil
        }
    }
}

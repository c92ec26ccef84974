import RollcallCore
import Synchronization

/// An answer that one task gives and another waits for. The first answer counts.
final class Reply: Sendable {
    private struct State {
        var answer: Result<SyncRun, ServiceError>?
        var waiter: CheckedContinuation<Result<SyncRun, ServiceError>, Never>?
    }

    private let state = Mutex(State())

    func give(_ answer: Result<SyncRun, ServiceError>) {
        let waiter = state.withLock { state -> CheckedContinuation<Result<SyncRun, ServiceError>, Never>? in
            guard state.answer == nil else { return nil }
            state.answer = answer
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(returning: answer)
    }

    /// Waits for the answer; only one task may.
    func value() async throws(ServiceError) -> SyncRun {
        let answer = await withCheckedContinuation { continuation in
            let given = state.withLock { state in
                if state.answer == nil { state.waiter = continuation }
                return state.answer
            }
            if let given { continuation.resume(returning: given) }
        }
        return try answer.get()
    }
}

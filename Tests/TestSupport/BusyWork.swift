import Foundation

/// Runs work that keeps a processor busy, on a thread of its own and behind all else. On the threads that `async` code shares,
/// it would keep servers and clients of other tests from answering in time.
package func busyWork<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread {
            // Of this thread alone (Linux: setpriority(2), "C library/kernel differences").
            setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
            continuation.resume(with: Result { try body() })
        }
    }
}

import Synchronization

/// Wakes a stream that waits for its next look. A signal that comes while nothing waits is kept.
package final class WakeSignal: Sendable {
    private let present = Mutex(StopSignal())

    package init() {}

    package func signal() { present.withLock { $0 }.request(.interrupted) }

    /// Takes the signal back. One that comes at the same time may be lost: what it announces was committed before, and is found by
    /// the look that follows.
    /// - Returns: whether it was given.
    func take() -> Bool {
        present.withLock { present in
            guard present.reason != nil else { return false }
            present = StopSignal()
            return true
        }
    }

    /// Returns when a signal is given, or was given and not taken, or the task is cancelled.
    func wait() async { await present.withLock { $0 }.wait() }
}

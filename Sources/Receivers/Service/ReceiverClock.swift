package import Foundation

/// The receivers' only source of time.
package protocol ReceiverClock: Sendable {
    /// UTC.
    var wallTime: Date { get }
    /// Monotonic time since some fixed moment.
    var uptime: Duration { get }
    /// Waits; throws `CancellationError` at once when the task is cancelled.
    func sleep(for duration: Duration) async throws
}

/// The machine's own clock.
package struct SystemReceiverClock: ReceiverClock {
    private let start = ContinuousClock.now

    package init() {}

    package var wallTime: Date { Date() }
    package var uptime: Duration { start.duration(to: ContinuousClock.now) }
    package func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
}

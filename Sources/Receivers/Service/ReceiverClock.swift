public import Foundation

/// The receivers' only source of time.
public protocol ReceiverClock: Sendable {
    /// UTC.
    var wallTime: Date { get }
    /// Monotonic time since some fixed moment.
    var uptime: Duration { get }
    /// Waits; throws `CancellationError` at once when the task is cancelled.
    func sleep(for duration: Duration) async throws
}

/// The machine's own clock.
public struct SystemReceiverClock: ReceiverClock {
    private let start = ContinuousClock.now

    public init() {}

    public var wallTime: Date { Date() }
    public var uptime: Duration { start.duration(to: ContinuousClock.now) }
    public func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
}

package import Foundation

/// The engine's only sources of time and chance. Two implementations: the machine's, and the simulation's.
package protocol EngineClock: Sendable {
    /// Monotonic time since some fixed moment; continues while the process is stopped or the machine sleeps.
    var uptime: Duration { get }
    /// Wall clock, UTC. Only for what is shown or stored where no warehouse clock is at hand.
    var wallTime: Date { get }
    /// Waits; throws `CancellationError` at once when the task is cancelled.
    func sleep(for duration: Duration) async throws
    /// 64 random bits.
    func random() -> UInt64
}

extension EngineClock {
    /// A number from 0 to just under 1.
    func randomFraction() -> Double { Double(random() >> 11) / Double(1 << 53) }
}

/// The machine's own clock and randomness.
package struct SystemClock: EngineClock {
    private let start: ContinuousClock.Instant

    package init() { start = ContinuousClock.now }

    package var uptime: Duration { start.duration(to: ContinuousClock.now) }
    package var wallTime: Date { Date() }
    package func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }

    package func random() -> UInt64 {
        var generator = SystemRandomNumberGenerator()
        return generator.next()
    }
}

/// The warehouse's time, read once and carried on by the monotonic clock: a wall clock that jumps in mid-run, or that
/// differs between machines, changes nothing.
struct RunClock: Sendable {
    private let base: Date
    private let origin: Duration
    private let clock: any EngineClock

    init(warehouseTime: Date, clock: any EngineClock) {
        base = warehouseTime
        origin = clock.uptime
        self.clock = clock
    }

    var now: Date { base.addingTimeInterval((clock.uptime - origin).seconds) }
}

extension Duration {
    /// As a number of seconds.
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}

import Foundation
import SyncEngine
import Synchronization

/// Virtual time: every sleep returns at once and moves the time on, after the events that fall into it.
/// The lease's beats (sleeps of exactly four seconds) wait for their cancellation instead, so that they don't drive the time.
final class ManualClock: EngineClock {
    private struct State {
        var uptime = Duration.zero
        var events: [(at: Duration, action: @Sendable () -> Void)] = []
        var seed: UInt64
    }

    private let state: Mutex<State>
    private let start = Date(timeIntervalSince1970: 1_800_000_000)

    init(seed: UInt64 = 7) { state = Mutex(State(seed: seed)) }

    var uptime: Duration { state.withLock { $0.uptime } }
    var wallTime: Date { start.addingTimeInterval(Double(uptime.components.seconds)) }

    /// Runs `action` once the time has moved on by `delay`.
    func schedule(after delay: Duration, _ action: @escaping @Sendable () -> Void) {
        state.withLock { $0.events.append((at: $0.uptime + delay, action: action)) }
    }

    func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.uptime += duration
            let due = state.events.filter { $0.at <= state.uptime }.sorted { $0.at < $1.at }
            state.events.removeAll { $0.at <= state.uptime }
            return due
        }
        for event in due { event.action() }
    }

    func sleep(for duration: Duration) async throws {
        if duration == .seconds(4) { return try await Task.sleep(for: .seconds(3600)) }
        try Task.checkCancellation()
        advance(by: duration)
        await Task.yield()
    }

    func random() -> UInt64 {
        state.withLock { state in
            state.seed = state.seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state.seed ^ (state.seed >> 31)
        }
    }
}

import Foundation
import Synchronization

@testable import Receivers

/// A clock that a test moves on. Short waits, such as the one for a whole group, pass by themselves.
final class ManualClock: ReceiverClock {
    private struct Sleeper {
        var end: Duration
        var duration: Duration
        var continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var uptime = Duration.zero
        /// Seconds by which the wall clock was moved.
        var moved = 0.0
        var nextID = 0
        var sleepers: [Int: Sleeper] = [:]
        var watchers: [(Duration, CheckedContinuation<Void, Never>)] = []
    }

    private static let short = Duration.milliseconds(10)
    static let start = Date(timeIntervalSince1970: 1_800_000_000)

    private let state = Mutex(State())

    var uptime: Duration { state.withLock { $0.uptime } }

    var wallTime: Date {
        let (passed, moved) = state.withLock { ($0.uptime.components, $0.moved) }
        return Self.start.addingTimeInterval(Double(passed.seconds) + Double(passed.attoseconds) * 1e-18 + moved)
    }

    /// What a clock that is never moved shows.
    var trueTime: Date { Self.start.addingTimeInterval(uptime.seconds) }

    /// Moves the wall clock alone, as a correction by hand does.
    func moveWall(by seconds: Double) { state.withLock { $0.moved += seconds } }

    func sleep(for duration: Duration) async throws {
        if duration <= Self.short {
            await Task.yield()
            return advance(by: duration)
        }
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let watchers = state.withLock { state -> [CheckedContinuation<Void, Never>]? in
                    if Task.isCancelled { return nil }
                    state.sleepers[id] = Sleeper(
                        end: state.uptime + duration, duration: duration, continuation: continuation)
                    defer { state.watchers.removeAll { $0.0 == duration } }
                    return state.watchers.filter { $0.0 == duration }.map(\.1)
                }
                guard let watchers else { return continuation.resume(throwing: CancellationError()) }
                for watcher in watchers { watcher.resume() }
            }
        } onCancel: {
            state.withLock { $0.sleepers.removeValue(forKey: id) }?.continuation.resume(throwing: CancellationError())
        }
    }

    func advance(by duration: Duration) {
        let woken = state.withLock { state in
            state.uptime += duration
            let due = state.sleepers.filter { $0.value.end <= state.uptime }
            for id in due.keys { state.sleepers[id] = nil }
            return due.sorted { $0.value.end < $1.value.end }.map(\.value.continuation)
        }
        for continuation in woken { continuation.resume() }
    }

    /// Whether something waits for the next attempt to reach a warehouse, or to write counts; limits of calls are other times.
    var hasPause: Bool {
        state.withLock { state in
            state.sleepers.values.contains { sleeper in
                sleeper.duration < .seconds(9) && ![.seconds(3), .seconds(5)].contains(sleeper.duration)
            }
        }
    }

    /// Whether something waits for exactly so long.
    func hasSleeper(of duration: Duration) -> Bool {
        state.withLock { $0.sleepers.values.contains { $0.duration == duration } }
    }

    /// Returns when something waits for exactly so long.
    func sleeper(of duration: Duration) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.sleepers.values.contains(where: { $0.duration == duration }) { return true }
                state.watchers.append((duration, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }
}

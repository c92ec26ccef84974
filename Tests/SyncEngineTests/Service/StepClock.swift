import Foundation
import SyncEngine
import Synchronization

/// Virtual time that moves only when the test moves it. Pauses of less than a second, as between two requests, pass at
/// once; the wall clock can be set apart from the monotonic one.
final class StepClock: EngineClock {
    private struct Sleeper {
        var since: Duration
        var until: Duration
        var continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var uptime = Duration.zero
        var wallOffset = 0.0
        var nextID = 0
        var sleepers: [Int: Sleeper] = [:]
        var seed: UInt64 = 11
    }

    private let state = Mutex(State())
    /// A midnight in UTC.
    let start = Date(timeIntervalSince1970: 1_800_057_600)

    var uptime: Duration { state.withLock { $0.uptime } }

    var wallTime: Date {
        state.withLock { start.addingTimeInterval(Double($0.uptime.components.seconds) + $0.wallOffset) }
    }

    /// How many sleep.
    var sleeperCount: Int { state.withLock { $0.sleepers.count } }

    /// Whether a caller has fallen asleep for just this long since the time was last moved. Who moves the time on
    /// before that, moves it for a sleeper who is not there yet.
    func isAsleep(for duration: Duration) -> Bool {
        state.withLock { state in
            state.sleepers.values.contains { $0.since == state.uptime && $0.until == state.uptime + duration }
        }
    }

    /// Sets the wall clock forward or back.
    func jump(by seconds: Double) { state.withLock { $0.wallOffset += seconds } }

    /// Moves the time on and wakes who has slept long enough.
    func advance(by duration: Duration) {
        let woken = state.withLock { state in
            state.uptime += duration
            var woken: [CheckedContinuation<Bool, Never>] = []
            for (id, sleeper) in state.sleepers where sleeper.until <= state.uptime {
                woken.append(sleeper.continuation)
                state.sleepers[id] = nil
            }
            return woken
        }
        for continuation in woken { continuation.resume(returning: true) }
    }

    func sleep(for duration: Duration) async throws {
        try Task.checkCancellation()
        if duration < .seconds(1) { return await Task.yield() }
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        let slept = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isCancelled = state.withLock { state in
                    if Task.isCancelled { return true }
                    state.sleepers[id] = Sleeper(
                        since: state.uptime, until: state.uptime + duration, continuation: continuation)
                    return false
                }
                if isCancelled { continuation.resume(returning: false) }
            }
        } onCancel: {
            state.withLock { $0.sleepers.removeValue(forKey: id) }?.continuation.resume(returning: false)
        }
        if !slept { throw CancellationError() }
    }

    func random() -> UInt64 {
        state.withLock { state in
            state.seed = state.seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state.seed ^ (state.seed >> 31)
        }
    }
}

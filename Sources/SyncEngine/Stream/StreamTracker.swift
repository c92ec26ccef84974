import Foundation
import RollcallCore
import Synchronization
import Warehouse

/// Follows the stream of one sync in this process: its state, how far behind it is, and how fast it goes.
package final class StreamTracker: Sendable {
    private struct State {
        var status = StreamStatus()
        /// Since when the oldest record without an outcome has been there, on the monotonic clock; nil: there is none.
        var oldest: Duration?
        /// What ``RunProgress/sending(done:total:)`` said last of the present row.
        var done = 0
        var bin: Duration
        var binRecords = 0
        var binLag = 0.0
        var watch: (any SourceWatch)?
        /// How many looks have come to their end.
        var looks = 0
    }

    static let sampleSeconds = 10.0
    static let mostSamples = 360

    private let clock: any EngineClock
    private let state: Mutex<State>

    package init(clock: any EngineClock) {
        self.clock = clock
        state = Mutex(State(bin: clock.uptime))
    }

    /// As it is now.
    package var status: StreamStatus {
        let (now, wall) = (clock.uptime, clock.wallTime)
        return state.withLock { state in
            Self.roll(&state, now, wall)
            var status = state.status
            status.lagSeconds = Self.lag(state, now)
            status.wakes = state.watch?.wakes ?? .none
            return status
        }
    }

    /// How many looks have come to their end, with everything sent that they have found.
    var looks: Int { state.withLock { $0.looks } }

    /// The watch that the stream has; nil: it has ended.
    func use(_ watch: (any SourceWatch)?) { update { $0.watch = watch } }

    /// The source was read.
    /// - Parameters:
    ///   - oldest: for how long the oldest of the new records has been there; nil: there are none.
    ///   - count: new records.
    func read(oldest: Duration?, count: Int) {
        let (now, wall) = (clock.uptime, clock.wallTime)
        update { state in
            state.status.latestReadAt = wall
            guard let oldest, count > 0 else { return }
            state.oldest = now - oldest
            state.status.backlog = count
            state.status.phase = .sending
        }
    }

    /// Everything that was read has an outcome.
    func caughtUp() {
        update { state in
            state.binLag = max(state.binLag, Self.lag(state, self.clock.uptime))
            (state.oldest, state.status.backlog) = (nil, 0)
            state.status.phase = .following
            state.looks += 1
        }
    }

    /// The stream has ended, and what it has not sent is read again by the next one: how far behind it is stays as it was.
    func ended(_ phase: StreamStatus.Phase) {
        update { state in
            state.status.phase = phase
            state.watch = nil
            if case .failing = phase { return }
            (state.oldest, state.status.backlog) = (nil, 0)
        }
    }

    func handle(_ progress: RunProgress) {
        switch progress {
        case .opened: update { $0.done = 0 }
        case .sending(let done, let total):
            update { state in
                let new = max(0, done - state.done)
                state.done = done
                state.status.records += new
                state.binRecords += new
                state.status.backlog = max(0, total - done)
            }
        default: break
        }
    }

    private func update(_ body: (inout State) -> Void) {
        let (now, wall) = (clock.uptime, clock.wallTime)
        state.withLock { state in
            Self.roll(&state, now, wall)
            body(&state)
        }
    }

    private static func lag(_ state: State, _ now: Duration) -> Double {
        state.oldest.map { max(0, (now - $0).seconds) } ?? 0
    }

    /// Closes the samples whose time is over.
    private static func roll(_ state: inout State, _ now: Duration, _ wall: Date) {
        let length = Duration.seconds(sampleSeconds)
        if now - state.bin > length * (mostSamples + 1) { state.bin = now - length * (mostSamples + 1) }
        while now - state.bin >= length {
            state.bin += length
            let sample = StreamStatus.Sample(
                at: wall.addingTimeInterval(-(now - state.bin).seconds),
                lagSeconds: max(state.binLag, lag(state, state.bin)),
                recordsPerSecond: Double(state.binRecords) / sampleSeconds)
            state.status.samples.append(sample)
            state.status.recordsPerSecond = sample.recordsPerSecond
            (state.binRecords, state.binLag) = (0, 0)
        }
        let surplus = state.status.samples.count - mostSamples
        if surplus > 0 { state.status.samples.removeFirst(surplus) }
    }
}

import Foundation
import RollcallCore
import Synchronization

/// Follows one run of this process: what it is busy with, how fast it goes, and the way to stop it.
final class RunTracker: Sendable {
    /// Time between two events of progress, unless the run turns to something else.
    private static let pause = Duration.milliseconds(250)

    private struct State {
        var live: LiveRun?
        var sendingSince: Duration?
        var sendingFrom = 0
        var lastEvent: Duration?
    }

    let sync: SyncSettings
    /// The held run that is decided upon; nil: a new one is begun.
    private let heldRun: String?
    let stop = StopSignal()
    private let clock: any EngineClock
    private let hub: EventHub
    private let onOpened: @Sendable (SyncRun) -> Void
    private let state = Mutex(State())

    init(
        sync: SyncSettings, heldRun: String?, clock: any EngineClock, hub: EventHub,
        onOpened: @escaping @Sendable (SyncRun) -> Void
    ) {
        self.sync = sync
        self.heldRun = heldRun
        self.clock = clock
        self.hub = hub
        self.onOpened = onOpened
    }

    /// nil before the run has its row.
    var live: LiveRun? { state.withLock { $0.live } }

    /// nil before a new run has its row.
    var runID: String? { live?.runID ?? heldRun }

    func handle(_ progress: RunProgress) {
        switch progress {
        case .opened(let run):
            state.withLock { state in
                state.live = LiveRun(
                    runID: run.id, sync: run.sync, trigger: run.trigger, startedAt: run.startedAt,
                    progress: .readingSnapshot)
                state.live?.requests = run.requests
                (state.sendingSince, state.sendingFrom) = (nil, 0)
            }
            hub.send(.started(run))
            onOpened(run)
        case .requests(let requests):
            state.withLock { $0.live?.requests = requests }
        default:
            if let live = update(progress) { hub.send(.progress(live)) }
        }
    }

    /// The run to tell others about, if it is time to.
    private func update(_ progress: RunProgress) -> LiveRun? {
        let now = clock.uptime
        return state.withLock { state in
            guard var live = state.live else { return nil }
            let isNew = !live.progress.isSamePhase(as: progress)
            live.progress = progress
            if case .sending(let done, let total) = progress {
                if state.sendingSince == nil { (state.sendingSince, state.sendingFrom) = (now, done) }
                let seconds = (now - (state.sendingSince ?? now)).seconds
                let rate = seconds > 0 ? Double(done - state.sendingFrom) / seconds : 0
                live.changesPerSecond = rate > 0 ? rate : nil
                live.secondsLeft = rate > 0 ? Double(total - done) / rate : nil
            }
            state.live = live
            if let last = state.lastEvent, now - last < Self.pause, !isNew { return nil }
            state.lastEvent = now
            return live
        }
    }
}

extension RunProgress {
    fileprivate func isSamePhase(as other: RunProgress) -> Bool {
        switch (self, other) {
        case (.readingSnapshot, .readingSnapshot), (.readingAudience, .readingAudience), (.staging, .staging),
            (.sending, .sending), (.waiting, .waiting), (.finishing, .finishing), (_, .note), (.note, _):
            true
        default: false
        }
    }
}

package import Foundation
package import RollcallCore
import Warehouse

/// One line of "syncs at a glance".
package struct SyncStatus: Sendable {
    package var settings: SyncSettings
    /// Its schedule is paused; runs on demand are not.
    package var isPaused = false
    /// Set while it runs in this process.
    package var live: LiveRun?
    /// Running here or in another process.
    package var isRunning: Bool { live != nil || latestRun?.status == .running }
    package var latestRun: SyncRun?
    package var heldRun: SyncRun?
    /// When its schedule is due next; nil without a schedule, or while it is paused or disabled.
    package var nextDue: Date?
    package var latestTick: Tick?
    /// Members of the snapshot, as counted last: they are counted again after each run, here or elsewhere; nil while not counted
    /// yet.
    package var members: Int?
    package var listID: Int64?
    /// What its stream does in this process; nil: it has none.
    package var stream: StreamStatus?
    /// Why nothing is known of the sync but its settings, whether it is paused and what it does in this process: its warehouse
    /// cannot be reached, or its state is in another one (`state_elsewhere`), or may be in one that cannot be read
    /// (`state_unknown`).
    package var problem: RunError?
    /// Whether ``problem`` is that its state is in another warehouse than the configuration has it in, or may be.
    package var isMissingState: Bool { problem?.isMissingState ?? false }
    /// The name of the warehouse in which the configuration has its state; nil: in that of its rows.
    package var stateWarehouse: String?

    package init(settings: SyncSettings) { self.settings = settings }
}

/// A run in progress in this process.
package struct LiveRun: Sendable, Equatable {
    package var runID: String
    package var sync: String
    package var trigger: RunTrigger
    package var startedAt: Date
    package var progress: RunProgress
    /// Changes with an outcome per second since the first request; nil before it.
    package var changesPerSecond: Double?
    package var secondsLeft: Double?
    /// Deliveries so far.
    package var requests = RequestCounts()

    package init(runID: String, sync: String, trigger: RunTrigger, startedAt: Date, progress: RunProgress) {
        self.runID = runID
        self.sync = sync
        self.trigger = trigger
        self.startedAt = startedAt
        self.progress = progress
    }
}

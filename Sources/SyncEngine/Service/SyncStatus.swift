public import Foundation
public import RollcallCore
import Warehouse

/// One line of "syncs at a glance".
public struct SyncStatus: Sendable {
    public var settings: SyncSettings
    /// Its schedule is paused; runs on demand are not.
    public var isPaused = false
    /// Set while it runs in this process.
    public var live: LiveRun?
    /// Running here or in another process.
    public var isRunning: Bool { live != nil || latestRun?.status == .running }
    public var latestRun: SyncRun?
    public var heldRun: SyncRun?
    /// When its schedule is due next; nil without a schedule, or while it is paused or disabled.
    public var nextDue: Date?
    public var latestTick: Tick?
    /// Members of the snapshot, as counted after the latest run that ended here; nil while not counted yet.
    public var members: Int?
    public var listID: Int64?
    /// What its stream does in this process; nil: it has none.
    public var stream: StreamStatus?
    /// Why nothing is known of the sync but its settings, whether it is paused and what it does in this process: its warehouse
    /// cannot be reached, or its state is in another one (`state_elsewhere`), or may be in one that cannot be read
    /// (`state_unknown`).
    public var problem: RunError?
    /// Whether ``problem`` is that its state is in another warehouse than the configuration has it in, or may be.
    public var isMissingState: Bool { problem?.isMissingState ?? false }
    /// The name of the warehouse in which the configuration has its state; nil: in that of its rows.
    public var stateWarehouse: String?

    public init(settings: SyncSettings) { self.settings = settings }
}

/// A run in progress in this process.
public struct LiveRun: Sendable, Equatable {
    public var runID: String
    public var sync: String
    public var trigger: RunTrigger
    public var startedAt: Date
    public var progress: RunProgress
    /// Changes with an outcome per second since the first request; nil before it.
    public var changesPerSecond: Double?
    public var secondsLeft: Double?
    /// Deliveries so far.
    public var requests = RequestCounts()

    public init(runID: String, sync: String, trigger: RunTrigger, startedAt: Date, progress: RunProgress) {
        self.runID = runID
        self.sync = sync
        self.trigger = trigger
        self.startedAt = startedAt
        self.progress = progress
    }
}

package import Foundation
package import RollcallCore

/// What the processes that serve a warehouse's syncs share beside the runs: ticks, pauses, requests to cancel.
/// The rules of ``Warehouse`` hold here too; reads of state tables that do not exist yet give nothing.
package protocol TickStore: Sendable {
    // MARK: Ticks

    /// Notes which schedule a sync has. Where it is new or another than before, ticks count from `now` on; a sync whose
    /// schedule is the same owes what was due since the last tick with a row.
    /// - Parameter schedule: text that is the same as long as the grid is.
    func noteSchedule(sync: String, schedule: String, now: Date) async throws(WarehouseError)
    /// Gives rows to all ticks that the sync owes, in one transaction: earlier ones are `missed`, the latest is
    /// `pending` under the claim's run id (`skipped_paused`, `skipped_disabled` where it is so). A tick that has a row
    /// keeps it: of several processes, the primary key decides who gets it. Earlier ticks that are still `pending`
    /// and have no run become `missed`.
    /// - Returns: the latest tick, if this call made its row, and how many were missed.
    func claimTick(_ claim: TickClaim) async throws(WarehouseError) -> ClaimedTick?
    /// Says what became of a pending tick. A tick whose run exists has `ran`, whatever is asked; a tick that is decided
    /// upon already stays as it is otherwise.
    /// - Returns: the tick as this call left it; nil if it changed nothing.
    func finishTick(_ tick: Tick) async throws(WarehouseError) -> Tick?
    /// Takes over ticks that have been pending for `seconds` (database clock): their process died or lost the
    /// warehouse. They keep their run id, so that one of them can begin only one run.
    func takeOverTicks(pendingFor seconds: Double) async throws(WarehouseError) -> [Tick]
    /// Newest first.
    func ticks(_ filter: TickFilter) async throws(WarehouseError) -> [Tick]

    // MARK: Syncs

    /// What `serve` shows of each of these syncs, in one consistent view. Syncs without any state are in it too.
    func summaries(_ syncs: [String]) async throws(WarehouseError) -> [String: SyncSummary]
    /// Pauses or resumes a sync's schedule.
    func setPaused(_ paused: Bool, sync: String) async throws(WarehouseError)

    /// Notes what alerts say of a sync, if it still is `old`: of several processes one gets true, and sends the alert.
    func changeAlertState(sync: String, from old: String?, to new: String) async throws(WarehouseError) -> Bool

    // MARK: Runs of other processes

    /// Asks whichever process runs it to cancel a run; nothing happens if it is not running.
    func requestCancel(run id: String) async throws(WarehouseError)
    /// Ids of running runs that were asked to end.
    func cancelRequests() async throws(WarehouseError) -> Set<String>
    /// Syncs with a run that is `running` or `queued` although no process holds their lease, or one of which `isDead` says
    /// that it no longer lives.
    func abandonedSyncs(isDead: @escaping @Sendable (String) -> Bool) async throws(WarehouseError) -> [String]
    /// Seconds until the sync's lease ends unless its holder renews it; nil if no process holds it.
    func leaseSecondsLeft(sync: String) async throws(WarehouseError) -> Double?
}

/// A process's claim to run the tick that is due.
package struct TickClaim: Sendable, Equatable {
    package var sync: String
    package var grid: TickGrid
    /// Wall clock of the process.
    package var now: Date
    /// Of the sync's log; older ticks get no row.
    package var retentionDays: Int
    /// False: the tick is recorded as `skipped_disabled`.
    package var isEnabled: Bool
    /// The id that the tick's run will have.
    package var runID: String

    package init(sync: String, grid: TickGrid, now: Date, retentionDays: Int, isEnabled: Bool, runID: String) {
        self.sync = sync
        self.grid = grid
        self.now = now
        self.retentionDays = retentionDays
        self.isEnabled = isEnabled
        self.runID = runID
    }
}

extension TickClaim {
    /// The tick that is due, as it is written if it has no row yet.
    func tick(due: Date, isPaused: Bool) -> Tick {
        let outcome: TickOutcome = !isEnabled ? .skippedDisabled : isPaused ? .skippedPaused : .pending
        return Tick(
            sync: sync, dueAt: due, outcome: outcome, runID: outcome == .pending ? runID : nil,
            latenessSeconds: max(0, now.timeIntervalSince(due)))
    }
}

package struct ClaimedTick: Sendable, Equatable {
    package var tick: Tick
    /// Earlier ticks that this call recorded as missed.
    package var missed: Int

    package init(tick: Tick, missed: Int) {
        self.tick = tick
        self.missed = missed
    }
}

package struct TickFilter: Sendable, Equatable {
    package var sync: String?
    package var outcome: TickOutcome?
    /// Ticks due at or after this time.
    package var since: Date?
    /// Ticks due before this time.
    package var before: Date?
    package var limit: Int

    package init(
        sync: String? = nil, outcome: TickOutcome? = nil, since: Date? = nil, before: Date? = nil, limit: Int = 50
    ) {
        self.sync = sync
        self.outcome = outcome
        self.since = since
        self.before = before
        self.limit = limit
    }
}

/// The state of one sync, as far as it can be read without counting members.
package struct SyncSummary: Sendable, Equatable {
    package var isPaused = false
    package var latestRun: SyncRun?
    package var heldRun: SyncRun?
    package var latestTick: Tick?
    package var listID: Int64?
    /// Start of the latest run that ended well, with failed records or without.
    package var latestGoodStart: Date?
    /// The earliest tick that has a row.
    package var firstTick: Date?
    /// As ``TickStore/changeAlertState(sync:from:to:)`` noted it last.
    package var alertState: String?
    /// No run has kept anything of the sync here, as ``Lease/isNew`` has it.
    package var isNew = true
    /// The name of the warehouse to which the sync's state was moved, or was to be, as ``LeaseStore/stateElsewhere(sync:)`` has
    /// it: everything else here is what it has left. nil: it was not moved.
    package var elsewhere: String?

    package init() {}
}

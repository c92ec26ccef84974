import Foundation
import RollcallCore
import Warehouse

/// What all parts of a run share: what it is to do, with what, and by which right.
struct RunContext: Sendable {
    let sync: SyncSettings
    let settings: DestinationSettings
    let warehouse: any Warehouse
    let destination: any Destination
    let limiters: RateLimiterPool
    let clock: any EngineClock
    let stop: StopSignal
    let progress: ProgressHandler
    let keeper: LeaseKeeper
    /// The warehouse's time, counted on from its beginning.
    let runClock: RunClock
    /// Whether a stream sends, and not a run that comes to an end by itself.
    var isStream = false
    /// Empty until the run has one.
    private(set) var runID = ""
    /// Requests that may still be made to find, by halving, the records for which requests of this run are refused.
    private(set) var narrowing = NarrowingBudget()
    /// What the rate limit is shared by with other processes; nil: with none.
    var budget: BudgetUse?

    var lease: Lease { keeper.lease }
    var limits: DestinationLimits { settings.limits }
    var now: Date { runClock.now }

    /// The same for one row of `sync_runs`. What a run may do only so often counts from zero.
    func forRun(_ id: String) -> RunContext {
        var context = self
        (context.runID, context.narrowing) = (id, NarrowingBudget())
        return context
    }
}

extension RunContext {
    /// Waits until the rate limit of an endpoint allows a request, in this process and beside others.
    /// - Returns: false where the run is to stop.
    /// - Throws: `rate_budget_unavailable`; nothing more can be sent in this run.
    func waitForTurn(_ endpoint: Endpoint) async throws(RunError) -> Bool {
        // Before the first request takes its place in the queue: the pace begins when the process takes part in what it shares.
        if let budget, try await !budget.takePart(endpoint, self) { return false }
        if isStopped { return false }
        var slot: RateLimiterState.Slot? = limiters.reserve(settings, endpoint, isStream: isStream)
        while let waiting = slot {
            await stop.sleep(for: waiting.delay, on: clock)
            if isStopped { return false }
            if waiting.isTurn, let budget, try await !budget.waitForTurn(endpoint, self) { return false }
            slot = limiters.confirm(waiting, settings, endpoint, isStream: isStream)
        }
        return true
    }

    /// Takes in what processes that had lost the lease have noted of their requests.
    /// - Returns: how many notes there were.
    func applyStrayNotes() async throws -> Int {
        try await keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
            try await warehouse.applyStrayNotes(lease)
        }
    }

    var isStopped: Bool { stop.reason != nil || Task.isCancelled }
}

public import Foundation
public import RollcallCore

/// The past, schedules and what processes share: all of it is the state's.
extension SplitWarehouse {
    // MARK: ReportStore

    public func run(id: String) async throws(WarehouseError) -> SyncRun? { try await state.run(id: id) }

    public func runs(_ filter: RunFilter) async throws(WarehouseError) -> [SyncRun] { try await state.runs(filter) }

    public func records(_ filter: RecordFilter, _ body: @escaping @Sendable (LogRecord) throws -> Void) async throws {
        try await state.records(filter, body)
    }

    public func prune(_ policies: [RetentionPolicy]) async throws(WarehouseError) -> PruneResult {
        try await state.prune(policies)
    }

    // MARK: TickStore

    public func noteSchedule(sync: String, schedule: String, now: Date) async throws(WarehouseError) {
        try await state.noteSchedule(sync: sync, schedule: schedule, now: now)
    }

    public func claimTick(_ claim: TickClaim) async throws(WarehouseError) -> ClaimedTick? {
        try await state.claimTick(claim)
    }

    public func finishTick(_ tick: Tick) async throws(WarehouseError) -> Tick? { try await state.finishTick(tick) }

    public func takeOverTicks(pendingFor seconds: Double) async throws(WarehouseError) -> [Tick] {
        try await state.takeOverTicks(pendingFor: seconds)
    }

    public func ticks(_ filter: TickFilter) async throws(WarehouseError) -> [Tick] { try await state.ticks(filter) }

    public func summaries(_ syncs: [String]) async throws(WarehouseError) -> [String: SyncSummary] {
        try await state.summaries(syncs)
    }

    public func setPaused(_ paused: Bool, sync: String) async throws(WarehouseError) {
        try await state.setPaused(paused, sync: sync)
    }

    public func changeAlertState(sync: String, from old: String?, to new: String) async throws(WarehouseError) -> Bool {
        try await state.changeAlertState(sync: sync, from: old, to: new)
    }

    public func requestCancel(run id: String) async throws(WarehouseError) { try await state.requestCancel(run: id) }

    public func cancelRequests() async throws(WarehouseError) -> Set<String> { try await state.cancelRequests() }

    public func abandonedSyncs(isDead: @escaping @Sendable (String) -> Bool) async throws(WarehouseError) -> [String] {
        try await state.abandonedSyncs(isDead: isDead)
    }

    public func leaseSecondsLeft(sync: String) async throws(WarehouseError) -> Double? {
        try await state.leaseSecondsLeft(sync: sync)
    }
}

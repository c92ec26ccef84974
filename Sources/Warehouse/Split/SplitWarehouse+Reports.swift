package import Foundation
package import RollcallCore

/// The past, schedules and what processes share: all of it is the state's.
extension SplitWarehouse {
    // MARK: ReportStore

    package func run(id: String) async throws(WarehouseError) -> SyncRun? { try await state.run(id: id) }

    package func runs(_ filter: RunFilter) async throws(WarehouseError) -> [SyncRun] { try await state.runs(filter) }

    package func records(_ filter: RecordFilter, _ body: @escaping @Sendable (LogRecord) throws -> Void) async throws {
        try await state.records(filter, body)
    }

    package func prune(_ policies: [RetentionPolicy]) async throws(WarehouseError) -> PruneResult {
        try await state.prune(policies)
    }

    // MARK: TickStore

    package func noteSchedule(sync: String, schedule: String, now: Date) async throws(WarehouseError) {
        try await state.noteSchedule(sync: sync, schedule: schedule, now: now)
    }

    package func claimTick(_ claim: TickClaim) async throws(WarehouseError) -> ClaimedTick? {
        try await state.claimTick(claim)
    }

    package func finishTick(_ tick: Tick) async throws(WarehouseError) -> Tick? { try await state.finishTick(tick) }

    package func takeOverTicks(pendingFor seconds: Double) async throws(WarehouseError) -> [Tick] {
        try await state.takeOverTicks(pendingFor: seconds)
    }

    package func ticks(_ filter: TickFilter) async throws(WarehouseError) -> [Tick] { try await state.ticks(filter) }

    package func summaries(_ syncs: [String]) async throws(WarehouseError) -> [String: SyncSummary] {
        try await state.summaries(syncs)
    }

    package func setPaused(_ paused: Bool, sync: String) async throws(WarehouseError) {
        try await state.setPaused(paused, sync: sync)
    }

    package func changeAlertState(sync: String, from old: String?, to new: String) async throws(WarehouseError) -> Bool
    {
        try await state.changeAlertState(sync: sync, from: old, to: new)
    }

    package func requestCancel(run id: String) async throws(WarehouseError) { try await state.requestCancel(run: id) }

    package func cancelRequests() async throws(WarehouseError) -> Set<String> { try await state.cancelRequests() }

    package func abandonedSyncs(isDead: @escaping @Sendable (String) -> Bool) async throws(WarehouseError) -> [String] {
        try await state.abandonedSyncs(isDead: isDead)
    }

    package func leaseSecondsLeft(sync: String) async throws(WarehouseError) -> Double? {
        try await state.leaseSecondsLeft(sync: sync)
    }
}

package import RollcallCore

/// Leases and runs: all of it is the state's, but that both databases are looked at for being the same ones still.
extension SplitWarehouse {
    // MARK: LeaseStore

    /// The source is the one from now on that is there now.
    package func acquireLease(
        sync: String, holder: String, seconds: Double, isDead: @escaping @Sendable (String) -> Bool
    ) async throws(WarehouseError) -> LeaseAttempt {
        let attempt = try await state.acquireLease(sync: sync, holder: holder, seconds: seconds, isDead: isDead)
        if case .acquired(let lease) = attempt { source.noteReading(lease) }
        return attempt
    }

    /// Neither database may have been replaced.
    package func ensureUnreplaced(_ lease: Lease) throws(WarehouseError) {
        try state.ensureUnreplaced(lease)
        try source.ensureUnreplaced(lease)
    }

    package func renewLease(_ lease: Lease, seconds: Double) async throws(WarehouseError) {
        try await state.renewLease(lease, seconds: seconds)
    }

    package func releaseLease(_ lease: Lease) async throws(WarehouseError) { try await state.releaseLease(lease) }

    package func stateElsewhere(sync: String) async throws(WarehouseError) -> String? {
        try await state.stateElsewhere(sync: sync)
    }

    // MARK: RunStore

    package func recoverRuns(
        _ lease: Lease, settleSeconds: Double, log: LogSettings
    ) async throws(WarehouseError) -> [SyncRun] {
        try await state.recoverRuns(lease, settleSeconds: settleSeconds, log: log)
    }

    package func openRun(_ lease: Lease, _ run: SyncRun) async throws(WarehouseError) {
        try await state.openRun(lease, run)
    }

    package func stage(
        _ lease: Lease, _ run: SyncRun, plan: any StagedPlan, log: LogSettings
    ) async throws(WarehouseError) {
        try await state.stage(lease, run, plan: plan, log: log)
    }

    package func stageMore(
        _ lease: Lease, _ run: SyncRun, plan: any StagedPlan, log: LogSettings
    ) async throws(WarehouseError) {
        try await state.stageMore(lease, run, plan: plan, log: log)
    }

    package func moveCursor(_ lease: Lease, _ run: SyncRun) async throws(WarehouseError) {
        try await state.moveCursor(lease, run)
    }

    package func heldRun(sync: String) async throws(WarehouseError) -> SyncRun? { try await state.heldRun(sync: sync) }

    package func resumeHeldRun(_ lease: Lease, id: String) async throws(WarehouseError) -> SyncRun {
        try await state.resumeHeldRun(lease, id: id)
    }

    package func discardHeldRun(_ lease: Lease, id: String) async throws(WarehouseError) -> SyncRun {
        try await state.discardHeldRun(lease, id: id)
    }

    package func applyLocalChanges(
        _ lease: Lease, _ run: SyncRun, log: LogSettings
    ) async throws(WarehouseError) -> PerOperation {
        try await state.applyLocalChanges(lease, run, log: log)
    }

    package func changes(run id: String, after sequence: Int64, limit: Int) async throws(WarehouseError) -> [Change] {
        try await state.changes(run: id, after: sequence, limit: limit)
    }
    package func lastRemovals(run id: String, limit: Int) async throws(WarehouseError) -> [Change] {
        try await state.lastRemovals(run: id, limit: limit)
    }

    package func claim(_ lease: Lease, run id: String, through sequence: Int64) async throws(WarehouseError) {
        try await state.claim(lease, run: id, through: sequence)
    }

    package func acknowledge(
        _ lease: Lease, _ run: SyncRun, outcomes: [BatchOutcome], log: LogSettings
    ) async throws(WarehouseError) {
        try await state.acknowledge(lease, run, outcomes: outcomes, log: log)
    }

    package func finishRun(
        _ lease: Lease, _ run: SyncRun, reason: FailureReason, log: LogSettings
    ) async throws(WarehouseError) {
        try await state.finishRun(lease, run, reason: reason, log: log)
    }
}

import RollcallCore
import Warehouse

extension SyncPipeline {
    /// Writes down that the run has ended.
    ///
    /// A warehouse that will not store what the run says about its error gets the code alone: a run that cannot be closed
    /// would be `running` for everybody who asks, and raise no alert, until another run of the sync begins. The caller
    /// still has the whole error.
    func writeEnd(_ run: SyncRun, _ keeper: LeaseKeeper) async throws {
        do {
            try await finish(run, keeper)
        } catch let refusal as WarehouseError {
            guard let error = run.error, !refusal.isTransient, refusal.kind != .leaseLost, refusal.kind != .replaced
            else { throw refusal }
            var bare = run
            bare.error = RunError(
                code: error.code, message: "The warehouse did not store the message of this error.",
                hint: "The output and log of the process that made the run have it.")
            try await finish(bare, keeper)
        }
    }

    private func finish(_ run: SyncRun, _ keeper: LeaseKeeper) async throws {
        let reason = FailureReason(
            code: run.error?.code ?? "stopped",
            reason: run.error?.message ?? "The run was stopped before this record was sent.")
        try await keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
            try await warehouse.finishRun(keeper.lease, run, reason: reason, log: sync.logs)
        }
    }
}

import RollcallCore
import Warehouse

/// Closes the runs of a sync whose process ended. A run that begins, `abandon`, a run whose last outcomes could not be recorded
/// and the service's look for runs without a process all do it here.
struct Recovery: Sendable {
    let warehouse: any Warehouse
    /// Of the destination, by which it is known how long a request of the dead process may still be carried out.
    let limits: DestinationLimits
    let log: LogSettings

    /// What may have been sent becomes unknown, the rest not attempted.
    /// - Returns: the runs as they are now, `interrupted`.
    func closeRuns(_ lease: Lease) async throws(WarehouseError) -> [SyncRun] {
        try await warehouse.recoverRuns(lease, settleSeconds: limits.lostRequestSeconds, log: log)
    }
}

package import RollcallCore

/// Runs and records of the past, but for those of syncs whose state was moved away (``StateTransfer``): what stands here of
/// them is older. The rules of ``Warehouse`` hold.
package protocol ReportStore: Sendable {
    func run(id: String) async throws(WarehouseError) -> SyncRun?
    /// Newest first.
    func runs(_ filter: RunFilter) async throws(WarehouseError) -> [SyncRun]
    /// Newest first; memory stays bounded.
    func records(_ filter: RecordFilter, _ body: @escaping @Sendable (LogRecord) throws -> Void) async throws
    /// Deletes log rows, ended runs and ticks older than the sync's retention; never touches the snapshot, queued,
    /// running or held runs or their rows, nor a sync's latest ended run's row while it is within the default period.
    /// Throws ``WarehouseError/Kind/schemaTooNew`` when the tables are of a newer binary.
    func prune(_ policies: [RetentionPolicy]) async throws(WarehouseError) -> PruneResult
}

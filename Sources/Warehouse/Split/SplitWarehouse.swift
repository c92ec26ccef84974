package import Foundation
package import RollcallCore

/// A warehouse whose rows are read in one database while the state and logs of its syncs live in another: `state` of the
/// configuration. Of the source only rows, columns, indexes and the watch for commits are asked; nothing is ever written there.
///
/// It has no connection itself: see ``Warehouse/adapters``. Whatever is added to a part of the port is passed on here.
package final class SplitWarehouse: ServiceWarehouse {
    let source: any ServiceWarehouse
    let state: any ServiceWarehouse

    /// - Parameters:
    ///   - source: the warehouse that is only read.
    ///   - state: the warehouse with the state, which others may share.
    package init(source: any ServiceWarehouse, state: any ServiceWarehouse) {
        self.source = source
        self.state = state
    }

    package var waitSeconds: Double { max(source.waitSeconds, state.waitSeconds) }

    package var adapters: [any Warehouse] { source.adapters + state.adapters }

    /// Closes both, for who made both for this warehouse alone.
    package func close() async {
        await source.close()
        await state.close()
    }

    // MARK: The source

    package func diagnoseSources(_ sources: [AudienceSource]) async -> [Finding] {
        await source.diagnoseSources(sources)
    }

    package func noteReading(_ lease: Lease) { source.noteReading(lease) }
    package var readingProcessors: Int { source.readingProcessors }

    package func columns(of audience: AudienceSource) async throws(WarehouseError) -> [AudienceColumn] {
        try await source.columns(of: audience)
    }

    package func index(on column: String, of audience: AudienceSource) async throws(WarehouseError) -> ColumnIndex {
        try await source.index(on: column, of: audience)
    }

    package func readAudience(
        _ audience: AudienceSource, columns: IdentifierColumns, parts: Int,
        _ body: @escaping @Sendable (_ part: Int, AudienceCell, AudienceCell) throws -> Void
    ) async throws {
        try await source.readAudience(audience, columns: columns, parts: parts, body)
    }

    package func readBuckets(
        _ audience: AudienceSource, columns: IdentifierColumns, grouping: RowGrouping,
        choose: @escaping @Sendable (GroupedRows) throws -> BucketSelection,
        _ body: @escaping @Sendable (AudienceCell, AudienceCell, _ bucket: Int) throws -> Void
    ) async throws -> Bool {
        try await source.readBuckets(audience, columns: columns, grouping: grouping, choose: choose, body)
    }

    package func readRecords(
        _ audience: AudienceSource, columns: RecordColumns, parts: Int,
        _ body:
            @escaping @Sendable (
                _ part: Int, _ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>
            ) throws -> Void
    ) async throws {
        try await source.readRecords(audience, columns: columns, parts: parts, body)
    }

    package func readRecordBuckets(
        _ audience: AudienceSource, columns: RecordColumns, grouping: RowGrouping,
        choose: @escaping @Sendable (GroupedRows) throws -> BucketSelection,
        _ body:
            @escaping @Sendable (
                _ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>, _ bucket: Int
            ) throws -> Void
    ) async throws -> Bool {
        try await source.readRecordBuckets(audience, columns: columns, grouping: grouping, choose: choose, body)
    }

    package func watch(
        channel: String?, onWake: @escaping @Sendable () -> Void
    ) async throws(WarehouseError) -> any SourceWatch {
        try await source.watch(channel: channel, onWake: onWake)
    }

    // MARK: The state

    package func isPaused(sync: String) async throws(WarehouseError) -> Bool { try await state.isPaused(sync: sync) }

    package func schemaVersion() async throws(WarehouseError) -> Int? { try await state.schemaVersion() }

    package func migrate() async throws(WarehouseError) -> MigrationResult { try await state.migrate() }

    package func diagnose(_ sources: [AudienceSource]) async -> [Finding] {
        await source.diagnoseSources(sources) + state.diagnose([])
    }

    package func now() async throws(WarehouseError) -> Date { try await state.now() }
}

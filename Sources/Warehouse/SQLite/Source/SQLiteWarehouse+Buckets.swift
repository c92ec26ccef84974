package import RollcallCore

extension SQLiteWarehouse {
    /// Rows of a file do not travel: to group them would cost more than to hand them over.
    package func readBuckets(
        _ source: AudienceSource, columns: IdentifierColumns, grouping: RowGrouping,
        choose: @escaping @Sendable (GroupedRows) throws -> BucketSelection,
        _ body: @escaping @Sendable (AudienceCell, AudienceCell, _ bucket: Int) throws -> Void
    ) async throws -> Bool { false }

    package func readRecordBuckets(
        _ source: AudienceSource, columns: RecordColumns, grouping: RowGrouping,
        choose: @escaping @Sendable (GroupedRows) throws -> BucketSelection,
        _ body:
            @escaping @Sendable (
                _ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>, _ bucket: Int
            ) throws -> Void
    ) async throws -> Bool { false }
}

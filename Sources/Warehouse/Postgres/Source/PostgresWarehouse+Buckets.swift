package import RollcallCore

extension PostgresWarehouse {
    package func readBuckets(
        _ source: AudienceSource, columns: IdentifierColumns, grouping: RowGrouping,
        choose: @escaping @Sendable (GroupedRows) throws -> BucketSelection,
        _ body: @escaping @Sendable (AudienceCell, AudienceCell, _ bucket: Int) throws -> Void
    ) async throws -> Bool {
        try await read(source, choose) { try $0.buckets(columns, grouping, body) }
    }

    package func readRecordBuckets(
        _ source: AudienceSource, columns: RecordColumns, grouping: RowGrouping,
        choose: @escaping @Sendable (GroupedRows) throws -> BucketSelection,
        _ body:
            @escaping @Sendable (
                _ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>, _ bucket: Int
            ) throws -> Void
    ) async throws -> Bool {
        try await read(source, choose) { try $0.buckets(columns, grouping, body) }
    }

    private func read(
        _ source: AudienceSource, _ choose: @escaping @Sendable (GroupedRows) throws -> BucketSelection,
        _ buckets: @escaping @Sendable (PostgresAudience) throws -> PostgresBuckets
    ) async throws -> Bool {
        let limit = PostgresTimeLimit(options)
        let reader = PostgresBucketReading.Reader(
            source: source, limit: limit, meter: ReadMeter.current, choose: choose, buckets: buckets)
        let other = makePartWorker()
        do {
            return try await audienceWaiting() {
                try await worker(.long).runCancellable { session, cancellation in
                    try PostgresAudience(source, session).explaining(limit) {
                        try PostgresBucketReading(reader, other, cancellation).read(session)
                    }
                }
            }
        } catch let failure as PostgresFailure {
            throw stateError(failure)
        }
    }
}

package import RollcallCore

/// The rows of audiences. The rules of ``Warehouse`` hold.
package protocol SourceReader: Sendable {
    /// As ``SchemaStore/diagnose(_:)`` for a database that is only read, because state lives in another one: connection, version,
    /// whether it is a standby, and audiences. Looks for no state tables, and for no right to write.
    func diagnoseSources(_ sources: [AudienceSource]) async -> [Finding]
    /// Notes that a run reads this database whose lease stands in another one. ``LeaseStore/ensureUnreplaced(_:)`` then throws where
    /// it is known not to be the one any more that was there at this call.
    func noteReading(_ lease: Lease)
    /// Processors that reading the source keeps busy: 1 where the thread that calls back also runs the query, 2 where a server runs it,
    /// which may be on this machine.
    var readingProcessors: Int { get }
    /// Columns of the audience in order, without running it to its end. Throws ``WarehouseError/Kind/missing`` with
    /// the names that exist when the table is missing, ``WarehouseError/Kind/query`` when the query is refused
    /// (also when it is not a single SELECT, or would write).
    func columns(of source: AudienceSource) async throws(WarehouseError) -> [AudienceColumn]
    /// Whether an index begins with a column of the source, which is named as ``AudienceColumn/name`` has it. Throws as ``columns(of:)``.
    func index(on column: String, of source: AudienceSource) async throws(WarehouseError) -> ColumnIndex
    /// Reads the audience once, in one consistent view and without any right to write, calling `body` for each row with
    /// the text form of the two columns. Memory stays bounded. The cells are valid only during the call. An error from
    /// `body` ends the reading and is thrown on as it is. Cancelling the task ends the reading with `CancellationError`.
    ///
    /// - Parameter parts: how many parts of it may be read at once, 1 or more. `body` gets the number of its part, from
    ///   0, and is called by one thread at a time for each part. None is called any more when the reading has ended.
    func readAudience(
        _ source: AudienceSource, columns: IdentifierColumns, parts: Int,
        _ body: @escaping @Sendable (_ part: Int, AudienceCell, AudienceCell) throws -> Void
    ) async throws
    /// Reads rows by bucket, with digests and rows in one view: asks for the digest of every bucket, has `choose` say which
    /// buckets are wanted, and calls `body` for each row of these. Otherwise as ``readAudience(_:columns:parts:_:)``, in one part.
    ///
    /// A row's bucket and its part of the digest depend on nothing but the text forms of the two columns and the grouping. A digest
    /// covers NULLs, and every byte of the texts. Throws ``WarehouseError/Kind/inconsistent`` at the end where the rows of a bucket that
    /// is wanted were not those of its digest, as may be with a query that gives other rows each time.
    /// - Returns: false, having called nothing, where the warehouse cannot do this, or not now; the rows can be read all the same.
    func readBuckets(
        _ source: AudienceSource, columns: IdentifierColumns, grouping: RowGrouping,
        choose: @escaping @Sendable (GroupedRows) throws -> BucketSelection,
        _ body: @escaping @Sendable (AudienceCell, AudienceCell, _ bucket: Int) throws -> Void
    ) async throws -> Bool
    /// As ``readAudience(_:columns:parts:_:)``, with further columns: `cells` has one value for each of
    /// ``RecordColumns/fields``, in their order, in the form of its column's ``AudienceColumn/family``.
    func readRecords(
        _ source: AudienceSource, columns: RecordColumns, parts: Int,
        _ body:
            @escaping @Sendable (
                _ part: Int, _ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>
            ) throws -> Void
    ) async throws
    /// As ``readBuckets(_:columns:grouping:choose:_:)``, of rows with content: the cells are those of
    /// ``readRecords(_:columns:parts:_:)``, and a digest covers every column that is read, whatever its type. A row's bucket
    /// depends on nothing but the grouping and the text forms of the identifiers, or of the first field where none is read. All
    /// rows are grouped, whatever ``RecordColumns/bound`` says.
    func readRecordBuckets(
        _ source: AudienceSource, columns: RecordColumns, grouping: RowGrouping,
        choose: @escaping @Sendable (GroupedRows) throws -> BucketSelection,
        _ body:
            @escaping @Sendable (
                _ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>, _ bucket: Int
            ) throws -> Void
    ) async throws -> Bool
}

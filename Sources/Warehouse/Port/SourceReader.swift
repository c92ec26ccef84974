public import RollcallCore

/// The rows of audiences. The rules of ``Warehouse`` hold.
public protocol SourceReader: Sendable {
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
    /// As ``readAudience(_:columns:parts:_:)``, with further columns: `cells` has one value for each of
    /// ``RecordColumns/fields``, in their order, in the form of its column's ``AudienceColumn/family``.
    func readRecords(
        _ source: AudienceSource, columns: RecordColumns, parts: Int,
        _ body:
            @escaping @Sendable (
                _ part: Int, _ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>
            ) throws -> Void
    ) async throws
}

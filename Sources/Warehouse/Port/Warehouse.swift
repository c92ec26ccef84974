package import RollcallCore

/// A database that holds audiences and Rollcall's state. Two adapters: ``PostgresWarehouse`` and ``SQLiteWarehouse``;
/// one conformance suite says what both must do.
///
/// Rules for every adapter:
/// - A method that writes is one transaction: after an error nothing of it is left. It may be called again.
/// - A method that takes a ``Lease`` first proves, inside its transaction and under a row lock, that the lease's token
///   is still the sync's current one, and throws ``WarehouseError/Kind/leaseLost`` otherwise. The proof looks at the
///   token, not at the clock: whoever takes a lease over raises the token. One method writes without a lease, and it
///   only adds: ``noteStrays(_:_:settleSeconds:)``.
/// - Times are UTC, kept to the millisecond. Lease times are the database's own clock.
/// - No database thread blocks Swift's cooperative pool.
/// - Nothing is ever written outside Rollcall's own tables; audiences are read in read-only transactions.
/// - Errors never contain passwords or connection strings.
/// - A call waits for a connection and for locks of others for ``waitSeconds`` at most; ``WarehouseWait`` says who is
///   notified, and ends the wait early.
package protocol Warehouse:
    SchemaStore, SourceReader, LeaseStore, RunStore, EntryStore, EventStore, ListStore, FieldStore, ItemCheckStore,
    ReportStore
{
    /// How long a call waits for a connection and for locks of others, in seconds, 0 or more.
    var waitSeconds: Double { get }
    /// The adapters that hold the connections: itself, and of a ``SplitWarehouse`` both of its parts, which others may share.
    var adapters: [any Warehouse] { get }
    /// Ends all connections. Calls after it fail.
    func close() async
}

/// A warehouse whose syncs `serve` schedules.
package typealias ServiceWarehouse = Warehouse & TickStore & SourceWatching & BudgetStore

extension Warehouse {
    package var waitSeconds: Double { 120 }
    package var adapters: [any Warehouse] { [self] }
    package func noteReading(_ lease: Lease) {}
    package var readingProcessors: Int { 2 }
    package func diagnoseSources(_ sources: [AudienceSource]) async -> [Finding] { await diagnose(sources) }
    package func ensureUnreplaced(_ lease: Lease) throws(WarehouseError) {}
    package func stateElsewhere(sync: String) async throws(WarehouseError) -> String? { nil }

    /// As ``readAudience(_:columns:parts:_:)``, in one part.
    package func readAudience(
        _ source: AudienceSource, columns: IdentifierColumns,
        _ body: @escaping @Sendable (AudienceCell, AudienceCell) throws -> Void
    ) async throws {
        try await readAudience(source, columns: columns, parts: 1) { _, email, userID in try body(email, userID) }
    }

    /// As ``readSnapshot(sync:of:parts:_:)``, in one part.
    package func readSnapshot(
        sync: String, of entries: EntrySet,
        _ body: @escaping @Sendable (Fingerprint, MemberState, _ listed: Bool) throws -> Void
    ) async throws {
        try await readSnapshot(sync: sync, of: entries, parts: 1) { try body($1, $2, $3) }
    }
}

public import Foundation
public import RollcallCore

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
public protocol Warehouse: Sendable {
    /// How long a call waits for a connection and for locks of others, in seconds, 0 or more.
    var waitSeconds: Double { get }

    // MARK: Schema

    /// Version of the state tables; nil where there are none.
    func schemaVersion() async throws(WarehouseError) -> Int?
    /// Creates or upgrades the state tables, all or nothing; safe when two processes do it at once.
    /// Throws ``WarehouseError/Kind/schemaTooNew`` when the tables are of a newer binary.
    func migrate() async throws(WarehouseError) -> MigrationResult
    /// Connection, versions, rights and state tables: one finding each, with the SQL that mends it. Writes nothing.
    func diagnose(_ sources: [AudienceSource]) async -> [Finding]
    /// Ends all connections. Calls after it fail.
    func close() async

    // MARK: Audience

    /// Columns of the audience in order, without running it to its end. Throws ``WarehouseError/Kind/missing`` with
    /// the names that exist when the table is missing, ``WarehouseError/Kind/query`` when the query is refused
    /// (also when it is not a single SELECT, or would write).
    func columns(of source: AudienceSource) async throws(WarehouseError) -> [AudienceColumn]
    /// Reads the audience once, in one consistent view and without any right to write, calling `body` for each row with
    /// the text form of the two columns. Memory stays bounded. The cells are valid only during the call. An error from
    /// `body` ends the reading and is thrown on as it is. Cancelling the task ends the reading with `CancellationError`.
    ///
    /// - Parameter parts: at most so many parts of it may be read at once, 1 or more. `body` gets the number of its part, from
    ///   0, and is called by one thread at a time for each part. None is called any more when the reading has ended.
    func readAudience(
        _ source: AudienceSource, columns: IdentifierColumns, parts: Int,
        _ body: @escaping @Sendable (_ part: Int, AudienceCell, AudienceCell) throws -> Void
    ) async throws

    // MARK: Leases

    /// Takes the sync's lease if it is free, expired, or `isDead` says that its holder no longer lives. Raises the token.
    func acquireLease(
        sync: String, holder: String, seconds: Double, isDead: @escaping @Sendable (String) -> Bool
    ) async throws(WarehouseError) -> LeaseAttempt
    /// Extends the lease to `seconds` from now (database clock).
    func renewLease(_ lease: Lease, seconds: Double) async throws(WarehouseError)
    /// Gives the lease up. Not an error if it is already another's.
    func releaseLease(_ lease: Lease) async throws(WarehouseError)

    /// Throws ``WarehouseError/Kind/replaced`` where the database is known not to be the one any more in which the lease was
    /// taken. Asked before each request, so it waits for nothing. A database that is reached over a network says so when it is
    /// written to.
    func ensureUnreplaced(_ lease: Lease) throws(WarehouseError)

    // MARK: Runs

    /// Closes runs of this sync that are `running` or `queued` although their process no longer holds the lease:
    /// changes with `sequence <= claimedThrough` and still in the outbox may have been sent; they become `unknown`
    /// (logged so, snapshot as for ``RecordOutcome/unknown(_:)``, settling until now + `settleSeconds`), the other
    /// `send` changes become `not_attempted` (logged so). The outbox of these runs is emptied, the runs are
    /// `interrupted`, balanced, finished now.
    func recoverRuns(_ lease: Lease, settleSeconds: Double, log: LogSettings) async throws(WarehouseError) -> [SyncRun]
    /// Inserts the run, `running`. At most one run of a sync is queued, running or held.
    func openRun(_ lease: Lease, _ run: SyncRun) async throws(WarehouseError)
    /// Stages a plan: the changes and the validation records of `plan`, and the run's new state (status, counts,
    /// list, held). Set-based or bulk; memory bounded by the pages that `plan` gives.
    func stage(
        _ lease: Lease, _ run: SyncRun, plan: any StagedPlan, log: LogSettings
    ) async throws(WarehouseError)
    /// The sync's held run, if it has one.
    func heldRun(sync: String) async throws(WarehouseError) -> SyncRun?
    /// Makes a held run `running` again and returns it as it stands; throws ``WarehouseError/Kind/conflict`` if it is
    /// not held.
    func resumeHeldRun(_ lease: Lease, id: String) async throws(WarehouseError) -> SyncRun
    /// Makes a held run `cancelled`, finished now, and empties its outbox; throws ``WarehouseError/Kind/conflict`` if
    /// it is not held.
    func discardHeldRun(_ lease: Lease, id: String) async throws(WarehouseError) -> SyncRun
    /// Carries out what needs no request: `parked` changes are logged as failed with the member's own rejection,
    /// `forget` changes drop their member (only if it is `rejected` and not listed). Both leave the outbox.
    /// Keeps the run's list, so that a recovery knows it before the first claim. Returns how many were parked.
    func applyLocalChanges(
        _ lease: Lease, _ run: SyncRun, log: LogSettings
    ) async throws(WarehouseError) -> PerOperation
    /// Page of `send` changes after `sequence`, in order; `limit` of them, or all that are left.
    func changes(run id: String, after sequence: Int64, limit: Int) async throws(WarehouseError) -> [Change]
    /// Says durably that changes up to and including `sequence` may be sent from now on. Never lowers the mark.
    func claim(_ lease: Lease, run id: String, through sequence: Int64) async throws(WarehouseError)
    /// Records outcomes, all in one transaction: snapshot, log, outbox, settling requests, and the run's counts,
    /// requests and error as `run` has them.
    ///
    /// What an outcome does to the snapshot is what ``EntryTransition`` says: first to the entries of the `supersede` changes
    /// whose parents have an outcome, then to the entries of the changes themselves.
    ///
    /// Where `settlesAt` is set, or the outcome is unknown (then `settlesAt` is set too), each change of the range that was
    /// sent leaves a settling request with its operation. Each outcome leaves one `sync_log` row per change (`log`
    /// permitting: `records: failures` leaves out the succeeded ones) with `attempts` and the http status of the reason or batch.
    func acknowledge(
        _ lease: Lease, _ run: SyncRun, outcomes: [BatchOutcome], log: LogSettings
    ) async throws(WarehouseError)
    /// Ends the run with the status, counts and error that `run` has: what is left in its outbox is logged as
    /// `not_attempted` with `reason` and removed. Settling requests of the past are removed.
    func finishRun(
        _ lease: Lease, _ run: SyncRun, reason: FailureReason, log: LogSettings
    ) async throws(WarehouseError)

    // MARK: Stray requests

    /// Notes changes of `run` that were sent, and may have been sent after the lease of its process was another's. Takes no
    /// lease: whoever has to note this has none. Touches nothing but the notes; a change that is noted already stays as it
    /// is. They may land until now + `settleSeconds`. Does nothing for a run without a list.
    func noteStrays(_ run: SyncRun, _ changes: [Change], settleSeconds: Double) async throws(WarehouseError)
    /// Takes the notes of the sync away, and does to the snapshot of the list of each what makes a plan put it right:
    ///
    /// | noted | snapshot |
    /// |---|---|
    /// | subscribe | an entry that is there becomes listed; else one is made, `subscribing`, listed. Other entries with the same email or userId that are `subscribed` become `subscribing` |
    /// | unsubscribe | entries with the same email or userId that are `subscribed` or `subscribing` become `unsubscribing` |
    ///
    /// Unsubscribes count before subscribes where both touch an entry, and of several runs the latest. What may still land
    /// leaves a settling request. Returns how many notes there were.
    func settleStrays(_ lease: Lease) async throws(WarehouseError) -> Int

    // MARK: Snapshot

    /// The sync's secret key of 16 bytes for fingerprints. Made of `newKey` and kept if there is none yet; with
    /// `newKey` nil nothing is written and nil is returned then.
    func fingerprintKey(sync: String, newKey: [UInt8]?) async throws(WarehouseError) -> [UInt8]?
    /// Every member of the snapshot, in one consistent view; memory stays bounded. `parts` as for ``readAudience(_:columns:parts:_:)``.
    func readSnapshot(
        sync: String, list: Int64, parts: Int,
        _ body: @escaping @Sendable (_ part: Int, Fingerprint, MemberState, _ listed: Bool) throws -> Void
    ) async throws
    /// A number that stands for the sync's whole snapshot: whenever it is what it was, the snapshot is as it was. Drawn
    /// at random with each change, for a counter would repeat itself after a backup was restored. nil: nothing is known.
    func snapshotGeneration(sync: String) async throws(WarehouseError) -> Int64?
    /// The members with these fingerprints, in any order; unknown ones are left out. At most 10,000 at once.
    func members(sync: String, list: Int64, fingerprints: [Fingerprint]) async throws(WarehouseError) -> [Member]
    /// Members known under this email or userId (either may be nil; compared byte for byte).
    func members(sync: String, list: Int64, knownAs identity: Identity) async throws(WarehouseError) -> [MemberEntry]
    /// How many members the snapshot has, by state.
    func memberCounts(sync: String, list: Int64) async throws(WarehouseError) -> [MemberState: Int]
    /// Requests that may still land.
    func settlingRequests(sync: String, list: Int64) async throws(WarehouseError) -> [SettlingRequest]
    /// Database clock.
    func now() async throws(WarehouseError) -> Date

    // MARK: The list

    func listBinding(sync: String) async throws(WarehouseError) -> ListBinding?
    func saveListBinding(_ lease: Lease, _ binding: ListBinding) async throws(WarehouseError)
    /// What the other syncs of this state have to do with a list, sorted by name; those that have nothing are left out.
    /// - Parameter list: nil: each sync is asked about the list that it is bound to itself.
    func listClaims(besides sync: String, list: Int64?) async throws(WarehouseError) -> [ListClaim]
    /// Keeps the binding unless `refuse` finds a reason not to among the claims of the other syncs on the binding's list,
    /// all in one transaction; of two processes that take a list at once, the second sees what the first has taken.
    ///
    /// Where it is refused the binding stays as it was, but for the project of a list that the sync is bound to already:
    /// that is noted (with the destination's name), since rows of earlier versions lack it.
    /// - Returns: the claims that `refuse` gave; empty: the binding is kept.
    func takeList(
        _ lease: Lease, _ binding: ListBinding, refuse: @escaping @Sendable ([ListClaim]) -> [ListClaim]
    ) async throws(WarehouseError) -> [ListClaim]
    /// Forgets what the sync of the lease has to do with a list, or with all lists where `list` is nil: its members there,
    /// its held run (which becomes `cancelled`) with the outbox, settling requests that are over, and its binding, if it is
    /// to that list. Its runs, its log, its key and whether it is paused stay. Nothing is changed while a request of the
    /// sync may still land there.
    func abandon(_ lease: Lease, list: Int64?) async throws(WarehouseError) -> AbandonAttempt

    // MARK: Reports

    func run(id: String) async throws(WarehouseError) -> SyncRun?
    /// Newest first.
    func runs(_ filter: RunFilter) async throws(WarehouseError) -> [SyncRun]
    /// Newest first; memory stays bounded.
    func records(_ filter: RecordFilter, _ body: @escaping @Sendable (LogRecord) throws -> Void) async throws
    /// Deletes log rows, ended runs and ticks older than the sync's retention; never touches the snapshot, queued,
    /// running or held runs or their rows, nor a sync's latest ended run's row while it is within the default period.
    func prune(_ policies: [RetentionPolicy]) async throws(WarehouseError) -> PruneResult
}

extension Warehouse {
    public var waitSeconds: Double { 120 }
    public func ensureUnreplaced(_ lease: Lease) throws(WarehouseError) {}

    /// As ``readAudience(_:columns:parts:_:)``, in one part.
    public func readAudience(
        _ source: AudienceSource, columns: IdentifierColumns,
        _ body: @escaping @Sendable (AudienceCell, AudienceCell) throws -> Void
    ) async throws {
        try await readAudience(source, columns: columns, parts: 1) { _, email, userID in try body(email, userID) }
    }

    /// As ``readSnapshot(sync:list:parts:_:)``, in one part.
    public func readSnapshot(
        sync: String, list: Int64, _ body: @escaping @Sendable (Fingerprint, MemberState, _ listed: Bool) throws -> Void
    ) async throws {
        try await readSnapshot(sync: sync, list: list, parts: 1) { try body($1, $2, $3) }
    }
}

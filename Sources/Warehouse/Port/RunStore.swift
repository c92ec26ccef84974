package import RollcallCore

/// A run from its beginning to its end: its plan in the outbox, what may have been sent, outcomes, recovery. The rules of
/// ``Warehouse`` hold.
package protocol RunStore: Sendable {
    /// Closes runs of this sync that are `running` or `queued` although their process no longer holds the lease:
    /// changes with `sequence <= claimedThrough` and still in the outbox may have been sent; they become `unknown`
    /// (logged so, snapshot as for ``RecordOutcome/unknown(_:)``, settling until now + `settleSeconds`), the other
    /// `send` changes become `not_attempted` (logged so). The outbox of these runs is emptied, the runs are
    /// `interrupted`, balanced, finished now. A staged cursor is treated as ``finishRun(_:_:reason:log:)`` does.
    func recoverRuns(_ lease: Lease, settleSeconds: Double, log: LogSettings) async throws(WarehouseError) -> [SyncRun]
    /// Inserts the run, `running`. At most one run of a sync is queued, running or held.
    func openRun(_ lease: Lease, _ run: SyncRun) async throws(WarehouseError)
    /// Stages a plan: the changes and the validation records of `plan`, and the run's new state (status, counts,
    /// list, held). Set-based or bulk; memory bounded by the pages that `plan` gives. The cursor of a plan of events, or of a stream,
    /// asked for after all pages, is kept until the run ends; without one none is kept. Throws
    /// ``WarehouseError/Kind/conflict`` for a held run whose counts do not add up, as ``finishRun(_:_:reason:log:)`` does.
    func stage(
        _ lease: Lease, _ run: SyncRun, plan: any StagedPlan, log: LogSettings
    ) async throws(WarehouseError)
    /// Adds a plan to what a running run has staged: its changes, whose sequences lie above all that the run ever had, its
    /// validation records, and the run's counts as `run` has them. Nothing that was staged or logged before is touched. The cursor of
    /// the plan takes the place of one that was staged before; without one the staged one is dropped. Of a run that streams.
    /// Unlike ``stage(_:_:plan:log:)`` an equal call would stage everything twice: whoever does not know whether a call was committed
    /// compares the stored counts, or closes the run.
    func stageMore(
        _ lease: Lease, _ run: SyncRun, plan: any StagedPlan, log: LogSettings
    ) async throws(WarehouseError)
    /// Moves the cursor of a running run of events, or of a stream, to where it was staged last, if its outbox is empty and
    /// nothing was not attempted: then, of events, the keys of events below ``EventCursor/keepFrom`` are forgotten, as
    /// ``finishRun(_:_:reason:log:)`` does it. Otherwise nothing happens.
    func moveCursor(_ lease: Lease, _ run: SyncRun) async throws(WarehouseError)
    /// The sync's held run, if it has one.
    func heldRun(sync: String) async throws(WarehouseError) -> SyncRun?
    /// Makes a held run `running` again and returns it as it is; throws ``WarehouseError/Kind/conflict`` if it is
    /// not held. Its checks of items count from now on, and of items that it puts again nothing is known any more
    /// (``ItemCheckStore/noteItemChecks(_:run:_:)``).
    func resumeHeldRun(_ lease: Lease, id: String) async throws(WarehouseError) -> SyncRun
    /// Makes a held run `cancelled`, finished now, and empties its outbox; throws ``WarehouseError/Kind/conflict`` if
    /// it is not held. Of events, those that are new or unfinished become `skipped`, and the cursor moves as after a complete run; of
    /// other kinds it stays where it is.
    func discardHeldRun(_ lease: Lease, id: String) async throws(WarehouseError) -> SyncRun
    /// Carries out what needs no request: `parked` changes are logged as failed with their refusal or the member's own rejection,
    /// `forget` changes drop their member (only if it is `rejected` and not listed), `release` changes make their entry not listed. All leave the outbox.
    /// Of events, `skip` changes become `skipped`, and of those that are known only the position rises; `wait` changes become `waiting`,
    /// which is logged where ``EventReference/isWaiting`` is false; `parked` ones become `rejected`.
    /// Keeps the run's list, so that a recovery knows it before the first claim. Returns the number of `parked` changes.
    func applyLocalChanges(
        _ lease: Lease, _ run: SyncRun, log: LogSettings
    ) async throws(WarehouseError) -> PerOperation
    /// Page of `send` changes after `sequence`, in order; `limit` of them, or all that are left.
    func changes(run id: String, after sequence: Int64, limit: Int) async throws(WarehouseError) -> [Change]
    /// The last `send` changes that remove something, in order; `limit` of them at most. For reports: removals stand at the end of
    /// most plans.
    func lastRemovals(run id: String, limit: Int) async throws(WarehouseError) -> [Change]
    /// Says durably that changes up to and including `sequence` may be sent from now on. Never lowers the mark.
    func claim(_ lease: Lease, run id: String, through sequence: Int64) async throws(WarehouseError)
    /// Records outcomes, all in one transaction: snapshot, log, outbox, requests in doubt, and the run's counts,
    /// requests and error as `run` has them.
    ///
    /// What an outcome does to the snapshot is what ``EntryTransition`` says: first to the entries of the `supersede` changes
    /// whose parents have an outcome, then to the entries of the changes themselves. In which order
    /// the operations of one call are carried out is not promised: no plan has an entry as the older one of a change of one
    /// operation and as that of a change of the other.
    ///
    /// Of a full run (``SyncRun/full``), what puts the content that an acknowledged entry has, and has not succeeded nor been refused, makes
    /// the next run send it: the content is forgotten (``RecordReference/forgottenContent``; NULL for members with fields), or, of a member
    /// without fields, the state becomes `subscribing`. ``finishRun(_:_:reason:log:)`` and ``recoverRuns(_:settleSeconds:log:)`` do the same with
    /// what is left in the outbox.
    ///
    /// Where members of a list are sent with fields, a subscribe that succeeded, or may still be carried out, makes the fields of the
    /// entries of its `outdate` changes unknown: their content is NULL then, and after a success no field of theirs counts as held.
    ///
    /// Outcomes of events move rows of `seen_events`: a success to `sent`, a failure or rejection to `rejected` with its reason, an
    /// unknown outcome to `sending`, and ``RecordOutcome/waiting(_:)`` to `waiting` with its reason; one that was not attempted stays
    /// as it was. Its run and time change where state or content do; its position only rises. That an event waits is logged where
    /// ``EventReference/isWaiting`` is false.
    ///
    /// Where `mayLandUntil` is set, or the outcome is unknown (then `mayLandUntil` is set too), each change of the range that was
    /// sent leaves a request in doubt with its operation. Each outcome leaves one `sync_log` row per change (`log`
    /// permitting: `records: failures` leaves out the succeeded ones) with `attempts` and the http status of the reason or batch.
    func acknowledge(
        _ lease: Lease, _ run: SyncRun, outcomes: [BatchOutcome], log: LogSettings
    ) async throws(WarehouseError)
    /// Ends the run with the status, counts and error that `run` has: what is left in its outbox is logged as
    /// `not_attempted` with `reason` and removed. Requests in doubt of the past are removed. The cursor that the run has staged
    /// becomes the sync's own if the outbox was empty and nothing was not attempted; then the keys of events below
    /// ``EventCursor/keepFrom`` are forgotten, but for unfinished ones. Otherwise it is dropped. Throws
    /// ``WarehouseError/Kind/conflict`` for a status that is not final or counts that do not add up; changes nothing then.
    func finishRun(
        _ lease: Lease, _ run: SyncRun, reason: FailureReason, log: LogSettings
    ) async throws(WarehouseError)
}

extension RunStore {
    package func lastRemovals(run id: String, limit: Int) async throws(WarehouseError) -> [Change] {
        try await changes(run: id, after: 0, limit: .max).filter { $0.operation.direction == .remove }.suffix(limit)
    }
}

extension Operation {
    /// Those that remove something, as SQL has them: `'unsubscribe', 'delete'`.
    static let removals = allCases.filter { $0.direction == .remove }.map { "'\($0.rawValue)'" }
        .joined(separator: ", ")
}

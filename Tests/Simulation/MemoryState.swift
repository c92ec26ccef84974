import Foundation
import RollcallCore
import Warehouse

/// What a warehouse keeps for Rollcall, as plain values: a model of the state tables that is checked against the real
/// ones (`StoreModelTests`). A failed transaction leaves nothing behind because it works on a copy.
struct MemoryState {
    struct LeaseRow {
        var token: Int64
        var holder: String
        var expiresAt: Date
    }

    struct RunRow {
        var run: SyncRun
        var claimedThrough: Int64 = 0
    }

    struct Place: Hashable {
        var sync: String
        var entries: EntrySet
    }

    struct InDoubt {
        var place: Place
        var request: RequestInDoubt
    }

    struct Stray {
        var place: Place
        var run: String
        var change: Change
        var mayLandUntil: Date
    }

    var isMigrated = false
    var leases: [String: LeaseRow] = [:]
    /// Sorted by id.
    var runs: [RunRow] = []
    /// By run, sorted by sequence.
    var outbox: [String: [Change]] = [:]
    var members: [Place: [Fingerprint: MemberEntry]] = [:]
    /// The fields of members that hold a value; those of which nothing is known have none.
    var valuesHeld: [Place: [Fingerprint: FieldBits]] = [:]
    /// The hash of the fields that members of lists were sent with; those of which nothing is known have none.
    var contents: [Place: [Fingerprint: Int64]] = [:]
    var log: [LogRecord] = []
    var records: Int64 = 0
    var inDoubt: [InDoubt] = []
    /// In the order of runs, and of their sequences.
    var strays: [Stray] = []
    var keys: [String: [UInt8]] = [:]
    var bindings: [String: ListBinding] = [:]
    /// By destination and scope, then by name.
    var fields: [[String]: [String: KnownField]] = [:]
    /// Names of fields by sync, in the order of their places.
    var places: [String: [String]] = [:]
    /// Items of catalogs that are to be read back, by sync.
    var itemChecks: [String: [ItemCheckKey: ItemCheckRow]] = [:]
    /// Events by sync.
    var events: [String: [Fingerprint: StoredEvent]] = [:]
    /// How far syncs of events have read, by sync; and how far once a run has ended, by run.
    var cursors: [String: EventCursor] = [:]
    var stagedCursors: [String: EventCursor] = [:]
    /// When the first runs of syncs of events began, as far as these have staged a plan.
    var begunAt: [String: Date] = [:]
    /// What the ids of events are made of, by sync.
    var mappings: [String: String] = [:]
    /// The first turn that is not given out yet, and the processes that take part, by budget.
    var budgets: [String: RateBudget] = [:]
    var shares: [String: [StoredClaim]] = [:]
    /// Syncs that are paused.
    var paused: Set<String> = []

    // MARK: Leases

    func prove(_ lease: Lease) throws(WarehouseError) {
        guard leases[lease.sync]?.token == lease.token else {
            throw WarehouseError(.leaseLost, "the sync \(lease.sync) was taken over")
        }
    }

    mutating func acquire(
        _ sync: String, _ holder: String, _ seconds: Double, now: Date, isDead: (String) -> Bool
    ) -> LeaseAttempt {
        if let row = leases[sync], row.expiresAt > now, !isDead(row.holder) {
            return .busy(
                holder: row.holder, secondsLeft: row.expiresAt.timeIntervalSince(now), runID: openRun(of: sync)?.id)
        }
        let token = (leases[sync]?.token ?? 0) + 1
        leases[sync] = LeaseRow(token: token, holder: holder, expiresAt: now.addingTimeInterval(seconds))
        return .acquired(Lease(sync: sync, holder: holder, token: token, isNew: keys[sync] == nil))
    }

    mutating func release(_ lease: Lease) {
        guard leases[lease.sync]?.token == lease.token else { return }
        leases[lease.sync]?.holder = ""
        leases[lease.sync]?.expiresAt = .distantPast
    }

    // MARK: Runs

    func run(_ id: String) -> SyncRun? { runs.first { $0.run.id == id }?.run }

    func openRun(of sync: String) -> SyncRun? {
        runs.first { $0.run.sync == sync && !$0.run.status.isFinal }?.run
    }

    mutating func insert(_ run: SyncRun) throws(WarehouseError) {
        if !run.status.isFinal, openRun(of: run.sync) != nil { throw conflict("a run of \(run.sync) is open") }
        if self.run(run.id) != nil { throw conflict("the run \(run.id) exists") }
        runs.append(RunRow(run: run))
        runs.sort { $0.run.id < $1.run.id }
    }

    mutating func update(
        _ id: String, of sync: String, when statuses: Set<RunStatus>, _ body: (inout RunRow) -> Void
    ) throws(WarehouseError) {
        guard let index = runs.firstIndex(where: { $0.run.id == id }), runs[index].run.sync == sync,
            statuses.contains(runs[index].run.status)
        else { throw conflict("the run \(id) is not \(statuses.map(\.rawValue).sorted())") }
        body(&runs[index])
    }

    /// Counts, requests and error only.
    mutating func saveProgress(_ run: SyncRun) throws(WarehouseError) {
        try update(run.id, of: run.sync, when: [.queued, .running]) { row in
            row.run.counts = run.counts
            row.run.requests = run.requests
            row.run.error = run.error
        }
    }

    mutating func save(_ run: SyncRun) throws(WarehouseError) {
        try run.proveBalance()
        guard (run.finishedAt == nil) != run.status.isFinal else { throw conflict("finished, or not") }
        try saveProgress(run)
        try update(run.id, of: run.sync, when: [.queued, .running]) { row in
            row.run.status = run.status
            row.run.listID = run.listID
            row.run.finishedAt = run.finishedAt
            row.run.held = run.held
            row.run.read = run.read
        }
    }

    func proveRunning(_ run: SyncRun, of lease: Lease) throws(WarehouseError) {
        guard let stored = self.run(run.id), stored.status == .running,
            [stored.sync, run.sync] == [lease.sync, lease.sync]
        else { throw conflict("the run \(run.id) of \(lease.sync) is not running") }
    }

    private func conflict(_ message: String) -> WarehouseError { WarehouseError(.conflict, message) }

    // MARK: Log

    mutating func write(
        _ run: String, _ sync: String, _ change: Change, status: String, reason: FailureReason?, httpStatus: Int?,
        attempts: Int, now: Date
    ) {
        let shown = change.loggedAs ?? change.identity
        write(
            run, sync, email: shown.email, userID: shown.userID, operation: change.operation.rawValue, status: status,
            reason: reason, httpStatus: httpStatus, attempts: attempts, now: now,
            recordKey: change.loggedKey ?? change.record?.key,
            itemID: change.loggedKey == nil ? change.record?.itemID : nil, event: change.event)
    }

    mutating func write(
        _ run: String, _ sync: String, email: String?, userID: String?, operation: String, status: String,
        reason: FailureReason?, httpStatus: Int?, attempts: Int, now: Date, recordKey: String? = nil,
        itemID: String? = nil, event: EventReference? = nil
    ) {
        records += 1
        log.append(
            LogRecord(
                recordID: records, runID: run, sync: sync, email: email, userID: userID, operation: operation,
                status: status, errorCode: reason?.code, errorReason: reason?.reason, httpStatus: httpStatus,
                attempts: attempts, loggedAt: now, recordKey: recordKey, itemID: itemID, eventName: event?.name,
                eventID: event?.id))
    }

    /// Logs what is left in the run's outbox as not attempted, and empties it.
    mutating func giveUpRest(_ run: SyncRun, _ reason: FailureReason, _ settings: LogSettings, now: Date) {
        let rest = outbox.removeValue(forKey: run.id) ?? []
        guard settings.retain else { return }
        for change in rest where change.kind.isListed {
            write(
                run.id, run.sync, change, status: "not_attempted", reason: reason, httpStatus: reason.httpStatus,
                attempts: 0, now: now)
        }
    }

    /// What a full run was to send once more of what is acknowledged, and did not, or without success: the next run sends it.
    mutating func leaveToTheNextRun(_ changes: [Change], _ run: SyncRun, now: Date) {
        guard run.full, let entries = run.entrySet, entries != .records(.events) else { return }
        let place = Place(sync: run.sync, entries: entries)
        for change in changes
        where change.kind == .send && change.operation.direction == .put && change.operation != .rename {
            guard let entry = members[place]?[change.fingerprint], entry.member.state == .subscribed,
                isSame(change, place)
            else { continue }
            if change.record != nil {
                members[place]?[change.fingerprint]?.member.record?.content = RecordReference.forgottenContent
            } else if change.content != nil {
                contents[place]?[change.fingerprint] = nil
            } else {
                members[place]?[change.fingerprint]?.member.state = .subscribing
                members[place]?[change.fingerprint]?.sinceRunID = run.id
                members[place]?[change.fingerprint]?.since = now
            }
        }
    }
}

extension MemoryState {
    /// Breaks a promise after a transaction.
    mutating func suffer(_ sabotage: Sabotage?, before: MemoryState) {
        switch sabotage {
        case .forgetsDoubt: inDoubt = []
        case .forgetsFields: contents = [:]
        case .givesTurnsTwice: budgets = before.budgets
        case .keepsDeadShares: keepDeadShares()
        case .keepsTheRemoved: members.merge(before.members) { new, old in new.merging(old) { kept, _ in kept } }
        case .forgetsTheUnknown: members = members.mapValues { $0.filter { $0.value.member.state != .subscribing } }
        case .movesEveryCursor:
            for (id, cursor) in before.stagedCursors where stagedCursors[id] == nil {
                if let sync = run(id)?.sync { cursors[sync] = cursor }
            }
        case .forgetsSentEvents: keepEvents { $0 != .sent }
        case .forgetsWaitingEvents: keepEvents { $0 != .waiting }
        case .forgetsSkippedEvents: keepEvents { $0 != .skipped }
        case .takesDoubtForSent:
            for (sync, events) in events {
                for (key, event) in events where event.state == .sending { self.events[sync]?[key]?.state = .sent }
            }
        default: break
        }
    }

    private mutating func keepEvents(_ isKept: (EventState) -> Bool) {
        events = events.mapValues { $0.filter { isKept($0.value.state) } }
    }
}

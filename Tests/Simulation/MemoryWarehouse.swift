package import Foundation
package import RollcallCore
import SeededRandom
package import Warehouse

/// A warehouse in memory, with a clock that the simulation drives. For one thread.
package final class MemoryWarehouse: Warehouse, SourceWatching, @unchecked Sendable {
    /// The warehouse's clock.
    var time: () -> Date
    /// What a plan reads of the table `people`.
    var audience: [People.Row] = []
    /// What a plan reads of the table `products`: the columns `key`, `title` and `at`.
    var products: [Products.Row] = []
    /// What a plan reads of the table `customers`.
    var customers: [TableRow] = []
    /// What a plan reads of the table `visits`.
    var visits: [TableRow] = []
    /// Whether rows cannot be read by bucket now, and whether such a reading gives other rows than those of its digests.
    var isRefusingGroups = false
    var isContradictingGroups = false
    /// Whether a reading gives all rows, also those that were not asked for.
    var givesMoreRows = false
    private(set) var state = MemoryState()
    var sabotage: Sabotage?

    package init(time: @escaping () -> Date) { self.time = time }

    /// One transaction: after an error nothing of it is left.
    func write<R>(
        _ lease: Lease?, _ body: (inout MemoryState, Date) throws(WarehouseError) -> R
    ) throws(WarehouseError) -> R {
        guard state.isMigrated else { throw WarehouseError(.stateMissing, "there are no state tables") }
        if let lease { try state.prove(lease) }
        var copy = state
        let result = try body(&copy, time())
        copy.suffer(sabotage, before: state)
        state = copy
        return result
    }

    /// For what the reports do.
    func change(_ body: (inout MemoryState) -> Void) { body(&state) }

    // MARK: Schema and audience

    package func schemaVersion() async throws(WarehouseError) -> Int? { state.isMigrated ? 1 : nil }

    package func migrate() async throws(WarehouseError) -> MigrationResult {
        defer { state.isMigrated = true }
        return MigrationResult(from: state.isMigrated ? 1 : nil, to: 1)
    }

    package func diagnose(_ sources: [AudienceSource]) async -> [Finding] { [] }
    package func close() async {}

    package func columns(of source: AudienceSource) async throws(WarehouseError) -> [AudienceColumn] {
        if source == Customers.table { return Customers.columns }
        if source == Visits.table { return Visits.columns }
        if source == .table(["products"]) {
            let at = AudienceColumn(name: "at", type: "bigint", canIdentify: true, family: .long)
            return ["key", "title"].map(Self.text) + [at]
        }
        return ["email", "user_id"].map(Self.text) + MemberValues.columns
    }

    private static func text(_ name: String) -> AudienceColumn {
        AudienceColumn(name: name, type: "text", canIdentify: true, family: .text)
    }

    /// A record as the snapshot has it.
    struct Record {
        var item: String
        var state: MemberState
    }

    /// The records of a sync of a catalog.
    func records(of sync: String) -> [Record] {
        (state.members[.init(sync: sync, entries: .records(.catalog))] ?? [:]).values.map {
            Record(item: $0.member.record?.itemID ?? "", state: $0.member.state)
        }
    }

    package func readAudience(
        _ source: AudienceSource, columns: IdentifierColumns, parts: Int,
        _ body: @escaping @Sendable (_ part: Int, AudienceCell, AudienceCell) throws -> Void
    ) async throws {
        for row in audience {
            try MemoryWarehouse.withCell(columns.email == nil ? nil : row.email) { email in
                try MemoryWarehouse.withCell(columns.userID == nil ? nil : row.userID) { try body(0, email, $0) }
            }
        }
    }

    package func readRecords(
        _ source: AudienceSource, columns: RecordColumns, parts: Int,
        _ body:
            @escaping @Sendable (
                _ part: Int, _ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>
            ) throws -> Void
    ) async throws {
        for row in wanted(rows(of: source), columns.bound) {
            try Self.give(row, columns) { try body(0, $0, $1, $2) }
        }
    }

    func rows(of source: AudienceSource) -> [TableRow] {
        if source == Customers.table { return customers }
        if source == Visits.table { return visits }
        return source == .table(["products"]) ? products.map(\.cells) : audience.map(\.cells)
    }

    func wanted(_ rows: [TableRow], _ bound: RowBound?) -> [TableRow] {
        guard let bound else { return rows }
        let wanted = rows.filter { isWanted($0, bound) }
        guard bound.isOrdered else { return wanted }
        // What has no position stands behind all others.
        return wanted.sorted { first, second in
            guard let first = first[bound.column].position else { return false }
            return second[bound.column].position.map { first < $0 } ?? true
        }
    }

    private func isWanted(_ row: TableRow, _ bound: RowBound) -> Bool {
        if givesMoreRows { return true }
        guard let position = row[bound.column].position else { return bound.takesRowsWithoutPosition }
        return bound.position.map { position >= $0 } ?? true
    }

    static func give(
        _ row: TableRow, _ columns: RecordColumns,
        _ body: (_ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>) throws -> Void
    ) throws {
        let email = columns.identifiers.email.flatMap { row[$0].bytes }
        let userID = columns.identifiers.userID.flatMap { row[$0].bytes }
        try row.withCells(columns.fields) { cells in
            try MemoryWarehouse.withCell(email) { email in
                try MemoryWarehouse.withCell(userID) { try body(email, $0, cells) }
            }
        }
    }

    static func withCell(_ bytes: [UInt8]?, _ body: (AudienceCell) throws -> Void) rethrows {
        guard let bytes else { return try body(.null) }
        try bytes.withUnsafeBytes { try body(AudienceCell(bytes: $0)) }
    }

    // MARK: Watching

    package func watch(
        channel: String?, onWake: @escaping @Sendable () -> Void
    ) async throws(WarehouseError) -> any SourceWatch { BlindWatch() }

    package func isPaused(sync: String) async throws(WarehouseError) -> Bool { state.paused.contains(sync) }

    // MARK: Leases

    package func acquireLease(
        sync: String, holder: String, seconds: Double, isDead: @escaping @Sendable (String) -> Bool
    ) async throws(WarehouseError) -> LeaseAttempt {
        let isGivenAway = sabotage == .givesLeasesAway
        return try write(nil) { state, now in
            state.acquire(sync, holder, seconds, now: now) { isGivenAway || isDead($0) }
        }
    }

    package func renewLease(_ lease: Lease, seconds: Double) async throws(WarehouseError) {
        try write(lease) { state, now in
            state.leases[lease.sync]?.expiresAt = now.addingTimeInterval(seconds)
        }
    }

    package func releaseLease(_ lease: Lease) async throws(WarehouseError) {
        try write(nil) { state, _ in state.release(lease) }
    }

    // MARK: Runs

    package func recoverRuns(
        _ lease: Lease, settleSeconds: Double, log: LogSettings
    ) async throws(WarehouseError) -> [SyncRun] {
        if sabotage == .recoversNothing { return [] }
        return try write(lease) { state, now in
            state.recover(lease.sync, settleSeconds: settleSeconds, log, now: now)
        }
    }

    package func openRun(_ lease: Lease, _ run: SyncRun) async throws(WarehouseError) {
        try write(lease) { state, _ throws(WarehouseError) in try state.insert(run) }
    }

    package func stage(
        _ lease: Lease, _ run: SyncRun, plan: any StagedPlan, log: LogSettings
    ) async throws(WarehouseError) {
        try write(lease) { state, now throws(WarehouseError) in
            // An earlier, equal call may have been committed without its answer arriving.
            state.log.removeAll { $0.runID == run.id && $0.operation == "validate" }
            state.outbox[run.id] = []
            try Self.add(plan, run, log, to: &state, now: now)
            try state.save(run)
        }
    }

    package func stageMore(
        _ lease: Lease, _ run: SyncRun, plan: any StagedPlan, log: LogSettings
    ) async throws(WarehouseError) {
        try write(lease) { state, now throws(WarehouseError) in
            try state.proveRunning(run, of: lease)
            try Self.add(plan, run, log, to: &state, now: now)
            try state.saveProgress(run)
        }
    }

    private static func add(
        _ plan: any StagedPlan, _ run: SyncRun, _ log: LogSettings, to state: inout MemoryState, now: Date
    ) throws(WarehouseError) {
        do {
            var changes: [Change] = []
            while case let page = try plan.nextChanges(limit: 100), !page.isEmpty { changes += page }
            state.outbox[run.id, default: []] += changes
            state.stagedCursors[run.id] = plan.cursor
            if state.cursors[run.sync] == nil {
                let kept = state.begunAt[run.sync] ?? plan.begun?.begunAt
                state.begunAt[run.sync] = plan.cursor.map(\.begunAt) ?? kept
            }
            while case let page = try plan.nextRecords(limit: 100), !page.isEmpty {
                for record in page where log.retain && (log.records == .all || record.isFailure) {
                    state.write(
                        run.id, run.sync, email: shown(record.email), userID: shown(record.userID),
                        operation: "validate", status: record.isFailure ? "failed" : "succeeded",
                        reason: record.reason, httpStatus: record.reason.httpStatus, attempts: 0, now: now)
                }
            }
        } catch {
            throw WarehouseError(.other, "the plan cannot be read: \(error)")
        }
    }

    package func moveCursor(_ lease: Lease, _ run: SyncRun) async throws(WarehouseError) {
        try write(lease) { state, _ throws(WarehouseError) in
            try state.proveRunning(run, of: lease)
            guard run.counts.notAttempted.total == 0, state.hasEmptyOutbox(run.id) else { return }
            state.moveCursor(of: run.id, run.sync, isDone: true)
        }
    }

    private static func shown(_ bytes: [UInt8]?) -> String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

    package func heldRun(sync: String) async throws(WarehouseError) -> SyncRun? {
        state.runs.first { $0.run.sync == sync && $0.run.status == .held }?.run
    }

    package func resumeHeldRun(_ lease: Lease, id: String) async throws(WarehouseError) -> SyncRun {
        try write(lease) { state, now throws(WarehouseError) in
            try state.update(id, of: lease.sync, when: [.held]) { $0.run.status = .running }
            state.resumeItemChecks(of: id, lease.sync, now: now)
            return try Self.found(state, id)
        }
    }

    package func discardHeldRun(_ lease: Lease, id: String) async throws(WarehouseError) -> SyncRun {
        try write(lease) { state, now throws(WarehouseError) in
            try state.update(id, of: lease.sync, when: [.held]) { row in
                row.run.status = .cancelled
                row.run.finishedAt = now
            }
            state.discardEvents(of: id, lease.sync, now: now)
            state.moveCursor(of: id, lease.sync, isDone: state.run(id)?.kind == .events)
            state.outbox[id] = nil
            return try Self.found(state, id)
        }
    }

    private static func found(_ state: MemoryState, _ id: String) throws(WarehouseError) -> SyncRun {
        guard let run = state.run(id) else { throw WarehouseError(.conflict, "there is no run \(id)") }
        return run
    }

    package func applyLocalChanges(
        _ lease: Lease, _ run: SyncRun, log: LogSettings
    ) async throws(WarehouseError) -> PerOperation {
        try write(lease) { state, now throws(WarehouseError) in try state.applyLocalChanges(run, log, now: now) }
    }

    package func changes(run id: String, after sequence: Int64, limit: Int) async throws(WarehouseError) -> [Change] {
        let rest = (state.outbox[id] ?? []).filter { $0.kind == .send && $0.sequence > sequence }
        return Array(rest.prefix(max(0, limit)))
    }

    package func claim(_ lease: Lease, run id: String, through sequence: Int64) async throws(WarehouseError) {
        if sabotage == .forgetsClaims { return }
        try write(lease) { state, _ throws(WarehouseError) in
            try state.update(id, of: lease.sync, when: [.running]) { row in
                row.claimedThrough = max(row.claimedThrough, sequence)
            }
        }
    }

    package func acknowledge(
        _ lease: Lease, _ run: SyncRun, outcomes: [BatchOutcome], log: LogSettings
    ) async throws(WarehouseError) {
        try write(lease) { state, now throws(WarehouseError) in try state.acknowledge(run, outcomes, log, now: now) }
    }

    package func finishRun(
        _ lease: Lease, _ run: SyncRun, reason: FailureReason, log: LogSettings
    ) async throws(WarehouseError) {
        try write(lease) { state, now throws(WarehouseError) in
            guard run.status.isFinal else {
                throw WarehouseError(.conflict, "the run \(run.id) cannot end as \(run.status.rawValue)")
            }
            // Repeated after a lost answer: it is done.
            if state.run(run.id)?.status == run.status { return }
            let isDone = run.counts.notAttempted.total == 0 && state.hasEmptyOutbox(run.id)
            state.leaveToTheNextRun(state.outbox[run.id] ?? [], run, now: now)
            state.giveUpRest(run, reason, log, now: now)
            var ended = run
            ended.finishedAt = run.finishedAt ?? now
            try state.save(ended)
            state.moveCursor(of: run.id, run.sync, isDone: isDone)
            state.forgetSettled(run.sync, now)
        }
    }

    // MARK: Stray requests

    package func noteStrays(
        _ run: SyncRun, _ changes: [Change], settleSeconds: Double
    ) async throws(WarehouseError) {
        if sabotage == .forgetsStrays { return }
        try write(nil) { state, now in
            state.noteStrays(run, changes, mayLandUntil: now.addingTimeInterval(settleSeconds))
        }
    }

    package func applyStrayNotes(_ lease: Lease) async throws(WarehouseError) -> Int {
        try write(lease) { state, now in state.applyStrayNotes(lease.sync, now: now) }
    }

    // MARK: Snapshot

    package func fingerprintKey(sync: String, newKey: [UInt8]?) async throws(WarehouseError) -> [UInt8]? {
        if state.keys[sync] == nil, let newKey { try write(nil) { state, _ in state.keys[sync] = newKey } }
        return state.keys[sync]
    }

    private func entries(_ sync: String, _ entries: EntrySet) -> [MemberEntry] {
        (state.members[.init(sync: sync, entries: entries)] ?? [:]).values.sorted {
            $0.member.fingerprint < $1.member.fingerprint
        }
    }

    /// Made of the snapshot itself, so that it cannot fail to change.
    package func snapshotGeneration(sync: String) async throws(WarehouseError) -> Int64? {
        var sum: UInt64 = 1
        func add(_ value: UInt64) { sum = SeededGenerator.mix(sum ^ value) }
        let places = state.members.filter { $0.key.sync == sync }
            .map { (number: $0.key.entries.number, place: $0.key, entries: $0.value) }.sorted { $0.number < $1.number }
        for (number, place, entries) in places {
            add(number)
            for (fingerprint, entry) in entries.sorted(by: { $0.key < $1.key }) {
                add(fingerprint.high)
                add(fingerprint.low)
                for byte in entry.member.state.rawValue.utf8 { add(UInt64(byte)) }
                add(entry.member.listed ? 1 : 0)
                add(UInt64(bitPattern: state.content(of: fingerprint, place) ?? 0))
                for byte in state.valuesHeld[place]?[fingerprint]?.bytes ?? [] { add(UInt64(byte)) }
            }
        }
        return Int64(bitPattern: sum)
    }

    package func readSnapshot(
        sync: String, of set: EntrySet, parts: Int,
        _ body: @escaping @Sendable (_ part: Int, Fingerprint, MemberState, _ listed: Bool) throws -> Void
    ) async throws {
        for entry in entries(sync, set) {
            try body(0, entry.member.fingerprint, entry.member.state, entry.member.listed)
        }
    }

    package func readContents(
        sync: String, of set: EntrySet, _ body: @escaping @Sendable (KnownContent) throws -> Void
    ) async throws {
        try readContents(sync, set, { _ in true }, body)
    }

    package func readContents(
        sync: String, of kind: RecordKind, fingerprints: [Fingerprint],
        _ body: @escaping @Sendable (KnownContent) throws -> Void
    ) async throws(WarehouseError) {
        let wanted = Set(fingerprints)
        do {
            try readContents(sync, .records(kind), wanted.contains, body)
        } catch {
            throw WarehouseError(.other, "\(error)")
        }
    }

    private func readContents(
        _ sync: String, _ set: EntrySet, _ isWanted: (Fingerprint) -> Bool, _ body: (KnownContent) throws -> Void
    ) throws {
        let place = MemoryState.Place(sync: sync, entries: set)
        let held = state.valuesHeld[place] ?? [:]
        for entry in entries(sync, set) where isWanted(entry.member.fingerprint) {
            let member = entry.member
            try (held[member.fingerprint]?.bytes ?? []).withUnsafeBytes { bytes in
                try body(
                    KnownContent(
                        fingerprint: member.fingerprint, state: member.state, listed: member.listed,
                        content: state.content(of: member.fingerprint, place) ?? 0, held: bytes))
            }
        }
    }

    package func members(
        sync: String, of set: EntrySet, fingerprints: [Fingerprint]
    ) async throws(WarehouseError) -> [Member] {
        let known = state.members[.init(sync: sync, entries: set)] ?? [:]
        return Set(fingerprints).sorted().compactMap { known[$0]?.member }
    }

    package func members(
        sync: String, of set: EntrySet, knownAs identity: Identity
    ) async throws(WarehouseError) -> [MemberEntry] {
        entries(sync, set).filter { entry in
            let known = entry.member.identity
            return (identity.email != nil && known.email == identity.email)
                || (identity.userID != nil && known.userID == identity.userID)
                || (identity.userID != nil && entry.member.record?.key == identity.userID)
                || (identity.userID != nil && entry.member.record?.itemID == identity.userID)
        }
    }

    package func owners(
        sync: String, of kind: RecordKind, identities: [Identity]
    ) async throws(WarehouseError) -> [Member] {
        let emails = Set(identities.compactMap(\.email))
        let userIDs = Set(identities.compactMap(\.userID))
        return (state.members[.init(sync: sync, entries: .records(kind))] ?? [:]).values.map(\.member)
            .filter { member in
                member.listed
                    && (member.identity.email.map(emails.contains) == true
                        || member.identity.userID.map(userIDs.contains) == true)
            }
            .sorted { $0.fingerprint < $1.fingerprint }
    }

    package func memberCounts(
        sync: String, of set: EntrySet
    ) async throws(WarehouseError) -> [MemberState: Int] {
        entries(sync, set).reduce(into: [:]) { $0[$1.member.state, default: 0] += 1 }
    }

    package func requestsInDoubt(
        sync: String, of set: EntrySet
    ) async throws(WarehouseError) -> [RequestInDoubt] {
        let now = time()
        return state.inDoubt.filter {
            $0.place == .init(sync: sync, entries: set)
                && ($0.request.mayLandUntil >= now || $0.request.operation == .rename)
        }
        .map(\.request).sorted { $0.mayLandUntil < $1.mayLandUntil }
    }

    package func now() async throws(WarehouseError) -> Date { time() }
}

extension EntrySet {
    /// Tells the sets of one sync apart.
    fileprivate var number: UInt64 {
        switch self {
        case .list(let id): UInt64(bitPattern: id)
        case .records(let kind): .max - UInt64(RecordKind.allCases.firstIndex(of: kind) ?? 0)
        }
    }
}

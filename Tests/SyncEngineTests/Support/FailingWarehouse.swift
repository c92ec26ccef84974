import Foundation
import RollcallCore
import Synchronization
import Warehouse

/// A warehouse that goes away for good at a chosen write, before or after it is carried out: what a process sees of a
/// crash of its warehouse, and what a warehouse sees of a crash of its process.
final class FailingWarehouse: Warehouse {
    let inner: any Warehouse
    private let left: Mutex<Int>
    private let conflicts: Mutex<Int>
    private let ending: WarehouseError.Kind
    private let after: Bool
    private let renews: Bool
    private let refusesToEnd: @Sendable (SyncRun) -> Bool
    private let onClaim: @Sendable ([Change]) -> Void
    private let onAcknowledge: @Sendable ([BatchOutcome]) async -> Void
    private let time: (@Sendable () -> Date)?
    private let upgrade: String
    private let grouper: RecordGrouper?
    /// Awaited before the standing of a state is read.
    let beforeStanding = Mutex<(@Sendable () async -> Void)?>(nil)

    /// - Parameters:
    ///   - writes: how many leased writes succeed before the failing one.
    ///   - after: whether the failing write is still carried out.
    ///   - renews: whether the lease can be renewed.
    ///   - onClaim: gets the changes that may have been sent from now on.
    ///   - onAcknowledge: called before outcomes are recorded.
    ///   - refusesToEnd: whether a run cannot be ended as it is.
    ///   - upgrade: what its server's version says more than that of the other one.
    ///   - conflicts: how many readings of the source end after their first row, as a standby ends them.
    ///   - ending: how they end.
    ///   - time: what its clock says; nil: what that of the other one says.
    ///   - grouper: groups the rows of users and catalogs; nil: the other one does, if it can.
    init(
        _ inner: any Warehouse, writes: Int = .max, after: Bool = false, renews: Bool = true,
        onClaim: @escaping @Sendable ([Change]) -> Void = { _ in },
        onAcknowledge: @escaping @Sendable ([BatchOutcome]) async -> Void = { _ in },
        refusesToEnd: @escaping @Sendable (SyncRun) -> Bool = { _ in false }, time: (@Sendable () -> Date)? = nil,
        upgrade: String = "", conflicts: Int = 0, ending: WarehouseError.Kind = .recoveryConflict,
        grouper: RecordGrouper? = nil
    ) {
        self.grouper = grouper
        self.conflicts = Mutex(conflicts)
        self.ending = ending
        self.upgrade = upgrade
        self.refusesToEnd = refusesToEnd
        self.time = time
        self.onClaim = onClaim
        self.onAcknowledge = onAcknowledge
        self.renews = renews
        self.inner = inner
        left = Mutex(writes)
        self.after = after
    }

    /// The next write fails, and all after it.
    func goAway() { left.withLock { $0 = 0 } }

    /// Whether the failing write was reached.
    var hasFailed: Bool { left.withLock { $0 < 0 } }

    private static let gone = WarehouseError(.other, "the warehouse went away")

    func write<R>(neverAfter: Bool = false, _ body: () async throws(WarehouseError) -> R)
        async throws(WarehouseError) -> R
    {
        let remaining = left.withLock { left in
            left -= 1
            return left
        }
        if remaining < -1 || (remaining == -1 && (!after || neverAfter)) { throw FailingWarehouse.gone }
        let result = try await body()
        if remaining == -1 { throw FailingWarehouse.gone }
        return result
    }

    private func alive() throws(WarehouseError) { if hasFailed { throw FailingWarehouse.gone } }

    func acquireLease(
        sync: String, holder: String, seconds: Double, isDead: @escaping @Sendable (String) -> Bool
    ) async throws(WarehouseError) -> LeaseAttempt {
        try await inner.acquireLease(sync: sync, holder: holder, seconds: seconds, isDead: isDead)
    }
    func renewLease(_ lease: Lease, seconds: Double) async throws(WarehouseError) {
        try alive()
        if !renews { throw WarehouseError(.connection, "the warehouse is away") }
        try await inner.renewLease(lease, seconds: seconds)
    }
    func releaseLease(_ lease: Lease) async throws(WarehouseError) {
        try alive()
        try await inner.releaseLease(lease)
    }
    func recoverRuns(
        _ lease: Lease, settleSeconds: Double, log: LogSettings
    ) async throws(WarehouseError) -> [SyncRun] {
        try await write { () async throws(WarehouseError) in
            try await inner.recoverRuns(lease, settleSeconds: settleSeconds, log: log)
        }
    }
    func openRun(_ lease: Lease, _ run: SyncRun) async throws(WarehouseError) {
        try await write { () async throws(WarehouseError) in try await inner.openRun(lease, run) }
    }
    func stage(
        _ lease: Lease, _ run: SyncRun, plan: any StagedPlan, log: LogSettings
    ) async throws(WarehouseError) {
        try await write { () async throws(WarehouseError) in
            try await inner.stage(lease, run, plan: plan, log: log)
        }
    }
    func stageMore(
        _ lease: Lease, _ run: SyncRun, plan: any StagedPlan, log: LogSettings
    ) async throws(WarehouseError) {
        try await write { () async throws(WarehouseError) in
            try await inner.stageMore(lease, run, plan: plan, log: log)
        }
    }
    func moveCursor(_ lease: Lease, _ run: SyncRun) async throws(WarehouseError) {
        try await write { () async throws(WarehouseError) in try await inner.moveCursor(lease, run) }
    }
    func resumeHeldRun(_ lease: Lease, id: String) async throws(WarehouseError) -> SyncRun {
        try await write { () async throws(WarehouseError) in try await inner.resumeHeldRun(lease, id: id) }
    }
    func discardHeldRun(_ lease: Lease, id: String) async throws(WarehouseError) -> SyncRun {
        try await write { () async throws(WarehouseError) in try await inner.discardHeldRun(lease, id: id) }
    }
    func applyLocalChanges(
        _ lease: Lease, _ run: SyncRun, log: LogSettings
    ) async throws(WarehouseError) -> PerOperation {
        try await write { () async throws(WarehouseError) in
            try await inner.applyLocalChanges(lease, run, log: log)
        }
    }
    /// Fails before only: a claim that is carried out stands for requests that may have been sent.
    func claim(_ lease: Lease, run id: String, through sequence: Int64) async throws(WarehouseError) {
        try await write(neverAfter: true) { () async throws(WarehouseError) in
            try await inner.claim(lease, run: id, through: sequence)
        }
        onClaim(try await inner.changes(run: id, after: 0, limit: 1000).filter { $0.sequence <= sequence })
    }
    func acknowledge(
        _ lease: Lease, _ run: SyncRun, outcomes: [BatchOutcome], log: LogSettings
    ) async throws(WarehouseError) {
        await onAcknowledge(outcomes)
        try await write { () async throws(WarehouseError) in
            try await inner.acknowledge(lease, run, outcomes: outcomes, log: log)
        }
    }
    func finishRun(
        _ lease: Lease, _ run: SyncRun, reason: FailureReason, log: LogSettings
    ) async throws(WarehouseError) {
        if refusesToEnd(run) { throw WarehouseError(.query, "the run cannot be stored") }
        try await write { () async throws(WarehouseError) in
            try await inner.finishRun(lease, run, reason: reason, log: log)
        }
    }
    func fingerprintKey(sync: String, newKey: [UInt8]?) async throws(WarehouseError) -> [UInt8]? {
        try await write { () async throws(WarehouseError) in
            try await inner.fingerprintKey(sync: sync, newKey: newKey)
        }
    }
    func bindings(named name: String) async throws(WarehouseError) -> [ListBinding] {
        try await inner.bindings(named: name)
    }
    func knownFields(destination: String, scope: String) async throws(WarehouseError) -> [KnownField] {
        try await inner.knownFields(destination: destination, scope: scope)
    }
    func noteFields(
        _ lease: Lease, destination: String, scope: String, _ fields: [KnownField]
    ) async throws(WarehouseError) {
        try await write { () async throws(WarehouseError) in
            try await inner.noteFields(lease, destination: destination, scope: scope, fields)
        }
    }
    func fieldPlaces(sync: String) async throws(WarehouseError) -> [String] { try await inner.fieldPlaces(sync: sync) }
    func addFieldPlaces(_ lease: Lease, _ names: [String]) async throws(WarehouseError) -> [String] {
        try await write { () async throws(WarehouseError) in try await inner.addFieldPlaces(lease, names) }
    }
    func index(on column: String, of source: AudienceSource) async throws(WarehouseError) -> ColumnIndex {
        try await inner.index(on: column, of: source)
    }
    func entries(
        sync: String, of entries: EntrySet, in states: Set<MemberState>, after fingerprint: Fingerprint?, limit: Int
    ) async throws(WarehouseError) -> [MemberEntry] {
        try await inner.entries(sync: sync, of: entries, in: states, after: fingerprint, limit: limit)
    }
    func itemChecks(
        sync: String, acceptedBefore time: Date, limit: Int
    ) async throws(WarehouseError) -> [ItemCheck] {
        try await inner.itemChecks(sync: sync, acceptedBefore: time, limit: limit)
    }
    func noteItemChecks(_ lease: Lease, run id: String, _ notes: ItemCheckNotes) async throws(WarehouseError) {
        try await write { () async throws(WarehouseError) in try await inner.noteItemChecks(lease, run: id, notes) }
    }
    func acceptItemChecks(_ lease: Lease, run id: String) async throws(WarehouseError) {
        try await write { () async throws(WarehouseError) in try await inner.acceptItemChecks(lease, run: id) }
    }
    func saveListBinding(_ lease: Lease, _ binding: ListBinding) async throws(WarehouseError) {
        try await write { () async throws(WarehouseError) in try await inner.saveListBinding(lease, binding) }
    }
    func takeList(
        _ lease: Lease, _ binding: ListBinding, refuse: @escaping @Sendable ([ListClaim]) -> [ListClaim]
    ) async throws(WarehouseError) -> [ListClaim] {
        try await write { () async throws(WarehouseError) in
            try await inner.takeList(lease, binding, refuse: refuse)
        }
    }
    func abandon(_ lease: Lease, list: Int64?) async throws(WarehouseError) -> AbandonAttempt {
        try await write { () async throws(WarehouseError) in try await inner.abandon(lease, list: list) }
    }

    func saveMapping(_ lease: Lease, _ scheme: String) async throws(WarehouseError) {
        try await write { () async throws(WarehouseError) in try await inner.saveMapping(lease, scheme) }
    }
    func noteStrays(_ run: SyncRun, _ changes: [Change], settleSeconds: Double) async throws(WarehouseError) {
        try alive()
        try await inner.noteStrays(run, changes, settleSeconds: settleSeconds)
    }
    func applyStrayNotes(_ lease: Lease) async throws(WarehouseError) -> Int {
        try await write { () async throws(WarehouseError) in try await inner.applyStrayNotes(lease) }
    }

    // MARK: Reads

    func schemaVersion() async throws(WarehouseError) -> Int? { try await inner.schemaVersion() }
    func migrate() async throws(WarehouseError) -> MigrationResult { try await inner.migrate() }
    func diagnose(_ sources: [AudienceSource]) async -> [Finding] { await inner.diagnose(sources) }
    func close() async {}
    func columns(of source: AudienceSource) async throws(WarehouseError) -> [AudienceColumn] {
        try await inner.columns(of: source)
    }
    func readAudience(
        _ source: AudienceSource, columns: IdentifierColumns, parts: Int,
        _ body: @escaping @Sendable (Int, AudienceCell, AudienceCell) throws -> Void
    ) async throws {
        let isEnded = endsReading()
        try await inner.readAudience(source, columns: columns, parts: parts) {
            try body($0, $1, $2)
            if isEnded { throw self.conflict }
        }
    }

    private var conflict: WarehouseError {
        WarehouseError(ending, "The audience was not read to its end.", hint: "Read the primary.")
    }

    /// Whether the present reading of the source is one that ends early.
    private func endsReading() -> Bool {
        conflicts.withLock { left in
            left -= 1
            return left >= 0
        }
    }
    func readBuckets(
        _ source: AudienceSource, columns: IdentifierColumns, grouping: RowGrouping,
        choose: @escaping @Sendable (GroupedRows) throws -> BucketSelection,
        _ body: @escaping @Sendable (AudienceCell, AudienceCell, Int) throws -> Void
    ) async throws -> Bool {
        let upgrade = upgrade
        return try await inner.readBuckets(
            source, columns: columns, grouping: grouping,
            choose: { try choose(GroupedRows(basis: $0.basis + upgrade, digests: $0.digests)) }, body)
    }
    func readRecordBuckets(
        _ source: AudienceSource, columns: RecordColumns, grouping: RowGrouping,
        choose: @escaping @Sendable (GroupedRows) throws -> BucketSelection,
        _ body: @escaping @Sendable (AudienceCell, AudienceCell, UnsafeBufferPointer<RecordCell>, Int) throws -> Void
    ) async throws -> Bool {
        let upgrade = upgrade
        if let grouper {
            return try await grouper.read(
                inner, source, columns: columns, grouping: grouping, basis: "fake" + upgrade, choose: choose, body)
        }
        return try await inner.readRecordBuckets(
            source, columns: columns, grouping: grouping,
            choose: { try choose(GroupedRows(basis: $0.basis + upgrade, digests: $0.digests)) }, body)
    }
    func readRecords(
        _ source: AudienceSource, columns: RecordColumns, parts: Int,
        _ body: @escaping @Sendable (Int, AudienceCell, AudienceCell, UnsafeBufferPointer<RecordCell>) throws -> Void
    ) async throws {
        let isEnded = endsReading()
        try await inner.readRecords(source, columns: columns, parts: parts) {
            try body($0, $1, $2, $3)
            if isEnded { throw self.conflict }
        }
    }
    func heldRun(sync: String) async throws(WarehouseError) -> SyncRun? { try await inner.heldRun(sync: sync) }
    func changes(run id: String, after sequence: Int64, limit: Int) async throws(WarehouseError) -> [Change] {
        try await inner.changes(run: id, after: sequence, limit: limit)
    }
    func snapshotGeneration(sync: String) async throws(WarehouseError) -> Int64? {
        try await inner.snapshotGeneration(sync: sync)
    }
    func readSnapshot(
        sync: String, of entries: EntrySet, parts: Int,
        _ body: @escaping @Sendable (Int, Fingerprint, MemberState, Bool) throws -> Void
    ) async throws {
        try await inner.readSnapshot(sync: sync, of: entries, parts: parts, body)
    }
    func readContents(
        sync: String, of entries: EntrySet, _ body: @escaping @Sendable (KnownContent) throws -> Void
    ) async throws {
        try await inner.readContents(sync: sync, of: entries, body)
    }
    func readContents(
        sync: String, of kind: RecordKind, fingerprints: [Fingerprint],
        _ body: @escaping @Sendable (KnownContent) throws -> Void
    ) async throws(WarehouseError) {
        try await inner.readContents(sync: sync, of: kind, fingerprints: fingerprints, body)
    }
    func members(sync: String, of entries: EntrySet, fingerprints: [Fingerprint]) async throws(WarehouseError)
        -> [Member]
    {
        try await inner.members(sync: sync, of: entries, fingerprints: fingerprints)
    }
    func members(sync: String, of entries: EntrySet, knownAs: Identity) async throws(WarehouseError) -> [MemberEntry] {
        try await inner.members(sync: sync, of: entries, knownAs: knownAs)
    }
    func owners(sync: String, of kind: RecordKind, identities: [Identity]) async throws(WarehouseError) -> [Member] {
        try await inner.owners(sync: sync, of: kind, identities: identities)
    }
    func memberCounts(sync: String, of entries: EntrySet) async throws(WarehouseError) -> [MemberState: Int] {
        try await inner.memberCounts(sync: sync, of: entries)
    }
    func eventCursor(sync: String) async throws(WarehouseError) -> EventCursor? {
        try await inner.eventCursor(sync: sync)
    }
    func eventsBegunAt(sync: String) async throws(WarehouseError) -> Date? {
        try await inner.eventsBegunAt(sync: sync)
    }
    func knownEvents(sync: String, keys: [Fingerprint]) async throws(WarehouseError) -> [KnownEvent] {
        try await inner.knownEvents(sync: sync, keys: keys)
    }
    func readEvents(
        sync: String, from position: Int64?, _ body: @escaping @Sendable (KnownEvent) throws -> Void
    ) async throws {
        try await inner.readEvents(sync: sync, from: position, body)
    }
    func events(
        sync: String, in states: Set<EventState>, after key: Fingerprint?, limit: Int
    ) async throws(WarehouseError) -> [StoredEvent] {
        try await inner.events(sync: sync, in: states, after: key, limit: limit)
    }
    func events(sync: String, ids: [String]) async throws(WarehouseError) -> [StoredEvent] {
        try await inner.events(sync: sync, ids: ids)
    }
    func events(
        sync: String, knownAs text: String, key: Fingerprint, limit: Int
    ) async throws(WarehouseError) -> [StoredEvent] {
        try await inner.events(sync: sync, knownAs: text, key: key, limit: limit)
    }
    func eventCounts(sync: String) async throws(WarehouseError) -> [EventState: Int] {
        try await inner.eventCounts(sync: sync)
    }
    func areAcknowledged(
        sync: String, _ people: [Identity], before time: Date
    ) async throws(WarehouseError) -> [Bool] {
        try await inner.areAcknowledged(sync: sync, people, before: time)
    }
    func mapping(sync: String) async throws(WarehouseError) -> String? {
        try await inner.mapping(sync: sync)
    }
    func requestsInDoubt(sync: String, of entries: EntrySet) async throws(WarehouseError) -> [RequestInDoubt] {
        try await inner.requestsInDoubt(sync: sync, of: entries)
    }
    func now() async throws(WarehouseError) -> Date {
        if let time { return time() }
        return try await inner.now()
    }
    func listBinding(sync: String) async throws(WarehouseError) -> ListBinding? {
        try await inner.listBinding(sync: sync)
    }
    func listClaims(besides sync: String, list: Int64?) async throws(WarehouseError) -> [ListClaim] {
        try await inner.listClaims(besides: sync, list: list)
    }
    func run(id: String) async throws(WarehouseError) -> SyncRun? { try await inner.run(id: id) }
    func runs(_ filter: RunFilter) async throws(WarehouseError) -> [SyncRun] { try await inner.runs(filter) }
    func records(_ filter: RecordFilter, _ body: @escaping @Sendable (LogRecord) throws -> Void) async throws {
        try await inner.records(filter, body)
    }
    func prune(_ policies: [RetentionPolicy]) async throws(WarehouseError) -> PruneResult {
        try await inner.prune(policies)
    }
}

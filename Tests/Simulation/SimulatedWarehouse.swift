import Foundation
import RollcallCore
import Synchronization
import Warehouse

/// A process's connection to the warehouse: takes time, breaks, and is where the process may die.
final class SimulatedWarehouse: Warehouse, SourceWatching, BudgetStore, @unchecked Sendable {
    private let store: MemoryWarehouse
    private let node: Node
    private var world: World { node.world }
    private var history: History { node.history }

    init(_ store: MemoryWarehouse, _ node: Node) {
        self.store = store
        self.node = node
    }

    private static let lost = WarehouseError(.connection, "the connection to the warehouse was lost")

    // MARK: The way there and back

    private func write<R: Sendable>(
        _ name: String,
        _ body: @escaping @Sendable () async throws(WarehouseError) -> R
    ) async throws(WarehouseError) -> R {
        node.writes += 1
        let fault = try await arrive(name, Fault.store)
        switch fault?.0 {
        case .storeLostAfter:
            _ = try await body()
            throw Self.lost
        case .storeLate:
            // The connection is lost while the commit is on its way: until it has arrived or been given up, the
            // transaction holds the lock on the lease's row, and every later write waits for it.
            var dice = fault?.1 ?? Dice(0)
            let (delay, kernel) = (dice.milliseconds(1, 12_000), history.kernel)
            history.rowIsLockedUntil = world.now + delay
            world.after(delay) { Task(executorPreference: kernel) { _ = try? await body() } }
            throw Self.lost
        default: break
        }
        let result: R
        do throws(WarehouseError) {
            result = try await body()
        } catch {
            world.note(node.process, "\(name) fails: \(error.kind.rawValue)")
            throw error
        }
        world.note(node.process, name)
        try await leave(fault)
        return result
    }

    private func read<R>(
        _ name: String, _ body: () async throws(WarehouseError) -> R
    ) async throws(WarehouseError) -> R {
        let fault = try await arrive(name, Fault.reading)
        let result = try await body()
        try await leave(fault)
        return result
    }

    private func arrive(_ name: String, _ faults: [Fault]) async throws(WarehouseError) -> (Fault, Dice)? {
        if node.process.isDead { throw Self.lost }
        let key = node.key(name)
        var latency = Dice(history.scenario.seed, key + " latency")
        var drawn = history.faults.draw(key, faults)
        if let (fault, dice) = drawn {
            var dice = dice
            history.oracle.saw("fault \(fault.rawValue)")
            world.note(node.process, "\(name) meets \(fault.rawValue)")
            switch fault {
            case .crashBeforeStore: node.die()
            case .stopBeforeStore: node.freeze(&dice)
            case .storeSlow: await world.pass(dice.milliseconds(500, 30_000))
            case .storeOutage: history.storeIsDownUntil = world.now + dice.milliseconds(100, 90_000)
            case .storeFull: history.storeIsFullUntil = world.now + dice.milliseconds(100, 30_000)
            default: break
            }
            drawn = (fault, dice)
        }
        await world.pass(latency.milliseconds(1, 40))
        while faults == Fault.store, history.rowIsLockedUntil >= world.now {
            await world.pass(history.rowIsLockedUntil - world.now + .milliseconds(1))
        }
        if node.process.isDead { throw Self.lost }
        if history.storeIsDownUntil > world.now { throw Self.lost }
        if history.storeIsFullUntil > world.now, faults == Fault.store {
            throw WarehouseError(.storage, "the disk is full")
        }
        switch drawn?.0 {
        case .storeLostBefore: throw Self.lost
        case .storeBusy: throw WarehouseError(.busy, "another writer holds the database")
        default: return drawn
        }
    }

    private func leave(_ drawn: (Fault, Dice)?) async throws(WarehouseError) {
        if let (fault, dice) = drawn {
            var dice = dice
            if fault == .crashAfterStore { node.die() }
            if fault == .stopAfterStore { node.freeze(&dice) }
        }
        // A stopped process sees the answer when it goes on.
        await world.pass(.milliseconds(1))
        if node.process.isDead { throw Self.lost }
    }

    // MARK: Schema and audience

    func schemaVersion() async throws(WarehouseError) -> Int? { try await store.schemaVersion() }
    func migrate() async throws(WarehouseError) -> MigrationResult {
        try await read("migrate") { () async throws(WarehouseError) in try await store.migrate() }
    }
    func diagnose(_ sources: [AudienceSource]) async -> [Finding] { [] }
    func close() async {}

    func columns(of source: AudienceSource) async throws(WarehouseError) -> [AudienceColumn] {
        try await read("columns") { () async throws(WarehouseError) in try await store.columns(of: source) }
    }

    func readAudience(
        _ source: AudienceSource, columns: IdentifierColumns, parts: Int,
        _ body: @escaping @Sendable (Int, AudienceCell, AudienceCell) throws -> Void
    ) async throws {
        try await readSource { try await $0.readAudience(source, columns: columns, parts: parts, body) }
    }

    func readBuckets(
        _ source: AudienceSource, columns: IdentifierColumns, grouping: RowGrouping,
        choose: @escaping @Sendable (GroupedRows) throws -> BucketSelection,
        _ body: @escaping @Sendable (AudienceCell, AudienceCell, Int) throws -> Void
    ) async throws -> Bool {
        let history = history
        return try await readGroups { view in
            try await view.readBuckets(source, columns: columns, grouping: grouping) { found in
                let wanted = try choose(found)
                history.noteBuckets(found, wanted, of: "rows")
                return wanted
            } _: { email, userID, bucket in
                try body(email, userID, bucket)
            }
        }
    }

    func readRecordBuckets(
        _ source: AudienceSource, columns: RecordColumns, grouping: RowGrouping,
        choose: @escaping @Sendable (GroupedRows) throws -> BucketSelection,
        _ body: @escaping @Sendable (AudienceCell, AudienceCell, UnsafeBufferPointer<RecordCell>, Int) throws -> Void
    ) async throws -> Bool {
        let (history, rows) = (history, "rows of \(node.sync)")
        return try await readGroups { view in
            try await view.readRecordBuckets(source, columns: columns, grouping: grouping) { found in
                let wanted = try choose(found)
                history.noteBuckets(found, wanted, of: rows)
                return wanted
            } _: { email, userID, cells, bucket in
                try body(email, userID, cells, bucket)
            }
        }
    }

    /// One view of digests and rows. The plan is that of all rows, whichever come.
    private func readGroups(_ body: (MemoryWarehouse) async throws -> Bool) async throws -> Bool {
        let (rows, products, customers) = (store.audience, store.products, store.customers)
        let fault = try await arrive("read groups", Fault.grouping)
        let view = MemoryWarehouse(time: store.time)
        (view.audience, view.products, view.customers) = (rows, products, customers)
        view.isRefusingGroups = fault?.0 == .groupsRefused
        view.isContradictingGroups = fault?.0 == .groupsContradicted
        let isRead = try await body(view)
        if isRead {
            switch node.sync {
            case "goods": history.goods.hasRead(products, node)
            case "clients": history.clients.hasRead(customers, nil, isCut: false, node)
            default: history.oracle.hasRead(rows, node)
            }
        }
        try await leave(fault)
        return isRead
    }

    func readRecords(
        _ source: AudienceSource, columns: RecordColumns, parts: Int,
        _ body: @escaping @Sendable (Int, AudienceCell, AudienceCell, UnsafeBufferPointer<RecordCell>) throws -> Void
    ) async throws {
        switch node.sync {
        case "tracks": try await readVisits(source, columns, body)
        case "clients": try await readCustomers(source, columns, body)
        default: try await readSource { try await $0.readRecords(source, columns: columns, parts: parts, body) }
        }
    }

    /// As ``readSource(_:)``, also where the reading is broken off because there is enough: what was given until then was read.
    private func readVisits(
        _ source: AudienceSource, _ columns: RecordColumns,
        _ body: @escaping @Sendable (Int, AudienceCell, AudienceCell, UnsafeBufferPointer<RecordCell>) throws -> Void
    ) async throws {
        let (visits, tracks) = (store.visits, history.tracks)
        let seen = tracks.begins(visits, from: columns.bound?.position)
        let fault = try await arrive("read audience", Fault.reading)
        let view = MemoryWarehouse(time: store.time)
        (view.visits, view.givesMoreRows) = (visits, store.givesMoreRows)
        let given = Mutex(0)
        do {
            try await view.readRecords(source, columns: columns, parts: 1) { part, email, userID, cells in
                given.withLock { $0 += 1 }
                try body(part, email, userID, cells)
            }
            tracks.hasRead(seen, node)
        } catch {
            let rows = Array(view.wanted(visits, columns.bound).prefix(given.withLock { $0 }))
            history.oracle.saw("a reading was broken off")
            tracks.hasRead(tracks.begins(rows, from: columns.bound?.position), node)
            throw error
        }
        try await leave(fault)
    }

    /// As ``readVisits(_:_:_:)``: a look of a stream is broken off, too.
    private func readCustomers(
        _ source: AudienceSource, _ columns: RecordColumns,
        _ body: @escaping @Sendable (Int, AudienceCell, AudienceCell, UnsafeBufferPointer<RecordCell>) throws -> Void
    ) async throws {
        let customers = store.customers
        let fault = try await arrive("read audience", Fault.reading)
        let view = MemoryWarehouse(time: store.time)
        view.customers = customers
        let rows = view.wanted(customers, columns.bound)
        let given = Mutex(0)
        do {
            try await view.readRecords(source, columns: columns, parts: 1) { part, email, userID, cells in
                given.withLock { $0 += 1 }
                try body(part, email, userID, cells)
            }
        } catch {
            history.clients.hasRead(Array(rows.prefix(given.withLock { $0 })), columns.bound, isCut: true, node)
            throw error
        }
        try await leave(fault)
        history.clients.hasRead(rows, columns.bound, isCut: false, node)
    }

    /// One consistent view: what is read is what stood there when the reading began.
    private func readSource(_ body: (MemoryWarehouse) async throws -> Void) async throws {
        let (rows, products) = (store.audience, store.products)
        let fault = try await arrive("read audience", Fault.reading)
        let view = MemoryWarehouse(time: store.time)
        (view.audience, view.products) = (rows, products)
        try await body(view)
        switch node.sync {
        case "goods": history.goods.hasRead(products, node)
        default: history.oracle.hasRead(rows, node)
        }
        try await leave(fault)
    }

    // MARK: Watching

    func watch(
        channel: String?, onWake: @escaping @Sendable () -> Void
    ) async throws(WarehouseError) -> any SourceWatch { try await store.watch(channel: channel, onWake: onWake) }

    func isPaused(sync: String) async throws(WarehouseError) -> Bool {
        try await read("is paused") { () async throws(WarehouseError) in try await store.isPaused(sync: sync) }
    }

    // MARK: Leases

    func acquireLease(
        sync: String, holder: String, seconds: Double, isDead: @escaping @Sendable (String) -> Bool
    ) async throws(WarehouseError) -> LeaseAttempt {
        let history = history
        let before = store.state.leases[sync]
        let attempt = try await write("acquire lease") { [store] () async throws(WarehouseError) in
            try await store.acquireLease(sync: sync, holder: holder, seconds: seconds) { history.isGone($0) }
        }
        if case .acquired(let lease) = attempt {
            node.leaseToken = lease.token
            if before?.holder.isEmpty == false { history.oracle.saw("a lease was taken over") }
        }
        return attempt
    }

    func renewLease(_ lease: Lease, seconds: Double) async throws(WarehouseError) {
        try await write("renew lease") { [store] () async throws(WarehouseError) in
            try await store.renewLease(lease, seconds: seconds)
        }
        history.oracle.hasProvedItsLease(node)
    }

    func releaseLease(_ lease: Lease) async throws(WarehouseError) {
        try await write("release lease") { [store] () async throws(WarehouseError) in
            try await store.releaseLease(lease)
        }
    }

    // MARK: Runs

    func recoverRuns(
        _ lease: Lease, settleSeconds: Double, log: LogSettings
    ) async throws(WarehouseError) -> [SyncRun] {
        let closed = try await write("recover runs") { [store, history] () async throws(WarehouseError) in
            let (before, outbox) = (store.state.cursors[lease.sync], store.state.outbox)
            let closed = try await store.recoverRuns(lease, settleSeconds: settleSeconds, log: log)
            for run in closed { history.hasLeft(run, outbox[run.id] ?? []) }
            for run in closed where run.kind == .events { history.tracks.mayHaveMoved(before, by: run.id) }
            return closed
        }
        history.oracle.hasProvedItsLease(node)
        for run in closed {
            history.oracle.saw("a run was recovered")
            if run.counts.unknown.total > 0 { history.oracle.saw("a recovered run had sent something") }
        }
        return closed
    }

    func openRun(_ lease: Lease, _ run: SyncRun) async throws(WarehouseError) {
        node.runID = run.id
        if run.kind == .events { history.tracks.hasOpened(node) }
        try await write("open run") { [store] () async throws(WarehouseError) in try await store.openRun(lease, run) }
    }

    func stage(
        _ lease: Lease, _ run: SyncRun, plan: any StagedPlan, log: LogSettings
    ) async throws(WarehouseError) {
        let (node, history) = (node, history)
        try await write("stage") { [store] () async throws(WarehouseError) in
            try await store.stage(lease, run, plan: plan, log: log)
            let changes = store.state.outbox[run.id] ?? []
            history.oracle.saw("run \(run.status.rawValue)")
            switch run.kind {
            case .list: history.oracle.hasStaged(run, changes, node)
            case .users: history.clients.hasStaged(run, changes, node)
            case .events: history.tracks.hasStaged(run, changes, node)
            case .catalog: history.goods.hasStaged(run, changes, node)
            }
        }
    }

    func stageMore(
        _ lease: Lease, _ run: SyncRun, plan: any StagedPlan, log: LogSettings
    ) async throws(WarehouseError) {
        let (node, history) = (node, history)
        try await write("stage more") { [store] () async throws(WarehouseError) in
            try await store.stageMore(lease, run, plan: plan, log: log)
            history.oracle.saw("a stream staged something")
            let changes = store.state.outbox[run.id] ?? []
            switch run.kind {
            case .catalog:
                history.oracle.saw("a stream of items staged something")
                history.goods.hasStaged(run, changes, node)
            case .users:
                history.oracle.saw("a stream of users staged something")
                history.clients.hasStaged(run, changes, node)
            case .events, .list: history.tracks.hasStaged(run, changes, node)
            }
        }
    }

    func moveCursor(_ lease: Lease, _ run: SyncRun) async throws(WarehouseError) {
        try await write("move cursor") { [store, history] () async throws(WarehouseError) in
            let before = store.state.cursors[run.sync]
            try await store.moveCursor(lease, run)
            if run.kind == .events { history.tracks.mayHaveMoved(before, by: run.id) }
        }
    }

    func heldRun(sync: String) async throws(WarehouseError) -> SyncRun? {
        try await read("held run") { () async throws(WarehouseError) in try await store.heldRun(sync: sync) }
    }

    func resumeHeldRun(_ lease: Lease, id: String) async throws(WarehouseError) -> SyncRun {
        node.runID = id
        switch node.sync {
        case "goods": history.goods.hasApproved(id)
        case "clients": history.clients.hasApproved(id)
        case "tracks": history.tracks.hasApproved(id)
        default: history.oracle.hasApproved(id)
        }
        return try await write("resume held run") { [store] () async throws(WarehouseError) in
            try await store.resumeHeldRun(lease, id: id)
        }
    }

    func discardHeldRun(_ lease: Lease, id: String) async throws(WarehouseError) -> SyncRun {
        try await write("discard held run") { [store, history] () async throws(WarehouseError) in
            let (before, changes) = (store.state.cursors[lease.sync], store.state.outbox[id] ?? [])
            let run = try await store.discardHeldRun(lease, id: id)
            if run.kind == .events {
                history.tracks.hasDiscarded(changes)
                history.tracks.mayHaveMoved(before, by: id)
            }
            return run
        }
    }

    func applyLocalChanges(
        _ lease: Lease, _ run: SyncRun, log: LogSettings
    ) async throws(WarehouseError) -> PerOperation {
        try await write("apply local changes") { [store, history] () async throws(WarehouseError) in
            let changes = store.state.outbox[run.id] ?? []
            let parked = try await store.applyLocalChanges(lease, run, log: log)
            if run.kind == .events { history.tracks.hasParked(changes) }
            return parked
        }
    }

    func changes(run id: String, after sequence: Int64, limit: Int) async throws(WarehouseError) -> [Change] {
        try await read("read changes") { () async throws(WarehouseError) in
            try await store.changes(run: id, after: sequence, limit: limit)
        }
    }

    func claim(_ lease: Lease, run id: String, through sequence: Int64) async throws(WarehouseError) {
        let (history, sync) = (history, node.sync)
        try await write("claim") { [store] () async throws(WarehouseError) in
            try await store.claim(lease, run: id, through: sequence)
            let claimed = (store.state.outbox[id] ?? []).filter { $0.sequence <= sequence }
            switch sync {
            case "goods": history.goods.hasClaimed(claimed)
            case "clients": history.clients.hasClaimed(claimed)
            case "tracks": break
            default: history.oracle.hasClaimed(claimed)
            }
        }
    }

    func acknowledge(
        _ lease: Lease, _ run: SyncRun, outcomes: [BatchOutcome], log: LogSettings
    ) async throws(WarehouseError) {
        let (history, node) = (history, node)
        for outcome in outcomes where outcome.mayLandUntil != nil { history.oracle.saw("a request is left in doubt") }
        try await write("acknowledge") { [store] () async throws(WarehouseError) in
            let outbox = store.state.outbox[run.id] ?? []
            try await store.acknowledge(lease, run, outcomes: outcomes, log: log)
            history.hasLeft(run, outbox.filter { $0.hasFailed(outcomes) })
            if run.kind == .users { history.clients.hasRecorded(outbox, outcomes, node) }
            if run.kind == .events { history.tracks.hasRecorded(outbox, outcomes) }
            if run.kind == .list { history.listFields.hasRecorded(outbox, outcomes) }
        }
        history.oracle.hasProvedItsLease(node)
    }

    func finishRun(
        _ lease: Lease, _ run: SyncRun, reason: FailureReason, log: LogSettings
    ) async throws(WarehouseError) {
        try await write("finish run") { [store, history] () async throws(WarehouseError) in
            let (before, rest) = (store.state.cursors[run.sync], store.state.outbox[run.id] ?? [])
            try await store.finishRun(lease, run, reason: reason, log: log)
            history.hasLeft(run, rest)
            if run.kind == .events { history.tracks.mayHaveMoved(before, by: run.id) }
        }
    }

    // MARK: Stray requests

    func noteStrays(_ run: SyncRun, _ changes: [Change], settleSeconds: Double) async throws(WarehouseError) {
        do throws(WarehouseError) {
            try await write("note strays") { [store] () async throws(WarehouseError) in
                try await store.noteStrays(run, changes, settleSeconds: settleSeconds)
            }
        } catch {
            history.oracle.couldNotNote(node)
            throw error
        }
        history.oracle.hasNoted(node)
    }

    func applyStrayNotes(_ lease: Lease) async throws(WarehouseError) -> Int {
        let (history, node) = (history, node)
        return try await write("apply stray notes") { [store] () async throws(WarehouseError) in
            let noted = store.state.strays.filter { $0.place.sync == lease.sync }.map(\.change)
            let count = try await store.applyStrayNotes(lease)
            history.oracle.hasReadNotes(count, node)
            if node.sync == "clients" { history.clients.hasReadNotes(noted) }
            return count
        }
    }

    // MARK: Snapshot

    func fingerprintKey(sync: String, newKey: [UInt8]?) async throws(WarehouseError) -> [UInt8]? {
        guard let newKey else {
            return try await read("fingerprint key") { () async throws(WarehouseError) in
                try await store.fingerprintKey(sync: sync, newKey: nil)
            }
        }
        return try await write("fingerprint key") { [store] () async throws(WarehouseError) in
            try await store.fingerprintKey(sync: sync, newKey: newKey)
        }
    }

    func snapshotGeneration(sync: String) async throws(WarehouseError) -> Int64? {
        try await read("snapshot generation") { () async throws(WarehouseError) in
            try await store.snapshotGeneration(sync: sync)
        }
    }

    func readSnapshot(
        sync: String, of entries: EntrySet, parts: Int,
        _ body: @escaping @Sendable (Int, Fingerprint, MemberState, Bool) throws -> Void
    ) async throws {
        let fault = try await arrive("read snapshot", Fault.reading)
        let listed = (store.state.members[.init(sync: sync, entries: entries)] ?? [:]).values.count { $0.member.listed }
        history.oracle.hasReadSnapshot(listed: listed, node)
        try await store.readSnapshot(sync: sync, of: entries, parts: parts, body)
        try await leave(fault)
    }

    func readContents(
        sync: String, of entries: EntrySet, _ body: @escaping @Sendable (KnownContent) throws -> Void
    ) async throws {
        let fault = try await arrive("read contents", Fault.reading)
        try await store.readContents(sync: sync, of: entries, body)
        try await leave(fault)
    }

    func readContents(
        sync: String, of kind: RecordKind, fingerprints: [Fingerprint],
        _ body: @escaping @Sendable (KnownContent) throws -> Void
    ) async throws(WarehouseError) {
        try await read("read some contents") { () async throws(WarehouseError) in
            try await store.readContents(sync: sync, of: kind, fingerprints: fingerprints, body)
        }
    }

    func members(sync: String, of entries: EntrySet, fingerprints: [Fingerprint]) async throws(WarehouseError)
        -> [Member]
    {
        try await read("read members") { () async throws(WarehouseError) in
            try await store.members(sync: sync, of: entries, fingerprints: fingerprints)
        }
    }

    func members(sync: String, of entries: EntrySet, knownAs identity: Identity) async throws(WarehouseError)
        -> [MemberEntry]
    {
        try await read("read member") { () async throws(WarehouseError) in
            try await store.members(sync: sync, of: entries, knownAs: identity)
        }
    }

    func owners(sync: String, of kind: RecordKind, identities: [Identity]) async throws(WarehouseError) -> [Member] {
        try await read("read owners") { () async throws(WarehouseError) in
            try await store.owners(sync: sync, of: kind, identities: identities)
        }
    }

    func memberCounts(sync: String, of entries: EntrySet) async throws(WarehouseError) -> [MemberState: Int] {
        try await read("count members") { () async throws(WarehouseError) in
            try await store.memberCounts(sync: sync, of: entries)
        }
    }

    func requestsInDoubt(sync: String, of entries: EntrySet) async throws(WarehouseError) -> [RequestInDoubt] {
        try await read("requests in doubt") { () async throws(WarehouseError) in
            try await store.requestsInDoubt(sync: sync, of: entries)
        }
    }

    // MARK: Events

    func eventCursor(sync: String) async throws(WarehouseError) -> EventCursor? {
        try await read("event cursor") { () async throws(WarehouseError) in try await store.eventCursor(sync: sync) }
    }

    func eventsBegunAt(sync: String) async throws(WarehouseError) -> Date? {
        try await read("start of events") { () async throws(WarehouseError) in
            try await store.eventsBegunAt(sync: sync)
        }
    }

    func readEvents(
        sync: String, from position: Int64?, _ body: @escaping @Sendable (KnownEvent) throws -> Void
    ) async throws {
        let fault = try await arrive("read events", Fault.reading)
        try await store.readEvents(sync: sync, from: position, body)
        try await leave(fault)
    }

    func knownEvents(sync: String, keys: [Fingerprint]) async throws(WarehouseError) -> [KnownEvent] {
        try await read("known events") { () async throws(WarehouseError) in
            try await store.knownEvents(sync: sync, keys: keys)
        }
    }

    func events(
        sync: String, in states: Set<EventState>, after key: Fingerprint?, limit: Int
    ) async throws(WarehouseError) -> [StoredEvent] {
        try await read("unfinished events") { () async throws(WarehouseError) in
            try await store.events(sync: sync, in: states, after: key, limit: limit)
        }
    }

    func events(sync: String, ids: [String]) async throws(WarehouseError) -> [StoredEvent] {
        try await read("events by id") { () async throws(WarehouseError) in
            try await store.events(sync: sync, ids: ids)
        }
    }

    func events(
        sync: String, knownAs text: String, key: Fingerprint, limit: Int
    ) async throws(WarehouseError) -> [StoredEvent] {
        try await store.events(sync: sync, knownAs: text, key: key, limit: limit)
    }

    func eventCounts(sync: String) async throws(WarehouseError) -> [EventState: Int] {
        try await read("count events") { () async throws(WarehouseError) in try await store.eventCounts(sync: sync) }
    }

    func areAcknowledged(
        sync: String, _ people: [Identity], before time: Date
    ) async throws(WarehouseError) -> [Bool] {
        try await read("acknowledged people") { () async throws(WarehouseError) in
            try await store.areAcknowledged(sync: sync, people, before: time)
        }
    }

    func mapping(sync: String) async throws(WarehouseError) -> String? {
        try await read("id scheme") { () async throws(WarehouseError) in try await store.mapping(sync: sync) }
    }

    func saveMapping(_ lease: Lease, _ scheme: String) async throws(WarehouseError) {
        try await write("save id scheme") { [store] () async throws(WarehouseError) in
            try await store.saveMapping(lease, scheme)
        }
    }

    func now() async throws(WarehouseError) -> Date {
        try await read("now") { () async throws(WarehouseError) in try await store.now() }
    }

    func bindings(named name: String) async throws(WarehouseError) -> [ListBinding] {
        try await read("bindings") { () async throws(WarehouseError) in try await store.bindings(named: name) }
    }

    func knownFields(destination: String, scope: String) async throws(WarehouseError) -> [KnownField] {
        try await read("known fields") { () async throws(WarehouseError) in
            try await store.knownFields(destination: destination, scope: scope)
        }
    }

    func noteFields(
        _ lease: Lease, destination: String, scope: String, _ fields: [KnownField]
    ) async throws(WarehouseError) {
        try await write("note fields") { [store] () async throws(WarehouseError) in
            try await store.noteFields(lease, destination: destination, scope: scope, fields)
        }
    }

    func fieldPlaces(sync: String) async throws(WarehouseError) -> [String] {
        try await read("field places") { () async throws(WarehouseError) in try await store.fieldPlaces(sync: sync) }
    }

    func addFieldPlaces(_ lease: Lease, _ names: [String]) async throws(WarehouseError) -> [String] {
        try await write("add field places") { [store] () async throws(WarehouseError) in
            try await store.addFieldPlaces(lease, names)
        }
    }

    func index(on column: String, of source: AudienceSource) async throws(WarehouseError) -> ColumnIndex {
        try await store.index(on: column, of: source)
    }

    func entries(
        sync: String, of entries: EntrySet, in states: Set<MemberState>, after fingerprint: Fingerprint?, limit: Int
    ) async throws(WarehouseError) -> [MemberEntry] {
        try await read("entries") { () async throws(WarehouseError) in
            try await store.entries(sync: sync, of: entries, in: states, after: fingerprint, limit: limit)
        }
    }

    func itemChecks(
        sync: String, acceptedBefore time: Date, limit: Int
    ) async throws(WarehouseError) -> [ItemCheck] {
        try await read("item checks") { () async throws(WarehouseError) in
            try await store.itemChecks(sync: sync, acceptedBefore: time, limit: limit)
        }
    }

    func noteItemChecks(_ lease: Lease, run id: String, _ notes: ItemCheckNotes) async throws(WarehouseError) {
        try await write("note item checks") { [store] () async throws(WarehouseError) in
            try await store.noteItemChecks(lease, run: id, notes)
        }
    }

    func acceptItemChecks(_ lease: Lease, run id: String) async throws(WarehouseError) {
        try await write("accept item checks") { [store] () async throws(WarehouseError) in
            try await store.acceptItemChecks(lease, run: id)
        }
    }

    func listBinding(sync: String) async throws(WarehouseError) -> ListBinding? {
        try await read("list binding") { () async throws(WarehouseError) in try await store.listBinding(sync: sync) }
    }

    func saveListBinding(_ lease: Lease, _ binding: ListBinding) async throws(WarehouseError) {
        try await write("save list") { [store] () async throws(WarehouseError) in
            try await store.saveListBinding(lease, binding)
        }
    }

    func listClaims(besides sync: String, list: Int64?) async throws(WarehouseError) -> [ListClaim] {
        try await read("list claims") { () async throws(WarehouseError) in
            try await store.listClaims(besides: sync, list: list)
        }
    }

    func takeList(
        _ lease: Lease, _ binding: ListBinding, refuse: @escaping @Sendable ([ListClaim]) -> [ListClaim]
    ) async throws(WarehouseError) -> [ListClaim] {
        try await write("take list") { [store] () async throws(WarehouseError) in
            try await store.takeList(lease, binding, refuse: refuse)
        }
    }

    func abandon(_ lease: Lease, list: Int64?) async throws(WarehouseError) -> AbandonAttempt {
        try await write("abandon") { [store] () async throws(WarehouseError) in
            try await store.abandon(lease, list: list)
        }
    }

    func exchangeBudget(process: String, needs: [RateNeed]) async throws(WarehouseError) -> RateGrants {
        try await write("exchange budget") { [store, history] () async throws(WarehouseError) in
            let before = store.state.budgets
            let grants = try await store.exchangeBudget(process: process, needs: needs)
            history.limits.hasExchanged(process, needs, grants, before)
            return grants
        }
    }

    // MARK: Reports

    func run(id: String) async throws(WarehouseError) -> SyncRun? { try await store.run(id: id) }
    func runs(_ filter: RunFilter) async throws(WarehouseError) -> [SyncRun] { try await store.runs(filter) }
    func records(_ filter: RecordFilter, _ body: @escaping @Sendable (LogRecord) throws -> Void) async throws {
        try await store.records(filter, body)
    }
    func prune(_ policies: [RetentionPolicy]) async throws(WarehouseError) -> PruneResult {
        try await write("prune") { [store] () async throws(WarehouseError) in try await store.prune(policies) }
    }
}

import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

@testable import Simulation

/// The simulation's warehouse is a model; here it and the real ones get the same calls, drawn from a seed, and must give the
/// same answers, the same errors and the same tables after each.
@Suite struct StoreModelTests {
    @Test(arguments: 1...60, RecordKind.allCases)
    func theModelIsTheSQLiteWarehouse(seed: UInt64, kind: RecordKind) async throws {
        let fixture = try await SQLiteFixture.make()
        try await StoreComparison(seed: seed, kind, fixture.warehouse).run(calls: 60)
        await fixture.tearDown()
    }

    @Test(arguments: 1...12, RecordKind.allCases)
    func theModelIsThePostgresWarehouse(seed: UInt64, kind: RecordKind) async throws {
        let fixture = try await PostgresFixture.make()
        try await StoreComparison(seed: seed, kind, fixture.warehouse).run(calls: 60)
        await fixture.tearDown()
    }
}

/// Two warehouses side by side.
final class StoreComparison {
    private let model: any Warehouse = MemoryWarehouse(time: { Date() })
    private let real: any Warehouse
    let kind: RecordKind
    private var entries: EntrySet { kind == .list ? .list(42) : .records(kind) }
    var dice: Dice
    /// Of what is sent with members of a list; nil: nothing is.
    private var fieldDice: Dice?
    private var lease = Lease(sync: "vip", holder: "a", token: 1)
    private var staleLease: Lease?
    private var run: SyncRun?
    private var number = 0
    /// The highest sequence that was ever staged.
    private var latestSequence: Int64 = 0
    /// Whom the open run has staged something of; a key comes once in an outbox.
    private var staged: Set<Int> = []
    private let log: LogSettings
    private var calls: [String] = []
    /// Of which snapshot, as the model has it, each generation was.
    private var generations: [Int64: Int64] = [:]
    /// What comes after the first difference says nothing.
    private var hasFailed = false

    init(seed: UInt64, _ kind: RecordKind, _ real: any Warehouse) {
        dice = Dice(seed, "calls")
        var fieldDice = Dice(seed, "fields")
        self.fieldDice = kind == .list && fieldDice.chance(60) ? fieldDice : nil
        self.kind = kind
        self.real = real
        var log = LogSettings()
        log.records = dice.chance(30) ? .failures : .all
        log.retain = !dice.chance(10)
        self.log = log
    }

    func run(calls count: Int) async throws {
        _ = try await model.migrate()
        _ = try await real.migrate()
        for _ in 0..<count {
            try await call()
            try await compare()
            if hasFailed { return }
        }
    }

    /// Makes the same call on both and compares what comes of it.
    @discardableResult
    func both<R: Sendable>(
        _ name: String, _ show: (R) -> String = { "\($0)" }, _ body: (any Warehouse) async throws -> R
    ) async -> R? {
        calls.append(name)
        var shown: [String] = []
        var result: R?
        for warehouse in [model, real] {
            do {
                let value = try await body(warehouse)
                if result == nil { result = value }
                shown.append(show(value))
            } catch {
                // Which of two reasons to refuse is told first is a database's own affair; a lost lease is not.
                shown.append((error as? WarehouseError)?.kind == .leaseLost ? "lease lost" : "refused")
            }
        }
        expect(shown[0], shown[1], name)
        return result
    }

    private func expect(_ model: String, _ real: String, _ what: String) {
        guard model != real else { return }
        hasFailed = true
        Issue.record(
            "\(what)\n  model: \(model)\n  real:  \(real)\n  after: \(calls.suffix(12).joined(separator: ", "))")
    }

    // MARK: Calls

    private func call() async throws {
        let used = staleLease.flatMap { dice.chance(12) ? $0 : nil } ?? lease
        switch dice.below(kind == .events ? 25 : 22) {
        case 0, 1: await acquire()
        case 2: await both("renew", { "\($0)" }) { try await $0.renewLease(used, seconds: 600) }
        case 3 where dice.chance(30): await both("release", { "\($0)" }) { try await $0.releaseLease(used) }
        case 4:
            let (log, settles) = (log, Double(dice.pick([-60, 3600])))
            await both("recover", shown) { try await $0.recoverRuns(used, settleSeconds: settles, log: log) }
            run = try await model.runs(RunFilter()).first { !$0.status.isFinal && $0.status != .held }
        case 5...8: await open(used)
        case 9, 10: await stage(used)
        case 11: await local(used)
        case 12, 13: await claim(used)
        case 14...16: await acknowledge(used)
        case 17: await finish(used)
        case 18: await decide(used)
        case 19: await note()
        case 20: await both("apply stray notes") { try await $0.applyStrayNotes(used) }
        case 22, 23: await stageMore(used)
        case 24: await moveCursor(used)
        default: await bind(used)
        }
    }

    private func acquire() async {
        let (holder, seconds, isDead) = (dice.pick(["a", "b"]), Double(dice.pick([-5, 600])), dice.chance(50))
        let attempt = await both("acquire", shown) {
            try await $0.acquireLease(sync: "vip", holder: holder, seconds: seconds) { _ in isDead }
        }
        guard case .acquired(let new)? = attempt else { return }
        staleLease = lease
        lease = new
    }

    private func open(_ lease: Lease) async {
        number += 1
        var new = SyncRun(
            id: "01990000-0000-7000-8000-" + String(format: "%012d", number), sync: "vip", destination: "marketing",
            trigger: .manual, status: .running, startedAt: Date(timeIntervalSince1970: 1_790_000_000))
        new.kind = kind
        if kind == .list { new.listID = dice.chance(80) ? 42 : nil }
        let opened = new
        if await both("open run", { _ in "done" }, { try await $0.openRun(lease, opened) }) != nil {
            (run, staged) = (new, [])
        }
    }

    private func stage(_ lease: Lease) async {
        guard var staged = run else { return }
        var sequence: Int64 = 0
        let (changes, people) = drawn(for: &staged, 0..<8, behind: &sequence)
        if dice.chance(20) {
            staged.status = .held
            staged.counts.notAttempted = staged.counts.planned
        }
        let (log, plan, cursor, toStage) = (log, changes, cursor(), Self.asStaged(staged))
        let isDone: Void? = await both("stage \(staged.status)", { _ in "done" }) {
            try await $0.stage(lease, toStage, plan: FixedPlan(plan, cursor), log: log)
        }
        guard isDone != nil else { return }
        run = staged.status == .held ? nil : staged
        self.staged = people
        latestSequence = max(latestSequence, sequence)
    }

    private func stageMore(_ lease: Lease) async {
        guard var more = run else { return }
        var sequence = latestSequence
        let (changes, people) = drawn(for: &more, (0..<16).filter { !staged.contains($0) }, behind: &sequence)
        let (log, cursor, toStage) = (log, cursor(), Self.asStaged(more))
        let isDone: Void? = await both("stage more", { _ in "done" }) {
            try await $0.stageMore(lease, toStage, plan: FixedPlan(changes, cursor), log: log)
        }
        guard isDone != nil else { return }
        (run, latestSequence) = (more, sequence)
        staged.formUnion(people)
    }

    /// With what has no outcome yet counted as not attempted, as the engine stages it.
    private static func asStaged(_ run: SyncRun) -> SyncRun {
        var staged = run
        staged.counts.closeRecords()
        return staged
    }

    private func moveCursor(_ lease: Lease) async {
        guard let run else { return }
        await both("move cursor", { _ in "done" }) { try await $0.moveCursor(lease, run) }
    }

    /// Changes of some of these people, which the run counts.
    private func drawn(
        for staged: inout SyncRun, _ people: some Sequence<Int>, behind sequence: inout Int64
    ) -> (changes: [Change], people: Set<Int>) {
        var (changes, planned): ([Change], Set<Int>) = ([], [])
        for person in people where dice.chance(50) {
            planned.insert(person)
            sequence += 1
            let local: [ChangeKind] = self.kind == .events ? [.parked, .skip, .wait] : [.parked, .forget, .release]
            let kind = dice.pick([.send, .send, .send] + local)
            let change = change(sequence, person, kind, dice.pick(self.kind.operations))
            changes.append(change)
            if kind.isListed { staged.counts.planned[change.operation] += 1 }
            if kind == .wait { staged.counts.waiting += 1 }
            if kind == .send && self.kind != .events && dice.chance(25) {
                sequence += 1
                var older = self.change(sequence, person + 8, .supersede, change.operation)
                older.parent = change.sequence
                changes.append(older)
            } else if kind == .send && change.operation == .subscribe && fieldDice?.chance(40) == true {
                sequence += 1
                var other = self.change(sequence, person + 8, .outdate, .subscribe)
                other.parent = change.sequence
                changes.append(other)
            }
        }
        return (changes, planned)
    }

    static func fingerprint(_ person: Int) -> Fingerprint {
        Fingerprint(high: 1 << 63 | UInt64(person), low: UInt64(person) &* 0x9e37_79b9_7f4a_7c15)
    }

    /// The content is one of two, so that some are put as they are already.
    private func change(
        _ sequence: Int64, _ person: Int, _ kind: ChangeKind, _ operation: RollcallCore.Operation
    ) -> Change {
        var change = Change(
            sequence: sequence, kind: kind, operation: operation, fingerprint: Self.fingerprint(person),
            identity: Identity(email: "p\(person)@example.com", userID: person % 3 == 0 ? nil : "u\(person)"))
        guard self.kind != .list else {
            if operation == .subscribe && kind != .supersede && kind != .outdate { addFields(to: &change) }
            return change
        }
        change.identity = Identity(email: nil, userID: nil)
        change.record = RecordReference(key: "k\(person)", itemID: "i\(person)", content: Int64(dice.below(2)))
        if operation.direction == .put { change.payload = Array("{}".utf8) }
        if dice.chance(20) { change.loggedKey = "hash of \(person)" }
        if self.kind == .users { addHeld(to: &change) }
        if self.kind == .events { addEvent(person, to: &change) }
        return change
    }

    /// What a member of a list is sent with.
    private func addFields(to change: inout Change) {
        guard var dice = fieldDice else { return }
        change.content = Int64(1 + dice.below(2))
        if change.kind == .send {
            let done = FieldBits((0..<3).filter { _ in dice.chance(40) })
            var inDoubt = FieldBits((0..<3).filter { _ in dice.chance(20) })
            inDoubt.formUnion(done)
            change.payload = Array("{}".utf8)
            change.held = HeldFields(ifDone: done, ifInDoubt: inDoubt)
        }
        fieldDice = dice
    }

    /// Of what is not sent, some say why.
    private func addHeld(to change: inout Change) {
        if dice.chance(80) {
            let done = FieldBits((0..<12).filter { _ in dice.chance(20) })
            var inDoubt = FieldBits((0..<12).filter { _ in dice.chance(10) })
            inDoubt.formUnion(done)
            change.held = HeldFields(ifDone: done, ifInDoubt: inDoubt)
        }
        guard change.kind == .parked, dice.chance(50) else { return }
        change.refusal = FailureReason(code: "guarded", reason: "It is not to be sent.")
    }

    private func local(_ lease: Lease) async {
        guard var current = run else { return }
        if kind == .list { current.listID = 42 }
        let (log, localRun) = (log, current)
        let parked = await both("local changes") { try await $0.applyLocalChanges(lease, localRun, log: log) }
        guard let parked else { return }
        for operation in kind.operations { current.counts.failed[operation] += parked[operation] }
        run = current
    }

    private func claim(_ lease: Lease) async {
        // A run's list is kept before its first claim: `applyLocalChanges` comes first.
        guard let run, run.entrySet != nil else { return }
        let id = run.id
        let through = Int64(dice.below(12))
        await both("claim \(through)", { _ in "done" }) { try await $0.claim(lease, run: id, through: through) }
    }

    private func acknowledge(_ lease: Lease) async {
        guard var current = run else { return }
        let all = (try? await model.changes(run: current.id, after: 0, limit: 100)) ?? []
        guard let first = all.first(where: { _ in dice.chance(50) }) else { return }
        let batch = all.filter { $0.sequence >= first.sequence && $0.operation == first.operation }.prefix(
            dice.between(1, 3))
        var exceptions: [Int64: RecordOutcome] = [:]
        let reason = FailureReason(code: "why", reason: "Because.", httpStatus: 200)
        let settles =
            dice.chance(30) ? Date(timeIntervalSince1970: Double(dice.pick([1_000_000_000, 4_000_000_000]))) : nil
        for change in batch {
            switch dice.below(8) {
            case 0: exceptions[change.sequence] = .failed(reason)
            case 1: exceptions[change.sequence] = .rejected(reason)
            case 2 where settles != nil: exceptions[change.sequence] = .unknown(reason)
            case 3: exceptions[change.sequence] = .notAttempted(reason)
            case 4 where kind == .events: exceptions[change.sequence] = .waiting(reason)
            default: break
            }
            switch exceptions[change.sequence] {
            case nil: current.counts.succeeded[change.operation] += 1
            case .failed, .rejected: current.counts.failed[change.operation] += 1
            case .unknown: current.counts.unknown[change.operation] += 1
            case .waiting:
                current.counts.planned[change.operation] -= 1
                current.counts.waiting += 1
            default: current.counts.notAttempted[change.operation] += 1
            }
        }
        current.requests.sent += 1
        let last = batch.last?.sequence ?? first.sequence
        let outcome = BatchOutcome(
            sequences: first.sequence...last, changes: batch.count, operation: first.operation, exceptions: exceptions,
            httpStatus: 200, attempts: 2, mayLandUntil: settles)
        let (log, acknowledged) = (log, current)
        let isDone: Void? = await both("acknowledge", { _ in "done" }) {
            try await $0.acknowledge(lease, acknowledged, outcomes: [outcome], log: log)
        }
        if isDone != nil { run = current }
    }

    private func finish(_ lease: Lease) async {
        guard var current = run else { return }
        current.counts.closeRecords()
        current.status = dice.pick([.succeeded, .failed, .interrupted])
        current.finishedAt = Date(timeIntervalSince1970: 1_790_000_100)
        let (log, finished) = (log, current)
        let isDone: Void? = await both("finish", { _ in "done" }) {
            try await $0.finishRun(lease, finished, reason: FailureReason(code: "stop", reason: "Stop."), log: log)
        }
        if isDone != nil { run = nil }
    }

    private func decide(_ lease: Lease) async {
        let held = await both("held run", { $0.map(self.shown) ?? "none" }) { try await $0.heldRun(sync: "vip") }
        guard let id = held??.id ?? run?.id else { return }
        if dice.chance(50) {
            let resumed = await both("resume", shown) { try await $0.resumeHeldRun(lease, id: id) }
            if let resumed { run = resumed }
        } else {
            await both("discard", shown) { try await $0.discardHeldRun(lease, id: id) }
        }
    }

    /// Of a run that ended, perhaps long ago.
    private func note() async {
        var stray = SyncRun(
            id: "01980000-0000-7000-8000-" + String(format: "%012d", dice.below(4)), sync: "vip",
            destination: "marketing", trigger: .manual, status: .interrupted,
            startedAt: Date(timeIntervalSince1970: 1_780_000_000))
        stray.kind = kind
        if kind == .list { stray.listID = dice.chance(90) ? 42 : nil }
        let changes = (0..<16).filter { _ in dice.chance(15) }.enumerated().map { number, person in
            var change = change(Int64(number), person, .send, dice.pick(kind.operations))
            if kind == .list && dice.chance(30) { change.identity.userID = "u\(dice.below(8))" }
            return change
        }
        let (run, settles) = (stray, Double(dice.pick([-60, 3600])))
        await both("note", { _ in "done" }) { try await $0.noteStrays(run, changes, settleSeconds: settles) }
    }

    private func bind(_ lease: Lease) async {
        let key = [UInt8](repeating: UInt8(dice.below(200)), count: 16)
        await both("key") { try await $0.fingerprintKey(sync: "vip", newKey: key) }
        if kind == .users { await place(lease) }
        if kind == .events { await bindEvents(lease) }
        guard kind == .list else { return }
        let binding = ListBinding(
            sync: "vip", destination: "marketing", listName: dice.pick(["VIP", nil]), listID: dice.pick([42, nil]))
        await both("bind", { _ in "done" }) { try await $0.saveListBinding(lease, binding) }
        await both("binding") { try await $0.listBinding(sync: "vip") }
        await take(lease)
        if dice.chance(20) {
            let list: Int64? = dice.pick([nil, nil, 42, 41])
            await both("abandon", { if case .inDoubt = $0 { "settling" } else { "\($0)" } }) {
                try await $0.abandon(lease, list: list)
            }
            await forgetEndedRun()
        }
    }

    /// After something that may have ended the open run.
    func forgetEndedRun() async {
        if let open = run, let now = try? await model.run(id: open.id), now.status.isFinal { run = nil }
    }

    private func place(_ lease: Lease) async {
        let names = (0..<6).filter { _ in dice.chance(40) }.map { "field\($0)" }
        await both("add places") { try await $0.addFieldPlaces(lease, names + names) }
        await both("places") { try await $0.fieldPlaces(sync: "vip") }
    }

    private func take(_ lease: Lease) async {
        var wanted = ListBinding(
            sync: "vip", destination: dice.pick(["marketing", "sales"]), listName: nil,
            listID: dice.pick([42, 43, nil]))
        wanted.project = dice.pick([
            nil, ListProject(baseURL: "a", keyHash: "b"), ListProject(baseURL: "c", keyHash: nil),
        ])
        let (binding, isRefused) = (wanted, dice.chance(40))
        let reason = ListClaim(sync: "x", binding: nil, ownsMembers: true)
        await both("take", { $0.isEmpty ? "taken" : "refused" }) { warehouse in
            try await warehouse.takeList(lease, binding) { _ in isRefused ? [reason] : [] }
        }
        await both("taken") { try await $0.listBinding(sync: "vip") }
        let list: Int64? = dice.pick([42, 43, nil])
        await both("claims", shown) { try await $0.listClaims(besides: "other", list: list) }
    }

    private func shown(_ claims: [ListClaim]) -> String {
        claims.map { claim in
            let run = claim.openRun.map { "\($0)" } ?? "-"
            let binding = claim.binding.map { "\($0)" } ?? "-"
            return "\(claim.sync) \(claim.ownsMembers) \(run) \(claim.mayLandUntil != nil) \(binding)"
        }.joined(separator: "\n")
    }

    // MARK: Comparing the tables

    private func compare() async throws {
        let (entries, fingerprints) = (entries, (0..<20).map(Self.fingerprint))
        await both("members", { $0.map(self.shown).sorted().joined(separator: "\n") }) {
            try await $0.members(sync: "vip", of: entries, fingerprints: fingerprints)
        }
        await both("entries", { $0.map { "\(self.shown($0.member)) \($0.sinceRunID)" }.joined(separator: "\n") }) {
            try await $0.entries(
                sync: "vip", of: entries, in: [.subscribed, .rejected], after: fingerprints[3], limit: 4)
        }
        await both("counts", { $0.map { "\($0.key) \($0.value)" }.sorted().joined() }) {
            try await $0.memberCounts(sync: "vip", of: entries)
        }
        await both("known as", { $0.map { "\(self.shown($0.member)) \($0.sinceRunID)" }.sorted().joined() }) {
            try await $0.members(sync: "vip", of: entries, knownAs: Identity(email: "p1@example.com", userID: "u2"))
        }
        if case .records(let kind) = entries {
            let asked = [Identity(email: "p1@example.com", userID: nil), Identity(email: nil, userID: "u2")]
            await both("owners", { $0.map(self.shown).sorted().joined(separator: "\n") }) {
                try await $0.owners(sync: "vip", of: kind, identities: asked)
            }
        }
        await both("contents", { $0.joined(separator: "\n") }) { try await Self.contents($0, entries) }
        if let generation = try await real.snapshotGeneration(sync: "vip") {
            let snapshot = try await model.snapshotGeneration(sync: "vip") ?? 0
            let earlier = generations.updateValue(snapshot, forKey: generation)
            expect("\(earlier ?? snapshot)", "\(snapshot)", "a generation stands for one snapshot")
        }
        await both("settling", { $0.map(self.shown).sorted().joined(separator: "\n") }) {
            try await $0.requestsInDoubt(sync: "vip", of: entries)
        }
        if kind == .events { await compareEvents() }
        if kind == .users { await comparePeople() }
        await both("runs", shown) { try await $0.runs(RunFilter(sync: "vip", limit: 100)) }
        let newest = try await model.runs(RunFilter(sync: "vip", limit: 1)).first?.id ?? ""
        await both("outbox", { $0.map { "\($0)" }.joined(separator: "\n") }) {
            try await $0.changes(run: newest, after: 0, limit: 100)
        }
        await both("log", { $0.joined(separator: "\n") }) { warehouse in
            let lines = Lines()
            try await warehouse.records(RecordFilter()) { record in
                lines.add(
                    "\(record.runID) \(record.email ?? "-")/\(record.userID ?? "-") \(record.operation) \(record.status) "
                        + "\(record.errorCode ?? "-") \(record.httpStatus ?? 0) \(record.attempts) "
                        + "\(record.recordKey ?? "-") \(record.itemID ?? "-") "
                        + "\(record.eventName ?? "-") \(record.eventID ?? "-")")
            }
            return lines.sorted
        }
    }

    /// What a plan compares of records, and of members who are sent with fields.
    private static func contents(_ warehouse: any Warehouse, _ entries: EntrySet) async throws -> [String] {
        let lines = Lines()
        try await warehouse.readContents(sync: "vip", of: entries) { known in
            let held = FieldBits(bytes: known.held).bytes
            lines.add("\(known.fingerprint) \(known.state) \(known.listed) \(known.content) \(held)")
        }
        return lines.sorted
    }

    private func shown(_ run: SyncRun) -> String {
        "\(run.id) \(run.status) list \(run.listID ?? 0) \(run.counts) \(run.requests) \(run.error?.code ?? "")"
    }

    private func shown(_ runs: [SyncRun]) -> String { runs.map(shown).joined(separator: "\n") }

    private func shown(_ member: Member) -> String {
        "\(member.identity) \(member.record.map { "\($0)" } ?? "") \(member.state) \(member.listed) "
            + "\(member.rejection.map { "\($0)" } ?? "")"
    }

    /// Until when it may land is each database's own clock.
    private func shown(_ request: RequestInDoubt) -> String {
        let fingerprint = request.fingerprint.map { "\($0)" } ?? "-"
        return "\(request.identity) \(request.operation) \(fingerprint) \(request.content ?? 0)"
    }

    private func shown(_ attempt: LeaseAttempt) -> String {
        switch attempt {
        case .acquired(let lease): "\(lease)"
        case .busy(_, _, let run): "busy \(run ?? "")"
        }
    }
}

final class Lines: @unchecked Sendable {
    private var lines: [String] = []
    func add(_ line: String) { lines.append(line) }
    var sorted: [String] { lines.sorted() }
}

private final class FixedPlan: StagedPlan, @unchecked Sendable {
    private var changes: [Change]
    let cursor: EventCursor?
    let hasFields: Bool
    init(_ changes: [Change], _ cursor: EventCursor?) {
        (self.changes, self.cursor) = (changes, cursor)
        hasFields = changes.contains { $0.record == nil && $0.content != nil }
    }
    func nextChanges(limit: Int) throws -> [Change] {
        defer { changes = [] }
        return changes
    }
    func nextRecords(limit: Int) throws -> [ValidationRecord] { [] }
}

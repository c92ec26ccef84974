import Foundation
import RollcallCore
import Warehouse

/// Reads what was acknowledged of the records of a sync, and its source, compares them, and judges the result. Writes nothing.
struct RecordPlanner: Sendable {
    let sync: SyncSettings
    let subject: RecordSubject
    let destination: DestinationSettings
    let warehouse: any Warehouse
    let clock: any EngineClock
    let stop: StopSignal
    let progress: ProgressHandler
    /// Where it is kept what is known of the rows; nil: nowhere.
    let cache: SnapshotCache?

    /// Rows between two reports of the progress.
    private static let progressRows = 5000

    var entries: EntrySet { .records(subject.kind) }

    func shape() async throws -> RecordShape {
        let shape = try RecordShape(subject, try await warehouse.columns(of: sync.audience))
        if shape.nulls == nil { return shape }
        return shape.placed(try await warehouse.fieldPlaces(sync: sync.name))
    }

    /// What a target says of the plan that is made for it.
    struct Circumstances: Sendable {
        /// See ``Fingerprinter/contentHash(salt:)``.
        var salt: String
        /// What would be made first.
        var preparations: [String] = []
        /// Whether the API key is another one than the records were sent with. Nothing is deleted then without a person's
        /// approval, and that the content of records counts as another one is no change of the source.
        var hasAnotherKey = false
        /// Places in the layout of fields that Iterable does not have yet.
        var newFields: [Int] = []
        /// Whether the configuration makes other objects of rows than were sent last.
        var hasAnotherMapping = false
        /// Items that are read back; nil: none are.
        var checks: ItemChecks?
    }

    /// - Parameters:
    ///   - key: the sync's secret key for fingerprints.
    ///   - mayWrite: whether it may be kept in the local cache what is known of the rows.
    func plan(
        _ shape: RecordShape, key: [UInt8], resend: PlanScope, _ circumstances: Circumstances, mayWrite: Bool
    ) async throws -> Plan {
        try await compare(
            shape, key: key, resend: resend, circumstances, pause: try await pause(), mayWrite: mayWrite
        ).plan
    }

    /// A plan of the whole source, with the rows that it was made of.
    /// - Parameter look: set for the sweep of a stream, which reads all rows.
    func compare(
        _ shape: RecordShape, key: [UInt8], resend: PlanScope, _ circumstances: Circumstances, pause: OppositePause,
        mayWrite: Bool = false, look: RecordLook? = nil
    ) async throws -> (plan: Plan, diff: RecordDiff) {
        let table = try await acknowledged()
        let owned = table.ownedCount
        // What is sent in any case, or is not looked at, is not read back.
        let checks = resend.full || resend.only != nil ? nil : circumstances.checks
        let diff = RecordDiff(
            shape, table: table, key: key, salt: circumstances.salt, resend: resend, largest: largest,
            newFields: circumstances.newFields, checks: checks?.due ?? [], look: look)
        var rows: AudienceRead?
        if look == nil {
            rows = try await readSource(into: diff, shape, key: key, salt: circumstances.salt, resend)
        } else {
            try await read(shape.columns, into: diff)
        }
        try diff.settle()
        if mayWrite { await keepRows(of: diff, key: key) }
        let verdicts = await checks?.carryOut(diff, stop) ?? ItemVerdicts()
        try diff.take(verdicts)
        var counts = diff.counts
        let requests = try await warehouse.requestsInDoubt(sync: sync.name, of: entries)
        let lost = try await lostRenames(requests)
        let removals = try await spoolGone(diff, shape, lost)
        if let removal = subject.removal { counts.planned[removal] = removals }
        let changes = RecordChanges(
            spool: diff.spool, renames: diff.renames, selection: diff.selection, only: resend.only,
            people: diff.people, identities: try await identities(diff, lost), inDoubt: try await inDoubt(requests),
            pause: pause, newFields: circumstances.newFields.map { shape.description(ofField: $0) },
            shownFields: diff.shownFields,
            logIdentity: LogIdentity(sync.logs.identifiers, key: key), verdicts: verdicts,
            sample: circumstances.checks?.sample, cursor: look?.window.moved(highest: diff.meetings.highest))
        counts.planned.rename = try changes.renamed().count
        counts.waiting = try changes.waiting()
        counts.planned.update -= counts.waiting
        if let only = resend.only {
            counts.planned = try planned(of: only, changes, diff, resend)
            // Other rows are not what is looked at.
            let others = counts.invalid - (try changes.invalidRows(of: only))
            counts.invalid -= others
            counts.audience += others
            counts.unchanged += others
        }
        let plannedRemovals = counts.planned.total(.remove)
        let changed = resend.full || circumstances.hasAnotherKey ? 0 : diff.changed
        // One record that a person has named is no drastic plan, whatever the rest of the source looks like.
        var held =
            resend.only != nil
            ? []
            : GuardJudge.judge(
                sync.guards, counts: counts, removals: plannedRemovals, snapshot: owned, changed: changed,
                hasAnotherMapping: circumstances.hasAnotherMapping, renamed: counts.planned.rename)
        if circumstances.hasAnotherKey && plannedRemovals > 0 {
            held.append(
                GuardFinding(guard: "api_key", limit: "the key of the last run", observed: "\(plannedRemovals)"))
        }
        var plan = Plan(
            kind: subject.kind, target: subject.target, counts: counts, held: held,
            listID: nil, snapshotSize: owned,
            preparations: circumstances.preparations + (try lookUps(changes, diff.table, circumstances))
                + (try changes.canaryWords()),
            notes: verdicts.texts,
            changes: changes)
        plan.read = rows
        return (plan, diff)
    }

    /// In words: who is looked up in Iterable.
    private func lookUps(
        _ changes: RecordChanges, _ table: RecordTable, _ circumstances: Circumstances
    ) throws -> [String] {
        guard case .people(let users, _, _) = subject, users.looksUp || users.onLeave == .clear else { return [] }
        let people = try changes.lookUps(ofUpdates: users.looksUp) {
            !circumstances.hasAnotherKey && table[$0].marks.isSuperset(of: [.synced, .owned])
        }
        if people == 0 { return [] }
        return ["Iterable is asked whether it knows \(people == 1 ? "one person" : "\(people) people")"]
    }

    /// Bytes that one record may have as JSON.
    var largest: Int {
        switch subject.kind {
        case .catalog: FieldLimits.largestItem
        default: destination.limits.bytesPerRequest - 1000
        }
    }

    /// What is planned for one record.
    /// - Throws: `RunError` `record_unchanged`, `record_waits` or `record_unknown` where that is nothing: whoever names a record wants
    ///   to see it sent.
    private func planned(
        of key: String, _ changes: RecordChanges, _ diff: RecordDiff, _ resend: PlanScope
    ) throws -> PerOperation {
        var planned = PerOperation()
        let reader = try changes.makeReader(isOrdered: false)
        for change in try reader.nextChanges(limit: .max) where change.kind.isListed {
            planned[change.operation] += 1
        }
        if planned.total > 0 { return planned }
        if try changes.isWaiting({ $0.record.key == key }) {
            throw RunError(
                code: "record_waits",
                message: "nothing can be sent of \"\(key)\" now: it waits for an address to change hands",
                hint: "`rollcall why \(sync.name) \(key)` says more; a later run sends it.")
        }
        if subject.kind == .users, diff.isUnknown(key) {
            throw RunError(
                code: "record_unknown",
                message: "no row of \(sync.name) has the key \"\(key)\", and no record that was sent",
                hint:
                    "--only takes the key as `records` and `log` show it: its text, of several columns a JSON array of texts."
            )
        }
        throw RunError(
            code: "record_unchanged", message: "there is nothing to send of \"\(key)\"",
            hint: "`rollcall why \(sync.name) \(key)` says why"
                + (resend.full ? "." : "; with --full it is sent although it is unchanged."))
    }

    func acknowledged() async throws -> RecordTable {
        progress(.readingSnapshot)
        let loaded = LoadedRecords()
        try await warehouse.readContents(sync: sync.name, of: entries) { loaded.table.acknowledge($0) }
        return loaded.table
    }

    func read(_ columns: RecordColumns, into diff: RecordDiff) async throws {
        progress(.readingAudience(rows: 0))
        try await stop.breakingOff {
            let feed = feed(columns, into: diff)
            try await feed.during {
                try await warehouse.readRecords(sync.audience, columns: columns, parts: 1) { try feed.row($1, $2, $3) }
            }
        }
        progress(.readingAudience(rows: diff.counts.rowsRead))
    }

    /// Compares rows, and reports from time to time how many; ends the reading where the run is to stop.
    func feed(_ columns: RecordColumns, into diff: RecordDiff) -> RowFeed {
        RowFeed(columns: columns.fields.count, reading: warehouse.readingProcessors) { email, userID, cells, bucket in
            try diff.row(email, userID, cells, bucket: bucket)
            try report(diff)
        }
    }

    private func report(_ diff: RecordDiff) throws {
        guard diff.counts.rowsRead.isMultiple(of: Self.progressRows) else { return }
        if stop.reason != nil { throw CancellationError() }
        progress(.readingAudience(rows: diff.counts.rowsRead))
    }

    /// Spools what becomes of known records whose rows are gone; returns how many are removed.
    private func spoolGone(_ diff: RecordDiff, _ shape: RecordShape, _ lost: LostRenames) async throws -> Int {
        let names = subject.removal == .clear ? try await warehouse.fieldPlaces(sync: sync.name) : []
        var removals = 0
        var rest = (diff.table.gone + diff.outdone)[...]
        let outdone = Set(diff.outdone)
        while !rest.isEmpty {
            let page = Array(rest.prefix(Planner.memberPage))
            rest = rest.dropFirst(page.count)
            let members = try await warehouse.members(sync: sync.name, of: entries, fingerprints: page)
                .sorted { $0.fingerprint < $1.fingerprint }
            for member in members where !lost.has(member.fingerprint) {
                guard let record = member.record, let kind = fate(member, diff, outdone) else { continue }
                // A record that is sent by itself lets go only of those whose identifiers it has now.
                if kind == .release, let only = diff.resend.only,
                    diff.persons?.has(member.identity, diff.fingerprint(ofKey: only), in: diff.table) != true
                {
                    continue
                }
                let held = diff.table.held(diff.table[member.fingerprint])
                try diff.spool.add(
                    RecordSpool.Entry(
                        kind: kind, operation: subject.removal ?? .delete, fingerprint: member.fingerprint,
                        record: record,
                        payload: subject.removal == .clear ? shape.clearing(member.identity, held, names) : [],
                        isKnown: true, identity: member.identity))
                if kind == .send { removals += 1 }
            }
        }
        return removals
    }

    /// What becomes of a record whose row is gone; nil: it stays as it is.
    private func fate(_ member: Member, _ diff: RecordDiff, _ outdone: Set<Fingerprint>) -> ChangeKind? {
        if outdone.contains(member.fingerprint) { return .release }
        // A request that was lost before the refusal may have given it values: should its row come back without these, they are cleared.
        if EntryTransition.isForgotten(member.mark) {
            return diff.table.held(diff.table[member.fingerprint]).isEmpty ? .forget : nil
        }
        guard member.listed else { return nil }
        // A person who is in the source under another key is not gone: the profile is that record's.
        if let persons = diff.persons {
            if persons.claims(member.identity) { return .release }
            if persons.mentions(member.identity) { return nil }
        }
        if subject.removal == nil { return subject.kind == .users ? .release : nil }
        // Nothing that this sync has written is there to be cleared.
        if subject.removal == .clear, diff.table.held(diff.table[member.fingerprint]).isEmpty { return .release }
        return .send
    }

    /// - Parameter requests: those in doubt, and renames that can land no more.
    func inDoubt(_ requests: [RequestInDoubt]) async throws -> InDoubtIndex {
        if requests.isEmpty { return InDoubtIndex([]) }
        let (now, longest) = (try await warehouse.now(), destination.limits.lostRequestSeconds)
        return InDoubtIndex(requests.filter { $0.mayLandUntil >= now }, latest: now.addingTimeInterval(longest))
    }

    func pause() async throws -> OppositePause {
        guard subject.removal != nil || subject.kind == .users else { return OppositePause() }
        let now = try await warehouse.now()
        // One that ended later than now, by a clock that was set back, is among them.
        let since = now.addingTimeInterval(-destination.limits.settleSeconds)
        let runs = try await warehouse.runs(RunFilter(sync: sync.name, limit: .max, endedSince: since))
        return OppositePause(after: runs, settleSeconds: destination.limits.settleSeconds, now: now)
    }
}

/// Filled by one reading, from one thread at a time.
// SAFETY: readings follow each other, and each calls its body from one thread at a time.
final class LoadedRecords: @unchecked Sendable {
    var table = RecordTable()
}

extension StopSignal {
    /// Runs `body`, and breaks it off with `CancellationError` once a stop is asked for: a query may take long before its first
    /// row.
    func breakingOff(_ body: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await body()
                return true
            }
            group.addTask {
                await self.wait()
                return false
            }
            defer { group.cancelAll() }
            while let isDone = try await group.next() {
                if isDone { return }
                group.cancelAll()
            }
        }
    }
}

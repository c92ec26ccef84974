import Foundation
import RollcallCore
import Warehouse

/// The looks of a stream between two sweeps, and what it takes in of every look.
extension RecordPlanner {
    /// What is new or has changed among the rows of a look, as far as no other row has a say in it. It removes nothing, and counts
    /// only rows of which something becomes.
    func compareSome(
        _ shape: RecordShape, key: [UInt8], _ circumstances: Circumstances, pause: OppositePause, look: RecordLook
    ) async throws -> (plan: Plan, diff: RecordDiff) {
        let memory = look.memory
        if memory.table == nil { memory.table = try await acknowledged() }
        let diff = RecordDiff(
            shape, table: memory.takeTable(), key: key, salt: circumstances.salt, resend: PlanScope(),
            largest: largest, newFields: circumstances.newFields, look: look)
        do {
            try await read(Self.columns(shape, look), into: diff)
        } catch is RecordDiff.Enough {
            diff.holdBackUndecided(look)
        }
        try diff.settle()
        let isEmpty = diff.meetings.changes == 0
        let requests =
            isEmpty ? [] : try await warehouse.requestsInDoubt(sync: sync.name, of: entries)
        var lost = try await lostRenames(requests)
        lost.areOfSomeRows = true
        let changes = RecordChanges(
            spool: diff.spool, renames: diff.renames, selection: diff.selection, only: nil, people: diff.people,
            identities: isEmpty ? IdentityChanges() : try await identities(diff, lost),
            inDoubt: try await inDoubt(requests), pause: pause,
            newFields: circumstances.newFields.map { shape.description(ofField: $0) },
            shownFields: diff.shownFields,
            logIdentity: LogIdentity(sync.logs.identifiers, key: key), sample: circumstances.checks?.sample,
            sendsAt: look.time, cursor: moved(diff, look))
        let tally = try tally(changes, diff)
        let plan = Plan(
            kind: subject.kind, target: subject.target, counts: tally.counts,
            held: findings(tally, diff, memory, circumstances),
            listID: nil, snapshotSize: 0, preparations: try changes.canaryWords(), changes: changes)
        return (plan, diff)
    }

    private static func columns(_ shape: RecordShape, _ look: RecordLook) -> RecordColumns {
        var bound = RowBound(column: look.cursor.column, family: look.cursor.family, position: look.window.from)
        bound.takesRowsWithoutPosition = look.takesRowsWithoutPosition
        bound.isOrdered = true
        var columns = shape.columns
        columns.bound = bound
        return columns
    }

    /// Where the rest was not read, it lies behind all that was only where rows have come in the order of whole numbers.
    private func moved(_ diff: RecordDiff, _ look: RecordLook) -> EventCursor? {
        if diff.meetings.isCut, look.cursor.isTime { return nil }
        return look.window.moved(highest: diff.meetings.highest)
    }

    // MARK: Counts and guards

    private struct Tally {
        var counts = RunCounts()
        /// Acknowledged records whose content is another one now.
        var changed: Set<Fingerprint> = []
        /// Records whose profiles get another address.
        var renamed: Set<Fingerprint> = []
    }

    private func tally(_ changes: RecordChanges, _ diff: RecordDiff) throws -> Tally {
        var tally = Tally()
        (tally.counts.invalid, tally.counts.duplicates) = (diff.counts.invalid, diff.counts.duplicates)
        tally.renamed = try changes.renamed()
        tally.counts.planned.rename = tally.renamed.count
        var met: Set<Fingerprint> = []
        let reader = changes.spool.makeReader()
        while let entry = try reader.next() {
            guard changes.isWanted(entry), met.insert(entry.fingerprint).inserted else { continue }
            if changes.verdict(entry) == .waits {
                // It is counted with its rename, and again when it is sent.
                guard tally.renamed.contains(entry.fingerprint) else { continue }
                tally.counts.waiting += 1
            } else {
                tally.counts.planned[entry.operation] += 1
                if diff.table[entry.fingerprint].hasChanged(to: entry.record.content) {
                    tally.changed.insert(entry.fingerprint)
                }
            }
            tally.counts.audience += 1
        }
        tally.counts.rowsRead = tally.counts.invalid + tally.counts.duplicates + tally.counts.audience
        return tally
    }

    /// What the looks between two sweeps of one row come to, together: by small looks no guard is passed that a run would meet.
    /// Who left, and whether the source is empty, is judged by sweeps.
    private func findings(
        _ tally: Tally, _ diff: RecordDiff, _ memory: RecordMemory, _ circumstances: Circumstances
    ) -> [GuardFinding] {
        guard tally.counts.rowsRead > 0 else { return [] }
        var counts = memory.counts
        counts.add(tally.counts)
        // The first rows of an hour are too few for a share of them to say anything.
        if counts.rowsRead < GuardJudge.exemptBelow { (counts.invalid, counts.rowsRead) = (0, 0) }
        var guards = sync.guards
        guards.allowEmpty = true
        return GuardJudge.judge(
            guards, counts: counts, removals: 0, snapshot: diff.table.ownedCount,
            changed: memory.changed.union(tally.changed).count, hasAnotherMapping: circumstances.hasAnotherMapping,
            renamed: memory.renamed.union(tally.renamed).count)
    }

    /// Which records count as waiting once a look is done: those that begin to, and those of before that it does not send, and whose
    /// rows do not show that nothing is left to be sent.
    func waiting(_ changes: RecordChanges, _ diff: RecordDiff, _ look: RecordLook) throws -> Set<Fingerprint> {
        let earlier = look.isPartial ? look.memory.waiting : []
        if changes.identities.isEmpty && earlier.isEmpty { return [] }
        let renamed = look.isPartial ? try changes.renamed() : []
        var (begun, sent, changed): (Set<Fingerprint>, Set<Fingerprint>, Set<Fingerprint>) = ([], [], [])
        let reader = changes.spool.makeReader()
        while let entry = try reader.next() {
            changed.insert(entry.fingerprint)
            guard changes.isWanted(entry) else { continue }
            if changes.verdict(entry) != .waits {
                sent.insert(entry.fingerprint)
            } else if !look.isPartial || renamed.contains(entry.fingerprint) {
                begun.insert(entry.fingerprint)
            }
        }
        let left = earlier.filter { record in
            !sent.contains(record) && (changed.contains(record) || !diff.meetings.records.contains(record))
        }
        return left.union(begun)
    }

    // MARK: After a look

    /// Takes in a look of which everything has an outcome: what is acknowledged now, and what of the source is to be remembered.
    /// - Parameter hasAnotherKey: see ``Circumstances/hasAnotherKey``.
    func remember(
        _ plan: Plan, _ diff: RecordDiff, _ look: RecordLook, hasAnotherKey: Bool, _ keeper: LeaseKeeper
    ) async throws {
        guard let changes = plan.changes as? RecordChanges else { return }
        let (memory, earlier) = (look.memory, look.memory.leftOut)
        memory.counted = look.counted
        memory.counted.keep()
        let tally = try tally(changes, diff)
        memory.renamed.formUnion(tally.renamed)
        if !hasAnotherKey { memory.changed.formUnion(tally.changed) }
        if look.isPartial {
            memory.counts.add(plan.counts)
            if !diff.meetings.isCut {
                memory.forget(diff.meetings.records.union(diff.meetings.refused.keys), judgedBy: look)
            }
        } else {
            memory.forgetSource()
        }
        memory.own(try await stillHeld(changes, diff, keeper))
        memory.hasWaiting = !look.isPartial && plan.counts.waiting > 0
        for (record, position) in diff.meetings.refused { memory.doubt(record, since: position) }
        for record in diff.contradicted { memory.doubt(record, since: nil) }
        for record in diff.persons?.sharing ?? [] { memory.doubt(record, since: nil) }
        memory.note(diff.newestRows)
        // Before the table is taken, whose numbers this goes by.
        memory.own(diff.persons, in: diff.table)
        memory.table = try await refreshed(changes, diff, look, keeper)
        try await noteOutcomes(changes, look, earlier, keeper)
    }

    /// Which record has an identifier in Iterable that its row does not give it any more, or that cannot be sent: whoever has the
    /// identifier now waits until that has moved on.
    private func stillHeld(
        _ changes: RecordChanges, _ diff: RecordDiff, _ keeper: LeaseKeeper
    ) async throws -> [Fingerprint: Fingerprint] {
        guard let persons = diff.persons else { return [:] }
        var held: [Fingerprint: Fingerprint] = [:]
        for page in Set(changes.identities.holders.values).sorted().pages(of: Planner.memberPage) {
            let members = try await keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
                try await warehouse.members(sync: sync.name, of: entries, fingerprints: page)
            }
            for member in members {
                for name in persons.names(member.identity) { held[name] = member.fingerprint }
            }
        }
        return held
    }

    /// More records than this are not read one page after the other, but all at once.
    private static let mostRefreshed = 100_000

    /// The table with what was acknowledged of the records of a look.
    private func refreshed(
        _ changes: RecordChanges, _ diff: RecordDiff, _ look: RecordLook, _ keeper: LeaseKeeper
    ) async throws -> RecordTable {
        var planned = Set(changes.verdicts.failures.map(\.entry.fingerprint))
        let reader = diff.spool.makeReader()
        while let entry = try reader.next() { planned.insert(entry.fingerprint) }
        if planned.count > Self.mostRefreshed { return try await acknowledged() }
        let loaded = LoadedRecords()
        loaded.table = diff.takeTable()
        if look.isPartial {
            loaded.table.forgetRows(of: diff.meetings.records.union(diff.meetings.refused.keys))
        } else {
            loaded.table.forgetRows()
        }
        for page in planned.sorted().pages(of: Planner.memberPage) {
            try await keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
                for fingerprint in page { loaded.table.remove(fingerprint) }
                try await warehouse.readContents(sync: sync.name, of: subject.kind, fingerprints: page) {
                    loaded.table.acknowledge($0)
                }
            }
        }
        return loaded.table
    }

    /// What became of a record that was planned.
    private enum Fate {
        case taken, failed
        /// It was not sent, and may be from this time on; nil: as soon as an address has changed hands.
        case waits(Date?)
        /// It was sent, and whether it was taken is not known.
        case unanswered
    }

    /// Notes the records that were planned and are not as they were planned.
    /// - Parameter earlier: what was left out before.
    private func noteOutcomes(
        _ changes: RecordChanges, _ look: RecordLook, _ earlier: [Fingerprint: RecordMemory.LeftOut],
        _ keeper: LeaseKeeper
    ) async throws {
        let (memory, table) = (look.memory, look.memory.table ?? RecordTable())
        let stuck = try await stuckRenames(changes, keeper)
        let reader = changes.spool.makeReader()
        while let entry = try reader.next() {
            guard entry.operation.direction == .put, changes.selection.has(entry) else { continue }
            let (record, content) = (entry.fingerprint, entry.record.content)
            let place = look.isPartial ? RecordMemory.LeftOut.Place(entry.position) : nil
            switch fate(entry, changes, table, isStuck: stuck.contains(record)) {
            case .taken: memory.succeed(record)
            case .failed: memory.fail(record, content)
            // What waits after a sweep is counted, and another sweep follows soon.
            case .waits(let time):
                guard let place else { continue }
                memory.leaveOut(record, .init(content: content, place: place, until: time ?? .distantPast))
            case .unanswered:
                let pause = pause(after: earlier[record], content)
                memory.leaveOut(
                    record,
                    .init(content: content, place: place, until: look.time.addingTimeInterval(pause), pause: pause))
            }
        }
    }

    private func fate(
        _ entry: RecordSpool.Entry, _ changes: RecordChanges, _ table: RecordTable, isStuck: Bool
    ) -> Fate {
        if let now = changes.sendsAt, let time = changes.deferredUntil(entry), time > now { return .waits(time) }
        switch changes.verdict(entry) {
        case .refused: return .failed
        case .waits: return isStuck ? .failed : .waits(nil)
        case nil: break
        }
        let now = table[entry.fingerprint]
        guard now.marks.contains(.known) else { return .failed }
        guard now.marks.contains(.synced) else { return now.marks.contains(.rejected) ? .failed : .unanswered }
        // One that was let go has what it was sent with before.
        let isTaken =
            now.marks.contains(.owned) && now.acknowledged == entry.record.content
            && entry.held.map { $0.ifDone == table.held(now) } ?? true
        return isTaken ? .taken : .failed
    }

    /// Seconds before content that has no answer is sent again: the time in which a lost request may still be carried out, and
    /// twice as long each time, up to the pause between two sweeps.
    private func pause(after earlier: RecordMemory.LeftOut?, _ content: Int64) -> Double {
        let first = destination.limits.lostRequestSeconds
        guard let earlier, earlier.content == content, let pause = earlier.pause else { return first }
        return max(first, min(pause * 2, Double(sync.cursor?.sweepSeconds ?? 86_400)))
    }

    /// Records whose profiles did not get the address that they were to get.
    private func stuckRenames(_ changes: RecordChanges, _ keeper: LeaseKeeper) async throws -> Set<Fingerprint> {
        guard case .people(_, _, let project) = subject else { return [] }
        var wanted: [Fingerprint: Identity] = [:]
        var stuck: Set<Fingerprint> = []
        let reader = changes.renames.makeReader()
        while let entry = try reader.next() {
            guard changes.isWanted(entry) else { continue }
            switch changes.verdict(entry) {
            case .refused: stuck.insert(entry.fingerprint)
            case .waits: break
            // One that is not wanted any more is settled by failing: the row is sent as it is.
            case nil where entry.isWithdrawn: break
            case nil: wanted[entry.fingerprint] = entry.identity
            }
        }
        if wanted.isEmpty { return stuck }
        let lost = try await keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
            try await warehouse.requestsInDoubt(sync: sync.name, of: entries)
        }
        let inDoubt = Set(lost.filter { $0.operation == .rename }.compactMap(\.fingerprint))
        for page in wanted.keys.sorted().pages(of: Planner.memberPage) {
            let members = try await keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
                try await warehouse.members(sync: sync.name, of: entries, fingerprints: page)
            }
            for member in members where member.state != .unsubscribing && !inDoubt.contains(member.fingerprint) {
                guard let identity = wanted[member.fingerprint] else { continue }
                if !IdentityChanges.isSame(member.identity, identity, in: project) { stuck.insert(member.fingerprint) }
            }
        }
        return stuck
    }
}

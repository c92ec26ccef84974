import Foundation
import RollcallCore
import Warehouse

/// Reads what was acknowledged of the records of a sync, and its source, compares them, and judges the result. Writes nothing.
struct RecordPlanner: Sendable {
    let sync: SyncSettings
    let catalog: CatalogSettings
    let destination: DestinationSettings
    let warehouse: any Warehouse
    let stop: StopSignal
    let progress: ProgressHandler

    /// Rows between two reports of the progress.
    private static let progressRows = 5000

    func shape() async throws -> RecordShape {
        try RecordShape(catalog, try await warehouse.columns(of: sync.audience))
    }

    /// - Parameters:
    ///   - key: the sync's secret key for fingerprints.
    ///   - salt: see ``Fingerprinter/contentHash(salt:)``.
    ///   - preparations: what would be made first.
    ///   - hasAnotherKey: whether the API key is another one than the items were put with. Nothing is deleted then without a
    ///     person's approval.
    func plan(
        _ shape: RecordShape, key: [UInt8], salt: String, resend: PlanScope, preparations: [String],
        hasAnotherKey: Bool
    ) async throws -> Plan {
        let table = try await acknowledged()
        let owned = table.ownedCount
        let diff = RecordDiff(catalog, shape, table: table, key: key, salt: salt, resend: resend)
        try await read(shape, into: diff)
        try diff.settleContests()
        var counts = diff.counts
        counts.planned.delete = try await spoolGone(diff)
        let changes = RecordChanges(
            spool: diff.spool, contested: diff.contests.mapValues { $0.winner(catalog.duplicates) }, only: resend.only,
            inDoubt: try await inDoubt(), pause: try await pause(),
            logIdentity: LogIdentity(sync.logs.identifiers, key: key))
        if let only = resend.only { counts.planned = try planned(of: only, changes, isFull: resend.full) }
        let removals = counts.planned.delete
        var held = GuardJudge.judge(sync.guards, counts: counts, removals: removals, snapshot: owned)
        if hasAnotherKey && removals > 0 {
            held.append(GuardFinding(guard: "api_key", limit: "the key of the last run", observed: "\(removals)"))
        }
        return Plan(
            kind: .catalog, target: catalog.name, counts: counts, held: held,
            listID: nil, snapshotSize: owned, preparations: preparations,
            changes: changes)
    }

    /// What is planned for one record.
    /// - Throws: `RunError` `record_unchanged` where that is nothing: whoever names a record wants to see it sent.
    private func planned(of key: String, _ changes: RecordChanges, isFull: Bool) throws -> PerOperation {
        var planned = PerOperation()
        let reader = try changes.makeReader(isOrdered: false)
        for change in try reader.nextChanges(limit: .max) where change.kind.isListed {
            planned[change.operation] += 1
        }
        if planned.total > 0 { return planned }
        throw RunError(
            code: "record_unchanged", message: "there is nothing to send of \"\(key)\"",
            hint: "`rollcall why \(sync.name) \(key)` says why"
                + (isFull ? "." : "; with --full it is sent although it is unchanged."))
    }

    private func acknowledged() async throws -> RecordTable {
        progress(.readingSnapshot)
        let loaded = LoadedRecords()
        try await warehouse.readContents(sync: sync.name, .catalog) { fingerprint, state, listed, content in
            loaded.table.acknowledge(fingerprint, state, listed: listed, content: content)
        }
        return loaded.table
    }

    private func read(_ shape: RecordShape, into diff: RecordDiff) async throws {
        progress(.readingAudience(rows: 0))
        try await stop.breakingOff {
            try await warehouse.readRecords(sync.audience, columns: shape.columns, parts: 1) {
                [progress, stop] _, _, _, cells in
                try diff.row(cells)
                guard diff.counts.rowsRead.isMultiple(of: Self.progressRows) else { return }
                if stop.reason != nil { throw CancellationError() }
                progress(.readingAudience(rows: diff.counts.rowsRead))
            }
        }
        progress(.readingAudience(rows: diff.counts.rowsRead))
    }

    /// Spools what becomes of known records whose rows are gone; returns how many are deleted.
    private func spoolGone(_ diff: RecordDiff) async throws -> Int {
        var removals = 0
        var rest = diff.table.gone[...]
        while !rest.isEmpty {
            let page = Array(rest.prefix(Planner.memberPage))
            rest = rest.dropFirst(page.count)
            let members = try await warehouse.members(sync: sync.name, of: .records(.catalog), fingerprints: page)
                .sorted { $0.fingerprint < $1.fingerprint }
            for member in members {
                guard let record = member.record, let kind = fate(member) else { continue }
                try diff.spool.add(
                    RecordSpool.Entry(
                        kind: kind, operation: .delete, fingerprint: member.fingerprint, record: record, payload: [],
                        isKnown: true))
                if kind == .send { removals += 1 }
            }
        }
        return removals
    }

    /// What becomes of a record whose row is gone; nil: it stays as it is.
    private func fate(_ member: Member) -> ChangeKind? {
        if EntryTransition.isForgotten(member.mark) { return .forget }
        return catalog.mode == .mirror && member.listed ? .send : nil
    }

    private func inDoubt() async throws -> InDoubtIndex {
        let requests = try await warehouse.requestsInDoubt(sync: sync.name, of: .records(.catalog))
        if requests.isEmpty { return InDoubtIndex([]) }
        let longest = destination.limits.lostRequestSeconds
        return InDoubtIndex(requests, latest: try await warehouse.now().addingTimeInterval(longest))
    }

    private func pause() async throws -> OppositePause {
        let now = try await warehouse.now()
        let since = now.addingTimeInterval(-destination.limits.settleSeconds - Self.longestRun)
        let runs = try await warehouse.runs(RunFilter(sync: sync.name, limit: 50, since: since))
        return OppositePause(after: runs, settleSeconds: destination.limits.settleSeconds, now: now)
    }

    /// Runs are found by when they began; one that still matters may have begun a day ago.
    private static let longestRun = 86_400.0
}

/// Filled by one reading, from one thread at a time.
private final class LoadedRecords: @unchecked Sendable {
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

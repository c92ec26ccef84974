import Foundation
import RollcallCore
import Warehouse

/// Reads snapshot and audience, compares them, and judges the result. Writes nothing.
struct Planner: Sendable {
    let sync: SyncSettings
    let destination: DestinationSettings
    let warehouse: any Warehouse
    let clock: any EngineClock
    let stop: StopSignal
    let progress: ProgressHandler
    let cache: SnapshotCache?

    /// Connections that an audience or a snapshot is read over, where the warehouse can.
    static let parts = 2
    /// Members are fetched by fingerprint in pages of this many.
    static let memberPage = 5000

    func columns() async throws -> IdentifierColumns {
        let found = try await warehouse.columns(of: sync.audience)
        let (email, userID) = try ColumnResolver.resolve(
            sync.mapping, projectType: destination.projectType, placeholderEmails: sync.placeholderEmails,
            columns: found.map { ($0.name, $0.type, $0.canIdentify) })
        return IdentifierColumns(email: email, userID: userID)
    }

    /// - Parameters:
    ///   - list: nil while the list does not exist yet.
    ///   - key: the sync's secret key for fingerprints.
    ///   - shape: the fields that are sent with each member; nil: none are.
    ///   - mayWrite: whether the local cache of the snapshot may be written.
    func plan(
        list: Int64?, key: [UInt8], shape: RecordShape? = nil, resend: PlanScope, mayWrite: Bool
    ) async throws -> Plan {
        let columns = try await columns()
        var (snapshot, cached) = try await readSnapshot(
            list: list, key: key, withFields: shape != nil, mayWrite: mayWrite)
        let diff = AudienceDiff(
            columns: columns, fingerprinter: Fingerprinter(key: key), resend: resend, snapshot: snapshot,
            fields: memberFields(shape, key, snapshot))
        try await takeUpRefused(diff, list: list)
        let isHybrid = destination.projectType == .hybrid
        if isHybrid && diff.readsBoth { diff.countMeetings() }
        let read = try await readAudience(into: diff, known: snapshot.reading, cached: cached, key: key)
        try diff.resolveContests()
        var sharing = SharedIdentifiers([]) { _ in }
        var overshared = OversharedIdentifiers.none
        if isHybrid { (sharing, overshared) = try await resolveSharing(diff, list: list) }
        var counts = diff.counts
        counts.duplicates += sharing.merged.count
        counts.audience -= sharing.merged.count
        counts.planned.subscribe += sharing.resent.count - sharing.mergedPlanned
        counts.unchanged = counts.audience - counts.planned.subscribe
        counts.planned.unsubscribe = try await spoolLeavers(diff, columns, list: list, sharing: sharing)
        let snapshotSize = diff.listedMembers
        let fields = try await changedFields(diff, sharing, overshared, key: key)
        let inDoubt = try await list.asyncMap { try await inDoubtIndex(list: $0) }
        // The last look into the table: what it says of the audience is forgotten.
        let buckets = mayWrite ? await snapshots.keep(diff, snapshot, &cached) : nil
        var plan = Plan(
            kind: .list, target: sync.configuredTarget, counts: counts,
            held: GuardJudge.judge(
                sync.guards, counts: counts, removals: counts.planned.unsubscribe, snapshot: snapshotSize),
            listID: list, snapshotSize: snapshotSize, preparations: [],
            changes: ListChanges(
                key: key, cached: cached, spool: diff.spool, sharing: sharing, overshared: overshared,
                inDoubt: inDoubt ?? InDoubtIndex([]), logIdentity: LogIdentity(sync.logs.identifiers, key: key),
                fields: fields, buckets: buckets))
        plan.read = read
        plan.notes = fields?.notes(hasDifferences: diff.hasDifferences) ?? []
        return plan
    }

    private func inDoubtIndex(list: Int64) async throws -> InDoubtIndex {
        let requests = try await warehouse.requestsInDoubt(sync: sync.name, of: .list(list))
        if requests.isEmpty { return InDoubtIndex([]) }
        let longest = destination.limits.lostRequestSeconds
        return InDoubtIndex(requests, latest: try await warehouse.now().addingTimeInterval(longest))
    }

    private func readSnapshot(
        list: Int64?, key: [UInt8], withFields: Bool, mayWrite: Bool
    ) async throws -> (LoadedTable, SnapshotReader.Cached?) {
        guard let list else { return (LoadedTable(MemberTable(keepsContents: withFields)), nil) }
        progress(.readingSnapshot)
        if withFields { return (try await snapshots.readWithFields(list: list), nil) }
        return try await snapshots.read(list: list, key: key, mayWrite: mayWrite)
    }

    var snapshots: SnapshotReader { SnapshotReader(sync: sync.name, warehouse: warehouse, cache: cache) }

    /// - Parameter onRows: gets from time to time how many rows were read; ends the reading with its error.
    func stream(
        into diff: AudienceDiff, columns: IdentifierColumns,
        onRows: @escaping @Sendable (Int) throws -> Void
    ) async throws {
        if let shape = diff.fields?.shape { return try await stream(shape, into: diff, onRows: onRows) }
        let feed = DiffFeed(diff, parts: Self.parts, onRows: onRows)
        try await feed.during {
            try await warehouse.readAudience(sync.audience, columns: columns, parts: Self.parts) {
                try feed.row($0, $1, $2)
            }
        }
    }

    // MARK: Who left

    /// Spools the members that are not in the audience; returns how many of them will be removed by a request.
    private func spoolLeavers(
        _ diff: AudienceDiff, _ columns: IdentifierColumns, list: Int64?, sharing: SharedIdentifiers
    ) async throws -> Int {
        guard let list else { return 0 }
        var removals = 0
        try await forEachMember(
            of: diff, list: list, with: .member, without: [.seen, .standing], except: sharing.kept
        ) { member in
            try checkComparable(member, columns)
            try diff.spool.addLeft(member.listed ? .send : .forget, member)
            if member.listed { removals += 1 }
        }
        return removals
    }

    /// A member known only by an identifier that is no longer read cannot be said to have left.
    private func checkComparable(_ member: Member, _ columns: IdentifierColumns) throws {
        let byEmail = member.identity.email != nil && columns.email != nil
        let byUserID = member.identity.userID != nil && columns.userID != nil
        if byEmail || byUserID || !member.listed { return }
        let (known, read) = columns.email == nil ? ("email", "userId") : ("userId", "email")
        throw RunError(
            code: "mapping_changed",
            message: "the snapshot has members known by their \(known) alone, but only the \(read) is mapped now,"
                + " so it cannot be known who left",
            hint: "Map both identifiers for a run, or give the sync a new name and list.")
    }

    /// Asks the warehouse for the members that are marked so, two pages at a time, and calls `body` for each, always in the
    /// same order.
    func forEachMember(
        of diff: AudienceDiff, list: Int64, with wanted: MemberTable.Marks, without unwanted: MemberTable.Marks = [],
        except kept: Set<Fingerprint> = [], where isWanted: (Fingerprint) -> Bool = { _ in true },
        _ body: (Member) throws -> Void
    ) async throws {
        var place: Int? = 0
        func page() -> [Fingerprint] {
            guard let from = place else { return [] }
            let page = diff.table.page(from: from, limit: Planner.memberPage, with: wanted, without: unwanted)
            place = page.next
            return page.entries.map(\.0).filter { !kept.contains($0) && isWanted($0) }
        }
        while place != nil {
            let (first, second) = (page(), page())
            async let found = members(first, list: list)
            async let more = members(second, list: list)
            for member in try await found + more { try body(member) }
        }
    }

    /// Sorted, so that the plan does not depend on the order in which a database answers.
    private func members(_ fingerprints: [Fingerprint], list: Int64) async throws -> [Member] {
        if fingerprints.isEmpty { return [] }
        return try await warehouse.members(sync: sync.name, of: .list(list), fingerprints: fingerprints)
            .sorted { $0.fingerprint < $1.fingerprint }
    }
}

extension Optional {
    func asyncMap<R>(_ body: (Wrapped) async throws -> R) async rethrows -> R? {
        guard let self else { return nil }
        return try await body(self)
    }
}

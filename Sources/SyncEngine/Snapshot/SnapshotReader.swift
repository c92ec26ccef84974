import RollcallCore
import Warehouse

/// Brings the snapshot of one sync into memory: from the local cache if its generation is the warehouse's, else from the
/// warehouse; and keeps the cache up to date after a run.
struct SnapshotReader: Sendable {
    let sync: String
    let warehouse: any Warehouse
    let cache: SnapshotCache?

    /// What the cache holds of a snapshot.
    struct Cached: Sendable {
        var file: SnapshotFile
        var key: SnapshotFile.Key
        /// Bytes of the file; nil: it is not there or was of no use.
        var size: Int?
        var members = 0
    }

    /// Beyond this share of the table's bytes, a journal costs more than a new file.
    private static let journalShare = 8
    /// This share of the members may enter before a table that was loaded grows.
    private static let roomShare = 16
    /// Beyond this share of the members, reading all of them is quicker than asking for those that changed.
    private static let changedShare = 20
    /// Fingerprints in one question.
    private static let page = 5000

    /// - Parameter mayWrite: false for a plan, which writes nothing anywhere.
    func read(list: Int64, key: [UInt8], mayWrite: Bool) async throws -> (LoadedTable, Cached?) {
        guard var cached = try await locate(list: list, key: key) else { return (try await readAll(list: list), nil) }
        if let found = await load(cached.file, cached.key) {
            cached.members = found.table.value.count
            cached.size = found.size
            if mayWrite, found.journal > found.size / Self.journalShare {
                await write(found.table, &cached)
            }
            return (found.table, cached)
        }
        let table = try await readAll(list: list)
        cached.members = table.value.count
        if mayWrite { try await writeIfCurrent(table, &cached) }
        return (table, cached)
    }

    /// Where the cache would have the snapshot as it is now; nil without a cache.
    private func locate(list: Int64, key: [UInt8]) async throws -> Cached? {
        guard let cache, let generation = try await warehouse.snapshotGeneration(sync: sync) else { return nil }
        let proof = SnapshotCache.proof(key: key, sync: sync, list: list)
        return Cached(file: cache.file(sync: sync, proof), key: .init(proof: proof, generation: generation))
    }

    /// Only if the snapshot has not changed since the generation was asked for.
    private func writeIfCurrent(_ table: LoadedTable, _ cached: inout Cached) async throws {
        guard try await warehouse.snapshotGeneration(sync: sync) == cached.key.generation else { return }
        await write(table, &cached)
    }

    private func load(_ file: SnapshotFile, _ key: SnapshotFile.Key) async -> SnapshotFile.Loaded? {
        guard let size = file.size, size > BlockingWork.instantBytes else { return file.load(key) }
        return try? await BlockingWork.run { file.load(key) }
    }

    private func write(_ table: LoadedTable, _ cached: inout Cached) async {
        cached.size = nil
        guard let cache, table.value.count >= cache.leastMembers, cache.prepare() else { return }
        // Whoever enters in a later plan finds room in the table: growing costs as much as reading the audience.
        table.value.reserve(table.value.count / Self.roomShare)
        guard (try? await save(table, cached.file, cached.key)) != nil else { return }
        cached.size = cached.file.size
        cache.removeAbandoned(before: cached.file.path)
    }

    private func save(_ table: LoadedTable, _ file: SnapshotFile, _ key: SnapshotFile.Key) async throws {
        guard table.value.withImage({ $0.count + $1.count }) > BlockingWork.instantBytes else {
            return try file.save(table.value, key, reading: table.reading)
        }
        // SAFETY: only the thread that writes the table uses it until the call returns.
        nonisolated(unsafe) let table = table
        try await BlockingWork.run { try file.save(table.value, key, reading: table.reading) }
    }

    // MARK: What was read

    /// Keeps what a reading by buckets has found of the rows. Where much is known now that was not before, the file is written again: it
    /// says of each member, as the snapshot has them still, where their row lies. That holds whatever becomes of the plan. What few rows
    /// have changed is left to ``keepUp(_:list:)``.
    /// - Parameter diff: whose table is of no use any more afterwards.
    func keep(_ diff: AudienceDiff, _ table: LoadedTable, _ cached: inout Cached?) async -> BucketFindings? {
        guard let notes = diff.buckets, var known = cached, known.size != nil, !diff.hasTakenUp else { return nil }
        var findings = notes.end(&diff.table, limit: known.members / Self.changedShare)
        guard findings.isWhole || findings.isTooMuch else { return findings }
        diff.table.forgetAudience()
        table.reading = findings.reading
        await write(table, &known)
        cached = known
        if known.size == nil { return nil }
        // The file has them.
        findings.digests = []
        findings.entries = findings.isTooMuch ? [:] : findings.entries
        return findings
    }

    // MARK: After a run

    /// Makes the cache's file one of the snapshot after a run, by what the warehouse says of the members that the run may have
    /// changed. Only for who holds the lease. A failure costs the next run time and nothing else.
    func keepUp(_ plan: Plan, list: Int64?) async {
        guard let list, let changes = plan.members, changes.fields == nil,
            var now = try? await locate(list: list, key: changes.key)
        else { return }
        do {
            if let old = changes.cached, old.key.proof == now.key.proof {
                let isSame = old.key.generation == now.key.generation
                if isSame && changes.buckets?.isEmpty ?? true { return }
                let limit = old.members / Self.changedShare - (changes.buckets?.entries.count ?? 0)
                if let size = old.size, let changed = try isSame ? Set() : few(changes, limit: limit) {
                    return try await append(changed, changes.buckets, list: list, from: old, to: now, size: size)
                }
                if isSame { return }
            }
            let members = plan.snapshotSize + plan.counts.planned.subscribe
            guard let cache, members >= cache.leastMembers else { return }
            HeapMemory.trim()
            try await writeIfCurrent(try await readAgain(changes, list: list), &now)
        } catch {
            // The file is of an older generation, or not there: the next run reads the warehouse.
        }
    }

    /// Those whom carrying the plan out may have changed; nil where there are more than `limit`.
    private func few(_ plan: ListChanges, limit: Int) throws -> Set<Fingerprint>? {
        let next = plan.makeFingerprintReader()
        var found: Set<Fingerprint> = []
        while let fingerprint = try next() {
            found.insert(fingerprint)
            if found.count > limit { return nil }
        }
        return found
    }

    /// Asks for those who may have changed; of the others the table has said how they stand on the snapshot.
    private func append(
        _ changed: Set<Fingerprint>, _ buckets: BucketFindings?, list: Int64, from old: Cached, to now: Cached,
        size: Int
    ) async throws {
        let entries = buckets?.entries ?? [:]
        var changes = entries.filter { !changed.contains($0.key) }.map {
            SnapshotFile.Change(fingerprint: $0.key, marks: $0.value.marks, bucket: $0.value.bucket)
        }.sorted { $0.fingerprint < $1.fingerprint }
        var left = Array(changed)[...]
        while !left.isEmpty {
            changes += try await states(of: left.prefix(Self.page), entries, list: list)
            left = left.dropFirst(Self.page)
        }
        guard try await warehouse.snapshotGeneration(sync: sync) == now.key.generation else { return }
        try now.file.append(
            changes, digests: buckets?.digests ?? [], from: old.key.generation, to: now.key.generation, size: size)
    }

    private func states(
        of wanted: ArraySlice<Fingerprint>, _ buckets: [Fingerprint: BucketFindings.Entry], list: Int64
    ) async throws -> [SnapshotFile.Change] {
        let members = try await warehouse.members(sync: sync, of: .list(list), fingerprints: Array(wanted))
        var changes: [Fingerprint: SnapshotFile.Change] = [:]
        for fingerprint in wanted {
            changes[fingerprint] = .init(
                fingerprint: fingerprint, marks: nil, bucket: buckets[fingerprint]?.bucket ?? .same)
        }
        for member in members {
            changes[member.fingerprint]?.marks = MemberTable.Marks(member.state, listed: member.listed)
        }
        return changes.values.sorted { $0.fingerprint < $1.fingerprint }
    }

    /// The snapshot of a list whose members are sent with fields, with what is known of these. The cache has no fields, and is not
    /// used.
    func readWithFields(list: Int64) async throws -> LoadedTable {
        let table = LoadedTable(MemberTable(capacity: try await expectedCapacity(), keepsContents: true))
        let filler = FieldsFiller(table)
        try await warehouse.readContents(sync: sync, of: .list(list)) { filler.add($0) }
        return table
    }

    /// As large as the audience was the last time; where that is wrong, the table grows.
    private func expectedCapacity() async throws -> Int {
        let expected = try await warehouse.runs(RunFilter(sync: sync, limit: 2)).map(\.counts.audience).max() ?? 0
        return expected + expected / (Self.roomShare / 2)
    }

    private func readAll(list: Int64) async throws -> LoadedTable {
        try await fill(LoadedTable(MemberTable(capacity: try await expectedCapacity())), list: list)
    }

    /// The snapshot after a run that changed much of it, with what is known of the rows.
    private func readAgain(_ plan: ListChanges, list: Int64) async throws -> LoadedTable {
        guard let old = plan.cached, let size = old.size, let found = await load(old.file, old.key), found.size == size,
            found.table.reading != nil
        else { return try await readAll(list: list) }
        found.table.value.forgetMembers()
        let table = try await fill(found.table, list: list)
        plan.buckets?.apply(to: table)
        table.value.forgetAudience()
        return table
    }

    private func fill(_ table: LoadedTable, list: Int64) async throws -> LoadedTable {
        let filler = TableFiller(table, parts: Planner.parts)
        try await warehouse.readSnapshot(sync: sync, of: .list(list), parts: Planner.parts) {
            part, fingerprint, state, listed in
            filler.add(part, fingerprint, MemberTable.Marks(state, listed: listed))
        }
        filler.finish()
        return table
    }
}

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
        if let found = cached.file.load(cached.key) {
            cached.members = found.table.value.count
            cached.size = found.size
            if mayWrite, found.journal > found.size / Self.journalShare { write(found.table, &cached) }
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
        write(table, &cached)
    }

    private func write(_ table: LoadedTable, _ cached: inout Cached) {
        cached.size = nil
        guard let cache, table.value.count >= cache.leastMembers, cache.prepare() else { return }
        // Whoever enters in a later plan finds room in the table: growing costs as much as reading the audience.
        table.value.reserve(table.value.count / Self.roomShare)
        guard (try? cached.file.save(table.value, cached.key)) != nil else { return }
        cached.size = cached.file.size
        cache.removeAbandoned(before: cached.file)
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
                if old.key.generation == now.key.generation { return }
                if let size = old.size, plan.counts.planned.total <= old.members / Self.changedShare {
                    return try await append(changes, list: list, from: old, to: now, size: size)
                }
            }
            let members = plan.snapshotSize + plan.counts.planned.subscribe
            guard let cache, members >= cache.leastMembers else { return }
            HeapMemory.trim()
            try await writeIfCurrent(try await readAll(list: list), &now)
        } catch {
            // The file is of an older generation, or not there: the next run reads the warehouse.
        }
    }

    private func append(_ plan: ListChanges, list: Int64, from old: Cached, to now: Cached, size: Int) async throws {
        let next = plan.makeFingerprintReader()
        var changes: [SnapshotFile.Change] = []
        var isAtEnd = false
        while !isAtEnd {
            var wanted: Set<Fingerprint> = []
            while !isAtEnd && wanted.count < Self.page {
                if let fingerprint = try next() { wanted.insert(fingerprint) } else { isAtEnd = true }
            }
            changes += try await states(of: wanted, list: list)
        }
        guard try await warehouse.snapshotGeneration(sync: sync) == now.key.generation else { return }
        try now.file.append(changes, from: old.key.generation, to: now.key.generation, size: size)
    }

    private func states(of wanted: Set<Fingerprint>, list: Int64) async throws -> [SnapshotFile.Change] {
        if wanted.isEmpty { return [] }
        let members = try await warehouse.members(sync: sync, of: .list(list), fingerprints: Array(wanted))
        var changes: [Fingerprint: SnapshotFile.Change] = [:]
        for fingerprint in wanted { changes[fingerprint] = .init(fingerprint: fingerprint, marks: nil) }
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
        let table = LoadedTable(MemberTable(capacity: try await expectedCapacity()))
        let filler = TableFiller(table, parts: Planner.parts)
        try await warehouse.readSnapshot(sync: sync, of: .list(list), parts: Planner.parts) {
            part, fingerprint, state, listed in
            filler.add(part, fingerprint, MemberTable.Marks(state, listed: listed))
        }
        filler.finish()
        return table
    }
}

import RollcallCore
import Warehouse

/// How far a sync was when its members were counted.
struct CountedRun: Equatable, Sendable {
    /// nil: it had not run.
    private let id: String?
    private let status: RunStatus?

    init(_ latest: SyncRun?) {
        id = latest?.id
        status = latest?.status
    }
}

extension SyncService {
    /// Counts the members of a sync in the background, if they were not counted yet, or not since a run of another process. What
    /// this process runs is counted when it ends. The old number stays until the new one is there.
    func recountMembers(_ sync: SyncSettings, _ summary: SyncSummary, _ generation: Generation) {
        if sync.kind == .list, summary.listID == nil { return }
        if countedAfter[sync.name] == CountedRun(summary.latestRun) { return }
        if counters.members(of: sync.name) != nil, registry[sync.name] != nil { return }
        countMembers(sync, generation, after: summary.latestRun)
    }

    /// The same for those of these syncs of which there is a number: metrics show it also where no status is asked for.
    func recountMembers(
        _ syncs: [SyncSettings], _ warehouse: any ServiceWarehouse, _ generation: Generation
    ) async throws(WarehouseError) {
        let counted = syncs.filter { counters.members(of: $0.name) != nil && registry[$0.name] == nil }
        if counted.isEmpty { return }
        let summaries = try await warehouse.summaries(counted.map(\.name))
        for sync in counted where !generation.isOver {
            guard let summary = summaries[sync.name], missingState(sync, summary) == nil else { continue }
            recountMembers(sync, summary, generation)
        }
    }

    /// Counts the members of a sync's snapshot in the background: on millions of members that takes a second.
    /// - Parameter run: the sync's latest one; nil: it has none.
    func countMembers(_ sync: SyncSettings, _ generation: Generation, after run: SyncRun?) {
        guard let warehouse = generation.setup.warehouses[sync.warehouse] else { return }
        let mark = CountedRun(run)
        countedAfter[sync.name] = mark
        use(warehouse)
        let accepted = submit {
            let count = await Self.members(of: sync, warehouse)
            await self.membersCounted(count, of: sync.name, after: mark)
            await self.release(warehouse)
        }
        if accepted { return }
        countedAfter[sync.name] = nil
        release(warehouse)
    }

    /// - Parameter count: nil: they could not be counted; whoever looks next tries again.
    private func membersCounted(_ count: Int?, of sync: String, after mark: CountedRun) {
        // Of counts that overlap, the one that was begun last is the newest.
        guard countedAfter[sync] == mark else { return }
        if let count {
            counters.setMembers(count, of: sync)
        } else {
            countedAfter[sync] = nil
        }
    }

    /// nil: they cannot be counted now.
    private static func members(of sync: SyncSettings, _ warehouse: any ServiceWarehouse) async -> Int? {
        if sync.kind == .events {
            guard let counts = try? await warehouse.eventCounts(sync: sync.name) else { return nil }
            return (counts[.sent] ?? 0) + (counts[.sending] ?? 0)
        }
        var entries = EntrySet.records(sync.kind)
        if sync.kind == .list {
            guard let list = try? await warehouse.listBinding(sync: sync.name)?.listID else { return nil }
            entries = .list(list)
        }
        guard let counts = try? await warehouse.memberCounts(sync: sync.name, of: entries) else { return nil }
        return counts.reduce(0) { $1.key == .rejected ? $0 : $0 + $1.value }
    }
}

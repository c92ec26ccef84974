import Foundation
package import RollcallCore
package import Warehouse

extension MemoryWarehouse {
    package func run(id: String) async throws(WarehouseError) -> SyncRun? { state.run(id) }

    package func runs(_ filter: RunFilter) async throws(WarehouseError) -> [SyncRun] {
        let found = state.runs.map(\.run).reversed().filter { run in
            (filter.sync == nil || run.sync == filter.sync) && (filter.status == nil || run.status == filter.status)
                && (filter.before.map { run.id < $0 } ?? true) && (filter.since.map { run.startedAt >= $0 } ?? true)
                && (filter.endedSince.map { run.finishedAt ?? .distantFuture >= $0 } ?? true)
        }
        return Array(found.prefix(max(0, filter.limit)))
    }

    package func records(_ filter: RecordFilter, _ body: @escaping @Sendable (LogRecord) throws -> Void) async throws {
        var left = filter.limit ?? .max
        for record in state.log.reversed() where left > 0 {
            guard filter.sync == nil || record.sync == filter.sync, filter.runID == nil || record.runID == filter.runID,
                filter.status == nil || record.status == filter.status,
                filter.since.map({ record.loggedAt >= $0 }) ?? true,
                filter.before.map({ record.recordID < $0 }) ?? true,
                filter.identifiers.isEmpty
                    || [record.email, record.userID].compactMap(\.self).contains(where: filter.identifiers.contains)
            else { continue }
            left -= 1
            try body(record)
        }
    }

    package func prune(_ policies: [RetentionPolicy]) async throws(WarehouseError) -> PruneResult {
        var result = PruneResult()
        let now = time()
        change { state in
            for policy in policies { prune(policy, &state, &result, now) }
        }
        return result
    }

    private func prune(_ policy: RetentionPolicy, _ state: inout MemoryState, _ result: inout PruneResult, _ now: Date)
    {
        let cutoff = now.addingTimeInterval(-86_400 * Double(policy.days))
        let ended = state.runs.map(\.run).filter { $0.sync == policy.sync && $0.status.isFinal }
        let gone = Set(ended.filter { $0.finishedAt.map { $0 < cutoff } ?? false }.map(\.id))
        let old = Set(ended.filter { $0.startedAt < cutoff }.map(\.id))
        let before = (state.log.count, state.runs.count)
        state.log.removeAll { old.contains($0.runID) && ($0.loggedAt < cutoff || gone.contains($0.runID)) }
        state.runs.removeAll { gone.contains($0.run.id) }
        result.records += before.0 - state.log.count
        result.runs += before.1 - state.runs.count
    }
}

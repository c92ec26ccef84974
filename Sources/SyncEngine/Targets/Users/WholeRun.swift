import RollcallCore
import Synchronization
import Warehouse

/// Whether a run of a sync of users sends all that its source says. Another API key, and another mapping, count as other ones until a
/// run with them has sent everything.
final class WholeRun: Sendable {
    private let state = Mutex(true)

    /// Whether the plan that was noted last is about all records. True of a run that was planned earlier.
    var isWhole: Bool { state.withLock(\.self) }

    /// Notes which records the run sends.
    func note(_ plan: Plan) {
        guard let changes = plan.changes as? RecordChanges else { return }
        state.withLock { $0 = changes.only == nil && changes.sendsAt == nil }
    }

    /// Whether the run that ends has sent all records.
    func isCarriedOut(_ context: RunContext) async throws -> Bool {
        guard isWhole else { return false }
        let id = context.runID
        let left = try await context.keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
            try await context.warehouse.changes(run: id, after: 0, limit: 1)
        }
        return left.isEmpty
    }
}

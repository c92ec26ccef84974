import RollcallCore
import Synchronization
import Warehouse

/// That the API key is another one than a sync of users has sent its records with: most likely it was replaced, but it may
/// belong to another project. It counts as another one until a run with it has sent everything.
final class UsersKeyChange: Sendable {
    private let isWhole = Mutex(true)

    /// Notes which records the run sends.
    func note(_ plan: Plan) {
        guard let changes = plan.changes as? RecordChanges else { return }
        isWhole.withLock { $0 = changes.only == nil && changes.sendsAt == nil }
    }

    /// Whether the run that ends has sent all records with the new key.
    func isCarriedOut(_ context: RunContext) async throws -> Bool {
        guard isWhole.withLock(\.self) else { return false }
        let id = context.runID
        let left = try await context.keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
            try await context.warehouse.changes(run: id, after: 0, limit: 1)
        }
        return left.isEmpty
    }
}

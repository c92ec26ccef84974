import RollcallCore
import Warehouse

/// The writes between a plan and its first request. The answer to a commit may be lost, so each asks the warehouse what
/// became of it: the renewal of the lease waits for the row that the lost transaction has locked, and what is read after
/// it is the truth.
extension SyncPipeline {
    /// Of fewer rows a plan leaves little on the heap.
    private static let manyRows = 100_000

    /// Puts the plan into the outbox, or holds it. `run` is changed only if that was done.
    func stage(_ plan: Plan, _ run: inout SyncRun, _ keeper: LeaseKeeper) async throws {
        // What the rows were compared with is gone.
        if plan.counts.rowsRead >= Self.manyRows { HeapMemory.trim() }
        var staged = run
        staged.counts = plan.counts
        staged.read = plan.read
        staged.counts.notAttempted = plan.held.isEmpty ? PerOperation() : plan.counts.planned
        staged.held = plan.held
        if !plan.held.isEmpty { staged.status = .held }
        let reader = try await plan.makeStagedReader()
        do throws(WarehouseError) {
            try await warehouse.stage(keeper.lease, staged, plan: reader, log: sync.logs)
        } catch {
            guard error.isTransient, let stored = try await stored(run, keeper), stored.status == staged.status,
                stored.counts == staged.counts
            else { throw error }
        }
        run = staged
    }

    /// What needs no request. Returns how many changes failed by it.
    func applyLocalChanges(_ run: SyncRun, _ keeper: LeaseKeeper) async throws -> PerOperation {
        do throws(WarehouseError) {
            return try await warehouse.applyLocalChanges(keeper.lease, run, log: sync.logs)
        } catch {
            guard error.isTransient, try await stored(run, keeper) != nil else { throw error }
            // What was carried out has left the outbox; the run's row has counted it.
            _ = try await keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
                try await warehouse.applyLocalChanges(keeper.lease, run, log: sync.logs)
            }
            return try await stored(run, keeper)?.counts.failed ?? PerOperation()
        }
    }

    /// A held run, running again.
    func resume(_ id: String, _ keeper: LeaseKeeper) async throws -> SyncRun {
        do throws(WarehouseError) {
            return try await warehouse.resumeHeldRun(keeper.lease, id: id)
        } catch {
            guard error.isTransient, let stored = try await storedRun(id, keeper), stored.status == .running else {
                throw error
            }
            return stored
        }
    }

    /// - Throws: ``OutcomesLost`` when the warehouse cannot be asked. Not typed: with `throws(OutcomesLost)` the optimiser
    ///   of Swift 6.3.1 crashes on the callers.
    private func stored(_ run: SyncRun, _ keeper: LeaseKeeper) async throws -> SyncRun? {
        do { return try await storedRun(run.id, keeper) } catch { throw OutcomesLost(cause: error) }
    }

    /// The run as it is in the warehouse after everything that was sent there.
    private func storedRun(_ id: String, _ keeper: LeaseKeeper) async throws -> SyncRun? {
        try await keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in try await keeper.renew() }
        return try await keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in try await warehouse.run(id: id)
        }
    }
}

/// What the run has done so far could not be written down, or may have been: the warehouse's own record decides.
struct OutcomesLost: Error {
    var cause: any Error
}

import RollcallCore
import Warehouse

/// Looks for the state of a sync in the other warehouses of the configuration, where the one that should have it knows
/// nothing of it: a run would begin from nothing, and send again what was sent.
public struct StateSearch: Sendable {
    let home: String
    private let others: @Sendable () -> [StateHome]

    /// - Parameters:
    ///   - home: the name of the warehouse in which the configuration has the state.
    ///   - others: the other warehouses, over connections that nothing else uses: they are closed after the look.
    public init(home: String, others: @escaping @Sendable () -> [StateHome]) {
        self.home = home
        self.others = others
    }

    /// The name of the warehouse that has the state, or had it last; nil: none of them knows it.
    /// - Throws: `state_unknown` where one could not be looked at, and the others do not have the state: it may be there.
    func find(_ sync: String) async throws(RunError) -> String? {
        var found: (name: String, moves: Int64)?
        var unknown: RunError?
        for home in others() {
            do throws(WarehouseError) {
                let standing = try await home.warehouse.stateStanding(sync: sync)
                if standing.content == .kept, standing.moves > found?.moves ?? -1 {
                    found = (home.name, standing.moves)
                }
            } catch {
                unknown = unknown ?? notSeen(home.name, sync, error)
            }
            await home.warehouse.close()
        }
        if found == nil, let unknown { throw unknown }
        return found?.name
    }

    private func notSeen(_ name: String, _ sync: String, _ error: WarehouseError) -> RunError {
        RunError(
            code: "state_unknown",
            message:
                "the sync \(sync) has no state in \(home) yet, and whether the warehouse \(name) has it could not be"
                + " looked up: \(error.error.message)",
            hint:
                "Nothing was begun, for a run may begin from nothing only where no warehouse of the configuration has the"
                + " state. Make \(name) readable, or take it out of the configuration, then run again.")
    }
}

extension SyncPipeline {
    /// Throws `state_elsewhere` where the sync is new in this state and another warehouse has one of it, `state_unknown` where
    /// that could not be looked up.
    func refuseForgottenState(_ lease: Lease) async throws(RunError) {
        if lease.isNew { try await refuseForgottenState() }
    }

    /// Throws `state_elsewhere` or `state_unknown` where a run would: the sync's state is in another warehouse than the
    /// configuration has it in, or may be. Writes nothing and needs no lease.
    public func refuseStateElsewhere() async throws {
        if let name = try await warehouse.stateElsewhere(sync: sync.name) { throw isElsewhere(name, isMarked: true) }
        if try await warehouse.fingerprintKey(sync: sync.name, newKey: nil) == nil { try await refuseForgottenState() }
    }

    private func refuseForgottenState() async throws(RunError) {
        if let name = try await search?.find(sync.name) { throw isElsewhere(name, isMarked: false) }
    }

    /// An error of taking the lease, with the names of the configuration.
    func explained(_ error: any Error) -> any Error {
        guard let name = (error as? WarehouseError)?.elsewhere else { return error }
        return isElsewhere(name, isMarked: true)
    }

    /// - Parameter isMarked: whether the place that the configuration has is marked as left: it stays so, whatever becomes of the
    ///   other one.
    private func isElsewhere(_ name: String, isMarked: Bool) -> RunError {
        let home = search?.home ?? sync.warehouse
        let isAtHome = name == sync.warehouse
        let stay = isAtHome ? "without `state:`" : "with `state: \(name)`"
        let begin = isMarked ? "" : " To begin from nothing: `rollcall abandon \(sync.name) --warehouse \(name)`."
        return RunError(
            code: "state_elsewhere",
            message: "the state of the sync \(sync.name) is in the warehouse \(name),"
                + " and the configuration has it in \(home)",
            hint: "`rollcall move-state \(sync.warehouse) --from \(name)` moves it;"
                + " \(stay) at the warehouse \(sync.warehouse) it stays there." + begin)
    }
}

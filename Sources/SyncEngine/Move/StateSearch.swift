public import RollcallCore
import Warehouse

/// Looks for the state of syncs in the other warehouses of the configuration, where the one that should have it knows
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

    /// Of each of these syncs the name of the warehouse that has its state, or had it last. A sync is left out where none of them
    /// knows it, or where those that could be looked at do not. Never throws; each warehouse is connected to once.
    public func places(of syncs: [String]) async -> [String: String] { await look(for: syncs).places }

    /// The name of the warehouse that has the state, or had it last; nil: none of them knows it.
    /// - Throws: `state_unknown` where one could not be looked at, and the others do not have the state: it may be there. Any of
    ///   them may have it, whatever the configuration says now: `state` or `warehouse` may have named it before.
    func find(_ sync: String) async throws(RunError) -> String? {
        let (places, unread) = await look(for: [sync])
        if let place = places[sync] { return place }
        if !unread.isEmpty { throw unknown(sync, unread) }
        return nil
    }

    /// A warehouse that could not be looked at.
    private typealias Unread = (warehouse: String, error: WarehouseError)

    private func look(for syncs: [String]) async -> (places: [String: String], unread: [Unread]) {
        var found: [String: (name: String, moves: Int64)] = [:]
        var unread: [Unread] = []
        for home in others() {
            do throws(WarehouseError) {
                for sync in syncs {
                    let standing = try await home.warehouse.stateStanding(sync: sync)
                    if standing.content == .kept, standing.moves > found[sync]?.moves ?? -1 {
                        found[sync] = (home.name, standing.moves)
                    }
                }
            } catch {
                unread.append((home.name, error))
            }
            await home.warehouse.close()
        }
        return (found.mapValues(\.name), unread)
    }

    private func unknown(_ sync: String, _ unread: [Unread]) -> RunError {
        let names = unread.map(\.warehouse).joined(separator: ", ")
        let reasons = unread.map { "the warehouse \($0.warehouse) could not be read: \($0.error.error.message)" }
        return RunError(
            code: "state_unknown",
            message: "the sync \(sync) has no state in \(home) yet, and another warehouse may have it: "
                + reasons.joined(separator: "; "),
            hint:
                "Nothing was begun: a run that begins from nothing sends everybody again and removes nobody who has left."
                + " Make \(names) readable, then run again. If the state is certainly not there, run \(sync) once with a copy of"
                + " the configuration that leaves \(names) out (`--config`): once \(home) has the state, no other warehouse is"
                + " looked at.")
    }
}

extension RunError {
    /// `state_elsewhere`: the state of a sync is in another warehouse than the configuration has it in.
    /// - Parameters:
    ///   - place: the name of the warehouse that has it.
    ///   - home: the name of the one in which the configuration has it.
    ///   - isMarked: whether `home` is marked as left: it stays so, whatever becomes of the other place.
    public static func stateElsewhere(
        _ sync: SyncSettings, in place: String, home: String, isMarked: Bool
    ) -> RunError {
        let stay = place == sync.warehouse ? "without `state:`" : "with `state: \(place)`"
        let move = isMarked ? "moves it, or ends a move that was broken off" : "moves it"
        let begin = isMarked ? "" : " To begin from nothing: `rollcall abandon \(sync.name) --warehouse \(place)`."
        return RunError(
            code: stateElsewhereCode,
            message: "the state of the sync \(sync.name) is in the warehouse \(place),"
                + " and the configuration has it in \(home)",
            hint: "`rollcall move-state \(sync.warehouse) --from \(place)` \(move);"
                + " \(stay) at the warehouse \(sync.warehouse) it stays there." + begin)
    }

    static let stateElsewhereCode = "state_elsewhere"
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

    private func isElsewhere(_ name: String, isMarked: Bool) -> RunError {
        .stateElsewhere(sync, in: name, home: search?.home ?? sync.warehouse, isMarked: isMarked)
    }
}

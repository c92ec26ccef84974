import RollcallCore
import Warehouse

/// Looks for the state of syncs in the other warehouses of the configuration, where the one that should have it knows
/// nothing of it: a run would begin from nothing, and send again what was sent.
package struct StateSearch: Sendable {
    let home: String
    private let others: @Sendable () -> [StateHome]

    /// - Parameters:
    ///   - home: the name of the warehouse in which the configuration has the state.
    ///   - others: the other warehouses, over connections that nothing else uses: they are closed after the look.
    package init(home: String, others: @escaping @Sendable () -> [StateHome]) {
        self.home = home
        self.others = others
    }

    /// Where the states of these syncs are. Never throws; the warehouses are read side by side, each over one connection.
    package func look(for syncs: [String]) async -> StatePlaces {
        let homes = others()
        let answers = await withTaskGroup(of: (Int, Answer).self) { group in
            for (number, home) in homes.enumerated() {
                group.addTask {
                    let answer = await Self.moves(of: syncs, in: home)
                    await home.warehouse.close()
                    return (number, answer)
                }
            }
            var answers: [Int: Answer] = [:]
            for await (number, answer) in group { answers[number] = answer }
            return answers
        }
        return StatePlaces(
            home: home,
            answers: homes.enumerated().compactMap { number, home in answers[number].map { (home.name, $0) } })
    }

    private typealias Answer = Result<[String: Int64], WarehouseError>

    /// Of those of these syncs whose state is in this warehouse: how often it was moved.
    private static func moves(of syncs: [String], in home: StateHome) async -> Answer {
        var moves: [String: Int64] = [:]
        do throws(WarehouseError) {
            for sync in syncs {
                let standing = try await home.warehouse.stateStanding(sync: sync)
                if standing.content == .kept { moves[sync] = standing.moves }
            }
        } catch {
            return .failure(error)
        }
        return .success(moves)
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
    package func refuseStateElsewhere() async throws {
        try await lookingElsewhereIfDenied {
            if let name = try await warehouse.stateElsewhere(sync: sync.name) {
                throw isElsewhere(name, isMarked: true)
            }
            if try await warehouse.fingerprintKey(sync: sync.name, newKey: nil) == nil {
                try await refuseForgottenState()
            }
        }
    }

    /// Makes the state tables where there are none, or brings them up to date. Before any are made, the other warehouses are looked
    /// at: a warehouse that the configuration names by mistake is left as it was.
    /// - Throws: as ``refuseStateElsewhere()``, and what making the tables fails with.
    func prepareState() async throws {
        try await lookingElsewhereIfDenied {
            if search != nil, try await warehouse.schemaVersion() == nil { try await refuseForgottenState() }
            _ = try await warehouse.migrate()
        }
    }

    /// Throws `state_elsewhere` in place of a missing right where another warehouse has the state: the role may only read where
    /// `state` was taken out of the configuration.
    private func lookingElsewhereIfDenied(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let error as WarehouseError where error.kind == .permission {
            if let name = await search?.look(for: [sync.name]).places[sync.name] {
                throw isElsewhere(name, isMarked: false)
            }
            throw error
        }
    }

    /// Takes the lease in `body`. Throws as ``refuseStateElsewhere()`` in place of a missing right where the role may only read the
    /// state tables, and these do not have the state.
    func lookingElsewhereIfReadOnly<R: Sendable>(_ body: () async throws -> R) async throws -> R {
        do {
            return try await body()
        } catch let error as WarehouseError where error.kind == .permission {
            try await refuseStateElsewhere()
            throw error
        }
    }

    private func refuseForgottenState() async throws(RunError) {
        if let problem = await search?.look(for: [sync.name]).problem(of: sync) { throw problem }
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

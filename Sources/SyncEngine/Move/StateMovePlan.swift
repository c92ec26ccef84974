import RollcallCore
package import Warehouse

/// A warehouse in which the state of syncs may stand.
package struct StateHome: Sendable {
    /// Its name in the configuration.
    package var name: String
    package var warehouse: any Warehouse & StateTransfer

    package init(name: String, warehouse: any Warehouse & StateTransfer) {
        self.name = name
        self.warehouse = warehouse
    }
}

/// What is to be done so that the state of one sync stands where the configuration has it.
package struct StateMovePlan: Sendable {
    package enum Step: Sendable {
        /// It is there already, or there is none anywhere.
        case nothing(isThere: Bool)
        /// It is copied: the number of rows of each table. Its warehouse keeps what it has, marked as left.
        case move(from: StateHome, rows: [StateTable: Int])
        /// It never left: an earlier move that was broken off is taken back. `from` names the warehouse to which that was.
        case takeBack(from: StateHome)
        /// The target goes on with what it has, since the warehouse that has the state, of this name, is lost.
        case useOlderCopy(lost: String)
    }

    package var sync: String
    package var target: StateHome
    package var step: Step
    /// Where the warehouse that has the state says that it is: an earlier move was broken off. nil: it lets runs begin.
    var elsewhere: StatePlace?
    /// Other warehouses to which an earlier move of the state was broken off.
    var abandoned: [StateHome] = []
    /// What the warehouse that has the state must count in moves, so that none of the others outranks it once it is closed.
    var leastMoves: Int64 = 0

    /// Looks where the state of a sync is. Writes nothing.
    /// - Parameters:
    ///   - homes: the warehouses in which it may be, beside `target`.
    ///   - target: where the configuration has it.
    ///   - acceptsOlderCopy: whether an older copy is taken where the state is in a warehouse that is not among these, or cannot be
    ///     read.
    /// - Throws: `RunError` `state_conflict` where two warehouses have a state of the sync and neither was moved to the other,
    ///   `state_elsewhere` where it is in a warehouse that is not among these; the warehouse's own, with its name, where one cannot
    ///   be read that may have it.
    package static func make(
        sync: String, among homes: [StateHome], to target: StateHome, acceptsOlderCopy: Bool = false
    ) async throws -> StateMovePlan {
        var places: [Place] = []
        for home in [target] + homes {
            do {
                if let place = try await look(at: home, sync, beside: places) { places.append(place) }
            } catch let error as WarehouseError {
                guard home.name != target.name else { throw isUnreadable(target, error) }
                if !acceptsOlderCopy { throw isUnreadable(home, error, sync, others: homes.count - 1) }
            }
        }
        return try await make(sync, places, acceptsOlderCopy: acceptsOlderCopy)
    }

    /// The place as it is now. nil: it is another name of one that is known, or a standby that has what its primary has.
    private static func look(at home: StateHome, _ sync: String, beside known: [Place]) async throws -> Place? {
        let id = try await home.warehouse.stateID()
        if let id, let known = known.first(where: { $0.id == id }) {
            if try await isCopy(home, of: known.home, sync) { throw sameState(home, known.home) }
            return nil
        }
        return Place(home: home, id: id, standing: try await home.warehouse.stateStanding(sync: sync))
    }

    /// Throws `RunError` `state_same` where two warehouses have one state.
    package static func refuseSameState(_ home: StateHome, and target: StateHome) async throws {
        guard let id = try await home.warehouse.stateID(), try await target.warehouse.stateID() == id else { return }
        throw sameState(home, target)
    }

    /// Whether two places with one id are two databases, of which one was copied and both have gone on since. Not a standby that
    /// lags behind its primary. Leases are taken meanwhile, so one place is read before and after the other: in one database
    /// tokens only grow.
    private static func isCopy(_ home: StateHome, of known: StateHome, _ sync: String) async throws -> Bool {
        let before = try await known.warehouse.stateTrace(sync: sync)
        let here = try await home.warehouse.stateTrace(sync: sync)
        if here == before || here.isReplica || before.isReplica { return false }
        let after = try await known.warehouse.stateTrace(sync: sync)
        return here != after && !(before.token < here.token && here.token < after.token)
    }

    private static func sameState(_ home: StateHome, _ target: StateHome) -> RunError {
        RunError(
            code: "state_same", message: "the warehouses \(home.name) and \(target.name) have the same state",
            hint: "If both names are of one database, there is nothing to move. If one database is a copy of the other,"
                + " drop the state tables in the one that is to get the state.")
    }

    private struct Place {
        var home: StateHome
        var id: String?
        var standing: StateStanding
        var isInUse: Bool { standing.content == .kept && standing.elsewhere == nil }
        /// The place with the highest one has the state. A place that is open and has something comes first: it is in use.
        var rank: (Int, Int64, Int) { (isInUse ? 1 : 0, standing.moves, standing.content.rawValue) }
        /// What another place with something must count in moves to come before this one when both are closed.
        var outranked: Int64 { standing.moves + (standing.content == .kept ? 1 : 0) }
    }

    /// - Parameter places: the first one is where the state is to be.
    private static func make(
        _ sync: String, _ places: [Place], acceptsOlderCopy: Bool
    ) async throws -> StateMovePlan {
        guard let target = places.first else { throw RunError(code: "internal", message: "no warehouse to move to") }
        // Where none has anything, or none has ever sent anything, it is where it is to be.
        let holder = places.dropFirst().reduce(target) { $1.rank > $0.rank ? $1 : $0 }
        var plan = StateMovePlan(
            sync: sync, target: target.home, step: .nothing(isThere: holder.standing.content > .none))
        let rivals = places.filter {
            $0.standing.content == .kept && ($0.rank == holder.rank || $0.standing.elsewhere == nil)
        }
        if holder.standing.content == .kept, rivals.count > 1 {
            let unnamed = rivals.first { $0.id == nil }
            throw unnamed.map { isUnnamed($0.home.name) } ?? twice(sync, rivals.map(\.home.name))
        }
        var other: Place?
        plan.elsewhere = holder.standing.elsewhere
        if holder.isInUse {
            plan.leastMoves = places.filter { $0.home.name != holder.home.name }.map(\.outranked).max() ?? 0
        }
        if let elsewhere = holder.standing.elsewhere {
            other = places.first { $0.id == elsewhere.id }
            if other == nil, !acceptsOlderCopy { throw isUnknown(sync, holder.home.name, elsewhere.name) }
        }
        if holder.home.name != target.home.name {
            let rows = try await holder.home.warehouse.stateCounts(sync: sync)
            plan.step = .move(from: holder.home, rows: rows)
            if let other, other.home.name != target.home.name { plan.abandoned = [other.home] }
        } else if let other {
            plan.step = .takeBack(from: other.home)
        } else if let elsewhere = holder.standing.elsewhere {
            plan.step = .useOlderCopy(lost: elsewhere.name)
        }
        return plan
    }

    // MARK: Errors

    private static func twice(_ sync: String, _ names: [String]) -> RunError {
        RunError(
            code: "state_conflict",
            message: "several warehouses have a state of the sync \(sync), and neither was moved to the other: "
                + names.joined(separator: ", "),
            hint: "`rollcall abandon \(sync) --warehouse NAME` lets go of the one that is not to count any more.")
    }

    /// Two names may be of one database: only what has an id can be distinguished.
    private static func isUnnamed(_ name: String) -> RunError {
        RunError(
            code: "state_conflict",
            message: "the state tables in \(name) are of an earlier version, and do not say which state they are yet",
            hint: "Run `rollcall migrate \(name)`, then `rollcall move-state` again.")
    }

    /// The warehouse that is to have the state cannot be read.
    private static func isUnreadable(_ target: StateHome, _ error: WarehouseError) -> RunError {
        RunError(
            code: error.error.code,
            message: "the warehouse \(target.name), which is to have the state, could not be read: "
                + error.error.message,
            hint: error.error.hint)
    }

    /// A warehouse that may have the state cannot be read.
    /// - Parameter others: how many more are looked at beside the target.
    private static func isUnreadable(
        _ home: StateHome, _ error: WarehouseError, _ sync: String, others: Int
    ) -> RunError {
        let ways = [
            error.error.hint, "When \(home.name) can be read, run `rollcall move-state` again.",
            others > 0 ? "With `--from NAME`, only the warehouse that is named is looked at." : nil,
            "If \(home.name) is lost for good, --older-copy goes on with what the others have.",
        ]
        return RunError(
            code: error.error.code,
            message: "the warehouse \(home.name), which may have the state of the sync \(sync), could not be read: "
                + error.error.message,
            hint: ways.compactMap(\.self).joined(separator: " "))
    }

    private static func isUnknown(_ sync: String, _ name: String, _ elsewhere: String) -> RunError {
        RunError(
            code: "state_elsewhere",
            message: "the state of the sync \(sync) was moved from \(name) to \(elsewhere), which is not among the"
                + " warehouses that were looked at",
            hint:
                "`rollcall move-state NAME --from \(elsewhere)`, with \(elsewhere) in the configuration, moves it from there."
                + " If \(elsewhere) is lost for good, --older-copy goes on with what \(name) has.")
    }
}

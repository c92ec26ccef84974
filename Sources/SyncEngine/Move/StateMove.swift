package import RollcallCore
import Warehouse

/// Carries out a ``StateMovePlan``.
///
/// All other places are closed first, then the one that has the state, and the target is opened by the transaction that
/// writes the state into it. So at each moment one place at most lets runs begin, and a move that was broken off anywhere is
/// completed by another one: it finds the state in the place that counts the most moves.
package struct StateMove: Sendable {
    let plan: StateMovePlan
    let log: LogSettings
    let limits: DestinationLimits
    let clock: any EngineClock
    let holder: Holder

    package enum Outcome: Sendable {
        case done
        /// A run of the sync is in progress; what was closed stays closed until the move is begun again.
        case busy(RunError)
    }

    /// - Parameters:
    ///   - log: for a run of a dead process that is closed first.
    ///   - limits: of the destination, by which it is known how long that run's requests may still land.
    package init(
        _ plan: StateMovePlan, log: LogSettings = LogSettings(), limits: DestinationLimits = DestinationLimits(),
        clock: any EngineClock = SystemClock(), holder: Holder = .current
    ) {
        self.plan = plan
        self.log = log
        self.limits = limits
        self.clock = clock
        self.holder = holder
    }

    package func carryOut() async throws -> Outcome {
        do {
            switch plan.step {
            case .nothing: break
            case .move(let source, _): try await move(from: source)
            case .takeBack(let other): try await takeBack(from: other)
            case .useOlderCopy: try await useOlderCopy()
            }
            return .done
        } catch let busy as Busy {
            return .busy(busy.error)
        }
    }

    private func move(from source: StateHome) async throws {
        for home in [source, plan.target] + plan.abandoned { _ = try await home.warehouse.migrate() }
        try await StateMovePlan.refuseSameState(source, and: plan.target)
        try await refuseLiveRun(source)
        var others: [StateMark] = []
        for home in plan.abandoned + [plan.target] { others.append(try await close(home, for: source)) }
        let left = try await close(source, for: plan.target, insteadOf: plan.elsewhere, atLeast: plan.leastMoves)
        guard let mark = others.last, others.allSatisfy({ $0.moves <= left.moves }) else { throw hasMoved }
        let spool = StateSpool()
        try await source.warehouse.readState(sync: plan.sync) { try spool.append($0) }
        guard spool.isWhole else {
            throw RunError(
                code: "state_unread",
                message: "the state tables of \(plan.sync) in \(source.name) could not all be read",
                hint: "Look with `rollcall check`, then run `rollcall move-state` again.")
        }
        try await plan.target.warehouse.receiveState(mark, from: left, spool.parts())
    }

    /// Opens the target again, whose state never left it.
    private func takeBack(from other: StateHome) async throws {
        for home in [other, plan.target] { _ = try await home.warehouse.migrate() }
        let left = try await close(other, for: plan.target)
        let mark = try await close(plan.target, for: other, insteadOf: plan.elsewhere)
        guard left.moves <= mark.moves else { throw hasMoved }
        try await plan.target.warehouse.openState(mark)
    }

    /// Opens the target with what it has. The lost warehouse counts one move more than the target did; should it be found again,
    /// the target comes first.
    private func useOlderCopy() async throws {
        _ = try await plan.target.warehouse.migrate()
        guard let elsewhere = plan.elsewhere else { return }
        var mark = try await plan.target.warehouse.closeStateAgain(
            sync: plan.sync, insteadOf: elsewhere.id, for: elsewhere)
        mark.moves += 2
        try await plan.target.warehouse.openState(mark)
    }

    private var hasMoved: RunError {
        RunError(
            code: "state_conflict", message: "the state of \(plan.sync) was moved by another process meanwhile",
            hint: "Run `rollcall move-state` again; it looks where the state is.")
    }

    // MARK: Closing a place

    /// Thrown within a move because a run of the sync is in progress.
    private struct Busy: Error {
        var error: RunError
    }

    /// Before the target is closed: a run that is in progress would leave it so for nothing.
    private func refuseLiveRun(_ source: StateHome) async throws {
        if plan.elsewhere != nil { return }
        if case .busy(let error) = try await hold(source).during({ _ in }) { throw Busy(error: error) }
    }

    /// Closes a place that has not the state, whatever it is now.
    private func close(_ home: StateHome, for place: StateHome) async throws -> StateMark {
        try await close(
            home, for: place, insteadOf: home.warehouse.stateStanding(sync: plan.sync).elsewhere)
    }

    /// - Parameter elsewhere: where the place says that the state is; nil: it is open. It is not closed if it says something else by now.
    private func close(
        _ home: StateHome, for place: StateHome, insteadOf elsewhere: StatePlace?, atLeast moves: Int64 = 0
    ) async throws -> StateMark {
        guard let id = try await place.warehouse.stateID() else {
            throw RunError(code: "internal", message: "the state tables of \(place.name) have no id")
        }
        let there = StatePlace(id: id, name: place.name)
        if let elsewhere {
            return try await home.warehouse.closeStateAgain(sync: plan.sync, insteadOf: elsewhere.id, for: there)
        }
        switch try await hold(home).during({ await close(home, $0.lease, for: there, moves) }) {
        case .held(let result): return try result.get()
        case .busy(let error): throw Busy(error: error)
        }
    }

    private func close(
        _ home: StateHome, _ lease: Lease, for place: StatePlace, _ moves: Int64
    ) async -> Result<StateMark, WarehouseError> {
        do throws(WarehouseError) {
            // A run of a dead process may have sent something.
            _ = try await Recovery(warehouse: home.warehouse, limits: limits, log: log).closeRuns(lease)
            return .success(try await home.warehouse.closeState(lease, for: place, atLeast: moves))
        } catch {
            return .failure(error)
        }
    }

    private func hold(_ home: StateHome) -> LeaseHold {
        LeaseHold(sync: plan.sync, warehouse: home.warehouse, limits: limits, clock: clock, holder: holder)
    }
}

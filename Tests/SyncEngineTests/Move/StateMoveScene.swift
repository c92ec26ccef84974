import Foundation
import RollcallCore
import SyncEngine
import TestSupport
import Testing
import Warehouse

/// A shop whose sync has run, and two more places for its state.
struct StateMoveScene {
    let bench: Bench
    let archive: SQLiteFixture
    let attic: SQLiteFixture

    static func with(_ body: (StateMoveScene) async throws -> Void) async throws {
        let bench = try await Bench()
        let scene = StateMoveScene(bench: bench, archive: try await .make(), attic: try await .make())
        try await bench.setAudience(addresses(1...5))
        try await bench.run()
        var failure: (any Error)?
        do { try await body(scene) } catch { failure = error }
        await scene.archive.tearDown()
        await scene.attic.tearDown()
        if let failure { throw failure }
    }

    var fixtures: [(name: String, fixture: SQLiteFixture)] {
        [("shop", bench.fixture), ("archive", archive), ("attic", attic)]
    }

    func home(_ name: String, _ warehouse: (any Warehouse & StateTransfer)? = nil) throws -> StateHome {
        let fixture = try #require(fixtures.first { $0.name == name }).fixture
        let plain = try #require(fixture.warehouse as? any Warehouse & StateTransfer)
        return StateHome(name: name, warehouse: warehouse ?? plain)
    }

    /// The plan of a move to a place, with all others to look in.
    func plan(to target: String) async throws -> StateMovePlan {
        try await StateMovePlan.make(
            sync: "vip", among: fixtures.map(\.name).filter { $0 != target }.map { try home($0) },
            to: try home(target))
    }

    func carryOut(_ plan: StateMovePlan) async throws -> StateMove.Outcome {
        try await StateMove(plan, clock: bench.clock).carryOut()
    }

    /// Moves the state, whatever is left of earlier moves.
    func move(to target: String) async throws {
        guard case .done = try await carryOut(plan(to: target)) else {
            throw RunError(code: "test", message: "busy")
        }
    }

    /// The places that let a run begin.
    func openPlaces() async throws -> [String] {
        var open: [String] = []
        for (name, fixture) in fixtures where try await fixture.warehouse.schemaVersion() != nil {
            if try await fixture.warehouse.stateElsewhere(sync: "vip") == nil { open.append(name) }
        }
        return open
    }

    /// The places with a state that lets a run begin.
    func keptPlaces() async throws -> [String] {
        var kept: [String] = []
        for name in try await openPlaces() {
            if try await home(name).warehouse.stateStanding(sync: "vip").content == .kept { kept.append(name) }
        }
        return kept
    }

    /// Leases of a process that died end in time; those of places that are closed never do.
    func endLeases() async throws {
        for (_, fixture) in fixtures where try await fixture.warehouse.schemaVersion() != nil {
            try await fixture.execute(
                "UPDATE \(fixture.state("sync_leases")) SET expires_at = '2020-01-01T00:00:00.000Z'"
                    + " WHERE elsewhere_id IS NULL")
        }
    }

    /// A run whose state stands in a place; it does not look elsewhere.
    func run(in place: String) async throws -> RunOutcome {
        let source = try #require(bench.fixture.warehouse as? any ServiceWarehouse)
        let state = try #require(try home(place).warehouse as? any ServiceWarehouse)
        let warehouse: any Warehouse = place == "shop" ? source : SplitWarehouse(source: source, state: state)
        return await bench.pipeline(warehouse: warehouse).run(RunRequest())
    }

    /// The next run knows everything, sends only what is new, and takes no one off the list.
    func continues(in place: String, _ context: String) async throws {
        let open = try await openPlaces()
        #expect(open.contains(place), "\(context): \(open)")
        guard case .ran(let run) = try await run(in: place) else {
            Issue.record("\(context): no run in \(place)")
            return
        }
        #expect(run.status == .succeeded && run.counts.planned.total == 0, "\(context): \(run.counts)")
        #expect(run.counts.unchanged == 5, "\(context)")
        #expect(bench.iterable.members() == listed(addresses(1...5)), "\(context)")
    }
}

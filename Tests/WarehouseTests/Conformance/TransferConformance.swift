import Foundation
import RollcallCore
import TestSupport
import Testing

@testable import Warehouse

/// One place of a state: its marks, and what may be written into it. From one place to another: ``StateTransferTests``.
enum TransferConformance {
    static let tests = [
        ConformanceTest("every state table moves with its sync, or is named among those that stay", tables),
        ConformanceTest("a sync is new until it has its secret key", isNew),
        ConformanceTest("what a place has of a sync", standing),
        ConformanceTest("a closed place gives its lease to no process, and says where the state is", closed),
        ConformanceTest(
            "a place that is closed again, or opened, is no longer written to with the mark of before", marks),
        ConformanceTest("a place that is closed may be made to count more moves, never fewer", leastMoves),
        ConformanceTest("a place takes no state that is not newer", older),
        ConformanceTest("of two types of one field that of the later run counts", fields),
        ConformanceTest("a state that breaks off leaves the place as it was", brokenOff),
        ConformanceTest("rows that do not arrive are noticed", lostRows),
        ConformanceTest("reports leave out what was moved away", reports),
        ConformanceTest("what was moved away claims no list, and gives no name to one", claims),
        ConformanceTest("tables of an earlier version have no marks", earlier),
    ]

    static let elsewhere = StatePlace(id: "11111111-2222-4333-8444-555555555555", name: "archive")

    static func transfer(_ warehouse: any Warehouse) throws -> any StateTransfer {
        try #require(warehouse as? any StateTransfer)
    }

    /// Every table of the migrations.
    static func allTables(_ fixture: any WarehouseFixture) async throws -> Set<String> {
        let question =
            fixture.state("x") == "rollcall_x"
            ? "SELECT substr(name, 10) FROM sqlite_master WHERE type = 'table' AND name LIKE 'rollcall\\_%' ESCAPE '\\'"
            : "SELECT table_name FROM information_schema.tables WHERE table_schema = 'rollcall' AND table_type = 'BASE TABLE'"
        return Set(try await fixture.query(question).compactMap { $0[0] })
    }

    @Sendable static func tables(_ fixture: any WarehouseFixture) async throws {
        _ = try await fixture.warehouse.migrate()
        let moved = Set(StateTable.allCases.map(\.rawValue))
        #expect(try await allTables(fixture) == moved.union(StateTable.staying.keys))
        #expect(moved.isDisjoint(with: StateTable.staying.keys))
    }

    @Sendable static func isNew(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        #expect(scene.lease.isNew)
        try await scene.warehouse.releaseLease(scene.lease)
        let second = try await Scene.lease(scene.warehouse)
        #expect(second.isNew, "only a run makes the key")
        _ = try await scene.warehouse.fingerprintKey(sync: Scene.sync, newKey: [UInt8](repeating: 7, count: 16))
        let third = try await Scene.lease(scene.warehouse, isDead: { _ in true })
        #expect(!third.isNew)
    }

    @Sendable static func standing(_ fixture: any WarehouseFixture) async throws {
        let transfer = try transfer(fixture.warehouse)
        #expect(try await transfer.stateID() == nil)
        #expect(try await transfer.stateStanding(sync: Scene.sync) == StateStanding())
        #expect(try await transfer.stateCounts(sync: Scene.sync).isEmpty)
        #expect(try await transfer.stateTrace(sync: Scene.sync) == StateTrace())
        let scene = try await Scene.make(fixture)
        let id = try #require(try await transfer.stateID())
        #expect(UUID(uuidString: id) != nil)
        let other = try fixture.second()
        #expect(try await Self.transfer(other).stateID() == id)
        let trace = try await transfer.stateTrace(sync: Scene.sync)
        #expect(trace == StateTrace(token: scene.lease.token))
        #expect(try await Self.transfer(other).stateTrace(sync: Scene.sync) == trace)
        await other.close()
        #expect(try await transfer.stateStanding(sync: Scene.sync).content == .none)
        let run = Scene.run(1)
        try await scene.warehouse.openRun(scene.lease, run)
        try await scene.finish(run)
        #expect(try await transfer.stateStanding(sync: Scene.sync).content == .known)
        _ = try await scene.warehouse.fingerprintKey(sync: Scene.sync, newKey: [UInt8](repeating: 7, count: 16))
        #expect(try await transfer.stateStanding(sync: Scene.sync).content == .known, "nothing was sent yet")
        try await scene.member(1, state: .subscribed)
        #expect(try await transfer.stateStanding(sync: Scene.sync) == StateStanding(content: .kept))
        #expect(try await transfer.stateCounts(sync: Scene.sync)[.members] == 1)
        #expect(try await transfer.stateStanding(sync: "other") == StateStanding())
    }

    @Sendable static func closed(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let transfer = try transfer(fixture.warehouse)
        #expect(try await scene.warehouse.stateElsewhere(sync: Scene.sync) == nil)
        let mark = try await transfer.closeState(scene.lease, for: elsewhere)
        #expect(mark.token > scene.lease.token && mark.moves == 0)
        #expect(try await scene.warehouse.stateElsewhere(sync: Scene.sync) == "archive")
        #expect(try await transfer.stateStanding(sync: Scene.sync).elsewhere == elsewhere)
        let store = try #require(fixture.warehouse as? any TickStore)
        let summaries = try await store.summaries([Scene.sync, "other"])
        #expect(summaries[Scene.sync]?.elsewhere == "archive" && summaries["other"]?.elsewhere == nil)
        let refusal = try await failure {
            _ = try await Scene.lease(scene.warehouse, holder: "b", isDead: { _ in true })
        }
        #expect(refusal?.kind == .stateElsewhere && refusal?.error.code == "state_elsewhere")
        #expect(refusal?.elsewhere == "archive")
        #expect(try await kind { try await scene.warehouse.renewLease(scene.lease, seconds: 60) } == .leaseLost)
        #expect(try await kind { try await scene.warehouse.openRun(scene.lease, Scene.run(1)) } == .leaseLost)
        try await scene.warehouse.releaseLease(scene.lease)
        #expect(
            try await scene.warehouse.stateElsewhere(sync: Scene.sync) == "archive", "a late release changes nothing")
        // Programs of before know the lease alone.
        let held = try await fixture.query(
            "SELECT 1 FROM \(fixture.state("sync_leases")) WHERE sync_name = '\(Scene.sync)' AND expires_at > '2900-01-01'"
        )
        #expect(held.count == 1)
        #expect(try await kind { _ = try await transfer.closeState(scene.lease, for: elsewhere) } == .leaseLost)
        _ = try await Scene.lease(scene.warehouse, sync: "other")
    }

    @Sendable static func marks(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let transfer = try transfer(fixture.warehouse)
        func again(_ sync: String, _ id: String, _ place: StatePlace) async throws -> StateMark {
            try await transfer.closeStateAgain(sync: sync, insteadOf: id, for: place)
        }
        #expect(try await kind { _ = try await again(Scene.sync, elsewhere.id, elsewhere) } == .leaseLost)
        #expect(try await kind { _ = try await again("other", elsewhere.id, elsewhere) } == .leaseLost)
        let first = try await transfer.closeState(scene.lease, for: elsewhere)
        let there = StatePlace(id: elsewhere.id, name: "attic")
        #expect(try await kind { _ = try await again(Scene.sync, "another place", there) } == .leaseLost)
        let second = try await again(Scene.sync, elsewhere.id, there)
        #expect(second.token > first.token)
        #expect(try await scene.warehouse.stateElsewhere(sync: Scene.sync) == "attic")
        #expect(try await kind { try await transfer.openState(first) } == .leaseLost)
        let source = StateMark(sync: Scene.sync, token: 1, moves: 0)
        #expect(try await kind { try await transfer.receiveState(first, from: source, Parts([])) } == .leaseLost)
        try await transfer.openState(second)
        #expect(try await scene.warehouse.stateElsewhere(sync: Scene.sync) == nil)
        let next = try await Scene.lease(scene.warehouse)
        #expect(next.token > second.token)
        #expect(try await kind { try await transfer.openState(second) } == .leaseLost)
        #expect(try await kind { try await transfer.receiveState(second, from: source, Parts([])) } == .leaseLost)
    }

    @Sendable static func leastMoves(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let transfer = try transfer(fixture.warehouse)
        var mark = try await transfer.closeState(scene.lease, for: elsewhere, atLeast: 3)
        #expect(mark.moves == 3)
        mark.moves += 2
        try await transfer.openState(mark)
        #expect(try await transfer.stateStanding(sync: Scene.sync).moves == 5)
        let again = try await transfer.closeState(try await Scene.lease(scene.warehouse), for: elsewhere, atLeast: 4)
        #expect(again.moves == 5)
    }

    @Sendable static func older(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let transfer = try transfer(fixture.warehouse)
        let empty = try await transfer.closeState(scene.lease, for: elsewhere)
        try await transfer.receiveState(
            empty, from: StateMark(sync: Scene.sync, token: 70, moves: 4), Parts(StateSamples.parts(of: Scene.sync)))
        let standing = try await transfer.stateStanding(sync: Scene.sync)
        #expect(standing == StateStanding(content: .kept, moves: 5))
        let lease = try await Scene.lease(scene.warehouse)
        #expect(lease.token > 70, "whoever had the state before writes nothing any more")
        let mark = try await transfer.closeState(lease, for: elsewhere)
        for moves: Int64 in [0, 4, 5] {
            let source = StateMark(sync: Scene.sync, token: 1, moves: moves)
            #expect(try await kind { try await transfer.receiveState(mark, from: source, Parts([])) } == .conflict)
        }
        #expect(try await transfer.stateStanding(sync: Scene.sync).content == .kept)
        let newer = StateMark(sync: Scene.sync, token: 1, moves: 6)
        try await transfer.receiveState(mark, from: newer, Parts(StateSamples.parts(of: Scene.sync)))
        #expect(try await transfer.stateStanding(sync: Scene.sync).moves == 7)
    }

    @Sendable static func brokenOff(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await scene.member(1, state: .subscribed)
        let transfer = try transfer(fixture.warehouse)
        let mark = try await transfer.closeState(scene.lease, for: elsewhere)
        let before = try await transfer.stateCounts(sync: Scene.sync)
        let parts = Parts(Array(StateSamples.parts(of: Scene.sync).dropLast(3)), thenFails: true)
        let source = StateMark(sync: Scene.sync, token: 1, moves: 1)
        #expect(try await failure { try await transfer.receiveState(mark, from: source, parts) } != nil)
        #expect(try await transfer.stateCounts(sync: Scene.sync) == before)
        #expect(try await scene.warehouse.stateElsewhere(sync: Scene.sync) == "archive")
        try await transfer.receiveState(mark, from: source, Parts(StateSamples.parts(of: Scene.sync)))
        #expect(try await scene.warehouse.stateElsewhere(sync: Scene.sync) == nil)
    }

    @Sendable static func lostRows(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let log = fixture.state("sync_log")
        if log == "rollcall_sync_log" {
            try await fixture.execute(
                "CREATE TRIGGER away AFTER INSERT ON \(log) BEGIN DELETE FROM \(log) WHERE record_id = new.record_id; END"
            )
        } else {
            try await fixture.execute(
                """
                CREATE FUNCTION rollcall.away() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
                CREATE TRIGGER away BEFORE INSERT ON \(log) FOR EACH ROW EXECUTE FUNCTION rollcall.away();
                """)
        }
        let transfer = try transfer(fixture.warehouse)
        let mark = try await transfer.closeState(scene.lease, for: elsewhere)
        let source = StateMark(sync: Scene.sync, token: 1, moves: 1)
        let refusal = try await failure {
            try await transfer.receiveState(mark, from: source, Parts(StateSamples.parts(of: Scene.sync)))
        }
        #expect(refusal?.kind == .conflict && refusal?.error.message.contains("sync_log") == true)
        #expect(try await transfer.stateStanding(sync: Scene.sync).content == .none)
    }

    @Sendable static func earlier(_ fixture: any WarehouseFixture) async throws {
        try await UpgradeConformance.make(11, fixture)
        let transfer = try transfer(fixture.warehouse)
        #expect(try await transfer.stateID() == nil)
        #expect(try await fixture.warehouse.stateElsewhere(sync: Scene.sync) == nil)
        #expect(try await transfer.stateStanding(sync: Scene.sync) == StateStanding())
        #expect(try await transfer.stateCounts(sync: Scene.sync)[.members] == 0)
    }
}

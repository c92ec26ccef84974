import Foundation
import RollcallCore
import TestSupport
import Testing

@testable import Warehouse

/// From one place to another one, and back.
@Suite struct StateTransferTests {
    enum Kind: Sendable, CaseIterable {
        case sqlite
        case postgres

        func make() async throws -> any WarehouseFixture {
            switch self {
            case .sqlite: try await SQLiteFixture.make()
            case .postgres: try await PostgresFixture.make()
            }
        }
    }

    /// Two fresh places, of which the second one knows nothing.
    private func with(
        _ one: Kind, _ other: Kind, _ body: (any WarehouseFixture, any WarehouseFixture) async throws -> Void
    ) async throws {
        let (source, target) = (try await one.make(), try await other.make())
        var failure: (any Error)?
        do {
            _ = try await source.warehouse.migrate()
            _ = try await target.warehouse.migrate()
            try await body(source, target)
        } catch { failure = error }
        await source.tearDown()
        await target.tearDown()
        if let failure { throw failure }
    }

    private func read(_ fixture: any WarehouseFixture, _ sync: String = Scene.sync) async throws -> [StatePart] {
        let parts = Collected<StatePart>()
        try await TransferConformance.transfer(fixture.warehouse).readState(sync: sync) { parts.add($0) }
        return parts.all
    }

    /// Every row of every table that moves, as the database shows it.
    private func rows(_ fixture: any WarehouseFixture) async throws -> [StateTable: [[String?]]] {
        var rows: [StateTable: [[String?]]] = [:]
        for table in StateTable.allCases {
            rows[table] = try await fixture.query(
                "SELECT * FROM \(fixture.state(table.rawValue)) ORDER BY \(table.order)")
        }
        return rows
    }

    /// Closes both places and writes the first one's state into the second one.
    private func move(_ source: any WarehouseFixture, _ target: any WarehouseFixture) async throws {
        let (from, to) = (
            try TransferConformance.transfer(source.warehouse), try TransferConformance.transfer(target.warehouse)
        )
        let (fromID, toID) = (try #require(try await from.stateID()), try #require(try await to.stateID()))
        #expect(fromID != toID)
        func close(
            _ fixture: any WarehouseFixture, _ transfer: any StateTransfer, _ id: String, _ name: String
        ) async throws -> StateMark {
            let place = StatePlace(id: id, name: name)
            if let elsewhere = try await transfer.stateStanding(sync: Scene.sync).elsewhere {
                return try await transfer.closeStateAgain(sync: Scene.sync, insteadOf: elsewhere.id, for: place)
            }
            return try await transfer.closeState(try await Scene.lease(fixture.warehouse), for: place)
        }
        let mark = try await close(target, to, fromID, "source")
        let left = try await close(source, from, toID, "target")
        try await to.receiveState(mark, from: left, Parts(try await read(source)))
        let lease = try await Scene.lease(target.warehouse)
        #expect(lease.token > left.token)
        try await target.warehouse.releaseLease(lease)
    }

    @Test(arguments: Kind.allCases, Kind.allCases)
    func everyValueGoesThereAndComesBack(_ one: Kind, _ other: Kind) async throws {
        try await with(one, other) { source, target in
            let empty = try await read(source)
            #expect(empty.count == StateTable.allCases.count, "no table has rows")
            let filled = StateSamples.filled(empty, sync: Scene.sync)
            let transfer = try TransferConformance.transfer(source.warehouse)
            let place = StatePlace(id: try #require(try await transfer.stateID()), name: "nowhere")
            let mark = try await transfer.closeState(try await Scene.lease(source.warehouse), for: place)
            try await transfer.receiveState(mark, from: StateMark(sync: Scene.sync, token: 0, moves: 0), Parts(filled))
            #expect(try await read(source) == filled)
            let before = try await rows(source)
            for table in StateTable.allCases { #expect(before[table]?.count == 1, "\(table)") }

            try await move(source, target)
            #expect(try await read(target) == filled)
            // What stands there is older now, and is replaced.
            try await source.execute("UPDATE \(source.state("sync_runs")) SET error_hint = 'old'")
            try await move(target, source)
            var after = try await rows(source)
            // The log numbers its rows itself, and Postgres those of requests that may still land.
            #expect(after[.log]?.map { $0.dropFirst() } == before[.log]?.map { $0.dropFirst() })
            after[.log] = before[.log]
            if one == .postgres {
                #expect(try await source.query("SELECT count(*) FROM rollcall.settling_requests") == [["1"]])
                after[.settlingRequests] = before[.settlingRequests]
            }
            #expect(after == before)
            #expect(try await transfer.stateStanding(sync: Scene.sync).moves == 3)
        }
    }

    @Test(arguments: [(Kind.sqlite, Kind.postgres), (.postgres, .sqlite)])
    func whatAHeldRunHasStagedIsTheSameThere(_ one: Kind, _ other: Kind) async throws {
        try await with(one, other) { source, target in
            let scene = Scene(fixture: source, lease: try await Scene.lease(source.warehouse))
            let key = [UInt8](repeating: 9, count: 16)
            _ = try await scene.warehouse.fingerprintKey(sync: Scene.sync, newKey: key)
            try await scene.member(1, state: .subscribed)
            try await scene.member(2, state: .subscribing)
            let staged = try await scene.staged(3, [Scene.subscribe(1, 3), Scene.unsubscribe(2, 1)])
            var held = staged
            held.status = .held
            held.counts.notAttempted = held.counts.planned
            try await scene.warehouse.stage(
                scene.lease, held, plan: Plan([Scene.subscribe(1, 3), Scene.unsubscribe(2, 1)]), log: LogSettings())
            try await scene.warehouse.releaseLease(scene.lease)
            let (from, to) = (source.warehouse, target.warehouse)

            try await move(source, target)
            #expect(try await to.fingerprintKey(sync: Scene.sync, newKey: nil) == key)
            let (there, here) = (try await to.heldRun(sync: Scene.sync), try await from.heldRun(sync: Scene.sync))
            #expect(there == here && there?.id == held.id)
            let changes = try await to.changes(run: held.id, after: 0, limit: 10)
            #expect(changes.count == 2)
            let staying = try await from.changes(run: held.id, after: 0, limit: 10)
            #expect(changes == staying)
            let counts = try await from.memberCounts(sync: Scene.sync, of: .list(Scene.list))
            #expect(try await to.memberCounts(sync: Scene.sync, of: .list(Scene.list)) == counts)
            let generation = try await from.snapshotGeneration(sync: Scene.sync)
            #expect(try await to.snapshotGeneration(sync: Scene.sync) == generation)
            let lease = try await Scene.lease(to)
            #expect(try await to.resumeHeldRun(lease, id: held.id).status == .running)
        }
    }

    @Test(arguments: Kind.allCases) func syncsThatDoNotMoveStayAsTheyAre(_ kind: Kind) async throws {
        try await with(kind, .sqlite) { source, target in
            for (fixture, sync) in [(source, Scene.sync), (target, "other")] {
                let transfer = try TransferConformance.transfer(fixture.warehouse)
                let place = StatePlace(id: try #require(try await transfer.stateID()), name: "nowhere")
                let mark = try await transfer.closeState(
                    try await Scene.lease(fixture.warehouse, sync: sync), for: place)
                let empty = try await read(fixture)
                var filled = StateSamples.filled(empty, sync: sync)
                // A run of another sync has another id.
                if sync == "other" { filled = StateSamples.withAnotherRun(filled) }
                try await transfer.receiveState(mark, from: StateMark(sync: sync, token: 0, moves: 0), Parts(filled))
            }
            let before = try await read(target, "other")
            try await move(source, target)
            #expect(try await read(target, "other") == before)
            let (moved, left) = (try await read(target), try await read(source))
            #expect(moved == left)
        }
    }

    @Test func bothDatabasesHaveTheSameColumns() async throws {
        try await with(.sqlite, .postgres) { sqlite, postgres in
            func columns(_ fixture: any WarehouseFixture) async throws -> [StateTable: Set<String>] {
                var columns: [StateTable: Set<String>] = [:]
                for case .table(let table, let names) in try await read(fixture) { columns[table] = Set(names) }
                return columns
            }
            let (ours, theirs) = (try await columns(sqlite), try await columns(postgres))
            #expect(ours == theirs)
        }
    }
}

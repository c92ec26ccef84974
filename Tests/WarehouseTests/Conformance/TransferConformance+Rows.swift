import RollcallCore
import TestSupport
import Testing

@testable import Warehouse

/// What a place shows and claims of a state that was moved away, and which of two shared rows counts.
extension TransferConformance {
    @Sendable static func fields(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let transfer = try transfer(fixture.warehouse)
        func note(_ names: [(String, String, Int?)]) async throws {
            try await scene.warehouse.noteFields(
                scene.lease, destination: "marketing", scope: "users",
                names.map { KnownField(name: $0.0, type: $0.1, createdByRun: $0.2.map(Scene.id)) })
        }
        try await note([("older", "string", 1), ("newer", "string", 9), ("there", "string", nil), ("own", "string", 2)])
        // The sync has a target, and its runs were pruned.
        try await scene.warehouse.saveListBinding(
            scene.lease, ListBinding(sync: Scene.sync, destination: "marketing", listName: "VIP", listID: Scene.list))
        #expect(try await transfer.stateCounts(sync: Scene.sync)[.destinationFields] == 4)
        let mark = try await transfer.closeState(scene.lease, for: elsewhere)
        let columns = ["destination", "scope", "field", "type", "first_seen", "created_by_run"]
        let rows = [("older", 5), ("newer", 5), ("there", 5), ("missing", 5)].map { name, run -> StatePart in
            let texts = ["marketing", "users", name, "boolean", "2026-11-21T06:00:00.125Z", Scene.id(run)]
            return .row(texts.map(StateSamples.text))
        }
        let source = StateMark(sync: Scene.sync, token: 1, moves: 1)
        try await transfer.receiveState(
            mark, from: source, Parts([.table(.destinationFields, columns: columns)] + rows))
        let known = try await scene.warehouse.knownFields(destination: "marketing", scope: "users")
        #expect(
            known.map { "\($0.name) \($0.type)" } == [
                "missing boolean", "newer string", "older boolean", "own string", "there boolean",
            ])
    }

    @Sendable static func reports(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let other = try await Scene.lease(scene.warehouse, sync: "other")
        try await scene.finish(try await scene.staged(1, [Scene.subscribe(1, 1)]))
        try await scene.warehouse.openRun(other, Scene.run(2, sync: "other"))
        func shown() async throws -> [String] {
            let records = Collected<String>()
            try await scene.warehouse.records(RecordFilter()) { records.add($0.sync) }
            let one = try await scene.warehouse.run(id: Scene.id(1))
            return try await scene.warehouse.runs(RunFilter(limit: 10)).map(\.sync) + records.all + [
                one?.sync ?? "none"
            ]
        }
        func viewed() async throws -> [[String?]] {
            try await fixture.query(
                """
                SELECT sync_name FROM \(fixture.state("latest_runs"))
                 UNION ALL SELECT sync_name FROM \(fixture.state("failed_records")) ORDER BY sync_name
                """)
        }
        try await fixture.execute("UPDATE \(fixture.state("sync_log")) SET status = 'failed'")
        let before = try await shown()
        #expect(before == ["other", Scene.sync, Scene.sync, Scene.sync])
        let views = try await viewed()
        #expect(views.count == 3)
        let mark = try await transfer(fixture.warehouse).closeState(scene.lease, for: elsewhere)
        let meanwhile = try await shown()
        #expect(meanwhile == ["other", "none"])
        #expect(try await viewed() == [["other"]])
        try await transfer(fixture.warehouse).openState(mark)
        let after = try await shown()
        #expect(after == before)
        #expect(try await viewed() == views)
    }

    @Sendable static func claims(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await scene.warehouse.saveListBinding(
            scene.lease, ListBinding(sync: Scene.sync, destination: "marketing", listName: "VIP", listID: Scene.list))
        try await scene.member(1, state: .subscribed)
        func claimed() async throws -> [String] {
            let claims = try await scene.warehouse.listClaims(besides: "other", list: Scene.list).map(\.sync)
            return try await claims + scene.warehouse.bindings(named: "VIP").map(\.sync)
        }
        let before = try await claimed()
        #expect(before == [Scene.sync, Scene.sync])
        let mark = try await transfer(fixture.warehouse).closeState(scene.lease, for: elsewhere)
        let meanwhile = try await claimed()
        #expect(meanwhile.isEmpty)
        let other = try await Scene.lease(scene.warehouse, sync: "other")
        let binding = ListBinding(sync: "other", destination: "marketing", listName: "VIP", listID: Scene.list)
        #expect(try await scene.warehouse.takeList(other, binding) { $0 }.isEmpty)
        try await transfer(fixture.warehouse).openState(mark)
        let after = try await claimed()
        #expect(after.contains(Scene.sync))
    }
}

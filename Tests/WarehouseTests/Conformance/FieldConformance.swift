import RollcallCore
import TestSupport
import Testing
import Warehouse

enum FieldConformance {
    static let tests = [
        ConformanceTest("fields are known by destination and scope, and a later run takes a field over", notes),
        ConformanceTest("whoever lost the lease notes no field", fencing),
        ConformanceTest("without tables no field is known", withoutTables),
        ConformanceTest("each name of a field keeps its place", places),
        ConformanceTest("whoever lost the lease gives no field a place", fencedPlaces),
    ]

    private static let runs = [Scene.run(1).id, Scene.run(2).id]

    @Sendable static func notes(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let warehouse = scene.warehouse
        func note(_ names: [String], _ run: String?, _ scope: String = "catalog:products") async throws {
            try await warehouse.noteFields(
                scene.lease, destination: "marketing", scope: scope,
                names.map { KnownField(name: $0, type: "long", createdByRun: run) })
        }
        try await note(["price", "Ärger", "Zeit"], runs[0])
        try await note(["price"], nil, "catalog:others")
        try await note(["price", "stock"], runs[1])
        try await note([], nil)
        let known = try await warehouse.knownFields(destination: "marketing", scope: "catalog:products")
        #expect(known.map(\.name) == ["Zeit", "price", "stock", "Ärger"], "by the bytes of the names")
        #expect(known.map(\.createdByRun) == [runs[0], runs[1], runs[1], runs[0]])
        #expect(known.allSatisfy { $0.type == "long" })
        let others = try await warehouse.knownFields(destination: "marketing", scope: "catalog:others")
        #expect(others == [KnownField(name: "price", type: "long", createdByRun: nil)])
        #expect(try await warehouse.knownFields(destination: "elsewhere", scope: "catalog:products").isEmpty)
    }

    @Sendable static func fencing(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var stale = scene.lease
        stale.token -= 1
        let error = await #expect(throws: WarehouseError.self) {
            try await scene.warehouse.noteFields(
                stale, destination: "marketing", scope: "users",
                [KnownField(name: "a", type: "long", createdByRun: nil)])
        }
        #expect(error?.kind == .leaseLost)
        #expect(try await scene.warehouse.knownFields(destination: "marketing", scope: "users").isEmpty)
    }

    @Sendable static func withoutTables(_ fixture: any WarehouseFixture) async throws {
        #expect(try await fixture.warehouse.knownFields(destination: "marketing", scope: "users").isEmpty)
        #expect(try await fixture.warehouse.fieldPlaces(sync: Scene.sync).isEmpty)
    }

    @Sendable static func places(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let warehouse = scene.warehouse
        #expect(try await warehouse.fieldPlaces(sync: Scene.sync).isEmpty)
        let first = try await warehouse.addFieldPlaces(scene.lease, ["plan", "Ärger", "address.city", "plan"])
        #expect(first == ["plan", "Ärger", "address.city"])
        let second = try await warehouse.addFieldPlaces(scene.lease, ["address.city", "Plan", "plan"])
        #expect(second == ["plan", "Ärger", "address.city", "Plan"], "in the order in which they came")
        #expect(try await warehouse.addFieldPlaces(scene.lease, ["Plan"]) == second)
        #expect(try await warehouse.addFieldPlaces(scene.lease, []) == second)
        let other = try await Scene.lease(warehouse, sync: "other")
        #expect(try await warehouse.addFieldPlaces(other, ["Plan"]) == ["Plan"])
        _ = try await warehouse.abandon(scene.lease, list: nil)
        #expect(try await warehouse.fieldPlaces(sync: Scene.sync) == second)
        #expect(try await warehouse.fieldPlaces(sync: "other") == ["Plan"])
        try await fixture.execute("DELETE FROM \(fixture.state("field_places")) WHERE place = 1")
        #expect(try await kind { _ = try await warehouse.fieldPlaces(sync: Scene.sync) } == .other)
    }

    @Sendable static func fencedPlaces(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var stale = scene.lease
        stale.token -= 1
        let lease = stale
        #expect(try await kind { _ = try await scene.warehouse.addFieldPlaces(lease, ["plan"]) } == .leaseLost)
        #expect(try await scene.warehouse.fieldPlaces(sync: Scene.sync).isEmpty)
    }
}

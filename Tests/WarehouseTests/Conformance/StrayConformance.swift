import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

enum StrayConformance {
    static let tests = [
        ConformanceTest("what was sent without a lease is noted without one, once", note),
        ConformanceTest("notes are taken away by whoever has the lease, with what may still land", settle),
        ConformanceTest("a noted subscribe makes an entry, or doubt about the profile", subscribe),
        ConformanceTest("a noted unsubscribe makes doubt about all who share an identifier", unsubscribe),
        ConformanceTest("notes of other syncs and lists are left alone", others),
        ConformanceTest("notes that change the snapshot make another generation", generation),
    ]

    private static func settle(_ scene: Scene) async throws -> Int {
        try await scene.warehouse.applyStrayNotes(scene.lease)
    }

    @Sendable static func note(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await scene.member(1, state: .subscribed)
        let before = try await scene.warehouse.snapshotGeneration(sync: Scene.sync)
        let changes = [Scene.subscribe(1, 1), Scene.unsubscribe(4, 2)]
        // The run need not be there any more: its rows may have gone with the retention.
        for _ in 0..<2 { try await scene.warehouse.noteStrays(Scene.run(1), changes, settleSeconds: 60) }
        #expect(try await scene.count("stray_requests") == 2)
        try await scene.warehouse.noteStrays(Scene.run(1), [], settleSeconds: 60)
        var homeless = Scene.run(2)
        homeless.listID = nil
        try await scene.warehouse.noteStrays(homeless, changes, settleSeconds: 60)
        #expect(try await scene.count("stray_requests") == 2)
        #expect(try await scene.entry(1) == "subscribed listed 900")
        #expect(try await scene.count("settling_requests") == 0)
        #expect(try await scene.warehouse.snapshotGeneration(sync: Scene.sync) == before)
    }

    @Sendable static func settle(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let warehouse = scene.warehouse
        let before = try await warehouse.now()
        try await warehouse.noteStrays(Scene.run(1), [Scene.subscribe(1, 1)], settleSeconds: -1)
        try await warehouse.noteStrays(
            Scene.run(2), [Scene.unsubscribe(1, 1), Scene.subscribe(2, 2)], settleSeconds: 60)
        let lease = try await Scene.lease(warehouse, holder: "next") { _ in true }
        #expect(try await kind { _ = try await settle(scene) } == .leaseLost)
        #expect(try await scene.count("stray_requests") == 3)
        #expect(try await warehouse.applyStrayNotes(lease) == 3)
        #expect(try await scene.count("stray_requests") == 0)
        let settling = try await warehouse.requestsInDoubt(sync: Scene.sync, of: .list(Scene.list))
        #expect(
            Set(settling.map { "\($0.operation) \($0.identity)" }) == [
                "unsubscribe \(Scene.identity(1))", "subscribe \(Scene.identity(2))",
            ])
        #expect(settling.allSatisfy { $0.mayLandUntil >= before.addingTimeInterval(59.9) })
        #expect(try await warehouse.applyStrayNotes(lease) == 0)
    }

    @Sendable static func subscribe(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        for (person, state) in [(1, MemberState.subscribed), (2, .unsubscribing), (3, .rejected), (4, .subscribing)] {
            try await scene.member(person, state: state, listed: state != .rejected)
        }
        let before = try await states(scene)
        try await scene.warehouse.noteStrays(
            Scene.run(7), (1...5).map { Scene.subscribe(Int64($0), $0) }, settleSeconds: 60)
        #expect(try await settle(scene) == 5)
        var after = before
        after[3] = after[3]?.replacing("unlisted", with: "listed")
        after[5] = "subscribing listed 007"
        #expect(try await states(scene) == after)

        // A person with the userId of 1 and another address: the profile may have got that address back.
        var renamed = Scene.subscribe(1, 6)
        renamed.identity.userID = Scene.identity(1).userID
        try await scene.warehouse.noteStrays(Scene.run(8), [renamed], settleSeconds: 60)
        #expect(try await settle(scene) == 1)
        after[1] = "subscribing listed 008"
        after[6] = "subscribing listed 008"
        let found = try await states(scene)
        #expect(found == after)
    }

    @Sendable static func unsubscribe(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        for (person, state) in [(1, MemberState.subscribed), (2, .subscribing), (3, .rejected), (4, .subscribed)] {
            try await scene.member(person, state: state)
        }
        var after = try await states(scene)
        var renamed = Scene.unsubscribe(9, 9)
        renamed.identity.email = Scene.identity(4).email
        try await scene.warehouse.noteStrays(
            Scene.run(7), [Scene.unsubscribe(2, 2), Scene.unsubscribe(3, 3), Scene.unsubscribe(5, 5), renamed],
            settleSeconds: 60)
        // Both were sent: what may have been removed is looked at first.
        try await scene.warehouse.noteStrays(
            Scene.run(8), [Scene.subscribe(1, 1), Scene.unsubscribe(2, 1)], settleSeconds: 60)
        #expect(try await settle(scene) == 6)
        after[1] = "unsubscribing listed 008"
        after[2] = "unsubscribing listed 007"
        after[4] = "unsubscribing listed 007"
        #expect(try await states(scene) == after)
    }

    @Sendable static func others(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await scene.member(1, state: .subscribed)
        try await scene.member(2, state: .subscribed)
        var elsewhere = Scene.run(1)
        elsewhere.listID = 43
        try await scene.warehouse.noteStrays(elsewhere, [Scene.unsubscribe(1, 1)], settleSeconds: 60)
        try await scene.warehouse.noteStrays(
            Scene.run(2, sync: "other"), [Scene.unsubscribe(1, 2)], settleSeconds: 60)
        #expect(try await settle(scene) == 1)
        #expect(try await scene.entry(1) == "subscribed listed 900")
        #expect(try await scene.entry(2) == "subscribed listed 900")
        #expect(try await scene.count("stray_requests") == 1)
        #expect(try await scene.warehouse.requestsInDoubt(sync: Scene.sync, of: .list(Scene.list)).isEmpty)
        #expect(try await scene.warehouse.requestsInDoubt(sync: Scene.sync, of: .list(43)).count == 1)
    }

    @Sendable static func generation(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await scene.member(1, state: .subscribed)
        let first = try await scene.warehouse.snapshotGeneration(sync: Scene.sync)
        try await scene.warehouse.noteStrays(Scene.run(1), [Scene.subscribe(1, 1)], settleSeconds: 60)
        #expect(try await settle(scene) == 1)
        #expect(try await scene.warehouse.snapshotGeneration(sync: Scene.sync) == first)
        try await scene.warehouse.noteStrays(Scene.run(2), [Scene.subscribe(1, 2)], settleSeconds: 60)
        #expect(try await settle(scene) == 1)
        #expect(try await scene.warehouse.snapshotGeneration(sync: Scene.sync) != first)
    }

    private static func states(_ scene: Scene) async throws -> [Int: String] {
        var states: [Int: String] = [:]
        for person in 1...6 { states[person] = try await scene.entry(person) }
        return states
    }
}

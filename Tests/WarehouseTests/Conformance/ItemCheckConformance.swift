import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

/// Items of catalogs that are to be read back.
enum ItemCheckConformance {
    static let tests = [
        ConformanceTest("checks are due by the time of acceptance, those that failed first", due),
        ConformanceTest("checks that are accepted together are accepted at one moment", acceptedTogether),
        ConformanceTest("a check takes the place of the one before, and ends", replaced),
        ConformanceTest("only what is synced with the content of the check is accepted, or set aside", synced),
        ConformanceTest("what a held run puts again is put again once it is approved", held),
        ConformanceTest("whoever lost the lease notes no check", fencing),
        ConformanceTest("without tables there is no check", withoutTables),
        ConformanceTest("an abandoned sync has no checks", abandoned),
        ConformanceTest("a run keeps how many items were read back", counts),
    ]

    private static let later = Date(timeIntervalSince1970: 4_000_000_000)

    private static func check(_ item: Int, content: Int64 = 5, hasFailed: Bool = false) -> ItemCheck {
        ItemCheck(fingerprint: Scene.fingerprint(item), content: content, hasFailed: hasFailed)
    }

    private static func notes(
        added: [ItemCheck] = [], done: [ItemCheck] = [], setAside: [ItemCheck] = []
    ) -> ItemCheckNotes {
        var notes = ItemCheckNotes()
        (notes.added, notes.done, notes.setAside) = (added, done, setAside)
        notes.reason = FailureReason(code: "not_verified", reason: "It is another one.")
        return notes
    }

    /// Items that Iterable has accepted with the content 5.
    private static func put(_ items: ClosedRange<Int>, _ scene: Scene, run number: Int = 1) async throws {
        var run = Scene.run(number)
        (run.kind, run.listID, run.target) = (.catalog, nil, "products")
        try await scene.warehouse.openRun(scene.lease, run)
        let changes = items.map { item in
            Change(
                sequence: Int64(item), kind: .send, operation: .put, fingerprint: Scene.fingerprint(item),
                identity: Identity(email: nil, userID: nil),
                record: RecordReference(key: "k\(item)", itemID: "k\(item)", content: 5), payload: Array("{}".utf8))
        }
        run.counts.planned.put = changes.count
        try await scene.warehouse.stage(scene.lease, run, plan: Plan(changes), log: LogSettings())
        run.counts.succeeded.put = changes.count
        let range = Int64(items.lowerBound)...Int64(items.upperBound)
        try await scene.acknowledge(run, [Scene.batch(.put, range)])
        try await scene.finish(run)
    }

    private static func contents(_ scene: Scene) async throws -> [Int64?] {
        try await scene.warehouse.members(
            sync: Scene.sync, of: .records(.catalog), fingerprints: (1...3).map(Scene.fingerprint)
        ).sorted { $0.fingerprint < $1.fingerprint }.map { $0.record?.content }
    }

    @Sendable static func held(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let warehouse = scene.warehouse
        try await put(1...2, scene)
        var run = Scene.run(2)
        (run.kind, run.listID, run.target) = (.catalog, nil, "products")
        try await warehouse.openRun(scene.lease, run)
        run.status = .held
        try await warehouse.stage(scene.lease, run, plan: Plan([]), log: LogSettings())
        var noted = notes(added: [check(1, hasFailed: true), check(2)])
        noted.isHeld = true
        try await warehouse.noteItemChecks(scene.lease, run: run.id, noted)
        #expect(try await contents(scene) == [5, 5], "it may be discarded")
        try await fixture.execute("UPDATE \(fixture.state("item_checks")) SET noted_at = '2020-01-01T00:00:00.000Z'")
        let before = try await warehouse.now().addingTimeInterval(-60)
        let due = try await warehouse.itemChecks(sync: Scene.sync, acceptedBefore: before, limit: 10)
        #expect(Set(due.map(\.fingerprint)) == Set((1...2).map(Scene.fingerprint)) && due.allSatisfy { !$0.hasFailed })
        _ = try await warehouse.resumeHeldRun(scene.lease, id: run.id)
        #expect(try await contents(scene) == [0, 5])
        #expect(try await warehouse.itemChecks(sync: Scene.sync, acceptedBefore: before, limit: 10).isEmpty)
    }

    @Sendable static func due(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let warehouse = scene.warehouse
        try await put(1...4, scene)
        let before = try await warehouse.now().addingTimeInterval(-60)
        try await warehouse.noteItemChecks(
            scene.lease, run: Scene.id(1), notes(added: [check(1), check(2), check(3, hasFailed: true)]))
        try await warehouse.noteItemChecks(
            scene.lease, run: Scene.id(2), notes(added: [check(4, hasFailed: true)]))
        #expect(try await warehouse.itemChecks(sync: Scene.sync, acceptedBefore: before, limit: 10).isEmpty)
        #expect(try await warehouse.itemChecks(sync: "other", acceptedBefore: later, limit: 10).isEmpty)
        let noted = try await warehouse.itemChecks(sync: Scene.sync, acceptedBefore: later, limit: 10)
        #expect(Set(noted.map(\.fingerprint)) == Set((1...4).map(Scene.fingerprint)))
        #expect(noted.allSatisfy { !$0.hasFailed && $0.content == 5 }, "nothing is accepted yet")
        try await put(3...3, scene, run: 3)
        try await warehouse.acceptItemChecks(scene.lease, run: Scene.id(1))
        let accepted = try await warehouse.itemChecks(sync: Scene.sync, acceptedBefore: later, limit: 10)
        #expect(accepted.first == check(3, hasFailed: true) && accepted.count { $0.hasFailed } == 1)
        try await fixture.execute(
            "UPDATE \(fixture.state("item_checks")) SET accepted_at = NULL, noted_at = '2020-01-01T00:00:00.000Z'"
                + " WHERE run_id = '\(Scene.id(2))'")
        #expect(try await warehouse.itemChecks(sync: Scene.sync, acceptedBefore: before, limit: 10) == [check(4)])
        let three = try await warehouse.itemChecks(sync: Scene.sync, acceptedBefore: later, limit: 3)
        #expect(three == [check(3, hasFailed: true), check(1), check(2)], "then the latest")
    }

    @Sendable static func acceptedTogether(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let warehouse = scene.warehouse
        try await put(1...2000, scene)
        try await warehouse.noteItemChecks(scene.lease, run: Scene.id(1), notes(added: (1...2000).map { check($0) }))
        try await warehouse.acceptItemChecks(scene.lease, run: Scene.id(1))
        let accepted = try await warehouse.itemChecks(sync: Scene.sync, acceptedBefore: later, limit: 2000)
        #expect(accepted.map(\.fingerprint) == (1...2000).map(Scene.fingerprint).sorted())
    }

    @Sendable static func replaced(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let warehouse = scene.warehouse
        try await put(1...2, scene)
        try await warehouse.noteItemChecks(
            scene.lease, run: Scene.id(1), notes(added: [check(1, hasFailed: true), check(2)]))
        try await warehouse.acceptItemChecks(scene.lease, run: Scene.id(1))
        try await warehouse.noteItemChecks(
            scene.lease, run: Scene.id(2),
            notes(added: [check(1), check(1, content: .min)], done: [check(2), check(2, content: 6), check(9)]))
        let found = try await warehouse.itemChecks(sync: Scene.sync, acceptedBefore: later, limit: 10)
        #expect(Set(found.map(\.content)) == [5, .min] && found.allSatisfy { $0.fingerprint == Scene.fingerprint(1) })
        #expect(found.allSatisfy { !$0.hasFailed })
    }

    @Sendable static func synced(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let warehouse = scene.warehouse
        try await put(1...3, scene)
        let other = check(2, content: 6, hasFailed: true)
        try await warehouse.noteItemChecks(
            scene.lease, run: Scene.id(2), notes(added: [check(1, hasFailed: true), other]))
        #expect(try await contents(scene) == [0, 5, 5], "of what is put again nothing is known")
        try await put(1...1, scene, run: 4)
        #expect(try await contents(scene) == [5, 5, 5])
        try await warehouse.acceptItemChecks(scene.lease, run: Scene.id(2))
        let checks = try await warehouse.itemChecks(sync: Scene.sync, acceptedBefore: later, limit: 10)
        #expect(Set(checks.filter(\.hasFailed).map(\.fingerprint)) == [Scene.fingerprint(1)])
        let generation = try await warehouse.snapshotGeneration(sync: Scene.sync)
        try await warehouse.noteItemChecks(scene.lease, run: Scene.id(3), notes(setAside: [check(1), other]))
        #expect(try await warehouse.snapshotGeneration(sync: Scene.sync) != generation)
        let members = try await warehouse.members(
            sync: Scene.sync, of: .records(.catalog), fingerprints: (1...3).map(Scene.fingerprint))
        let states = Dictionary(uniqueKeysWithValues: members.map { ($0.fingerprint, $0) })
        #expect(states[Scene.fingerprint(1)]?.state == .rejected && states[Scene.fingerprint(1)]?.listed == true)
        #expect(
            states[Scene.fingerprint(1)]?.rejection == FailureReason(code: "not_verified", reason: "It is another one.")
        )
        #expect(
            states[Scene.fingerprint(2)]?.state == .subscribed && states[Scene.fingerprint(3)]?.state == .subscribed)
        #expect(try await warehouse.itemChecks(sync: Scene.sync, acceptedBefore: later, limit: 10).isEmpty)
    }

    @Sendable static func fencing(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await scene.warehouse.noteItemChecks(scene.lease, run: Scene.id(1), notes(added: [check(1)]))
        var stale = scene.lease
        stale.token -= 1
        let lease = stale
        func kind(_ body: () async throws(WarehouseError) -> Void) async -> WarehouseError.Kind? {
            do { try await body() } catch { return error.kind }
            return nil
        }
        #expect(
            await kind { () async throws(WarehouseError) in
                try await scene.warehouse.noteItemChecks(lease, run: Scene.id(2), notes(done: [check(1)]))
            } == .leaseLost)
        #expect(
            await kind { () async throws(WarehouseError) in
                try await scene.warehouse.acceptItemChecks(lease, run: Scene.id(1))
            } == .leaseLost)
        #expect(try await scene.warehouse.itemChecks(sync: Scene.sync, acceptedBefore: later, limit: 9) == [check(1)])
    }

    @Sendable static func withoutTables(_ fixture: any WarehouseFixture) async throws {
        #expect(try await fixture.warehouse.itemChecks(sync: Scene.sync, acceptedBefore: later, limit: 9).isEmpty)
    }

    @Sendable static func abandoned(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await scene.warehouse.noteItemChecks(scene.lease, run: Scene.id(1), notes(added: [check(1)]))
        _ = try await scene.warehouse.abandon(scene.lease, list: nil)
        #expect(try await scene.warehouse.itemChecks(sync: Scene.sync, acceptedBefore: later, limit: 9).isEmpty)
    }

    @Sendable static func counts(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var run = Scene.run(1)
        (run.kind, run.listID, run.target) = (.catalog, nil, "products")
        try await scene.warehouse.openRun(scene.lease, run)
        (run.counts.verified, run.counts.notVerified) = (19, 1)
        try await scene.finish(run)
        let stored = try #require(try await scene.warehouse.run(id: run.id))
        #expect(stored.counts.verified == 19 && stored.counts.notVerified == 1)
    }
}

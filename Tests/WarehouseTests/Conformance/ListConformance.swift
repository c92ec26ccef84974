import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

enum ListConformance {
    static let tests = [
        ConformanceTest("claims of other syncs on a list: members, open runs, requests that may still land", claims),
        ConformanceTest("a sync that a list is refused to keeps its binding and notes its project", refused),
        ConformanceTest("of two that take a list at once, the second sees the first", takeAtOnce),
        ConformanceTest("what a sync lets go of: members, held run, outbox, binding; nothing else", abandon),
        ConformanceTest("one list of several is let go of", abandonOneList),
        ConformanceTest("nothing is let go of while a request may still land", abandonWhileSettling),
        ConformanceTest("whoever lost the lease takes no list and lets go of none", fencing),
        ConformanceTest("tables that no run has upgraded are read", oldTables),
    ]

    private static let project = ListProject(baseURL: "https://api.example.com", keyHash: "0123")

    private static func binding(_ sync: String, list: Int64?, name: String? = "VIP") -> ListBinding {
        ListBinding(sync: sync, destination: "marketing", listName: name, listID: list, project: project)
    }

    /// A second sync, `other`, with its lease.
    private static func other(_ scene: Scene) async throws -> Scene {
        Scene(fixture: scene.fixture, lease: try await Scene.lease(scene.warehouse, sync: "other"))
    }

    /// Bound to the list; with a run, `other` puts person 1 on it.
    private static func subscribe(_ scene: Scene, _ outcome: BatchOutcome, number: Int = 5) async throws -> SyncRun {
        var run = Scene.run(number, sync: scene.lease.sync)
        try await scene.warehouse.openRun(scene.lease, run)
        run.counts.planned.subscribe = 1
        try await scene.warehouse.stage(scene.lease, run, plan: Plan([Scene.subscribe(1, 1)]), log: LogSettings())
        try await scene.acknowledge(run, [outcome])
        return run
    }

    @Sendable static func claims(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let warehouse = fixture.warehouse
        let other = try await other(scene)
        #expect(try await warehouse.takeList(other.lease, binding("other", list: Scene.list)) { $0 } == [])
        #expect(try await warehouse.listClaims(besides: Scene.sync, list: Scene.list).isEmpty, "nothing but a binding")

        let run = try await subscribe(other, Scene.batch(.subscribe, 1...1))
        let open = ListClaim(
            sync: "other", binding: binding("other", list: Scene.list), ownsMembers: true,
            openRun: .init(id: run.id, status: .running, listID: Scene.list))
        #expect(try await warehouse.listClaims(besides: Scene.sync, list: Scene.list) == [open])
        #expect(try await warehouse.listClaims(besides: Scene.sync, list: nil) == [open])
        #expect(try await warehouse.listClaims(besides: "other", list: Scene.list).isEmpty, "its own is no claim")
        var elsewhere = open
        elsewhere.ownsMembers = false
        #expect(try await warehouse.listClaims(besides: Scene.sync, list: 43) == [elsewhere])

        try await other.finish(run)
        var members = open
        members.openRun = nil
        #expect(try await warehouse.listClaims(besides: Scene.sync, list: Scene.list) == [members])
        #expect(try await warehouse.listClaims(besides: Scene.sync, list: 43).isEmpty)
        try await fixture.execute("UPDATE \(fixture.state("list_members")) SET listed = false, state = 'rejected'")
        #expect(try await warehouse.listClaims(besides: Scene.sync, list: Scene.list).isEmpty, "nobody is there by it")
        try await fixture.execute("DELETE FROM \(fixture.state("list_members"))")

        let later = Date(timeIntervalSince1970: (try await warehouse.now().timeIntervalSince1970 + 500).rounded())
        let lost = try await subscribe(other, Scene.batch(.subscribe, 1...1, mayLandUntil: later), number: 6)
        try await other.finish(lost)
        try await fixture.execute("DELETE FROM \(fixture.state("list_members"))")
        var settling = members
        (settling.ownsMembers, settling.mayLandUntil) = (false, later)
        #expect(try await warehouse.listClaims(besides: Scene.sync, list: Scene.list) == [settling])
    }

    @Sendable static func refused(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let warehouse = fixture.warehouse
        let other = try await other(scene)
        _ = try await subscribe(other, Scene.batch(.subscribe, 1...1))
        var old = binding(Scene.sync, list: Scene.list)
        (old.project, old.destination) = (nil, "before")
        try await warehouse.saveListBinding(scene.lease, old)

        let asked = Collected<[ListClaim]>()
        let wanted = binding(Scene.sync, list: Scene.list, name: nil)
        let reasons = try await warehouse.takeList(scene.lease, wanted) {
            asked.add($0)
            return $0
        }
        #expect(reasons.map(\.sync) == ["other"])
        #expect(asked.all.first == reasons)
        var noted = old
        (noted.project, noted.destination) = (project, "marketing")
        #expect(try await warehouse.listBinding(sync: Scene.sync) == noted)

        let moved = binding(Scene.sync, list: 43)
        #expect(try await !warehouse.takeList(scene.lease, moved) { $0 }.isEmpty)
        #expect(try await warehouse.listBinding(sync: Scene.sync) == noted, "another list's project is not noted")
        #expect(try await warehouse.takeList(scene.lease, moved) { _ in [] }.isEmpty)
        #expect(try await warehouse.listBinding(sync: Scene.sync) == moved)
    }

    @Sendable static func takeAtOnce(_ fixture: any WarehouseFixture) async throws {
        _ = try await fixture.warehouse.migrate()
        let second = try fixture.second()
        for round in 1...20 {
            let list = Int64(100 + round)
            // Both have an open run, as syncs that take a list do.
            var takers: [(warehouse: any Warehouse, lease: Lease)] = []
            for (number, warehouse) in [fixture.warehouse, second].enumerated() {
                let sync = "sync \(round) \(number)"
                let lease = try await Scene.lease(warehouse, sync: sync)
                var run = Scene.run(10 * round + number, sync: sync)
                run.listID = nil
                try await warehouse.openRun(lease, run)
                takers.append((warehouse, lease))
            }
            let standing: @Sendable ([ListClaim]) -> [ListClaim] = { claims in
                claims.filter { $0.binding?.listID == list }
            }
            let (one, two) = (takers[0], takers[1])
            async let first = one.warehouse.takeList(one.lease, binding(one.lease.sync, list: list), refuse: standing)
            async let other = two.warehouse.takeList(two.lease, binding(two.lease.sync, list: list), refuse: standing)
            let results = try await [first, other]
            #expect(results.filter(\.isEmpty).count == 1, "one has it, the other is refused: \(results)")
        }
        await second.close()
    }

    @Sendable static func abandon(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let warehouse = fixture.warehouse
        let other = try await other(scene)
        let key = [UInt8](repeating: 7, count: 16)
        _ = try await warehouse.fingerprintKey(sync: Scene.sync, newKey: key)
        #expect(try await warehouse.abandon(scene.lease, list: nil) == .done(Abandonment(lists: [])))
        try await warehouse.saveListBinding(scene.lease, binding(Scene.sync, list: Scene.list))
        try await scene.finish(try await subscribe(scene, Scene.batch(.subscribe, 1...1), number: 2))
        _ = try await subscribe(other, Scene.batch(.subscribe, 1...1))
        var held = Scene.run(3)
        try await warehouse.openRun(scene.lease, held)
        held.status = .held
        held.held = [GuardFinding(guard: "max_removals", limit: "0", observed: "1")]
        held.counts.planned = PerOperation(subscribe: 1, unsubscribe: 1)
        held.counts.notAttempted = held.counts.planned
        let changes = [Scene.unsubscribe(1, 1), Scene.subscribe(2, 2)]
        try await warehouse.stage(scene.lease, held, plan: Plan(changes), log: LogSettings())
        let generation = try await warehouse.snapshotGeneration(sync: Scene.sync)

        let done = Abandonment(
            lists: [.init(listID: Scene.list, members: 1)], discardedRunID: held.id, discardedChanges: 2)
        #expect(try await warehouse.abandon(scene.lease, list: nil) == .done(done))
        #expect(try await warehouse.memberCounts(sync: Scene.sync, of: .list(Scene.list)).isEmpty)
        #expect(try await warehouse.listBinding(sync: Scene.sync) == nil)
        #expect(try await warehouse.changes(run: held.id, after: 0, limit: 10).isEmpty)
        #expect(try await warehouse.snapshotGeneration(sync: Scene.sync) != generation, "no cache is current")
        let run = try #require(try await warehouse.run(id: held.id))
        #expect(run.status == .cancelled && run.finishedAt != nil && run.counts.balances)
        #expect(try await warehouse.heldRun(sync: Scene.sync) == nil)
        #expect(try await warehouse.fingerprintKey(sync: Scene.sync, newKey: nil) == key)
        #expect(try await warehouse.runs(RunFilter(sync: Scene.sync)).count == 2)
        #expect(try await scene.count("sync_log") == 2, "of both syncs")
        #expect(try await warehouse.memberCounts(sync: "other", of: .list(Scene.list)) == [.subscribed: 1])
        #expect(try await warehouse.abandon(scene.lease, list: nil) == .done(Abandonment(lists: [])))
    }

    @Sendable static func abandonOneList(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let warehouse = fixture.warehouse
        try await scene.finish(try await subscribe(scene, Scene.batch(.subscribe, 1...1), number: 2))
        let table = fixture.state("list_members")
        try await fixture.execute("UPDATE \(table) SET list_id = 41")
        try await scene.finish(try await subscribe(scene, Scene.batch(.subscribe, 1...1), number: 3))
        let bound = binding(Scene.sync, list: Scene.list)
        try await warehouse.saveListBinding(scene.lease, bound)
        let one = Abandonment(lists: [.init(listID: 41, members: 1)])
        #expect(try await warehouse.abandon(scene.lease, list: 41) == .done(one))
        #expect(try await warehouse.memberCounts(sync: Scene.sync, of: .list(41)).isEmpty)
        #expect(try await warehouse.memberCounts(sync: Scene.sync, of: .list(Scene.list)) == [.subscribed: 1])
        #expect(try await warehouse.listBinding(sync: Scene.sync) == bound)
        let rest = Abandonment(lists: [.init(listID: Scene.list, members: 1)])
        #expect(try await warehouse.abandon(scene.lease, list: nil) == .done(rest))
        #expect(try await warehouse.listBinding(sync: Scene.sync) == nil)
    }

    @Sendable static func abandonWhileSettling(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let warehouse = fixture.warehouse
        let later = Date(timeIntervalSince1970: (try await warehouse.now().timeIntervalSince1970 + 500).rounded())
        let unknown = Scene.batch(.subscribe, 1...1, [1: .unknown(Scene.reason("lost"))], mayLandUntil: later)
        var run = try await subscribe(scene, unknown)
        run.counts.unknown.subscribe = 1
        try await scene.finish(run)
        #expect(try await warehouse.abandon(scene.lease, list: nil) == .inDoubt(until: later))
        #expect(try await warehouse.memberCounts(sync: Scene.sync, of: .list(Scene.list)) == [.subscribing: 1])
        #expect(try await warehouse.abandon(scene.lease, list: 43) == .done(Abandonment(lists: [])))
        #expect(try await warehouse.requestsInDoubt(sync: Scene.sync, of: .list(Scene.list)).count == 1)
    }

    @Sendable static func fencing(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let warehouse = fixture.warehouse
        try await scene.member(1, state: .subscribed)
        _ = try await Scene.lease(warehouse, holder: "host:2") { _ in true }
        let wanted = binding(Scene.sync, list: Scene.list)
        #expect(
            try await kind { _ = try await warehouse.takeList(scene.lease, wanted) { _ in [] } } == .leaseLost)
        #expect(try await kind { _ = try await warehouse.abandon(scene.lease, list: nil) } == .leaseLost)
        #expect(try await warehouse.listBinding(sync: Scene.sync) == nil)
        #expect(try await scene.count("list_members") == 1)
    }

    /// As `plan` and `check` find them after an upgrade: they write nothing.
    @Sendable static func oldTables(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var old = binding(Scene.sync, list: Scene.list)
        old.project = nil
        try await fixture.warehouse.saveListBinding(scene.lease, old)
        try await scene.member(1, state: .subscribed)
        for column in ["base_url", "key_hash"] {
            try await fixture.execute("ALTER TABLE \(fixture.state("sync_state")) DROP COLUMN \(column)")
        }
        try await fixture.execute("DELETE FROM \(fixture.state("schema_migrations")) WHERE version >= 3")
        #expect(try await fixture.warehouse.listBinding(sync: Scene.sync) == old)
        let claims = try await fixture.warehouse.listClaims(besides: "other", list: Scene.list)
        #expect(claims == [ListClaim(sync: Scene.sync, binding: old, ownsMembers: true)])
    }
}

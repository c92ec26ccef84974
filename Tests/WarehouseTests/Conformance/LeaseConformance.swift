import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

enum LeaseConformance {
    static let tests = [
        ConformanceTest("a free lease is taken, a held one is busy", acquire),
        ConformanceTest("an expired or dead holder's lease is taken over with a greater token", takeOver),
        ConformanceTest("renewing and releasing", renewAndRelease),
        ConformanceTest("leases of different syncs are independent", independent),
        ConformanceTest("whoever lost the lease writes nothing", fencing),
    ]

    @Sendable static func acquire(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        #expect(scene.lease.holder == "host:1")
        try await fixture.warehouse.openRun(scene.lease, Scene.run(7))
        let other = try fixture.second()
        let attempt = try await other.acquireLease(sync: Scene.sync, holder: "host:2", seconds: 60) { _ in false }
        guard case .busy(let holder, let secondsLeft, let runID) = attempt else { throw Unexpected("\(attempt)") }
        #expect(holder == "host:1")
        #expect(secondsLeft > 0 && secondsLeft <= 60)
        #expect(runID == Scene.id(7))
        await other.close()
    }

    @Sendable static func takeOver(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let asked = Collected<String>()
        let dead = try await Scene.lease(fixture.warehouse, holder: "host:2") {
            asked.add($0)
            return $0 == "host:1"
        }
        #expect(asked.all == ["host:1"])
        #expect(dead.token > scene.lease.token)
        let brief = try await Scene.lease(fixture.warehouse, holder: "host:3", seconds: 0) { _ in true }
        #expect(brief.token > dead.token)
        let expired = try await Scene.lease(fixture.warehouse, holder: "host:4")
        #expect(expired.token > brief.token)
    }

    @Sendable static func renewAndRelease(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await fixture.warehouse.renewLease(scene.lease, seconds: 600)
        let attempt = try await fixture.warehouse.acquireLease(sync: Scene.sync, holder: "b", seconds: 1) { _ in false }
        guard case .busy(_, let secondsLeft, nil) = attempt else { throw Unexpected("\(attempt)") }
        #expect(secondsLeft > 60)
        try await fixture.warehouse.releaseLease(scene.lease)
        let next = try await Scene.lease(fixture.warehouse, holder: "b")
        #expect(next.token > scene.lease.token)
        try await fixture.warehouse.releaseLease(scene.lease)
        let still = try await fixture.warehouse.acquireLease(sync: Scene.sync, holder: "c", seconds: 1) { _ in false }
        guard case .busy("b", _, _) = still else { throw Unexpected("a stranger's release took effect: \(still)") }
    }

    @Sendable static func independent(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let other = try await Scene.lease(fixture.warehouse, sync: "other")
        try await fixture.warehouse.openRun(scene.lease, Scene.run(1))
        try await fixture.warehouse.openRun(other, Scene.run(2, sync: "other"))
        #expect(try await fixture.warehouse.runs(RunFilter(sync: "other")).map(\.id) == [Scene.id(2)])
    }

    @Sendable static func fencing(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let warehouse = fixture.warehouse
        var run = try await scene.staged(1, [Scene.subscribe(1, 1), Scene.subscribe(2, 2, kind: .parked)])
        _ = try await Scene.lease(warehouse, holder: "host:2") { _ in true }
        let old = scene.lease
        let log = LogSettings()
        let done = Scene.batch(.subscribe, 1...1)
        run.counts.succeeded.subscribe = 1
        #expect(try await kind { try await warehouse.renewLease(old, seconds: 60) } == .leaseLost)
        #expect(try await kind { try await warehouse.claim(old, run: run.id, through: 1) } == .leaseLost)
        #expect(
            try await kind { try await warehouse.acknowledge(old, run, outcomes: [done], log: log) } == .leaseLost)
        #expect(try await kind { _ = try await warehouse.applyLocalChanges(old, run, log: log) } == .leaseLost)
        #expect(
            try await kind { try await warehouse.finishRun(old, run, reason: Scene.reason("x"), log: log) }
                == .leaseLost)
        #expect(try await kind { try await warehouse.openRun(old, Scene.run(2)) } == .leaseLost)
        #expect(try await kind { try await warehouse.stage(old, run, plan: Plan([]), log: log) } == .leaseLost)
        #expect(try await kind { _ = try await warehouse.resumeHeldRun(old, id: run.id) } == .leaseLost)
        #expect(try await kind { _ = try await warehouse.discardHeldRun(old, id: run.id) } == .leaseLost)
        #expect(
            try await kind { _ = try await warehouse.recoverRuns(old, settleSeconds: 60, log: log) } == .leaseLost)
        let binding = ListBinding(sync: Scene.sync, destination: "marketing", listName: "VIP", listID: 1)
        #expect(try await kind { try await warehouse.saveListBinding(old, binding) } == .leaseLost)
        #expect(try await scene.count("sync_changes") == 2)
        #expect(try await scene.count("sync_log") == 0)
        #expect(try await scene.count("list_members") == 0)
        #expect(try await scene.count("sync_runs") == 1)
        let stored = try #require(try await warehouse.run(id: run.id))
        #expect(stored.status == .running)
        #expect(stored.counts.succeeded.total == 0)
        #expect(try await warehouse.listBinding(sync: Scene.sync) == nil)
    }
}

import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

enum SnapshotConformance {
    static let tests = [
        ConformanceTest("the fingerprint key is made once and kept", fingerprintKey),
        ConformanceTest("the snapshot streams every member of one list", stream),
        ConformanceTest("members are found by fingerprint and by identifier", lookups),
        ConformanceTest("entries come in pages, by state", pages),
        ConformanceTest("requests in doubt of the past are left out", settling),
        ConformanceTest("the list's binding is kept", binding),
        ConformanceTest("the database tells the time", clock),
    ]

    @Sendable static func fingerprintKey(_ fixture: any WarehouseFixture) async throws {
        _ = try await fixture.warehouse.migrate()
        #expect(try await fixture.warehouse.fingerprintKey(sync: "vip", newKey: nil) == nil)
        let key = [UInt8](0...15)
        #expect(try await fixture.warehouse.fingerprintKey(sync: "vip", newKey: key) == key)
        #expect(
            try await fixture.warehouse.fingerprintKey(sync: "vip", newKey: [UInt8](repeating: 255, count: 16)) == key)
        #expect(try await fixture.warehouse.fingerprintKey(sync: "vip", newKey: nil) == key)
        #expect(try await fixture.warehouse.fingerprintKey(sync: "other", newKey: nil) == nil)
        #expect(try await fixture.warehouse.listBinding(sync: "vip") == nil)
    }

    @Sendable static func stream(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let extremes = [
            Fingerprint(high: 0, low: 0), Fingerprint(high: .max, low: .max), Fingerprint(high: 1 << 63, low: 1),
        ]
        var changes = (1...3000).map { Scene.subscribe(Int64($0), $0) }
        for (index, fingerprint) in extremes.enumerated() { changes[index].fingerprint = fingerprint }
        let run = try await scene.staged(1, changes)
        try await scene.acknowledge(
            run, [Scene.batch(.subscribe, 1...3000, [3000: .rejected(Scene.reason("invalid"))])])
        let seen = Collected<(Fingerprint, MemberState, Bool)>()
        try await fixture.warehouse.readSnapshot(sync: Scene.sync, of: .list(Scene.list)) { seen.add(($0, $1, $2)) }
        #expect(Set(seen.all.map(\.0)) == Set(changes.map(\.fingerprint)))
        #expect(seen.all.count == 3000)
        #expect(seen.all.filter { $0.1 == .subscribed && $0.2 }.count == 2999)
        #expect(seen.all.filter { $0.1 == .rejected && !$0.2 }.count == 1)
        try await fixture.warehouse.readSnapshot(sync: Scene.sync, of: .list(43)) { _, _, _ in
            throw Unexpected("a member")
        }
        try await fixture.warehouse.readSnapshot(sync: "other", of: .list(Scene.list)) { _, _, _ in
            throw Unexpected("a member")
        }
        await #expect(throws: Unexpected.self) {
            try await fixture.warehouse.readSnapshot(sync: Scene.sync, of: .list(Scene.list)) { _, _, _ in
                throw Unexpected("stop")
            }
        }
    }

    @Sendable static func lookups(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var changes = (1...3).map { Scene.subscribe(Int64($0), $0) }
        changes[1].identity = Identity(email: "P1@example.com", userID: nil)
        changes[2].identity = Identity(email: nil, userID: "u1")
        let run = try await scene.staged(1, changes)
        try await scene.acknowledge(run, [Scene.batch(.subscribe, 1...3)])
        let warehouse = fixture.warehouse
        let prints = [1, 3, 3, 99].map(Scene.fingerprint)
        let members = try await warehouse.members(sync: Scene.sync, of: .list(Scene.list), fingerprints: prints)
        #expect(Set(members.map(\.fingerprint)) == [Scene.fingerprint(1), Scene.fingerprint(3)])
        #expect(members.count == 2)
        #expect(try await warehouse.members(sync: Scene.sync, of: .list(Scene.list), fingerprints: []).isEmpty)
        let many = (1...10_000).map(Scene.fingerprint)
        #expect(try await warehouse.members(sync: Scene.sync, of: .list(Scene.list), fingerprints: many).count == 3)
        func known(_ email: String?, _ userID: String?) async throws -> Set<Fingerprint> {
            let identity = Identity(email: email, userID: userID)
            let entries = try await warehouse.members(sync: Scene.sync, of: .list(Scene.list), knownAs: identity)
            #expect(entries.allSatisfy { $0.sinceRunID == run.id })
            return Set(entries.map(\.member.fingerprint))
        }
        #expect(try await known("p1@example.com", nil) == [Scene.fingerprint(1)])
        #expect(try await known("P1@example.com", nil) == [Scene.fingerprint(2)])
        #expect(try await known(nil, "u1") == [Scene.fingerprint(1), Scene.fingerprint(3)])
        #expect(try await known("P1@example.com", "u1").count == 3)
        #expect(try await known(nil, nil).isEmpty)
        #expect(try await known(nil, "U1").isEmpty)
    }

    @Sendable static func pages(_ fixture: any WarehouseFixture) async throws {
        #expect(
            try await fixture.warehouse.entries(
                sync: Scene.sync, of: .list(Scene.list), in: [.subscribed], after: nil, limit: 5
            ).isEmpty, "there are no tables yet")
        let scene = try await Scene.make(fixture)
        var changes = (1...7).map { Scene.subscribe(Int64($0), $0) }
        // The least of all, and one whose first bit is set.
        changes[0].fingerprint = Fingerprint(high: 0, low: 0)
        changes[1].fingerprint = Fingerprint(high: .max, low: .max)
        let run = try await scene.staged(1, changes)
        try await scene.acknowledge(
            run, [Scene.batch(.subscribe, 1...7, [4: .rejected(Scene.reason("invalid"))])])
        func page(
            _ states: Set<MemberState>, after: Fingerprint?, _ limit: Int, list: Int64 = Scene.list,
            sync: String = Scene.sync
        ) async throws -> [MemberEntry] {
            try await fixture.warehouse.entries(
                sync: sync, of: .list(list), in: states, after: after, limit: limit)
        }
        let all = Set(MemberState.allCases)
        let first = try await page(all, after: nil, 3)
        let second = try await page(all, after: first.last?.member.fingerprint, 3)
        let third = try await page(all, after: second.last?.member.fingerprint, 3)
        let found = (first + second + third).map(\.member.fingerprint)
        #expect(found == changes.map(\.fingerprint).sorted(), "by their fingerprints, each once")
        #expect(first.count == 3 && third.count == 1 && first[0].member.identity == Scene.identity(1))
        #expect(first[0].sinceRunID == run.id)
        let refused = try await page([.rejected], after: nil, 10)
        #expect(refused.map(\.member.fingerprint) == [Scene.fingerprint(4)])
        #expect(refused.first?.member.rejection?.code == "invalid")
        #expect(try await page([.subscribing], after: nil, 10).isEmpty)
        #expect(try await page([], after: nil, 10).isEmpty)
        #expect(try await page(all, after: nil, 10, list: 43).isEmpty)
        #expect(try await page(all, after: nil, 10, sync: "other").isEmpty)
        #expect(try await page(all, after: Fingerprint(high: .max, low: .max), 10).isEmpty)
    }

    @Sendable static func settling(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let run = try await scene.staged(1, [Scene.subscribe(1, 1), Scene.subscribe(2, 2)])
        let now = try await fixture.warehouse.now()
        try await scene.acknowledge(
            run,
            [
                Scene.batch(.subscribe, 1...1, mayLandUntil: now.addingTimeInterval(-5)),
                Scene.batch(.subscribe, 2...2, mayLandUntil: now.addingTimeInterval(500)),
            ])
        let settling = try await fixture.warehouse.requestsInDoubt(sync: Scene.sync, of: .list(Scene.list))
        #expect(settling.map(\.identity) == [Scene.identity(2)])
        #expect(try await fixture.warehouse.requestsInDoubt(sync: Scene.sync, of: .list(43)).isEmpty)
    }

    @Sendable static func binding(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        _ = try await fixture.warehouse.fingerprintKey(sync: Scene.sync, newKey: [UInt8](repeating: 7, count: 16))
        var binding = ListBinding(
            sync: Scene.sync, destination: "marketing", listName: "VIP", listID: nil,
            createdAt: Date(timeIntervalSince1970: 1_790_000_000.25))
        try await fixture.warehouse.saveListBinding(scene.lease, binding)
        #expect(try await fixture.warehouse.listBinding(sync: Scene.sync) == binding)
        binding.listID = 9_007_199_254_740_993
        binding.goneAt = Date(timeIntervalSince1970: 1_790_000_001)
        binding.createdAt = nil
        try await fixture.warehouse.saveListBinding(scene.lease, binding)
        #expect(try await fixture.warehouse.listBinding(sync: Scene.sync) == binding)
        #expect(try await fixture.warehouse.listBinding(sync: "other") == nil)
        #expect(try await fixture.warehouse.fingerprintKey(sync: Scene.sync, newKey: nil)?.first == 7)
    }

    @Sendable static func clock(_ fixture: any WarehouseFixture) async throws {
        let first = try await fixture.warehouse.now()
        let second = try await fixture.warehouse.now()
        #expect(second >= first)
        #expect(abs(first.timeIntervalSinceNow) < 600)
    }
}

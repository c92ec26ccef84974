import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

/// A run of users that is staged in parts, as a stream does it.
enum RecordPartConformance {
    static let tests = [
        ConformanceTest("of a stream of users each part is staged behind the one before, and moves the cursor", parts),
        ConformanceTest("a run of users that does not stream has no cursor", runs),
        ConformanceTest("a stream of users that is held moves the cursor once it was carried out", held),
        ConformanceTest("some records are read with the fields that hold a value", some),
    ]

    private struct PartPlan: StagedPlan {
        let plan: Plan
        let cursor: EventCursor?

        init(_ changes: [Change], _ watermark: Int64?) {
            plan = Plan(changes)
            cursor = watermark.map { EventScene.cursor($0) }
        }

        func nextChanges(limit: Int) throws -> [Change] { try plan.nextChanges(limit: limit) }
        func nextRecords(limit: Int) throws -> [ValidationRecord] { try plan.nextRecords(limit: limit) }
    }

    private static func run(_ number: Int = 1, _ trigger: RunTrigger = .stream) -> SyncRun {
        var run = Scene.run(number)
        (run.kind, run.listID, run.target, run.trigger) = (.users, nil, "users", trigger)
        return run
    }

    private static func change(_ sequence: Int64, _ person: Int, content: Int64 = 5) -> Change {
        Change(
            sequence: sequence, kind: .send, operation: .update, fingerprint: Scene.fingerprint(person),
            identity: Scene.identity(person), record: RecordReference(key: "k/\(person)", content: content),
            payload: Array("{}".utf8),
            held: HeldFields(ifDone: FieldBits([person]), ifInDoubt: FieldBits([person, 0])))
    }

    private static func watermark(_ scene: Scene) async throws -> Int64? {
        try await scene.warehouse.eventCursor(sync: Scene.sync)?.watermark
    }

    @Sendable static func parts(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var run = run()
        try await scene.warehouse.openRun(scene.lease, run)
        for (part, people) in [[1, 2], [3]].enumerated() {
            let changes = people.map { change(Int64($0), $0) }
            run.counts.planned.update += changes.count
            try await scene.warehouse.stageMore(
                scene.lease, run, plan: PartPlan(changes, Int64(part + 1) * 100), log: LogSettings())
            // The outbox is not empty.
            try await scene.warehouse.moveCursor(scene.lease, run)
            #expect(try await watermark(scene) == (part == 0 ? nil : 100))
            run.counts.succeeded.update += changes.count
            try await scene.acknowledge(run, [Scene.batch(.update, Int64(people[0])...Int64(people.last ?? 0))])
            try await scene.warehouse.moveCursor(scene.lease, run)
            #expect(try await watermark(scene) == Int64(part + 1) * 100)
        }
        try await scene.finish(run)
        #expect(try await watermark(scene) == 200)
        let counts = try await scene.warehouse.memberCounts(sync: Scene.sync, of: .records(.users))
        #expect(counts == [.subscribed: 3])
    }

    @Sendable static func runs(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var run = run(1, .manual)
        try await scene.warehouse.openRun(scene.lease, run)
        run.counts.planned.update = 1
        try await scene.warehouse.stage(scene.lease, run, plan: PartPlan([change(1, 1)], 100), log: LogSettings())
        run.counts.succeeded.update = 1
        try await scene.acknowledge(run, [Scene.batch(.update, 1...1)])
        try await scene.finish(run)
        #expect(try await scene.warehouse.eventCursor(sync: Scene.sync) == nil)
        #expect(try await scene.count("sync_cursors") == 0)
    }

    @Sendable static func held(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        for (number, isApproved) in [(1, false), (2, true)] {
            var run = run(number)
            try await scene.warehouse.openRun(scene.lease, run)
            (run.counts.planned.update, run.counts.notAttempted.update) = (1, 1)
            run.held = [GuardFinding(guard: "max_changes", limit: "50%", observed: "60%")]
            run.status = .held
            try await scene.warehouse.stage(scene.lease, run, plan: PartPlan([change(1, 1)], 100), log: LogSettings())
            guard isApproved else {
                _ = try await scene.warehouse.discardHeldRun(scene.lease, id: run.id)
                #expect(try await watermark(scene) == nil)
                continue
            }
            run = try await scene.warehouse.resumeHeldRun(scene.lease, id: run.id)
            (run.counts.succeeded.update, run.counts.notAttempted.update) = (1, 0)
            try await scene.acknowledge(run, [Scene.batch(.update, 1...1)])
            try await scene.finish(run)
            #expect(try await watermark(scene) == 100)
        }
    }

    @Sendable static func some(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var run = run(1, .manual)
        try await scene.warehouse.openRun(scene.lease, run)
        run.counts.planned.update = 3
        let changes = (1...3).map { change(Int64($0), $0, content: Int64($0) * 7) }
        try await scene.warehouse.stage(scene.lease, run, plan: Plan(changes), log: LogSettings())
        (run.counts.succeeded.update, run.counts.unknown.update) = (2, 1)
        let later = Date(timeIntervalSince1970: 4_000_000_000)
        try await scene.acknowledge(
            run,
            [
                Scene.batch(.update, 1...1),
                Scene.batch(.update, 2...2, [2: .unknown(Scene.reason("no_answer"))], mayLandUntil: later),
                Scene.batch(.update, 3...3),
            ])
        let seen = Collected<String>()
        try await scene.warehouse.readContents(
            sync: Scene.sync, of: .users, fingerprints: [1, 2, 2, 9].map { Scene.fingerprint($0) }
        ) { known in
            let bits = FieldBits(bytes: known.held)
            seen.add(
                "\(known.fingerprint.low >> 32) \(known.state) \(known.listed) \(known.content)"
                    + " \((0..<10).filter { bits.contains($0) })")
        }
        #expect(seen.all.sorted() == ["1 subscribed true 7 [1]", "2 subscribing true 14 [0, 2]"])
        for (sync, kind) in [("other", RecordKind.users), (Scene.sync, .catalog)] {
            try await scene.warehouse.readContents(sync: sync, of: kind, fingerprints: [Scene.fingerprint(1)]) { _ in
                throw Unexpected("an entry")
            }
        }
    }
}

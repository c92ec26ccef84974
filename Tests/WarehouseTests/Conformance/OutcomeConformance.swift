import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

enum OutcomeConformance {
    /// One row of the table of ``Warehouse/acknowledge(_:_:outcomes:log:)``.
    struct Case: Sendable {
        var operation: RollcallCore.Operation
        var outcome: RecordOutcome
        var settles = false
        /// What the snapshot has before: nil for no entry.
        var before: (state: MemberState, listed: Bool)?
        /// `state listed since` afterwards; the run is 001, the entry before is of 900.
        var after: String?

        var title: String {
            let entry = before.map { "\($0.state) \($0.listed)" } ?? "no entry"
            return "\(operation) \(outcome.kind.rawValue)\(settles ? " settling" : "") with \(entry)"
        }
    }

    private static let failed = RecordOutcome.failed(Scene.reason("not_found"))
    private static let rejected = RecordOutcome.rejected(Scene.reason("invalid"))
    private static let unknown = RecordOutcome.unknown(Scene.reason("timeout"))
    private static let notAttempted = RecordOutcome.notAttempted(Scene.reason("stopped"))

    private static let cases: [Case] = [
        Case(operation: .subscribe, outcome: .succeeded, after: "subscribed listed 001"),
        Case(operation: .subscribe, outcome: .succeeded, before: (.subscribed, true), after: "subscribed listed 900"),
        Case(operation: .subscribe, outcome: .succeeded, before: (.subscribing, true), after: "subscribed listed 001"),
        Case(
            operation: .subscribe, outcome: .succeeded, before: (.unsubscribing, true), after: "subscribed listed 001"),
        Case(operation: .subscribe, outcome: .succeeded, before: (.rejected, false), after: "subscribed listed 001"),
        Case(operation: .subscribe, outcome: .succeeded, settles: true, after: "subscribed listed 001"),
        Case(operation: .subscribe, outcome: failed, after: nil),
        Case(operation: .subscribe, outcome: failed, settles: true, after: "subscribing listed 001"),
        Case(operation: .subscribe, outcome: failed, before: (.subscribed, true), after: "subscribed listed 900"),
        Case(
            operation: .subscribe, outcome: failed, settles: true, before: (.subscribed, true),
            after: "subscribed listed 900"),
        Case(operation: .subscribe, outcome: failed, before: (.rejected, true), after: "rejected listed 900"),
        Case(operation: .subscribe, outcome: rejected, after: "rejected unlisted 001"),
        Case(operation: .subscribe, outcome: rejected, settles: true, after: "rejected listed 001"),
        Case(operation: .subscribe, outcome: rejected, before: (.subscribed, true), after: "rejected listed 001"),
        Case(operation: .subscribe, outcome: rejected, before: (.rejected, false), after: "rejected unlisted"),
        Case(operation: .subscribe, outcome: unknown, settles: true, after: "subscribing listed 001"),
        Case(
            operation: .subscribe, outcome: unknown, settles: true, before: (.subscribed, true),
            after: "subscribed listed 900"),
        Case(
            operation: .subscribe, outcome: unknown, settles: true, before: (.unsubscribing, true),
            after: "subscribing listed"),
        Case(
            operation: .subscribe, outcome: unknown, settles: true, before: (.rejected, false),
            after: "subscribing listed"),
        Case(operation: .subscribe, outcome: notAttempted, after: nil),
        Case(operation: .subscribe, outcome: notAttempted, before: (.subscribed, true), after: "subscribed listed 900"),
        Case(operation: .unsubscribe, outcome: .succeeded, before: (.subscribed, true), after: nil),
        Case(operation: .unsubscribe, outcome: .succeeded, after: nil),
        Case(operation: .unsubscribe, outcome: failed, before: (.subscribed, true), after: "subscribed listed 900"),
        Case(operation: .unsubscribe, outcome: rejected, before: (.subscribed, true), after: "subscribed listed 900"),
        Case(
            operation: .unsubscribe, outcome: unknown, settles: true, before: (.subscribed, true),
            after: "unsubscribing listed"),
        Case(
            operation: .unsubscribe, outcome: unknown, settles: true, before: (.subscribing, true),
            after: "unsubscribing listed"),
        Case(
            operation: .unsubscribe, outcome: notAttempted, before: (.subscribed, true), after: "subscribed listed 900"),
    ]

    static let tests =
        cases.map { row in ConformanceTest("acknowledge: \(row.title)") { try await check(row, on: $0) } } + [
            ConformanceTest("older entries of a person go when the newer one succeeds", supersede),
            ConformanceTest("acknowledging again has no further effect", repeated),
            ConformanceTest("a batch with exceptions leaves everyone their own outcome", exceptions),
            ConformanceTest("several batches are one transaction", severalBatches),
            ConformanceTest("other runs and syncs are not touched", isolation),
            ConformanceTest("a cancelled task still records what it was told", cancelled),
        ]

    private static func check(_ row: Case, on fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        if let before = row.before { try await scene.member(1, state: before.state, listed: before.listed) }
        let change = row.operation == .subscribe ? Scene.subscribe(1, 1) : Scene.unsubscribe(1, 1)
        var run = try await scene.staged(1, [change])
        run.requests.sent = 2
        let mayLandUntil = try await fixture.warehouse.now().addingTimeInterval(3600)
        try await scene.acknowledge(
            run, [Scene.batch(row.operation, 1...1, [1: row.outcome], mayLandUntil: row.settles ? mayLandUntil : nil)])
        let entry = try await scene.entry(1)
        if let after = row.after {
            #expect(entry?.hasPrefix(after) == true, "\(entry ?? "no entry") is not \(after)")
        } else {
            #expect(entry == nil)
        }
        let status = row.outcome.kind.logStatus
        let code = row.outcome.reason?.code ?? "-"
        #expect(try await scene.log() == ["\(row.operation) \(status) \(code) 200 2 p1@example.com u1"])
        #expect(try await scene.count("sync_changes") == 0)
        #expect(try await fixture.warehouse.run(id: run.id)?.requests.sent == 2)
        let settling = try await fixture.warehouse.requestsInDoubt(sync: Scene.sync, of: .list(Scene.list))
        #expect(settling.map(\.operation) == (row.settles ? [row.operation] : []))
        #expect(
            settling.allSatisfy {
                $0.identity == Scene.identity(1) && abs($0.mayLandUntil.timeIntervalSince(mayLandUntil)) < 0.002
            })
        if row.outcome.kind == .rejected, row.operation == .subscribe {
            let members = try await fixture.warehouse.members(
                sync: Scene.sync, of: .list(Scene.list), fingerprints: [Scene.fingerprint(1)])
            #expect(members.first?.rejection?.code == "invalid")
        }
    }

    @Sendable static func supersede(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        for person in 1...3 { try await scene.member(person, state: .subscribed) }
        func supersede(_ sequence: Int64, _ person: Int, parent: Int64) -> Change {
            var change = Scene.subscribe(sequence, person, kind: .supersede)
            change.parent = parent
            return change
        }
        let run = try await scene.staged(
            1,
            [
                Scene.subscribe(1, 11), supersede(2, 1, parent: 1), Scene.subscribe(3, 12), supersede(4, 2, parent: 3),
                Scene.unsubscribe(5, 13), supersede(6, 3, parent: 5),
            ])
        try await scene.acknowledge(
            run,
            [
                Scene.batch(.subscribe, 1...1), Scene.batch(.subscribe, 3...3, [3: failed]),
                Scene.batch(.unsubscribe, 5...5),
            ])
        #expect(try await scene.entry(1) == nil)
        #expect(try await scene.entry(11) == "subscribed listed 001")
        #expect(try await scene.entry(2) == "subscribed listed 900")
        #expect(try await scene.entry(3) == nil)
        #expect(try await scene.count("sync_log") == 3)
        try await scene.finish(run)
        #expect(try await scene.count("sync_changes") == 0)
        #expect(try await scene.count("sync_log") == 3)
    }

    @Sendable static func repeated(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var run = try await scene.staged(1, [Scene.subscribe(1, 1), Scene.subscribe(2, 2)])
        run.counts.succeeded.subscribe = 1
        run.counts.unknown.subscribe = 1
        let mayLandUntil = try await fixture.warehouse.now().addingTimeInterval(3600)
        let outcomes = [Scene.batch(.subscribe, 1...2, [2: unknown], mayLandUntil: mayLandUntil)]
        try await scene.acknowledge(run, outcomes)
        try await scene.acknowledge(run, outcomes)
        #expect(try await scene.count("sync_log") == 2)
        #expect(try await scene.count("list_members") == 2)
        #expect(try await scene.count("settling_requests") == 2)
        #expect(try await fixture.warehouse.run(id: run.id)?.counts == run.counts)
    }

    @Sendable static func exceptions(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let run = try await scene.staged(1, (1...6).map { Scene.subscribe(Int64($0), $0) })
        let reason = FailureReason(code: "not_found", reason: "No such user: “é” \u{1F600}.", httpStatus: 404)
        try await scene.acknowledge(
            run, [Scene.batch(.subscribe, 1...5, [2: .failed(reason), 4: rejected, 5: notAttempted])])
        let states = try await fixture.warehouse.memberCounts(sync: Scene.sync, of: .list(Scene.list))
        #expect(states[.subscribed] == 2)
        #expect(states[.rejected] == 1)
        #expect(
            try await scene.log() == [
                "subscribe succeeded - 200 2 p1@example.com u1", "subscribe failed not_found 404 2 p2@example.com u2",
                "subscribe succeeded - 200 2 p3@example.com u3", "subscribe failed invalid 200 2 p4@example.com u4",
                "subscribe not_attempted stopped 200 2 p5@example.com u5",
            ])
        let texts = try await fixture.query(
            "SELECT error_reason FROM \(fixture.state("failed_records")) WHERE error_code = 'not_found'")
        #expect(texts == [[reason.reason]])
        #expect(try await fixture.warehouse.changes(run: run.id, after: 0, limit: 9).map(\.sequence) == [6])
    }

    @Sendable static func severalBatches(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        for person in 3...4 { try await scene.member(person, state: .subscribed) }
        let run = try await scene.staged(
            1, [Scene.subscribe(1, 1), Scene.subscribe(2, 2), Scene.unsubscribe(3, 3), Scene.unsubscribe(4, 4)])
        try await scene.acknowledge(
            run, [Scene.batch(.subscribe, 1...2), Scene.batch(.unsubscribe, 3...4, [4: failed])])
        #expect(try await scene.entry(2) == "subscribed listed 001")
        #expect(try await scene.entry(3) == nil)
        #expect(try await scene.entry(4) == "subscribed listed 900")
        try await scene.acknowledge(run, [])
        #expect(try await scene.count("sync_log") == 4)
    }

    @Sendable static func isolation(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let otherLease = try await Scene.lease(fixture.warehouse, sync: "other")
        let other = Scene.run(2, sync: "other")
        try await fixture.warehouse.openRun(otherLease, other)
        try await fixture.warehouse.stage(
            otherLease, other, plan: Plan([Scene.subscribe(1, 1)]), log: LogSettings())
        try await fixture.warehouse.acknowledge(
            otherLease, other, outcomes: [Scene.batch(.subscribe, 1...1)], log: LogSettings())
        try await scene.member(1, state: .subscribed)
        let run = try await scene.staged(1, [Scene.unsubscribe(1, 1)])
        try await scene.acknowledge(run, [Scene.batch(.unsubscribe, 1...1)])
        #expect(try await scene.entry(1) == nil)
        #expect(try await fixture.warehouse.memberCounts(sync: "other", of: .list(Scene.list))[.subscribed] == 1)
    }

    @Sendable static func cancelled(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let run = try await scene.staged(1, [Scene.subscribe(1, 1)])
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await scene.acknowledge(run, [Scene.batch(.subscribe, 1...1)])
            try await fixture.warehouse.releaseLease(scene.lease)
        }
        try await task.value
        #expect(try await scene.entry(1) == "subscribed listed 001")
        _ = try await Scene.lease(fixture.warehouse, holder: "next")
    }
}

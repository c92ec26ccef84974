import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

/// Members of a list who are sent with fields: what the snapshot says of these.
enum ListFieldsConformance {
    static let tests = [
        ConformanceTest("what a change says of a member's fields is staged and read back", staged),
        ConformanceTest("every outcome leaves the fields that were sent last, or those of before", everyOutcome),
        ConformanceTest("many members at once have their fields", many),
        ConformanceTest("removals and older entries leave the fields as they are", untouched),
        ConformanceTest("what other entries of a person say of the fields is void once the person was sent", outdated),
        ConformanceTest("a run without fields leaves those of members as they are", plain),
        ConformanceTest("members of a run whose process ended have the fields that are in doubt", recovered),
        ConformanceTest("stray notes make members with other fields doubtful", strays),
        ConformanceTest("a member's request in doubt says which fields it has", doubts),
        ConformanceTest("fields leave no record keys in the log", logged),
        ConformanceTest("members whom a full run has not sent with their fields are sent by the next run", unsent),
    ]

    /// Of a person who has a value in field 9 before, and in field 1 instead once the change is carried out.
    private static func change(
        _ sequence: Int64, _ person: Int, content: Int64 = 6, kind: ChangeKind = .send
    ) -> Change {
        var change = Scene.subscribe(sequence, person, kind: kind)
        change.content = content
        change.payload = Array("{\"n\":\(person)}".utf8)
        change.held = HeldFields(ifDone: FieldBits([1]), ifInDoubt: FieldBits([1, 9]))
        return change
    }

    /// Puts these people on the snapshot, acknowledged with the content 5 and the field 9.
    private static func enter(_ scene: Scene, _ people: [Int]) async throws {
        let changes = people.enumerated().map { place, person in
            var change = change(Int64(place + 1), person, content: 5)
            change.held = HeldFields(ifDone: FieldBits([9]), ifInDoubt: FieldBits([3, 9]))
            return change
        }
        let run = try await scene.staged(900, changes)
        try await scene.acknowledge(run, [Scene.batch(.subscribe, 1...Int64(changes.count))])
        for table in ["sync_runs", "sync_log"] {
            try await scene.fixture.execute("DELETE FROM \(scene.fixture.state(table))")
        }
    }

    /// `state listed content fields`, by person.
    private static func members(_ scene: Scene) async throws -> [Int: String] {
        let known = Collected<(Int, String)>()
        try await scene.warehouse.readContents(sync: Scene.sync, of: .list(Scene.list)) { entry in
            let bits = FieldBits(bytes: entry.held)
            let fields = (0..<100).filter { bits.contains($0) }
            let listed = entry.listed ? "listed" : "unlisted"
            known.add(
                (Int(entry.fingerprint.low >> 32), "\(entry.state.rawValue) \(listed) \(entry.content) \(fields)"))
        }
        return Dictionary(uniqueKeysWithValues: known.all)
    }

    private static let later = Date(timeIntervalSince1970: 4_000_000_000)

    private static func batch(
        _ sequence: Int64, _ outcome: RecordOutcome, _ operation: RollcallCore.Operation = .subscribe, lands: Bool
    ) -> BatchOutcome {
        BatchOutcome(
            sequences: sequence...sequence, operation: operation,
            exceptions: outcome == .succeeded ? [:] : [sequence: outcome], httpStatus: 200, attempts: 1,
            mayLandUntil: lands ? later : nil)
    }

    private static let outcomes: [RecordOutcome] = [
        .succeeded, .failed(Scene.reason("not_found")), .rejected(Scene.reason("invalid")),
        .unknown(Scene.reason("timeout")), .notAttempted(Scene.reason("stopped")),
    ]

    // MARK: Staging

    @Sendable static func staged(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var unknown = change(2, 2, content: 0)
        (unknown.payload, unknown.held) = (nil, nil)
        let changes = [change(1, 1), unknown, Scene.unsubscribe(3, 3)]
        let run = try await scene.staged(1, changes)
        #expect(try await scene.warehouse.changes(run: run.id, after: 0, limit: 10) == changes)
        try await scene.acknowledge(run, [Scene.batch(.subscribe, 1...2)])
        #expect(try await members(scene) == [1: "subscribed listed 6 [1]", 2: "subscribed listed 0 []"])
    }

    // MARK: Outcomes

    @Sendable static func everyOutcome(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var lines: [(outcome: RecordOutcome, lands: Bool, before: Int64?)] = []
        for outcome in outcomes {
            for lands in [false, true] {
                for before in [nil, 5, 6] as [Int64?] { lines.append((outcome, lands, before)) }
            }
        }
        try await enter(scene, lines.indices.filter { lines[$0].before != nil }.map { $0 + 1 })
        let changes = lines.indices.map { change(Int64($0 + 1), $0 + 1, content: lines[$0].before == 6 ? 5 : 6) }
        let run = try await scene.staged(1, changes)
        let batches = lines.indices.map { batch(Int64($0 + 1), lines[$0].outcome, lands: lines[$0].lands) }
        try await scene.acknowledge(run, batches)
        let found = try await members(scene)
        for (index, line) in lines.enumerated() {
            let before = line.before.map { _ in EntryMark(.subscribed, listed: true) }
            let isSame = line.before != 5
            let write = EntryTransition.next(
                .own, before, .put, line.outcome.kind, mayStillLand: line.lands, isSame: isSame)
            var mark = before
            if case .put(let after) = write { mark = after }
            let content = isSame && before != nil ? 5 : write == .keep ? 5 : 6
            #expect(
                found[index + 1]
                    == mark.map {
                        "\($0.state.rawValue) \($0.listed ? "listed" : "unlisted") \(content) "
                            + "\(fields(line.outcome, line.lands, isKnown: before != nil))"
                    }, "\(line)")
        }
        // Once more after a lost answer.
        try await scene.acknowledge(run, batches)
        #expect(try await members(scene) == found)
    }

    /// The fields that may hold a value after an outcome.
    private static func fields(_ outcome: RecordOutcome, _ lands: Bool, isKnown: Bool) -> [Int] {
        switch outcome.kind {
        case .notAttempted, .waiting: isKnown ? [9] : []
        case .succeeded: [1]
        case .failed where !lands, .rejected where !lands: isKnown ? [9] : []
        case .failed, .rejected, .unknown: [1, 9]
        }
    }

    /// So many that a warehouse may write them in bulk, with the changes at hand.
    @Sendable static func many(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let changes = (1...300).map { change(Int64($0), $0, content: Int64($0)) }
        let run = try await scene.staged(1, changes)
        var batch = Scene.batch(.subscribe, 1...300)
        batch.entries = changes
        try await scene.acknowledge(run, [batch])
        let found = try await members(scene)
        #expect(
            found.count == 300 && found[7] == "subscribed listed 7 [1]" && found[300] == "subscribed listed 300 [1]")
        #expect(try await scene.count("sync_changes") == 0)
    }

    @Sendable static func untouched(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await enter(scene, [1, 2, 3, 4])
        var older = Scene.unsubscribe(4, 3, kind: .supersede)
        older.parent = 3
        let run = try await scene.staged(
            1, [change(1, 5), Scene.unsubscribe(2, 1), Scene.unsubscribe(3, 2), older, Scene.unsubscribe(5, 4)])
        try await scene.acknowledge(
            run,
            [
                batch(1, .succeeded, lands: false),
                batch(2, .unknown(Scene.reason("timeout")), .unsubscribe, lands: true),
                batch(3, .unknown(Scene.reason("timeout")), .unsubscribe, lands: true),
                batch(5, .succeeded, .unsubscribe, lands: false),
            ])
        #expect(
            try await members(scene) == [
                1: "unsubscribing listed 5 [9]", 2: "unsubscribing listed 5 [9]", 3: "unsubscribing listed 5 [9]",
                5: "subscribed listed 6 [1]",
            ])
    }

    @Sendable static func outdated(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await enter(scene, Array(11...15) + [20])
        var changes: [Change] = []
        let results: [(RecordOutcome, Bool)] = [
            (.succeeded, false), (.unknown(Scene.reason("timeout")), true), (.failed(Scene.reason("conflict")), false),
            (.failed(Scene.reason("conflict")), true), (.notAttempted(Scene.reason("stopped")), false),
        ]
        for place in results.indices {
            let sequence = Int64(2 * place + 1)
            changes.append(change(sequence, place + 1))
            var other = Scene.subscribe(sequence + 1, place + 11, kind: .outdate)
            other.parent = sequence
            changes.append(other)
        }
        let run = try await scene.staged(1, changes)
        let batches = results.indices.map { batch(Int64(2 * $0 + 1), results[$0].0, lands: results[$0].1) }
        try await scene.acknowledge(run, batches)
        let found = try await members(scene).filter { $0.key > 10 }
        #expect(
            found == [
                11: "subscribed listed 0 []", 12: "subscribed listed 0 [9]", 13: "subscribed listed 5 [9]",
                14: "subscribed listed 0 [9]", 15: "subscribed listed 5 [9]", 20: "subscribed listed 5 [9]",
            ])
        try await scene.acknowledge(run, batches)
        #expect(try await members(scene).filter { $0.key > 10 } == found)
        #expect(try await scene.warehouse.changes(run: run.id, after: 0, limit: 20).isEmpty)
    }

    @Sendable static func plain(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await enter(scene, [1, 2])
        let run = try await scene.staged(1, [Scene.subscribe(1, 1), Scene.subscribe(2, 2), Scene.subscribe(3, 3)])
        try await scene.acknowledge(
            run,
            [
                batch(1, .unknown(Scene.reason("timeout")), lands: true), batch(2, .succeeded, lands: false),
                batch(3, .succeeded, lands: false),
            ])
        #expect(
            try await members(scene) == [
                1: "subscribed listed 5 [9]", 2: "subscribed listed 5 [9]", 3: "subscribed listed 0 []",
            ])
    }

    /// They count as members still; the fields that they were sent with are forgotten.
    @Sendable static func unsent(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await enter(scene, [1, 2, 3])
        var run = try await scene.staged(1, full: true, (1...3).map { change(Int64($0), $0, content: 5) })
        try await scene.acknowledge(
            run, [batch(1, .succeeded, lands: false), batch(2, .failed(Scene.reason("conflict")), lands: false)])
        (run.counts.succeeded.subscribe, run.counts.failed.subscribe) = (1, 1)
        try await scene.finish(run)
        #expect(
            try await members(scene) == [
                1: "subscribed listed 5 [1]", 2: "subscribed listed 0 [9]", 3: "subscribed listed 0 [9]",
            ])
    }

    // MARK: Without an answer

    @Sendable static func recovered(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await enter(scene, [1, 2, 4])
        var other = Scene.subscribe(5, 4, kind: .outdate)
        other.parent = 3
        let run = try await scene.staged(
            1, [change(1, 1, content: 5), change(2, 2), change(3, 3), change(4, 6), other])
        try await scene.warehouse.claim(scene.lease, run: run.id, through: 3)
        let closed = try await scene.warehouse.recoverRuns(scene.lease, settleSeconds: 60, log: LogSettings())
        #expect(closed.first?.counts.unknown.subscribe == 3 && closed.first?.counts.notAttempted.subscribe == 1)
        #expect(closed.first?.counts.balances == true)
        #expect(
            try await members(scene) == [
                1: "subscribed listed 5 [1, 9]", 2: "subscribing listed 6 [1, 9]", 3: "subscribing listed 6 [1, 9]",
                4: "subscribed listed 0 [9]",
            ])
        #expect(try await scene.count("sync_changes") == 0)
    }

    @Sendable static func strays(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await enter(scene, [1, 2, 3])
        let changes = [change(1, 1, content: 5), change(2, 2), Scene.subscribe(3, 3), change(4, 4)]
        try await scene.warehouse.noteStrays(Scene.run(7), changes, settleSeconds: 60)
        #expect(try await scene.warehouse.applyStrayNotes(scene.lease) == 4)
        #expect(
            try await members(scene) == [
                1: "subscribed listed 5 [1, 9]", 2: "subscribing listed 5 [1, 9]", 3: "subscribed listed 5 [9]",
                4: "subscribing listed 6 [1, 9]",
            ])
        let doubts = try await scene.warehouse.requestsInDoubt(sync: Scene.sync, of: .list(Scene.list))
        #expect(Set(doubts.map(\.content)) == [5, 6, nil] && doubts.allSatisfy { $0.fingerprint == nil })
    }

    @Sendable static func doubts(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let run = try await scene.staged(1, [change(1, 1), change(2, 2, content: 8), Scene.unsubscribe(3, 3)])
        let lost = RecordOutcome.unknown(Scene.reason("timeout"))
        try await scene.acknowledge(
            run, [batch(1, lost, lands: true), batch(2, lost, lands: true), batch(3, lost, .unsubscribe, lands: true)])
        let doubts = try await scene.warehouse.requestsInDoubt(sync: Scene.sync, of: .list(Scene.list))
        let found = Set(doubts.map { "\($0.operation) \($0.identity.email ?? "") \($0.content ?? -1)" })
        #expect(
            found == [
                "subscribe p1@example.com 6", "subscribe p2@example.com 8", "unsubscribe p3@example.com -1",
            ])
        #expect(doubts.allSatisfy { $0.fingerprint == nil })
    }

    @Sendable static func logged(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let run = try await scene.staged(1, [change(1, 1), change(2, 2, kind: .parked), change(3, 3)])
        _ = try await scene.warehouse.applyLocalChanges(scene.lease, run, log: LogSettings())
        try await scene.acknowledge(run, [batch(1, .succeeded, lands: false)])
        try await scene.finish(run)
        let keys = try await fixture.query(
            "SELECT operation, status, record_key FROM \(fixture.state("sync_log")) ORDER BY record_id")
        #expect(
            Set(keys.map { $0.map { $0 ?? "-" }.joined(separator: " ") }) == [
                "subscribe failed -", "subscribe succeeded -", "subscribe not_attempted -",
            ])
    }
}

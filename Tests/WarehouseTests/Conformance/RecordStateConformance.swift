import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

/// What the state tables promise for records of other kinds than list members: items of a catalog here.
enum RecordStateConformance {
    static let tests = [
        ConformanceTest("a record is staged and read back whole, and logged under its key", staged),
        ConformanceTest("every outcome does to every record what is decided", everyLine),
        ConformanceTest("a removal leaves nothing, or a record in doubt", removals),
        ConformanceTest("an older record keeps its own key and content", superseded),
        ConformanceTest("records of a run whose process ended are in doubt with what was sent", recovered),
        ConformanceTest("records that a full run has not sent are sent by the next run: it was stopped", fullStopped),
        ConformanceTest("records that a full run has not sent are sent by the next run: it died", fullDied),
        ConformanceTest("stray notes of records are put right by what was sent", strays),
        ConformanceTest("refused records are logged as failed with their reason, and forgotten", local),
        ConformanceTest("records are those of one sync and kind", separate),
        ConformanceTest("rows that are invalid are logged under their key", validation),
    ]

    private static let catalog = EntrySet.records(.catalog)

    private static func run(_ number: Int = 1) -> SyncRun {
        var run = Scene.run(number)
        run.kind = .catalog
        run.listID = nil
        run.target = "products"
        return run
    }

    private static func change(
        _ sequence: Int64, _ item: Int, _ operation: RollcallCore.Operation = .put, content: Int64 = 5,
        kind: ChangeKind = .send
    ) -> Change {
        Change(
            sequence: sequence, kind: kind, operation: operation, fingerprint: Scene.fingerprint(item),
            identity: Identity(email: nil, userID: nil),
            record: RecordReference(key: "k/\(item)", itemID: "k-2f\(item)", content: content),
            payload: operation == .put ? Array("{\"n\":\(item)}".utf8) : nil)
    }

    private static func stage(
        _ scene: Scene, _ number: Int = 1, full: Bool = false, _ changes: [Change]
    ) async throws -> SyncRun {
        var run = run(number)
        run.full = full
        try await scene.warehouse.openRun(scene.lease, run)
        for change in changes where change.kind.isListed {
            run.counts.planned[change.operation] += 1
        }
        try await scene.warehouse.stage(scene.lease, run, plan: Plan(changes), log: LogSettings())
        return run
    }

    /// `state owned content since_run code`, by item.
    private static func records(_ scene: Scene) async throws -> [Int: String] {
        let rows = try await scene.fixture.query(
            """
            SELECT record_key, state, owned, content, since_run_id, error_code FROM \(scene.fixture.state("synced_records"))
            """)
        return Dictionary(
            uniqueKeysWithValues: rows.map { row in
                let item = Int(row[0]?.split(separator: "/").last ?? "") ?? 0
                let isOwned = ["t", "1", "true"].contains(row[2])
                return (
                    item, "\(row[1] ?? "") \(isOwned) \(row[3] ?? "") \(row[4]?.suffix(3) ?? "") \(row[5] ?? "-")"
                )
            })
    }

    @Sendable static func staged(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var first = change(1, 1)
        first.payload = [0x7B, 0x00, 0xFF, 0x7D]
        first.record?.content = .min
        var second = change(2, 2, .delete, content: .max)
        second.loggedKey = "hashed"
        let run = try await stage(scene, 1, [first, second])
        let read = try await scene.warehouse.changes(run: run.id, after: 0, limit: 10)
        #expect(read == [first, second])
        let stored = try #require(try await scene.warehouse.run(id: run.id))
        #expect(stored.kind == .catalog && stored.target == "products" && stored.listID == nil)
        #expect(stored.counts.planned == PerOperation(put: 1, delete: 1))
        try await scene.acknowledge(run, [Scene.batch(.put, 1...1), Scene.batch(.delete, 2...2)])
        let logged = try await fixture.query(
            "SELECT operation, status, email, record_key, item_id FROM \(fixture.state("sync_log")) ORDER BY record_id")
        #expect(logged == [["put", "succeeded", nil, "k/1", "k-2f1"], ["delete", "succeeded", nil, "hashed", nil]])
        #expect(try await scene.count("sync_changes") == 0)
        let collected = Collected<LogRecord>()
        var filter = RecordFilter()
        filter.identifiers = ["k-2f1"]
        try await scene.warehouse.records(filter) { collected.add($0) }
        #expect(collected.all.map(\.recordKey) == ["k/1"] && collected.all.map(\.itemID) == ["k-2f1"])
    }

    private struct Line {
        var item: Int
        var before: EntryMark?
        var isSame: Bool
        var outcome: RecordOutcome
        var mayStillLand: Bool
    }

    private static let outcomes: [RecordOutcome] = [
        .succeeded, .failed(Scene.reason("not_found")), .rejected(Scene.reason("invalid")),
        .unknown(Scene.reason("timeout")), .notAttempted(Scene.reason("stopped")),
    ]

    private static let words: [MemberState: String] = [
        .subscribed: "synced", .subscribing: "sending", .unsubscribing: "removing", .rejected: "rejected",
    ]

    /// Puts records with these marks on the snapshot, of the run 900 and with the content 5.
    private static func enter(_ scene: Scene, _ marks: [(item: Int, mark: EntryMark)]) async throws {
        let changes = marks.enumerated().map { change(Int64($0.offset + 1), $0.element.item) }
        let run = try await stage(scene, 900, changes)
        try await scene.acknowledge(run, [Scene.batch(.put, 1...Int64(changes.count))])
        for (item, mark) in marks {
            let reason = mark.state == .rejected ? ", error_code = 'before', error_reason = 'Because of it.'" : ""
            try await scene.fixture.execute(
                """
                UPDATE \(scene.fixture.state("synced_records"))
                   SET state = '\(words[mark.state] ?? "")', owned = \(mark.listed)\(reason) WHERE record_key = 'k/\(item)'
                """)
        }
        for table in ["sync_runs", "sync_log"] {
            try await scene.fixture.execute("DELETE FROM \(scene.fixture.state(table))")
        }
    }

    @Sendable static func everyLine(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let mayLandUntil = try await fixture.warehouse.now().addingTimeInterval(3600)
        var lines: [Line] = []
        var batches: [BatchOutcome] = []
        for outcome in outcomes {
            for mayStillLand in [false, true] {
                let first = Int64(lines.count + 1)
                for before in EntryTransition.marks {
                    for isSame in before == nil ? [true] : [true, false] {
                        lines.append(
                            Line(
                                item: lines.count + 1, before: before, isSame: isSame, outcome: outcome,
                                mayStillLand: mayStillLand))
                    }
                }
                let sequences = first...Int64(lines.count)
                batches.append(
                    BatchOutcome(
                        sequences: sequences, operation: .put,
                        exceptions: outcome == .succeeded
                            ? [:] : Dictionary(uniqueKeysWithValues: sequences.map { ($0, outcome) }),
                        httpStatus: 200, attempts: 1, mayLandUntil: mayStillLand ? mayLandUntil : nil))
            }
        }
        try await enter(scene, lines.compactMap { line in line.before.map { (line.item, $0) } })
        let run = try await stage(
            scene, 1, lines.map { change(Int64($0.item), $0.item, content: $0.isSame ? 5 : 6) })
        try await scene.acknowledge(run, batches)
        let found = try await records(scene)
        for line in lines {
            #expect(found[line.item] == expected(line), "\(line)")
        }
        let doubts = try await scene.warehouse.requestsInDoubt(sync: Scene.sync, of: catalog)
        let doubted = lines.filter { $0.mayStillLand && $0.outcome.kind != .notAttempted }
        #expect(doubts.count == doubted.count)
        #expect(Set(doubts.map(\.fingerprint)) == Set(doubted.map { Scene.fingerprint($0.item) }))
        #expect(doubts.count { $0.content == 6 } == doubted.count { !$0.isSame })
    }

    private static func expected(_ line: Line) -> String? {
        func text(_ mark: EntryMark, content: Int64, run: String, code: String?) -> String {
            "\(words[mark.state] ?? "") \(mark.listed) \(content) \(run) \(code ?? "-")"
        }
        let write = EntryTransition.next(
            .own, line.before, .put, line.outcome.kind, mayStillLand: line.mayStillLand, isSame: line.isSame)
        switch write {
        case .drop: return nil
        case .keep:
            return line.before.map {
                text($0, content: 5, run: "900", code: $0.state == .rejected ? "before" : nil)
            }
        case .put(let mark):
            let isRejectedNow = line.outcome.kind == .rejected
            return text(
                mark, content: line.isSame ? 5 : 6, run: line.before?.state == mark.state ? "900" : "001",
                code: mark.state == .rejected ? (isRejectedNow ? "invalid" : "before") : nil)
        }
    }

    @Sendable static func removals(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let marks = EntryTransition.marks.compactMap(\.self)
        let items = marks.indices.map { $0 + 1 }
        try await enter(scene, zip(items, marks).map { ($0, $1) } + zip(items, marks).map { ($0 + 100, $1) })
        let changes = (items + items.map { $0 + 100 }).enumerated().map {
            change(Int64($0.offset + 1), $0.element, .delete)
        }
        let run = try await stage(scene, 1, changes)
        let mayLandUntil = try await fixture.warehouse.now().addingTimeInterval(3600)
        let half = Int64(items.count)
        let lost = Dictionary(uniqueKeysWithValues: (half + 1...2 * half).map { ($0, outcomes[3]) })
        try await scene.acknowledge(
            run,
            [
                Scene.batch(.delete, 1...half),
                Scene.batch(.delete, half + 1...2 * half, lost, mayLandUntil: mayLandUntil),
            ])
        let found = try await records(scene)
        for (item, mark) in zip(items, marks) {
            #expect(found[item] == nil)
            let isSame = mark.state == .unsubscribing && mark.listed
            #expect(
                found[item + 100] == "removing true 5 \(mark.state == .unsubscribing ? "900" : "001") -",
                "\(mark) \(isSame)")
        }
    }

    @Sendable static func superseded(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let synced = EntryMark(.subscribed, listed: true)
        try await enter(scene, [(1, synced), (2, synced), (3, synced), (4, synced)])
        func older(_ sequence: Int64, _ item: Int, parent: Int64) -> Change {
            var older = change(sequence, item, .delete, kind: .supersede)
            older.parent = parent
            return older
        }
        let run = try await stage(
            scene, 1,
            [
                change(1, 1, .delete, content: 9), older(2, 2, parent: 1), change(3, 3, .delete, content: 9),
                older(4, 4, parent: 3),
            ])
        let mayLandUntil = try await fixture.warehouse.now().addingTimeInterval(3600)
        try await scene.acknowledge(
            run,
            [
                Scene.batch(.delete, 1...1, [1: outcomes[3]], mayLandUntil: mayLandUntil), Scene.batch(.delete, 3...3),
            ])
        let found = try await records(scene)
        #expect(found == [1: "removing true 9 001 -", 2: "removing true 5 001 -"])
        let stored = try await scene.warehouse.members(
            sync: Scene.sync, of: catalog, fingerprints: [Scene.fingerprint(2)])
        #expect(stored.map(\.record) == [RecordReference(key: "k/2", itemID: "k-2f2", content: 5)])
    }

    @Sendable static func recovered(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await enter(scene, [(1, EntryMark(.subscribed, listed: true)), (2, EntryMark(.subscribed, listed: true))])
        let run = try await stage(
            scene, 1, [change(1, 1, content: 6), change(2, 2), change(3, 3), change(4, 4), change(5, 1, .delete)])
        try await scene.warehouse.claim(scene.lease, run: run.id, through: 3)
        let closed = try await scene.warehouse.recoverRuns(scene.lease, settleSeconds: 60, log: LogSettings())
        #expect(closed.count == 1 && closed.first?.kind == .catalog && closed.first?.counts.balances == true)
        #expect(closed.first?.counts.unknown == PerOperation(put: 3))
        #expect(closed.first?.counts.notAttempted == PerOperation(put: 1, delete: 1))
        let found = try await records(scene)
        #expect(
            found == [
                1: "sending true 6 001 -", 2: "synced true 5 900 -", 3: "sending true 5 001 -",
            ])
        #expect(try await scene.warehouse.requestsInDoubt(sync: Scene.sync, of: catalog).count == 3)
        let logged = try await fixture.query(
            "SELECT record_key, status FROM \(fixture.state("sync_log")) ORDER BY record_id")
        #expect(logged.map { $0[0] } == ["k/1", "k/2", "k/3", "k/4", "k/1"])
        #expect(logged.map { $0[1] } == ["unknown", "unknown", "unknown", "not_attempted", "not_attempted"])
    }

    private static func halfFull(_ fixture: any WarehouseFixture) async throws -> (Scene, SyncRun) {
        let scene = try await Scene.make(fixture)
        let synced = EntryMark(.subscribed, listed: true)
        let marks = [
            synced, synced, synced, synced, EntryMark(.rejected, listed: false), EntryMark(.subscribing, listed: true),
        ]
        try await enter(scene, marks.enumerated().map { ($0.offset + 1, $0.element) })
        // The row of the fourth has another content, and is sent for that.
        let changes = (1...7).map { change(Int64($0), $0, content: $0 == 4 ? 6 : 5) }
        var run = try await stage(scene, 1, full: true, changes)
        run.counts.succeeded.put = 1
        run.counts.failed.put = 1
        try await scene.warehouse.claim(scene.lease, run: run.id, through: 2)
        try await scene.acknowledge(run, [Scene.batch(.put, 1...2, [2: .failed(Scene.reason("conflict"))])])
        return (scene, run)
    }

    /// They count as acknowledged still; what was sent of them is forgotten.
    private static func judgeHalfFull(_ scene: Scene) async throws {
        let found = try await records(scene)
        #expect(
            found == [
                1: "synced true 5 900 -", 2: "synced true 0 900 -", 3: "synced true 0 900 -", 4: "synced true 5 900 -",
                5: "rejected false 5 900 before", 6: "sending true 5 900 -",
            ])
    }

    @Sendable static func fullStopped(_ fixture: any WarehouseFixture) async throws {
        let (scene, run) = try await halfFull(fixture)
        let generation = try await scene.warehouse.snapshotGeneration(sync: Scene.sync)
        try await scene.finish(run)
        try await judgeHalfFull(scene)
        #expect(try await scene.warehouse.snapshotGeneration(sync: Scene.sync) != generation)
    }

    @Sendable static func fullDied(_ fixture: any WarehouseFixture) async throws {
        let (scene, _) = try await halfFull(fixture)
        _ = try await scene.warehouse.recoverRuns(scene.lease, settleSeconds: 60, log: LogSettings())
        try await judgeHalfFull(scene)
    }

    @Sendable static func strays(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let synced = EntryMark(.subscribed, listed: true)
        try await enter(scene, [(1, synced), (2, synced), (3, synced)])
        try await scene.warehouse.noteStrays(
            run(7), [change(1, 1), change(2, 2, content: 6), change(3, 3, .delete), change(4, 4)], settleSeconds: 60)
        // Once more after a lost answer.
        try await scene.warehouse.noteStrays(run(7), [change(4, 4)], settleSeconds: 60)
        #expect(try await scene.warehouse.applyStrayNotes(scene.lease) == 4)
        #expect(try await scene.warehouse.applyStrayNotes(scene.lease) == 0)
        #expect(
            try await records(scene) == [
                1: "synced true 5 900 -", 2: "sending true 5 007 -", 3: "removing true 5 007 -",
                4: "sending true 5 007 -",
            ])
        let doubts = try await scene.warehouse.requestsInDoubt(sync: Scene.sync, of: catalog)
        #expect(Set(doubts.map { "\($0.operation) \($0.content ?? 0)" }) == ["put 5", "put 6", "delete 5"])
        #expect(doubts.count == 4 && doubts.allSatisfy { $0.fingerprint != nil })
    }

    @Sendable static func local(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await enter(
            scene,
            [
                (1, EntryMark(.rejected, listed: false)), (2, EntryMark(.rejected, listed: false)),
                (3, EntryMark(.rejected, listed: true)),
            ])
        let run = try await stage(
            scene, 1,
            [change(1, 1, kind: .parked), change(2, 2, .delete, kind: .forget), change(3, 3, .delete, kind: .forget)])
        let failed = try await scene.warehouse.applyLocalChanges(scene.lease, run, log: LogSettings())
        #expect(failed == PerOperation(put: 1))
        #expect(try await scene.warehouse.run(id: run.id)?.counts.failed == PerOperation(put: 1))
        #expect(Set(try await records(scene).keys) == [1, 3])
        let logged = try await fixture.query(
            "SELECT record_key, status, error_code FROM \(fixture.state("sync_log")) ORDER BY record_id")
        #expect(logged == [["k/1", "failed", "before"]])
    }

    @Sendable static func separate(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await enter(
            scene,
            [
                (1, EntryMark(.subscribed, listed: true)), (2, EntryMark(.subscribing, listed: true)),
                (3, EntryMark(.rejected, listed: false)),
            ])
        let warehouse = scene.warehouse
        let seen = Collected<String>()
        try await warehouse.readContents(sync: Scene.sync, of: .records(.catalog)) {
            seen.add("\($0.fingerprint.low >> 32) \($0.state) \($0.listed) \($0.content)")
        }
        #expect(Set(seen.all) == ["1 subscribed true 5", "2 subscribing true 5", "3 rejected false 5"])
        let plain = Collected<String>()
        try await warehouse.readSnapshot(sync: Scene.sync, of: catalog) { plain.add("\($0.low >> 32) \($1) \($2)") }
        #expect(Set(plain.all) == ["1 subscribed true", "2 subscribing true", "3 rejected false"])
        #expect(
            try await warehouse.memberCounts(sync: Scene.sync, of: catalog)
                == [.subscribed: 1, .subscribing: 1, .rejected: 1])
        let found = try await warehouse.members(
            sync: Scene.sync, of: catalog, fingerprints: [Scene.fingerprint(3), Scene.fingerprint(9)])
        #expect(found.map(\.record) == [RecordReference(key: "k/3", itemID: "k-2f3", content: 5)])
        #expect(found.first?.rejection?.code == "before")
        for name in ["k/3", "k-2f3"] {
            let known = try await warehouse.members(
                sync: Scene.sync, of: catalog, knownAs: Identity(email: nil, userID: name))
            #expect(known.map(\.member.record?.key) == ["k/3"], "by its key and by its item's id")
        }
        for (sync, entries) in [("other", catalog), (Scene.sync, .records(.users)), (Scene.sync, .list(Scene.list))] {
            #expect(try await warehouse.memberCounts(sync: sync, of: entries).isEmpty)
            #expect(try await warehouse.members(sync: sync, of: entries, fingerprints: [Scene.fingerprint(1)]).isEmpty)
            try await warehouse.readSnapshot(sync: sync, of: entries) { _, _, _ in throw Unexpected("an entry") }
        }
        try await warehouse.readContents(sync: "other", of: .records(.catalog)) { _ in throw Unexpected("an entry") }
        // A sync that has changed its kind has both, under the same fingerprint.
        var other = run(2)
        other.kind = .users
        try await warehouse.noteStrays(other, [change(1, 1, content: 7)], settleSeconds: 60)
        _ = try await warehouse.applyStrayNotes(scene.lease)
        #expect(try await warehouse.memberCounts(sync: Scene.sync, of: .records(.users)) == [.subscribing: 1])
        #expect(try await warehouse.memberCounts(sync: Scene.sync, of: catalog)[.subscribed] == 1)
        #expect(try await warehouse.snapshotGeneration(sync: Scene.sync) != nil)
    }

    @Sendable static func validation(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let run = run()
        try await scene.warehouse.openRun(scene.lease, run)
        let record = ValidationRecord(
            isFailure: true, email: nil, userID: nil, recordKey: Array("k/é".utf8),
            reason: Scene.reason("invalid_value"))
        try await scene.warehouse.stage(
            scene.lease, run, plan: Plan([], [record]), log: LogSettings())
        let logged = try await fixture.query(
            "SELECT operation, status, record_key, error_code FROM \(fixture.state("sync_log"))")
        #expect(logged == [["validate", "failed", "k/é", "invalid_value"]])
    }
}

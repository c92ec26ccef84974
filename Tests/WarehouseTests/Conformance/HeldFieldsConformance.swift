import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

/// Which fields of a record hold a value because of a sync: what a change says of them, and what becomes of it.
enum HeldFieldsConformance {
    static let tests = [
        ConformanceTest("what a change says of its fields is staged and read back", staged),
        ConformanceTest("every outcome leaves the fields that may hold a value", everyOutcome),
        ConformanceTest("an entry that stays as it is gets the fields of the change", kept),
        ConformanceTest("what says nothing of fields, or removes, leaves them as they are", untouched),
        ConformanceTest("records of a run whose process ended have the fields that are in doubt", recovered),
        ConformanceTest("stray notes add the fields that may hold a value", strays),
        ConformanceTest("what is not sent for a reason that the change names is logged with that reason", refused),
        ConformanceTest("a run of users counts each of its operations", counted),
        ConformanceTest("a rename that succeeds, and no other, gives an entry its new address", renamed),
        ConformanceTest("a rename without an answer stays in doubt until it has an outcome", lostRename),
        ConformanceTest("a rename that a full run has not made leaves the content as it is", unmade),
        ConformanceTest("who is released stays, and is kept no more", released),
        ConformanceTest("a new identifier begins a new time", sinceWhen),
        ConformanceTest("records are found by the identifiers under which they may be in Iterable", owners),
    ]

    private static func run(_ number: Int = 1) -> SyncRun {
        var run = Scene.run(number)
        run.kind = .users
        run.listID = nil
        run.target = "users"
        return run
    }

    /// Of a person who has a value in field 9 before, and in field 1 instead once the change is carried out.
    private static func change(
        _ sequence: Int64, _ person: Int, _ operation: RollcallCore.Operation = .update, content: Int64 = 6,
        kind: ChangeKind = .send
    ) -> Change {
        Change(
            sequence: sequence, kind: kind, operation: operation, fingerprint: Scene.fingerprint(person),
            identity: Scene.identity(person), record: RecordReference(key: "k/\(person)", content: content),
            payload: Array("{\"n\":\(person)}".utf8),
            held: HeldFields(ifDone: FieldBits([1]), ifInDoubt: FieldBits([1, 9])))
    }

    private static func stage(
        _ scene: Scene, _ number: Int = 1, full: Bool = false, _ changes: [Change]
    ) async throws -> SyncRun {
        var run = run(number)
        run.full = full
        try await scene.warehouse.openRun(scene.lease, run)
        for change in changes where change.kind.isListed { run.counts.planned[change.operation] += 1 }
        try await scene.warehouse.stage(scene.lease, run, plan: Plan(changes), log: LogSettings())
        return run
    }

    /// Puts these people on the snapshot, acknowledged with the content 5 and the field 9.
    private static func enter(_ scene: Scene, _ people: [Int]) async throws {
        let changes = people.enumerated().map { place, person in
            var change = change(Int64(place + 1), person, content: 5)
            change.held = HeldFields(ifDone: FieldBits([9]), ifInDoubt: FieldBits([3, 9]))
            return change
        }
        let run = try await stage(scene, 900, changes)
        try await scene.acknowledge(run, [Scene.batch(.update, 1...Int64(changes.count))])
        for table in ["sync_runs", "sync_log"] {
            try await scene.fixture.execute("DELETE FROM \(scene.fixture.state(table))")
        }
    }

    private struct Known: Sendable {
        var person: Int
        var fields: [Int]
    }

    /// The fields that hold a value, by person.
    private static func held(_ scene: Scene) async throws -> [Int: [Int]] {
        let known = Collected<Known>()
        try await scene.warehouse.readContents(sync: Scene.sync, of: .records(.users)) { entry in
            let bits = FieldBits(bytes: entry.held)
            known.add(
                Known(
                    person: Int(entry.fingerprint.low >> 32), fields: (0..<1000).filter { bits.contains($0) }))
        }
        return Dictionary(uniqueKeysWithValues: known.all.map { ($0.person, $0.fields) })
    }

    /// `state since_run`, by person.
    private static func states(_ scene: Scene) async throws -> [Int: String] {
        let rows = try await scene.fixture.query(
            "SELECT record_key, state, since_run_id FROM \(scene.fixture.state("synced_records"))")
        return Dictionary(
            uniqueKeysWithValues: rows.map { row in
                let person = Int(row[0]?.split(separator: "/").last ?? "") ?? 0
                return (person, "\(row[1] ?? "") \(row[2]?.suffix(3) ?? "")")
            })
    }

    // MARK: Addresses and releases

    /// `email owned`, by person.
    private static func addresses(_ scene: Scene) async throws -> [Int: String] {
        let rows = try await scene.fixture.query(
            "SELECT record_key, email, CAST(owned AS text) FROM \(scene.fixture.state("synced_records"))")
        return Dictionary(
            uniqueKeysWithValues: rows.map { row in
                let isOwned = ["1", "true", "t"].contains(row[2] ?? "")
                return (Int(row[0]?.split(separator: "/").last ?? "") ?? 0, "\(row[1] ?? "-") \(isOwned)")
            })
    }

    @Sendable static func renamed(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await enter(scene, [1, 2, 3, 4])
        let changes = (1...4).map { person in
            var rename = change(Int64(person), person, .rename, content: 5)
            rename.held = nil
            rename.identity = Identity(email: "new\(person)@example.com", userID: nil)
            return rename
        }
        let run = try await stage(scene, 1, changes)
        let later = Date(timeIntervalSince1970: 4_000_000_000)
        let outcomes: [(RecordOutcome?, Date?)] = [
            (nil, later), (nil, nil), (.unknown(Scene.reason("timeout")), later),
            (.failed(Scene.reason("conflict")), nil),
        ]
        for (index, (outcome, landing)) in outcomes.enumerated() {
            let sequence = Int64(index + 1)
            try await scene.acknowledge(
                run,
                [
                    BatchOutcome(
                        sequences: sequence...sequence, operation: .rename,
                        exceptions: outcome.map { [sequence: $0] } ?? [:], httpStatus: 200, attempts: 1,
                        mayLandUntil: landing)
                ])
        }
        let old = { (person: Int) in "\(Scene.identity(person).email ?? "-") true" }
        #expect(
            try await addresses(scene) == [
                1: "new1@example.com true", 2: "new2@example.com true", 3: old(3), 4: old(4),
            ])
        #expect(try await held(scene) == [1: [9], 2: [9], 3: [9], 4: [9]])
        let inDoubt = try await scene.warehouse.requestsInDoubt(sync: Scene.sync, of: .records(.users))
        #expect(Set(inDoubt.map(\.fingerprint)) == [Scene.fingerprint(1), Scene.fingerprint(3)])
    }

    /// Also when it can land no more: nothing tells yet under which address the profile is.
    @Sendable static func lostRename(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await enter(scene, [1, 2])
        let past = Date(timeIntervalSince1970: 1_000_000_000)
        func rename(_ number: Int, _ outcome: RecordOutcome?) async throws -> [Fingerprint?] {
            var renamed = change(1, 1, .rename)
            renamed.identity = Identity(email: "new1@example.com", userID: nil)
            let run = try await stage(scene, number, [renamed, change(2, 2)])
            try await scene.acknowledge(
                run,
                [
                    BatchOutcome(
                        sequences: 1...1, operation: .rename, exceptions: outcome.map { [1: $0] } ?? [:],
                        httpStatus: 200, attempts: 1, mayLandUntil: outcome == nil ? nil : past),
                    BatchOutcome(
                        sequences: 2...2, operation: .update, exceptions: [2: .unknown(Scene.reason("timeout"))],
                        httpStatus: nil, attempts: 1, mayLandUntil: past),
                ])
            try await scene.finish(run)
            return try await scene.warehouse.requestsInDoubt(sync: Scene.sync, of: .records(.users)).map(\.fingerprint)
        }
        #expect(try await rename(1, .unknown(Scene.reason("timeout"))) == [Scene.fingerprint(1)])
        // Of two attempts the later one counts.
        #expect(try await rename(2, .unknown(Scene.reason("timeout"))) == [Scene.fingerprint(1)])
        #expect(try await rename(3, nil).isEmpty)
    }

    @Sendable static func released(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await enter(scene, [1, 2])
        let generation = try await scene.warehouse.snapshotGeneration(sync: Scene.sync)
        let run = try await stage(scene, 1, [change(1, 1, .delete, kind: .release), change(2, 3)])
        #expect(try await scene.warehouse.applyLocalChanges(scene.lease, run, log: LogSettings()) == PerOperation())
        #expect(try await addresses(scene).mapValues { $0.hasSuffix("true") } == [1: false, 2: true])
        #expect(try await scene.warehouse.snapshotGeneration(sync: Scene.sync) != generation)
        #expect(try await scene.warehouse.changes(run: run.id, after: 0, limit: 9).map(\.sequence) == [2])
    }

    /// Also in the same state: until an identifier was known for a while, Iterable may not find the person by it.
    @Sendable static func sinceWhen(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await enter(scene, [1, 2, 3])
        var rename = change(1, 1, .rename, content: 5)
        rename.identity = Identity(email: "new1@example.com", userID: nil)
        var further = change(2, 2)
        further.identity = Identity(email: Scene.identity(2).email, userID: "U2")
        let run = try await stage(scene, 1, [rename, further, change(3, 3)])
        try await scene.acknowledge(run, [Scene.batch(.rename, 1...1), Scene.batch(.update, 2...3)])
        let members = try await scene.warehouse.entries(
            sync: Scene.sync, of: .records(.users), in: [.subscribed], after: nil, limit: 9)
        let changed = members.filter { $0.sinceRunID == run.id }.map(\.member.fingerprint)
        #expect(Set(changed) == [Scene.fingerprint(1), Scene.fingerprint(2)])
        #expect(members.count == 3)
    }

    @Sendable static func owners(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await enter(scene, [1, 2, 3])
        let run = try await stage(scene, 1, [change(1, 2, .delete, kind: .release)])
        _ = try await scene.warehouse.applyLocalChanges(scene.lease, run, log: LogSettings())
        try await scene.finish(run)
        let asked = [1, 2, 3, 9].map { Identity(email: Scene.identity($0).email, userID: nil) }
        func found(_ identities: [Identity], _ kind: RecordKind = .users, _ sync: String = Scene.sync) async throws
            -> [Fingerprint]
        {
            try await scene.warehouse.owners(sync: sync, of: kind, identities: identities).map(\.fingerprint).sorted()
        }
        #expect(try await found(asked + asked) == [Scene.fingerprint(1), Scene.fingerprint(3)].sorted())
        #expect(try await found([Identity(email: nil, userID: nil)]).isEmpty)
        #expect(try await found([]).isEmpty)
        #expect(try await found(asked, .catalog).isEmpty)
        #expect(try await found(asked, .users, "other").isEmpty)
        // By either identifier.
        var further = change(1, 1)
        further.identity = Identity(email: Scene.identity(1).email, userID: "U1")
        let second = try await stage(scene, 2, [further])
        try await scene.acknowledge(second, [Scene.batch(.update, 1...1)])
        #expect(try await found([Identity(email: "x@example.com", userID: "U1")]) == [Scene.fingerprint(1)])
    }

    // MARK: Staging

    @Sendable static func staged(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var wide = change(1, 1)
        wide.held = HeldFields(ifDone: FieldBits([0, 700]), ifInDoubt: FieldBits([0, 63, 64, 700]))
        var none = change(2, 2, .clear)
        none.held = HeldFields(ifDone: FieldBits(), ifInDoubt: FieldBits())
        var silent = change(3, 3, .rename)
        silent.held = nil
        var refused = change(4, 4)
        refused.refusal = FailureReason(code: "guarded", reason: "It is not to be sent.")
        let changes = [wide, none, silent, refused]
        let run = try await stage(scene, 1, changes)
        #expect(try await scene.warehouse.changes(run: run.id, after: 0, limit: 10) == changes)
        try await scene.acknowledge(run, [Scene.batch(.update, 1...1)])
        #expect(try await held(scene) == [1: [0, 700]])
    }

    // MARK: Outcomes

    private struct Line {
        var person: Int
        var isKnown: Bool
        var outcome: RecordOutcome
        var mayStillLand: Bool

        /// nil: there is no entry.
        var fields: [Int]? {
            switch outcome.kind {
            case .notAttempted, .waiting: isKnown ? [9] : nil
            case .succeeded: [1]
            case .failed where !mayStillLand: isKnown ? [9] : nil
            case .rejected where !mayStillLand: isKnown ? [9] : []
            case .failed, .rejected, .unknown: [1, 9]
            }
        }

        var batch: BatchOutcome {
            let sequence = Int64(person)
            return BatchOutcome(
                sequences: sequence...sequence, operation: .update,
                exceptions: outcome == .succeeded ? [:] : [sequence: outcome], httpStatus: 200, attempts: 1,
                mayLandUntil: mayStillLand ? Date(timeIntervalSince1970: 4_000_000_000) : nil)
        }
    }

    private static let outcomes: [RecordOutcome] = [
        .succeeded, .failed(Scene.reason("not_found")), .rejected(Scene.reason("invalid")),
        .unknown(Scene.reason("timeout")), .notAttempted(Scene.reason("stopped")),
    ]

    private static func lines(_ choices: [Bool]) -> [Line] {
        var lines: [Line] = []
        for outcome in outcomes {
            for mayStillLand in [false, true] {
                for isKnown in choices {
                    lines.append(
                        Line(
                            person: lines.count + 1, isKnown: isKnown, outcome: outcome, mayStillLand: mayStillLand))
                }
            }
        }
        return lines
    }

    @Sendable static func everyOutcome(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let lines = lines([false, true])
        try await enter(scene, lines.filter(\.isKnown).map(\.person))
        let run = try await stage(scene, 1, lines.map { change(Int64($0.person), $0.person) })
        try await scene.acknowledge(run, lines.map(\.batch))
        let found = try await held(scene)
        for line in lines { #expect(found[line.person] == line.fields, "\(line)") }
        // Once more after a lost answer.
        try await scene.acknowledge(run, lines.map(\.batch))
        #expect(try await held(scene) == found)
    }

    /// The content is the one of before, so that nothing but the fields differs where a request succeeds or its answer is lost.
    @Sendable static func kept(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let lines = lines([true]).filter { $0.outcome.kind != .rejected }
        try await enter(scene, lines.map(\.person))
        let before = try await scene.warehouse.snapshotGeneration(sync: Scene.sync)
        let changes = lines.map { change(Int64($0.person), $0.person, content: 5) }
        let run = try await stage(scene, 1, changes)
        try await scene.acknowledge(run, lines.map(\.batch))
        let found = try await held(scene)
        for line in lines { #expect(found[line.person] == line.fields, "\(line)") }
        #expect(try await states(scene).values.allSatisfy { $0 == "synced 900" })
        let after = try await scene.warehouse.snapshotGeneration(sync: Scene.sync)
        #expect(before != nil && after != before)
        try await scene.finish(run)
        // The same once more: now nothing differs.
        let again = try await stage(scene, 2, changes)
        try await scene.acknowledge(again, lines.map(\.batch))
        #expect(try await held(scene) == found)
        #expect(try await scene.warehouse.snapshotGeneration(sync: Scene.sync) == after)
    }

    /// It puts nothing of the content; the person is renamed, and then updated, by the runs that follow.
    @Sendable static func unmade(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await enter(scene, [1, 2, 3])
        var run = try await stage(
            scene, 1, full: true,
            [change(1, 1, .rename, content: 5), change(2, 2, .rename, content: 5), change(3, 3, content: 5)])
        try await scene.acknowledge(run, [Scene.batch(.rename, 1...1, [1: outcomes[1]])])
        run.counts.failed[.rename] = 1
        try await scene.finish(run)
        #expect(try await states(scene) == [1: "synced 900", 2: "synced 900", 3: "synced 900"])
        let contents = try await fixture.query(
            "SELECT content FROM \(scene.fixture.state("synced_records")) ORDER BY record_key")
        #expect(contents == [["5"], ["5"], ["0"]])
    }

    @Sendable static func untouched(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await enter(scene, [1, 2, 3, 4])
        var silent = change(1, 1)
        silent.held = nil
        var silentAndSame = change(2, 2, content: 5)
        silentAndSame.held = nil
        let run = try await stage(scene, 1, [silent, silentAndSame, change(3, 3, .clear), change(4, 4, .delete)])
        let mayLandUntil = try await fixture.warehouse.now().addingTimeInterval(3600)
        try await scene.acknowledge(
            run,
            [
                Scene.batch(.update, 1...2), Scene.batch(.clear, 3...3, [3: outcomes[3]], mayLandUntil: mayLandUntil),
                Scene.batch(.delete, 4...4),
            ])
        #expect(try await held(scene) == [1: [9], 2: [9], 3: [9]])
        #expect(try await states(scene) == [1: "synced 900", 2: "synced 900", 3: "removing 001"])
        // An entry that is made after another one has gone has nothing of that.
        try await scene.finish(run)
        var comesBack = change(1, 4)
        comesBack.held = nil
        let next = try await stage(scene, 2, [comesBack])
        try await scene.acknowledge(next, [Scene.batch(.update, 1...1)])
        #expect(try await held(scene)[4] == [])
    }

    // MARK: Without an answer

    @Sendable static func recovered(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await enter(scene, [1, 2, 4])
        let run = try await stage(
            scene, 1, [change(1, 1, content: 5), change(2, 2, .rename), change(3, 3), change(4, 4)])
        try await scene.warehouse.claim(scene.lease, run: run.id, through: 3)
        let closed = try await scene.warehouse.recoverRuns(scene.lease, settleSeconds: 60, log: LogSettings())
        #expect(closed.first?.counts.unknown.update == 2 && closed.first?.counts.unknown.rename == 1)
        #expect(closed.first?.counts.balances == true)
        #expect(try await held(scene) == [1: [1, 9], 2: [1, 9], 3: [1, 9], 4: [9]])
        #expect(
            try await states(scene) == [1: "synced 900", 2: "sending 001", 3: "sending 001", 4: "synced 900"])
    }

    @Sendable static func strays(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await enter(scene, [1, 2, 3, 4])
        let before = try await scene.warehouse.snapshotGeneration(sync: Scene.sync)
        var silent = change(3, 3)
        silent.held = nil
        try await scene.warehouse.noteStrays(
            run(7), [change(1, 1, content: 5), change(2, 2), silent, change(5, 5, .rename)], settleSeconds: 60)
        #expect(try await scene.warehouse.applyStrayNotes(scene.lease) == 4)
        #expect(try await held(scene) == [1: [1, 9], 2: [1, 9], 3: [9], 4: [9], 5: [1, 9]])
        #expect(
            try await states(scene) == [
                1: "synced 900", 2: "sending 007", 3: "sending 007", 4: "synced 900", 5: "sending 007",
            ])
        #expect(try await scene.warehouse.snapshotGeneration(sync: Scene.sync) != before)
    }

    // MARK: What is not sent

    @Sendable static func refused(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let rejected = try await stage(scene, 900, [change(1, 1), change(2, 2)])
        let reason = RecordOutcome.rejected(Scene.reason("invalid"))
        try await scene.acknowledge(rejected, [Scene.batch(.update, 1...2, [1: reason, 2: reason])])
        try await scene.finish(rejected)
        try await fixture.execute("DELETE FROM \(fixture.state("sync_log"))")
        var guarded = change(1, 1, kind: .parked)
        guarded.refusal = FailureReason(code: "guarded", reason: "It is not to be sent.")
        let run = try await stage(scene, 1, [guarded, change(2, 2, kind: .parked), change(3, 3, kind: .parked)])
        let failed = try await scene.warehouse.applyLocalChanges(scene.lease, run, log: LogSettings())
        #expect(failed.update == 3 && failed.total == 3)
        let logged = try await fixture.query(
            """
            SELECT record_key, status, error_code, error_reason, http_status FROM \(fixture.state("sync_log"))
             ORDER BY record_id
            """)
        let earlier = FailureReason.refusedEarlier
        #expect(
            logged == [
                ["k/1", "failed", "guarded", "It is not to be sent.", nil],
                ["k/2", "failed", "invalid", "Because of invalid.", "200"],
                ["k/3", "failed", earlier.code, earlier.reason, nil],
            ])
    }

    @Sendable static func counted(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let run = try await stage(scene, 1, [change(1, 1), change(2, 2, .rename), change(3, 3)])
        #expect(try await scene.warehouse.run(id: run.id)?.counts.planned == run.counts.planned)
        #expect(
            try await fixture.query(
                "SELECT operation, planned, unknown FROM \(fixture.state("sync_run_counts")) ORDER BY operation") == [
                    ["clear", "0", "0"], ["delete", "0", "0"], ["rename", "1", "0"], ["update", "2", "0"],
                ])
    }
}

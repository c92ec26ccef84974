import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

/// Warehouses carry out what ``EntryTransition`` decides, line by line.
enum TransitionConformance {
    static let tests = [
        ConformanceTest("acknowledge: every outcome does to every entry what is decided", everyLine),
        ConformanceTest("an entry that a newer one supersedes in the same call is gone first", supersededFirst),
        ConformanceTest("an entry that two changes drop and doubt is dropped", droppedAndDoubted),
        ConformanceTest("a rejection keeps its reason while it only becomes listed", keptReason),
    ]

    /// One entry before, and what becomes of it.
    private struct Line {
        var person: Int
        var relation: EntryTransition.Relation
        var before: EntryMark?
        var operation: RollcallCore.Operation
        var outcome: RecordOutcome
        var mayStillLand: Bool

        var after: EntryMark? {
            switch EntryTransition.next(relation, before, operation.direction, outcome.kind, mayStillLand: mayStillLand)
            {
            case .keep: before
            case .drop: nil
            case .put(let mark): mark
            }
        }
    }

    private static let outcomes: [RecordOutcome] = [
        .succeeded, .failed(Scene.reason("not_found")), .rejected(Scene.reason("invalid")),
        .unknown(Scene.reason("timeout")), .notAttempted(Scene.reason("stopped")),
    ]

    private static let states: [EntryMark?] =
        [nil]
        + [.subscribed, .subscribing, .unsubscribing, .rejected].flatMap {
            [EntryMark($0, listed: true), EntryMark($0, listed: false)]
        }

    /// Changes of one operation, and the outcomes of their requests.
    private static func plan(
        _ mayLandUntil: Date
    ) -> (lines: [Line], changes: [Change], batches: [BatchOutcome]) {
        var lines: [Line] = []
        var changes: [Change] = []
        var batches: [BatchOutcome] = []
        var person = 0
        func change(_ operation: RollcallCore.Operation, _ kind: ChangeKind = .send, parent: Int64? = nil) {
            person += 1
            let sequence = Int64(changes.count + 1)
            var change =
                operation == .subscribe ? Scene.subscribe(sequence, person) : Scene.unsubscribe(sequence, person)
            (change.kind, change.parent) = (kind, parent)
            changes.append(change)
        }
        for operation in RecordKind.list.operations {
            for outcome in outcomes {
                for mayStillLand in [false, true] {
                    let first = Int64(changes.count + 1)
                    for before in states {
                        for relation in EntryTransition.Relation.allCases {
                            change(operation)
                            if relation == .superseded { change(operation, .supersede, parent: Int64(changes.count)) }
                            lines.append(
                                Line(
                                    person: person, relation: relation, before: before, operation: operation,
                                    outcome: outcome, mayStillLand: mayStillLand))
                        }
                    }
                    let sent = changes[(Int(first) - 1)...].filter { $0.kind == .send }.map(\.sequence)
                    batches.append(
                        BatchOutcome(
                            sequences: first...Int64(changes.count), changes: sent.count, operation: operation,
                            exceptions: outcome == .succeeded
                                ? [:] : Dictionary(uniqueKeysWithValues: sent.map { ($0, outcome) }),
                            httpStatus: 200, attempts: 1, mayLandUntil: mayStillLand ? mayLandUntil : nil))
                }
            }
        }
        return (lines, changes, batches)
    }

    @Sendable static func everyLine(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        let mayLandUntil = try await fixture.warehouse.now().addingTimeInterval(3600)
        let (lines, changes, batches) = plan(mayLandUntil)
        try await scene.enter(lines.compactMap { line in line.before.map { (line.person, $0) } })
        let run = try await scene.staged(1, changes)
        try await scene.acknowledge(run, batches)
        let found = try await scene.entries()
        for line in lines {
            let entry = found[line.person]
            let doing =
                "\(line.relation) \(line.operation) \(line.outcome.kind) \(line.mayStillLand) on \(String(describing: line.before))"
            #expect(entry?.mark == line.after, "\(doing)")
            let isNew = line.before?.state != line.after?.state
            if let entry { #expect(entry.run == (isNew ? "001" : "900"), "\(doing)") }
            let isRefusedNow = line.operation == .subscribe && line.outcome.kind == .rejected
            let reason = line.after?.state == .rejected ? (isRefusedNow ? "invalid" : "before") : nil
            if entry != nil, line.relation == .own { #expect(entry?.code == reason, "\(doing)") }
        }
        #expect(try await scene.count("sync_changes") == 0)
    }

    @Sendable static func supersededFirst(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        for person in 1...2 { try await scene.member(person, state: .subscribed) }
        var older = Scene.subscribe(2, 1, kind: .supersede)
        older.parent = 1
        var other = Scene.subscribe(5, 2, kind: .supersede)
        other.parent = 4
        let run = try await scene.staged(
            1,
            [
                Scene.subscribe(1, 11), older, Scene.subscribe(3, 1), Scene.subscribe(4, 12), other,
                Scene.subscribe(6, 2),
            ])
        try await scene.acknowledge(
            run,
            [
                Scene.batch(.subscribe, 1...1), Scene.batch(.subscribe, 3...3, [3: outcomes[1]]),
                Scene.batch(.subscribe, 4...4), Scene.batch(.subscribe, 6...6),
            ])
        #expect(try await scene.entry(1) == nil)
        #expect(try await scene.entry(2) == "subscribed listed 001")
    }

    @Sendable static func droppedAndDoubted(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        for person in 1...3 { try await scene.member(person, state: .subscribed) }
        func older(_ sequence: Int64, parent: Int64) -> Change {
            var change = Scene.unsubscribe(sequence, 3, kind: .supersede)
            change.parent = parent
            return change
        }
        let run = try await scene.staged(
            1, [Scene.unsubscribe(1, 1), older(2, parent: 1), Scene.unsubscribe(3, 2), older(4, parent: 3)])
        let mayLandUntil = try await fixture.warehouse.now().addingTimeInterval(3600)
        try await scene.acknowledge(
            run,
            [
                Scene.batch(.unsubscribe, 1...1, [1: outcomes[3]], mayLandUntil: mayLandUntil),
                Scene.batch(.unsubscribe, 3...3),
            ])
        #expect(try await scene.entry(1)?.hasPrefix("unsubscribing listed") == true)
        #expect(try await scene.entry(2) == nil)
        #expect(try await scene.entry(3) == nil)
    }

    @Sendable static func keptReason(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        try await scene.member(1, state: .rejected, listed: false)
        let run = try await scene.staged(1, [Scene.subscribe(1, 1)])
        let mayLandUntil = try await fixture.warehouse.now().addingTimeInterval(3600)
        try await scene.acknowledge(run, [Scene.batch(.subscribe, 1...1, [1: outcomes[1]], mayLandUntil: mayLandUntil)])
        #expect(try await scene.entry(1) == "rejected listed 900")
        let member = try await fixture.warehouse.members(
            sync: Scene.sync, of: .list(Scene.list), fingerprints: [Scene.fingerprint(1)]
        ).first
        #expect(member?.rejection?.code == "forgotten")
    }
}

extension Scene {
    /// Puts entries with these states on the snapshot, of the run 900.
    fileprivate func enter(_ people: [(person: Int, mark: EntryMark)]) async throws {
        let changes = people.enumerated().map { Self.subscribe(Int64($0.offset + 1), $0.element.person) }
        let run = try await staged(900, changes)
        try await acknowledge(run, [Self.batch(.subscribe, 1...Int64(changes.count))])
        for mark in EntryTransition.marks.compactMap(\.self) {
            let emails = people.filter { $0.mark == mark }.compactMap { Self.identity($0.person).email }
            let reason = mark.state == .rejected ? ", error_code = 'before', error_reason = 'Because of it.'" : ""
            try await fixture.execute(
                """
                UPDATE \(fixture.state("list_members")) SET state = '\(mark.state.rawValue)', listed = \(mark.listed)\(reason)
                 WHERE email IN (\(emails.map { "'\($0)'" }.joined(separator: ", ")))
                """)
        }
        for table in ["sync_runs", "sync_log"] { try await fixture.execute("DELETE FROM \(fixture.state(table))") }
    }

    /// All entries, by the number of the person.
    fileprivate func entries() async throws -> [Int: (mark: EntryMark, run: String, code: String?)] {
        let rows = try await fixture.query(
            """
            SELECT email, state, CASE WHEN listed THEN 'listed' ELSE 'unlisted' END, since_run_id, error_code
              FROM \(fixture.state("list_members"))
            """)
        var found: [Int: (mark: EntryMark, run: String, code: String?)] = [:]
        for row in rows {
            guard let person = row[0]?.prefix(while: { $0 != "@" }).dropFirst().description.asInt,
                let state = row[1].flatMap(MemberState.init(rawValue:))
            else { continue }
            found[person] = (EntryMark(state, listed: row[2] == "listed"), String(row[3]?.suffix(3) ?? ""), row[4])
        }
        return found
    }
}

import Foundation
import GRDB
import RollcallCore
import Synchronization
import TestSupport
import Testing

@testable import Warehouse

/// What the cost of an acknowledgement depends on: the changes that it is about, and not on how many others wait or how many
/// members there are.
@Suite("SQLite: query plans")
struct SQLitePlanTests {
    /// Statements that are run while outcomes are recorded, and SQLite's plan of each, with and without statistics of the
    /// user's (`ANALYZE`) of a time when outbox and snapshot were empty or full.
    @Test(arguments: ["nothing", "empty", "full"])
    func acknowledgingReadsNeitherTheWholeOutboxNorTheWholeSnapshot(analyzed: String) async throws {
        let fixture = try await SQLiteFixture.make()
        let scene = try await Scene.make(fixture)
        if analyzed == "empty" { try await fixture.execute("ANALYZE") }
        var changes: [Change] = []
        for place in stride(from: 1, through: 3000, by: 2) {
            changes.append(
                place % 3 == 0 ? Scene.unsubscribe(Int64(place), place) : Scene.subscribe(Int64(place), place))
            var older = Scene.subscribe(Int64(place + 1), place + 1, kind: .supersede)
            older.parent = Int64(place)
            changes.append(older)
        }
        let run = try await scene.staged(1, changes)
        if analyzed == "full" { try await fixture.execute(Self.members + "; ANALYZE") }
        let warehouse = try #require(fixture.warehouse as? SQLiteWarehouse)
        let statements = Collected<String>()
        try await warehouse.writer.run(.immediate) { database in
            database.trace { event in
                if case .statement(let statement) = event { statements.add(statement.sql) }
            }
        }
        let lost = RecordOutcome.unknown(Scene.reason("lost"))
        try await scene.acknowledge(
            run,
            [
                Scene.batch(.subscribe, 1...2), Scene.batch(.unsubscribe, 3...4, [3: lost], mayLandUntil: Date()),
                // No entry is made for it, so that the statement for existing entries is run as well.
                Scene.batch(.subscribe, 5...6, [5: .failed(Scene.reason("conflict"))]),
            ])
        try await warehouse.writer.run(.immediate) { $0.trace(options: []) }
        let about = Set(statements.all.filter { $0.contains("rollcall_sync_changes") })
        // One asks whether members were sent with fields.
        #expect(about.count == 5, "\(about)")
        #expect(about.filter { $0.contains("supersede") }.count == 2)
        for statement in about { Self.judge(statement, try await Self.plan(of: statement, warehouse)) }
        let members = Set(statements.all.filter { $0.contains("rollcall_list_members") })
        #expect(members.count == 5, "\(members)")
        for statement in members {
            let plan = try await Self.plan(of: statement, warehouse)
            #expect(!plan.contains { $0.contains("BLOOM") || $0.contains("AUTOMATIC") }, "\(plan)\n\(statement)")
            for line in plan where line.contains("list_members") {
                #expect(line.hasPrefix("SEARCH ") && line.contains(" AND fingerprint=?)"), "\(line)\n\(statement)")
            }
        }
        // Carried out too: three changes and what hangs on them.
        #expect(try await scene.count("sync_changes") == 3000 - 6)
        await fixture.tearDown()
    }

    /// Whatever millions of events were sent, and people were acknowledged.
    @Test func eventsAndPeopleAreFoundAlongTheirIndexes() async throws {
        let fixture = try await SQLiteFixture.make()
        _ = try await fixture.warehouse.migrate()
        let warehouse = try #require(fixture.warehouse as? SQLiteWarehouse)
        // The function that takes the rows is there while they are read only.
        let events = try #require(SQLiteEvents(version: SQLiteMigrations.newest))
        let reading = events.reading(from: 5).replacing("rollcall_rows", with: "max")
        let page = events.page([.sending, .waiting, .rejected], isFirst: false)
        for statement in [reading, page, events.known, events.byID, events.byKey] {
            let plan = try await Self.plan(of: statement, warehouse).filter { $0.contains("seen_events") }
            #expect(!plan.isEmpty, "\(statement)")
            for line in plan {
                #expect(line.hasPrefix("SEARCH ") && line.contains("(sync_name=? AND "), "\(line)\n\(statement)")
            }
        }
        let people = try await Self.plan(of: SQLiteEvents.acknowledged, warehouse).joined(separator: "\n")
        for index in ["by_email (sync_name=? AND email=?", "by_user_id (sync_name=? AND user_id=?"] {
            #expect(people.contains("rollcall_synced_records_\(index)"), "\(people)")
        }
        await fixture.tearDown()
    }

    /// One search along the index finds the rows, and in their order: nothing is sorted.
    @Test func rowsOfABoundAreFoundInOrder() async throws {
        let fixture = try await SQLiteFixture.make()
        try await fixture.execute(
            """
            CREATE TABLE moves (seq INTEGER, at TIMESTAMP, name TEXT);
            CREATE INDEX moves_by_seq ON moves (seq);
            CREATE INDEX moves_by_at ON moves (at);
            """)
        let warehouse = try #require(fixture.warehouse as? SQLiteWarehouse)
        let lines: [(column: String, family: ColumnFamily, position: Int64?)] = [
            ("seq", .long, 5), ("seq", .long, nil), ("at", .localTimestamp, 1_767_441_600_000_000),
            ("at", .localTimestamp, nil),
        ]
        for line in lines {
            var bound = RowBound(column: line.column, family: line.family, position: line.position)
            (bound.takesRowsWithoutPosition, bound.isOrdered) = (false, true)
            let plan = try await Self.plan(
                of: "SELECT a.name FROM moves AS a" + SQLiteAudience.rows(bound), warehouse)
            #expect(plan == ["SEARCH a USING INDEX moves_by_\(line.column) (\(line.column)>?)"])
        }
        await fixture.tearDown()
    }

    private static let members = """
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
        INSERT INTO rollcall_list_members (sync_name, list_id, fingerprint, email, state, listed, since_run_id, since)
        SELECT 'vip', 42, randomblob(16), 'm' || i || '@example.com', 'subscribed', 1, 'earlier', '2026-01-01T00:00:00.000Z'
          FROM n
        """

    /// On the writing connection, which has the work tables; parameters stay empty.
    private static func plan(of statement: String, _ warehouse: SQLiteWarehouse) async throws -> [String] {
        try await warehouse.writer.run(.deferred) { database in
            let plan = try SQLitePrepared(database, "EXPLAIN QUERY PLAN " + statement)
            var lines: [String] = []
            while try plan.step() { lines.append(plan.text(3) ?? "") }
            return lines
        }
    }

    private static func judge(_ statement: String, _ plan: [String]) {
        let outbox = plan.filter { $0.contains(" c ") || $0.contains("sync_changes") }
        #expect(!outbox.isEmpty, "\(plan)")
        for line in outbox {
            #expect(line.hasPrefix("SEARCH ") && line.contains("(run_id=? AND "), "\(line)\n\(statement)")
        }
        if statement.contains("supersede") {
            let byParent = "SEARCH c USING INDEX rollcall_sync_changes_by_parent (run_id=? AND parent=?)"
            #expect(plan.contains(byParent), "\(plan)\n\(statement)")
        }
    }
}

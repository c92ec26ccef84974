import Foundation
import GRDB
import RollcallCore
import TestSupport
import Testing

@testable import Warehouse

/// What receivers keep in SQLite alone.
@Suite("SQLite: receivers")
struct SQLiteReceiverTests {
    private func withWarehouse(
        journalMode: String = "DELETE", _ body: (SQLiteWarehouse) async throws -> Void
    ) async throws {
        let fixture = try await SQLiteFixture.make(journalMode: journalMode)
        do {
            _ = try await fixture.warehouse.migrate()
            try await body(try #require(fixture.warehouse as? SQLiteWarehouse))
        } catch {
            await fixture.tearDown()
            throw error
        }
        await fixture.tearDown()
    }

    private static func setting(_ warehouse: SQLiteWarehouse) async throws -> Int? {
        try await warehouse.writer.run(.deferred) { database in
            try database.firstRow("PRAGMA synchronous") { $0.count(0) }
        }
    }

    /// Sends the statements of the connection that writes to `statements`; nil ends that.
    private static func trace(_ warehouse: SQLiteWarehouse, _ statements: Collected<String>?) async throws {
        try await warehouse.writer.run(.deferred) { database in
            guard let statements else { return database.trace(options: []) }
            database.trace { event in
                if case .statement(let statement) = event { statements.add(statement.sql) }
            }
        }
    }

    @Test func groupsAreOnTheDiskAndOtherWritesAsTheyWere() async throws {
        try await withWarehouse { warehouse in
            let usual = try await Self.setting(warehouse)
            let statements = Collected<String>()
            try await Self.trace(warehouse, statements)
            _ = try await warehouse.storeReceived(ReceiverScene.group(1, [ReceiverScene.event(1)]))
            _ = try await warehouse.receiverKey()
            try await Self.trace(warehouse, nil)
            let kept = statements.all.filter { $0.contains("PRAGMA synchronous =") || $0.hasPrefix("COMMIT") }
            let whole = ["PRAGMA synchronous = EXTRA", "COMMIT TRANSACTION", "PRAGMA synchronous = \(usual ?? -1)"]
            // The first is the one that began to listen.
            #expect(Array(kept.dropFirst()) == whole + whole)
            #expect(try await Self.setting(warehouse) == usual)
        }
    }

    /// Whoever waits for the commit does not wait until the log is copied as well; what is committed next comes after that.
    @Test func aLongLogIsCopiedAfterTheAnswer() async throws {
        try await withWarehouse(journalMode: "WAL") { warehouse in
            let usual = "PRAGMA synchronous = \(try await Self.setting(warehouse) ?? -1)"
            let statements = Collected<String>()
            try await Self.trace(warehouse, statements)
            var large = ReceiverScene.event(1)
            large.payload = [UInt8](repeating: UInt8(ascii: "1"), count: 5_000_000)
            _ = try await warehouse.storeReceived(ReceiverScene.group(1, [large]))
            _ = try await warehouse.storeReceived(ReceiverScene.group(2, [ReceiverScene.event(2)]))
            try await Self.trace(warehouse, nil)
            let words = ["PRAGMA synchronous =", "COMMIT", "PRAGMA wal_checkpoint"]
            let kept = statements.all.filter { statement in words.contains { statement.hasPrefix($0) } }
            func synced(_ statement: String) -> [String] { ["PRAGMA synchronous = EXTRA", statement, usual] }
            // The first is the one that began to listen; the last commit leaves a short log.
            #expect(
                Array(kept.dropFirst()) == synced("COMMIT TRANSACTION") + synced("PRAGMA wal_checkpoint(PASSIVE)")
                    + synced("COMMIT TRANSACTION"))
            let file = try FileManager.default.attributesOfItem(atPath: warehouse.file.path)
            #expect(try #require(file[.size] as? Int) > 5_000_000)
        }
    }

    @Test func theSettingComesBackAfterAGroupThatFailed() async throws {
        try await withWarehouse { warehouse in
            let usual = try await Self.setting(warehouse)
            try await warehouse.writer.run(.immediate) { try $0.execute(sql: "DROP TABLE rollcall_receiver_counts") }
            let error = try await failure {
                _ = try await warehouse.storeReceived(ReceiverScene.group(1, [ReceiverScene.event(1)]))
            }
            #expect(error?.kind == .stateMissing)
            #expect(try await Self.setting(warehouse) == usual)
        }
    }

    @Test func eventsAreFoundAlongTheirIndexes() async throws {
        try await withWarehouse { warehouse in
            var filter = ReceivedFilter(receiver: "r", eventName: "emailOpen", limit: 10)
            filter.before = (Date(), "e")
            for statement in [
                SQLiteReceivedEvents.select(filter).sql, SQLiteReceivedEvents.newest, SQLiteReceivedEvents.expired,
            ] {
                let plan = try await Self.plan(of: statement, warehouse)
                let wanted = "SEARCH rollcall_iterable_events USING "
                #expect(
                    plan.contains { $0.hasPrefix(wanted) && $0.contains("by_time (receiver=?") },
                    "\(plan)\n\(statement)")
                #expect(!plan.contains { $0 == "USE TEMP B-TREE FOR ORDER BY" }, "\(plan)\n\(statement)")
            }
            let message = try await Self.plan(
                of: "SELECT * FROM rollcall_email_engagement WHERE message_id = 'm'", warehouse)
            #expect(message.contains { $0.contains("by_message (message_id=?)") }, "\(message)")
            let all = try await Self.plan(of: "SELECT * FROM rollcall_email_engagement", warehouse)
            #expect(!all.contains { $0.contains("by_message") }, "\(all)")
            let left = try await Self.plan(of: "SELECT * FROM rollcall_latest_unsubscribes", warehouse)
            #expect(left.contains { $0.contains("rollcall_iterable_events_of_subscription") }, "\(left)")
            #expect(left.contains { $0.contains("rollcall_iterable_events_of_people") }, "\(left)")
        }
    }

    private static func plan(of statement: String, _ warehouse: SQLiteWarehouse) async throws -> [String] {
        try await warehouse.writer.run(.deferred) { database in
            let plan = try SQLitePrepared(database, "EXPLAIN QUERY PLAN " + statement)
            var lines: [String] = []
            while try plan.step() { lines.append(plan.text(3) ?? "") }
            return lines
        }
    }
}

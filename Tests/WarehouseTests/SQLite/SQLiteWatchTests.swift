import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

@Suite("SQLite: watches")
struct SQLiteWatchTests {
    private func withWatch(
        _ mode: String, _ body: (SQLiteFixture, any SourceWatch) async throws -> Void
    ) async throws {
        let fixture = try await SQLiteFixture.make(journalMode: mode)
        try await fixture.execute("CREATE TABLE moves (seq integer)")
        let warehouse = try #require(fixture.warehouse as? SQLiteWarehouse)
        let watch = try await warehouse.watch(channel: nil) {}
        do {
            try await body(fixture, watch)
        } catch {
            await watch.end()
            await fixture.tearDown()
            throw error
        }
        await watch.end()
        await fixture.tearDown()
    }

    @Test("a commit of another connection is seen once, and a reading is none", arguments: ["delete", "wal"])
    func commits(_ mode: String) async throws {
        try await withWatch(mode) { fixture, watch in
            #expect(await watch.mayHaveChanged())
            #expect(await !watch.mayHaveChanged())
            for number in 1...3 {
                try await fixture.execute("INSERT INTO moves VALUES (\(number))")
                #expect(await watch.mayHaveChanged())
                #expect(await !watch.mayHaveChanged())
            }
            #expect(try await fixture.query("SELECT count(*) FROM moves") == [["3"]])
            let read = Collected<String>()
            try await fixture.warehouse.readAudience(
                .table(["moves"]), columns: IdentifierColumns(email: nil, userID: "seq")
            ) { read.add($1.shown) }
            #expect(read.all.count == 3)
            #expect(await !watch.mayHaveChanged())
            // Rollcall's own tables are in the same file.
            _ = try await fixture.warehouse.migrate()
            #expect(await watch.mayHaveChanged())
        }
    }

    @Test(
        "another file at the path is a change, and so is none",
        arguments: SQLiteReplacedTests.Replacement.allCases, ["delete", "wal"])
    func replaced(_ replacement: SQLiteReplacedTests.Replacement, _ mode: String) async throws {
        try await withWatch(mode) { fixture, watch in
            #expect(await watch.mayHaveChanged())
            #expect(await !watch.mayHaveChanged())
            try await replacement.carryOut(fixture)
            #expect(await watch.mayHaveChanged())
            #expect(await !watch.mayHaveChanged())
            try FileManager.default.removeItem(atPath: fixture.path)
            for _ in 0..<2 { #expect(await watch.mayHaveChanged()) }
        }
    }

    @Test func thereAreNoChannels() async throws {
        let fixture = try await SQLiteFixture.make()
        let warehouse = try #require(fixture.warehouse as? SQLiteWarehouse)
        let error = try await failure { _ = try await warehouse.watch(channel: "orders") {} }
        #expect(error?.error.hint?.contains("wake") == true)
        await fixture.tearDown()
    }
}

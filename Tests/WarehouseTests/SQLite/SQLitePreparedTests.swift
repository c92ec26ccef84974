import GRDB
import GRDBSQLite
import TestSupport
import Testing

@testable import Warehouse

/// A connection compiles a text once; what is bound and read stays as it is, byte for byte.
@Suite("SQLite: statements", .timeLimit(.minutes(10)))
struct SQLitePreparedTests {
    private static let byID = "SELECT name FROM people WHERE id = :id"
    private static let all = "SELECT name FROM people ORDER BY id"

    private struct Broken: Error {}

    /// A connection to a file with three people, which no transaction has open.
    private static func withPeople(_ body: (DatabaseQueue, _ path: String) throws -> Void) async throws {
        let fixture = try await SQLiteFixture.make()
        try await fixture.execute(
            """
            CREATE TABLE people (id INTEGER PRIMARY KEY, name);
            INSERT INTO people VALUES (1, 'ann'), (2, 'ben'), (3, 'cy');
            """)
        let queue = try DatabaseQueue(path: fixture.path)
        try body(queue, fixture.path)
        try queue.close()
        await fixture.tearDown()
    }

    /// How often the statement has been run since it was compiled.
    private static func runs(_ row: SQLitePrepared) -> Int32 {
        sqlite3_stmt_status(row.pointer, SQLITE_STMTSTATUS_RUN, 0)
    }

    @Test func aTextIsCompiledOnceAndBoundEachTime() async throws {
        try await Self.withPeople { queue, _ in
            try queue.inDatabase { database in
                for id in 1...3 as ClosedRange<Int32> {
                    let found = try database.rows(Self.byID, ["id": .integer(Int64(id))]) {
                        (Self.runs($0), $0.text(0))
                    }
                    #expect(found.map(\.0) == [id])
                    #expect(found.map(\.1) == [["ann", "ben", "cy"][Int(id) - 1]])
                }
            }
        }
    }

    @Test func oneThatIsUsedWhileItsRowsAreReadDoesNotLoseThem() async throws {
        try await Self.withPeople { queue, _ in
            try queue.inDatabase { database in
                let names = try database.rows(Self.all) { row in
                    let others = try database.rows(Self.all) { $0.text(0) }
                    #expect(others == ["ann", "ben", "cy"])
                    let first = try database.firstRow(Self.all) { $0.text(0) }
                    #expect(first == "ann")
                    return row.text(0)
                }
                #expect(names == ["ann", "ben", "cy"])
            }
        }
    }

    /// A SELECT that was left at its first row would keep every writer waiting.
    @Test(arguments: [false, true]) func whatIsNotReadToItsEndLocksNothing(fails: Bool) async throws {
        try await Self.withPeople { queue, path in
            try queue.inDatabase { database in
                for _ in 0..<2 {
                    if fails {
                        #expect(throws: Broken.self) { try database.rows(Self.all) { _ in throw Broken() } }
                    } else {
                        let first = try database.firstRow(Self.all) { $0.text(0) }
                        #expect(first == "ann")
                    }
                }
            }
            var configuration = Configuration()
            configuration.busyMode = .immediateError
            let writer = try DatabaseQueue(path: path, configuration: configuration)
            try writer.inDatabase { try $0.execute(sql: "BEGIN EXCLUSIVE; DELETE FROM people WHERE id = 3; COMMIT") }
            try writer.close()
            // The cached statement sees what another connection has changed.
            let left = try queue.inDatabase { try $0.rows(Self.all) { $0.text(0) } }
            #expect(left == ["ann", "ben"])
        }
    }

    @Test func aPragmaIsAskedEachTime() async throws {
        try await Self.withPeople { queue, _ in
            try queue.inDatabase { database in
                for level in [1, 3, 0, 2] {
                    try database.execute(sql: "PRAGMA synchronous = \(level)")
                    let found = try database.firstRow("PRAGMA synchronous") { $0.count(0) }
                    #expect(found == level)
                }
            }
        }
    }

    @Test func textStaysByteForByte() async throws {
        try await Self.withPeople { queue, _ in
            try queue.inDatabase { database in
                let values: [(SQLiteValue, bytes: String, text: String)] = [
                    (.text("a\0b"), "610062", "a\0b"), (.rawText([0x61, 0x00, 0xE9]), "6100E9", "a\0\u{FFFD}"),
                    (.text(""), "", ""), (.rawText([]), "", ""),
                ]
                for (value, bytes, text) in values {
                    try database.change("UPDATE people SET name = :name WHERE id = 1", ["name": value])
                    let found = try database.firstRow(
                        "SELECT typeof(name), hex(CAST(name AS BLOB)), name FROM people ORDER BY id"
                    ) { [$0.text(0), $0.text(1), $0.text(2)] }
                    #expect(found == ["text", bytes, text])
                }
            }
        }
    }

    @Test(arguments: [false, true]) func severalStatementsAreRefused(isCached: Bool) async throws {
        try await Self.withPeople { queue, _ in
            try queue.inDatabase { database in
                for text in ["SELECT 1; SELECT 2", "SELECT 1; DROP TABLE people", "SELECT 1; nonsense"] {
                    let error = #expect(throws: DatabaseError.self) {
                        try SQLitePrepared(database, text, isCached: isCached)
                    }
                    #expect(error?.resultCode == .SQLITE_MISUSE)
                }
                let count = try database.firstRow("SELECT count(*) FROM people") { $0.count(0) }
                #expect(count == 3)
            }
        }
    }
}

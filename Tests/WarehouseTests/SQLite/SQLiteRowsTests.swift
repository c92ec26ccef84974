import Foundation
import RollcallCore
import Synchronization
import TestSupport
import Testing
import Warehouse

/// Rows that SQLite hands over from within are the rows that it would have given.
@Suite("SQLite: rows from within", .timeLimit(.minutes(10)))
struct SQLiteRowsTests {
    // MARK: Values

    /// Text in three encodings, and what is no text.
    private static let values: [(sql: String, shown: String)] = [
        ("0", "0"), ("-1", "-1"), ("9223372036854775807", "9223372036854775807"),
        ("-9223372036854775808", "-9223372036854775808"), ("1.5", "1.5 (refused)"), ("-0.0", "0.0 (refused)"),
        ("1e20", "1.0e+20 (refused)"), ("9e999", "Inf (refused)"), ("-9e999", "-Inf (refused)"),
        ("x''", " (refused)"), ("x'6100e9'", "a\0\u{FFFD} (refused)"), ("zeroblob(2)", "\0\0 (refused)"),
        ("''", ""), ("' '", " "), ("NULL", "NULL"), ("'a' || char(0) || 'b'", "a\0b"), ("char(0)", "\0"),
        ("'é@exämple.com'", "é@exämple.com"), ("char(128512, 66)", "😀B"), ("char(65279) || 'a'", "\u{FEFF}a"),
        ("'1.0'", "1.0"), ("'0x10'", "0x10"), ("1 = 1", "1"), ("lower('ABC')", "abc"), ("'a' || 1.5", "a1.5"),
        ("CAST('12abc' AS INTEGER)", "12"), ("json_array(1)", "[1]"),
    ]

    @Test(arguments: ["UTF-8", "UTF-16le", "UTF-16be"])
    func valuesAreWhatTheyAre(encoding: String) async throws {
        let fixture = try await SQLiteFixture.shop("PRAGMA encoding = '\(encoding)';")
        #expect(try await fixture.query("PRAGMA encoding") == [[encoding]])
        try await fixture.execute("CREATE TABLE odd (place INTEGER PRIMARY KEY, value, other)")
        for (place, value) in Self.values.enumerated() {
            try await fixture.execute("INSERT INTO odd VALUES (\(place), \(value.sql), \(value.sql))")
        }
        // From a table, from an index, from a sorter, and computed for each row.
        try await fixture.execute("CREATE INDEX odd_values ON odd (place, value, other)")
        let sources: [(AudienceSource, String)] = [
            (.table(["odd"]), "table"),
            (.query("SELECT * FROM odd INDEXED BY odd_values WHERE place >= 0", file: nil), "index"),
            (.query("SELECT * FROM odd ORDER BY -place LIMIT 1000", file: nil), "sorter"),
            (.query("SELECT value, other FROM odd GROUP BY place", file: nil), "groups"),
            (.query("SELECT \(Self.values.map(\.sql)[0]) AS value, NULL AS other LIMIT 0", file: nil), "none"),
        ]
        let expected = Self.values.map { "\($0.shown)|\($0.shown)" }.sorted()
        for (source, name) in sources {
            let rows = try await AudienceConformance.read(fixture, source, email: "value", userID: "other")
            #expect(rows.sorted() == (name == "none" ? [] : expected), "\(name)")
        }
        for value in Self.values {
            let source = AudienceSource.query("SELECT \(value.sql) AS value", file: nil)
            let rows = try await AudienceConformance.read(fixture, source, email: "value", userID: "value")
            #expect(rows == ["\(value.shown)|\(value.shown)"], "\(value.sql)")
        }
        await fixture.tearDown()
    }

    /// What is no UTF-8 stays as it is in a file of UTF-8; half a pair of UTF-16 is no character, and becomes something that is
    /// no address either.
    @Test func brokenTextStaysBroken() async throws {
        for (encoding, literal, expected) in [
            ("UTF-8", "x'61ff'", [[0x61, 0xff]]), ("UTF-8", "x'c3'", [[0xc3]]),
            ("UTF-8", "x'6100c3'", [[0x61, 0, 0xc3]]),
            ("UTF-8", "x'eda080'", [[0xed, 0xa0, 0x80]]),
        ] as [(String, String, [[UInt8]])] {
            let fixture = try await SQLiteFixture.shop("PRAGMA encoding = '\(encoding)';")
            #expect(try await Self.bytes(fixture, "CAST(\(literal) AS TEXT)") == expected, "\(literal)")
            await fixture.tearDown()
        }
        for (encoding, literal) in [("UTF-16le", "x'610000d8'"), ("UTF-16be", "x'0061d800'")] {
            let fixture = try await SQLiteFixture.shop("PRAGMA encoding = '\(encoding)';")
            let found = try await Self.bytes(fixture, "CAST(\(literal) AS TEXT)")
            #expect(found.count == 1 && found[0].count > 1 && found[0].first == 0x61, "\(encoding) \(found)")
            #expect(found[0].dropFirst().allSatisfy { $0 >= 0x80 }, "\(encoding) \(found)")
            await fixture.tearDown()
        }
    }

    private static func bytes(_ fixture: SQLiteFixture, _ value: String) async throws -> [[UInt8]] {
        let seen = Collected<[UInt8]>()
        try await fixture.warehouse.readAudience(
            .query("SELECT \(value) AS email", file: nil), columns: IdentifierColumns(email: "email", userID: nil)
        ) { email, _ in seen.add(email.bytes.map { Array($0) } ?? []) }
        return seen.all
    }

    // MARK: Ends

    private struct Odd: Error, Equatable {
        var word: String
    }

    /// At the first row, in the midst, and at the last one; from a scan, a sorter, groups and a coroutine.
    @Test(
        arguments: [1, 2, 5],
        [
            "SELECT * FROM people", "SELECT * FROM people ORDER BY spent DESC LIMIT 5",
            "SELECT max(email) AS email, user_id FROM people GROUP BY user_id",
            "SELECT email FROM people WHERE city = 'Bath' UNION ALL SELECT email FROM people WHERE city = 'York'",
        ])
    func anErrorOfTheBodyArrivesAsItIs(row: Int, query: String) async throws {
        let fixture = try await SQLiteFixture.shop()
        let errors: [any Error] = [
            Odd(word: "x"), CancellationError(), WarehouseError(.busy, "mine", hint: "none"),
            CocoaError(.fileNoSuchFile),
        ]
        for error in errors {
            let seen = Mutex(0)
            let thrown = await #expect(throws: (any Error).self) {
                try await fixture.warehouse.readAudience(
                    .query(query, file: nil), columns: IdentifierColumns(email: "email", userID: nil)
                ) { _, _ in
                    let place = seen.withLock { seen in
                        seen += 1
                        return seen
                    }
                    if place == row { throw error }
                }
            }
            #expect(seen.withLock { $0 } == row, "nothing comes after it")
            #expect(thrown.map { "\($0)" } == "\(error)")
            #expect(thrown.map { type(of: $0) == type(of: error) } == true)
        }
        #expect(try await AudienceConformance.read(fixture, .table(["people"]), email: "email", userID: nil).count == 5)
        await fixture.tearDown()
    }

    /// The query gives one row and then computes, to a hundred million or for ever.
    private static func computing(toAnEnd: Bool) -> String {
        """
        SELECT 'x' AS email UNION ALL
        SELECT * FROM (
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT \(toAnEnd ? 100_000_000 : -1))
            SELECT max(i) FROM n WHERE i < 0)
        """
    }

    @Test func cancellingEndsAQueryThatGivesNoRows() async throws {
        let fixture = try await SQLiteFixture.shop()
        let reading = try await Self.begin(fixture)
        reading.cancel()
        await #expect(throws: CancellationError.self) { try await reading.value }
        await fixture.tearDown()
    }

    /// Swift's tasks have as many threads as the machine has cores. If queries computed on them, this test would go on when they
    /// are at their end, and have nothing to cancel.
    @Test func queriesThatComputeKeepNoTaskWaiting() async throws {
        let fixture = try await SQLiteFixture.shop()
        var readings: [Task<Void, any Error>] = []
        for _ in 0..<(ProcessInfo.processInfo.activeProcessorCount + 1) {
            readings.append(try await Self.begin(fixture, toAnEnd: true))
        }
        for reading in readings { reading.cancel() }
        for reading in readings { await #expect(throws: CancellationError.self) { try await reading.value } }
        await fixture.tearDown()
    }

    @Test func closingEndsAQueryThatGivesNoRows() async throws {
        let fixture = try await SQLiteFixture.shop()
        let reading = try await Self.begin(fixture)
        await fixture.warehouse.close()
        let error = try #require(try await failure { try await reading.value })
        #expect(error.kind == .connection && error.error.message.contains("closed"))
        await fixture.tearDown()
    }

    /// Returns when the first row has come.
    private static func begin(_ fixture: SQLiteFixture, toAnEnd: Bool = false) async throws -> Task<Void, any Error> {
        let (rows, row) = AsyncStream<Void>.makeStream()
        let reading = Task {
            defer { row.finish() }
            try await fixture.warehouse.readAudience(
                .query(Self.computing(toAnEnd: toAnEnd), file: nil),
                columns: IdentifierColumns(email: "email", userID: nil)
            ) { _, _ in row.yield() }
        }
        for await _ in rows { break }
        return reading
    }

    @Test func anErrorOfTheQueryInItsMidstIsToldAsTheQuerysError() async throws {
        let fixture = try await SQLiteFixture.shop()
        let query = AudienceSource.query(
            "SELECT email, json_extract(iif(spent > 40, '{', '{}'), '$.a') AS other FROM people", file: nil)
        let error = try #require(
            try await failure {
                _ = try await AudienceConformance.read(fixture, query, email: "email", userID: "other")
            })
        #expect(error.description.contains("malformed JSON"))
        await fixture.tearDown()
    }

    // MARK: The function

    /// Nothing in the file can call what takes the rows.
    @Test func whatTheFileHoldsCannotCallTheFunction() async throws {
        let fixture = try await SQLiteFixture.shop()
        try await fixture.execute("CREATE VIEW trap AS SELECT rollcall_rows(email) AS email FROM people")
        let seen = Mutex(0)
        let columns = IdentifierColumns(email: "email", userID: nil)
        for source in [AudienceSource.table(["trap"]), .query("SELECT * FROM trap", file: nil)] {
            let error = try #require(
                try await failure {
                    try await fixture.warehouse.readAudience(source, columns: columns) { _, _ in
                        seen.withLock { $0 += 1 }
                    }
                })
            #expect(error.kind == .query)
            #expect(error.error.message.contains("rollcall_rows"), "\(error)")
            #expect(error.error.hint != nil)
            #expect(try await kind { _ = try await fixture.warehouse.columns(of: source) } == .query)
        }
        #expect(seen.withLock { $0 } == 0)
        await fixture.tearDown()
    }

    /// A query that names it with other columns than those that are read: refused, and nothing is read that is not there.
    @Test(arguments: ["rollcall_rows()", "rollcall_rows(email)", "rollcall_rows(email, user_id, city)"])
    func aQueryCannotCallTheFunctionWithOtherColumns(call: String) async throws {
        let fixture = try await SQLiteFixture.shop()
        let seen = Mutex(0)
        let source = AudienceSource.query("SELECT \(call) AS email, 1 AS user_id FROM people", file: nil)
        let error = try #require(
            try await failure {
                try await fixture.warehouse.readAudience(
                    source, columns: IdentifierColumns(email: "email", userID: "user_id")
                ) { email, userID in
                    seen.withLock { $0 += 1 }
                    _ = email.shown + userID.shown
                }
            })
        #expect(error.kind == .query)
        #expect(seen.withLock { $0 } == 0)
        await fixture.tearDown()
    }
}

import RollcallCore
import TestSupport
import Testing
import Warehouse

/// Values of every storage class, from SQLite to the JSON that Iterable gets. SQLite keeps what it is given: the declared type
/// says what a value should be, and one that is something else makes its row invalid.
@Suite struct SQLiteContentTests {
    @Test(arguments: [
        ("INTEGER", "7", "7"), ("INTEGER", "'x'", "wrongStorage"), ("INTEGER", "1.5", "wrongStorage"),
        ("BIGINT", "-9223372036854775808", "-9223372036854775808"), ("INTEGER", "x'00'", "wrongStorage"),
        ("REAL", "3", "3.0"), ("REAL", "0.1", "0.1"), ("REAL", "9e999", "notANumber"), ("REAL", "'x'", "wrongStorage"),
        ("DOUBLE PRECISION", "2.5", "2.5"), ("NUMERIC", "3", "3.0"), ("DECIMAL(10,2)", "3.25", "3.25"),
        ("BOOLEAN", "0", "false"), ("BOOLEAN", "1", "true"), ("BOOLEAN", "2", "wrongStorage"),
        ("BOOLEAN", "'true'", "wrongStorage"), ("TEXT", "'a\"é'", "\"a\\\"é\""), ("TEXT", "5", "\"5\""),
        ("TEXT", "''", "\"\""), ("TEXT", "x'4142'", "opaque"), ("TEXT", "CAST(x'41FF' AS TEXT)", "notUTF8"),
        ("TEXT", "CAST(x'410042' AS TEXT)", "hasNUL"), ("VARCHAR(5)", "'toolong'", "\"toolong\""),
        ("ENUM", "'paid'", "\"paid\""),
        ("UUID", "'3F25'", "\"3F25\""), ("DATE", "'2024-02-29'", "\"2024-02-29\""),
        ("DATE", "'2024-02-30'", "wrongForm"),
        ("DATE", "'2024-02-29 10:00:00'", "wrongForm"), ("DATE", "20240229", "wrongStorage"),
        ("DATETIME", "'2024-02-29 13:14:15'", "\"2024-02-29 13:14:15 +00:00\""),
        ("TIMESTAMP", "'2024-02-29T13:14:15.9+02:00'", "\"2024-02-29 11:14:15 +00:00\""),
        ("TIMESTAMP", "'2024-02-29'", "\"2024-02-29\""), ("TIMESTAMP", "1700000000", "wrongStorage"),
        ("TIMESTAMP", "'10000-01-01 00:00:00'", "wrongForm"),
        ("JSON", "'{\"a\":1.10}'", "{\"a\":1.10}"), ("JSON", "'{\"a\":1,\"a\":2}'", "repeatedKey"),
        ("JSON", "'{'", "notJSON"),
        ("JSON", "'null'", "null"), ("INTEGER", "NULL", "null"), ("JSON", "NULL", "null"),
    ])
    func everyStorageClassIsSentAsTheContractSays(_ type: String, _ value: String, _ expected: String) async throws {
        let fixture = try await SQLiteFixture.make()
        try await fixture.execute("CREATE TABLE t (v \(type)); INSERT INTO t VALUES (\(value))")
        #expect(try await RecordConformance.read(fixture.warehouse, .table(["t"]), fields: ["v"]) == [expected])
        await fixture.tearDown()
    }

    @Test(
        arguments: [
            (.string, "'x'", "\"x\""), (.string, "5", "wrongStorage"), (.long, "5", "5"), (.double, "5", "5.0"),
            (.double, "0.5", "0.5"), (.boolean, "1", "true"), (.date, "'2024-02-29'", "\"2024-02-29\""),
            (.json, "'[1]'", "[1]"), (.long, "'5'", "wrongStorage"), (.json, "' null '", "null"),
        ] as [(DeclaredType, String, String)])
    func expressionsHaveTheTypeThatIsGiven(_ type: DeclaredType, _ value: String, _ expected: String) async throws {
        let fixture = try await SQLiteFixture.make()
        let source = AudienceSource.query("SELECT \(value) AS v", file: nil)
        #expect(
            try await RecordConformance.read(fixture.warehouse, source, fields: ["v"], types: ["v": type]) == [expected]
        )
        await fixture.tearDown()
    }

    @Test func databasesInUTF16AreReadAsUTF8() async throws {
        let fixture = try await SQLiteFixture.make()
        try await fixture.execute("PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (v TEXT); INSERT INTO t VALUES ('é😀')")
        #expect(try await RecordConformance.read(fixture.warehouse, .table(["t"]), fields: ["v"]) == ["\"é😀\""])
        await fixture.tearDown()
    }

    /// To group rows of a file would cost more than to hand them over.
    @Test func rowsAreNotGrouped() async throws {
        let fixture = try await SQLiteFixture.make()
        try await fixture.execute("CREATE TABLE t (sku TEXT, v INTEGER); INSERT INTO t VALUES ('a', 1)")
        let columns = RecordColumns(identifiers: IdentifierColumns(email: nil, userID: nil), fields: ["sku", "v"])
        #expect(try await RecordBucketConformance.read(fixture.warehouse, .table(["t"]), columns) == nil)
        #expect(
            try await BucketConformance.read(
                fixture, .table(["t"]), IdentifierColumns(email: nil, userID: "sku")) == nil)
        await fixture.tearDown()
    }

    /// A query that swallows what is put behind it would give other columns than those that were asked for.
    @Test func aQueryThatDoesNotEndWhereItSeemsToIsRefused() async throws {
        let fixture = try await SQLiteFixture.make()
        try await fixture.execute("CREATE TABLE t (a TEXT, b TEXT); INSERT INTO t VALUES ('x', 'y')")
        let source = AudienceSource.query("SELECT a, b FROM t) SELECT 1, b, a FROM t /*", file: nil)
        let columns = RecordColumns(identifiers: IdentifierColumns(email: nil, userID: nil), fields: ["b", "a"])
        do {
            try await fixture.warehouse.readRecords(source, columns: columns, parts: 1) { _, _, _, _ in
                Issue.record("a row was read")
            }
            Issue.record("the query was taken")
        } catch let error as WarehouseError {
            #expect(error.kind == .query)
        }
        await fixture.tearDown()
    }
}

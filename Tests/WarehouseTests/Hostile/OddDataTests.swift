import Foundation
import RollcallCore
import TestSupport
import Testing

@testable import Warehouse

/// Cells and tables at the limits of what the databases allow.
@Suite(.serialized, .timeLimit(.minutes(10))) struct OddDataTests {
    private func sizes(_ fixture: some WarehouseFixture, _ query: String) async throws -> [Int?] {
        let seen = Collector<Int?>()
        try await fixture.warehouse.readAudience(
            .query(query, file: nil), columns: IdentifierColumns(email: "email", userID: nil)
        ) { cell, _ in
            seen.add(cell.bytes?.count)
        }
        return seen.all
    }

    @Test func aCellOfAHundredMegabytesInPostgres() async throws {
        try await withDatabase { fixture in
            let query = "SELECT repeat('x', 100000000) AS email UNION ALL SELECT 'a@b.co'"
            let found = try await sizes(fixture, query)
            #expect(found == [100_000_000, 6])
        }
    }

    @Test func aCellOfAHundredMegabytesInSQLite() async throws {
        let fixture = try await SQLiteFixture.make()
        let query = "SELECT CAST(zeroblob(100000000) AS TEXT) AS email UNION ALL SELECT 'a@b.co'"
        let found = try await sizes(fixture, query)
        #expect(found == [100_000_000, 6])
        await fixture.tearDown()
    }

    private func manyColumns(_ fixture: some WarehouseFixture) async throws {
        // 1,600 is the most that Postgres has; SQLite takes 2,000.
        let names = (1...1_600).map { "c\($0)" }
        try await fixture.execute("CREATE TABLE wide (\(names.map { "\($0) text" }.joined(separator: ", ")))")
        try await fixture.execute("INSERT INTO wide (c1, c800, c1600) VALUES ('first', 'middle', 'last')")
        let columns = try await fixture.warehouse.columns(of: .table(["wide"]))
        #expect(columns.map(\.name) == names)
        let rows = try await AudienceConformance.read(fixture, .table(["wide"]), email: "c1600", userID: "c800")
        #expect(rows == ["last|middle"])
        let missing = await warehouseFailure {
            try await AudienceConformance.read(fixture, .table(["wide"]), email: "c1601", userID: nil)
        }
        #expect(missing?.kind == .missing)
    }

    @Test func sixteenHundredColumnsInPostgres() async throws { try await withDatabase { try await manyColumns($0) } }

    @Test func sixteenHundredColumnsInSQLite() async throws {
        let fixture = try await SQLiteFixture.make()
        try await manyColumns(fixture)
        await fixture.tearDown()
    }

    /// A value that cannot be an identifier is said to be none; it never becomes another one.
    @Test func numbersAndTimesThatAreNone() async throws {
        try await withDatabase { fixture in
            let values = [
                "'NaN'::float8", "'Infinity'::float8", "'-Infinity'::float8", "'NaN'::numeric", "'Infinity'::numeric",
                "'infinity'::timestamptz", "'-infinity'::date", "1e308::float8", "'{}'::jsonb", "ARRAY['a']",
                "'\\x00'::bytea",
                "1.0::float4", "true", "interval '1 day'", "'1.5'::numeric",
            ]
            for value in values {
                let rows = try await audience(
                    fixture.warehouse, .query("SELECT \(value) AS id", file: nil),
                    IdentifierColumns(email: nil, userID: "id"))
                #expect(rows.map { $0[1].isIdentifier } == [false], "\(value): \(rows)")
            }
            let exact = try await audience(
                fixture.warehouse,
                .query(
                    "SELECT n FROM (VALUES (9007199254740993::numeric), (99999999999999999999999999999999999999::numeric),"
                        + " (-0.00::numeric), (1e20::numeric)) AS v (n)", file: nil),
                IdentifierColumns(email: nil, userID: "n"))
            #expect(
                exact.map { $0[1].text } == [
                    "9007199254740993", "99999999999999999999999999999999999999", "0", "100000000000000000000",
                ])
        }
    }

    @Test func valuesThatDatabasesKeepApartStayApart() async throws {
        let fixture = try await SQLiteFixture.make()
        try await fixture.execute(
            """
            CREATE TABLE odd (email);
            INSERT INTO odd VALUES ('1'), ('01'), ('1.0'), (1), (char(233)), (char(101, 769)), (CAST(x'61ff62' AS TEXT)),
                (CAST(x'61fe62' AS TEXT)), ('a' || char(0) || 'b'), ('a'), ('A');
            """)
        let seen = Collector<[UInt8]>()
        try await fixture.warehouse.readAudience(
            .table(["odd"]), columns: IdentifierColumns(email: "email", userID: nil)
        ) { cell, _ in seen.add(cell.bytes.map { Array($0) } ?? []) }
        #expect(seen.all.count == 11 && Set(seen.all).count == 10, "only '1' and 1 are the same bytes")
        await fixture.tearDown()
    }

    @Test(arguments: [-Double.infinity, .infinity, .nan, -1e300, 1e300, -62_135_596_801, 253_402_300_800])
    func timesBeyondTheCalendarAreTheNearestInIt(_ seconds: Double) {
        let date = Date(timeIntervalSince1970: seconds)
        let text = SQLiteTime.text(date)
        #expect(text.utf8.count == 24 && SQLiteTime.date(text) != nil, "\(text)")
        #expect(seconds > 0 || seconds.isNaN ? text.hasPrefix("9999") : text.hasPrefix("000"), "\(text)")
        let milliseconds = PostgresText.milliseconds(date)
        #expect((-62_135_596_800_000...253_402_300_799_999).contains(milliseconds))
    }
}

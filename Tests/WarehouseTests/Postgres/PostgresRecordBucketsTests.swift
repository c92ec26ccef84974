import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

/// Rows with content of Postgres that are read by bucket.
@Suite struct PostgresRecordBucketsTests {
    /// Two different values of each type, the second one of which looks like the first in some text, order or precision.
    private static let values: [(type: String, first: String, second: String)] = [
        ("smallint", "1", "-1"), ("integer", "1", "65537"), ("bigint", "1", "4294967297"),
        ("bigint", "4294967297", "-4294967297"), ("numeric", "1.0", "1.00"), ("numeric(10,2)", "1.50", "1.51"),
        ("numeric", "'NaN'", "0"), ("real", "0.1", "'0.10000001'"),
        ("double precision", "0.1", "'0.10000000000000002'"),
        ("double precision", "0", "'-0'"), ("double precision", "'Infinity'", "'-Infinity'"),
        ("boolean", "true", "false"),
        ("date", "'2026-01-02'", "'2026-02-01'"), ("date", "'infinity'", "'-infinity'"),
        ("timestamptz", "'2026-01-02 00:00+00'", "'2026-01-02 00:00:00.000001+00'"),
        ("timestamp", "'2026-01-02'", "'2026-01-02 00:00:00.000001'"), ("text", "''", "' '"),
        ("text", "'é'", "E'e\\u0301'"),
        ("varchar(20)", "'a'", "'a '"), ("char(5)", "'a'", "'A'"), ("name", "'a'", "'b'"),
        ("text COLLATE odd", "'a'", "'A'"),
        ("uuid", "'00000000-0000-0000-0000-000000000000'", "'00000000-0000-0000-0000-000000000001'"),
        ("json", "'{\"a\":1}'", "'{\"a\": 1}'"), ("jsonb", "'{\"a\":1.0}'", "'{\"a\":1.00}'"),
        ("jsonb", "'null'", "'0'"),
        ("mood", "'sad'", "'glad'"), ("word", "'a'", "'A'"), ("price", "1", "2"), ("words", "'{a}'", "'{A}'"),
        ("text[]", "'{a,b}'", "'{\"a,b\"}'"), ("text[]", "'{}'", "'{NULL}'"), ("text[]", "'{NULL}'", "'{\"NULL\"}'"),
        ("integer[]", "'{1,23}'", "'{12,3}'"), ("integer[]", "'{{1,2},{3,4}}'", "'{{1,2,3,4}}'"),
        ("double precision[]", "'{0.1}'", "'{0.10000000000000002}'"), ("char(3)[]", "'{a}'", "'{A}'"),
        ("timestamptz[]", "'{2026-01-02 00:00+00}'", "'{2026-01-02 00:00:00.000001+00}'"),
        // What cannot be sent.
        ("bytea", #"'\x00'"#, #"'\x0000'"#), ("bytea[]", #"'{"\\x00"}'"#, #"'{"\\x01"}'"#),
        ("interval", "'1 day'", "'25 hours'"),
        ("time", "'10:00'", "'10:00:00.000001'"), ("money", "1", "2"), ("inet", "'10.0.0.1'", "'10.0.0.2'"),
        ("daterange", "'[2026-01-02,2026-02-01)'", "'[2026-01-02,2026-02-01]'"), ("pair", "'(1,a)'", "'(1,)'"),
        ("pair", "'(,)'", "'(,\"\")'"), ("point", "'(1,2)'", "'(2,1)'"), ("bit(3)", "'101'", "'100'"),
        ("tsvector", "'a b'", "'a c'"),
    ]
    private static let names = values.indices.map { "c\($0)" }
    private static let columns = RecordColumns(
        identifiers: IdentifierColumns(email: nil, userID: "id"), fields: names)
    private static let table = AudienceSource.table(["odd"])

    private func makeTable(_ fixture: PostgresFixture) async throws {
        let definitions = zip(Self.names, Self.values).map { "\($0) \($1.type)" }
        let firsts = Self.values.map(\.first)
        try await fixture.execute(
            """
            CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE DOMAIN word AS text; CREATE DOMAIN price AS numeric(10,2);
            CREATE DOMAIN words AS text[]; CREATE TYPE pair AS (a integer, b text);
            CREATE COLLATION odd (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
            CREATE TABLE odd (id integer, \(definitions.joined(separator: ", ")));
            INSERT INTO odd SELECT i, \(firsts.joined(separator: ", ")) FROM generate_series(1, 40) i
            """)
    }

    private func read(
        _ warehouse: any Warehouse, _ source: AudienceSource = table, _ columns: RecordColumns = columns,
        buckets: Int = 16
    ) async throws -> RecordBucketConformance.Reading {
        try #require(try await RecordBucketConformance.read(warehouse, source, columns, buckets: buckets))
    }

    private func readAll(_ warehouse: any Warehouse) async throws -> [String] {
        try await RecordBucketConformance.readAll(warehouse, Self.table, Self.columns)
    }

    @Test func valuesOfEveryTypeAreThoseOfAllRowsAndCount() async throws {
        try await withDatabase { fixture in
            try await makeTable(fixture)
            let first = try await read(fixture.warehouse)
            #expect(try await readAll(fixture.warehouse) == first.texts)
            var before = first
            for (name, value) in zip(Self.names, Self.values) {
                for next in [value.second, "NULL"] {
                    try await fixture.execute("UPDATE odd SET \(name) = \(next) WHERE id = 7")
                    let after = try await read(fixture.warehouse)
                    let bucket = try after.bucket("NULL|7|")
                    #expect(after.buckets(otherThan: before) == [bucket], "\(value.type): \(next)")
                    before = after
                }
            }
            #expect(try await readAll(fixture.warehouse) == before.texts)
            let firsts = zip(Self.names, Self.values).map { "\($0) = \($1.first)" }
            try await fixture.execute("UPDATE odd SET \(firsts.joined(separator: ", ")) WHERE id = 7")
            let last = try await read(fixture.warehouse)
            #expect(last.digests == first.digests && last.basis == first.basis, "the same rows have the same digests")
        }
    }

    /// What a role sets for its sessions: digests of equal rows are equal, or count for nothing.
    @Test(arguments: [
        "DateStyle='German, DMY'", "DateStyle='SQL, DMY'", "TimeZone='Asia/Tokyo'", "extra_float_digits=-15",
        "bytea_output=escape", "IntervalStyle=sql_standard", "standard_conforming_strings=off", "work_mem='64kB'",
        "search_path=odd,public", "default_transaction_isolation=serializable",
    ])
    func settingsChangeTheBasisOrNothing(_ setting: String) async throws {
        try await withDatabase { fixture in
            try await makeTable(fixture)
            let before = try await read(fixture.warehouse)
            try await fixture.execute("ALTER DATABASE \(fixture.database) SET \(setting)")
            let other = PostgresWarehouse(url: fixture.url, stateSchema: "rollcall")
            let reading = try await read(other)
            let all = try await readAll(other)
            await other.close()
            #expect(reading.digests == before.digests || reading.basis != before.basis)
            #expect(reading.texts == all)
        }
    }

    /// The digits of a float that a text would leave out, with a role whose texts leave out most of them.
    @Test func floatsAreExactWhateverTheRoleWantsToSee() async throws {
        try await withDatabase { fixture in
            try await fixture.execute(
                """
                ALTER DATABASE \(fixture.database) SET extra_float_digits = -15;
                CREATE TABLE odd (a double precision, b real, c double precision[], d text)
                """)
            let other = PostgresWarehouse(url: fixture.url, stateSchema: "rollcall")
            let columns = RecordColumns(
                identifiers: IdentifierColumns(email: nil, userID: nil), fields: ["a", "b", "c"])
            var digests: Set<String> = []
            let rows = [
                "0.1, 0.1, '{0.1}'", "0.10000000000000002, 0.1, '{0.1}'", "0.1, 0.10000001, '{0.1}'",
                "0.1, 0.1, '{0.10000000000000002}'",
            ]
            for row in rows {
                try await fixture.execute("TRUNCATE odd; INSERT INTO odd VALUES (\(row))")
                digests.insert("\(try await read(other, Self.table, columns, buckets: 1).digests)")
            }
            await other.close()
            #expect(digests.count == rows.count)
        }
    }

    /// A query sees the settings that it sees where all rows are read, for its digests and for its rows.
    @Test func aQueryKeepsTheSettingsOfItsRole() async throws {
        try await withDatabase { fixture in
            try await fixture.execute("ALTER DATABASE \(fixture.database) SET extra_float_digits = -14")
            let other = PostgresWarehouse(url: fixture.url, stateSchema: "rollcall")
            let query = AudienceSource.query(
                "SELECT current_setting('extra_float_digits') AS digits, ARRAY[0.1::float8] AS floats, 1.5::float8 AS f",
                file: nil)
            for fields in [["digits", "f"], ["digits", "floats"]] {
                let columns = RecordColumns(identifiers: IdentifierColumns(email: nil, userID: nil), fields: fields)
                let reading = try await read(other, query, columns)
                #expect(
                    try await RecordBucketConformance.readAll(other, query, columns) == reading.texts, "\(fields)")
            }
            await other.close()
        }
    }

    @Test func typesSettingsAndVersionAreTheBasis() async throws {
        try await withDatabase { fixture in
            try await fixture.execute("CREATE TABLE odd (id text, v numeric); INSERT INTO odd VALUES ('a', 5)")
            let columns = RecordColumns(identifiers: IdentifierColumns(email: nil, userID: "id"), fields: ["v"])
            let before = try await read(fixture.warehouse, Self.table, columns).basis
            #expect(before.contains("PostgreSQL") && before.contains("UTF8") && before.contains("TimeZone "))
            var bases: Set<String> = [before]
            for type in ["numeric(9,0)", "bigint", "text"] {
                try await fixture.execute("ALTER TABLE odd ALTER COLUMN v TYPE \(type) USING v::\(type)")
                bases.insert(try await read(fixture.warehouse, Self.table, columns).basis)
            }
            #expect(bases.count == 4)
        }
    }

    /// One view is not one result.
    @Test func rowsThatAreNotThoseOfTheirDigestsAreAnError() async throws {
        try await withDatabase { fixture in
            let query = AudienceSource.query(
                "SELECT i::text AS id, random() AS v FROM generate_series(1, 100) i", file: nil)
            let columns = RecordColumns(identifiers: IdentifierColumns(email: nil, userID: "id"), fields: ["v"])
            let error = await #expect(throws: WarehouseError.self) { try await read(fixture.warehouse, query, columns) }
            #expect(error?.kind == .inconsistent && error?.isTransient == true)
        }
    }

    /// Where the server has no room for so deep a term, nothing is called; all rows can be read.
    @Test func aTermThatIsTooDeepForTheServerIsNoError() async throws {
        try await withDatabase { fixture in
            let names = (0..<351).map { "c\($0)" }
            try await fixture.execute("CREATE TABLE wide (\(names.map { "\($0) bigint" }.joined(separator: ", ")))")
            try await fixture.execute("INSERT INTO wide SELECT \(names.map { _ in "5" }.joined(separator: ", "))")
            let columns = RecordColumns(identifiers: IdentifierColumns(email: nil, userID: nil), fields: names)
            let wide = AudienceSource.table(["wide"])
            #expect(try await read(fixture.warehouse, wide, columns).rows.count == 1)
            try await fixture.execute("ALTER DATABASE \(fixture.database) SET max_stack_depth = '100kB'")
            let other = PostgresWarehouse(url: fixture.url, stateSchema: "rollcall")
            #expect(try await RecordBucketConformance.read(other, wide, columns) == nil)
            #expect(try await RecordBucketConformance.readAll(other, wide, columns).count == 1)
            await other.close()
        }
    }

    /// A result has 1664 columns at most, and rows by bucket have two more than the source.
    @Test func aRowWithoutRoomForItsBucketIsNoError() async throws {
        try await withDatabase { fixture in
            let names = (0..<1663).map { "c\($0)" }
            let query = AudienceSource.query("SELECT \(names.map { "1 AS \($0)" }.joined(separator: ", "))", file: nil)
            let columns = RecordColumns(identifiers: IdentifierColumns(email: nil, userID: nil), fields: names)
            let reading = try await RecordBucketConformance.read(fixture.warehouse, query, columns)
            let all = try await RecordBucketConformance.readAll(fixture.warehouse, query, columns)
            #expect(reading == nil && all.count == 1)
        }
    }

    /// Texts in another encoding come decoded, with digests of the bytes that are stored.
    @Test func anotherEncodingIsRead() async throws {
        let fixture = try await PostgresFixture.make(encoding: "LATIN1")
        do {
            try await fixture.execute(
                """
                CREATE TABLE odd (id text, a text, b json, c text[]);
                INSERT INTO odd VALUES ('ü', 'é', '{"k": "é"}', ARRAY['é']), ('u', 'e', NULL, NULL)
                """)
            let columns = RecordColumns(
                identifiers: IdentifierColumns(email: nil, userID: "id"), fields: ["a", "b", "c"])
            let reading = try await read(fixture.warehouse, Self.table, columns)
            #expect(
                reading.texts == ["NULL|u|e|NULL|NULL", #"NULL|ü|é|json {"k": "é"}|json ["é"]"#]
                    && reading.basis.contains("LATIN1"))
        } catch {
            await fixture.tearDown()
            throw error
        }
        await fixture.tearDown()
    }
}

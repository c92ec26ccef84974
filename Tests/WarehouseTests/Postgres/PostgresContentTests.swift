import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

/// Values of every type, from Postgres to the JSON that Iterable gets.
@Suite struct PostgresContentTests {
    private static let values: [(String, String)] = [
        ("7::smallint", "7"), ("-7::integer", "-7"), ("9223372036854775807::bigint", "9223372036854775807"),
        ("12::numeric(10,0)", "12"), ("12300::numeric(5,-2)", "12300"), ("1e30::numeric(40,0)", "beyondInt64"),
        ("12.5::numeric(10,2)", "12.50"), ("3::numeric(10,2)", "3.00"), ("3::numeric", "3.0"),
        ("1234567890123456789012345678901234567890.5::numeric", "1234567890123456789012345678901234567890.5"),
        ("'NaN'::numeric", "notANumber"), ("'Infinity'::numeric", "notANumber"),
        ("0.1::double precision", "0.1"), ("3::double precision", "3.0"), ("1e300::double precision", "1.0e+300"),
        ("0.1::real", "0.1"), ("'NaN'::real", "notANumber"), ("'-Infinity'::double precision", "notANumber"),
        ("true", "true"), ("false", "false"),
        ("'2024-02-29'::date", "\"2024-02-29\""), ("'infinity'::date", "infiniteTime"),
        ("'0044-03-15 BC'::date", "yearOutOfRange"), ("'10000-01-01'::date", "yearOutOfRange"),
        ("'2024-02-29 13:14:15.999+02'::timestamptz", "\"2024-02-29 11:14:15 +00:00\""),
        ("'1969-12-31 23:59:59.5+00'::timestamptz", "\"1969-12-31 23:59:59 +00:00\""),
        ("'2024-02-29 13:14:15.5'::timestamp", "\"2024-02-29 13:14:15 +00:00\""),
        ("'-infinity'::timestamp", "infiniteTime"), ("'294276-12-31 23:59:59'::timestamp", "yearOutOfRange"),
        ("'a\"b'::text", "\"a\\\"b\""), ("'x'::varchar(5)", "\"x\""), ("'x'::char(5)", "\"x\""), ("'n'::name", "\"n\""),
        ("'3F2504E0-4F89-11D3-9A0C-0305E82C3301'::uuid", "\"3f2504e0-4f89-11d3-9a0c-0305e82c3301\""),
        ("'{\"b\": 1.10, \"a\": [null]}'::json", "{\"b\": 1.10, \"a\": [null]}"),
        ("'{\"b\": 1.10, \"a\": [null]}'::jsonb", "{\"a\": [null], \"b\": 1.10}"),
        ("'{\"a\":1,\"a\":2}'::json", "repeatedKey"), ("'null'::jsonb", "null"),
        ("ARRAY['a','b\"c',NULL]", "[\"a\",\"b\\\"c\",null]"), ("ARRAY[1,2]", "[1,2]"), ("'{}'::text[]", "[]"),
        ("ARRAY[1.50,NULL]::numeric[]", "[1.50,null]"), ("ARRAY['NaN']::float8[]", "notANumber"),
        ("ARRAY[0.1234567890123456,0.1]::float8[]", "[0.1234567890123456,0.1]"), ("ARRAY[0.1]::real[]", "[0.1]"),
        ("ARRAY['x']::char(5)[]", "[\"x\"]"), ("ARRAY[true,false]", "[true,false]"),
        ("ARRAY['2024-02-29']::date[]", "[\"2024-02-29\"]"),
        ("ARRAY['infinity']::date[]", "infiniteTime"), ("ARRAY[[1,2],[3,4]]", "[[1,2],[3,4]]"),
        ("ARRAY['{\"a\":1}'::jsonb]", "[{\"a\": 1}]"),
        ("NULL::integer", "null"), ("NULL::jsonb", "null"), ("NULL::text[]", "null"), ("NULL::uuid", "null"),
    ]

    private static let query = AudienceSource.query(
        "SELECT " + values.enumerated().map { "\($0.element.0) AS c\($0.offset)" }.joined(separator: ", "), file: nil)
    private static let names = values.indices.map { "c\($0)" }

    /// The settings of the role change what psql shows of them, and nothing of what is sent.
    @Test(arguments: [
        "", "-c TimeZone=Asia/Tokyo -c DateStyle=German -c extra_float_digits=-15 -c IntervalStyle=sql_standard",
        "-c DateStyle=SQL,DMY -c TimeZone=America/St_Johns -c bytea_output=escape",
    ])
    func everyTypeIsSentAsTheContractSays(_ options: String) async throws {
        try await withDatabase { fixture in
            // A timestamp with a zone that is written without one is read in the session's: so these have theirs.
            let warehouse = PostgresWarehouse(
                url: Secret(fixture.cluster.socketURL(database: fixture.database) + " options='\(options)'"),
                stateSchema: "rollcall")
            let rows = try await RecordConformance.read(warehouse, Self.query, fields: Self.names)
            await warehouse.close()
            let found = rows.first?.split(separator: "|", omittingEmptySubsequences: false).map(String.init) ?? []
            #expect(rows.count == 1 && found.count == Self.values.count)
            for ((expression, expected), value) in zip(Self.values, found) {
                #expect(value == expected, "\(expression)")
            }
        }
    }

    @Test func whatCannotBeSentIsKnownByItsColumn() async throws {
        try await withDatabase { fixture in
            try await fixture.execute(
                """
                CREATE TYPE mood AS ENUM ('happy'); CREATE DOMAIN price AS numeric(10,2); CREATE DOMAIN age AS integer;
                CREATE TYPE pair AS (a integer, b text);
                CREATE TABLE odd (mood mood, price price, age age, raw bytea, span interval, period daterange,
                                  clock time, money money, address inet, couple pair, many bytea[], ages age[],
                                  moments timestamptz[])
                """)
            let columns = try await fixture.warehouse.columns(of: .table(["odd"]))
            #expect(
                columns.map { "\($0.name): \($0.family)" } == [
                    "mood: a text column", "price: a decimal column", "age: an integer column",
                    "raw: a column of a type that cannot be sent", "span: a column of a type that cannot be sent",
                    "period: a column of a type that cannot be sent", "clock: a column of a type that cannot be sent",
                    "money: a column of a type that cannot be sent", "address: a column of a type that cannot be sent",
                    "couple: a column of a type that cannot be sent", "many: an array column", "ages: an array column",
                    "moments: an array column",
                ])
            for name in ["raw", "span", "many", "ages", "moments"] {
                let family = try #require(columns.first { $0.name == name }?.family)
                #expect(throws: FieldConversion.Refusal.self, "\(name)") { try FieldConversion(family, as: nil) }
            }
            try await fixture.execute("INSERT INTO odd (mood, price, age) VALUES ('happy', 3, 5)")
            let rows = try await RecordConformance.read(
                fixture.warehouse, .table(["odd"]), fields: ["mood", "price", "age"])
            #expect(rows == ["\"happy\"|3.00|5"])
        }
    }

    /// Around the hours at which clocks are set, in zones of both hemispheres.
    @Test(arguments: [
        "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca",
    ])
    func localTimesAreThoseThatPostgresMakesOfThem(_ name: String) async throws {
        let zone = try #require(TimeZone(identifier: name))
        let conversion = try FieldConversion(.localTimestamp, as: .date, zone: zone)
        try await withDatabase { fixture in
            let rows = Collected<String>()
            let source = AudienceSource.query(
                """
                SELECT t AS local,
                       to_char(t AT TIME ZONE '\(name)' AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS moment
                  FROM generate_series(timestamp '2023-12-31', timestamp '2025-01-02', interval '17 minutes') AS t
                """, file: nil)
            let columns = RecordColumns(
                identifiers: IdentifierColumns(email: nil, userID: nil), fields: ["local", "moment"])
            try await fixture.warehouse.readRecords(source, columns: columns, parts: 1) { _, _, _, cells in
                guard case .text(let moment) = cells[1] else { return }
                let expected = "\"\(String(decoding: moment, as: UTF8.self)) +00:00\""
                let found = RecordConformance.json(conversion, cells[0])
                if found != expected { rows.add("\(found) instead of \(expected)") }
            }
            #expect(rows.all.isEmpty, "\(rows.all.count): \(rows.all.prefix(5))")
        }
    }

    /// Texts of a server that does not speak UTF-8.
    @Test func textsOfOtherEncodings() async throws {
        let fixture = try await PostgresFixture.make(encoding: "LATIN1")
        let source = AudienceSource.query(
            #"SELECT E'\xE9'::text AS a, '{"k": "\xE9"}'::json AS b, ARRAY[E'\xE9'] AS c, 5 AS d"#.replacing(
                #"": "\xE9""#, with: "\": \"\u{e9}\""), file: nil)
        let rows = try await RecordConformance.read(fixture.warehouse, source, fields: ["a", "b", "c", "d"])
        #expect(rows == [#""é"|{"k": "é"}|["é"]|5"#])
        await fixture.tearDown()
    }

    /// Read over several connections, a row comes once.
    @Test func partsHaveTheSameRows() async throws {
        try await withDatabase { fixture in
            try await fixture.execute(
                "CREATE TABLE items AS SELECT 's' || i AS sku, i AS n, i::numeric(10,2) AS price FROM generate_series(1, 20000) i"
            )
            let warehouse = PostgresWarehouse(
                url: fixture.url, stateSchema: "rollcall", leastPartPages: 1)
            let seen = Collected<Int64>()
            let columns = RecordColumns(
                identifiers: IdentifierColumns(email: nil, userID: "sku"), fields: ["n", "price"])
            try await warehouse.readRecords(.table(["items"]), columns: columns, parts: 3) { _, _, userID, cells in
                guard case .integer(let n) = cells[0], case .decimal(let price) = cells[1],
                    userID.shown == "s\(n)", String(decoding: price, as: UTF8.self) == "\(n).00"
                else { return }
                seen.add(n)
            }
            await warehouse.close()
            #expect(seen.all.count == 20_000 && Set(seen.all).count == 20_000)
        }
    }
}

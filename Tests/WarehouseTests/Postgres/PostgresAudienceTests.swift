import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

@Suite struct PostgresAudienceTests {
    @Test func readsEachTypeAsItsTextForm() async throws {
        try await withDatabase { fixture in
            try await fixture.execute(
                """
                CREATE EXTENSION IF NOT EXISTS citext;
                CREATE TYPE tier AS ENUM ('gold', 'silver');
                CREATE DOMAIN code AS varchar(20);
                CREATE DOMAIN inner_code AS code;
                CREATE TABLE kinds (
                    a smallint, b integer, c bigint, d numeric(10,2), e uuid, f text, g varchar(9), h char(6),
                    i tier, j inner_code, k citext, l name, m double precision, n boolean, o date, p bytea, q jsonb,
                    r text[], s timestamptz, t int4range, u numeric);
                INSERT INTO kinds VALUES (-7, 2147483647, -9223372036854775808, 5, 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11',
                    'ü', 'v', 'h', 'gold', 'dom', 'CiT', 'nm', 1.5, true, '2020-01-01', '\\x00', '{}', '{a}', now(),
                    '[1,2)', 'NaN');
                """)
            let source = AudienceSource.table(["kinds"])
            let columns = try await fixture.warehouse.columns(of: source)
            #expect(columns.map(\.name) == (0..<21).map { String(UnicodeScalar(UInt8(97 + $0))) })
            #expect(columns.filter(\.canIdentify).map(\.name).joined() == "abcdefghijklu")
            #expect(columns[6].type == "character varying" && columns[4].type == "uuid" && columns[8].type == "tier")
            let expected: [String: Cell] = [
                "a": Cell(text: "-7"), "b": Cell(text: "2147483647"), "c": Cell(text: "-9223372036854775808"),
                "d": Cell(text: "5"), "e": Cell(text: "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), "f": Cell(text: "ü"),
                "g": Cell(text: "v"), "h": Cell(text: "h"), "i": Cell(text: "gold"), "j": Cell(text: "dom"),
                "k": Cell(text: "CiT"), "l": Cell(text: "nm"), "m": Cell(text: "1.5", isIdentifier: false),
                "u": Cell(text: "NaN", isIdentifier: false),
            ]
            for (name, cell) in expected {
                let rows = try await audience(fixture.warehouse, source, IdentifierColumns(email: nil, userID: name))
                #expect(rows == [[Cell(text: nil), cell]], "column \(name)")
            }
        }
    }

    @Test func numericsAreIdentifiersOnlyWithoutAFraction() async throws {
        try await withDatabase { fixture in
            let rows = try await audience(
                fixture.warehouse,
                .query(
                    "SELECT * FROM (VALUES (5.00), (5.10), (0.0), (NULL), (12345678901234567890123)) AS v (n)",
                    file: nil),
                IdentifierColumns(email: nil, userID: "n"))
            #expect(
                rows.map { $0[1] } == [
                    Cell(text: "5"), Cell(text: "5.10", isIdentifier: false), Cell(text: "0"), Cell(text: nil),
                    Cell(text: "12345678901234567890123"),
                ])
        }
    }

    @Test func hostileNamesAreQuoted() async throws {
        try await withDatabase { fixture in
            for name in ["a\"b", "a; DROP TABLE victim; --", "'x'", "select", "ü 😀", "$1", "a\\b"] {
                let quoted = "\"" + name.replacingOccurrences(of: "\"", with: "\"\"") + "\""
                try await fixture.execute(
                    "CREATE TABLE \(quoted) (\(quoted) text); INSERT INTO \(quoted) VALUES ('here')")
                let source = AudienceSource.table(["public", name])
                #expect(try await fixture.warehouse.columns(of: source).map(\.name) == [name])
                let rows = try await audience(fixture.warehouse, source, IdentifierColumns(email: name, userID: nil))
                #expect(rows == [[Cell(text: "here"), Cell(text: nil)]])
            }
        }
    }

    @Test(arguments: [
        "INSERT INTO victim VALUES (2) RETURNING id", "WITH w AS (DELETE FROM victim RETURNING id) SELECT * FROM w",
        "SELECT 1 AS id; DROP TABLE victim", "DROP TABLE victim", "SELECT write() AS id",
        "SELECT 1 AS id) AS x; DROP TABLE victim; --",
        "SELECT 1 AS id) AS x) TO PROGRAM 'touch /tmp/rollcall-injected' --",
        "SELECT id FROM victim FOR UPDATE", "SELECT id INTO copy FROM victim", "SELECT $1::int AS id", "",
        "SELECT 1 AS id /* open", "COMMIT",
    ])
    func refusesWhatIsNotOneReadingSelect(query: String) async throws {
        try await withDatabase { fixture in
            try await fixture.execute(
                """
                CREATE TABLE victim (id int); INSERT INTO victim VALUES (1);
                CREATE FUNCTION write() RETURNS int LANGUAGE sql VOLATILE AS 'INSERT INTO victim VALUES (3) RETURNING id';
                """)
            let error = await warehouseFailure {
                try await audience(
                    fixture.warehouse, .query(query, file: nil), IdentifierColumns(email: nil, userID: "id"))
            }
            #expect(error?.kind == .query, "\(String(describing: error))")
            #expect(try await fixture.query("SELECT id FROM victim") == [["1"]])
            #expect(!FileManager.default.fileExists(atPath: "/tmp/rollcall-injected"))
        }
    }

    @Test func acceptsWithValuesAndATrailingComment() async throws {
        try await withDatabase { fixture in
            let queries = [
                "WITH w AS (SELECT 'a' AS id) SELECT * FROM w", "SELECT 'a' AS id -- all", "TABLE t",
                "TABLE t;;\n -- end\n",
                "SELECT 'a' AS id WHERE 'x' <> ';--'", "SELECT 'a' AS id -- one; -- two\n;",
                "SELECT id FROM t WHERE id <> $$;$$ ; ", "SELECT id FROM t; /* the good ones */",
                "SELECT id FROM t /* ; */; -- one\n/* two /* three */ ; */ ;",
                "SELECT id FROM t WHERE id <> '; /* x */'",
            ]
            for query in queries {
                try await fixture.execute("DROP TABLE IF EXISTS t; CREATE TABLE t AS SELECT text 'a' AS id")
                let rows = try await audience(
                    fixture.warehouse, .query(query, file: nil), IdentifierColumns(email: "id", userID: nil))
                #expect(rows == [[Cell(text: "a"), Cell(text: nil)]])
            }
        }
    }

    @Test func namesWhatExists() async throws {
        try await withDatabase { fixture in
            try await fixture.execute(
                "CREATE TABLE vip_customers (email text, customer_id int); CREATE TABLE orders (id int)")
            let table = await warehouseFailure { try await fixture.warehouse.columns(of: .table(["vip_customer"])) }
            #expect(table?.kind == .missing)
            #expect(table?.error.hint?.hasPrefix("There are: vip_customers") == true)
            let column = await warehouseFailure {
                try await audience(
                    fixture.warehouse, .table(["vip_customers"]), IdentifierColumns(email: "mail", userID: nil))
            }
            #expect(column?.kind == .missing && column?.error.hint == "It has: email, customer_id.")
            let query = await warehouseFailure {
                try await fixture.warehouse.columns(
                    of: .query("SELECT email\nFROM vip_customers\nWHERE nope", file: "a.sql"))
            }
            #expect(query?.kind == .missing && query?.error.message.contains("(line 3, column 7)") == true)
        }
    }

    @Test func cancellingEndsTheReadingAndLeavesTheNextOneWorking() async throws {
        try await withDatabase { fixture in
            let warehouse = fixture.warehouse
            let task = Task {
                try await warehouse.readAudience(
                    .query("SELECT pg_sleep(600)::text AS id", file: nil),
                    columns: IdentifierColumns(email: "id", userID: nil)
                ) { _, _ in }
            }
            try await poll {
                try await fixture.query(
                    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY%'"
                ).count == 1
            }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            try await poll {
                try await fixture.query(
                    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY%'"
                ).isEmpty
            }
            let rows = try await audience(
                warehouse, .query("SELECT 'a' AS id", file: nil), IdentifierColumns(email: "id", userID: nil))
            #expect(rows.count == 1)
        }
    }

    struct Stop: Error {}

    @Test func anErrorOfTheCallerEndsTheReadingAndIsPassedOn() async throws {
        try await withDatabase { fixture in
            await #expect(throws: Stop.self) {
                try await fixture.warehouse.readAudience(
                    .query("SELECT g::text AS id FROM generate_series(1, 1000000) g", file: nil),
                    columns: IdentifierColumns(email: "id", userID: nil)
                ) { _, _ in throw Stop() }
            }
            let columns = try await fixture.warehouse.columns(of: .query("SELECT 1 AS id", file: nil))
            #expect(columns.count == 1)
        }
    }
}

/// Asks again and again until it is so; fails after a minute.
func poll(_ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + patience
    while try await !condition() {
        try #require(ContinuousClock.now < deadline, "it never came about")
        // A condition that never suspends would keep a thread of the pool from what it waits for.
        try await Task.sleep(for: .milliseconds(2))
    }
}

import Foundation
import RollcallCore
import Synchronization
import TestSupport
import Testing
import Warehouse

/// Rows of Postgres that are read by bucket.
@Suite struct PostgresBucketsTests {
    private static let grouping = RowGrouping(buckets: 1, key: [UInt8](repeating: 3, count: 16))
    private static let table = AudienceSource.table(["people"])

    /// What one reading gave.
    private struct Reading {
        var basis = ""
        var digest = BucketDigest.empty
        var rows: [String] = []
        var bytes: Int64?
    }

    private func read(
        _ warehouse: any Warehouse, _ columns: IdentifierColumns = IdentifierColumns(email: nil, userID: "id"),
        of source: AudienceSource = table, between: @escaping @Sendable () throws -> Void = {}
    ) async throws -> Reading {
        let found = Mutex(Reading())
        let meter = ReadMeter()
        let isRead = try await ReadMeter.$current.withValue(meter) {
            try await warehouse.readBuckets(source, columns: columns, grouping: Self.grouping) { grouped in
                found.withLock { ($0.basis, $0.digest) = (grouped.basis, grouped.digests[0]) }
                try between()
                var all = BucketSelection(buckets: 1)
                all.insert(0)
                return all
            } _: { email, userID, _ in
                let text = [email, userID].map { $0.bytes.map { String(decoding: $0, as: UTF8.self) } ?? "NULL" }
                found.withLock { $0.rows.append(text.joined(separator: "|")) }
            }
        }
        #expect(isRead)
        return found.withLock { reading in
            reading.bytes = meter.bytes
            return reading
        }
    }

    /// Rows that change after the digests were made are read as they were.
    @Test func digestsAndRowsAreOfOneView() async throws {
        try await withDatabase { fixture in
            try await fixture.execute("CREATE TABLE people AS SELECT i::text AS id FROM generate_series(1, 100) i")
            let url = fixture.url.reveal()
            let before = try await read(fixture.warehouse)
            let reading = try await read(fixture.warehouse) {
                try PostgresClient(url).run("UPDATE people SET id = 'x' || id; INSERT INTO people VALUES ('new')")
            }
            #expect(reading.digest == before.digest && reading.rows.sorted() == before.rows.sorted())
            #expect(try await read(fixture.warehouse).rows.count == 101)
        }
    }

    /// One view is not one result: as many rows, and others, in the second statement.
    @Test func rowsThatAreNotThoseOfTheirDigestsAreAnError() async throws {
        try await withDatabase { fixture in
            let source = AudienceSource.query(
                "SELECT i || ' ' || random() AS id FROM generate_series(1, 100) i", file: nil)
            let error = await #expect(throws: WarehouseError.self) { try await read(fixture.warehouse, of: source) }
            #expect(error?.kind == .inconsistent && error?.isTransient == true)
        }
    }

    private static func costly(_ fixture: PostgresFixture, code: String) async throws -> AudienceSource {
        try await fixture.execute(
            """
            CREATE FUNCTION costly(i integer) RETURNS text LANGUAGE plpgsql AS $$
            BEGIN
                IF current_query() LIKE '%GROUP BY%' THEN RAISE EXCEPTION 'no' USING ERRCODE = '\(code)'; END IF;
                RETURN i::text;
            END $$
            """)
        return .query("SELECT costly(i) AS id FROM generate_series(1, 10) i", file: nil)
    }

    /// A limit of time, the disk, memory, a limit of temporary files: rows may come another way.
    @Test(arguments: ["57014", "53100", "53200", "53400"]) func digestsThatCostTooMuchAreNoError(
        _ code: String
    ) async throws {
        try await withDatabase { fixture in
            let source = try await Self.costly(fixture, code: code)
            let columns = IdentifierColumns(email: nil, userID: "id")
            let isRead = try await fixture.warehouse.readBuckets(source, columns: columns, grouping: Self.grouping) {
                _ in
                Issue.record("nothing is to be chosen")
                return BucketSelection(buckets: 1)
            } _: { _, _, _ in
            }
            #expect(!isRead)
            #expect(try await audience(fixture.warehouse, source, columns).count == 10)
        }
    }

    /// What a standby ends in the digests it may end in the rows too.
    @Test func digestsThatAStandbyEndsAreAnError() async throws {
        try await withDatabase { fixture in
            let source = try await Self.costly(fixture, code: "40001")
            let error = await warehouseFailure { try await read(fixture.warehouse, of: source) }
            #expect(error?.kind == .recoveryConflict, "\(error as Any)")
        }
    }

    /// Whether rows are on other servers is then not known, and the digests are the same.
    @Test func aServerThatShowsNoPlanIsRead() async throws {
        try await withDatabase { fixture in
            try await fixture.execute("CREATE TABLE people AS SELECT i::text AS id FROM generate_series(1, 100) i")
            let proxy = try FaultyProxy(to: fixture.cluster.port)
            proxy.set(.misspell("EXPLAIN "), times: .max)
            let other = PostgresWarehouse(
                url: Secret("postgresql://\(PostgresCluster.superuser)@127.0.0.1:\(proxy.port)/\(fixture.database)"),
                stateSchema: "rollcall")
            var reading: Reading?
            let error = await warehouseFailure { reading = try await read(other) }
            await other.close()
            proxy.stop()
            let expected = try await read(fixture.warehouse)
            #expect(error == nil && reading?.rows.sorted() == expected.rows.sorted())
            #expect(reading?.digest == expected.digest && proxy.happened > 0)
        }
    }

    /// What the role has is set up for the digests, and set down for nothing.
    @Test func aQueryKeepsTheMemoryOfItsRole() async throws {
        try await withDatabase { fixture in
            try await fixture.execute("ALTER DATABASE \(fixture.database) SET work_mem = '128MB'")
            let other = PostgresWarehouse(url: fixture.url, stateSchema: "rollcall")
            let source = AudienceSource.query("SELECT current_setting('work_mem') AS id", file: nil)
            let reading = try await read(other, of: source)
            await other.close()
            #expect(reading.rows == ["NULL|128MB"])
        }
    }

    /// A table cannot be truncated between its digests and its rows, nor before a view that is older than the lock.
    @Test func aTableIsNotTruncatedMeanwhile() async throws {
        try await withDatabase { fixture in
            try await fixture.execute("CREATE TABLE people AS SELECT i::text AS id FROM generate_series(1, 100) i")
            let url = fixture.url.reveal()
            let reading = try await read(fixture.warehouse) {
                #expect(throws: PostgresCluster.Failure.self) {
                    try PostgresClient(url).run("SET lock_timeout = '50ms'; TRUNCATE people")
                }
            }
            #expect(reading.rows.count == 100)
        }
    }

    @Test func bytesAreCounted() async throws {
        try await withDatabase { fixture in
            try await fixture.execute(
                "CREATE TABLE people AS SELECT repeat('x', 1000) AS id FROM generate_series(1, 50) i")
            let bytes = try #require(try await read(fixture.warehouse).bytes)
            #expect((50_000..<60_000).contains(bytes))
            let meter = ReadMeter()
            try await ReadMeter.$current.withValue(meter) {
                try await fixture.warehouse.readAudience(
                    Self.table, columns: IdentifierColumns(email: nil, userID: "id"), parts: 1
                ) { _, _, _ in
                }
            }
            #expect((50_000..<60_000).contains(try #require(meter.bytes)))
        }
    }

    /// Values of every type that can identify, each pair of which is different, and NULL.
    @Test(arguments: [
        (
            "bigint",
            ["0", "1", "-1", "4294967296", "4294967297", "-4294967297", "9223372036854775807", "-9223372036854775808"]
        ),
        ("integer", ["0", "1", "-1", "2147483647"]), ("smallint", ["0", "-1", "32767"]),
        ("numeric", ["5", "5.0", "5.10", "'NaN'"]), ("varchar(20)", ["''", "'a'", "'a '"]),
        ("char(4)", ["'a'", "'b'"]),
        ("name", ["'a'", "'b'"]), ("mood", ["'sad'", "'glad'"]), ("word", ["'a'", "'A'"]), ("date", ["'2026-01-02'"]),
        ("uuid", ["'00000000-0000-0000-0000-000000000001'", "'00000000-0000-0000-0000-000000000100'"]),
        ("text COLLATE odd", ["'a'", "'A'", "'é'"]), ("bytea", [#"'\x00'"#, #"'\x0000'"#]),
    ])
    func valuesOfEveryTypeHaveTheirOwnDigest(_ type: String, _ values: [String]) async throws {
        try await withDatabase { fixture in
            try await fixture.execute(
                """
                CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE DOMAIN word AS text;
                CREATE COLLATION odd (provider = icu, locale = 'und-u-ks-level2', deterministic = false)
                """)
            try await fixture.execute("CREATE TABLE people (id \(type))")
            var digests: Set<String> = []
            var bases: Set<String> = []
            for value in values + ["NULL"] {
                try await fixture.execute("TRUNCATE people; INSERT INTO people VALUES (\(value))")
                let reading = try await read(fixture.warehouse)
                #expect(reading.rows.count == 1 && reading.digest.rows == 1)
                digests.insert("\(reading.digest)")
                bases.insert(reading.basis)
            }
            #expect(digests.count == values.count + 1)
            #expect(bases.count == 1)
        }
    }

    @Test func typesAndVersionAreTheBasis() async throws {
        try await withDatabase { fixture in
            try await fixture.execute("CREATE TABLE people (id text); INSERT INTO people VALUES ('5.00')")
            let text = try await read(fixture.warehouse)
            #expect(text.basis.contains("PostgreSQL") && text.basis.contains("UTF8"))
            try await fixture.execute("ALTER TABLE people ALTER COLUMN id TYPE numeric(9, 2) USING id::numeric")
            let number = try await read(fixture.warehouse)
            #expect(number.digest == text.digest && number.basis != text.basis, "5.00 is the identifier 5 now")
        }
    }

    /// What a role sets for its sessions changes nothing of a digest.
    @Test(arguments: [
        "standard_conforming_strings=off", "DateStyle=German", "bytea_output=escape", "search_path=odd",
        "work_mem='64kB'",
        "default_transaction_isolation=serializable", "extra_float_digits=-15",
    ])
    func settingsChangeNoDigest(_ setting: String) async throws {
        try await withDatabase { fixture in
            try await fixture.execute(
                """
                CREATE SCHEMA odd; CREATE TABLE odd.people AS SELECT i::text AS id FROM generate_series(1, 500) i;
                CREATE VIEW people AS SELECT * FROM odd.people
                """)
            let before = try await read(fixture.warehouse)
            try await fixture.execute("ALTER DATABASE \(fixture.database) SET \(setting)")
            let other = PostgresWarehouse(url: fixture.url, stateSchema: "rollcall")
            let reading = try await read(other)
            await other.close()
            #expect(reading.digest == before.digest && reading.rows.count == 500)
        }
    }

    /// Texts in another encoding come decoded, with digests of the bytes that are stored.
    @Test func anotherEncodingIsRead() async throws {
        let fixture = try await PostgresFixture.make(encoding: "LATIN1")
        do {
            try await fixture.execute(
                "CREATE TABLE people (email text, id text); INSERT INTO people VALUES ('é', 'ü'), ('e', NULL)")
            let reading = try await read(fixture.warehouse, IdentifierColumns(email: "email", userID: "id"))
            #expect(reading.rows.sorted() == ["e|NULL", "é|ü"] && reading.basis.contains("LATIN1"))
        } catch {
            await fixture.tearDown()
            throw error
        }
        await fixture.tearDown()
    }

    /// The digest does not depend on how the rows are stored.
    @Test func partitionsHaveTheDigestOfOneTable() async throws {
        try await withDatabase { fixture in
            try await fixture.execute(
                """
                CREATE TABLE people (id text) PARTITION BY HASH (id);
                CREATE TABLE part0 PARTITION OF people FOR VALUES WITH (MODULUS 2, REMAINDER 0);
                CREATE TABLE part1 PARTITION OF people FOR VALUES WITH (MODULUS 2, REMAINDER 1);
                INSERT INTO people SELECT i::text FROM generate_series(1, 1000) i
                """)
            let parts = try await read(fixture.warehouse)
            try await fixture.execute(
                "DROP TABLE people; CREATE TABLE people AS SELECT i::text AS id FROM generate_series(1000, 1, -1) i")
            #expect(try await read(fixture.warehouse).digest == parts.digest && parts.rows.count == 1000)
        }
    }

    /// Rows of other servers are grouped by another statement, with the same digests.
    @Test func aForeignTableHasTheDigestOfALocalOne() async throws {
        try await withDatabase { fixture in
            try await fixture.execute(
                """
                CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
                CREATE FOREIGN TABLE people (id text) SERVER files OPTIONS (program 'seq 1 1000')
                """)
            let foreign = try await read(fixture.warehouse)
            try await fixture.execute(
                "DROP FOREIGN TABLE people; CREATE TABLE people AS SELECT i::text AS id FROM generate_series(1, 1000) i"
            )
            #expect(try await read(fixture.warehouse).digest == foreign.digest && foreign.rows.count == 1000)
        }
    }
}

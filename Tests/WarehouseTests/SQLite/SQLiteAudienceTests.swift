import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

/// What only SQLite's values and types bring.
@Suite("SQLite: audiences")
struct SQLiteAudienceTests {
    private func rows(_ fixture: SQLiteFixture, _ source: AudienceSource) async throws -> [[UInt8]?] {
        let seen = Collected<[UInt8]?>()
        try await fixture.warehouse.readAudience(source, columns: IdentifierColumns(email: "email", userID: nil)) {
            cell, _ in
            seen.add(cell.bytes.map { Array($0) })
        }
        return seen.all
    }

    @Test("each value is judged by its own kind, whatever the column declares")
    func kinds() async throws {
        let fixture = try await SQLiteFixture.make()
        try await fixture.execute("CREATE TABLE vip (email)")
        try await fixture.execute(
            "INSERT INTO vip VALUES (1.5), (5.0), (x'6162'), (x''), (7), ('7.0'), (9e999), (NULL)")
        let shown = try await AudienceConformance.read(fixture, .table(["vip"]), email: "email", userID: nil)
        #expect(
            shown.map { $0.replacingOccurrences(of: "|NULL", with: "") } == [
                "1.5 (refused)", "5.0 (refused)", "ab (refused)", " (refused)", "7", "7.0", "Inf (refused)", "NULL",
            ])
        await fixture.tearDown()
    }

    @Test("broken UTF-8 and NUL bytes come as they stand, from text of any encoding")
    func rawBytes() async throws {
        let fixture = try await SQLiteFixture.make()
        try await fixture.execute("CREATE TABLE vip (email TEXT)")
        try await fixture.execute(
            "INSERT INTO vip VALUES (CAST(x'61ff62' AS TEXT)), (CAST(x'61fe62' AS TEXT)), (CAST(x'610062' AS TEXT))")
        #expect(
            try await rows(fixture, .table(["vip"])) == [[0x61, 0xff, 0x62], [0x61, 0xfe, 0x62], [0x61, 0, 0x62]])
        await fixture.tearDown()
    }

    @Test("broken UTF-8 and NUL bytes are logged as text")
    func loggedBytes() async throws {
        let fixture = try await SQLiteFixture.make()
        let scene = try await Scene.make(fixture)
        let run = Scene.run(1)
        try await fixture.warehouse.openRun(scene.lease, run)
        let records = [[0x61, 0xff, 0x62], [0x61, 0, 0x62], []].map {
            ValidationRecord(isFailure: true, email: $0, userID: nil, reason: Scene.reason("email_syntax"))
        }
        try await fixture.warehouse.stage(scene.lease, run, plan: Plan([], records), log: LogSettings())
        let stored = try await fixture.query(
            "SELECT typeof(email), hex(email) FROM rollcall_sync_log ORDER BY record_id")
        #expect(stored == [["text", "615C78464662"], ["text", "615C78303062"], ["text", ""]], "a\\xFFb, a\\x00b")
        let shown = Collected<String?>()
        try await fixture.warehouse.records(RecordFilter()) { shown.add($0.email) }
        #expect(shown.all == ["", #"a\x00b"#, #"a\xFFb"#])
        await fixture.tearDown()
    }

    @Test("a cell of 10 MB is read whole")
    func largeCell() async throws {
        let fixture = try await SQLiteFixture.make()
        let source = AudienceSource.query("SELECT CAST(zeroblob(10000000) AS TEXT) AS email", file: nil)
        #expect(try await rows(fixture, source).map { $0?.count } == [10_000_000])
        await fixture.tearDown()
    }

    @Test("a file in UTF-16 gives UTF-8")
    func utf16() async throws {
        let fixture = try await SQLiteFixture.make()
        try await fixture.execute(
            "PRAGMA encoding = 'UTF-16le'; CREATE TABLE vip (email); INSERT INTO vip VALUES ('é@b.co')")
        #expect(try await rows(fixture, .table(["vip"])) == [Array("é@b.co".utf8)])
        let scene = try await Scene.make(fixture)
        let run = try await scene.staged(1, [Scene.subscribe(1, 1)])
        try await scene.acknowledge(run, [Scene.batch(.subscribe, 1...1)])
        #expect(try await scene.entry(1) == "subscribed listed 001")
        await fixture.tearDown()
    }

    @Test(
        "declared types say what can be an identifier",
        arguments: [
            ("INTEGER", true, .long), ("BIGINT", true, .long), ("TEXT", true, .text), ("VARCHAR(255)", true, .text),
            ("CHAR(36)", true, .text), ("UUID", true, .text), ("NUMERIC", true, .number), ("DECIMAL", true, .number),
            ("DECIMAL(10,2)", true, .decimal), ("NVARCHAR(70)", true, .text), ("FLOAT", false, .decimal),
            ("REAL", false, .decimal), ("DOUBLE PRECISION", false, .decimal), ("BOOLEAN", false, .boolean),
            ("DATE", false, .date), ("TIME", false, .unsupported), ("DATETIME", false, .localTimestamp),
            ("TIMESTAMP WITH TIME ZONE", false, .localTimestamp), ("BLOB", false, .unsupported),
            ("STRING", true, .undeclared), ("ANY", true, .undeclared), ("JSON", false, .json), ("jsonb", false, .json),
            ("VARBINARY(16)", false, .unsupported),
        ] as [(String, Bool, ColumnFamily)])
    func declaredTypes(_ type: String, _ canIdentify: Bool, _ family: ColumnFamily) async throws {
        let fixture = try await SQLiteFixture.make()
        try await fixture.execute("CREATE TABLE vip (email \(type)); CREATE VIEW seen AS SELECT email FROM vip")
        for source in [
            AudienceSource.table(["main", "vip"]), .table(["seen"]), .query("SELECT * FROM vip", file: nil),
        ] {
            let columns = try await fixture.warehouse.columns(of: source)
            #expect(
                columns == [
                    AudienceColumn(
                        name: "email", type: type.lowercased(), canIdentify: canIdentify, family: family)
                ])
        }
        await fixture.tearDown()
    }

    @Test("an expression declares nothing, and two columns of one name are told apart")
    func undeclared() async throws {
        let fixture = try await SQLiteFixture.make()
        let source = AudienceSource.query("SELECT lower('A') AS email, 1 AS email, count(*)", file: nil)
        let columns = try await fixture.warehouse.columns(of: source)
        #expect(columns.map(\.type) == ["", "", ""])
        #expect(columns.allSatisfy { $0.canIdentify })
        #expect(Set(columns.map(\.name)).count == 3)
        await fixture.tearDown()
    }

    @Test(
        "what is more than reading is refused with a reason",
        arguments: [
            "PRAGMA journal_mode = WAL", "PRAGMA query_only = OFF", "ATTACH 'other.sqlite' AS other",
            "EXPLAIN SELECT 1",
            "BEGIN", "VACUUM", "sqlite_master", "SELECT ? AS email", "SELECT :name AS email",
            "SELECT \"active\" AS email",
            "SELECT 1 AS email) AS a; PRAGMA query_only = OFF; SELECT (1", "SELECT 1 AS email /* open",
            "SELECT 'a; AS email", "SELECT 1 AS email;;; SELECT 2",
        ])
    func refused(_ query: String) async throws {
        let fixture = try await SQLiteFixture.make()
        let error = try #require(
            try await failure { _ = try await fixture.warehouse.columns(of: .query(query, file: "vip.sql")) })
        #expect(error.kind == .query)
        #expect(error.error.message.hasPrefix("The query in vip.sql was refused: "))
        #expect(error.error.hint != nil)
        #expect(try await fixture.query("PRAGMA journal_mode") == [["delete"]])
        await fixture.tearDown()
    }

    @Test("a query that breaks out of its parentheses has not read an empty audience")
    func breakout() async throws {
        let fixture = try await SQLiteFixture.make()
        try await fixture.execute("CREATE TABLE vip (email TEXT)")
        try await fixture.execute("INSERT INTO vip VALUES ('a@example.com')")
        for query in [
            "SELECT 1 AS email) SELECT email FROM vip /*", "SELECT 1 AS email) SELECT 0 AS email FROM vip /*",
        ] {
            let error = try await failure { _ = try await rows(fixture, .query(query, file: nil)) }
            #expect(error?.kind == .query, "\(query)")
            #expect(error?.error.hint?.contains("comment that is not closed") == true)
        }
        await fixture.tearDown()
    }

    @Test("schemas that are not there are named, state tables are not offered")
    func schemas() async throws {
        let fixture = try await SQLiteFixture.make()
        _ = try await fixture.warehouse.migrate()
        try await fixture.execute("CREATE TABLE customers (email)")
        let error = try #require(
            try await failure { _ = try await fixture.warehouse.columns(of: .table(["crm", "customers"])) })
        #expect(error.kind == .missing)
        #expect(error.description.contains("crm"))
        #expect(error.error.hint == "Tables and views: customers.")
        #expect(try await kind { _ = try await fixture.warehouse.columns(of: .table(["a", "b", "c"])) } == .query)
        await fixture.tearDown()
    }
}

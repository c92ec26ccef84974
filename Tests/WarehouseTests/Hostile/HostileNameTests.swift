import Foundation
import RollcallCore
import SeededRandom
import TestSupport
import Testing

@testable import Warehouse

/// Names that try to be SQL, in real databases. What counts is that they come back byte for byte, and nothing else happens.
@Suite(.timeLimit(.minutes(10))) struct HostileNameTests {
    /// At most 63 bytes, what Postgres keeps of a name; no NUL, which it cannot have.
    static let names: [String] = {
        let parts = [
            "\"", "\"\u{301}", "\"\u{200d}", "\"\u{fe0f}", "\"\u{20dd}", "; DROP TABLE victim; --", "/*", "*/", "$$",
            "$a$", "'",
            "''", "\\", "\\\"", "`", "[", "]", "é", "e\u{301}", "\u{202e}", "😀", " ", "\t", "\n", "\r", "%s", "{0}",
            ":x",
            "?", "$1", "--", "\u{1b}[31m", "NULL", "select", "\u{feff}", "(", ")", ",", ".", "@", "=1+1", "\u{7f}",
            "\u{85}",
        ]
        var random = SeededGenerator(seed: 83)
        var names = [
            "a\"\u{301}; DROP TABLE victim; --", "a\"\u{301}\"b", "\"\u{301}", "\u{301}\"",
            "a\"\u{200d}(x text); DROP TABLE victim--",
            String(repeating: "n", count: 63), String(repeating: "é", count: 31), "\"\"", "\"", " ",
            "public\".\"victim",
        ]
        while names.count < 60 {
            let name =
                "n\(names.count)"
                + (0...Int.random(in: 0...4, using: &random)).map { _ in parts.randomElement(using: &random) ?? "" }
                .joined()
            if name.utf8.count <= 63 { names.append(name) }
        }
        return names
    }()

    /// Quoting by bytes, as the standard has it; not the adapters' own.
    static func quoted(_ name: String) -> String {
        var bytes: [UInt8] = [34]
        for byte in name.utf8 { bytes += byte == 34 ? [34, 34] : [byte] }
        return String(decoding: bytes + [34], as: UTF8.self)
    }

    private static func bytes(_ names: [String]) -> [[UInt8]] { names.map { Array($0.utf8) } }

    private func tablesAndColumns(_ fixture: some WarehouseFixture, schema: String) async throws {
        try await fixture.execute("CREATE TABLE victim (id int); INSERT INTO victim VALUES (1)")
        for name in Self.names {
            let table = Self.quoted(name)
            try await fixture.execute(
                "CREATE TABLE \(table) (\(table) text, other int); INSERT INTO \(table) VALUES ('here', 7)")
            for source in [AudienceSource.table([name]), .table([schema, name])] {
                let columns = try await fixture.warehouse.columns(of: source)
                #expect(Self.bytes(columns.map(\.name)) == Self.bytes([name, "other"]), "\(name.debugDescription)")
                let rows = try await AudienceConformance.read(fixture, source, email: name, userID: "other")
                #expect(rows == ["here|7"], "\(name.debugDescription)")
            }
            // A name that only looks the same, or is quoted once more, is another one.
            for other in [name + "\"", name + "\u{301}", table] where other.utf8.count <= 63 {
                guard !Self.names.contains(where: { $0.utf8.elementsEqual(other.utf8) }) else { continue }
                let error = await warehouseFailure { try await fixture.warehouse.columns(of: .table([other])) }
                #expect(error?.kind == .missing, "\(other.debugDescription): \(String(describing: error))")
            }
            try await fixture.execute("DROP TABLE \(table)")
        }
        let victim = try await fixture.query("SELECT id FROM victim")
        #expect(victim == [["1"]])
    }

    @Test func tablesAndColumnsOfPostgres() async throws {
        try await withDatabase { try await tablesAndColumns($0, schema: "public") }
    }

    @Test func tablesAndColumnsOfSQLite() async throws {
        let fixture = try await SQLiteFixture.make()
        do { try await tablesAndColumns(fixture, schema: "main") } catch {
            await fixture.tearDown()
            throw error
        }
        await fixture.tearDown()
    }

    @Test func schemasOfPostgres() async throws {
        try await withDatabase { fixture in
            try await fixture.execute("CREATE TABLE victim (id int); INSERT INTO victim VALUES (1)")
            for name in Self.names.prefix(24) where !name.hasPrefix("pg_") {
                let schema = Self.quoted(name)
                try await fixture.execute(
                    "CREATE SCHEMA \(schema); CREATE TABLE \(schema).t AS SELECT text 'here' AS e")
                let rows = try await AudienceConformance.read(fixture, .table([name, "t"]), email: "e", userID: nil)
                #expect(rows == ["here|NULL"], "\(name.debugDescription)")
            }
            for name in Self.names.prefix(5) {
                let warehouse = PostgresWarehouse(url: fixture.url, stateSchema: name)
                do {
                    _ = try await warehouse.migrate()
                    let lease = try await warehouse.lease("s")
                    #expect(lease.sync == "s")
                } catch {
                    Issue.record("\(name.debugDescription): \(error)")
                }
                await warehouse.close()
                let found = try await fixture.query("SELECT count(*) FROM \(Self.quoted(name)).sync_leases")
                #expect(found == [["1"]], "\(name.debugDescription)")
            }
            let victim = try await fixture.query("SELECT id FROM victim")
            #expect(victim == [["1"]])
        }
    }

    private func syncNames(_ fixture: some WarehouseFixture) async throws {
        try await fixture.execute("CREATE TABLE victim (id int); INSERT INTO victim VALUES (1)")
        _ = try await fixture.warehouse.migrate()
        for name in Self.names.prefix(24) {
            let lease = try await fixture.warehouse.lease(name)
            let run = newRun(name)
            try await fixture.warehouse.openRun(lease, run)
            let stored = try await fixture.warehouse.run(id: run.id)
            #expect(stored.map { Array($0.sync.utf8) } == Array(name.utf8), "\(name.debugDescription)")
        }
        let victim = try await fixture.query("SELECT id FROM victim")
        #expect(victim == [["1"]])
    }

    @Test func namesOfSyncsInPostgres() async throws { try await withDatabase { try await syncNames($0) } }

    @Test func namesOfSyncsInSQLite() async throws {
        let fixture = try await SQLiteFixture.make()
        do { try await syncNames(fixture) } catch {
            await fixture.tearDown()
            throw error
        }
        await fixture.tearDown()
    }

    /// Two keys whose bytes are no text differ also where they are shown.
    @Test func bytesThatAreNoTextStayApart() {
        let texts = [[0xFF], [0xFE], [0x41, 0xFF, 0x00], []].map { LoggedText.text(of: $0) }
        #expect(texts == ["\\xFF", "\\xFE", "A\\xFF\\x00", ""])
    }

    @Test func quotingIsTheStandardsOwnForEveryName() {
        for name in Self.names {
            #expect(Array(PostgresText.identifier(name).utf8) == Array(Self.quoted(name).utf8))
            #expect(Array(SQLiteQueryText.quoted(name).utf8) == Array(Self.quoted(name).utf8))
            #expect(!LoggedText.withoutNUL("\0\u{301}" + name + "\0").utf8.contains(0))
        }
    }
}

import Foundation
import RollcallCore
import TestSupport
import Testing

@testable import Warehouse

/// A server without COPY: PostgreSQL behind a proxy that misspells the word.
@Suite struct PostgresWithoutCopyTests {
    private static let columns = IdentifierColumns(email: "email", userID: "id")

    private func withoutCopy(
        encoding: String = "UTF8", _ body: (PostgresFixture, PostgresWarehouse, FaultyProxy) async throws -> Void
    ) async throws {
        let fixture = try await PostgresFixture.make(encoding: encoding)
        let proxy = try FaultyProxy(to: fixture.cluster.port)
        proxy.set(.misspell("COPY "), times: .max)
        let warehouse = PostgresWarehouse(
            url: Secret("postgresql://\(PostgresCluster.superuser)@127.0.0.1:\(proxy.port)/\(fixture.database)"),
            stateSchema: "rollcall", leastPartPages: 1)
        do {
            try await body(fixture, warehouse, proxy)
        } catch {
            Issue.record(error)
        }
        await warehouse.close()
        proxy.stop()
        await fixture.tearDown()
    }

    /// Values of all wires, NULL, the empty text, and more rows than one statement of INSERT has.
    @Test func rowsAreReadAsWithCopy() async throws {
        try await withoutCopy { fixture, warehouse, proxy in
            try await fixture.execute(
                """
                CREATE TABLE people AS SELECT CASE i % 3 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE 'p' || i || '@example.com' END
                       AS email, i::bigint AS id FROM generate_series(1, 3000) i
                """)
            for source in [AudienceSource.table(["people"]), .query("SELECT * FROM people;", file: nil)] {
                let found = try await audience(warehouse, source, Self.columns)
                let plain = PostgresWarehouse(url: fixture.url, stateSchema: "rollcall")
                let expected = try await audience(plain, source, Self.columns)
                await plain.close()
                #expect(expected.count == 3000)
                #expect(ordered(found) == ordered(expected))
            }
            #expect(proxy.happened > 0)
        }
    }

    /// By the number in the second column.
    private func ordered(_ rows: [[Cell]]) -> [[Cell]] {
        rows.sorted { (Int($0[1].text ?? "") ?? 0) < (Int($1[1].text ?? "") ?? 0) }
    }

    @Test func anErrorWithinTheRowsIsReported() async throws {
        try await withoutCopy { fixture, warehouse, _ in
            let source = AudienceSource.query("SELECT 10 / (5 - i) AS id FROM generate_series(1, 9) i", file: nil)
            let columns = IdentifierColumns(email: nil, userID: "id")
            let error = await warehouseFailure { try await audience(warehouse, source, columns) }
            let message = error?.error.message ?? ""
            #expect(error?.kind == .query && message.contains("division_by_zero"), "\(message)")
            // The connection is as good as before.
            let rows = try await audience(warehouse, .query("SELECT 7 AS id", file: nil), columns)
            #expect(rows.map { $0.last?.text } == ["7"])
        }
    }

    /// The second database lacks a character, and is asked about it.
    @Test(arguments: ["UTF8", "LATIN1"])
    func stateIsWritten(encoding: String) async throws {
        try await withoutCopy(encoding: encoding) { fixture, warehouse, proxy in
            _ = try await warehouse.migrate()
            let lease = try await warehouse.lease()
            let run = newRun()
            try await warehouse.openRun(lease, run)
            let changes = (1...1234).map { change(Int64($0), "p\($0)-é-山@example.com") }
            try await warehouse.stage(lease, run, plan: ListPlan(changes), log: LogSettings())
            let staged = try await fixture.query("SELECT count(*), max(sequence) FROM rollcall.sync_changes")
            #expect(staged == [["1234", "1234"]])
            let written = encoding == "UTF8" ? "p1-é-山@example.com" : #"p1-é-\u{5C71}@example.com"#
            let found = try await fixture.query("SELECT email FROM rollcall.sync_changes WHERE sequence = 1")
            #expect(found == [[written]])
            #expect(proxy.happened > 0)
        }
    }

    @Test func checkSaysWhatIsGoneAround() async throws {
        try await withoutCopy { fixture, warehouse, _ in
            let findings = await warehouse.diagnose([])
            let faults = findings.filter { !$0.isFine }
            #expect(faults == [])
            let said = findings.filter { $0.subject == "COPY" }.map(\.detail)
            #expect(said.count == 1 && said.first?.contains("INSERT") == true, "\(findings)")
        }
    }
}

/// Servers that read no ranges of `ctid`, as those before version 14.
@Suite struct PostgresOldServerTests {
    @Test func aLargeTableIsReadOverOneConnection() async throws {
        try await withDatabase { fixture in
            try await fixture.execute("CREATE TABLE people AS SELECT i AS id FROM generate_series(1, 5000) i")
            let warehouse = PostgresWarehouse(
                url: fixture.url, stateSchema: "rollcall", leastPartPages: 1, leastPartVersion: 990_000)
            let parts = Collector<Int>()
            try await warehouse.readAudience(
                .table(["people"]), columns: IdentifierColumns(email: nil, userID: "id"), parts: 2
            ) { part, _, _ in parts.add(part) }
            let findings = await warehouse.diagnose([])
            await warehouse.close()
            #expect(parts.all.count == 5000 && Set(parts.all) == [0])
            let said = findings.filter { $0.subject == "large tables" }
            #expect(said.first?.detail.contains("ranges of ctid") == true, "\(findings)")
        }
    }
}

/// Roles whose rights to call functions of the server were taken away.
@Suite struct PostgresRevokedTests {
    private func withRole(
        _ revoked: String, _ body: (PostgresWarehouse) async throws -> Void
    ) async throws {
        try await withDatabase { fixture in
            let role = "role_" + fixture.database
            try await fixture.cluster.createRole(role)
            try await fixture.execute(
                """
                CREATE TABLE people AS SELECT 'p' || i || '@example.com' AS email FROM generate_series(1, 5000) i;
                GRANT SELECT ON people TO \(role); CREATE SCHEMA rollcall AUTHORIZATION \(role);
                REVOKE EXECUTE ON FUNCTION \(revoked) FROM PUBLIC;
                """)
            let warehouse = PostgresWarehouse(
                url: Secret(fixture.cluster.socketURL(database: fixture.database, user: role)), stateSchema: "rollcall",
                leastPartPages: 1)
            do {
                try await body(warehouse)
            } catch {
                Issue.record(error)
            }
            await warehouse.close()
            try await fixture.execute("DROP OWNED BY \(role) CASCADE; DROP ROLE \(role)")
        }
    }

    @Test(arguments: [
        "pg_export_snapshot()", "pg_relation_size(regclass, text)", "pg_show_all_settings()",
    ])
    func aLargeTableIsReadOverOneConnection(revoked: String) async throws {
        try await withRole(revoked) { warehouse in
            let parts = Collector<Int>()
            try await warehouse.readAudience(
                .table(["people"]), columns: IdentifierColumns(email: "email", userID: nil), parts: 2
            ) { part, _, _ in parts.add(part) }
            #expect(parts.all.count == 5000 && Set(parts.all) == [0])
            let findings = await warehouse.diagnose([.table(["people"])])
            let faults = findings.filter { !$0.isFine }
            #expect(faults == [])
            let said = findings.filter { $0.subject == "large tables" }
            #expect(said.count == 1 && said.first?.detail.contains("over one connection") == true, "\(findings)")
            #expect(said.first?.fix?.contains("GRANT EXECUTE") == true)
        }
    }

    @Test func checkDoesWithoutLocks() async throws {
        try await withRole("pg_lock_status()") { warehouse in
            let findings = await warehouse.diagnose([.table(["people"])])
            let faults = findings.filter { !$0.isFine }
            #expect(faults == [])
        }
    }
}

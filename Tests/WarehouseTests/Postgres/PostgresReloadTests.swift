import Foundation
import RollcallCore
import Synchronization
import TestSupport
import Testing
import Warehouse

/// Sources that another session empties and fills again, or swaps, while a reading begins.
@Suite struct PostgresReloadTests {
    struct Reload: Sendable, CustomTestStringConvertible {
        var name: String
        /// Makes what reads as `old-1` and `old-2`.
        var setup: String
        var source: AudienceSource
        /// What another session does in one transaction, after which there are `new-1`, `new-2`.
        var change: String
        var before: Set<String> = ["old-1", "old-2"]
        var after: Set<String> = ["new-1", "new-2"]

        var testDescription: String { name }
    }

    private static let vip = "CREATE TABLE vip (email text); INSERT INTO vip VALUES ('old-1'), ('old-2');"
    private static let refill = "INSERT INTO vip VALUES ('new-1'), ('new-2')"
    private static let query = AudienceSource.query("SELECT email FROM vip", file: nil)

    static let reloads: [Reload] = [
        Reload(name: "truncated", setup: vip, source: .table(["vip"]), change: "TRUNCATE vip; \(refill)"),
        Reload(name: "truncated, query", setup: vip, source: query, change: "TRUNCATE vip; \(refill)"),
        Reload(
            name: "one arm of a union",
            setup: vip + "CREATE TABLE kept AS SELECT text 'kept' AS email",
            source: .query("SELECT email FROM kept UNION SELECT email FROM vip", file: nil),
            change: "TRUNCATE vip; \(refill)", before: ["kept", "old-1", "old-2"], after: ["kept", "new-1", "new-2"]),
        Reload(
            name: "opted out",
            setup: "CREATE TABLE optouts AS SELECT text 'new-1' AS email;"
                + " CREATE TABLE people AS SELECT 'new-' || i AS email FROM generate_series(1, 3) i",
            source: .query("SELECT email FROM people WHERE email NOT IN (SELECT email FROM optouts)", file: nil),
            change: "TRUNCATE optouts; INSERT INTO optouts VALUES ('new-3')", before: ["new-2", "new-3"],
            after: ["new-1", "new-2"]),
        Reload(
            name: "behind two views", setup: vip + "CREATE VIEW one AS SELECT * FROM vip; CREATE VIEW two AS TABLE one",
            source: .table(["two"]), change: "TRUNCATE vip; \(refill)"),
        Reload(
            name: "swapped by renaming",
            setup: vip, source: .table(["vip"]),
            change: "CREATE TABLE fresh (email text); INSERT INTO fresh VALUES ('new-1'), ('new-2');"
                + " ALTER TABLE vip RENAME TO gone; ALTER TABLE fresh RENAME TO vip"),
        Reload(
            name: "dropped and made", setup: vip, source: query,
            change: "DROP TABLE vip; CREATE TABLE vip (email text); \(refill)"),
        Reload(
            name: "materialised view refreshed",
            setup: vip + "CREATE MATERIALIZED VIEW shown AS TABLE vip", source: .table(["shown"]),
            change: "TRUNCATE vip; \(refill); REFRESH MATERIALIZED VIEW shown"),
        Reload(
            name: "partition replaced",
            setup: "CREATE TABLE vip (email text, day int) PARTITION BY LIST (day);"
                + " CREATE TABLE one PARTITION OF vip FOR VALUES IN (1); INSERT INTO vip VALUES ('old-1', 1), ('old-2', 1)",
            source: .table(["vip"]),
            change: "CREATE TABLE fresh (email text, day int); INSERT INTO fresh VALUES ('new-1', 1), ('new-2', 1);"
                + " ALTER TABLE vip DETACH PARTITION one; ALTER TABLE vip ATTACH PARTITION fresh FOR VALUES IN (1)"),
        Reload(
            name: "column's type changed", setup: vip + "INSERT INTO vip VALUES ('new-1')", source: .table(["vip"]),
            change: "ALTER TABLE vip ALTER email TYPE varchar(20) USING replace(email, 'old', 'new')",
            before: ["old-1", "old-2", "new-1"], after: ["new-1", "new-2"]),
        Reload(
            name: "view replaced", setup: vip + "CREATE VIEW shown AS TABLE vip", source: .table(["shown"]),
            change: "CREATE TABLE fresh (email text); INSERT INTO fresh VALUES ('new-1'), ('new-2');"
                + " CREATE OR REPLACE VIEW shown AS TABLE fresh"),
    ]

    /// Reads while another session's transaction is open, and lets it commit when the reading waits for it.
    @Test(arguments: reloads, [1, 2])
    func whatIsReloadedIsReadAsItIsAfterwards(_ reload: Reload, parts: Int) async throws {
        try await withDatabase { fixture in
            try await fixture.execute(reload.setup)
            let warehouse = PostgresWarehouse(url: fixture.url, stateSchema: "rollcall", leastPartPages: 1)
            #expect(try await read(warehouse, reload.source, parts) == reload.before)
            let visitor = try await fixture.visitor()
            try await visitor.run("BEGIN; \(reload.change)")
            async let rows = read(warehouse, reload.source, parts)
            try await fixture.untilALockIsAwaited()
            try await visitor.run("COMMIT")
            #expect(try await rows == reload.after)
            await warehouse.close()
        }
    }

    private func read(_ warehouse: PostgresWarehouse, _ source: AudienceSource, _ parts: Int) async throws -> Set<
        String
    > {
        let rows = Collector<String>()
        try await warehouse.readAudience(
            source, columns: IdentifierColumns(email: "email", userID: nil), parts: parts
        ) { _, email, _ in
            rows.add(email.bytes.map { String(decoding: $0, as: UTF8.self) } ?? "")
        }
        return Set(rows.all)
    }

    /// Who edits the snapshot, or restores it, does so under the same rule.
    @Test(arguments: [1, 2]) func theSnapshotIsNeverReadAsEmpty(parts: Int) async throws {
        try await withDatabase { fixture in
            let warehouse = PostgresWarehouse(url: fixture.url, stateSchema: "rollcall", leastPartPages: 1)
            _ = try await warehouse.migrate()
            let fill = """
                INSERT INTO rollcall.list_members
                SELECT 'vip', 7, gen_random_uuid(), 'p' || i || '@example.com', NULL, 'subscribed', true,
                       gen_random_uuid(), now() FROM generate_series(1, 500) i
                """
            try await fixture.execute(fill)
            let visitor = try await fixture.visitor()
            try await visitor.run("BEGIN; TRUNCATE rollcall.list_members; \(fill)")
            let members = Mutex(0)
            async let reading: Void = warehouse.readSnapshot(sync: "vip", of: .list(7), parts: parts) { _, _, _, _ in
                members.withLock { $0 += 1 }
            }
            try await fixture.untilALockIsAwaited()
            try await visitor.run("COMMIT")
            try await reading
            #expect(members.withLock { $0 } == 500)
            await warehouse.close()
        }
    }

    /// A session that empties and fills the table without a pause, and readings beside it, in parts and in one.
    @Test(arguments: [1, 2]) func besideASteadyReloaderEveryReadingIsWhole(parts: Int) async throws {
        try await withDatabase { fixture in
            let fill = "INSERT INTO people SELECT 'p' || i || '@example.com' FROM generate_series(1, 2000) i"
            try await fixture.execute("CREATE TABLE people (email text); \(fill)")
            let warehouse = PostgresWarehouse(url: fixture.url, stateSchema: "rollcall", leastPartPages: 1)
            let isOver = Atomic(false)
            let visitor = try await fixture.visitor()
            async let reloads: Int = {
                var count = 0
                while !isOver.load(ordering: .relaxed) {
                    try await visitor.run("BEGIN; TRUNCATE people; \(fill); COMMIT")
                    count += 1
                }
                return count
            }()
            var wrong: [Int] = []
            for _ in 1...40 {
                let rows = try await read(warehouse, .table(["people"]), parts)
                if rows.count != 2000 { wrong.append(rows.count) }
            }
            isOver.store(true, ordering: .relaxed)
            #expect(wrong.isEmpty)
            #expect(try await reloads > 5)
            await warehouse.close()
        }
    }
}

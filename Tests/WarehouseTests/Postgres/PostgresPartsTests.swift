import Foundation
import RollcallCore
import Synchronization
import TestSupport
import Testing
import Warehouse

/// Tables that are read over several connections at once.
@Suite struct PostgresPartsTests {
    private static let columns = IdentifierColumns(email: "email", userID: nil)
    private static let rows = 8000

    /// A warehouse that reads any table of some pages in parts.
    private func withTable(_ body: (PostgresFixture, PostgresWarehouse) async throws -> Void) async throws {
        try await withDatabase { fixture in
            try await fixture.execute(
                "CREATE TABLE people AS SELECT 'p' || i || '@example.com' AS email FROM generate_series(1, \(Self.rows)) i"
            )
            let warehouse = PostgresWarehouse(url: fixture.url, stateSchema: "rollcall", leastPartPages: 1)
            do {
                try await body(fixture, warehouse)
                await warehouse.close()
            } catch {
                await warehouse.close()
                throw error
            }
        }
    }

    private func read(_ warehouse: PostgresWarehouse, parts: Int) async throws -> (rows: [String], parts: Set<Int>) {
        let seen = Mutex<(rows: [String], parts: Set<Int>)>(([], []))
        try await warehouse.readAudience(.table(["people"]), columns: Self.columns, parts: parts) { part, email, _ in
            let text = email.bytes.map { String(decoding: $0, as: UTF8.self) } ?? ""
            seen.withLock {
                $0.rows.append(text)
                $0.parts.insert(part)
            }
        }
        return seen.withLock { $0 }
    }

    @Test(arguments: 1...4)
    func everyRowIsReadOnce(parts: Int) async throws {
        try await withTable { _, warehouse in
            let (rows, used) = try await read(warehouse, parts: parts)
            #expect(rows.count == Self.rows)
            #expect(Set(rows).count == Self.rows)
            #expect(used.isSubset(of: Set(0..<parts)))
        }
    }

    /// One part must not run ahead while another has not begun: each waits in its first row until all have come.
    @Test func thePartsAreReadAtOnce() async throws {
        try await withTable { _, warehouse in
            let arrived = Mutex<Set<Int>>([])
            let hasMet = Mutex(false)
            try await warehouse.readAudience(.table(["people"]), columns: Self.columns, parts: 2) { part, _, _ in
                arrived.withLock { _ = $0.insert(part) }
                if hasMet.withLock({ $0 }) { return }
                let end = ContinuousClock.now + patience
                while arrived.withLock({ $0.count }) < 2, ContinuousClock.now < end { usleep(500) }
                hasMet.withLock { $0 = true }
            }
            #expect(arrived.withLock { $0 } == [0, 1])
        }
    }

    /// Rows that are moved and deleted meanwhile are read where they were when the reading began.
    @Test func allPartsSeeOneView() async throws {
        try await withTable { fixture, warehouse in
            let isFirst = Mutex(true)
            let seen = Mutex<Set<String>>([])
            try await warehouse.readAudience(.table(["people"]), columns: Self.columns, parts: 2) { _, email, _ in
                let isFirst = isFirst.withLock { first in
                    defer { first = false }
                    return first
                }
                if isFirst {
                    // This thread is the reading's own: it may wait.
                    let isDone = DispatchSemaphore(value: 0)
                    Task {
                        try? await fixture.execute("UPDATE people SET email = 'new' || email")
                        try? await fixture.execute("DELETE FROM people WHERE email LIKE '%7@%'")
                        isDone.signal()
                    }
                    isDone.wait()
                }
                _ = seen.withLock { $0.insert(email.bytes.map { String(decoding: $0, as: UTF8.self) } ?? "") }
            }
            #expect(seen.withLock { $0.count } == Self.rows)
            #expect(seen.withLock { $0.allSatisfy { $0.hasPrefix("p") } })
        }
    }

    @Test func anErrorOfAnyPartEndsTheReading() async throws {
        struct Enough: Error {}
        try await withTable { _, warehouse in
            for failing in 0...1 {
                await #expect(throws: Enough.self) {
                    try await warehouse.readAudience(.table(["people"]), columns: Self.columns, parts: 2) {
                        part, _, _ in
                        if part == failing { throw Enough() }
                        usleep(50)
                    }
                }
            }
            let (rows, _) = try await read(warehouse, parts: 2)
            #expect(rows.count == Self.rows)
        }
    }

    /// A role that may have one connection only reads over that one.
    @Test func aConnectionThatCannotBeHadIsDoneWithout() async throws {
        try await withTable { fixture, _ in
            try await fixture.execute("CREATE ROLE lonely_\(fixture.database) LOGIN CONNECTION LIMIT 1")
            try await fixture.execute("GRANT SELECT ON people TO lonely_\(fixture.database)")
            let url = fixture.cluster.socketURL(database: fixture.database, user: "lonely_\(fixture.database)")
            let warehouse = PostgresWarehouse(url: Secret(url), stateSchema: "rollcall", leastPartPages: 1)
            let (rows, used) = try await read(warehouse, parts: 3)
            #expect(Set(rows).count == Self.rows && rows.count == Self.rows)
            #expect(used == [0])
            await warehouse.close()
            try await fixture.execute("DROP OWNED BY lonely_\(fixture.database)")
            try await fixture.execute("DROP ROLE lonely_\(fixture.database)")
        }
    }

    /// A role that may not export a snapshot reads over one connection.
    @Test func whoMayNotExportASnapshotReadsOverOneConnection() async throws {
        try await withTable { fixture, _ in
            let role = "plain_\(fixture.database)"
            try await fixture.execute(
                """
                REVOKE EXECUTE ON FUNCTION pg_export_snapshot() FROM PUBLIC;
                CREATE ROLE \(role) LOGIN;
                GRANT SELECT ON people TO \(role)
                """)
            let url = fixture.cluster.socketURL(database: fixture.database, user: role)
            let warehouse = PostgresWarehouse(url: Secret(url), stateSchema: "rollcall", leastPartPages: 1)
            let (rows, used) = try await read(warehouse, parts: 3)
            #expect(Set(rows).count == Self.rows && rows.count == Self.rows)
            #expect(used == [0])
            await warehouse.close()
            try await fixture.execute("DROP OWNED BY \(role)")
            try await fixture.execute("DROP ROLE \(role)")
        }
    }

    /// A pooler may take a connection and let it wait for its turn, longer than the server lets a transaction stand idle.
    @Test func aConnectionThatIsSilentIsNotWaitedFor() async throws {
        try await withTable { fixture, _ in
            let proxy = try FaultyProxy(to: fixture.cluster.port)
            defer { proxy.stop() }
            let url = fixture.cluster.tcpURL(database: fixture.database)
                .replacing(":\(fixture.cluster.port)/", with: ":\(proxy.port)/")
            let warehouse = PostgresWarehouse(url: Secret(url), stateSchema: "rollcall", leastPartPages: 1)
            proxy.set(.freezeAt("pg_export_snapshot", after: 0))
            let seen = Mutex<(rows: Int, parts: Set<Int>)>((0, []))
            let end = ContinuousClock.now + patience
            try await warehouse.readAudience(.table(["people"]), columns: Self.columns, parts: 2) { part, _, _ in
                while proxy.happened == 0, ContinuousClock.now < end { usleep(500) }
                seen.withLock {
                    $0.rows += 1
                    $0.parts.insert(part)
                }
            }
            #expect(proxy.happened == 1)
            #expect(seen.withLock { $0.rows } == Self.rows)
            #expect(seen.withLock { $0.parts } == [0])
            await warehouse.close()
        }
    }

    /// Queries, views and tables with children are read over one connection, and whole.
    @Test(arguments: ["SELECT email FROM people", "view", "parent"])
    func whatIsNoPlainTableIsReadWhole(kind: String) async throws {
        try await withTable { fixture, warehouse in
            try await fixture.execute("CREATE VIEW view AS SELECT * FROM people")
            try await fixture.execute("CREATE TABLE parent (email text)")
            try await fixture.execute("CREATE TABLE child () INHERITS (parent)")
            try await fixture.execute("INSERT INTO parent SELECT email FROM people LIMIT 3000")
            try await fixture.execute("INSERT INTO child SELECT email FROM people OFFSET 3000")
            let source: AudienceSource = kind.hasPrefix("SELECT") ? .query(kind, file: nil) : .table([kind])
            let used = Mutex<Set<Int>>([])
            let count = Mutex(0)
            try await warehouse.readAudience(source, columns: Self.columns, parts: 3) { part, _, _ in
                used.withLock { _ = $0.insert(part) }
                count.withLock { $0 += 1 }
            }
            #expect(count.withLock { $0 } == Self.rows)
            #expect(used.withLock { $0 } == [0])
        }
    }

    /// A snapshot of 9,000 members in every state, the audience of whose latest run had so many people. The first part to come
    /// waits for the others.
    private func withSnapshot(
        audience: Int, others: Int, parts expected: Int,
        _ body: ([String: Int], _ parts: Set<Int>, _ people: Int) throws -> Void
    ) async throws {
        let end = ContinuousClock.now + patience
        try await withTable { fixture, warehouse in
            _ = try await warehouse.migrate()
            try await fixture.execute(
                """
                INSERT INTO rollcall.list_members
                SELECT CASE WHEN i <= 9000 THEN 'vip' ELSE 'other' END, 7, gen_random_uuid(), 'p' || i || '@example.com', NULL,
                       (ARRAY['subscribed', 'subscribing', 'unsubscribing', 'rejected'])[1 + i % 4], i % 3 > 0,
                       gen_random_uuid(), now() FROM generate_series(1, 9000 + \(others)) i
                """)
            try await fixture.execute(
                """
                INSERT INTO rollcall.sync_runs (run_id, sync_name, destination, "trigger", status, started_at, finished_at,
                                                rows_read, audience_size)
                VALUES (gen_random_uuid(), 'vip', 'shop', 'manual', 'succeeded', now(), now(), \(audience), \(audience))
                """)
            let seen = Mutex<(states: [String: Int], parts: Set<Int>, people: Set<Fingerprint>)>(([:], [], []))
            try await warehouse.readSnapshot(sync: "vip", of: .list(7), parts: 2) { part, fingerprint, state, listed in
                seen.withLock {
                    $0.states["\(state) \(listed)", default: 0] += 1
                    $0.parts.insert(part)
                    $0.people.insert(fingerprint)
                }
                while seen.withLock({ $0.parts.count }) < expected, ContinuousClock.now < end { usleep(500) }
            }
            let (states, parts, people) = seen.withLock { $0 }
            try body(states, parts, people.count)
        }
    }

    private static let everyState = Dictionary(
        uniqueKeysWithValues: ["subscribed", "subscribing", "unsubscribing", "rejected"].flatMap {
            [("\($0) true", 1500), ("\($0) false", 750)]
        })

    /// Alone in the table, and beside another sync's members.
    @Test(arguments: [0, 3000]) func theSnapshotIsReadInPartsToo(others: Int) async throws {
        try await withSnapshot(audience: 9000, others: others, parts: 2) { states, parts, people in
            #expect(states == Self.everyState)
            #expect(people == 9000)
            #expect(parts == [0, 1])
        }
    }

    /// Where the sync's members are few of many, the index is the way to them.
    @Test func aSmallShareOfTheTableIsReadOverOneConnection() async throws {
        try await withSnapshot(audience: 10, others: 20_000, parts: 1) { states, parts, people in
            #expect(states == Self.everyState)
            #expect(people == 9000)
            #expect(parts == [0])
        }
    }
}

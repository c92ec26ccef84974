import Foundation
import RollcallCore
import TestSupport
import Testing

@testable import Warehouse

/// State tables of earlier versions, and of later ones.
enum UpgradeConformance {
    static let tests =
        upgrades + ofRecords + ofEvents + [
            ConformanceTest("tables of a newer version that says so may be worked with", compatible),
            ConformanceTest("what a run did is shown by operation", countsByOperation),
        ]

    private static let upgrades: [ConformanceTest] = (1...5).map { version in
        ConformanceTest("what version \(version) wrote is read before and after the upgrade") {
            try await upgrade(from: version, $0)
        }
    }

    private static let ofRecords: [ConformanceTest] = (6...8).map { version in
        ConformanceTest("what version \(version) wrote of records is read before and after the upgrade") {
            try await records(from: version, $0)
        }
    }

    static func isSQLite(_ fixture: any WarehouseFixture) -> Bool {
        fixture is SQLiteFixture || fixture is SQLiteWALFixture
    }

    /// Makes the state tables as a version had them.
    static func make(_ version: Int, _ fixture: any WarehouseFixture) async throws {
        let isSQLite = isSQLite(fixture)
        let steps = (isSQLite ? EmbeddedMigrations.sqlite : EmbeddedMigrations.postgres).filter {
            $0.version <= version
        }
        let (text, time, now) =
            isSQLite ? ("TEXT", "TEXT", "'2026-09-01T00:00:00.000Z'") : ("text", "timestamptz", "now()")
        let ledger = isSQLite ? "rollcall_schema_migrations" : "schema_migrations"
        try await fixture.execute(
            """
            \(isSQLite ? "" : "CREATE SCHEMA rollcall; SET search_path = rollcall;")
            CREATE TABLE \(ledger) (version integer PRIMARY KEY, name \(text) NOT NULL, applied_at \(time) NOT NULL);
            \(steps.map(\.sql).joined(separator: "\n"))
            \(steps.map { "INSERT INTO \(ledger) (version, name, applied_at) VALUES (\($0.version), '\($0.name)', \(now));" }.joined(separator: "\n"))
            """)
    }

    /// Two runs that ended, the first with what was not attempted and what is unknown, a held one, and one under way that has
    /// sent two of three subscribes and none of its unsubscribes.
    private static func fill(_ fixture: any WarehouseFixture) async throws {
        let end = isSQLite(fixture) ? "'2026-09-01T00:00:01.000Z'" : "'2026-09-01 00:00:01Z'"
        let fingerprint =
            isSQLite(fixture) ? "x'00112233445566778899aabbccddeeff'" : "'00112233-4455-6677-8899-aabbccddeeff'::uuid"
        let columns = """
            run_id, sync_name, destination, list_id, "trigger", status, started_at, finished_at, rows_read, rows_invalid,
            audience_size, planned_subscribe, planned_unsubscribe, succeeded_subscribe, failed_unsubscribe, not_attempted, unknown
            """
        try await fixture.execute(
            """
            INSERT INTO \(fixture.state("sync_runs")) (\(columns)) VALUES
                ('\(Scene.id(1))', 'vip', 'm', 42, 'manual', 'interrupted', \(end), \(end), 12, 2, 10, 10, 5, 4, 1, 3, 7),
                ('\(Scene.id(2))', 'vip', 'm', 42, 'api', 'succeeded', \(end), \(end), 1, 0, 1, 1, 0, 1, 0, 0, 0),
                ('\(Scene.id(3))', 'old', 'm', 7, 'schedule', 'held', \(end), NULL, 3, 0, 3, 2, 1, 0, 0, 3, 0),
                ('\(Scene.id(4))', 'busy', 'm', 8, 'manual', 'running', \(end), NULL, 0, 0, 0, 3, 2, 1, 0, 0, 1);
            INSERT INTO \(fixture.state("sync_changes")) (run_id, sequence, kind, operation, fingerprint, email)
                SELECT run_id, 3, 'send', 'subscribe', \(fingerprint), 'p3@example.com' FROM \(fixture.state("sync_runs")) WHERE sync_name = 'busy';
            INSERT INTO \(fixture.state("sync_changes")) (run_id, sequence, kind, operation, fingerprint, email)
                SELECT run_id, n, 'send', 'unsubscribe', \(fingerprint), 'p3@example.com'
                  FROM \(fixture.state("sync_runs")), (SELECT 4 AS n UNION ALL SELECT 5) AS numbers WHERE sync_name = 'busy';
            INSERT INTO \(fixture.state("sync_state")) (sync_name, destination, list_name, list_id) VALUES ('vip', 'm', 'VIPs', 42);
            INSERT INTO \(fixture.state("sync_log")) (run_id, sync_name, email, operation, status, attempts, logged_at)
                VALUES ('\(Scene.id(1))', 'vip', 'p1@example.com', 'subscribe', 'succeeded', 1, \(end));
            INSERT INTO \(fixture.state("settling_requests")) (sync_name, list_id, email, operation, settles_at)
                VALUES ('vip', 42, 'p2@example.com', 'subscribe', \(end));
            """)
    }

    /// Everything that is looked at without upgrading the tables.
    private static func looksBefore(_ fixture: any WarehouseFixture) async throws {
        let warehouse = fixture.warehouse
        let changes = try await warehouse.changes(run: Scene.id(4), after: 0, limit: 10)
        #expect(changes.count == 3 && changes.allSatisfy { $0.record == nil && $0.payload == nil })
        let logged = Collected<LogRecord>()
        var filter = RecordFilter()
        filter.identifiers = ["p1@example.com"]
        try await warehouse.records(filter) { logged.add($0) }
        #expect(logged.all.map(\.email) == ["p1@example.com"] && logged.all.allSatisfy { $0.recordKey == nil })
        for entries in [EntrySet.list(Scene.list), .records(.catalog)] {
            _ = try await warehouse.requestsInDoubt(sync: Scene.sync, of: entries)
            _ = try await warehouse.memberCounts(sync: Scene.sync, of: entries)
            _ = try await warehouse.members(sync: Scene.sync, of: entries, fingerprints: [Scene.fingerprint(1)])
        }
        try await warehouse.readSnapshot(sync: Scene.sync, of: .list(Scene.list)) { _, _, _ in }
        try await EventReadingConformance.expectNone(warehouse)
        try await ReceiverConformance.expectNone(warehouse)
    }

    private static func upgrade(from version: Int, _ fixture: any WarehouseFixture) async throws {
        try await make(version, fixture)
        try await fill(fixture)
        let before = try await fixture.warehouse.runs(RunFilter())
        let first = try #require(before.last).counts
        #expect(first.unknown == PerOperation(subscribe: 6, unsubscribe: 1))
        #expect(first.notAttempted == PerOperation(subscribe: 0, unsubscribe: 3))
        #expect(before.dropFirst().allSatisfy { $0.counts.balances && $0.kind == .list })
        #expect(before.map(\.status) == [.running, .held, .succeeded, .interrupted])
        #expect(before[0].counts.unknown.total == 1 && before[0].counts.notAttempted == PerOperation())

        try await looksBefore(fixture)

        let newest = try await fixture.warehouse.migrate()
        #expect(newest.from == version && newest.to > version)
        var after = try await fixture.warehouse.runs(RunFilter())
        #expect(after.map(\.target) == [nil, nil, "VIPs", "VIPs"])
        for index in after.indices { after[index].target = nil }
        #expect(after == before)
        #expect(try await fixture.query("SELECT email FROM \(fixture.state("sync_log"))") == [["p1@example.com"]])
        #expect(
            try await fixture.query(
                """
                SELECT operation, planned, succeeded, failed, not_attempted, unknown FROM \(fixture.state("sync_run_counts"))
                 WHERE run_id = '\(Scene.id(1))' ORDER BY operation
                """) == [["subscribe", "10", "4", "0", "0", "6"], ["unsubscribe", "5", "0", "1", "3", "1"]])
        try await oldRunsEnd(fixture)
        try await takesOtherKinds(fixture)
        #expect(try await checks(fixture) == ["finished_when_final", "somebody"])
        #expect(await fixture.warehouse.diagnose([]).allSatisfy(\.isFine))
    }

    /// A run of a catalog that is under way, with a change in its outbox, and an item on the snapshot.
    private static func fillRecords(_ fixture: any WarehouseFixture) async throws {
        let isSQLite = isSQLite(fixture)
        let start = isSQLite ? "'2026-09-01T00:00:01.000Z'" : "'2026-09-01 00:00:01Z'"
        let fingerprint =
            isSQLite ? "x'00112233445566778899aabbccddeeff'" : "'00112233-4455-6677-8899-aabbccddeeff'::uuid"
        try await fixture.execute(
            """
            INSERT INTO \(fixture.state("sync_runs")) (run_id, sync_name, destination, "trigger", status, started_at, kind, target)
                VALUES ('\(Scene.id(1))', 'vip', 'm', 'manual', 'running', \(start), 'catalog', 'products');
            INSERT INTO \(fixture.state("sync_changes"))
                    (run_id, sequence, kind, operation, fingerprint, record_key, item_id, content)
                VALUES ('\(Scene.id(1))', 1, 'send', 'put', \(fingerprint), 'k/1', 'k-2f1', 5);
            INSERT INTO \(fixture.state("synced_records"))
                    (sync_name, kind, fingerprint, record_key, item_id, content, state, owned, since_run_id, since)
                VALUES ('vip', 'catalog', \(fingerprint), 'k/1', 'k-2f1', 5, 'synced', true, '\(Scene.id(1))', \(start));
            """)
    }

    private static func records(from version: Int, _ fixture: any WarehouseFixture) async throws {
        try await make(version, fixture)
        try await fillRecords(fixture)
        func look() async throws {
            let changes = try await fixture.warehouse.changes(run: Scene.id(1), after: 0, limit: 10)
            #expect(changes.map(\.record) == [RecordReference(key: "k/1", itemID: "k-2f1", content: 5)])
            #expect(changes.allSatisfy { $0.held == nil && $0.refusal == nil && $0.event == nil })
            #expect(try await fixture.warehouse.run(id: Scene.id(1))?.counts.late == 0)
            try await EventReadingConformance.expectNone(fixture.warehouse)
            try await ReceiverConformance.expectNone(fixture.warehouse)
            let known = Collected<String>()
            try await fixture.warehouse.readContents(sync: Scene.sync, of: .records(.catalog)) {
                known.add("\($0.state) \($0.listed) \($0.content) \($0.held.count)")
            }
            #expect(known.all == ["subscribed true 5 0"])
            #expect(try await fixture.warehouse.fieldPlaces(sync: Scene.sync).isEmpty)
        }
        try await look()
        let result = try await fixture.warehouse.migrate()
        #expect(result.from == version && result.to > version)
        try await look()
    }

    /// What the process of an earlier version writes once more, and what is made of its run.
    private static func oldRunsEnd(_ fixture: any WarehouseFixture) async throws {
        try await fixture.execute(
            "UPDATE \(fixture.state("sync_runs")) SET succeeded_subscribe = 2 WHERE sync_name = 'busy'")
        #expect(try await fixture.warehouse.run(id: Scene.id(4))?.counts.succeeded.subscribe == 2)
        try await fixture.execute(
            "UPDATE \(fixture.state("sync_runs")) SET succeeded_subscribe = 1 WHERE sync_name = 'busy'")
        let lease = try await Scene.lease(fixture.warehouse, sync: "busy")
        try await fixture.warehouse.claim(lease, run: Scene.id(4), through: 4)
        let closed = try await fixture.warehouse.recoverRuns(lease, settleSeconds: 60, log: LogSettings())
        #expect(closed.first?.counts.planned == PerOperation(subscribe: 3, unsubscribe: 2))
        #expect(closed.first?.counts.unknown == PerOperation(subscribe: 2, unsubscribe: 1))
        #expect(closed.first?.counts.notAttempted == PerOperation(subscribe: 0, unsubscribe: 1))
    }

    /// The names of the constraints that are left.
    private static func checks(_ fixture: any WarehouseFixture) async throws -> [String] {
        if !isSQLite(fixture) {
            return try await fixture.query(
                "SELECT conname FROM pg_constraint WHERE contype = 'c' AND connamespace = 'rollcall'::regnamespace ORDER BY 1"
            ).compactMap { $0[0] }
        }
        let schema = try await fixture.query(
            "SELECT sql FROM sqlite_schema WHERE name LIKE 'rollcall_%' AND type = 'table'")
        let text = schema.compactMap { $0[0] }.joined(separator: "\n")
        let named = text.matches(of: /CONSTRAINT (\w+) CHECK/).map { String($0.1) }.sorted()
        #expect(text.matches(of: /CHECK/).count == named.count, "\(text)")
        return named
    }

    /// An upgraded state takes what only later kinds write.
    private static func takesOtherKinds(_ fixture: any WarehouseFixture) async throws {
        try await fixture.execute(
            """
            INSERT INTO \(fixture.state("sync_log")) (run_id, sync_name, operation, status, logged_at, record_key)
                SELECT run_id, 'customers', 'update', 'succeeded', logged_at, 'c-1' FROM \(fixture.state("sync_log"));
            INSERT INTO \(fixture.state("sync_changes")) (run_id, sequence, kind, operation, fingerprint, record_key)
                SELECT run_id, 1, 'wait', 'track', run_id, 'o-1' FROM \(fixture.state("sync_runs")) WHERE sync_name = 'old';
            UPDATE \(fixture.state("settling_requests")) SET list_id = NULL, operation = 'delete';
            UPDATE \(fixture.state("sync_runs")) SET kind = 'users', rows_read = 99 WHERE sync_name = 'vip';
            """)
        #expect(
            try await fixture.query("SELECT kind, target FROM \(fixture.state("latest_runs")) WHERE sync_name = 'vip'")
                == [["users", "VIPs"]])
    }

    @Sendable static func compatible(_ fixture: any WarehouseFixture) async throws {
        let newest = try await fixture.warehouse.migrate().to
        func nextVersion(compatibleFrom oldest: String) async throws {
            let ledger = fixture.state("schema_migrations")
            try await fixture.execute(
                """
                DELETE FROM \(ledger) WHERE version > \(newest);
                INSERT INTO \(ledger) (version, name, applied_at, compatible_from)
                    SELECT \(newest + 1), 'next', applied_at, \(oldest) FROM \(ledger) WHERE version = \(newest);
                """)
        }
        try await nextVersion(compatibleFrom: "\(newest)")
        #expect(try await fixture.warehouse.migrate() == MigrationResult(from: newest + 1, to: newest + 1))
        #expect(await fixture.warehouse.diagnose([]).allSatisfy(\.isFine))
        _ = try await Scene.lease(fixture.warehouse)
        for oldest in ["\(newest + 1)", "NULL"] {
            try await nextVersion(compatibleFrom: oldest)
            #expect(try await kind { _ = try await fixture.warehouse.migrate() } == .schemaTooNew)
        }
    }

    @Sendable static func countsByOperation(_ fixture: any WarehouseFixture) async throws {
        let scene = try await Scene.make(fixture)
        var run = try await scene.staged(1, [Scene.subscribe(1, 1), Scene.subscribe(2, 2), Scene.unsubscribe(3, 3)])
        run.counts.succeeded.subscribe = 1
        run.counts.unknown.subscribe = 1
        try await scene.finish(run)
        #expect(
            try await fixture.query(
                """
                SELECT operation, planned, succeeded, failed, not_attempted, unknown FROM \(fixture.state("sync_run_counts"))
                 ORDER BY operation
                """) == [["subscribe", "2", "1", "0", "0", "1"], ["unsubscribe", "1", "0", "0", "1", "0"]])
    }
}

import Foundation
import RollcallCore
import TestSupport
import Testing

@testable import Warehouse

/// State tables of earlier versions, and of later ones.
enum UpgradeConformance {
    static let tests =
        (1...5).map { version in
            ConformanceTest("what version \(version) wrote is read before and after the upgrade") {
                try await upgrade(from: version, $0)
            }
        } + [
            ConformanceTest("tables of a newer version that says so may be worked with", compatible),
            ConformanceTest("what a run did is shown by operation", countsByOperation),
        ]

    private static func isSQLite(_ fixture: any WarehouseFixture) -> Bool {
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
            \(steps.map { "INSERT INTO \(ledger) VALUES (\($0.version), '\($0.name)', \(now));" }.joined(separator: "\n"))
            """)
    }

    /// Two runs that ended, the first with what was not attempted and what is unknown, and a held one.
    private static func fill(_ fixture: any WarehouseFixture) async throws {
        let end = isSQLite(fixture) ? "'2026-09-01T00:00:01.000Z'" : "'2026-09-01 00:00:01Z'"
        let columns = """
            run_id, sync_name, destination, list_id, "trigger", status, started_at, finished_at, rows_read, rows_invalid,
            audience_size, planned_subscribe, planned_unsubscribe, succeeded_subscribe, failed_unsubscribe, not_attempted, unknown
            """
        try await fixture.execute(
            """
            INSERT INTO \(fixture.state("sync_runs")) (\(columns)) VALUES
                ('\(Scene.id(1))', 'vip', 'm', 42, 'manual', 'interrupted', \(end), \(end), 12, 2, 10, 10, 5, 4, 1, 3, 7),
                ('\(Scene.id(2))', 'vip', 'm', 42, 'api', 'succeeded', \(end), \(end), 1, 0, 1, 1, 0, 1, 0, 0, 0),
                ('\(Scene.id(3))', 'old', 'm', 7, 'schedule', 'held', \(end), NULL, 3, 0, 3, 2, 1, 0, 0, 3, 0);
            INSERT INTO \(fixture.state("sync_state")) (sync_name, destination, list_name, list_id) VALUES ('vip', 'm', 'VIPs', 42);
            INSERT INTO \(fixture.state("sync_log")) (run_id, sync_name, email, operation, status, attempts, logged_at)
                VALUES ('\(Scene.id(1))', 'vip', 'p1@example.com', 'subscribe', 'succeeded', 1, \(end));
            INSERT INTO \(fixture.state("settling_requests")) (sync_name, list_id, email, operation, settles_at)
                VALUES ('vip', 42, 'p2@example.com', 'subscribe', \(end));
            """)
    }

    private static func upgrade(from version: Int, _ fixture: any WarehouseFixture) async throws {
        try await make(version, fixture)
        try await fill(fixture)
        let before = try await fixture.warehouse.runs(RunFilter())
        let first = try #require(before.last).counts
        #expect(first.unknown == PerOperation(subscribe: 6, unsubscribe: 1))
        #expect(first.notAttempted == PerOperation(subscribe: 0, unsubscribe: 3))
        #expect(before.allSatisfy { $0.counts.balances && $0.kind == .list })
        #expect(before.map(\.status) == [.held, .succeeded, .interrupted])

        let newest = try await fixture.warehouse.migrate()
        #expect(newest.from == version && newest.to > version)
        var after = try await fixture.warehouse.runs(RunFilter())
        #expect(after.map(\.target) == [nil, "VIPs", "VIPs"])
        for index in after.indices { after[index].target = nil }
        #expect(after == before)
        #expect(try await fixture.query("SELECT email FROM \(fixture.state("sync_log"))") == [["p1@example.com"]])
        #expect(
            try await fixture.query(
                """
                SELECT operation, planned, succeeded, failed, not_attempted, unknown FROM \(fixture.state("sync_run_counts"))
                 WHERE run_id = '\(Scene.id(1))' ORDER BY operation
                """) == [["subscribe", "10", "4", "0", "0", "6"], ["unsubscribe", "5", "0", "1", "3", "1"]])
        try await takesOtherKinds(fixture)
        #expect(await fixture.warehouse.diagnose([]).allSatisfy(\.isFine))
    }

    /// The tables of a fresh state, and the same ones of an upgraded one.
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

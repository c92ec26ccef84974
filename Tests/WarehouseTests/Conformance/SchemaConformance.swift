import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

enum SchemaConformance {
    static let tests = [
        ConformanceTest("migrating twice changes nothing the second time", migrateTwice),
        ConformanceTest("two processes may migrate at once", migrateAtOnce),
        ConformanceTest("state tables of a newer version are refused", newerVersion),
        ConformanceTest("without state tables reads are empty and write nothing", emptyReads),
        ConformanceTest("promised columns exist", promisedColumns),
        ConformanceTest("diagnosis names what is wrong", diagnosis),
        ConformanceTest("calls after close fail", closed),
    ]

    @Sendable static func migrateTwice(_ fixture: any WarehouseFixture) async throws {
        let first = try await fixture.warehouse.migrate()
        #expect(first.from == nil)
        #expect(first.to >= 1)
        let second = try await fixture.warehouse.migrate()
        #expect(second == MigrationResult(from: first.to, to: first.to))
        #expect(try await fixture.warehouse.schemaVersion() == first.to)
    }

    @Sendable static func migrateAtOnce(_ fixture: any WarehouseFixture) async throws {
        let other = try fixture.second()
        async let one = fixture.warehouse.migrate()
        async let two = other.migrate()
        let results = try await [one, two]
        #expect(Set(results.map(\.to)).count == 1)
        #expect(results.contains { $0.from == nil })
        await other.close()
    }

    @Sendable static func newerVersion(_ fixture: any WarehouseFixture) async throws {
        let newest = try await fixture.warehouse.migrate().to
        try await fixture.execute(
            "UPDATE \(fixture.state("schema_migrations")) SET version = 999, compatible_from = 998 WHERE version = \(newest)"
        )
        #expect(try await fixture.warehouse.schemaVersion() == 999)
        #expect(try await kind { _ = try await fixture.warehouse.migrate() } == .schemaTooNew)
        let policies = [RetentionPolicy(sync: "vip", days: 1)]
        #expect(try await kind { _ = try await fixture.warehouse.prune(policies) } == .schemaTooNew)
        #expect(await fixture.warehouse.diagnose([]).contains { !$0.isFine && $0.detail.contains("999") })
    }

    @Sendable static func emptyReads(_ fixture: any WarehouseFixture) async throws {
        let warehouse = fixture.warehouse
        let somebody = Identity(email: "a@example.com", userID: nil)
        #expect(try await warehouse.schemaVersion() == nil)
        #expect(try await warehouse.heldRun(sync: "vip") == nil)
        #expect(try await warehouse.changes(run: Scene.id(1), after: 0, limit: 10).isEmpty)
        #expect(try await warehouse.fingerprintKey(sync: "vip", newKey: nil) == nil)
        try await warehouse.readSnapshot(sync: "vip", of: .list(1)) { _, _, _ in throw Unexpected("a member") }
        #expect(try await warehouse.members(sync: "vip", of: .list(1), fingerprints: [Scene.fingerprint(1)]).isEmpty)
        #expect(try await warehouse.members(sync: "vip", of: .list(1), knownAs: somebody).isEmpty)
        #expect(try await warehouse.memberCounts(sync: "vip", of: .list(1)).values.allSatisfy { $0 == 0 })
        #expect(try await warehouse.requestsInDoubt(sync: "vip", of: .list(1)).isEmpty)
        #expect(try await warehouse.listBinding(sync: "vip") == nil)
        #expect(try await warehouse.run(id: Scene.id(1)) == nil)
        #expect(try await warehouse.runs(RunFilter()).isEmpty)
        try await warehouse.records(RecordFilter()) { _ in throw Unexpected("a record") }
        #expect(try await warehouse.prune([RetentionPolicy(sync: "vip", days: 1)]) == PruneResult())
        #expect(try await warehouse.now().timeIntervalSince1970 > 1_000_000_000)
        try await EventReadingConformance.expectNone(warehouse)
        _ = await warehouse.diagnose([])
        #expect(try await warehouse.schemaVersion() == nil)
        #expect(await (try? fixture.query("SELECT * FROM \(fixture.state("sync_runs"))")) == nil)
    }

    private static let promised = [
        "sync_runs": """
        run_id, sync_name, destination, list_id, "trigger", status, started_at, finished_at, rows_read, rows_invalid,
        rows_duplicate, audience_size, planned_subscribe, planned_unsubscribe, succeeded_subscribe,
        succeeded_unsubscribe, failed_subscribe, failed_unsubscribe, not_attempted, unknown, requests_sent,
        requests_retried, rate_limited, error_code, error_message, kind, target, rows_excluded, waiting, late, items_verified,
        items_not_verified
        """,
        "sync_log": """
        run_id, sync_name, email, user_id, operation, status, error_code, error_reason, http_status, attempts,
        logged_at, record_key, item_id, event_name, event_id
        """,
        "list_members": "sync_name, list_id, email, user_id, state, since_run_id, since",
        "schedule_ticks": "sync_name, due_at, outcome, run_id, lateness_seconds",
        "sync_run_counts": "run_id, operation, planned, succeeded, failed, not_attempted, unknown",
        "synced_records": "sync_name, kind, record_key, email, user_id, item_id, state, since_run_id, since",
        "synced_events": "sync_name, event_key, event_id, state, run_id, at",
        "sync_cursors": "sync_name, column_name, watermark, last_sweep_at, late_rows",
        "destination_fields": "destination, scope, field, type, first_seen, created_by_run",
        "iterable_events": """
        event_id, receiver, destination, event_name, email, user_id, occurred_at, received_at, last_received_at, deliveries,
        campaign_id, template_id, message_id, message_type_id, channel_id, workflow_id, experiment_id, url, payload
        """,
        "receiver_counts": "receiver, hour, outcome, count",
        "latest_unsubscribes":
            "email, user_id, occurred_at, event_name, campaign_id, message_id, channel_id, message_type_id",
        "email_engagement":
            "message_id, email, user_id, campaign_id, template_id, sent, opened, clicked, bounced, unsubscribed",
        "latest_runs": "run_id, sync_name, status, started_at, finished_at, waiting, late",
        "failed_records": """
        sync_name, run_id, email, user_id, operation, error_code, error_reason, http_status, record_key, item_id,
        event_name, event_id
        """,
    ]

    @Sendable static func promisedColumns(_ fixture: any WarehouseFixture) async throws {
        _ = try await fixture.warehouse.migrate()
        for (table, columns) in promised {
            #expect(try await fixture.query("SELECT \(columns) FROM \(fixture.state(table))").isEmpty)
        }
    }

    @Sendable static func diagnosis(_ fixture: any WarehouseFixture) async throws {
        try await fixture.execute("CREATE TABLE vip (email text, note text)")
        let sources = [AudienceSource.table(["vip"]), .table(["vipp"])]
        let findings = await fixture.warehouse.diagnose(sources)
        #expect(findings.contains { $0.isFine && $0.detail.contains("email") })
        let wrong = findings.filter { !$0.isFine }
        #expect(wrong.count == 1, "\(findings)")
        #expect(wrong.first?.subject.contains("vipp") == true)
        _ = try await fixture.warehouse.migrate()
        #expect(await fixture.warehouse.diagnose([sources[0]]).allSatisfy { $0.isFine })
    }

    @Sendable static func closed(_ fixture: any WarehouseFixture) async throws {
        _ = try await fixture.warehouse.migrate()
        await fixture.warehouse.close()
        #expect(try await failure { _ = try await fixture.warehouse.schemaVersion() } != nil)
        #expect(try await failure { _ = try await fixture.warehouse.migrate() } != nil)
    }
}

import Foundation
import TestSupport
import Testing

@testable import Warehouse

/// Which way the server takes to rows of large tables.
@Suite struct PostgresPlanTests {
    private func plan(_ fixture: PostgresFixture, _ statement: String, _ values: [String]) async throws -> String {
        var statement = statement
        for (index, value) in values.enumerated() { statement = statement.replacing("$\(index + 1)", with: value) }
        let lines = try await fixture.query("SET search_path = rollcall; EXPLAIN \(statement)")
        return lines.map { $0[0] ?? "" }.joined(separator: "\n")
    }

    /// With a time that changes within the statement no index could be used, and every prune would read the whole log.
    @Test func oldRecordsAreFoundAlongTheIndexOfTime() async throws {
        try await withDatabase { fixture in
            _ = try await fixture.warehouse.migrate()
            try await fixture.execute("ALTER DATABASE \(fixture.database) SET enable_seqscan = off")
            let plan = try await plan(fixture, PostgresWarehouse.oldRecords, ["'vip'", "30", "50000"])
            #expect(plan.contains("Bitmap Index Scan on sync_log_by_time"), "\(plan)")
            #expect(plan.contains("One-Time Filter"), "without an old run nothing is looked at: \(plan)")
        }
    }

    /// Also before the table was ever analysed.
    @Test(arguments: [false, true]) func membersAreFoundAlongTheKey(isAnalysed: Bool) async throws {
        try await withDatabase { fixture in
            _ = try await fixture.warehouse.migrate()
            try await fixture.execute(
                """
                INSERT INTO rollcall.list_members SELECT 'vip', 7, gen_random_uuid(), i || '@example.com', NULL, 'subscribed',
                       true, gen_random_uuid(), now() FROM generate_series(1, 50000) i
                """)
            if isAnalysed { try await fixture.execute("ANALYZE rollcall.list_members") }
            let wanted = "(SELECT array_agg(gen_random_uuid()) FROM generate_series(1, 5000))"
            let plan = try await plan(fixture, PostgresWarehouse.entriesByFingerprint(.list), ["'vip'", "7", wanted])
            #expect(plan.contains("Index Scan using list_members_pkey"), "\(plan)")
            #expect(!plan.contains("Join") && !plan.contains("Seq Scan on list_members"), "\(plan)")
        }
    }

    /// Whatever millions of events were sent, and people were acknowledged; also before the tables were ever analysed.
    @Test func eventsAndPeopleAreFoundAlongTheirIndexes() async throws {
        try await withDatabase { fixture in
            _ = try await fixture.warehouse.migrate()
            try await fixture.execute(
                """
                INSERT INTO rollcall.seen_events (sync_name, event_key, event_id, state, run_id, at)
                SELECT 'vip', gen_random_uuid(), 'e-' || i, 'sent', gen_random_uuid(), now() FROM generate_series(1, 50000) i;
                INSERT INTO rollcall.synced_records (sync_name, kind, fingerprint, record_key, email, user_id, content, state,
                                                     owned, since_run_id, since)
                SELECT 'vip', 'users', gen_random_uuid(), i, i || '@example.com', i, 1, 'synced', true, gen_random_uuid(), now()
                  FROM generate_series(1, 50000) i;
                """)
            try await fixture.execute("ALTER DATABASE \(fixture.database) SET enable_seqscan = off")
            let wanted = "(SELECT array_agg('e-' || i) FROM generate_series(1, 5000) i)"
            let events = try await plan(fixture, PostgresEvents(table: "seen_events").byID, ["'vip'", wanted])
            #expect(events.contains("Index Scan using synced_events_by_id"), "\(events)")
            #expect(!events.contains("Filter"), "\(events)")
            let keys = "(SELECT array_agg(gen_random_uuid()) FROM generate_series(1, 5000))"
            let known = try await plan(fixture, PostgresEvents(table: "seen_events").byKey, ["'vip'", keys])
            #expect(known.contains("Index Scan using synced_events_pkey"), "\(known)")
            #expect(!known.contains("Filter"), "\(known)")
            let people = try await plan(fixture, PostgresEvents.acknowledged, ["'vip'", "'0'", wanted, wanted])
            for index in ["synced_records_by_email", "synced_records_by_user_id"] {
                #expect(people.contains("Index Scan using \(index)"), "\(people)")
            }
        }
    }
}

import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

/// What a run costs the server, counted in rows that it looked at: in proportion to the changes, whatever the server knows
/// of tables that were filled a moment ago.
@Suite struct PostgresWorkTests {
    /// A staged run of `count` changes.
    private func staged(
        _ fixture: PostgresFixture, _ count: Int64, of operation: RollcallCore.Operation = .subscribe
    ) async throws -> (lease: Lease, run: SyncRun) {
        _ = try await fixture.warehouse.migrate()
        // The server finds out nothing by itself while the test goes on.
        for table in ["sync_changes", "list_members"] {
            try await fixture.execute("ALTER TABLE rollcall.\(table) SET (autovacuum_enabled = off)")
        }
        let lease = try await fixture.warehouse.lease()
        var run = newRun()
        try await fixture.warehouse.openRun(lease, run)
        run.counts.planned[operation] = Int(count)
        let plan = ListPlan(
            (1...count).map {
                var next = change($0, "p\($0)@example.com")
                next.operation = operation
                return next
            })
        try await fixture.warehouse.stage(lease, run, plan: plan, log: LogSettings())
        return (lease, run)
    }

    /// Rows of a table that were read by scans of it or of its indexes, once all connections of the warehouse are gone.
    private func rowsRead(_ fixture: PostgresFixture, _ table: String) async throws -> Int {
        let row = try await fixture.query(
            """
            SELECT seq_tup_read + COALESCE(idx_tup_fetch, 0) + (SELECT COALESCE(sum(idx_tup_read), 0)
                   FROM pg_stat_user_indexes WHERE schemaname = 'rollcall' AND relname = '\(table)')
              FROM pg_stat_user_tables WHERE schemaname = 'rollcall' AND relname = '\(table)'
            """)
        return try #require(row.first?.first?.flatMap { $0 }.flatMap { Int($0) })
    }

    private func untilAlone(_ fixture: PostgresFixture) async throws {
        try await poll {
            try await fixture.query(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ) == [["0"]]
        }
    }

    @Test func pagesOfTheOutboxAreReadOnce() async throws {
        try await withDatabase { fixture in
            let (_, run) = try await staged(fixture, 20_000)
            var (last, seen) = (Int64(0), 0)
            while case let page = try await fixture.warehouse.changes(run: run.id, after: last, limit: 500),
                let end = page.last
            {
                (last, seen) = (end.sequence, seen + page.count)
            }
            #expect(seen == 20_000)
            await fixture.warehouse.close()
            try await untilAlone(fixture)
            // Each row once in the index and once in the table; sorting what is left would have read half a million.
            #expect(try await rowsRead(fixture, "sync_changes") < 60_000)
        }
    }

    @Test func outcomesCostWhatTheyChange() async throws {
        try await withDatabase { fixture in
            let (lease, run) = try await staged(fixture, 20_000)
            // A snapshot of others, much larger than the batch.
            try await fixture.execute(
                """
                INSERT INTO rollcall.list_members (sync_name, list_id, fingerprint, email, state, listed, since_run_id, since)
                SELECT 'vip', 7, gen_random_uuid(), 'm' || n, 'subscribed', true, '\(run.id)', now()
                  FROM generate_series(1, 30000) n
                """)
            for first in stride(from: Int64(1), to: 4000, by: 1000) {
                let outcomes = [first, first + 500].map {
                    BatchOutcome(
                        sequences: $0...$0 + 499, operation: .subscribe,
                        exceptions: [$0: .failed(FailureReason(code: "conflict", reason: "Two people."))],
                        httpStatus: 200, attempts: 1)
                }
                try await fixture.warehouse.acknowledge(lease, run, outcomes: outcomes, log: LogSettings())
            }
            await fixture.warehouse.close()
            try await untilAlone(fixture)
            #expect(try await rowsRead(fixture, "list_members") < 1000)
            #expect(try await rowsRead(fixture, "sync_changes") < 20_000)
            #expect(
                try await fixture.query("SELECT count(*) FROM rollcall.list_members WHERE email LIKE 'p%'")
                    == [["3992"]])
            #expect(
                try await fixture.query("SELECT count(*) FROM rollcall.sync_log WHERE status = 'failed'") == [["8"]])
            #expect(try await fixture.query("SELECT count(*) FROM rollcall.sync_changes") == [["16000"]])
        }
    }

    /// Of a large snapshot, a part leaves: each entry that goes is looked up by itself, and the others are not read.
    @Test func whatLeavesCostsWhatLeaves() async throws {
        try await withDatabase { fixture in
            let (lease, run) = try await staged(fixture, 20_000, of: .unsubscribe)
            try await fixture.execute(
                """
                INSERT INTO rollcall.list_members (sync_name, list_id, fingerprint, email, state, listed, since_run_id, since)
                SELECT 'vip', 7, fingerprint, email, 'subscribed', true, run_id, now() FROM rollcall.sync_changes
                UNION ALL
                SELECT 'vip', 7, gen_random_uuid(), 'm' || n, 'subscribed', true, '\(run.id)', now()
                  FROM generate_series(1, 200000) n
                """)
            for first in stride(from: Int64(1), to: 20_000, by: 2000) {
                let outcomes = [
                    BatchOutcome(
                        sequences: first...first + 1999, operation: .unsubscribe, httpStatus: 200, attempts: 1)
                ]
                try await fixture.warehouse.acknowledge(lease, run, outcomes: outcomes, log: LogSettings())
            }
            await fixture.warehouse.close()
            try await untilAlone(fixture)
            // The mark and the place of each are looked up, in the index and in the table, and the row itself is read.
            #expect(try await rowsRead(fixture, "list_members") < 150_000)
            #expect(try await fixture.query("SELECT count(*) FROM rollcall.list_members") == [["200000"]])
            #expect(try await fixture.query("SELECT count(*) FROM rollcall.sync_changes") == [["0"]])
        }
    }

    @Test func claimsGoOnWhileOutcomesAreWrittenAndRenewalsWait() async throws {
        try await withDatabase { fixture in
            let (lease, run) = try await staged(fixture, 10)
            // As a transaction that records outcomes holds it.
            async let recording: Void = fixture.execute(
                "BEGIN; SELECT token FROM rollcall.sync_leases FOR SHARE; SELECT pg_sleep_for('10 minutes'); COMMIT")
            func waiting(_ condition: String) async throws -> Bool {
                try await fixture.query(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND \(condition)"
                ) == [["1"]]
            }
            try await poll { try await waiting("wait_event = 'PgSleep'") }
            try await fixture.warehouse.claim(lease, run: run.id, through: 5)
            #expect(try await waiting("wait_event = 'PgSleep'"))
            async let renewed: Void = fixture.warehouse.renewLease(lease, seconds: 60)
            try await poll { try await waiting("wait_event_type = 'Lock' AND query LIKE 'UPDATE sync_leases%'") }
            try await fixture.execute(
                """
                SELECT pg_cancel_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event = 'PgSleep'
                """)
            _ = try? await recording
            // It may have given up waiting meanwhile; now nothing is in its way.
            _ = try? await renewed
            try await fixture.warehouse.renewLease(lease, seconds: 60)
        }
    }
}

/// Outcomes that come with their changes are written from these, and leave the same rows as those that come without.
@Suite struct PostgresBulkInsertTests {
    private static let count: Int64 = 600

    private func changes() -> [Change] {
        (1...Self.count).map { number in
            var next = change(number, "p\(number)@example.com")
            if number % 3 == 0 { next.identity.userID = "u\(number)" }
            if number % 5 == 0 { next.loggedAs = Identity(email: "p***@example.com", userID: nil) }
            return next
        }
    }

    private func outcomes(_ changes: [Change], withEntries: Bool) -> [BatchOutcome] {
        [(1, 300, 200), (301, Self.count, 202)].map { first, last, status in
            let range = Int64(first)...Int64(last)
            let sent = changes.filter { range.contains($0.sequence) && $0.kind == .send }
            return BatchOutcome(
                sequences: range, changes: sent.count, operation: .subscribe, httpStatus: status,
                attempts: status - 199, entries: withEntries ? sent : [])
        }
    }

    /// Log, snapshot and outbox after `body`, without what differs from run to run.
    private func tables(
        _ withEntries: Bool, log: LogSettings = LogSettings(), adjust: (inout [Change]) -> Void = { _ in },
        prepare: (PostgresFixture, Lease, SyncRun) async throws -> Void = { _, _, _ in },
        before: (PostgresFixture) async throws -> Void = { _ in }
    ) async throws -> [[[String?]]] {
        try await withDatabase { fixture in
            _ = try await fixture.warehouse.migrate()
            try await before(fixture)
            let lease = try await fixture.warehouse.lease()
            var run = newRun()
            try await fixture.warehouse.openRun(lease, run)
            var changes = changes()
            adjust(&changes)
            run.counts.planned.subscribe = changes.count
            try await fixture.warehouse.stage(lease, run, plan: ListPlan(changes), log: log)
            try await prepare(fixture, lease, run)
            let outcomes = outcomes(changes, withEntries: withEntries)
            for _ in 0..<2 { try await fixture.warehouse.acknowledge(lease, run, outcomes: outcomes, log: log) }
            let stale = try await fixture.query(
                "SELECT count(*) FROM rollcall.list_members WHERE since NOT BETWEEN now() - interval '1 minute' AND now()"
            )
            #expect(stale == [["0"]])
            return [
                try await fixture.query(
                    """
                    SELECT sync_name, email, user_id, operation, status, error_code, http_status, attempts
                      FROM rollcall.sync_log ORDER BY record_id
                    """),
                try await fixture.query(
                    """
                    SELECT sync_name, list_id, fingerprint, email, user_id, state, listed, since_run_id = '\(run.id)',
                           error_code, http_status FROM rollcall.list_members ORDER BY fingerprint
                    """),
                try await fixture.query("SELECT sequence, kind FROM rollcall.sync_changes ORDER BY sequence"),
                try await fixture.query("SELECT (generation <> 0)::text FROM rollcall.sync_state"),
            ]
        }
    }

    /// A row that is lost on the way to a table would be a person who is sent for ever, or never.
    @Test(arguments: ["sync_changes", "list_members"]) func rowsThatATriggerKeepsAwayAreAnError(_ table: String)
        async throws
    {
        let failure = await warehouseFailure {
            try await tables(true) { _ in
            } prepare: { fixture, _, _ in
                if table == "list_members" { try await fixture.execute(Self.trigger(table)) }
            } before: { fixture in
                if table == "sync_changes" { try await fixture.execute(Self.trigger(table)) }
            }
        }
        #expect(failure?.kind == .conflict)
        #expect(failure?.error.message == "The table \(table) took 599 of 600 rows.")
    }

    private static func trigger(_ table: String) -> String {
        """
        CREATE FUNCTION rollcall.keep_away() RETURNS trigger LANGUAGE plpgsql AS
            $$BEGIN IF NEW.email = 'p7@example.com' THEN RETURN NULL; END IF; RETURN NEW; END$$;
        CREATE TRIGGER keep_away BEFORE INSERT ON rollcall.\(table) FOR EACH ROW EXECUTE FUNCTION rollcall.keep_away();
        """
    }

    @Test func theRowsAreTheSame() async throws {
        let written = try await tables(true)
        #expect(written == (try await tables(false)))
        #expect(written.map(\.count) == [600, 600, 0, 1])
    }

    @Test func theLogIsKeptAsItIsToldTo() async throws {
        var log = LogSettings()
        log.records = .failures
        #expect(try await tables(true, log: log).map(\.count) == [0, 600, 0, 1])
        log = LogSettings()
        log.retain = false
        #expect(try await tables(true, log: log).map(\.count) == [0, 600, 0, 1])
    }

    @Test func olderEntriesGo() async throws {
        let adjust: (inout [Change]) -> Void = { changes in
            changes[400] = change(401, "old@example.com", kind: .supersede, parent: 400)
        }
        let old: (PostgresFixture, Lease, SyncRun) async throws -> Void = { fixture, _, run in
            let fingerprint = change(401, "old@example.com").fingerprint
            let uuid = fingerprint.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            try await fixture.execute(
                """
                INSERT INTO rollcall.list_members (sync_name, list_id, fingerprint, email, state, listed, since_run_id, since)
                VALUES ('vip', 7, '\(uuid)', 'old@example.com', 'subscribed', true, '\(run.id)', now())
                """)
        }
        let written = try await tables(true, adjust: adjust, prepare: old)
        #expect(written == (try await tables(false, adjust: adjust, prepare: old)))
        #expect(written.map(\.count) == [599, 599, 0, 1])
    }

    @Test func whoIsOnTheSnapshotStaysAsLongAsBefore() async throws {
        let known: (PostgresFixture, Lease, SyncRun) async throws -> Void = { fixture, _, run in
            try await fixture.execute(
                """
                INSERT INTO rollcall.list_members (sync_name, list_id, fingerprint, email, state, listed, since_run_id, since)
                SELECT 'vip', 7, fingerprint, email, 'rejected', false, '00000000-0000-7000-8000-000000000000', now()
                  FROM rollcall.sync_changes WHERE sequence IN (10, 500)
                """)
        }
        let written = try await tables(true, prepare: known)
        #expect(written == (try await tables(false, prepare: known)))
        #expect(written.map(\.count) == [600, 600, 0, 1])
        #expect(written[1].allSatisfy { $0[5] == "subscribed" && $0[6] == "t" })
    }

    @Test func partOfThemMayBeRecordedAlready() async throws {
        let half: (PostgresFixture, Lease, SyncRun) async throws -> Void = { fixture, lease, run in
            try await fixture.warehouse.acknowledge(
                lease, run, outcomes: [outcomes(changes(), withEntries: true)[0]], log: LogSettings())
        }
        let written = try await tables(true, prepare: half)
        #expect(written[0...2] == (try await tables(false))[0...2])
    }
}

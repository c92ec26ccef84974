import RollcallCore
import TestSupport
import Testing
import Warehouse

/// Outcomes of records that come with their changes are written from these, and leave the same rows as those that come without.
@Suite struct PostgresBulkRecordTests {
    private static let count: Int64 = 500

    private func changes(_ kind: RecordKind) -> [Change] {
        (1...Self.count).map { number in
            var next = change(number, "p\(number)@example.com", kind == .users ? .update : .put)
            next.payload = Array("{\"n\":\(number)}".utf8)
            next.record = RecordReference(
                key: "k/\(number)", itemID: kind == .catalog ? "item-\(number)" : nil, content: number * 7)
            if kind == .catalog {
                next.identity = Identity(email: nil, userID: nil)
            } else {
                next.held = HeldFields(ifDone: FieldBits([Int(number % 9)]), ifInDoubt: FieldBits([3, 12]))
                if number % 3 == 0 { next.identity.userID = "u\(number)" }
                if number % 4 == 0 { next.loggedAs = Identity(email: "p***@example.com", userID: nil) }
            }
            if number % 5 == 0 { next.loggedKey = "hash of \(number)" }
            return next
        }
    }

    /// Log, snapshot and outbox after the outcomes, without what differs from run to run.
    private func tables(
        _ kind: RecordKind, withEntries: Bool, log: LogSettings = LogSettings(),
        prepare: (PostgresFixture, SyncRun) async throws -> Void = { _, _ in }
    ) async throws -> [[[String?]]] {
        try await withDatabase { fixture in
            _ = try await fixture.warehouse.migrate()
            let lease = try await fixture.warehouse.lease()
            var run = newRun(list: nil)
            (run.kind, run.target) = (kind, kind == .users ? "users" : "shops")
            try await fixture.warehouse.openRun(lease, run)
            let changes = changes(kind)
            run.counts.planned[changes[0].operation] = changes.count
            try await fixture.warehouse.stage(lease, run, plan: ListPlan(changes), log: log)
            try await prepare(fixture, run)
            let outcome = BatchOutcome(
                sequences: 1...Self.count, changes: changes.count, operation: changes[0].operation, httpStatus: 202,
                attempts: 2, entries: withEntries ? changes : [])
            for _ in 0..<2 { try await fixture.warehouse.acknowledge(lease, run, outcomes: [outcome], log: log) }
            return [
                try await fixture.query(
                    """
                    SELECT sync_name, email, user_id, operation, status, error_code, error_reason, http_status, attempts,
                           record_key, item_id, event_name, event_id, run_id = '\(run.id)' FROM rollcall.sync_log ORDER BY record_id
                    """),
                try await fixture.query(
                    """
                    SELECT sync_name, kind, fingerprint, record_key, email, user_id, item_id, content, encode(values_held, 'hex'),
                           state, owned, since_run_id = '\(run.id)', since > now() - interval '1 minute', error_code,
                           error_reason, http_status FROM rollcall.synced_records ORDER BY fingerprint
                    """),
                try await fixture.query("SELECT sequence, kind FROM rollcall.sync_changes ORDER BY sequence"),
                try await fixture.query("SELECT (generation <> 0)::text FROM rollcall.sync_state"),
                try await fixture.query("SELECT * FROM rollcall.settling_requests"),
            ]
        }
    }

    @Test(arguments: [RecordKind.users, .catalog]) func theRowsAreTheSame(_ kind: RecordKind) async throws {
        let written = try await tables(kind, withEntries: true)
        #expect(written == (try await tables(kind, withEntries: false)))
        #expect(written.map(\.count) == [500, 500, 0, 1, 0])
    }

    @Test(arguments: [RecordKind.users, .catalog]) func whatIsKnownIsChanged(_ kind: RecordKind) async throws {
        let known: (PostgresFixture, SyncRun) async throws -> Void = { fixture, run in
            try await fixture.execute(
                """
                INSERT INTO rollcall.synced_records (sync_name, kind, fingerprint, record_key, email, content, state, owned,
                                                     since_run_id, since, error_code)
                SELECT 'vip', '\(kind.rawValue)', fingerprint, record_key, email, 1, 'rejected', false,
                       '00000000-0000-7000-8000-000000000000', now(), 'gone' FROM rollcall.sync_changes WHERE sequence IN (10, 400)
                """)
        }
        let written = try await tables(kind, withEntries: true, prepare: known)
        #expect(written == (try await tables(kind, withEntries: false, prepare: known)))
        #expect(written.map(\.count) == [500, 500, 0, 1, 0])
        #expect(written[1].allSatisfy { $0[9] == "synced" && $0[10] == "t" && $0[13] == nil })
    }

    @Test func theLogIsKeptAsItIsToldTo() async throws {
        var log = LogSettings()
        log.records = .failures
        #expect(try await tables(.users, withEntries: true, log: log).map(\.count) == [0, 500, 0, 1, 0])
        log = LogSettings()
        log.retain = false
        #expect(try await tables(.users, withEntries: true, log: log).map(\.count) == [0, 500, 0, 1, 0])
    }

    /// A record that is lost on the way to the table would be sent for ever.
    @Test func rowsThatATriggerKeepsAwayAreAnError() async throws {
        let failure = await warehouseFailure {
            try await tables(.users, withEntries: true) { fixture, _ in
                try await fixture.execute(
                    """
                    CREATE FUNCTION rollcall.keep_away() RETURNS trigger LANGUAGE plpgsql AS
                        $$BEGIN IF NEW.email = 'p7@example.com' THEN RETURN NULL; END IF; RETURN NEW; END$$;
                    CREATE TRIGGER keep_away BEFORE INSERT ON rollcall.synced_records
                        FOR EACH ROW EXECUTE FUNCTION rollcall.keep_away();
                    """)
            }
        }
        #expect(failure?.kind == .conflict)
        #expect(failure?.error.message == "The table synced_records took 499 of 500 rows.")
    }
}

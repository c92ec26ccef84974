import Foundation
import RollcallCore
import TestSupport
import Testing

@testable import Warehouse

/// Logical replication publishes the state tables; on large ones, too, the keys that this needs come without keeping anyone waiting.
@Suite struct PostgresKeysTests {
    private static let publication = "CREATE PUBLICATION everything FOR ALL TABLES"

    private static let before = PostgresKeys.version - 1

    /// The state tables as the version before the keys had them.
    private func withVersionBefore(_ body: (PostgresFixture) async throws -> Void) async throws {
        try await withDatabase { fixture in
            let steps = EmbeddedMigrations.postgres.filter { $0.version < PostgresKeys.version }
            let ledger = steps.map { "INSERT INTO schema_migrations VALUES (\($0.version), '\($0.name)', now());" }
            try await fixture.execute(
                """
                CREATE SCHEMA rollcall; SET search_path = rollcall;
                CREATE TABLE schema_migrations (version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL);
                \(steps.map(\.sql).joined(separator: "\n"))
                \(ledger.joined(separator: "\n"))
                """)
            try await body(fixture)
        }
    }

    private static func fillLog(_ fixture: PostgresFixture, rows: Int, days: Int = 0) async throws {
        try await fixture.execute(
            """
            INSERT INTO rollcall.sync_log (run_id, sync_name, email, operation, status, attempts, logged_at)
            SELECT '\(Scene.id(1))', 'vip', 'person' || i || '@example.com', 'subscribe', 'succeeded', 1,
                   now() - interval '\(days) days' FROM generate_series(1, \(rows)) i
            """)
    }

    /// Indexes of `sync_log`, and whether they are valid.
    private static func indexes(_ fixture: PostgresFixture) async throws -> [String] {
        try await fixture.query(
            """
            SELECT c.relname || CASE WHEN i.indisprimary THEN ' primary' ELSE '' END
                   || CASE WHEN i.indisvalid THEN '' ELSE ' invalid' END
              FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
             WHERE i.indrelid = 'rollcall.sync_log'::regclass ORDER BY 1
            """
        ).map { $0[0] ?? "" }
    }

    private static let keyed = ["sync_log_by_time", "sync_log_pkey primary"]

    // MARK: What is published

    @Test(
        "every change of a published state table",
        arguments: RunConformance.tests + OutcomeConformance.tests + RecoveryConformance.tests
            + SnapshotConformance.tests + LogConformance.tests + RetentionConformance.tests + TickConformance.tests
            + LeaseConformance.tests)
    func published(_ test: ConformanceTest) async throws {
        let fixture = try await PostgresFixture.make()
        try await fixture.execute(Self.publication)
        try await test.run(with: fixture)
    }

    @Test func everyStateTableHasAPrimaryKey() async throws {
        try await withDatabase { fixture in
            _ = try await fixture.warehouse.migrate()
            let without = try await fixture.query(
                """
                SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'rollcall'::regnamespace AND c.relkind = 'r'
                   AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)
                """)
            #expect(without.isEmpty, "\(without)")
        }
    }

    @Test func diagnosisTriesWhetherRowsCanBeDeleted() async throws {
        try await withVersionBefore { fixture in
            #expect(await fixture.warehouse.diagnose([]).allSatisfy(\.isFine), "nothing is published")
            try await fixture.execute(Self.publication)
            let wrong = await fixture.warehouse.diagnose([]).filter { !$0.isFine }
            #expect(
                wrong.map(\.subject) == ["replication of sync_log", "replication of settling_requests"], "\(wrong)")
            #expect(wrong.allSatisfy { $0.fix?.contains("rollcall migrate") == true })
            try await Self.fillLog(fixture, rows: 10)
            let migrated = try await fixture.warehouse.migrate()
            #expect(migrated.from == Self.before)
            #expect(await fixture.warehouse.diagnose([]).allSatisfy(\.isFine))
            #expect(try await Self.indexes(fixture) == Self.keyed)
            #expect(try await fixture.query("SELECT count(*) FROM rollcall.sync_log") == [["10"]])
            try await fixture.execute("DELETE FROM rollcall.sync_log")
        }
    }

    /// Publications that say which columns they cover ask for more than a key.
    @Test func diagnosisKnowsPublicationsOfSomeColumns() async throws {
        try await withDatabase { fixture in
            _ = try await fixture.warehouse.migrate()
            try await fixture.execute("CREATE PUBLICATION statuses FOR TABLE rollcall.sync_runs (run_id, status)")
            #expect(await fixture.warehouse.diagnose([]).allSatisfy(\.isFine))
            try await fixture.execute("ALTER PUBLICATION statuses SET TABLE rollcall.sync_runs (status)")
            let wrong = await fixture.warehouse.diagnose([]).filter { !$0.isFine }
            #expect(wrong.map(\.subject) == ["replication of sync_runs"], "\(wrong)")
            try await fixture.execute("ALTER PUBLICATION statuses SET (publish = 'insert')")
            #expect(await fixture.warehouse.diagnose([]).allSatisfy(\.isFine))
        }
    }

    /// What people did who met the error before there were keys.
    @Test(arguments: [
        "ALTER TABLE rollcall.sync_log ADD PRIMARY KEY (record_id)",
        "ALTER TABLE rollcall.sync_log REPLICA IDENTITY FULL",
        "CREATE UNIQUE INDEX sync_log_key ON rollcall.sync_log (run_id, record_id)",
    ])
    func whatItsOwnerHasDoneIsKept(_ statement: String) async throws {
        try await withVersionBefore { fixture in
            try await Self.fillLog(fixture, rows: 10)
            try await fixture.execute(statement)
            _ = try await fixture.warehouse.migrate()
            let keys = try await Self.indexes(fixture).filter { $0.hasSuffix(" primary") }
            #expect(keys == ["sync_log_pkey primary"])
            try await fixture.execute(Self.publication)
            #expect(await fixture.warehouse.diagnose([]).allSatisfy(\.isFine))
        }
    }

    // MARK: Large tables

    /// A table that is indexed beforehand, and a session whose snapshot keeps the build from ending.
    private func withBuildUnderWay(
        _ body: (PostgresFixture, _ release: () async throws -> Void) async throws -> Void
    ) async throws {
        try await withVersionBefore { fixture in
            try await Self.fillLog(fixture, rows: 300_000)
            let bystander = try PostgresClient(fixture.url.reveal())
            try bystander.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class")
            try await body(fixture) { try bystander.run("COMMIT") }
        }
    }

    /// The server process that builds and waits; nil while there is none.
    private static func builder(_ fixture: PostgresFixture) async throws -> String? {
        try await fixture.query(
            """
            SELECT pid FROM pg_stat_progress_create_index
             WHERE datname = current_database() AND phase LIKE 'waiting for old snapshots%'
            """
        ).first?.first ?? nil
    }

    @Test func nobodyWaitsWhileAKeyIsBuilt() async throws {
        try await withBuildUnderWay { fixture, release in
            let other = try fixture.second()
            async let first = fixture.warehouse.migrate()
            try await poll { try await Self.builder(fixture) != nil }
            async let second = other.migrate()
            // Reads and writes of the table go on while the index is built.
            try await fixture.execute(
                "SET lock_timeout = '1s'; UPDATE rollcall.sync_log SET attempts = 2 WHERE record_id = 7")
            try await Self.fillLog(fixture, rows: 5)
            try await fixture.execute("SET lock_timeout = '1s'; DELETE FROM rollcall.sync_log WHERE record_id = 8")
            #expect(try await Self.builder(fixture) != nil)
            try await release()
            let results = try await [first, second]
            #expect(results.contains { $0.from == Self.before } && Set(results.map(\.to)).count == 1)
            #expect(try await Self.indexes(fixture) == Self.keyed)
            #expect(try await fixture.query("SELECT count(*) FROM rollcall.sync_log") == [["300004"]])
            await other.close()
        }
    }

    @Test func aBuildThatWasBrokenOffIsDoneAgain() async throws {
        try await withBuildUnderWay { fixture, release in
            async let broken = warehouseFailure { try await fixture.warehouse.migrate() }
            try await poll { try await Self.builder(fixture) != nil }
            let builder = try #require(try await Self.builder(fixture))
            try await fixture.execute("SELECT pg_terminate_backend(\(builder))")
            #expect(await broken?.kind == .connection)
            #expect(try await Self.indexes(fixture).contains("sync_log_key invalid"))
            #expect(try await fixture.warehouse.schemaVersion() == Self.before)
            try await release()
            _ = try await fixture.warehouse.migrate()
            #expect(try await Self.indexes(fixture) == Self.keyed)
        }
    }

    /// The process is gone, its server process goes on: the next one waits for it and takes what it has built.
    @Test func aBuildWhoseProcessIsGoneIsTakenOver() async throws {
        try await withBuildUnderWay { fixture, release in
            async let built: Void = fixture.execute(
                "CREATE UNIQUE INDEX CONCURRENTLY sync_log_key ON rollcall.sync_log (run_id, record_id)")
            try await poll { try await Self.builder(fixture) != nil }
            let before = try await fixture.query("SELECT 'rollcall.sync_log_key'::regclass::oid")
            async let migrated = fixture.warehouse.migrate()
            try await poll {
                try await !fixture.query(
                    "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'rollcall.sync_log'::regclass"
                )
                .isEmpty
            }
            try await release()
            try await built
            _ = try await migrated
            #expect(try await Self.indexes(fixture) == Self.keyed)
            #expect(try await fixture.query("SELECT 'rollcall.sync_log_pkey'::regclass::oid") == before)
        }
    }

    /// The statement that looks at the index waits in its midst, and the build ends meanwhile.
    @Test func aBuildThatEndsDuringALookIsNotTakenForUnfinished() async throws {
        try await withVersionBefore { fixture in
            try await Self.fillLog(fixture, rows: 10)
            try await fixture.execute(
                """
                CREATE UNIQUE INDEX sync_log_key ON rollcall.sync_log (run_id, record_id);
                UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'rollcall.sync_log_key'::regclass
                """)
            let (locker, builder) = (try PostgresClient(fixture.url.reveal()), try PostgresClient(fixture.url.reveal()))
            try locker.run("BEGIN; LOCK TABLE rollcall.sync_log IN ACCESS EXCLUSIVE MODE")
            try builder.run(
                "BEGIN; UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'rollcall.sync_log_key'::regclass")
            let warehouse = try #require(fixture.warehouse as? PostgresWarehouse)
            async let standing = warehouse.worker(.long).run { session in
                try session.transaction("BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL search_path = rollcall") {
                    try PostgresKeys(tables: warehouse.tables).standing($0)
                }
            }
            try await poll {
                try await !fixture.query(
                    "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'rollcall.sync_log'::regclass"
                )
                .isEmpty
            }
            try builder.run("COMMIT")
            try locker.run("COMMIT")
            #expect(try await standing == .ready)
        }
    }

    /// The migration of another process has the table for longer than one look at it waits.
    @Test func lookingAtATableThatIsLockedWaits() async throws {
        try await withVersionBefore { fixture in
            try await Self.fillLog(fixture, rows: 300_000)
            let bystander = try PostgresClient(fixture.url.reveal())
            try bystander.run("BEGIN; LOCK TABLE rollcall.sync_log IN SHARE UPDATE EXCLUSIVE MODE")
            async let migrated = fixture.warehouse.migrate()
            func waiting(_ mode: String) async throws -> String? {
                try await fixture.query(
                    """
                    SELECT a.pid || ' ' || a.query_start FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
                     WHERE NOT l.granted AND l.mode = '\(mode)' AND l.relation = 'rollcall.sync_log'::regclass
                    """
                ).first?.first ?? nil
            }
            try await poll { try await waiting("ShareUpdateExclusiveLock") != nil }
            async let locked: Void = fixture.execute(
                "BEGIN; LOCK TABLE rollcall.sync_log IN ACCESS EXCLUSIVE MODE; COMMIT")
            // Should the test end early, no session waits for the lock.
            defer { _ = try? bystander.run("ROLLBACK") }
            try await poll { try await waiting("AccessShareLock") != nil }
            let first = try await waiting("AccessShareLock")
            try await poll {
                let now = try await waiting("AccessShareLock")
                return now != nil && now != first
            }
            try bystander.run("COMMIT")
            try await locked
            #expect(try await migrated.from == Self.before)
        }
    }

    /// A role whose statements may take a moment only, and whose transactions read unless they say otherwise.
    @Test func theRolesLimitsDoNotEndABuild() async throws {
        try await withBuildUnderWay { fixture, release in
            try await fixture.execute(
                "ALTER DATABASE \(fixture.database) SET statement_timeout = '5s';"
                    + "ALTER DATABASE \(fixture.database) SET lock_timeout = '5s'")
            let warehouse = try fixture.second()
            async let migrated = warehouse.migrate()
            try await poll { try await Self.builder(fixture) != nil }
            let seconds =
                "(SELECT now() - query_start FROM pg_stat_activity WHERE pid = \(try await Self.builder(fixture) ?? "0"))"
            try await poll { try await fixture.query("SELECT \(seconds) > interval '6 seconds'") == [["t"]] }
            try await release()
            #expect(try await migrated.from == Self.before)
            #expect(try await Self.indexes(fixture) == Self.keyed)
            await warehouse.close()
        }
    }

    // MARK: Partitions

    /// Places of rows (`ctid`) repeat across partitions: entries are dropped and changed by their key.
    @Test func entriesOfAPartitionedSnapshotGoByTheirKey() async throws {
        try await withDatabase { fixture in
            let scene = try await Scene.make(fixture)
            try await fixture.execute(
                """
                SET search_path = rollcall;
                ALTER TABLE list_members RENAME TO list_members_whole;
                CREATE TABLE list_members (LIKE list_members_whole INCLUDING ALL) PARTITION BY HASH (fingerprint);
                CREATE TABLE list_members_0 PARTITION OF list_members FOR VALUES WITH (MODULUS 2, REMAINDER 0);
                CREATE TABLE list_members_1 PARTITION OF list_members FOR VALUES WITH (MODULUS 2, REMAINDER 1);
                """)
            for person in 1...40 { try await scene.member(person, state: .subscribed) }
            var doubted = Scene.unsubscribe(3, 3, kind: .supersede)
            doubted.parent = 2
            let run = try await scene.staged(1, [Scene.unsubscribe(1, 1), Scene.unsubscribe(2, 2), doubted])
            let mayLandUntil = try await fixture.warehouse.now().addingTimeInterval(3600)
            try await scene.acknowledge(
                run,
                [
                    Scene.batch(.unsubscribe, 1...1),
                    Scene.batch(.unsubscribe, 2...2, [2: .unknown(Scene.reason("lost"))], mayLandUntil: mayLandUntil),
                ])
            let states = try await fixture.warehouse.memberCounts(sync: Scene.sync, of: .list(Scene.list))
            #expect(states == [.subscribed: 37, .unsubscribing: 2])
            #expect(try await scene.entry(1) == nil)
        }
    }

    /// `sync_log` with a partition of this year's rows and one of earlier ones, made by its owner.
    private static let partition = """
        SET search_path = rollcall;
        ALTER TABLE sync_log RENAME TO sync_log_whole;
        CREATE TABLE sync_log (LIKE sync_log_whole INCLUDING DEFAULTS INCLUDING IDENTITY) PARTITION BY RANGE (logged_at);
        CREATE TABLE sync_log_old PARTITION OF sync_log FOR VALUES FROM (MINVALUE) TO (now() - interval '90 days');
        CREATE TABLE sync_log_new PARTITION OF sync_log FOR VALUES FROM (now() - interval '90 days') TO (MAXVALUE);
        """

    @Test(arguments: [true, false]) func aPartitionedLogIsIdentifiedByItsWholeRows(isUpgrade: Bool) async throws {
        try await withVersionBefore { fixture in
            if !isUpgrade { _ = try await fixture.warehouse.migrate() }
            try await fixture.execute(Self.partition)
            let migrated = try await fixture.warehouse.migrate()
            if isUpgrade {
                #expect(migrated.from == Self.before)
                let identities = try await fixture.query(
                    "SELECT DISTINCT relreplident FROM pg_class WHERE relname IN ('sync_log', 'sync_log_old', 'sync_log_new')"
                )
                #expect(identities == [["f"]])
            } else {
                let note = await fixture.warehouse.diagnose([]).first { $0.subject == "state table sync_log" }
                #expect(note?.isFine == true)
                try await fixture.execute(try #require(note?.fix))
            }
            try await fixture.execute(Self.publication)
            let findings = await fixture.warehouse.diagnose([])
            #expect(findings.map(\.isFine).contains(false) == false, "\(findings)")
            let note = findings.first { $0.subject == "state table sync_log" }
            #expect(note?.detail.contains("REPLICA IDENTITY FULL") == true && note?.fix == nil)
            try await prune(fixture)
            // A partition that came later.
            try await fixture.execute(
                """
                ALTER TABLE rollcall.sync_log DETACH PARTITION rollcall.sync_log_old;
                CREATE TABLE rollcall.sync_log_older PARTITION OF rollcall.sync_log
                    FOR VALUES FROM (MINVALUE) TO (now() - interval '100 days')
                """)
            let wrong = await fixture.warehouse.diagnose([]).filter { !$0.isFine }
            #expect(wrong.map(\.subject) == ["replication of sync_log"], "\(wrong)")
            let fix = try #require(wrong.first?.fix)
            #expect(fix == "ALTER TABLE rollcall.sync_log_older REPLICA IDENTITY FULL;")
            try await fixture.execute(fix)
            #expect(await fixture.warehouse.diagnose([]).allSatisfy(\.isFine))
        }
    }

    /// Rows of both partitions have the same places (`ctid`); only those that are old go.
    private func prune(_ fixture: PostgresFixture) async throws {
        try await Self.fillLog(fixture, rows: 40, days: 365)
        try await Self.fillLog(fixture, rows: 30)
        try await fixture.execute(
            """
            INSERT INTO rollcall.sync_runs (run_id, sync_name, destination, "trigger", status, started_at, finished_at)
            VALUES ('\(Scene.id(1))', 'vip', 'd', 'manual', 'succeeded', now() - interval '366 days', now() - interval '366 days'),
                   ('\(Scene.id(2))', 'vip', 'd', 'manual', 'succeeded', now(), now());
            INSERT INTO rollcall.schedule_ticks VALUES ('vip', now() - interval '366 days', 'missed'), ('vip', now(), 'missed')
            """)
        let pruned = try await fixture.warehouse.prune([RetentionPolicy(sync: "vip", days: 30)])
        #expect(pruned == PruneResult(runs: 1, records: 40, ticks: 1))
        #expect(try await fixture.query("SELECT count(*) FROM rollcall.sync_log_new") == [["30"]])
        #expect(try await fixture.query("SELECT count(*) FROM rollcall.sync_log") == [["30"]])
    }

    /// Whatever the server thinks of the table: a deletion looks its rows up, and does not read the whole log.
    @Test(arguments: [false, true]) func oldRecordsAreDeletedAlongTheKey(isAnalysed: Bool) async throws {
        try await withDatabase { fixture in
            _ = try await fixture.warehouse.migrate()
            try await Self.fillLog(fixture, rows: 20_000)
            if isAnalysed { try await fixture.execute("ANALYZE rollcall.sync_log") }
            let statement = ["'vip'", "30", "50000"].enumerated().reduce(PostgresWarehouse.oldRecords) {
                $0.replacing("$\($1.offset + 1)", with: $1.element)
            }
            let plan = try await fixture.query(
                "SET search_path = rollcall; SET enable_seqscan = off; EXPLAIN \(statement)"
            ).map { $0[0] ?? "" }.joined(separator: "\n")
            #expect(plan.contains("sync_log_pkey") && !plan.contains("Seq Scan on sync_log"), "\(plan)")
        }
    }
}

import Dispatch
import RollcallCore
import Synchronization
import TestSupport
import Testing
import Warehouse

/// A real standby that receives the changes of a real primary, as a source whose state lives elsewhere.
@Suite(.serialized, .timeLimit(.minutes(10))) struct StandbyTests {
    /// A primary with the table `people`, and a standby of it that has the table too.
    private func withStandby(
        rows: Int = 3, _ settings: [String] = [],
        _ body: (_ primary: PostgresFixture, _ standby: PostgresCluster, SplitFixture) async throws -> Void
    ) async throws {
        let cluster = try await PostgresCluster.separate()
        defer { cluster.stop() }
        let primary = try await PostgresFixture.make(on: cluster)
        try await primary.execute(
            """
            CREATE TABLE people AS
            SELECT 'user' || number || '@example.com' AS email, number::bigint AS user_id
              FROM generate_series(1, \(rows)) number
            """)
        let standby = try await cluster.makeStandby(settings)
        defer { standby.stop() }
        try await standby.awaitReplay(of: cluster)
        let fixture = try SplitFixture(source: primary, state: await SQLiteFixture.make(), standby: standby)
        do {
            try await body(primary, standby, fixture)
        } catch {
            await fixture.tearDown()
            throw error
        }
        await fixture.tearDown()
    }

    private static let source = AudienceSource.table(["people"])
    private static let columns = IdentifierColumns(email: "email", userID: "user_id")

    /// Stops a reading at its first row, so that something can happen in its midst.
    private final class Gate: Sendable {
        private let hasPassed = Atomic(false)
        private let reached = AsyncStream.makeStream(of: Void.self)
        private let permission = DispatchSemaphore(value: 0)

        func row() {
            guard !hasPassed.exchange(true, ordering: .relaxed) else { return }
            reached.continuation.finish()
            permission.wait()
        }

        func awaitFirstRow() async { for await _ in reached.stream {} }

        /// Lets the reading go on; also one that has no row.
        func open() {
            reached.continuation.finish()
            permission.signal()
        }
    }

    /// Reads the audience; `meanwhile` happens at its first row.
    private func read(
        _ warehouse: any Warehouse, _ meanwhile: () async throws -> Void
    ) async throws -> (rows: Int, failure: WarehouseError?) {
        let (gate, rows) = (Gate(), Counter())
        async let failure = {
            let failure = await warehouseFailure {
                try await warehouse.readAudience(Self.source, columns: Self.columns) { _, _ in
                    gate.row()
                    rows.raise()
                }
            }
            gate.open()
            return failure
        }()
        await gate.awaitFirstRow()
        do {
            try await meanwhile()
        } catch {
            gate.open()
            _ = await failure
            throw error
        }
        gate.open()
        let end = await failure
        return (rows.value, end)
    }

    @Test func whatIsReadThereIsWhatThePrimaryHas() async throws {
        try await withStandby(rows: 20_000) { primary, _, fixture in
            let rows = try await read(fixture.warehouse) {}
            #expect(rows.rows == 20_000 && rows.failure == nil, "\(rows)")
            try await fixture.execute("DELETE FROM people WHERE user_id > 5")
            let fewer = try await read(fixture.warehouse) {}
            #expect(fewer.rows == 5 && fewer.failure == nil, "\(fewer)")
            #expect(try await fixture.warehouse.index(on: "email", of: Self.source) != .exists)
            let schemas = try await primary.query(
                "SELECT nspname FROM pg_namespace WHERE nspname IN ('rollcall', 'none')")
            #expect(schemas.isEmpty)
        }
    }

    /// The primary locks the table, which the standby replays at once: whoever reads there is in its way.
    @Test func aReadingThatReplayEndsSaysSo() async throws {
        try await withStandby(rows: 300_000, ["max_standby_streaming_delay=0"]) { primary, standby, fixture in
            let ended = try await read(fixture.warehouse) {
                try await primary.execute("ALTER TABLE people ADD COLUMN further integer")
                let position = try await primary.query("SELECT pg_current_wal_lsn()")[0][0] ?? ""
                // The replay waits for the reading, or has ended it already.
                try await standby.awaitTrue(
                    "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
                        + " OR pg_last_wal_replay_lsn() >= '\(position)'::pg_lsn")
            }
            #expect(ended.failure?.kind == .recoveryConflict, "\(ended)")
            #expect(ended.failure?.error.code == "warehouse_recovery_conflict")
            #expect(ended.failure?.error.hint?.contains("hot_standby_feedback") == true)
            #expect(ended.failure?.isTransient == true)
            #expect(ended.rows < 300_000)
            let again = try await read(fixture.warehouse) {}
            #expect(again.rows == 300_000 && again.failure == nil, "\(again)")
        }
    }

    @Test func aReadingOutlastsThePromotion() async throws {
        try await withStandby(rows: 300_000) { _, standby, fixture in
            let rows = try await read(fixture.warehouse) { try await standby.promote() }
            #expect(rows.rows == 300_000 && rows.failure == nil, "\(rows)")
            let again = try await read(fixture.warehouse) {}
            #expect(again.rows == 300_000 && again.failure == nil, "\(again)")
        }
    }

    @Test func diagnosisSaysWhatItIs() async throws {
        try await withStandby { _, standby, fixture in
            let findings = await fixture.warehouse.diagnoseSources([Self.source])
            #expect(findings.filter { !$0.isFine } == [], "\(findings)")
            let reading = try #require(findings.first { $0.subject == "reading" })
            #expect(reading.detail == "the server is a standby, 0 s behind its primary", "\(reading)")
            #expect(reading.fix?.contains("max_standby_streaming_delay") == true, "\(reading)")
            #expect(!findings.contains { $0.subject.hasPrefix("state") }, "\(findings)")
            try await standby.promote()
            let after = await fixture.warehouse.diagnoseSources([Self.source])
            #expect(after.first { $0.subject == "reading" }?.detail == "the database is only read", "\(after)")
        }
    }

    @Test func notificationsDoNotComeAndTheWatchSaysSo() async throws {
        try await withStandby { _, _, fixture in
            let warehouse = try #require(fixture.warehouse as? any ServiceWarehouse)
            let watch = try await warehouse.watch(channel: "orders") {}
            guard case .unavailable(let reason) = watch.wakes else {
                Issue.record("the watch says \(watch.wakes)")
                return await watch.end()
            }
            #expect(reason.contains("standby"), "\(reason)")
            #expect(await watch.mayHaveChanged())
            await watch.end()
        }
    }
}

/// Counts from any thread.
private final class Counter: Sendable {
    private let count = Atomic(0)
    var value: Int { count.load(ordering: .relaxed) }
    func raise() { count.add(1, ordering: .relaxed) }
}

import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

@Suite struct SplitWarehouseTests {
    private static let source = AudienceSource.table(["people"])

    /// No schema, no table and no notification channel of ours is needed there, and none can be made.
    @Test func aRoleThatMayOnlySelectIsEnough() async throws {
        try await withDatabase { primary in
            let role = "reader_" + primary.database
            try await primary.cluster.createRole(role)
            try await primary.execute(
                """
                CREATE TABLE people (email text, user_id bigint);
                INSERT INTO people VALUES ('ada@example.com', 1), ('ben@example.com', 2);
                REVOKE CREATE ON SCHEMA public FROM PUBLIC;
                GRANT SELECT ON people TO \(role);
                ALTER ROLE \(role) SET default_transaction_read_only = on;
                """)
            let reader = PostgresWarehouse(
                url: Secret(primary.cluster.socketURL(database: primary.database, user: role)), stateSchema: "none")
            let state = try await SQLiteFixture.make()
            let keeper = try #require(state.warehouse as? any ServiceWarehouse)
            let warehouse = SplitWarehouse(source: reader, state: keeper)
            _ = try await warehouse.migrate()
            let lease = try await warehouse.lease()
            try await warehouse.openRun(lease, newRun())
            let rows = try await audience(
                warehouse, Self.source, IdentifierColumns(email: "email", userID: "user_id"))
            #expect(rows.count == 2)
            let findings = await warehouse.diagnoseSources([Self.source])
            #expect(findings.filter { !$0.isFine } == [], "\(findings)")
            #expect(
                findings.first { $0.subject == "reading" }?.detail
                    == "the database is only read; the role begins transactions without a right to write", "\(findings)"
            )
            let made = try await primary.query(
                """
                SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
                """)
            #expect(made == [["people"]], "nothing of ours is there")
            #expect(try await warehouse.runs(RunFilter()).count == 1)
            await warehouse.close()
            await state.tearDown()
            try await primary.execute("DROP OWNED BY \(role) CASCADE; DROP ROLE \(role)")
        }
    }

    /// A file that takes the source's place ends the run, as one does that takes the state's.
    @Test(arguments: [true, false]) func aReplacedFileIsNoticed(isSource: Bool) async throws {
        let (source, state) = (try await SQLiteFixture.make(), try await SQLiteFixture.make())
        let fixture = try SplitFixture(source: source, state: state)
        try await source.execute("CREATE TABLE people (email TEXT)")
        _ = try await fixture.warehouse.migrate()
        let lease = try await fixture.warehouse.lease()
        try fixture.warehouse.ensureUnreplaced(lease)
        let path = isSource ? source.path : state.path
        try FileManager.default.copyItem(atPath: path, toPath: path + ".new")
        #expect(rename(path + ".new", path) == 0)
        let error = #expect(throws: WarehouseError.self) { try fixture.warehouse.ensureUnreplaced(lease) }
        #expect(error?.kind == .replaced, "\(String(describing: error))")
        if isSource {
            // The state can still be written: the run can say why it ended. The next one reads the file that is there.
            try await fixture.warehouse.releaseLease(lease)
            let next = try await fixture.warehouse.lease()
            try fixture.warehouse.ensureUnreplaced(next)
        }
        await fixture.tearDown()
    }

    /// Rows come by bucket from a source that can group them, wherever the state lives.
    @Test func rowsOfTheSourceAreGrouped() async throws {
        let fixture = try SplitFixture(source: await PostgresFixture.make(), state: await SQLiteFixture.make())
        try await fixture.execute(
            "CREATE TABLE people (email text, plan text); INSERT INTO people VALUES ('a@b.co', 'free')")
        let columns = RecordColumns(identifiers: IdentifierColumns(email: "email", userID: nil), fields: ["plan"])
        let reading = try await RecordBucketConformance.read(fixture.warehouse, Self.source, columns)
        #expect(reading?.rows.map(\.text) == ["a@b.co|NULL|free"])
        let direct = try await RecordBucketConformance.read(fixture.source.warehouse, Self.source, columns)
        #expect(direct?.digests == reading?.digests && direct?.basis == reading?.basis)
        await fixture.tearDown()
    }

    @Test func theSourceSaysHowManyProcessorsItsReadingsKeepBusy() async throws {
        let (source, state) = (try await SQLiteFixture.make(), try await PostgresFixture.make())
        #expect(source.warehouse.readingProcessors == 1 && state.warehouse.readingProcessors == 2)
        let file = try #require(source.warehouse as? any ServiceWarehouse)
        let server = try #require(state.warehouse as? any ServiceWarehouse)
        #expect(SplitWarehouse(source: file, state: server).readingProcessors == 1)
        #expect(SplitWarehouse(source: server, state: file).readingProcessors == 2)
        await source.tearDown()
        await state.tearDown()
    }

    /// Others may use the state's connections: whoever counts uses counts them by the adapters.
    @Test func theAdaptersAreThoseOfBothParts() async throws {
        let fixture = try await SplitFixture.make()
        let ids = fixture.warehouse.adapters.map { ObjectIdentifier($0 as AnyObject) }
        let parts = [fixture.source.warehouse, fixture.stateFixture.warehouse]
        #expect(ids == parts.map { ObjectIdentifier($0 as AnyObject) })
        #expect(parts[0].adapters.count == 1)
        await fixture.tearDown()
    }
}

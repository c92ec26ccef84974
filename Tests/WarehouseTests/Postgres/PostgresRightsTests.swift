import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

@Suite struct PostgresRightsTests {
    /// A role that can log in and nothing else, on the database of the fixture.
    private func withRole(
        _ body: (PostgresFixture, String, PostgresWarehouse) async throws -> Void
    ) async throws {
        try await withDatabase { fixture in
            let role = "role_" + fixture.database
            try await fixture.cluster.createRole(role)
            let warehouse = PostgresWarehouse(
                url: Secret(fixture.cluster.socketURL(database: fixture.database, user: role)),
                stateSchema: "state of us")
            do {
                try await body(fixture, role, warehouse)
            } catch {
                Issue.record(error)
            }
            await warehouse.close()
            try await fixture.execute("DROP OWNED BY \(role) CASCADE; DROP ROLE \(role)")
        }
    }

    @Test func theGrantsThatDiagnosisGivesMendIt() async throws {
        try await withRole { fixture, role, warehouse in
            try await fixture.execute("CREATE SCHEMA crm; CREATE TABLE crm.\"VIP people\" (email text)")
            let source = AudienceSource.table(["crm", "VIP people"])
            let findings = await warehouse.diagnose([source])
            #expect(findings.map(\.isFine) == [true, false, true, false], "\(findings)")
            for finding in findings { if let fix = finding.fix, !finding.isFine { try await fixture.execute(fix) } }
            #expect(await warehouse.diagnose([source]).allSatisfy(\.isFine))
            #expect(try await warehouse.migrate().from == nil)
            let after = await warehouse.diagnose([source])
            #expect(after.allSatisfy(\.isFine) && after.count == 5, "\(after)")
        }
    }

    @Test func missingRightsCarryTheirGrant() async throws {
        try await withRole { fixture, role, warehouse in
            try await fixture.execute("CREATE TABLE people (email text)")
            for source in [AudienceSource.table(["people"]), .query("SELECT email FROM people", file: nil)] {
                let error = await warehouseFailure { try await warehouse.columns(of: source) }
                #expect(error?.kind == .permission)
                #expect(error?.error.hint == "GRANT SELECT ON public.people TO \(role);")
            }
            let error = await warehouseFailure { try await warehouse.migrate() }
            #expect(error?.kind == .permission && error?.error.hint?.contains("\"state of us\"") == true)
        }
    }

    /// Rights that were granted on tables before a version made a view of one.
    @Test func viewsNeedNoRight() async throws {
        try await withRole { fixture, role, warehouse in
            let owner = PostgresWarehouse(
                url: Secret(fixture.cluster.socketURL(database: fixture.database)), stateSchema: "state of us")
            _ = try await owner.migrate()
            await owner.close()
            try await fixture.execute(
                """
                GRANT USAGE ON SCHEMA "state of us" TO \(role);
                GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "state of us" TO \(role);
                REVOKE ALL ON "state of us".synced_events FROM \(role);
                INSERT INTO "state of us".seen_events (sync_name, event_key, state, run_id, at)
                VALUES ('orders', gen_random_uuid(), 'sent', gen_random_uuid(), now());
                """)
            #expect(try await warehouse.eventCounts(sync: "orders") == [.sent: 1])
            #expect(try await warehouse.stateCounts(sync: "orders")[.events] == 1)
            _ = try await warehouse.stateStanding(sync: "orders")
            #expect(await warehouse.diagnose([]).allSatisfy(\.isFine))
        }
    }

    @Test func stateNeedsNoRightToCreateSchemas() async throws {
        try await withRole { fixture, role, warehouse in
            try await fixture.execute("CREATE SCHEMA \"state of us\" AUTHORIZATION \(role)")
            _ = try await warehouse.migrate()
            let lease = try await warehouse.lease()
            try await warehouse.openRun(lease, newRun())
            #expect(try await warehouse.runs(RunFilter()).count == 1)
        }
    }

    /// PostgreSQL says of both that there is no such table. To begin from nothing because of it would send everybody again.
    @Test func aSchemaThatTheRoleMayNotUseIsNotOneWithoutTables() async throws {
        try await withRole { fixture, role, warehouse in
            #expect(try await warehouse.schemaVersion() == nil)
            #expect(try await warehouse.stateStanding(sync: "members").content == .none)
            let owner = PostgresWarehouse(
                url: Secret(fixture.cluster.socketURL(database: fixture.database)), stateSchema: "state of us")
            _ = try await owner.migrate()
            await owner.close()
            for error in [
                await warehouseFailure { try await warehouse.schemaVersion() },
                await warehouseFailure { try await warehouse.stateStanding(sync: "members") },
                await warehouseFailure { try await warehouse.runs(RunFilter()) },
                await warehouseFailure { try await warehouse.lease() },
            ] {
                #expect(error?.kind == .permission, "\(String(describing: error))")
                #expect(error?.error.message.contains("\(role) may not use the schema state of us") == true)
            }
            try await fixture.execute("GRANT USAGE ON SCHEMA \"state of us\" TO \(role)")
            #expect(await warehouseFailure { try await warehouse.schemaVersion() }?.kind == .permission)
        }
    }

    @Test func aSuperuserIsWarnedOf() async throws {
        try await withDatabase { fixture in
            let findings = await fixture.warehouse.diagnose([])
            #expect(findings.contains { $0.detail.contains("superuser") && $0.isFine })
            let schemas = try await fixture.query("SELECT 1 FROM pg_namespace WHERE nspname = 'rollcall'")
            #expect(schemas.isEmpty)
        }
    }

    /// Said by `check`, and by a run before it does anything.
    @Test func aStandbyIsNamed() async throws {
        let cluster = try await PostgresCluster.separate()
        defer { cluster.stop() }
        let fixture = try await PostgresFixture.make(on: cluster)
        _ = try await fixture.warehouse.migrate()
        try await fixture.execute("CREATE TABLE people (email text)")
        try await cluster.becomeStandby()
        let wrong = await fixture.warehouse.diagnose([.table(["people"])]).filter { !$0.isFine }
        #expect(wrong.map(\.subject) == ["state schema rollcall"], "\(wrong)")
        #expect(wrong.first?.detail.contains("standby") == true && wrong.first?.fix?.isEmpty == false, "\(wrong)")
        let failure = await warehouseFailure { try await fixture.warehouse.lease() }
        #expect(failure?.error.code == "warehouse_standby", "\(String(describing: failure))")
        #expect(failure?.error.hint?.isEmpty == false)
        await fixture.warehouse.close()
    }
}

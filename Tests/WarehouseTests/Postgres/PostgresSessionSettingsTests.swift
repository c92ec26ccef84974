import Foundation
import RollcallCore
import TestSupport
import Testing

@testable import Warehouse

/// What roles and databases set for their sessions: what an audience keeps of it, and what Rollcall does not depend on.
@Suite struct PostgresSessionSettingsTests {
    /// A role with settings, and a warehouse that is used as this role.
    private func withRole(
        _ settings: [String], options: PostgresOptions = PostgresOptions(), url addition: String = "",
        _ body: (PostgresFixture, String, PostgresWarehouse) async throws -> Void
    ) async throws {
        try await withDatabase { fixture in
            let role = "role_" + fixture.database
            try await fixture.cluster.createRole(role)
            for setting in settings { try await fixture.execute("ALTER ROLE \(role) SET \(setting)") }
            try await fixture.execute("CREATE SCHEMA rollcall AUTHORIZATION \(role)")
            let warehouse = PostgresWarehouse(
                url: Secret(fixture.cluster.socketURL(database: fixture.database, user: role) + addition),
                stateSchema: "rollcall", options: options)
            do {
                try await body(fixture, role, warehouse)
            } catch {
                Issue.record(error)
            }
            await warehouse.close()
            try await fixture.execute("DROP OWNED BY \(role) CASCADE; DROP ROLE \(role)")
        }
    }

    private func value(_ warehouse: PostgresWarehouse, _ expression: String) async throws -> String? {
        try await audience(
            warehouse, .query("SELECT \(expression) AS id", file: nil), IdentifierColumns(email: nil, userID: "id")
        )
        .first?.last?.text
    }

    @Test(arguments: [
        ("TimeZone", "Pacific/Kiritimati"), ("DateStyle", "SQL, DMY"), ("IntervalStyle", "iso_8601"),
        ("search_path", "pg_catalog, marts"), ("bytea_output", "escape"), ("extra_float_digits", "0"),
    ])
    func anAudienceRunsUnderTheRolesSettings(_ name: String, _ setting: String) async throws {
        let quoted = name == "search_path" ? setting : "'\(setting)'"
        try await withRole(["\(name) = \(quoted)"]) { _, _, warehouse in
            let found = try await value(warehouse, "current_setting('\(name)')")
            #expect(found == setting)
        }
    }

    /// The day that it is differs from UTC's for ten hours of each day: here for all, between the two ends of the world.
    @Test func todayIsTheRolesToday() async throws {
        for zone in ["Pacific/Kiritimati", "Pacific/Pago_Pago"] {
            try await withRole(["TimeZone = '\(zone)'"]) { fixture, _, warehouse in
                let expected = try await fixture.query("SELECT (now() AT TIME ZONE '\(zone)')::date::text").first?.first
                let found = try await value(warehouse, "current_date::text")
                #expect(found == expected)
            }
        }
    }

    @Test func theURLsSettingsHold() async throws {
        try await withRole([], url: " options='-c TimeZone=Asia/Tokyo -c statement_timeout=45s'") { _, _, warehouse in
            let zone = try await value(warehouse, "current_setting('TimeZone')")
            let timeout = try await value(warehouse, "current_setting('statement_timeout')")
            #expect(zone == "Asia/Tokyo" && timeout == "45s")
        }
    }

    @Test func aRoleThatOnlyReadsByDefaultKeepsStateAllTheSame() async throws {
        try await withRole(["default_transaction_read_only = on"]) { fixture, _, warehouse in
            #expect(await warehouse.diagnose([]).allSatisfy(\.isFine))
            _ = try await warehouse.migrate()
            try await warehouse.openRun(try await warehouse.lease(), newRun())
            #expect(try await fixture.query("SELECT status FROM rollcall.sync_runs") == [["running"]])
            #expect(await warehouse.diagnose([]).allSatisfy(\.isFine))
        }
    }

    /// The role's limit is long enough for what is asked before the audience query, on a busy machine too.
    @Test(arguments: [("3s", 1800.0, "3 s"), ("1h", 0.3, "0.3 s"), ("0", 0.3, "0.3 s"), ("3s", 0.0, "3 s")])
    func theSmallerStatementTimeoutHolds(_ roles: String, _ own: Double, _ shown: String) async throws {
        var options = PostgresOptions()
        options.statementTimeoutSeconds = own
        try await withRole(["statement_timeout = '\(roles)'"], options: options) { _, _, warehouse in
            let error = await warehouseFailure { try await value(warehouse, "pg_sleep(600)::text") }
            #expect(error?.kind == .timeout && error?.error.code == "warehouse_timeout")
            let message = error?.error.message ?? ""
            #expect(message.contains("longer than \(shown)"), "\(message)")
            #expect(
                message.contains("statement_timeout") && message.contains("statement_timeout_seconds"), "\(message)")
        }
    }

    /// A role's limit of a moment ends even the question for it, and says so.
    @Test func aLimitThatIsNotKnownYetIsNoAdministrator() {
        let error = PostgresTimeLimit(PostgresOptions()).explain("The audience query")
        #expect(error.kind == .timeout && error.error.code == "warehouse_cancelled")
        #expect(error.error.message.contains("the role's statement_timeout"), "\(error.error.message)")
        #expect(error.error.hint?.contains("SHOW statement_timeout") == true)
    }

    /// State is written under limits of Rollcall's own.
    @Test func theRolesTimeoutDoesNotEndWritesOfState() async throws {
        try await withRole(["statement_timeout = '59s'", "lock_timeout = '1h'"]) { _, _, warehouse in
            for (use, expected) in [(PostgresWarehouse.Use.state, "1min"), (.long, "30min")] {
                let found = try await warehouse.write(use) {
                    try $0.query("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')").text(
                        0, 0)
                }
                #expect(found == expected)
            }
        }
    }
}

/// Row level security: policies that hide rows of an audience.
@Suite struct PostgresRowSecurityTests {
    private static let setup = """
        CREATE TABLE people (email text, region text);
        INSERT INTO people VALUES ('a@example.com', 'eu'), ('b@example.com', 'us');
        CREATE VIEW shown WITH (security_invoker = true) AS SELECT email FROM people;
        """

    private func withPolicy(
        _ choice: PostgresOptions.RowSecurity, _ body: (PostgresFixture, PostgresWarehouse) async throws -> Void
    ) async throws {
        try await withDatabase { fixture in
            let role = "role_" + fixture.database
            try await fixture.cluster.createRole(role)
            try await fixture.execute(Self.setup + "GRANT SELECT ON people, shown TO \(role)")
            var options = PostgresOptions()
            options.rowSecurity = choice
            let warehouse = PostgresWarehouse(
                url: Secret(fixture.cluster.socketURL(database: fixture.database, user: role)), stateSchema: "rollcall",
                options: options)
            #expect(try await read(warehouse, .table(["people"])).count == 2)
            try await fixture.execute(
                "ALTER TABLE people ENABLE ROW LEVEL SECURITY; CREATE POLICY eu ON people USING (region = 'eu')")
            try await body(fixture, warehouse)
            await warehouse.close()
            try await fixture.execute("DROP OWNED BY \(role) CASCADE; DROP ROLE \(role)")
        }
    }

    private func read(_ warehouse: PostgresWarehouse, _ source: AudienceSource) async throws -> [[Cell]] {
        try await audience(warehouse, source, IdentifierColumns(email: "email", userID: nil))
    }

    static let sources: [AudienceSource] = [
        .table(["people"]), .table(["shown"]), .query("SELECT email FROM people", file: nil),
        .query("SELECT p.email FROM shown p JOIN people q USING (email)", file: nil),
    ]

    @Test(arguments: sources) func aPolicyThatWouldHideRowsIsAnError(_ source: AudienceSource) async throws {
        try await withPolicy(.refuse) { _, warehouse in
            for error in [
                await warehouseFailure { try await read(warehouse, source) },
                await warehouseFailure { try await warehouse.columns(of: source) },
            ] {
                #expect(error?.kind == .permission && error?.error.code == "warehouse_row_security")
                #expect(error?.error.message.contains(": people") == true, "\(String(describing: error))")
                #expect(error?.error.hint?.contains("row_security: apply") == true)
                #expect(error?.error.hint?.contains("GRANT SELECT") == false)
            }
            #expect(await warehouse.diagnose([source]).contains { !$0.isFine && $0.detail.contains("policy") })
        }
    }

    @Test(arguments: sources) func aPolicyIsAppliedWhereThatIsWanted(_ source: AudienceSource) async throws {
        try await withPolicy(.apply) { _, warehouse in
            let rows = try await read(warehouse, source)
            #expect(rows.map { $0[0].text } == ["a@example.com"])
        }
    }

    /// A policy on Rollcall's own tables would hide members: the run must not take them for new.
    @Test func aPolicyOnTheStateIsAnError() async throws {
        try await withDatabase { fixture in
            let role = "role_" + fixture.database
            try await fixture.cluster.createRole(role)
            _ = try await fixture.warehouse.migrate()
            try await fixture.execute(
                "GRANT USAGE ON SCHEMA rollcall TO \(role); GRANT ALL ON ALL TABLES IN SCHEMA rollcall TO \(role);"
                    + " ALTER TABLE rollcall.list_members ENABLE ROW LEVEL SECURITY")
            let warehouse = PostgresWarehouse(
                url: Secret(fixture.cluster.socketURL(database: fixture.database, user: role)), stateSchema: "rollcall")
            let error = await warehouseFailure {
                try await warehouse.readSnapshot(sync: "vip", of: .list(7)) { _, _, _ in }
            }
            #expect(error?.kind == .permission)
            await warehouse.close()
            try await fixture.execute("DROP OWNED BY \(role) CASCADE; DROP ROLE \(role)")
        }
    }
}

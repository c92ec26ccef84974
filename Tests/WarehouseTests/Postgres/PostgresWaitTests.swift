import Foundation
import RollcallCore
import Synchronization
import TestSupport
import Testing

@testable import Warehouse

/// Connections and locks that are not to be had: waited for, reported, within a bound, and until a stop.
@Suite struct PostgresWaitTests {
    private func withState(
        waitSeconds: Double, _ body: (PostgresFixture, PostgresWarehouse) async throws -> Void
    ) async throws {
        try await withDatabase { fixture in
            _ = try await fixture.warehouse.migrate()
            let warehouse = PostgresWarehouse(url: fixture.url, stateSchema: "rollcall", waitSeconds: waitSeconds)
            do {
                try await body(fixture, warehouse)
                await warehouse.close()
            } catch {
                await warehouse.close()
                throw error
            }
        }
    }

    /// A role whose only connection is taken by another session.
    private func withFullRole(
        waitSeconds: Double, _ body: (PostgresVisitor, PostgresWarehouse) async throws -> Void
    ) async throws {
        try await withDatabase { fixture in
            let role = "role_" + fixture.database
            try await fixture.execute("CREATE ROLE \(role) LOGIN CONNECTION LIMIT 1")
            let url = fixture.cluster.socketURL(database: fixture.database, user: role)
            var visitor: PostgresVisitor? = try await PostgresVisitor(url)
            let warehouse = PostgresWarehouse(url: Secret(url), stateSchema: "rollcall", waitSeconds: waitSeconds)
            if let visitor { try await body(visitor, warehouse) }
            visitor = nil
            await warehouse.close()
            try await fixture.cluster.terminateBackends(database: fixture.database)
            try await fixture.execute("DROP ROLE \(role)")
        }
    }

    private func run(holding warehouse: PostgresWarehouse) async -> WarehouseError? {
        await warehouseFailure { try await warehouse.runs(RunFilter()) }
    }

    @Test func aFullRoleEndsAsAnErrorThatNamesWhatIsNeeded() async throws {
        try await withFullRole(waitSeconds: 0.3) { _, warehouse in
            let error = await run(holding: warehouse)
            #expect(error?.kind == .connection && error?.error.code == "warehouse_connection")
            #expect(error?.error.message.contains("too many connections") == true, "\(String(describing: error))")
            #expect(error?.error.hint?.contains("up to \(PostgresFailure.connectionsPerRun) connections") == true)
            #expect(error?.wasStopped == false)
        }
    }

    @Test func aPassingShortageIsSurvivedAndReported() async throws {
        try await withFullRole(waitSeconds: 120) { visitor, warehouse in
            let reports = Collector<WarehouseWait.Report>()
            let wait = WarehouseWait(report: { reports.add($0) }, firstReport: 0.01, nextReport: 0.01)
            async let runs = WarehouseWait.$current.withValue(wait) { try await warehouse.runs(RunFilter()) }
            try await poll { !reports.all.isEmpty }
            // The session ends itself.
            _ = try? await visitor.run("SELECT pg_terminate_backend(pg_backend_pid())")
            #expect(try await runs.isEmpty)
            #expect(reports.all.first?.reason.contains("too many connections") == true)
            #expect(reports.all.first?.limit == 120)
        }
    }

    @Test func aStopEndsTheWaitForAConnection() async throws {
        try await withFullRole(waitSeconds: 3600) { _, warehouse in
            let stop = StopFlag()
            let wait = WarehouseWait(isStopped: { stop.isSet }, report: { _ in stop.set() }, firstReport: 0.01)
            let error = await WarehouseWait.$current.withValue(wait) { await run(holding: warehouse) }
            #expect(error?.wasStopped == true && error?.kind == .connection)
        }
    }

    @Test func aLockOfAnotherSessionEndsAsBusy() async throws {
        try await withState(waitSeconds: 0.5) { fixture, warehouse in
            let visitor = try await fixture.visitor()
            try await visitor.run("BEGIN; LOCK TABLE rollcall.sync_runs IN ACCESS EXCLUSIVE MODE")
            let error = await run(holding: warehouse)
            #expect(error?.kind == .busy && error?.error.code == "warehouse_busy")
            #expect(error?.error.message.contains("another session holds it") == true, "\(String(describing: error))")
            #expect(error?.error.hint?.contains("pg_blocking_pids") == true)
        }
    }

    @Test func aLockThatIsGivenBackIsSurvivedAndReported() async throws {
        try await withState(waitSeconds: 120) { fixture, warehouse in
            let visitor = try await fixture.visitor()
            try await visitor.run("BEGIN; LOCK TABLE rollcall.sync_runs IN ACCESS EXCLUSIVE MODE")
            let reports = Collector<WarehouseWait.Report>()
            let wait = WarehouseWait(report: { reports.add($0) }, firstReport: 0.01, nextReport: 0.01)
            async let runs = WarehouseWait.$current.withValue(wait) { try await warehouse.runs(RunFilter()) }
            try await poll { !reports.all.isEmpty }
            try await visitor.run("COMMIT")
            #expect(try await runs.isEmpty)
            #expect(reports.all.first?.reason.contains("state tables in schema rollcall") == true)
        }
    }

    /// Staging reads its plan once: what another session has locked is waited for before that.
    @Test func aPlanIsStagedAfterTheWait() async throws {
        try await withState(waitSeconds: 120) { fixture, warehouse in
            let lease = try await warehouse.lease()
            let run = newRun()
            try await warehouse.openRun(lease, run)
            for table in ["sync_runs", "sync_changes", "sync_log"] {
                let visitor = try await fixture.visitor()
                try await visitor.run("BEGIN; LOCK TABLE rollcall.\(table) IN ACCESS EXCLUSIVE MODE")
                let reports = Collector<WarehouseWait.Report>()
                let wait = WarehouseWait(report: { reports.add($0) }, firstReport: 0.01, nextReport: 0.01)
                let plan = ListPlan((1...10).map { change($0, "p\($0)@example.com") })
                async let staging: Void = WarehouseWait.$current.withValue(wait) {
                    try await warehouse.stage(lease, run, plan: plan, log: LogSettings())
                }
                try await poll { !reports.all.isEmpty }
                try await visitor.run("COMMIT")
                try await staging
                #expect(try await warehouse.changes(run: run.id, after: 0, limit: 100).count == 10, "\(table)")
            }
        }
    }

    @Test func aStopEndsTheWaitForALock() async throws {
        try await withState(waitSeconds: 3600) { fixture, warehouse in
            let visitor = try await fixture.visitor()
            try await visitor.run("BEGIN; LOCK TABLE rollcall.sync_runs IN ACCESS EXCLUSIVE MODE")
            let stop = StopFlag()
            let wait = WarehouseWait(isStopped: { stop.isSet }, report: { _ in stop.set() }, firstReport: 0.01)
            let error = await WarehouseWait.$current.withValue(wait) { await run(holding: warehouse) }
            #expect(error?.wasStopped == true && error?.kind == .busy)
        }
    }

    @Test func anAudiencesLockIsWaitedForWithinTheBound() async throws {
        try await withState(waitSeconds: 0.5) { fixture, warehouse in
            try await fixture.execute("CREATE TABLE vip AS SELECT text 'a' AS email")
            let visitor = try await fixture.visitor()
            try await visitor.run("BEGIN; LOCK TABLE vip IN ACCESS EXCLUSIVE MODE")
            let error = await warehouseFailure {
                try await audience(warehouse, .table(["vip"]), IdentifierColumns(email: "email", userID: nil))
            }
            #expect(error?.kind == .busy && error?.error.message.contains("the audience reads") == true)
        }
    }

    /// A source is read over one connection where there is no second one; it had better have one.
    private func readsOverOneConnection(_ url: String) async throws {
        let warehouse = PostgresWarehouse(url: Secret(url), stateSchema: "rollcall", waitSeconds: 0.2)
        let findings = await warehouse.diagnoseSources([.query("SELECT 'a' AS email", file: nil)])
        #expect(findings.allSatisfy(\.isFine) && findings.contains { $0.subject.hasPrefix("audience") }, "\(findings)")
        let finding = findings.first { $0.subject == "connections" }
        #expect(finding?.detail.hasPrefix("of the 2 that a run opens, 1 could be had at once: ") == true, "\(findings)")
        #expect(finding?.fix?.hasPrefix("A run opens up to 2 connections.") == true, "\(findings)")
        await warehouse.close()
    }

    @Test func checkOpensAsManyConnectionsAsARun() async throws {
        try await withDatabase { fixture in
            let role = "role_" + fixture.database
            try await fixture.execute(
                "CREATE ROLE \(role) LOGIN CONNECTION LIMIT 3; CREATE SCHEMA rollcall AUTHORIZATION \(role)")
            let url = fixture.cluster.socketURL(database: fixture.database, user: role)
            let warehouse = PostgresWarehouse(url: Secret(url), stateSchema: "rollcall", waitSeconds: 0.2)
            let finding = await warehouse.diagnose([]).first { $0.subject == "connections" }
            #expect(
                finding?.isFine == false && finding?.detail.contains("too many connections") == true,
                "\(finding as Any)")
            #expect(finding?.fix?.contains("CONNECTION LIMIT") == true)
            try await fixture.execute(
                "ALTER ROLE \(role) CONNECTION LIMIT \(PostgresFailure.connectionsPerRun)")
            await warehouse.close()
            // On a busy machine it takes a while to open them all.
            let patient = PostgresWarehouse(url: Secret(url), stateSchema: "rollcall")
            #expect(await patient.diagnose([]).first { $0.subject == "connections" }?.isFine == true)
            await patient.close()
            try await fixture.execute("ALTER ROLE \(role) CONNECTION LIMIT 1")
            try await poll {
                try await fixture.query("SELECT 1 FROM pg_stat_activity WHERE usename = '\(role)'").isEmpty
            }
            try await readsOverOneConnection(url)
            try await fixture.cluster.terminateBackends(database: fixture.database)
            try await fixture.execute("DROP OWNED BY \(role) CASCADE; DROP ROLE \(role)")
        }
    }
}

private final class StopFlag: Sendable {
    private let flag = Atomic(false)
    var isSet: Bool { flag.load(ordering: .relaxed) }
    func set() { flag.store(true, ordering: .relaxed) }
}

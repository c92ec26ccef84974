import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

/// A network that keeps connections and carries nothing: TCP sees nothing wrong, and neither does the server.
@Suite("Postgres: silence") struct PostgresSilenceTests {
    private func withProxy(
        _ body: (FaultyProxy, PostgresWarehouse, PostgresFixture) async throws -> Void
    ) async throws {
        let fixture = try await PostgresFixture.make()
        // What takes its time is not done over the proxy, with limits of a moment.
        _ = try await fixture.warehouse.migrate()
        let proxy = try FaultyProxy(to: fixture.cluster.port)
        let url = fixture.cluster.tcpURL(database: fixture.database)
            .replacing(":\(fixture.cluster.port)/", with: ":\(proxy.port)/")
        let warehouse = PostgresWarehouse(
            url: Secret(url), stateSchema: "rollcall", statementTimeoutSeconds: 4, longStatementTimeoutSeconds: 1800)
        do {
            try await body(proxy, warehouse, fixture)
        } catch {
            proxy.stop()
            await fixture.tearDown()
            throw error
        }
        await warehouse.close()
        proxy.stop()
        await fixture.tearDown()
    }

    @Test("a call ends with an error that can be tried again, and the next one has a new connection")
    func callsEnd() async throws {
        try await withProxy { proxy, warehouse, _ in
            _ = try await warehouse.migrate()
            _ = try await warehouse.now()
            proxy.set(.freeze(.toServer, after: 0), times: 2)
            for error in [
                try await failure { _ = try await warehouse.now() },
                try await failure { _ = try await warehouse.listBinding(sync: "a") },
            ] {
                let error = try #require(error)
                #expect(error.kind == .connection && error.isTransient)
                #expect(error.error.message.contains("no answer") && error.error.hint != nil, "\(error)")
            }
            #expect(proxy.happened == 2)
            _ = try await warehouse.now()
            #expect(try await warehouse.listBinding(sync: "a") == nil)
        }
    }

    @Test("who falls silent within a transaction does not keep the lease's row locked for longer than the lease")
    func locksAreGivenUp() async throws {
        try await withProxy { proxy, warehouse, fixture in
            let attempt = try await warehouse.acquireLease(sync: "a", holder: "one", seconds: 1) { _ in false }
            guard case .acquired(let lease) = attempt else {
                Issue.record("\(attempt)")
                return
            }
            proxy.set(.freezeAt("COMMIT", after: 0))
            let binding = ListBinding(sync: "a", destination: "d", listName: "n", listID: 1)
            #expect(try await failure { try await warehouse.saveListBinding(lease, binding) }?.kind == .connection)
            #expect(proxy.happened == 1)
            let second = try fixture.second()
            let next = try await second.acquireLease(sync: "a", holder: "two", seconds: 1) { _ in false }
            await second.close()
            guard case .acquired(let other) = next else {
                Issue.record("\(next)")
                return
            }
            #expect(other.token > lease.token)
            #expect(try await failure { try await warehouse.saveListBinding(lease, binding) }?.kind == .leaseLost)
            #expect(try await warehouse.listBinding(sync: "a") == nil)
        }
    }

    @Test("a long reading that is cancelled ends, though the server never hears of it")
    func cancellingEnds() async throws {
        try await withProxy { proxy, warehouse, fixture in
            try await fixture.execute("CREATE TABLE vip AS SELECT 'a@b.co' AS email, pg_sleep(0)::text AS nothing")
            let source = AudienceSource.query("SELECT email FROM vip, pg_sleep(3600)", file: nil)
            let reading = Task {
                try await warehouse.readAudience(source, columns: IdentifierColumns(email: "email", userID: nil)) {
                    _, _ in
                }
            }
            let sleeping =
                "SELECT 1 FROM pg_stat_activity WHERE datname = '\(fixture.database)' AND wait_event = 'PgSleep'"
            while try await fixture.cluster.run(sleeping).isEmpty { await Task.yield() }
            proxy.set(.freeze(.toServer, after: 0), times: 100)
            reading.cancel()
            let result = await reading.result
            #expect(throws: CancellationError.self) { try result.get() }
        }
    }
}

import Foundation
import TestSupport
import Testing

/// A warehouse that lets a run wait: what is said, and that a stop ends it.
@Suite(.timeLimit(.minutes(10))) struct WaitTests {
    /// A sync whose role may open `limit` connections.
    private func withRole(limit: Int, waitSeconds: Double, _ body: (Shop, String) async throws -> Void) async throws {
        try await Shop.with(.postgres, people: Shop.people(1...5)) { shop in
            let postgres = try #require(shop.fixture as? PostgresFixture)
            let role = "role_" + postgres.database
            try await shop.execute(
                "CREATE ROLE \(role) LOGIN CONNECTION LIMIT \(limit); CREATE SCHEMA rollcall AUTHORIZATION \(role);"
                    + " GRANT SELECT ON people TO \(role)")
            try shop.configure { $0.waitSeconds = waitSeconds }
            try await body(shop, postgres.cluster.socketURL(database: postgres.database, user: role))
            try await postgres.cluster.terminateBackends(database: postgres.database)
            try await shop.execute("DROP OWNED BY \(role) CASCADE; DROP ROLE \(role)")
        }
    }

    @Test func tooFewConnectionsEndTheRunWithTheNumberThatItNeeds() async throws {
        try await withRole(limit: 2, waitSeconds: 0.5) { shop, url in
            let end = try await shop.rollcall("run", "members", "--json", environment: ["WAREHOUSE_URL": url])
            #expect(end.code == 1, "\(end.all)")
            let error = try end.object()["error"] as? [String: Any]
            #expect(error?["code"] as? String == "warehouse_connection", "\(end.all)")
            #expect((error?["hint"] as? String)?.contains("up to 6 connections") == true, "\(end.all)")
            #expect(shop.sentRows == 0)
        }
    }

    @Test func aWaitForAConnectionIsReportedAndHeedsAStop() async throws {
        try await withRole(limit: 2, waitSeconds: 600) { shop, url in
            let program = try shop.start("run", "members", "--json", environment: ["WAREHOUSE_URL": url])
            #expect(
                try await eventually { program.errorsSoFar.contains("waiting for a connection") || program.hasEnded })
            program.signal(SIGTERM)
            let end = try await program.output()
            #expect(end.code == 130 && !end.endedBySignal, "\(end.all)")
            #expect(end.err.contains("too many connections for role"), "\(end.err)")
            #expect(shop.sentRows == 0)
        }
    }

    @Test func aPassingShortageIsSurvived() async throws {
        try await withRole(limit: 2, waitSeconds: 600) { shop, url in
            let program = try shop.start("run", "members", "--json", environment: ["WAREHOUSE_URL": url])
            #expect(
                try await eventually { program.errorsSoFar.contains("waiting for a connection") || program.hasEnded })
            let postgres = try #require(shop.fixture as? PostgresFixture)
            try await shop.execute("ALTER ROLE role_\(postgres.database) CONNECTION LIMIT 20")
            let end = try await program.output()
            #expect(end.code == 0, "\(end.all)")
            #expect(shop.members.count == 5)
        }
    }

    @Test(arguments: ["sync_runs", "list_members", "sync_leases"])
    func aWaitForALockIsReportedAndHeedsAStop(_ table: String) async throws {
        try await Shop.with(.postgres, people: Shop.people(1...5)) { shop in
            let postgres = try #require(shop.fixture as? PostgresFixture)
            let first = try await shop.rollcall("run", "members", "--json")
            #expect(first.code == 0, "\(first.all)")
            try await shop.enter(Shop.people(6...9))
            let visitor = try await postgres.visitor()
            try await visitor.run("BEGIN; LOCK TABLE rollcall.\(table) IN ACCESS EXCLUSIVE MODE")
            let program = try shop.start("run", "members", "--json")
            try await postgres.untilALockIsAwaited()
            if table != "sync_leases" {
                #expect(try await eventually { program.errorsSoFar.contains("waiting for a lock") || program.hasEnded })
            }
            program.signal(SIGTERM)
            let end = try await program.output()
            #expect(end.code == 130 && !end.endedBySignal, "\(end.all)")
            try await visitor.run("COMMIT")
            let next = try await shop.rollcall("run", "members", "--json")
            #expect(next.code == 0, "\(next.all)")
            #expect(shop.members.count == 9)
        }
    }

    @Test func aLockedFileIsReportedAndHeedsAStop() async throws {
        try await Shop.with(.sqlite, people: Shop.people(1...5)) { shop in
            let first = try await shop.rollcall("run", "members", "--json")
            #expect(first.code == 0, "\(first.all)")
            let file = try #require(shop.fixture as? SQLiteFixture)
            let lock = try SQLiteLock(file.path)
            let program = try shop.start("run", "members", "--json")
            #expect(try await eventually { program.errorsSoFar.contains("waiting for the lock") || program.hasEnded })
            program.signal(SIGTERM)
            let end = try await program.output()
            #expect(end.code == 130 && !end.endedBySignal, "\(end.all)")
            try lock.release()
        }
    }
}

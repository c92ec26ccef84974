import Foundation
import Testing

/// The program on a database all of whose tables are published, as Debezium and Airbyte have it.
@Suite(.timeLimit(.minutes(10))) struct PublicationTests {
    @Test func runsAndPruningWorkWhereAllTablesArePublished() async throws {
        try await Shop.with(.postgres, people: Shop.people(1...5)) { shop in
            try await shop.execute(
                "ALTER TABLE people ADD PRIMARY KEY (email); CREATE PUBLICATION everything FOR ALL TABLES")
            #expect(try await shop.rollcall("run", "members").code == 0)
            try await shop.leave(Shop.people(1...1))
            try await shop.enter(["no address", "new@example.com"])
            #expect(try await shop.rollcall("run", "members").code == 3)
            try await shop.execute(
                """
                UPDATE \(shop.state("sync_log")) SET logged_at = now() - interval '90 days';
                UPDATE \(shop.state("sync_runs")) SET started_at = now() - interval '90 days'
                """)
            let pruned = try await shop.rollcall("prune", "--json")
            #expect(pruned.code == 0, "\(pruned.all)")
            #expect(try await shop.query("SELECT count(*) FROM \(shop.state("sync_log"))") == [["0"]])
            let check = try await shop.rollcall("check")
            #expect(check.code == 0 && !check.all.contains("replication"), "\(check.all)")
            #expect(shop.members == Set(Shop.people(2...5) + ["new@example.com"]))
            // Whoever takes the key away again learns it from `check`, and how to go on.
            try await shop.execute("ALTER TABLE \(shop.state("sync_log")) DROP CONSTRAINT sync_log_pkey")
            let wrong = try await shop.rollcall("check")
            #expect(wrong.code == 1, "\(wrong.all)")
            #expect(wrong.all.contains("ALTER TABLE rollcall.sync_log REPLICA IDENTITY FULL;"), "\(wrong.all)")
            try await shop.execute("ALTER TABLE rollcall.sync_log REPLICA IDENTITY FULL")
            #expect(try await shop.rollcall("check").code == 0)
            #expect(try await shop.rollcall("run", "members").code == 3)
        }
    }
}

import Foundation
import Testing

/// The ways on from a held run.
@Suite(.serialized, .timeLimit(.minutes(10))) struct HeldRunTests {
    /// A list of four people, and a second run that is held because it would remove three of them.
    private func heldShop(_ kind: Shop.Kind = .sqlite, _ body: (Shop, String) async throws -> Void) async throws {
        try await Shop.with(kind, people: Shop.people(1...4)) { shop in
            try shop.configure { $0.guards = "max_removals: 2" }
            #expect(try await shop.rollcall("run", "members").code == 0)
            try await shop.leave(Shop.people(1...3))
            try await shop.enter(["new@example.com"])
            let held = try await shop.rollcall("run", "members", "--json")
            #expect(held.code == 4, "\(held.all)")
            let run = try held.object()
            #expect(run["status"] as? String == "held" && run["finished_at"] is NSNull)
            let findings = try #require(run["held"] as? [[String: Any]])
            #expect(
                findings.first?["guard"] as? String == "max_removals"
                    && (findings.first?["observed"] as? String)?.contains("3") == true)
            #expect(try Counts(run).notAttempted == 4)
            #expect(shop.sentRows == 4)
            try await body(shop, try #require(run["run_id"] as? String))
        }
    }

    @Test(arguments: Shop.Kind.allCases) func approvedItIsCarriedOutAsItWasStaged(_ kind: Shop.Kind) async throws {
        try await heldShop(kind) { shop, id in
            try await shop.enter(["late@example.com"])
            let approved = try await shop.rollcall("run", "members", "--approve", id, "--json")
            #expect(approved.code == 0, "\(approved.all)")
            let run = try approved.object()
            #expect(run["run_id"] as? String == id && run["status"] as? String == "succeeded")
            #expect(shop.members == ["user4@example.com", "new@example.com"], "who came later waits for the next run")
            #expect(try await shop.rollcall("run", "members").code == 0)
            #expect(shop.members == ["user4@example.com", "new@example.com", "late@example.com"])
            let again = try await shop.rollcall("run", "--approve", id)
            #expect(again.code == 1 && again.all.contains(id), "\(again.all)")
        }
    }

    @Test func discardedItIsCancelledAndNothingIsSent() async throws {
        try await heldShop { shop, id in
            let discarded = try await shop.rollcall("run", "--discard", id, "--json")
            #expect(discarded.code == 0, "\(discarded.all)")
            #expect(try discarded.object()["status"] as? String == "cancelled")
            #expect(shop.sentRows == 4)
            #expect(try await shop.statuses() == ["succeeded", "cancelled"])
            #expect(try await shop.rollcall("run", "members").code == 4, "a new run is planned again")
        }
    }

    @Test func aSecondRunNamesTheWaysOn() async throws {
        try await heldShop { shop, id in
            let second = try await shop.rollcall("run", "members")
            #expect(second.code == 4)
            for way in ["--approve \(id)", "--discard \(id)", "--force-new"] {
                #expect(second.out.contains(way), "\(way) in \(second.out)")
            }
            #expect(try await shop.statuses() == ["succeeded", "held"], "no other run was begun")
            let asJSON = try await shop.rollcall("run", "members", "--json")
            #expect(asJSON.code == 4)
            #expect(try asJSON.object()["run_id"] as? String == id)
        }
    }

    @Test func forceNewDiscardsAndJudgesAnew() async throws {
        try await heldShop { shop, _ in
            let still = try await shop.rollcall("run", "members", "--force-new")
            #expect(still.code == 4)
            #expect(try await shop.statuses() == ["succeeded", "cancelled", "held"])
            try await shop.enter(Shop.people(1...2))
            let fine = try await shop.rollcall("run", "members", "--force-new")
            #expect(fine.code == 0, "\(fine.all)")
            #expect(shop.members == ["user1@example.com", "user2@example.com", "user4@example.com", "new@example.com"])
        }
    }

    @Test func idsThatFitNothing() async throws {
        try await heldShop { shop, id in
            let unknown = try await shop.rollcall("run", "--approve", "01a1fcb2-48a8-72af-8f46-ef4b3da46662")
            #expect(unknown.code == 2 && unknown.err.contains("rollcall runs"), "\(unknown.all)")
            let first = try await shop.query("SELECT min(run_id) FROM \(shop.state("sync_runs"))")
            let finished = try #require(first.first?.first ?? nil)
            let notHeld = try await shop.rollcall("run", "--discard", finished)
            #expect(notHeld.code == 1 && notHeld.all.contains(finished), "\(notHeld.all)")
            let other = try await shop.rollcall("run", "no-such-sync", "--approve", id)
            #expect(other.code != 0 && shop.sentRows == 4)
        }
    }
}

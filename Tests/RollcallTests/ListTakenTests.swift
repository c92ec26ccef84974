import Foundation
import IterableSandbox
import Testing

/// Two syncs on one list are refused, however each names it; `rollcall abandon` is the way out.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ListTakenTests {
    /// A second sync of other people, `news`, that keeps the list of this number.
    private static func news(_ id: Int, destination: String = "iterable") -> String {
        """
          news:
            warehouse: shop
            destination: \(destination)
            audience: { query: "SELECT 'n' || email AS email FROM people" }
            list: { id: \(id) }
            mapping: { email: email }
        """
    }

    /// Runs `members`, so that the list is there, and gives its number.
    private func firstRun(_ shop: Shop) async throws -> Int {
        let run = try await shop.rollcall("run", "members", "--json")
        #expect(run.code == 0, "\(run.all)")
        return try #require(try run.object()["list_id"] as? Int)
    }

    private func code(_ output: Output) throws -> String? {
        let error = try output.object()["error"] as? [String: Any]
        return error?["code"] as? String
    }

    @Test(arguments: Shop.Kind.allCases) func oneConfigurationByNameAndByNumber(_ kind: Shop.Kind) async throws {
        try await Shop.with(kind, people: Shop.people(1...3)) { shop in
            let list = try await firstRun(shop)
            try shop.configure { $0.further = Self.news(list) }
            let sent = shop.sentRows
            for (sync, other) in [("news", "members"), ("members", "news")] {
                let run = try await shop.rollcall("run", sync, "--json")
                #expect(run.code == 1, "\(run.all)")
                #expect(try code(run) == "list_taken")
                #expect(run.out.contains(other), "it names the other sync: \(run.out)")
                let plan = try await shop.rollcall("plan", sync)
                #expect(plan.code == 1 && plan.err.contains(other), "\(plan.all)")
            }
            let check = try await shop.rollcall("check")
            #expect(check.code == 1)
            let lines = check.out.split(separator: "\n").filter { $0.contains(", list: ") }
            #expect(lines.count == 2 && lines.allSatisfy { $0.hasPrefix("FAIL") }, "\(check.out)")
            let one = try await shop.rollcall("check", "news")
            #expect(one.code == 1 && one.out.contains("members"), "also where only one is looked at: \(one.out)")
            let all = try await shop.rollcall("run", "--all")
            #expect(all.code == 1 && shop.sentRows == sent)
            #expect(shop.members == Set(Shop.people(1...3)))

            let rows = try await shop.query(
                "SELECT error_code FROM \(shop.state("sync_runs")) WHERE sync_name = 'news' AND status = 'failed'")
            #expect(Set(rows.map { $0[0] }) == ["list_taken"])
        }
    }

    @Test(arguments: Shop.Kind.allCases) func twoConfigurationsOnOneWarehouse(_ kind: Shop.Kind) async throws {
        try await Shop.with(kind, people: Shop.people(1...3)) { shop in
            let list = try await firstRun(shop)
            let first = try String(contentsOf: shop.folder.appendingPathComponent("rollcall.yaml"), encoding: .utf8)
            // Another team's file: names of destinations and how the address is written do not matter.
            let address = shop.sandbox.baseURL ?? ""
            let head = try #require(first.components(separatedBy: "syncs:").first)
                .replacingOccurrences(of: "  iterable:", with: "  sales:")
                .replacingOccurrences(of: address, with: address.replacingOccurrences(of: "http", with: "HTTP") + "/")
            let second = head + "syncs:\n" + Self.news(list, destination: "sales")
            try Data(second.utf8).write(to: shop.folder.appendingPathComponent("second.yaml"))
            let sent = shop.sentRows

            let run = try await shop.rollcall("run", "news", "--config", "second.yaml", "--json")
            #expect(run.code == 1, "\(run.all)")
            #expect(try code(run) == "list_taken")
            #expect(run.out.contains("members") && run.out.contains("rollcall abandon members"), "\(run.out)")
            let plan = try await shop.rollcall("plan", "news", "--config", "second.yaml")
            #expect(plan.code == 1 && plan.err.contains("rollcall abandon members"), "\(plan.all)")
            let check = try await shop.rollcall("check", "--config", "second.yaml")
            #expect(check.code == 1 && check.out.contains("FAIL sync news, list"), "\(check.out)")
            #expect(shop.sentRows == sent)
            #expect(try await shop.rollcall("run", "members").code == 0, "the first goes on")

            // The way out, from the file that does not have the sync.
            let abandon = try await shop.rollcall("abandon", "members", "--config", "second.yaml", "--json")
            #expect(abandon.code == 0, "\(abandon.all)")
            let done = try abandon.object()
            #expect(done["sync"] as? String == "members" && done["members"] as? Int == 3)
            #expect((done["lists"] as? [[String: Any]])?.first?["list_id"] as? Int == list)
            #expect(shop.sentRows == sent && shop.members == Set(Shop.people(1...3)), "they stay where they are")
            let free = try await shop.rollcall("run", "news", "--config", "second.yaml")
            #expect(free.code == 0, "\(free.all)")
            #expect(shop.members.count == 6)
            #expect(try await shop.rollcall("run", "members").code == 1, "now the first one is the second")
            let states = try await shop.query("SELECT key_hash FROM \(shop.state("sync_state"))").map { $0[0] }
            #expect(states.compactMap(\.self).allSatisfy { $0.count == 32 && !$0.contains(Shop.apiKey) })
        }
    }

    @Test func abandonSaysWhatItDid() async throws {
        try await Shop.with(people: Shop.people(1...3)) { shop in
            let list = try await firstRun(shop)
            try await shop.leave(Shop.people(1...3))
            let held = try await shop.rollcall("run", "members")
            #expect(held.code == 4, "\(held.all)")
            let abandon = try await shop.rollcall("abandon", "members")
            #expect(abandon.code == 0, "\(abandon.all)")
            for words in ["list \(list) with 3 members", "held run", "Nothing was sent", "still has members"] {
                #expect(abandon.out.contains(words), "\(words) in \(abandon.out)")
            }
            #expect(try await shop.statuses() == ["succeeded", "cancelled"])
            #expect(try await shop.snapshot().isEmpty && shop.members.count == 3)
            let again = try await shop.rollcall("abandon", "members")
            #expect(again.code == 0 && again.out.contains("nothing to let go of"), "\(again.all)")
            let unknown = try await shop.rollcall("abandon", "memmbers")
            #expect(unknown.code == 2 && unknown.err.contains("members"), "\(unknown.all)")
            let nowhere = try await shop.rollcall("abandon", "members", "--warehouse", "elsewhere")
            #expect(nowhere.code == 2, "\(nowhere.all)")
        }
    }

    @Test func abandonWaitsForARunInProgress() async throws {
        try await Shop.with(people: Shop.people(1...6), tune: { $0.latencySeconds = 0.8 }) { shop in
            try shop.configure { $0.limits += ", subscribers_per_request: 1, concurrent_requests: 1" }
            let run = try shop.start("run", "members")
            #expect(try await eventually { !shop.members.isEmpty })
            let abandon = try await shop.rollcall("abandon", "members")
            #expect(abandon.code == 5 && abandon.stdout.isEmpty, "\(abandon.all)")
            #expect(try await run.output().code == 0)
            #expect(try await shop.snapshot().count == 6)
        }
    }
}

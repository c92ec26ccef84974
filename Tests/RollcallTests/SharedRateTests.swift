import Foundation
import IterableSandbox
import TestSupport
import Testing

/// Processes that send with one API key keep its limit together.
@Suite(.timeLimit(.minutes(10))) struct SharedRateTests {
    private static let limits = "requests_per_second: 20, subscribers_per_request: 1, settle_seconds: 1"

    private static let others = """
          others:
            warehouse: shop
            destination: iterable
            audience: { table: others }
            list: { name: Others }
            mapping: { email: email }
        """

    /// The bucket of the sandbox holds the requests of a second: two processes with 20 a second each would soon be refused.
    @Test(arguments: Shop.Kind.allCases) func twoRunsAtOnceAreNotRefused(_ kind: Shop.Kind) async throws {
        try await Shop.with(kind, people: Shop.people(1...60), tune: { $0.requestsPerSecond = 20 }) { shop in
            try await shop.execute("CREATE TABLE others (email TEXT)")
            try await shop.execute("INSERT INTO others SELECT email FROM people")
            try shop.configure {
                $0.limits = Self.limits
                $0.further = Self.others
            }
            let programs = try ["members", "others"].map { try shop.start("run", $0, "--json") }
            for program in programs {
                let end = try await program.output()
                #expect(end.code == 0, "\(end.all)")
            }
            let requests = shop.sandbox.requestLog.filter { $0.path.hasSuffix("/subscribe") }
            #expect(requests.count == 120 && requests.allSatisfy { $0.status == 200 })
            let budgets = try await shop.query("SELECT budget FROM \(shop.state("rate_budgets"))").compactMap { $0[0] }
            #expect(budgets.count == 1 && budgets[0].hasSuffix(" subscribe") && !budgets[0].contains(Shop.apiKey))
            #expect(try await shop.query("SELECT 1 FROM \(shop.state("rate_shares"))").isEmpty, "given back at the end")
        }
    }

    @Test func theLimitStandsInTheWarehouseThatIsNamed() async throws {
        try await Shop.with(people: Shop.people(1...3)) { shop in
            let other = try await SQLiteFixture.make()
            let file = try #require(shop.fixture as? SQLiteFixture)
            try shop.configure {
                $0.limits = "requests_per_second: 500, settle_seconds: 1, shared_in: common"
                $0.warehouse = "{ type: sqlite, path: \"\(file.path)\" }"
            }
            let url = shop.folder.appendingPathComponent("rollcall.yaml")
            let text = try String(contentsOf: url, encoding: .utf8)
            let common = "warehouses:\n  common: { type: sqlite, path: \"\(other.path)\" }"
            try Data(text.replacingOccurrences(of: "warehouses:", with: common).utf8).write(to: url)
            let check = try await shop.rollcall("check", "members")
            #expect(check.out.contains("warehouse common, "), "\(check.all)")
            let end = try await shop.rollcall("run", "members", "--json")
            #expect(end.code == 0, "\(end.all)")
            #expect(try await shop.query("SELECT 1 FROM \(shop.state("rate_budgets"))").isEmpty)
            #expect(try await other.query("SELECT 1 FROM \(other.state("rate_budgets"))").count == 1)
            await other.tearDown()
        }
    }
}

import Foundation
import IterableSandbox
import TestSupport
import Testing

/// Who is in the log is there only as far as the configuration wants it.
@Suite(.serialized, .timeLimit(.minutes(10))) struct PrivacyTests {
    private static let canaries = ["zq7valid", "zq7forgot", "zq7leaves", "zq7invalid", "zq7tail", "zq7number"]
    private static let people = [
        "zq7valid@example.com", "zq7forgot@example.com", "zq7leaves@example.com", "zq7invalid Jones",
        "nobody@zq7tail of Bath", "@zq7tail", "zq7invalid@nowhere",
    ]

    private func expectNobody(in text: String, _ place: String) {
        for canary in Self.canaries { #expect(!text.lowercased().contains(canary), "\(canary) in \(place): \(text)") }
    }

    @Test(arguments: ["masked", "hashed"], Shop.Kind.allCases)
    func peopleAreNotInTheLog(_ form: String, _ kind: Shop.Kind) async throws {
        let forgotten = ["zq7forgot@example.com"]
        try await Shop.with(kind, people: Self.people, tune: { $0.forgottenEmails = forgotten }) { shop in
            try shop.configure { $0.logs = "identifiers: \(form)" }
            var output = [try await shop.rollcall("run", "members", "-v")]
            #expect(output[0].code == 3, "\(output[0].all)")
            try await shop.leave(["zq7leaves@example.com"])
            let second = try await shop.rollcall("run", "members", "--json", "-v")
            let id = try #require(try second.object()["run_id"] as? String)
            output.append(second)
            for command in [
                ["log", "--limit", "0"], ["log", "--format", "json"], ["log", "--format", "csv"],
                ["log", "--status", "failed"],
                ["runs"], ["run-report", id], ["run-report", id, "--format", "json"], ["syncs"],
                ["syncs", "--format", "json"],
            ] {
                output.append(try await shop.rollcall(command))
            }
            for (number, output) in output.enumerated() { expectNobody(in: output.all, "output \(number)") }
            for table in ["sync_log", "failed_records", "sync_runs", "latest_runs", "sync_state"] {
                let rows = try await shop.query("SELECT * FROM \(shop.state(table))")
                #expect(!rows.isEmpty, "\(table)")
                expectNobody(in: "\(rows)", table)
            }
            // Asked for by name, a person is found all the same.
            let why = try await shop.rollcall("why", "members", "zq7valid@example.com", "--format", "json")
            #expect((try why.object()["log"] as? [Any])?.isEmpty == false, "\(why.all)")
        }
    }

    @Test func valuesOfRowsAreNotInTheDatabasesMessages() async throws {
        try await Shop.with(.postgres, people: Self.people) { shop in
            try await shop.execute("CREATE TABLE numbers AS SELECT 'zq7number' AS n")
            let queries = [
                "SELECT email::integer::text AS email FROM people", "SELECT n::date::text AS email FROM numbers",
                "SELECT n::uuid::text AS email FROM numbers", "SELECT (n || '{')::jsonb::text AS email FROM numbers",
                "SELECT n::inet::text AS email FROM numbers", "SELECT n::boolean::text AS email FROM numbers",
                "SELECT to_date(n, 'YYYY')::text AS email FROM numbers",
                "SELECT ('1' || n)::interval::text AS email FROM numbers",
            ]
            for query in queries {
                try shop.configure { $0.audience = "query: \"\(query)\"" }
                let run = try await shop.rollcall("run", "members", "-v")
                #expect(run.code == 1 && run.all.contains("The audience query"), "\(query): \(run.all)")
                expectNobody(in: run.all, query)
            }
            let rows = try await shop.query("SELECT * FROM rollcall.sync_runs")
            #expect(rows.count == queries.count)
            expectNobody(in: "\(rows)", "sync_runs")
        }
    }
}

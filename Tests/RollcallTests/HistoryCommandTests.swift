import Foundation
import IterableSandbox
import Testing

/// The commands that answer "what happened?" and "why?".
@Suite(.serialized, .timeLimit(.minutes(10))) struct HistoryCommandTests {
    private func records(_ shop: Shop, _ arguments: String...) async throws -> [[String: Any]] {
        let output = try await shop.rollcall(["log", "--format", "json"] + arguments)
        #expect(output.code == 0, "\(output.all)")
        return try #require(try output.json() as? [[String: Any]])
    }

    @Test func whyShowsAsManyOutcomesAsAreAskedFor() async throws {
        try await Shop.with(people: Shop.people(1...1)) { shop in
            for _ in 1...3 { #expect(try await shop.rollcall("run", "members", "--full").code == 0) }
            let person = try #require(Shop.people(1...1).first)
            func shown(_ limit: String) async throws -> Int? {
                let output = try await shop.rollcall("why", "members", person, "--format", "json", "--limit", limit)
                return (try output.object()["log"] as? [Any])?.count
            }
            #expect(try await shown("2") == 2)
            #expect(try await shown("0") == 3)
            let some = try await shop.rollcall("why", "members", person, "--limit", "2")
            #expect(some.code == 0 && some.err.contains("all: --limit 0"), "\(some.all)")
            let all = try await shop.rollcall("why", "members", person)
            #expect(all.code == 0 && !all.err.contains("--limit"), "\(all.all)")
            let wrong = try await shop.rollcall("why", "members", person, "--limit", "-1")
            #expect(wrong.code == 2, "\(wrong.all)")
        }
    }

    /// The rest goes with the next run, whether or not that is a full one.
    @Test(arguments: [[], ["--full"]]) func whatAFullRunHasNotSentIsSentByTheNextRun(_ arguments: [String]) async throws
    {
        try await Shop.with(people: Shop.people(1...3)) { shop in
            #expect(try await shop.rollcall("run", "members").code == 0)
            shop.sandbox.setFaults([Fault(.status(401))])
            let stopped = try await shop.rollcall("run", "members", "--full", "--json")
            #expect(stopped.code == 1, "\(stopped.all)")
            #expect(try Self.counts(stopped)["not_attempted"] as? Int == 3, "\(stopped.all)")
            shop.sandbox.setFaults([])
            let next = try await shop.rollcall(["run", "members", "--json"] + arguments)
            let sent = try Self.counts(next)["succeeded"] as? [String: Any]
            #expect(next.code == 0 && sent?["subscribe"] as? Int == 3, "\(next.all)")
            let last = try await shop.rollcall("run", "members", "--json")
            #expect(try Self.counts(last)["unchanged"] as? Int == 3, "\(last.all)")
        }
    }

    private static func counts(_ run: Output) throws -> [String: Any] {
        try run.object()["counts"] as? [String: Any] ?? [:]
    }

    @Test func aSyncThatCannotBeReadHidesNoOther() async throws {
        try await Shop.with(people: Shop.people(1...2)) { shop in
            try shop.configure {
                $0.further = """
                      other:
                        warehouse: shop
                        destination: iterable
                        audience: { table: people }
                        list: { name: Other }
                        mapping: { email: email }
                    """
            }
            for sync in ["members", "other"] { #expect(try await shop.rollcall("run", sync).code == 0) }
            try await shop.execute(
                "UPDATE \(shop.state("sync_runs")) SET status = 'damaged' WHERE sync_name = 'members'")
            let syncs = try await shop.rollcall("syncs", "--format", "json")
            #expect(syncs.code == 1, "\(syncs.all)")
            let rows = try #require(try syncs.json() as? [[String: Any]])
            #expect(rows.map { $0["last_status"] as? String } == ["unreachable", "succeeded"], "\(syncs.out)")
            #expect(rows.last?["members"] as? Int == 2, "\(syncs.out)")
        }
    }

    @Test func theLogByStatusRunAgeAndNumber() async throws {
        try await Shop.with(people: Shop.people(1...5) + ["nobody"]) { shop in
            #expect(try await shop.rollcall("run", "members").code == 3)
            try await shop.leave(["user1@example.com"])
            let second = try await shop.rollcall("run", "members", "--json").object()
            let id = try #require(second["run_id"] as? String)
            #expect(try await records(shop).count == 8)
            #expect(try await records(shop, "members", "--status", "succeeded").count == 6)
            let failed = try await records(shop, "--status", "failed")
            #expect(failed.count == 2 && failed.allSatisfy { $0["email"] as? String == "nobody" })
            #expect(failed.allSatisfy { $0["operation"] as? String == "validate" })
            let ofRun = try await records(shop, "--run", id.uppercased())
            #expect(ofRun.count == 2 && ofRun.allSatisfy { $0["run_id"] as? String == id })
            #expect(try await records(shop, "--limit", "3").count == 3)
            #expect(try await records(shop, "--limit", "0").count == 8)
            #expect(try await records(shop, "--status", "unknown").isEmpty)

            try await shop.execute(
                "UPDATE rollcall_sync_log SET logged_at = '2020-01-01T00:00:00.000Z' WHERE run_id <> '\(id)'")
            #expect(try await records(shop, "--since", "2d").count == 2)
            #expect(try await records(shop, "--since", "2019-12-31").count == 8)
            #expect(try await records(shop, "--since", "2020-01-01T00:00:01Z").count == 2)
            let first = try #require(try await records(shop).first)
            #expect(first["run_id"] as? String == id, "newest first")
        }
    }

    @Test func theRunsNewestFirst() async throws {
        try await Shop.with(people: ["a@example.com"]) { shop in
            for _ in 1...3 { #expect(try await shop.rollcall("run", "members").code == 0) }
            let runs = try await shop.rollcall("runs", "members", "--format", "json", "--limit", "2")
            let ids = try #require(try runs.json() as? [[String: Any]]).compactMap { $0["run_id"] as? String }
            #expect(ids.count == 2 && ids == ids.sorted(by: >))
            let failed = try await shop.rollcall("runs", "--status", "failed", "--format", "json")
            #expect(try (failed.json() as? [Any])?.isEmpty == true)
            #expect(try await shop.rollcall("runs", "absent").code == 2)
            let csv = try await shop.rollcall("runs", "--format", "csv").out
            #expect(csv.split(separator: "\n").first?.hasSuffix(",kind,target,rows_excluded,waiting") == true)
            #expect(csv.split(separator: "\n").last?.hasSuffix(",list,Members,0,0") == true, "\(csv)")
            let report = try await shop.rollcall("run-report", try #require(ids.first))
            #expect(report.code == 0 && report.out.contains(ids[0]), "\(report.all)")
            let unknown = try await shop.rollcall("run-report", "01a1fcb2-48a8-72af-8f46-ef4b3da46662")
            #expect(unknown.code == 2 && unknown.err.contains("rollcall runs"), "\(unknown.all)")
        }
    }

    @Test func aWarehouseThatIsAwayDoesNotHideTheOthers() async throws {
        try await Shop.with(people: ["a@example.com"]) { shop in
            let run = try await shop.rollcall("run", "members", "--json").object()
            let id = try #require(run["run_id"] as? String)
            try shop.configure { $0.warehouse += "\n  away: { type: sqlite, path: absent.sqlite }" }
            for command in [["runs"], ["log"]] {
                for format in ["json", "csv", "table"] {
                    let output = try await shop.rollcall(command + ["--format", format])
                    #expect(output.code == 1 && output.err.contains("absent.sqlite"), "\(output.all)")
                    #expect(output.out.contains(format == "table" && command == ["log"] ? "a@example.com" : id))
                    if format == "json" { #expect(try (output.json() as? [Any])?.count == 1) }
                }
            }
            #expect(try await shop.rollcall("run-report", id).code == 0)
            #expect(try await shop.rollcall("log", "--run", id).code == 0)
            let unknown = try await shop.rollcall("run-report", "01a1fcb2-48a8-72af-8f46-ef4b3da46662")
            #expect(unknown.code == 1 && unknown.err.contains("absent.sqlite"), "it may be there: \(unknown.all)")
            let migrated = try await shop.rollcall("migrate")
            #expect(migrated.code == 1 && migrated.out.contains("shop: up to date"), "\(migrated.all)")
        }
    }

    private func why(_ shop: Shop, _ person: String) async throws -> [String: Any] {
        let output = try await shop.rollcall("why", "members", person, "--format", "json")
        #expect(output.code == 0, "\(output.all)")
        let report = try output.object()
        #expect(
            Set(report.keys) == ["sync", "identifier", "in_audience", "audience", "snapshot", "next", "log"])
        return report
    }

    @Test func whyInEachCase() async throws {
        try await Shop.with(
            people: ["a@example.com", "nobody", "gone@example.com"], tune: { $0.forgottenEmails = ["gone@example.com"] }
        ) { shop in
            let before = try await why(shop, "a@example.com")
            #expect(before["in_audience"] as? Bool == true && (before["snapshot"] as? [Any])?.isEmpty == true)
            #expect(before["next"] as? String == "subscribe a@example.com")

            #expect(try await shop.rollcall("run", "members").code == 3)
            let member = try await why(shop, " A@Example.COM ")
            #expect((member["snapshot"] as? [[String: Any]])?.first?["state"] as? String == "subscribed")
            #expect((member["log"] as? [Any])?.count == 1)
            #expect((member["next"] as? String)?.contains("nothing to do") == true)

            let invalid = try await why(shop, "nobody")
            #expect(invalid["in_audience"] as? Bool == false)
            let row = try #require((invalid["audience"] as? [[String: Any]])?.first)
            #expect(row["valid"] as? Bool == false && row["error_code"] as? String == "email_syntax")
            #expect((invalid["next"] as? String)?.contains("corrected") == true)

            let refused = try await why(shop, "gone@example.com")
            #expect((refused["snapshot"] as? [[String: Any]])?.first?["state"] as? String == "rejected")
            #expect((refused["next"] as? String)?.contains("--retry-rejected") == true)

            let stranger = try await why(shop, "stranger@example.com")
            #expect(stranger["in_audience"] as? Bool == false && (stranger["log"] as? [Any])?.isEmpty == true)

            try await shop.leave(["a@example.com"])
            let leaving = try await why(shop, "a@example.com")
            #expect(leaving["in_audience"] as? Bool == false)
            #expect(
                leaving["next"] as? String == "unsubscribe a@example.com (but a guard would hold the run)"
                    || leaving["next"] as? String == "unsubscribe a@example.com")
            #expect(shop.members == ["a@example.com"], "why changes nothing")
        }
    }

    @Test(arguments: Shop.Kind.allCases) func recordsOfAList(_ kind: Shop.Kind) async throws {
        let people = ["a@example.com", "b@example.com", "gone@example.com"]
        try await Shop.with(kind, people: people, tune: { $0.forgottenEmails = ["gone@example.com"] }) { shop in
            #expect(try await shop.rollcall("records", "members").out == "no members\n", "before the first run")
            #expect(try await shop.rollcall("run", "members").code == 3)
            let csv = try await shop.rollcall("records", "members", "--format", "csv")
            let rows = try CommaSeparatedValues.rows(csv.out)
            #expect(
                rows.first == ["email", "user_id", "state", "since_run_id", "since", "error_code", "error_reason"])
            #expect(
                Set(rows.dropFirst().map { "\($0[0]) \($0[2]) \($0[5])" }) == [
                    "a@example.com subscribed ", "b@example.com subscribed ", "gone@example.com rejected forgotten",
                ])
            let refused = try await shop.rollcall("records", "members", "--state", "rejected").out
            #expect(refused.contains("gone@example.com") && !refused.contains("a@example.com"), "\(refused)")
        }
    }
}

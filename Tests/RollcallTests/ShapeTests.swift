import Foundation
import IterableSandbox
import Testing

/// What programs read: the objects and tables that commands print.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ShapeTests {
    /// Five rows of which one is invalid, one is another's spelling and one is refused by Iterable.
    private static let people = ["a@example.com", "b@example.com", " A@Example.COM ", "nobody", "gone@example.com"]

    private static func shop(_ body: (Shop) async throws -> Void) async throws {
        try await Shop.with(people: people, tune: { $0.forgottenEmails = ["gone@example.com"] }, body)
    }

    @Test func theObjectOfARun() async throws {
        try await Self.shop { shop in
            let output = try await shop.rollcall("run", "members", "--json")
            #expect(output.code == 3, "\(output.all)")
            let run = try output.object()
            let id = try #require(run["run_id"] as? String)
            let started = try #require(run["started_at"] as? String)
            let finished = try #require(run["finished_at"] as? String)
            let list = try #require(shop.sandbox.lists().first?.id)
            let read = try #require(run["read"] as? [String: Any])
            #expect(Set(read.keys) == ["mode", "bytes", "seconds", "reason"] && read["bytes"] is NSNull)
            let seconds = try #require(output.out.firstMatch(of: /"seconds":([0-9.]+)/)?.output.1)
            #expect(
                output.out == """
                    {"run_id":"\(id)","sync":"members","status":"completed_with_failures","trigger":"manual","kind":"list","target":"Members","list_id":\(list),\
                    "started_at":"\(started)","finished_at":"\(finished)",\
                    "counts":{"rows_read":5,"invalid":1,"duplicates":1,"excluded":0,"audience":3,"unchanged":0,"waiting":0,\
                    "planned":{"subscribe":3,"unsubscribe":0},"succeeded":{"subscribe":2,"unsubscribe":0},\
                    "failed":{"subscribe":1,"unsubscribe":0},"not_attempted":0,"unknown":0},\
                    "requests":{"sent":1,"retried":0,"rate_limited":0},"error":null,\
                    "read":{"mode":"all","bytes":null,"seconds":\(seconds),"reason":"All rows are read each time."}}

                    """)
            for time in [started, finished] {
                #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil, "\(time)")
            }
            #expect(UUID(uuidString: id) != nil)
            let report = try await shop.rollcall("run-report", id, "--format", "json")
            #expect(report.out == output.out, "the history tells the same")
        }
    }

    @Test func theObjectOfAFailedRun() async throws {
        try await Self.shop { shop in
            try shop.configure { $0.audience = "table: absent" }
            let output = try await shop.rollcall("run", "members", "--json")
            #expect(output.code == 1)
            let run = try output.object()
            #expect(run["status"] as? String == "failed")
            let error = try #require(run["error"] as? [String: Any])
            #expect(Set(error.keys) == ["code", "message", "hint"])
            #expect((error["message"] as? String)?.contains("absent") == true)
            #expect(run["list_id"] is NSNull)
            _ = try Counts(run)
        }
    }

    @Test func theObjectOfAPlan() async throws {
        try await Self.shop { shop in
            let output = try await shop.rollcall("plan", "members", "--format", "json", "--rows", "all")
            #expect(output.code == 0, "\(output.all)")
            let plan = try output.object()
            let keys = [
                "sync", "status", "trigger", "kind", "target", "list_id", "counts", "requests", "error", "held", "read",
                "rows",
            ]
            #expect(Set(plan.keys) == Set(keys))
            #expect(plan["status"] as? String == "queued")
            let counts = try #require(plan["counts"] as? [String: Any])
            #expect(counts["not_attempted"] as? Int == 3, "what is planned is not attempted yet")
            #expect(plan["list_id"] is NSNull && plan["error"] is NSNull)
            #expect((plan["held"] as? [Any])?.isEmpty == true)
            #expect(plan["requests"] as? [String: Int] == ["sent": 0, "retried": 0, "rate_limited": 0])
            let rows = try #require(plan["rows"] as? [[String: Any]])
            #expect(
                rows.compactMap { $0["operation"] as? String }.sorted() == ["invalid"]
                    + Array(repeating: "subscribe", count: 3))
            #expect(rows.allSatisfy { Set($0.keys) == ["operation", "email", "user_id", "note"] })
            #expect(shop.sandbox.lists().isEmpty, "a plan changes nothing in Iterable")
            let tables = try await shop.query("SELECT count(*) FROM sqlite_master WHERE name LIKE 'rollcall%'")
            #expect(tables == [["0"]], "nor in the warehouse")
        }
    }

    @Test func thePlanOfARunThatWouldBeHeld() async throws {
        try await Shop.with { shop in
            let output = try await shop.rollcall("plan", "members", "--format", "json")
            #expect(output.code == 0)
            #expect(try output.object()["status"] as? String == "held")
            let held = try #require(try output.object()["held"] as? [[String: Any]])
            #expect(held.count == 1)
            #expect(held.first.map { Set($0.keys) } == ["guard", "limit", "observed"])
            #expect(held.first?["guard"] as? String == "allow_empty")
        }
    }

    @Test func rowsOfAPlan() async throws {
        try await Shop.with(people: Shop.people(1...25)) { shop in
            for (rows, expected) in [("all", 25), ("3", 3), ("0", 0)] {
                let plan = try await shop.rollcall("plan", "members", "--format", "json", "--rows", rows).object()
                #expect((plan["rows"] as? [Any])?.count == expected, "--rows \(rows)")
                let csv = try await shop.rollcall("plan", "members", "--format", "csv", "--rows", rows).out
                #expect(try CommaSeparatedValues.rows(csv).count == expected + 1)
            }
            let short = try await shop.rollcall("plan", "members")
            #expect(short.out.contains("10 of 25 rows; all: --rows all"), "\(short.out)")
            #expect(try await shop.rollcall("plan", "members", "--rows", "-1").code == 2)
        }
    }

    @Test func everyReadingCommandInEveryFormat() async throws {
        try await Self.shop { shop in
            try await shop.enter(["\"odd\",=name@example.com", "=1+1\n2"])
            let run = try await shop.rollcall("run", "members", "--json")
            let id = try #require(try run.object()["run_id"] as? String)
            let commands = [
                ["syncs"], ["runs"], ["runs", "members"], ["run-report", id], ["log"], ["log", "members"],
                ["log", "--run", id, "--status", "failed", "--since", "2d"], ["log", "--status", "unknown"],
                ["why", "members", "a@example.com"], ["why", "members", "stranger@example.com"], ["lists", "iterable"],
                ["check"], ["plan", "members"], ["runs", "--status", "held"],
            ]
            for command in commands {
                let table = try await shop.rollcall(command)
                let json = try await shop.rollcall(command + ["--format", "json"])
                let csv = try await shop.rollcall(command + ["--format", "csv"])
                for output in [table, json, csv] {
                    #expect(output.code == 0, "\(command): \(output.all)")
                    #expect(output.stderr.isEmpty, "\(command): \(output.err)")
                    #expect(!output.stdout.isEmpty)
                }
                #expect(throws: Never.self, "\(command): \(json.out)") { try json.json() }
                let rows = try CommaSeparatedValues.rows(csv.out)
                #expect(rows.first?.allSatisfy { $0.wholeMatch(of: /[a-z_]+/) != nil } == true, "\(command)")
                if let items = try json.json() as? [Any] { #expect(items.count == rows.count - 1, "\(command)") }
            }
        }
    }

    @Test func acknowledgementsOfCommandsThatAct() async throws {
        try await Shop.with { shop in
            let migrated = try await shop.rollcall("migrate", "--json").object()
            #expect(migrated["warehouse"] as? String == "shop" && migrated["from"] is NSNull)
            #expect((migrated["to"] as? Int).map { $0 >= 1 } == true)
            let pruned = try await shop.rollcall("prune", "--json").object()
            #expect(Set(pruned.keys) == ["warehouse", "runs", "records", "ticks"])
            let created = try await shop.rollcall("lists", "create", "iterable", "A \"new\" list", "--json").object()
            #expect(created["list_id"] as? Int == shop.sandbox.lists().first?.id)
            #expect(created["name"] as? String == "A \"new\" list")
        }
    }
}

import Foundation
import IterableSandbox
import TestSupport
import Testing

/// From nothing to a first run, and keeping house.
@Suite(.serialized, .timeLimit(.minutes(10))) struct GettingStartedTests {
    // MARK: init and schema

    @Test func initWritesAFileThatLoadsAndIsNotOverwritten() async throws {
        try await Shop.with { shop in
            try await shop.execute("CREATE VIEW vip_customers AS SELECT email, email AS customer_id FROM people")
            let path = try #require(shop.fixture as? SQLiteFixture).path
            let written = try await shop.rollcall("init", "new/shop")
            #expect(written.code == 0, "\(written.all)")
            let file = shop.folder.appendingPathComponent("new/shop/rollcall.yaml")
            let text = try Data(contentsOf: file)
            try FileManager.default.copyItem(
                atPath: path, toPath: shop.folder.appendingPathComponent("new/shop/warehouse.sqlite").path)
            let syncs = try await shop.rollcall("syncs", "--config", "new/shop/rollcall.yaml", "--format", "json")
            #expect(syncs.code == 0, "\(syncs.all)")
            #expect(try (syncs.json() as? [[String: Any]])?.first?["sync"] as? String == "vip-customers")

            try Data(text + Data("# mine\n".utf8)).write(to: file)
            let again = try await shop.rollcall("init", "new/shop")
            #expect(again.code == 1 && again.err.contains("exists"), "\(again.all)")
            #expect(try Data(contentsOf: file) == text + Data("# mine\n".utf8))
        }
    }

    @Test func initWithoutAFolderWritesHere() async throws {
        try await withFolder { folder in
            #expect(try await Program.run(["init"], in: folder).code == 0)
            let file = folder.appendingPathComponent("rollcall.yaml")
            #expect(FileManager.default.fileExists(atPath: file.path))
            let missingKey = try await Program.run(["syncs"], in: folder)
            #expect(missingKey.code == 2 && missingKey.err.contains("ITERABLE_API_KEY"), "\(missingKey.all)")
            try Data("ITERABLE_API_KEY=from-file\n".utf8).write(to: folder.appendingPathComponent(".env"))
            let loaded = try await Program.run(["syncs"], in: folder)
            #expect(loaded.code == 1 && loaded.err.contains("warehouse.sqlite"), "\(loaded.all)")
        }
    }

    @Test func theConfigurationIsNamedByTheEnvironmentOrAnOption() async throws {
        try await Shop.with(people: ["a@example.com"]) { shop in
            try await withFolder { elsewhere in
                let path = shop.folder.appendingPathComponent("rollcall.yaml").path
                let named = ["ITERABLE_API_KEY": Shop.apiKey, "ROLLCALL_CONFIG": path]
                #expect(try await Program.run(["plan", "members"], in: elsewhere, environment: named).code == 0)
                let wrong = try await Program.run(
                    ["plan", "members", "--config", "absent.yaml"], in: elsewhere, environment: named)
                #expect(wrong.code == 2 && wrong.err.contains("absent.yaml"), "the option wins: \(wrong.all)")
            }
        }
    }

    @Test func theSchemaIsJSON() async throws {
        try await withFolder { folder in
            let output = try await Program.run(["schema"], in: folder)
            #expect(output.code == 0)
            let schema = try output.object()
            #expect((schema["$schema"] as? String)?.contains("json-schema.org") == true)
            let properties = try #require(schema["properties"] as? [String: Any])
            #expect(Set(["warehouses", "destinations", "syncs"]).isSubset(of: properties.keys))
        }
    }

    // MARK: demo

    @Test func theDemoLeavesADatabaseToQuery() async throws {
        try await withFolder { folder in
            for attempt in 1...2 {
                let demo = try await Program.run(["demo", "shop", "--port", "0"], in: folder)
                #expect(demo.code == 0, "attempt \(attempt): \(demo.all)")
                #expect(demo.stderr.isEmpty, "\(demo.err)")
                #expect(demo.out.contains("forgotten@example.com"))
                let inFolder = folder.appendingPathComponent("shop")
                let runs = try await Program.run(["runs", "--format", "json"], in: inFolder)
                let all = try #require(try runs.json() as? [[String: Any]])
                let listed = all.filter { $0["sync_name"] as? String == "vip-customers" }
                #expect(listed.map { $0["status"] as? String } == Array(repeating: "completed_with_failures", count: 2))
                #expect(listed.first?["succeeded_unsubscribe"] as? Int == 3)
                #expect(listed.first?["succeeded_subscribe"] as? Int == 3)
                let orders = all.filter { $0["sync_name"] as? String == "orders" }
                #expect(orders.map { $0["status"] as? String } == ["succeeded", "succeeded"], "\(demo.all)")
                #expect(demo.out.contains("200 sent") && demo.out.contains("2 sent"), "\(demo.all)")
            }
        }
    }

    @Test func theDemoSparesFoldersThatAreNotItsOwn() async throws {
        try await withFolder { folder in
            let precious = folder.appendingPathComponent("shop/shop.sqlite")
            try FileManager.default.createDirectory(
                at: precious.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data("precious".utf8).write(to: precious)
            let demo = try await Program.run(["demo", "shop", "--port", "0"], in: folder)
            #expect(demo.code == 1 && demo.err.contains("shop"), "\(demo.all)")
            #expect(try Data(contentsOf: precious) == Data("precious".utf8))
        }
    }

    // MARK: check

    @Test(arguments: Shop.Kind.allCases) func checkFindsNothingWrong(_ kind: Shop.Kind) async throws {
        try await Shop.with(kind, people: ["a@example.com"]) { shop in
            for _ in 1...2 {
                let check = try await shop.rollcall("check")
                #expect(check.code == 0, "\(check.all)")
                let lines = check.out.split(separator: "\n")
                #expect(
                    lines.count >= 6 && lines.allSatisfy { $0.hasPrefix("ok ") || $0.contains("better: ") },
                    "\(check.out)")
                #expect(try await shop.rollcall("run", "members").code == 0)
            }
        }
    }

    struct Breakage: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let edit: @Sendable (inout ConfigurationText) -> Void
        var key = Shop.apiKey
        /// What the report must name.
        let named: String
    }

    static let breakages = [
        Breakage(testDescription: "missing table", edit: { $0.audience = "table: peeple" }, named: "peeple"),
        Breakage(testDescription: "missing column", edit: { $0.mapping = "email: mail" }, named: "\"mail\""),
        Breakage(testDescription: "wrong key", edit: { _ in }, key: "wrong", named: "API key"),
        Breakage(
            testDescription: "query that writes", edit: { $0.audience = "query: DELETE FROM people RETURNING email" },
            named: "The query"),
        Breakage(
            testDescription: "missing file", edit: { $0.warehouse = "{ type: sqlite, path: absent.sqlite }" },
            named: "absent.sqlite"),
        Breakage(
            testDescription: "nobody listens", edit: { $0.baseURL = "http://127.0.0.1:1" }, named: "127.0.0.1:1"),
        Breakage(
            testDescription: "unreachable Postgres",
            edit: { $0.warehouse = "{ type: postgres, url: \"host=127.0.0.1 port=1 dbname=shop\" }" },
            named: "127.0.0.1"),
    ]

    @Test(arguments: breakages) func checkSaysWhatIsWrongAndHowToMendIt(_ breakage: Breakage) async throws {
        try await Shop.with(people: ["a@example.com"]) { shop in
            try shop.configure(breakage.edit)
            let check = try await shop.rollcall("check", environment: ["ITERABLE_API_KEY": breakage.key])
            #expect(check.code == 1, "\(check.all)")
            let lines = check.out.components(separatedBy: "\n")
            let failures = lines.filter { $0.hasPrefix("FAIL") }
            #expect(failures.contains { $0.contains(breakage.named) }, "\(check.out)")
            #expect(lines.contains { $0.contains("fix: ") }, "\(check.out)")
            #expect(shop.sandbox.lists().isEmpty, "check changes nothing")
        }
    }

    @Test func checkNamesTheGrantThatIsMissing() async throws {
        try await Shop.with(.postgres, people: ["a@example.com"]) { shop in
            let postgres = try #require(shop.fixture as? PostgresFixture)
            let role = "reader_" + UUID().uuidString.lowercased().prefix(8)
            try await postgres.cluster.createRole(role)
            let asRole = ["WAREHOUSE_URL": postgres.cluster.socketURL(database: postgres.database, user: role)]
            let check = try await shop.rollcall("check", environment: asRole)
            #expect(check.code == 1)
            let fixes = check.out.matches(of: /fix: ((?:GRANT|CREATE) .*?;)/).map { String($0.output.1) }
            #expect(!fixes.isEmpty, "\(check.out)")
            for fix in fixes { try await shop.execute(fix) }
            let fixed = try await shop.rollcall("check", environment: asRole)
            #expect(fixed.code == 0, "the SQL that it names fixes it: \(fixes) \(fixed.out)")
            #expect(try await shop.rollcall(["run", "members"], environment: asRole).code == 0)
            #expect(shop.members == ["a@example.com"])
            try await shop.execute("DROP OWNED BY \"\(role)\"")
        }
    }

    /// The sync has no connection either, for the same reason.
    @Test func whereNothingListensTheSandboxIsNamed() async throws {
        try await Shop.with(people: ["a@example.com"]) { shop in
            let port = try LoopbackListener.freePort()
            try shop.configure { $0.baseURL = "http://127.0.0.1:\(port)" }
            let hint = "Start `rollcall sandbox --port \(port)`, or correct base_url."
            let check = try await shop.rollcall("check")
            #expect(check.code == 1 && check.out.contains("fix: \(hint)\n"), "\(check.all)")
            let same = "FAIL sync members, list: the same as of destination iterable\n"
            #expect(check.out.contains(same), "\(check.all)")
            let plan = try await shop.rollcall("plan", "members")
            #expect(plan.code == 1 && plan.err.hasSuffix("the connection was refused.\n  \(hint)\n"), "\(plan.all)")
        }
    }

    @Test func aHostThatIsNotKnownHasAHint() async throws {
        try await Shop.with(people: ["a@example.com"]) { shop in
            try shop.configure { $0.baseURL = "https://nowhere.invalid" }
            let check = try await shop.rollcall("check")
            let fix = "fix: Check DNS, and base_url or data_center.\n"
            #expect(check.code == 1 && check.out.contains(fix), "\(check.all)")
        }
    }

    @Test func aRoleThatDoesNotExistIsToBeMade() async throws {
        try await Shop.with(.postgres) { shop in
            let postgres = try #require(shop.fixture as? PostgresFixture)
            let url = postgres.cluster.socketURL(database: postgres.database, user: "nobody_of_this_name")
            let check = try await shop.rollcall("check", environment: ["WAREHOUSE_URL": url])
            let hint = "or make the role: CREATE ROLE \"nobody_of_this_name\" LOGIN PASSWORD '...'."
            #expect(check.code == 1 && check.out.contains(hint), "\(check.all)")
        }
    }

    @Test func stateTablesAreNotOfferedForAnAudience() async throws {
        try await Shop.with(.postgres) { shop in
            #expect(try await shop.rollcall("migrate").code == 0)
            try shop.configure { $0.audience = "table: receiver" }
            let check = try await shop.rollcall("check")
            #expect(check.code == 1 && check.out.contains("There are: people.\n"), "\(check.all)")
        }
    }

    @Test(arguments: Shop.Kind.allCases) func anAudienceThatTwoSyncsReadIsLookedAtOnce(_ kind: Shop.Kind) async throws {
        try await Shop.with(kind, people: ["a@example.com"]) { shop in
            try shop.configure {
                $0.further = """
                      others:
                        warehouse: shop
                        destination: iterable
                        audience: { table: people }
                        list: { name: Others }
                        mapping: { email: email }
                    """
            }
            let check = try await shop.rollcall("check")
            let lines = check.out.split(separator: "\n").filter { $0.contains("warehouse shop, audience") }
            #expect(check.code == 0 && lines.count == 1, "\(check.all)")
        }
    }

    @Test func checkTellsProgramsTheSame() async throws {
        try await Shop.with(people: ["a@example.com"]) { shop in
            try shop.configure { $0.audience = "table: peeple" }
            let check = try await shop.rollcall("check", "--format", "json")
            #expect(check.code == 1)
            let findings = try #require(try check.json() as? [[String: Any]])
            let failures = findings.filter { $0["ok"] as? Bool == false }
            #expect(failures.count >= 1 && failures.count < findings.count)
            for failure in failures {
                #expect(failure["subject"] is String && failure["detail"] is String && failure["fix"] is String)
            }
        }
    }

    // MARK: migrate, prune, lists

    @Test(arguments: Shop.Kind.allCases) func migrateIsDoneOnce(_ kind: Shop.Kind) async throws {
        try await Shop.with(kind) { shop in
            let first = try await shop.rollcall("migrate")
            #expect(first.code == 0 && first.out.contains("state tables brought"), "\(first.all)")
            #expect(try await shop.query("SELECT * FROM \(shop.state("sync_runs"))").isEmpty)
            let second = try await shop.rollcall("migrate", "shop")
            #expect(second.code == 0 && second.out.contains("up to date"), "\(second.all)")
        }
    }

    @Test func pruneDeletesWhatIsOlderThanItIsKept() async throws {
        try await Shop.with(people: ["a@example.com"]) { shop in
            try shop.configure { $0.logs = "retention_days: 2" }
            for _ in 1...3 { #expect(try await shop.rollcall("run", "members").code == 0) }
            try await shop.execute(
                """
                UPDATE rollcall_sync_runs SET started_at = '2020-01-01T00:00:00.000Z',
                       finished_at = '2020-01-01T00:00:01.000Z'
                 WHERE run_id = (SELECT min(run_id) FROM rollcall_sync_runs);
                UPDATE rollcall_sync_log SET logged_at = '2020-01-01T00:00:00.000Z';
                """)
            let prune = try await shop.rollcall("prune")
            #expect(prune.code == 0, "\(prune.all)")
            #expect(try await shop.statuses().count == 2)
            #expect(try await shop.query("SELECT 1 FROM rollcall_sync_log").isEmpty)
            #expect(try await shop.snapshot() == ["a@example.com"], "the snapshot is spared")
        }
    }

    @Test func listsShowsAndCreates() async throws {
        try await Shop.with { shop in
            #expect(try await shop.rollcall("lists", "create", "iterable", "Newcomers").code == 0)
            let again = try await shop.rollcall("lists", "create", "iterable", "Newcomers")
            #expect(again.code == 1 && again.err.contains("Newcomers"), "\(again.all)")
            #expect(shop.sandbox.lists().map(\.name) == ["Newcomers"])
            let shown = try await shop.rollcall("lists", "iterable", "--format", "json")
            let first = try #require((try shown.json() as? [[String: Any]])?.first)
            #expect(first["name"] as? String == "Newcomers" && first["type"] as? String == "Standard")
            #expect(first["id"] as? Int == shop.sandbox.lists().first?.id)
        }
    }

    @Test func theSandboxListensUntilItIsStopped() async throws {
        try await withFolder { folder in
            let program = try Program.start(
                ["sandbox", "--port", "0", "--project-type", "email", "--fault", "500:nth=1"], in: folder)
            #expect(try await eventually { program.outputSoFar.contains("base_url: http://127.0.0.1:") })
            let port = try #require(program.outputSoFar.firstMatch(of: /base_url: http:\/\/127\.0\.0\.1:(\d+)/)?.1)
            #expect(port != "0")
            let taken = try await Program.run(["sandbox", "--port", String(port)], in: folder)
            #expect(taken.code == 1 && taken.err.contains(port) && taken.err.contains("--port"), "\(taken.all)")
            program.signal(SIGINT)
            #expect(try await program.output().code == 0)
        }
    }
}

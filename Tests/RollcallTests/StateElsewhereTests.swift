import Foundation
import TestSupport
import Testing

/// `state: OTHER`: what the commands do and say where state and logs live in another warehouse.
@Suite(.serialized, .timeLimit(.minutes(10))) struct StateElsewhereTests {
    enum Pair: Sendable, CaseIterable {
        case sqliteIsRead
        case postgresIsRead

        func make() async throws -> SplitFixture {
            switch self {
            case .sqliteIsRead: try await SplitFixture.make()
            case .postgresIsRead:
                try SplitFixture(source: await PostgresFixture.make(), state: await SQLiteFixture.make())
            }
        }
    }

    private func with(_ pair: Pair, _ body: (Shop, SplitFixture) async throws -> Void) async throws {
        let fixture = try await pair.make()
        try await Shop.with(people: Shop.people(1...6), fixture: fixture) { try await body($0, fixture) }
    }

    /// Names of tables in the source.
    private func tables(_ fixture: SplitFixture) async throws -> [[String?]] {
        try await fixture.source.query(
            fixture.source is SQLiteFixture
                ? "SELECT name FROM sqlite_master WHERE type = 'table'"
                : """
                SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE relkind = 'r' AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
                """)
    }

    @Test(arguments: Pair.allCases) func runsReadOneAndWriteTheOther(_ pair: Pair) async throws {
        try await with(pair) { shop, fixture in
            let first = try await shop.rollcall("run", "members", "--json")
            #expect(first.code == 0, "\(first.all)")
            #expect(shop.members == Set(Shop.people(1...6)))
            try await shop.leave(["user1@example.com"])
            try await shop.enter(["new@example.com"])
            let plan = try await shop.rollcall("plan", "members")
            #expect(plan.code == 0, "\(plan.all)")
            let second = try await shop.rollcall("run", "members", "--json")
            #expect(second.code == 0, "\(second.all)")
            #expect(shop.members == Set(Shop.people(2...6) + ["new@example.com"]))
            #expect(try await shop.snapshot() == shop.members)
            #expect(try await shop.statuses() == ["succeeded", "succeeded"])
            #expect(try await tables(fixture) == [["people"]], "nothing of ours is in the source")
        }
    }

    @Test(arguments: Pair.allCases) func eachStateCountsOnce(_ pair: Pair) async throws {
        try await with(pair) { shop, _ in
            let run = try await shop.rollcall("run", "members", "--json")
            let id = try #require(try run.object()["run_id"] as? String, "\(run.all)")
            let runs = try await shop.rollcall("runs", "--format", "json")
            #expect(try (runs.json() as? [[String: Any]])?.compactMap { $0["run_id"] as? String } == [id])
            let log = try await shop.rollcall("log", "--format", "json")
            #expect(try (log.json() as? [Any])?.count == 6, "\(log.all)")
            #expect(try await shop.rollcall("run-report", id).code == 0)
            let why = try await shop.rollcall("why", "members", "user1@example.com")
            #expect(why.code == 0 && why.out.contains("nothing to do"), "\(why.all)")
            let records = try await shop.rollcall("records", "members", "--format", "json")
            #expect(try (records.json() as? [Any])?.count == 6, "\(records.all)")
            for command in ["migrate", "prune"] {
                for arguments in [[command, "--json"], [command, "shop", "--json"]] {
                    let output = try await shop.rollcall(arguments)
                    #expect(output.code == 0, "\(output.all)")
                    #expect(try output.object()["warehouse"] as? String == "keeper", "\(arguments): \(output.all)")
                }
            }
            let abandoned = try await shop.rollcall("abandon", "members", "--json")
            #expect(try abandoned.object()["members"] as? Int == 6, "\(abandoned.all)")
        }
    }

    @Test(arguments: Pair.allCases) func checkSaysWhichIsWhich(_ pair: Pair) async throws {
        try await with(pair) { shop, fixture in
            let check = try await shop.rollcall("check", "--format", "json")
            #expect(check.code == 0, "\(check.all)")
            let lines = try #require(try check.json() as? [[String: Any]])
            func detail(_ subject: String) -> String? {
                lines.first { $0["subject"] as? String == subject }?["detail"] as? String
            }
            #expect(detail("warehouse shop, state")?.contains("lives in the warehouse keeper") == true, "\(check.out)")
            #expect(detail("sync members, state")?.contains("in the warehouse keeper") == true, "\(check.out)")
            #expect(detail("warehouse shop, reading")?.contains("only read") == true, "\(check.out)")
            let subjects = lines.compactMap { $0["subject"] as? String }
            #expect(subjects.contains { $0.hasPrefix("warehouse keeper, state") }, "\(check.out)")
            #expect(!subjects.contains { $0.hasPrefix("warehouse keeper, audience") }, "\(check.out)")
            #expect(subjects.contains { $0.hasPrefix("warehouse shop, audience") }, "\(check.out)")
            #expect(try await tables(fixture) == [["people"]])
        }
    }

    /// `state` taken out of the configuration, and a role that may only read: the place of the state is named, not the missing rights.
    @Test func whereStateWasTakenOutItsPlaceIsNamed() async throws {
        try await with(.postgresIsRead) { shop, fixture in
            #expect(try await shop.rollcall("run", "members").code == 0)
            let postgres = try #require(fixture.source as? PostgresFixture)
            let role = "reader_" + UUID().uuidString.lowercased().prefix(8)
            try await postgres.cluster.createRole(role)
            try await postgres.execute("GRANT SELECT ON people TO \"\(role)\"")
            let asRole = ["WAREHOUSE_URL": postgres.cluster.socketURL(database: postgres.database, user: role)]
            try shop.configure { $0.warehouse = $0.warehouse.replacingOccurrences(of: ", state: keeper", with: "") }
            let tablesOfOthers = "CREATE SCHEMA rollcall; CREATE TABLE rollcall.schema_migrations (version integer)"
            for tables in ["", tablesOfOthers] {
                if !tables.isEmpty { try await postgres.execute(tables) }
                var commands = [["run", "members"], ["plan", "members"], ["abandon", "members"]]
                if !tables.isEmpty {
                    commands += [["runs", "members"], ["log", "members"], ["records", "members"], ["syncs"]]
                }
                for arguments in commands {
                    let output = try await shop.rollcall(arguments, environment: asRole)
                    #expect(output.code == 1, "\(arguments): \(output.all)")
                    for words in ["is in the warehouse keeper", "rollcall move-state shop --from keeper"] {
                        #expect(output.err.contains(words), "\(arguments): \(output.all)")
                    }
                }
            }
            // State tables that the role may read, and not write: the lease cannot be taken.
            try await postgres.execute("DROP SCHEMA rollcall CASCADE")
            #expect(try await shop.rollcall("migrate", "shop").code == 0)
            try await postgres.execute(
                "GRANT USAGE ON SCHEMA rollcall TO \"\(role)\";"
                    + " GRANT SELECT ON ALL TABLES IN SCHEMA rollcall TO \"\(role)\"")
            let readOnly = try await shop.rollcall(["run", "members"], environment: asRole)
            #expect(readOnly.code == 1 && readOnly.err.contains("is in the warehouse keeper"), "\(readOnly.all)")
            try await postgres.execute("DROP OWNED BY \"\(role)\"")
        }
    }

    /// One reason that fails all checks of a sync is said once, with the way out.
    @Test func aStateFileThatIsNotThereIsNamedOnce() async throws {
        try await with(.postgresIsRead) { shop, _ in
            let path = shop.folder.appendingPathComponent("state.sqlite").path
            try shop.configure { $0.keeper = "{ type: sqlite, path: \"\(path)\" }" }
            let check = try await shop.rollcall("check")
            #expect(check.code == 1 && check.out.contains("FAIL warehouse keeper, connection: "), "\(check.all)")
            #expect(check.out.components(separatedBy: "`touch ").count == 2, "\(check.out)")
            #expect(check.out.components(separatedBy: "There is no SQLite database").count == 2, "\(check.out)")
            try Data().write(to: URL(fileURLWithPath: path))
            #expect(try await shop.rollcall("check").code == 0)
        }
    }

    /// No configuration leaves out the warehouse that the sync reads: the role gets the right to look for its state there.
    @Test func ofTheSourceTheRightToReadIsNamed() async throws {
        try await with(.postgresIsRead) { shop, fixture in
            let postgres = try #require(fixture.source as? PostgresFixture)
            let role = "reader_" + UUID().uuidString.lowercased().prefix(8)
            try await postgres.cluster.createRole(role)
            try await postgres.execute(
                "GRANT SELECT ON people TO \"\(role)\"; CREATE SCHEMA rollcall;"
                    + " CREATE TABLE rollcall.schema_migrations (version integer)")
            let asRole = ["WAREHOUSE_URL": postgres.cluster.socketURL(database: postgres.database, user: role)]
            let run = try await shop.rollcall(["run", "members"], environment: asRole)
            let words = run.err.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            #expect(run.code == 1 && words.contains("the warehouse shop could not be read"), "\(run.all)")
            let grants = "TO \(role); GRANT SELECT ON ALL TABLES IN SCHEMA \"rollcall\" TO \(role);"
            #expect(words.replacing("\"\(role)\"", with: role).contains(grants), "\(run.all)")
            #expect(!words.contains("--config") && !words.contains("INSERT"), "\(run.all)")
            try await postgres.execute("DROP OWNED BY \"\(role)\"")
        }
    }

    /// The state of a new sync may be in a warehouse that cannot be read: its history is not empty, but unknown.
    @Test func reportsSayWhereAStateMayBe() async throws {
        try await Shop.with(people: Shop.people(1...2)) { shop in
            #expect(try await shop.rollcall("migrate", "shop").code == 0)
            try shop.configure { $0.keeper = "{ type: sqlite, path: \"/dev/null/archive.sqlite\" }" }
            func saysSo(_ output: Output) -> Bool {
                let words = output.err.split(whereSeparator: \.isWhitespace).joined(separator: " ")
                return words.contains(
                    "no state in shop yet, and another warehouse may have it: the warehouse keeper could")
                    && words.contains("Make keeper readable")
            }
            for (command, code) in [("runs", Int32(0)), ("log", 0), ("records", 1)] {
                let output = try await shop.rollcall(command, "members")
                #expect(output.code == code && saysSo(output), "\(command): \(output.all)")
            }
            let syncs = try await shop.rollcall("syncs", "--format", "json")
            #expect(saysSo(syncs), "\(syncs.all)")
            let rows = try #require(try syncs.json() as? [[String: Any]])
            #expect(rows.map { $0["last_status"] as? String } == ["state_unknown"], "\(syncs.out)")
        }
    }

    @Test func aStandbyIsNamedWithItsLag() async throws {
        let cluster = try await PostgresCluster.separate()
        defer { cluster.stop() }
        let primary = try await PostgresFixture.make(on: cluster)
        let standby = try await cluster.makeStandby()
        defer { standby.stop() }
        let fixture = try SplitFixture(source: primary, state: await SQLiteFixture.make(), standby: standby)
        try await Shop.with(.postgres, people: Shop.people(1...3), fixture: fixture) { shop in
            let check = try await shop.rollcall("check")
            #expect(check.code == 0, "\(check.all)")
            #expect(check.out.contains("warehouse shop, reading: the server is a standby, "), "\(check.out)")
            #expect(check.out.contains("s behind its primary"), "\(check.out)")
            let run = try await shop.rollcall("run", "members", "--json")
            #expect(run.code == 0 && shop.members == Set(Shop.people(1...3)), "\(run.all)")
        }
    }
}

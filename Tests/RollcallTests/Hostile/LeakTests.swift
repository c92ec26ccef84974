import Foundation
import IterableSandbox
import Synchronization
import TestSupport
import Testing

/// Every command, every kind of failure: the key and the password are in no stream, file, table, argument or crash, in no
/// form.
@Suite(.serialized, .timeLimit(.minutes(10))) struct LeakTests {
    /// With every sign that is escaped somewhere.
    private static let key = "k7Zq/+\"\\<&%5-canary"
    private static let wrongKey = "w0ng/+\"\\<&%5-canary"
    private static let password = "pA:9/@ \"x\\%&<-canary"
    private static var quotedPassword: String {
        password.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    }

    private static let commands: [[String]] = [
        ["check"], ["check", "-v"], ["plan", "members"], ["plan", "members", "--format", "json"],
        ["run", "members", "--verbose"], ["run", "members", "--full", "--json", "-v"], ["run", "--all"],
        ["run", "members", "--retry-rejected"], ["syncs"], ["syncs", "--format", "json"], ["runs"],
        ["runs", "--format", "csv"], ["run-report", "latest"], ["log"], ["log", "--format", "json"],
        ["why", "members", "a@example.com"], ["lists", "iterable", "-v"], ["lists", "create", "iterable", "Other"],
        ["receivers"], ["fields", "iterable", "-v"], ["catalogs", "iterable", "-v"],
        ["catalogs", "iterable", "absent", "-v"],
        ["records", "members"], ["run", "members", "--backfill", "30d"], ["plan", "members", "--accept-new-ids"],
        ["migrate"], ["prune"], ["schema"], ["init", "made"], ["--help"], ["--version"], ["nonsense"],
        ["run", "no-such-sync"], ["run", "members", "--config", "absent.yaml"],
    ]

    /// Runs commands with TMPDIR and HOME in the shop's own folder, so that nothing is written elsewhere.
    private func run(
        _ shop: Shop, _ commands: [[String]], environment: [String: String], secrets: [String]
    ) async throws -> Set<Int32> {
        let temporary = shop.folder.appendingPathComponent("tmp")
        try FileManager.default.createDirectory(at: temporary, withIntermediateDirectories: true)
        let places = ["TMPDIR": temporary.path, "HOME": temporary.path]
        var codes: Set<Int32> = []
        for command in commands {
            let output = try await shop.rollcall(command, environment: environment.merging(places) { $1 })
            #expect(!output.endedBySignal, "\(command)")
            codes.insert(output.code)
            Disguises.expectNone(of: secrets, in: output.stdout, "stdout of \(command)")
            Disguises.expectNone(of: secrets, in: output.stderr, "stderr of \(command)")
        }
        Disguises.expectNone(of: secrets, under: shop.folder)
        if let file = shop.fixture as? SQLiteFixture {
            #expect(Disguises.expectNone(of: secrets, under: file.folder) > 0)
        }
        let left = try FileManager.default.contentsOfDirectory(atPath: temporary.path)
        #expect(left.isEmpty, "nothing is left in the temporary folder: \(left)")
        return codes
    }

    @Test func everyCommandWhenAllIsWell() async throws {
        try await Shop.with(people: ["a@example.com", "nobody"], tune: { $0.apiKey = Self.key }) { shop in
            let codes = try await run(
                shop, Self.commands, environment: ["ITERABLE_API_KEY": Self.key], secrets: [Self.key])
            #expect(codes.isSuperset(of: [0, 2, 3]) && shop.members == ["a@example.com"])
        }
    }

    @Test func everyCommandWithAWrongKey() async throws {
        try await Shop.with(people: ["a@example.com"], tune: { $0.apiKey = Self.key }) { shop in
            let codes = try await run(
                shop, Self.commands, environment: ["ITERABLE_API_KEY": Self.wrongKey],
                secrets: [Self.key, Self.wrongKey])
            #expect(codes.isSuperset(of: [0, 1, 2]))
        }
    }

    @Test(arguments: ["400 Bad Request", "401 Unauthorized", "404 Not Found", "200 OK"])
    func aServerThatSaysEverythingBack(_ status: String) async throws {
        let encoded = Data(Self.key.utf8).base64EncodedString()
        let body = #"{"code":"{request}","msg":"{request} \#(encoded)","params":{"{request}":"{request}"},"lists":1}"#
        let server = try OneAnswerServer(status: status, type: "application/json", body: body)
        defer { server.stop() }
        try await Shop.with(people: ["a@example.com"]) { shop in
            try shop.configure { $0.baseURL = server.baseURL }
            // An answer of success that is none of Iterable's is asked for again, which takes its time.
            let few = [["lists", "iterable", "-v"]]
            let all = few + [["check"], ["run", "members", "-v"], ["run", "members", "--json"], ["runs"], ["log"]]
            let codes = try await run(
                shop, status == "200 OK" ? few : all, environment: ["ITERABLE_API_KEY": Self.key], secrets: [Self.key])
            #expect(codes.contains(1))
        }
    }

    @Test(arguments: ["301", "302", "303", "307", "308"])
    func aRedirectGetsNoKey(_ status: String) async throws {
        let heads = Mutex<[String]>([])
        let thief = try OneAnswerServer { head in
            heads.withLock { $0.append(head) }
            return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
        }
        defer { thief.stop() }
        let server = try OneAnswerServer { head in
            "HTTP/1.1 \(status) Moved\r\nLocation: \(thief.baseURL)/api/lists\r\nX-Echo: \(head.utf8.count)\r\n"
                + "Content-Length: 0\r\nConnection: close\r\n\r\n"
        }
        defer { server.stop() }
        try await Shop.with(people: ["a@example.com"]) { shop in
            try shop.configure { $0.baseURL = server.baseURL }
            let codes = try await run(
                shop, [["check"], ["run", "members", "-v"], ["lists", "iterable"]],
                environment: ["ITERABLE_API_KEY": Self.key], secrets: [Self.key])
            #expect(codes == [1])
        }
        #expect(heads.withLock { $0 }.isEmpty, "nobody follows")
    }

    @Test func theProxyOfTheEnvironmentIsNotAsked() async throws {
        let heads = Mutex<[String]>([])
        let proxy = try OneAnswerServer { head in
            heads.withLock { $0.append(head) }
            return "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        }
        defer { proxy.stop() }
        try await Shop.with(people: ["a@example.com"], tune: { $0.apiKey = Self.key }) { shop in
            var environment = ["ITERABLE_API_KEY": Self.key]
            for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
                environment[name] = proxy.baseURL
            }
            let codes = try await run(shop, [["run", "members"]], environment: environment, secrets: [Self.key])
            #expect(codes == [0])
        }
        #expect(heads.withLock { $0 }.isEmpty)
    }

    @Test func everyCommandWithAPostgresThatRefuses() async throws {
        let cluster = try await PostgresCluster.shared()
        let role = "r_" + UUID().uuidString.lowercased().prefix(8)
        try await cluster.createRole(String(role), password: "another")
        let right = cluster.tcpURL(database: "postgres", user: String(role), password: Self.quotedPassword)
        let escaped = Self.password.replacing("\\", with: "\\\\")
        let urls = [
            right, right + "?sslmode=nonsense", right + "?options=%zz",
            "postgresql://u:\(Self.quotedPassword)@127.0.0.1:1/x",
            "host=127.0.0.1 port=1 password='\(escaped)'", "host=127.0.0.1 port=x password='\(escaped)'",
            "host=127.0.0.1 pasword='\(escaped)'", "password='\(escaped)",
        ]
        try await Shop.with(people: ["a@example.com"]) { shop in
            try shop.configure { $0.warehouse = "{ type: postgres, url: \"${WAREHOUSE_URL}\" }" }
            for url in urls {
                let codes = try await run(
                    shop, [["check"], ["run", "members", "-v"], ["migrate"]],
                    environment: ["WAREHOUSE_URL": url, "ITERABLE_API_KEY": Self.key],
                    secrets: [Self.password, Self.key])
                #expect(codes.isSubset(of: [1, 2]), "\(url)")
            }
        }
    }

    @Test func postgresWithThePasswordAndQueriesThatFail() async throws {
        try await Shop.with(.postgres, people: ["a@example.com", "nobody"], tune: { $0.apiKey = Self.key }) { shop in
            let postgres = try #require(shop.fixture as? PostgresFixture)
            let role = String("r_" + UUID().uuidString.lowercased().prefix(8))
            try await postgres.cluster.createRole(role, password: Self.password)
            try await postgres.cluster.run("ALTER ROLE \"\(role)\" SUPERUSER")
            let url = postgres.cluster.tcpURL(
                database: postgres.database, user: role, password: Self.quotedPassword)
            let environment = ["WAREHOUSE_URL": url, "ITERABLE_API_KEY": Self.key]
            let secrets = [Self.password, Self.key]
            let codes = try await run(shop, Self.commands, environment: environment, secrets: secrets)
            #expect(codes.isSuperset(of: [0, 2, 3]))
            for query in ["SELECT 1/0 AS email", "SELECT email FROM absent", "SELECT", "SELECT pg_sleep('x') AS email"]
            {
                try shop.configure { $0.audience = "query: \"\(query)\"" }
                _ = try await run(
                    shop, [["check"], ["run", "members", "-v"]], environment: environment, secrets: secrets)
            }
            let tables = try await shop.query(
                "SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_schema IN ('rollcall', 'public')"
            )
            #expect(tables.count > 8)
            for table in tables.compactMap({ $0.first ?? nil }) {
                let rows = try await shop.query("SELECT t::text FROM \(table) t")
                Disguises.expectNone(of: secrets, in: Data("\(rows)".utf8), table)
            }
        }
    }

    @Test func secretsGivenWhereTheyDoNotBelongAreNotRepeated() async throws {
        try await Shop.with(people: ["a@example.com"]) { shop in
            let places = [
                ["run", "members", "--api-key", Self.key], ["run", "members", "--api-key=\(Self.key)"],
                ["run", "members", "--password", Self.password],
            ]
            for command in places {
                let output = try await shop.rollcall(command)
                #expect(output.code == 2)
                Disguises.expectNone(of: [Self.key, Self.password], in: output.stdout + output.stderr, "\(command)")
            }
        }
    }

    /// A run that stands still in the middle of a request: its arguments, and what it says when it crashes.
    @Test(arguments: [SIGSEGV, SIGILL, SIGABRT, SIGTRAP])
    func argumentsAndCrashes(_ number: Int32) async throws {
        let stall = try Fault(parsing: "stall:seconds=60")
        try await Shop.with(
            people: ["a@example.com"],
            tune: {
                $0.apiKey = Self.key
                $0.faults = [stall]
            }
        ) { shop in
            let program = try Program.start(
                ["run", "members", "-v"], in: shop.folder,
                environment: shop.environment.merging(["ITERABLE_API_KEY": Self.key]) { $1 })
            let isRunning = try await eventually {
                if program.hasEnded { return true }
                let rows = try? await shop.query("SELECT 1 FROM rollcall_sync_runs WHERE status = 'running'")
                return rows?.count == 1
            }
            #expect(isRunning && !program.hasEnded)
            let arguments = try Data(contentsOf: URL(fileURLWithPath: "/proc/\(program.processID)/cmdline"))
            #expect(arguments.range(of: Data("members".utf8)) != nil)
            Disguises.expectNone(of: [Self.key], in: arguments, "the arguments")
            program.signal(number)
            let output = try await program.output()
            #expect(output.endedBySignal && output.code == number, "\(output.code) \(output.err)")
            #expect(!output.err.contains("Registers") && !output.err.contains("Backtrac"), "\(output.err)")
            Disguises.expectNone(of: [Self.key], in: output.stdout + output.stderr, "the crash")
            Disguises.expectNone(of: [Self.key], under: shop.folder)
        }
    }
}

import Foundation
import IterableSandbox
import TestSupport
import Testing

/// Keys and passwords are in no output, no file and no table.
@Suite(.serialized, .timeLimit(.minutes(10))) struct SecrecyTests {
    private static let wrongKey = "wrong-key-8c2e4b61"
    private static let password = "pa55word-e91b"
    /// As it stands in a URL.
    private static let quotedPassword = "pa55word%2De91b"

    private func expectNone(of secrets: [String], in data: Data, _ place: String) {
        for secret in secrets {
            #expect(data.range(of: Data(secret.utf8)) == nil, "a secret is in \(place)")
        }
    }

    private func expectNone(of secrets: [String], in output: Output, _ place: String) {
        expectNone(of: secrets, in: output.stdout, "stdout of \(place)")
        expectNone(of: secrets, in: output.stderr, "stderr of \(place): \(output.err)")
    }

    private func expectNone(of secrets: [String], under folder: URL) throws {
        let names = try #require(FileManager.default.enumerator(atPath: folder.path))
        var files = 0
        while let name = names.nextObject() as? String {
            guard let data = try? Data(contentsOf: folder.appendingPathComponent(name)) else { continue }
            files += 1
            expectNone(of: secrets, in: data, name)
        }
        #expect(files > 0)
    }

    private static let commands = [
        ["check"], ["plan", "members"], ["run", "members", "--verbose"], ["run", "members", "--json", "-v"], ["syncs"],
        ["runs", "--format", "csv"], ["log"], ["why", "members", "a@example.com"], ["lists", "iterable", "-v"],
        ["lists", "create", "iterable", "Other"], ["migrate"], ["prune"], ["schema"], ["nonsense"],
        ["run", "no-such-sync"],
    ]

    @Test func theKeyWhenAllIsWell() async throws {
        try await Shop.with(people: ["a@example.com", "nobody"]) { shop in
            for command in Self.commands {
                expectNone(of: [Shop.apiKey], in: try await shop.rollcall(command), "\(command)")
            }
            #expect(shop.members == ["a@example.com"])
            try expectNone(of: [Shop.apiKey], under: shop.folder)
            try expectNone(of: [Shop.apiKey], under: try #require(shop.fixture as? SQLiteFixture).folder)
        }
    }

    @Test func aWrongKey() async throws {
        try await Shop.with(people: ["a@example.com"]) { shop in
            var codes: Set<Int32> = []
            for command in Self.commands {
                let output = try await shop.rollcall(command, environment: ["ITERABLE_API_KEY": Self.wrongKey])
                codes.insert(output.code)
                expectNone(of: [Self.wrongKey], in: output, "\(command)")
            }
            #expect(codes.contains(1))
            try expectNone(of: [Self.wrongKey], under: shop.folder)
            try expectNone(of: [Self.wrongKey], under: try #require(shop.fixture as? SQLiteFixture).folder)
        }
    }

    @Test(arguments: [
        "400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found", "302 Found", "418 I'm a teapot",
    ])
    func aServerThatRepeatsTheKey(_ status: String) async throws {
        let body = #"{"code":"BadApiKey","msg":"You sent: {request}","params":{"key":"{request}"}}"#
        let server = try OneAnswerServer(status: status, type: "application/json", body: body)
        defer { server.stop() }
        try await Shop.with(people: ["a@example.com"]) { shop in
            try shop.configure { $0.baseURL = server.baseURL }
            for command in [["check"], ["run", "members", "-v"], ["run", "members", "--json"], ["runs"], ["log"]] {
                let output = try await shop.rollcall(command)
                expectNone(of: [Shop.apiKey], in: output, "\(command)")
                if command[0] == "run" { #expect(output.code == 1, "\(output.all)") }
            }
            try expectNone(of: [Shop.apiKey], under: shop.folder)
            try expectNone(of: [Shop.apiKey], under: try #require(shop.fixture as? SQLiteFixture).folder)
        }
    }

    @Test func theKeyInABadConfiguration() async throws {
        try await Shop.with { shop in
            let secrets = ["literal-key-77aa"]
            let texts = [
                "\"literal-key-77aa", "[literal-key-77aa]", "literal-key-77aa: x", "{ literal-key-77aa: 1 }",
                "\"literal-key-77aa${\"", "\"literal-key-77aa\"\n    apikey: literal-key-77aa",
            ]
            for text in texts {
                try shop.configure { $0.apiKey = text }
                let output = try await shop.rollcall("check")
                #expect(output.code == 2, "\(text): \(output.all)")
                expectNone(of: secrets, in: output, text)
            }
            try shop.configure {
                $0.apiKey = "literal-key-77aa"
                $0.baseURL = "https://api.example.com"
            }
            let output = try await shop.rollcall("check")
            #expect(output.code == 2, "a key belongs into the environment: \(output.all)")
            expectNone(of: secrets, in: output, "a literal key")
        }
    }

    @Test func thePasswordOfAnUnreachablePostgres() async throws {
        let url = "postgresql://somebody:\(Self.quotedPassword)@127.0.0.1:1/shop"
        try await expectNoPassword(url, ["check", "run", "runs"])
        try await expectNoPassword("host=127.0.0.1 port=1 password=\(Self.password) dbname=shop", ["check", "run"])
        try await expectNoPassword("postgresql://somebody:\(Self.password)@127.0.0.1:port/shop", ["check", "run"])
        try await expectNoPassword("host=127.0.0.1 pasword=\(Self.password)", ["check", "run"])
    }

    @Test func thePasswordThatPostgresRefuses() async throws {
        let cluster = try await PostgresCluster.shared()
        let role = "r_" + UUID().uuidString.lowercased().prefix(8)
        try await cluster.createRole(String(role), password: "another")
        let url = cluster.tcpURL(database: "postgres", user: String(role), password: Self.quotedPassword)
        try await expectNoPassword(url, ["check", "run", "migrate"])
    }

    private func expectNoPassword(_ url: String, _ commands: [String]) async throws {
        let secrets = [Self.password, Self.quotedPassword, Shop.apiKey]
        try await Shop.with { shop in
            try shop.configure { $0.warehouse = "{ type: postgres, url: \"${WAREHOUSE_URL}\" }" }
            for command in commands {
                let arguments = command == "run" ? ["run", "members", "--verbose"] : [command]
                let output = try await shop.rollcall(arguments, environment: ["WAREHOUSE_URL": url])
                #expect(output.code == 1, "\(command): \(output.all)")
                #expect(!output.all.isEmpty)
                expectNone(of: secrets, in: output, command)
            }
            try expectNone(of: secrets, under: shop.folder)
        }
    }

    @Test func thePasswordAndTheKeyInPostgresItself() async throws {
        try await Shop.with(.postgres, people: ["a@example.com", "nobody"]) { shop in
            let postgres = try #require(shop.fixture as? PostgresFixture)
            let role = "r_" + UUID().uuidString.lowercased().prefix(8)
            try await postgres.cluster.createRole(String(role), password: Self.password)
            try await postgres.cluster.run("ALTER ROLE \"\(role)\" SUPERUSER")
            let url = postgres.cluster.tcpURL(
                database: postgres.database, user: String(role), password: Self.quotedPassword)
            let run = try await shop.rollcall("run", "members", environment: ["WAREHOUSE_URL": url])
            #expect(run.code == 3, "\(run.all)")
            let bad = try await shop.rollcall(
                "run", "members", environment: ["WAREHOUSE_URL": url, "ITERABLE_API_KEY": Self.wrongKey])
            #expect(bad.code == 3 || bad.code == 1)
            let secrets = [Self.password, Self.quotedPassword, Shop.apiKey, Self.wrongKey]
            for output in [run, bad] { expectNone(of: secrets, in: output, "run") }
            let tables = try await shop.query(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = 'rollcall'")
            #expect(tables.count > 5)
            for table in tables.compactMap({ $0.first ?? nil }) {
                let rows = try await shop.query("SELECT t::text FROM rollcall.\"\(table)\" t")
                expectNone(of: secrets, in: Data("\(rows)".utf8), "table \(table)")
            }
        }
    }
}

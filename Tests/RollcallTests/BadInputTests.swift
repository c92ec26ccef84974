import Foundation
import IterableSandbox
import TestSupport
import Testing

/// What goes wrong in warehouses and on the way to Iterable: the right code, a message that names the thing, nobody lost.
@Suite(.serialized, .timeLimit(.minutes(10))) struct BadInputTests {
    /// A list of three; then `breaking`, after which a run must fail and change nothing; then `mending`, after which the
    /// next run must be as if nothing had been.
    private func failsAndLosesNothing(
        _ kind: Shop.Kind = .sqlite, naming names: [String], breaking: (Shop) async throws -> Void,
        mending: (Shop) async throws -> Void
    ) async throws {
        try await Shop.with(kind, people: Shop.people(1...3)) { shop in
            #expect(try await shop.rollcall("run", "members").code == 0)
            let sent = shop.sentRows
            try await breaking(shop)
            let run = try await shop.rollcall("run", "members", "--json")
            #expect(run.code == 1, "\(run.all)")
            let error = try #require(try run.object()["error"] as? [String: Any])
            let message = "\(error["message"] ?? "") \(error["hint"] ?? "")"
            for name in names { #expect(message.contains(name), "\(name) in: \(message)") }
            #expect(shop.members.isSuperset(of: Shop.people(1...3)), "nobody is removed")
            #expect(try await shop.snapshot().count == 3)
            #expect(shop.sentRows == sent)
            try await mending(shop)
            #expect(try await shop.rollcall("run", "members").code == 0)
            #expect(shop.members == Set(Shop.people(1...3)))
            #expect(shop.sentRows == sent, "nothing is sent again")
        }
    }

    @Test(arguments: Shop.Kind.allCases) func aTableThatIsGone(_ kind: Shop.Kind) async throws {
        try await failsAndLosesNothing(kind, naming: ["people", "folk"]) {
            try await $0.execute("ALTER TABLE people RENAME TO folk")
        } mending: {
            try await $0.execute("ALTER TABLE folk RENAME TO people")
        }
    }

    @Test(arguments: Shop.Kind.allCases) func aColumnThatIsRenamed(_ kind: Shop.Kind) async throws {
        try await failsAndLosesNothing(kind, naming: ["\"email\"", "mail_address", "mapping.email"]) {
            try await $0.execute("ALTER TABLE people RENAME COLUMN email TO mail_address")
        } mending: {
            try await $0.execute("ALTER TABLE people RENAME COLUMN mail_address TO email")
        }
    }

    @Test(arguments: Shop.Kind.allCases) func aQueryThatWrites(_ kind: Shop.Kind) async throws {
        try await failsAndLosesNothing(kind, naming: ["query"]) { shop in
            try shop.configure { $0.audience = "query: DELETE FROM people RETURNING email" }
        } mending: { shop in
            #expect(try await shop.query("SELECT count(*) FROM people") == [["3"]])
            try shop.configure()
        }
    }

    @Test(arguments: Shop.Kind.allCases) func aQueryThatFailsInTheMiddle(_ kind: Shop.Kind) async throws {
        let failing =
            kind == .sqlite
            ? "SELECT email FROM people WHERE abs(CASE email WHEN 'user3@example.com' THEN -9223372036854775807 - 1 ELSE 1 END) > 0"
            : "SELECT email FROM people WHERE 1 / (CASE email WHEN 'user3@example.com' THEN 0 ELSE 1 END) = 1"
        try await failsAndLosesNothing(kind, naming: [kind == .sqlite ? "overflow" : "division_by_zero"]) { shop in
            try shop.configure { $0.audience = "query: \"\(failing)\"" }
        } mending: {
            try $0.configure()
        }
    }

    @Test func aKeyOfTheOtherDataCenter() async throws {
        try await Shop.with(people: ["a@example.com"]) { shop in
            let run = try await shop.rollcall(
                "run", "members", environment: ["ITERABLE_API_KEY": "other-data-center-key"])
            #expect(run.code == 1)
            #expect(run.out.contains("API key") && run.out.contains("data_center"), "\(run.all)")
            #expect(try await shop.rollcall("run", "members").code == 0)
            #expect(shop.members == ["a@example.com"])
        }
    }

    @Test func aProxyThatAnswersAWebPage() async throws {
        let page = "<!DOCTYPE html><html><body>Please sign in</body></html>"
        let proxy = try OneAnswerServer(status: "403 Forbidden", type: "text/html", body: page)
        defer { proxy.stop() }
        try await failsAndLosesNothing(naming: ["base_url", "proxy"]) { shop in
            try await shop.enter(["late@example.com"])
            try shop.configure { $0.baseURL = proxy.baseURL }
        } mending: { shop in
            try await shop.leave(["late@example.com"])
            try shop.configure()
        }
    }

    @Test func aWebPageInsteadOfOneAnswer() async throws {
        let faults = [Fault(.html, limit: 1), Fault(.truncated, limit: 1), Fault(.wrongTypes, limit: 1)]
        try await Shop.with(people: Shop.people(1...3), tune: { $0.faults = faults }) { shop in
            try shop.configure { $0.limits += ", subscribers_per_request: 1" }
            let run = try await shop.rollcall("run", "members", "--json")
            #expect(run.code == 0, "\(run.all)")
            #expect(shop.members == Set(Shop.people(1...3)))
            let requests = try #require(try run.object()["requests"] as? [String: Int])
            #expect(requests == ["sent": 6, "retried": 3, "rate_limited": 0])
        }
    }

    @Test func aListThatIsDeletedInIterable() async throws {
        try await Shop.with(people: Shop.people(1...3)) { shop in
            let old = shop.sandbox.addList(name: Shop.list)
            #expect(try await shop.rollcall("run", "members").code == 0)
            #expect(shop.sandbox.lists().count == 1, "a list of that name is adopted")
            try await shop.deleteList(old)
            // A list that is younger than a minute may be unknown to Iterable for another reason.
            try await shop.execute("UPDATE rollcall_sync_state SET list_created_at = '2020-01-01T00:00:00.000Z'")
            try await shop.enter(["late@example.com"])
            for _ in 1...2 {
                let run = try await shop.rollcall("run", "members")
                #expect(run.code == 1)
                #expect(run.out.contains("lists create iterable \"Members\""), "\(run.all)")
                #expect(shop.sandbox.lists().isEmpty, "it is not made again automatically")
            }
            let check = try await shop.rollcall("check")
            #expect(check.code == 1 && check.out.contains("Members"), "\(check.all)")
            #expect(try await shop.rollcall("lists", "create", "iterable", "Members").code == 0)
            let run = try await shop.rollcall("run", "members")
            #expect(run.code == 0, "\(run.all)")
            #expect(shop.members == Set(Shop.people(1...3) + ["late@example.com"]))
        }
    }

    @Test func cellsThatAreNoAddresses() async throws {
        try await Shop.with(people: ["ok@example.com"]) { shop in
            try await shop.execute(
                """
                INSERT INTO people VALUES
                    (CAST(x'6100624065782e636f6d' AS TEXT)), (CAST(x'ff6240652e636f6d' AS TEXT)),
                    (CAST(x'6162c328406578616d706c652e636f6d' AS TEXT)), (x'6140622e636f6d'), (''), (NULL), (1.5), ('   '),
                    (replace(hex(zeroblob(5000000)), '00', 'ab') || '@example.com');
                """)
            let run = try await shop.rollcall("run", "members", "--json")
            #expect(run.code == 3, "\(run.all)")
            let counts = try Counts(try run.object())
            #expect(counts.rowsRead == 10 && counts.invalid == 9 && counts.audience == 1)
            #expect(shop.members == ["ok@example.com"])
            for format in ["table", "json", "csv"] {
                let log = try await shop.rollcall("log", "--format", format)
                #expect(log.code == 0)
                #expect(String(data: log.stdout, encoding: .utf8) != nil, "\(format) is UTF-8")
                #expect(log.stdout.count < 50_000, "long values are cut")
                if format == "json" { #expect(try (log.json() as? [Any])?.count == 10) }
                if format == "csv" { #expect(try CommaSeparatedValues.rows(log.out).count == 11) }
            }
            let plan = try await shop.rollcall("plan", "members", "--rows", "all", "--format", "json")
            #expect(try (plan.object()["rows"] as? [Any])?.count == 9)
        }
    }

    @Test func tenThousandRowsOfOnePerson() async throws {
        try await Shop.with { shop in
            try await shop.execute(
                """
                INSERT INTO people WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
                SELECT CASE i % 2 WHEN 0 THEN 'One@Example.com' ELSE ' one@example.com' END FROM n
                """)
            let run = try await shop.rollcall("run", "members", "--json")
            #expect(run.code == 0, "\(run.all)")
            let counts = try Counts(try run.object())
            #expect(counts.duplicates == 9999 && counts.audience == 1 && counts.succeeded.subscribe == 1)
            #expect(shop.members == ["one@example.com"])
        }
    }
}

/// Waiting that takes a while; these run beside one another.
@Suite(.timeLimit(.minutes(10))) struct PatienceTests {
    @Test func aSQLiteFileThatAnotherProgramHasLocked() async throws {
        try await Shop.with(people: ["a@example.com"]) { shop in
            #expect(try await shop.rollcall("migrate").code == 0)
            let path = try #require(shop.fixture as? SQLiteFixture).path
            try shop.configure { $0.waitSeconds = 1 }
            let lock = try SQLiteLock(path)
            let run = try await shop.rollcall("run", "members")
            try lock.release()
            #expect(run.code == 1)
            #expect(run.err.contains(path) && run.err.contains("locked"), "\(run.all)")
            #expect(shop.sentRows == 0)
            #expect(try await shop.rollcall("run", "members").code == 0)
            #expect(shop.members == ["a@example.com"])
        }
    }

    @Test func aProxyThatAnswersEverythingWithAWebPage() async throws {
        let page = "<!DOCTYPE html><html><body>Please sign in</body></html>"
        let proxy = try OneAnswerServer(status: "200 OK", type: "text/html", body: page)
        defer { proxy.stop() }
        try await Shop.with(people: ["a@example.com"]) { shop in
            try shop.configure { $0.baseURL = proxy.baseURL }
            let run = try await shop.rollcall("run", "members")
            #expect(run.code == 1)
            #expect(run.out.contains("base_url") && run.out.contains("proxy"), "\(run.all)")
            try shop.configure()
            #expect(try await shop.rollcall("run", "members").code == 0)
            #expect(shop.members == ["a@example.com"])
        }
    }
}

import Foundation
import IterableSandbox
import TestSupport
import Testing

/// Lists whose members are sent with fields, from end to end: the program, a real database and the sandbox.
@Suite(.timeLimit(.minutes(10))) struct ListFieldsCommandTests {
    /// A shop whose list `members` is kept with the fields `plan` and `orders`; another system has made the fields.
    private static func with(
        _ kind: Shop.Kind, makesFields: Bool = true, _ body: (UsersScene) async throws -> Void
    ) async throws {
        try await UsersScene.with(kind) { scene in
            for column in ["plan varchar(40)", "orders integer"] {
                try await scene.shop.execute("ALTER TABLE people ADD COLUMN \(column)")
            }
            try scene.shop.configure { text in
                text.mapping = "email: email }\n    fields: { plan: plan, orders: orders"
                text.limits = UsersScene.limits + ", requests_per_second: 500"
            }
            if makesFields { try await scene.write("seed@example.com", #"{"plan":"none","orders":1}"#) }
            try await body(scene)
        }
    }

    private static func run(_ shop: Shop, code: Int32 = 0) async throws -> [String: Any] {
        let output = try await shop.rollcall("run", "members", "--json")
        #expect(output.code == code, "\(output.all)")
        return try output.object()
    }

    /// `rows_read unchanged planned succeeded` of subscribes.
    private static func counts(_ run: [String: Any]) throws -> [Int?] {
        let counts = try #require(run["counts"] as? [String: Any])
        let (planned, succeeded) = (counts["planned"] as? [String: Int], counts["succeeded"] as? [String: Int])
        return [
            counts["rows_read"] as? Int, counts["unchanged"] as? Int, planned?["subscribe"], succeeded?["subscribe"],
        ]
    }

    @Test(arguments: Shop.Kind.allCases) func theWholeWay(_ kind: Shop.Kind) async throws {
        try await Self.with(kind) { scene in
            let shop = scene.shop
            try await shop.execute(
                "INSERT INTO people VALUES ('a@example.com', 'gold', 3), ('b@example.com', NULL, NULL), ('c@example.com', 'free', 1)"
            )
            let check = try await shop.rollcall("check", "members")
            #expect(check.code == 0 && check.out.contains("email from email; fields orders (long), plan (string)"))
            #expect(try Self.counts(try await Self.run(shop)) == [3, 0, 3, 3])
            #expect(shop.members == ["a@example.com", "b@example.com", "c@example.com"])
            let first = try #require(try await scene.profile("a@example.com"))
            #expect(first["plan"] == "\"gold\"" && first["orders"] == "3")
            #expect(try Self.counts(try await Self.run(shop)) == [3, 3, 0, 0])

            // Another system writes a field that is empty here; it stays.
            try await scene.write("b@example.com", #"{"plan":"theirs"}"#)
            try await shop.execute("UPDATE people SET plan = NULL, orders = 4 WHERE email = 'a@example.com'")
            try await shop.execute("UPDATE people SET orders = 9 WHERE email = 'b@example.com'")
            let plan = try await shop.rollcall("plan", "members", "--format", "json", "--rows", "all")
            let notes = try #require(try plan.object()["notes"] as? [String], "\(plan.all)")
            #expect(notes.first?.hasPrefix("2 members are subscribed again") == true, "\(notes)")
            let why = try await shop.rollcall("why", "members", "a@example.com")
            #expect(why.out.contains("subscribe a@example.com with orders, plan"), "\(why.all)")
            #expect(!why.out.contains("\"gold\""), "no values are shown")

            #expect(try Self.counts(try await Self.run(shop)) == [3, 1, 2, 2])
            let second = try #require(try await scene.profile("a@example.com"))
            #expect(second["plan"] == nil || second["plan"] == "null")
            #expect(second["orders"] == "4")
            let other = try #require(try await scene.profile("b@example.com"))
            #expect(other["plan"] == "\"theirs\"" && other["orders"] == "9")
            #expect(try Self.counts(try await Self.run(shop)) == [3, 3, 0, 0])

            try await shop.leave(["c@example.com"])
            _ = try await Self.run(shop)
            #expect(shop.members == ["a@example.com", "b@example.com"])
            let gone = try #require(try await scene.profile("c@example.com"))
            #expect(gone["plan"] == "\"free\"", "whoever leaves keeps the fields")
            let logged = try await shop.query("SELECT record_key FROM \(shop.state("sync_log"))")
            #expect(logged.allSatisfy { $0 == [nil] })
        }
    }

    @Test(arguments: Shop.Kind.allCases) func aFieldThatIsNotThereStopsEverything(_ kind: Shop.Kind) async throws {
        try await Self.with(kind, makesFields: false) { scene in
            let shop = scene.shop
            try await shop.execute("INSERT INTO people VALUES ('a@example.com', 'gold', 3)")
            for arguments in [["check", "members"], ["plan", "members"], ["run", "members"]] {
                let output = try await shop.rollcall(arguments)
                #expect(output.code == 1, "\(arguments): \(output.all)")
                #expect(output.all.contains("the project has no profile fields \"orders\" (long), \"plan\" (string)"))
                #expect(output.all.contains("Subscribing makes no fields."), "\(output.all)")
            }
            #expect(shop.members.isEmpty && shop.sentRows == 0)
            try await scene.write("seed@example.com", #"{"plan":"none","orders":"many"}"#)
            let run = try await Self.run(shop, code: 1)
            let error = try #require(run["error"] as? [String: Any])
            #expect(error["code"] as? String == "type_mismatch")
            #expect(shop.members.isEmpty && shop.sentRows == 0)
        }
    }

    @Test(arguments: Shop.Kind.allCases) func fieldsMayComeAndGo(_ kind: Shop.Kind) async throws {
        try await Self.with(kind) { scene in
            let shop = scene.shop
            try await shop.execute(
                "INSERT INTO people VALUES ('a@example.com', 'gold', 3), ('b@example.com', 'free', 1)")
            try shop.configure()
            #expect(try Self.counts(try await Self.run(shop)) == [2, 0, 2, 2])
            try shop.configure { $0.mapping = "email: email }\n    fields: { plan: plan" }
            #expect(try Self.counts(try await Self.run(shop)) == [2, 0, 2, 2])
            #expect(try await scene.profile("a@example.com")?["plan"] == "\"gold\"")
            #expect(try Self.counts(try await Self.run(shop)) == [2, 2, 0, 0])
            try shop.configure()
            #expect(try Self.counts(try await Self.run(shop)) == [2, 2, 0, 0])
            try shop.configure { $0.mapping = "email: email }\n    fields: { plan: plan, orders: orders" }
            #expect(try Self.counts(try await Self.run(shop)) == [2, 0, 2, 2])
        }
    }
}

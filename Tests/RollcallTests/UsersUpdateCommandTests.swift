import Foundation
import IterableSandbox
import TestSupport
import Testing

/// Profiles of people whom Iterable knows, from end to end: the program, a real database and the sandbox.
@Suite(.timeLimit(.minutes(10))) struct UsersUpdateCommandTests {
    private static let update = "mode: update\n    new_fields: create"

    /// Addresses and userIds that were looked up.
    private func looks(_ scene: UsersScene) -> [String] {
        scene.shop.sandbox.requestLog
            .filter { $0.method == "GET" && $0.path.hasPrefix("/api/users/") && $0.path != "/api/users/getFields" }
            .map(\.path)
    }

    @Test(arguments: Shop.Kind.allCases) func whomIterableDoesNotKnowIsLeftOut(_ kind: Shop.Kind) async throws {
        try await UsersScene.with(kind, rows: 1...3) { scene in
            let shop = scene.shop
            try scene.configure(sync: Self.update)
            shop.sandbox.addUser(email: "user1@example.com")
            let plan = try await shop.rollcall("plan", "customers", "--format", "json").object()
            let preparations = try #require(plan["preparations"] as? [String])
            #expect(preparations.first == "Iterable is asked whether it knows 3 people", "\(preparations)")
            #expect(looks(scene).isEmpty)

            let counts = try UserCounts(try await scene.run(code: 3))
            #expect(counts.planned == UserCounts.updates(3))
            #expect(counts.succeeded == UserCounts.updates(1) && counts.failed == UserCounts.updates(2))
            let wanted = try #require(try await scene.source()["user1@example.com"])
            #expect(scene.profiles == ["user1@example.com": wanted])
            #expect(looks(scene).count == 3)
            let why = try await shop.rollcall("why", "customers", "3").out
            let words = why.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            #expect(words.contains("user_not_found") && words.contains("if Iterable knows the person"), "\(why)")

            // Who comes to be known is sent by the next run; who was acknowledged is not looked up again.
            shop.sandbox.addUser(email: "user2@example.com")
            try await shop.execute("UPDATE customers SET plan = 'pro' WHERE id = 1")
            let second = try UserCounts(try await scene.run(code: 3))
            #expect(second.succeeded == UserCounts.updates(2) && second.failed == UserCounts.updates(1))
            #expect(looks(scene).count == 5)
            #expect(scene.profiles.keys.sorted() == ["user1@example.com", "user2@example.com"])
        }
    }

    @Test func emailProjectsMayGoByTheUserID() async throws {
        try await UsersScene.with(.sqlite, rows: 1...2) { scene in
            let shop = scene.shop
            try scene.configure(mapping: "user_id: user_id", sync: Self.update)
            shop.sandbox.addUser(email: "other@example.com", userID: "u-1")
            let counts = try UserCounts(try await scene.run(code: 3))
            #expect(counts.succeeded == UserCounts.updates(1) && counts.failed == UserCounts.updates(1))
            #expect(shop.sandbox.userCount == 1 && looks(scene).isEmpty)
            let profile = try await scene.profile("other@example.com")
            #expect(profile?["plan"] == "\"free\"" && profile?["orders"] == "1")
            let log = try await shop.rollcall("log", "customers", "--status", "failed", "--format", "csv")
            #expect(log.out.contains("user_not_found"), "\(log.all)")
        }
    }

    @Test func whoHasNoAddressIsNotDeletedByTheUserID() async throws {
        try await UsersScene.with(.sqlite) { scene in
            try scene.configure(mapping: "user_id: user_id", sync: "mode: update\n    on_leave: delete")
            let check = try await scene.shop.rollcall("check", "customers")
            #expect(check.code != 0 && check.all.contains("on_leave is delete"), "\(check.all)")
        }
    }

    @Test func aHybridProfileWithoutAUserIDGetsIt() async throws {
        try await UsersScene.with(.sqlite, .hybrid, rows: 1...3) { scene in
            let shop = scene.shop
            shop.sandbox.addUser(email: "user1@example.com")
            shop.sandbox.addUser(email: "user2@example.com", userID: "another")
            let counts = try UserCounts(try await scene.run(code: 3))
            #expect(counts.succeeded == UserCounts.updates(2) && counts.failed == UserCounts.updates(1))
            let source = try await scene.source()
            #expect(try await scene.profile("u-1") == source["u-1"])
            #expect(try await scene.profile("u-3") == source["u-3"])
            #expect(try await scene.profile("u-2") == nil)
            #expect(
                try await scene.profile("another") == ["email": "\"user2@example.com\"", "userId": "\"another\""])
            #expect(shop.sandbox.userCount == 3)
            let log = try await shop.rollcall("log", "customers", "--status", "failed", "--format", "csv")
            #expect(log.out.contains("identity_conflict"), "\(log.all)")
            let again = try UserCounts(try await scene.run(code: 3))
            #expect(again.unchanged == 2 && again.failed == UserCounts.updates(1))
        }
    }
}

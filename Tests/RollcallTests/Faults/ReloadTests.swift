import Foundation
import Synchronization
import TestSupport
import Testing

/// Another program empties the source's tables and fills them again, in one transaction and without a pause. Every run sees
/// the whole audience. `ROLLCALL_RELOAD_ROUNDS` says how many runs there are in all (100).
@Suite(.timeLimit(.minutes(60))) struct ReloadTests {
    private static let rounds =
        ProcessInfo.processInfo.environment["ROLLCALL_RELOAD_ROUNDS"].flatMap { Int($0) } ?? 100

    /// How the audience reads what is reloaded, and how that is reloaded.
    struct Kind: Sendable, CustomTestStringConvertible {
        var name: String
        var audience: String
        var reload: String
        var testDescription: String { name }
    }

    private static let fill = "INSERT INTO people SELECT 'user' || i || '@example.com' FROM generate_series(1, 40) i"

    static let kinds = [
        Kind(
            name: "one arm of a union", audience: "query: \"SELECT email FROM kept UNION SELECT email FROM people\"",
            reload: "BEGIN; TRUNCATE people; \(fill); COMMIT"),
        Kind(
            name: "people who opted out",
            audience: "query: \"SELECT email FROM everyone WHERE email NOT IN (SELECT email FROM people)\"",
            reload: "BEGIN; TRUNCATE people; \(fill); COMMIT"),
        Kind(
            name: "a table that is swapped", audience: "table: people",
            reload: "BEGIN; CREATE TABLE fresh (email text); INSERT INTO fresh SELECT * FROM people;"
                + " ALTER TABLE people RENAME TO gone; ALTER TABLE fresh RENAME TO people; DROP TABLE gone; COMMIT"),
        Kind(
            name: "a view's table", audience: "table: shown",
            reload: "BEGIN; TRUNCATE source; INSERT INTO source SELECT * FROM people; COMMIT"),
    ]

    @Test(arguments: kinds) func everyRunSeesTheWholeAudience(_ kind: Kind) async throws {
        try await Shop.with(.postgres) { shop in
            try await shop.execute(
                """
                \(Self.fill); CREATE TABLE kept AS SELECT 'kept' || i || '@example.com' AS email FROM generate_series(1, 5) i;
                CREATE TABLE everyone AS SELECT 'user' || i || '@example.com' AS email FROM generate_series(1, 60) i;
                CREATE TABLE source AS TABLE people; CREATE VIEW shown AS TABLE source;
                """)
            try shop.configure {
                $0.audience = kind.audience
                $0.guards = "max_removals: 100%, allow_empty: true"
            }
            let first = try await shop.rollcall("run", "members", "--json")
            try #require(first.code == 0, "\(first.all)")
            let expected = shop.members
            let postgres = try #require(shop.fixture as? PostgresFixture)
            let visitor = try await postgres.visitor()
            let isOver = Atomic(false)
            async let reloads: Int = {
                var count = 0
                while !isOver.load(ordering: .relaxed) {
                    try await visitor.run(kind.reload)
                    count += 1
                }
                return count
            }()
            for round in 1...max(1, Self.rounds / Self.kinds.count) {
                let end = try await shop.rollcall("run", "members", "--json")
                let counts = try end.object()["counts"] as? [String: Any]
                let planned = counts?["planned"] as? [String: Int]
                #expect(end.code == 0, "run \(round): \(end.all)")
                #expect(planned == ["subscribe": 0, "unsubscribe": 0], "run \(round): \(end.out)")
            }
            isOver.store(true, ordering: .relaxed)
            #expect(try await reloads > 10)
            #expect(shop.members == expected)
        }
    }
}

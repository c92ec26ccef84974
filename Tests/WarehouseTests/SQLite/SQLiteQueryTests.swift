import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

/// Whatever a query does, its rows are those that SQLite would have given.
@Suite("SQLite: queries", .timeLimit(.minutes(10)))
struct SQLiteQueryTests {
    struct Query: Sendable, CustomTestStringConvertible {
        var sql: String
        var email: String?
        var userID: String?
        /// Sorted.
        var rows: [String]
        var testDescription: String { sql }

        init(_ sql: String, _ rows: [String]) { self.init(sql, "email", nil, rows) }

        init(_ sql: String, _ email: String?, _ userID: String?, _ rows: [String]) {
            self.sql = sql
            self.email = email
            self.userID = userID
            self.rows = rows
        }
    }

    private static let queries = [
        Query("SELECT * FROM people ORDER BY spent LIMIT 2", ["a@b.co|NULL", "c@d.co|NULL"]),
        Query("SELECT * FROM people ORDER BY spent DESC LIMIT 2", "email", "user_id", ["NULL|5", "e@f.co|3"]),
        Query("SELECT * FROM people ORDER BY spent LIMIT 2 OFFSET 3", "email", "user_id", ["NULL|5", "e@f.co|3"]),
        Query("SELECT * FROM people LIMIT 0", []),
        Query("SELECT * FROM people WHERE 1 = 0", []),
        Query("SELECT max(email) AS email FROM people WHERE 1 = 0", ["NULL|NULL"]),
        Query("SELECT max(email) AS email, sum(spent) AS n FROM people", "email", "n", ["e@f.co|150"]),
        Query("SELECT count(*) AS n FROM people", nil, "n", ["NULL|5"]),
        Query(
            "SELECT city AS email, count(*) AS n FROM people GROUP BY city", "email", "n", ["Bath|2", "York|3"]),
        Query("SELECT city AS email FROM people GROUP BY city HAVING sum(spent) > 100", ["York|NULL"]),
        Query("SELECT DISTINCT email FROM people", ["NULL|NULL", "a@b.co|NULL", "c@d.co|NULL", "e@f.co|NULL"]),
        Query(
            "SELECT email FROM people WHERE city = 'Bath' UNION SELECT email FROM people WHERE spent < 25",
            ["a@b.co|NULL", "c@d.co|NULL"]),
        Query(
            "SELECT email FROM people WHERE city = 'Bath' UNION ALL SELECT email FROM people WHERE spent < 25",
            ["a@b.co|NULL", "a@b.co|NULL", "c@d.co|NULL", "c@d.co|NULL"]),
        Query(
            "SELECT email FROM people EXCEPT SELECT email FROM people WHERE city = 'York'", ["c@d.co|NULL"]),
        Query(
            "SELECT email FROM people INTERSECT SELECT email FROM people WHERE spent = 20", ["a@b.co|NULL"]),
        Query("VALUES ('x@y.co', 7), ('z@y.co', 8)", "column1", "column2", ["x@y.co|7", "z@y.co|8"]),
        Query(
            """
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3), m AS MATERIALIZED (SELECT i FROM n)
            SELECT 'p' || i AS email, i AS user_id FROM m
            """, "email", "user_id", ["p1|1", "p2|2", "p3|3"]),
        Query(
            "SELECT email, row_number() OVER (PARTITION BY city ORDER BY spent) AS n FROM people", "email", "n",
            ["NULL|2", "a@b.co|1", "a@b.co|2", "c@d.co|1", "e@f.co|3"]),
        Query(
            "SELECT a.email, b.user_id FROM people a JOIN people b ON b.spent = a.spent + 20 WHERE a.city = 'Bath'",
            "email", "user_id", ["a@b.co|3", "c@d.co|1"]),
        Query(
            "SELECT a.email, b.email AS other FROM people a LEFT JOIN people b ON b.user_id = a.user_id + 3", "email",
            "other", ["NULL|NULL", "a@b.co|NULL", "a@b.co|a@b.co", "c@d.co|NULL", "e@f.co|NULL"]),
        Query(
            "SELECT email FROM people p WHERE spent = (SELECT max(spent) FROM people WHERE city = p.city)",
            ["a@b.co|NULL", "e@f.co|NULL"]),
        // Of two columns with one name the first is the one of this name.
        Query("SELECT 'first' AS email, 'second' AS email", ["first|NULL"]),
        Query("SELECT 'first' AS email, 'second' AS email", "email", "email:1", ["first|second"]),
        Query("SELECT a.*, b.* FROM people a, people b WHERE a.user_id = 1 AND b.user_id = 2", ["a@b.co|NULL"]),
        Query("SELECT email AS \"rollcall_rows\" FROM people WHERE user_id = 3", "rollcall_rows", nil, ["e@f.co|NULL"]),
        Query("SELECT email FROM people WHERE user_id = 3 -- the end", ["e@f.co|NULL"]),
        Query("SELECT email FROM people WHERE user_id = 3 /* ; the end */ ;", ["e@f.co|NULL"]),
        Query(
            "WITH rollcall_audience AS (SELECT 'inner' AS email) SELECT email FROM rollcall_audience",
            ["inner|NULL"]),
    ]

    @Test(arguments: queries)
    func aQueryGivesItsRows(_ query: Query) async throws {
        let fixture = try await SQLiteFixture.shop()
        let rows = try await AudienceConformance.read(
            fixture, .query(query.sql, file: nil), email: query.email, userID: query.userID)
        #expect(rows.sorted() == query.rows)
        try await fixture.execute("CREATE VIEW audience AS \(query.sql)")
        let seen = try await AudienceConformance.read(
            fixture, .table(["audience"]), email: query.email, userID: query.userID)
        #expect(seen.sorted() == query.rows, "as a view")
        await fixture.tearDown()
    }

    /// A column that does not exist is answered with those of the tables that the query names, the nearest first, and with none of
    /// state tables.
    @Test(arguments: [
        ("SELECT emial FROM people", "people.email, people.city, people.spent, people.user_id."),
        ("SELECT e.\"mial\" FROM [VIP buyers] e, rollcall_sync_log", "VIP buyers.mail."),
    ])
    func aMissingColumnIsAnsweredWithThoseThatExist(_ query: String, _ names: String) async throws {
        let fixture = try await SQLiteFixture.shop("CREATE TABLE \"VIP buyers\" (mail TEXT);")
        _ = try await fixture.warehouse.migrate()
        let error = try await failure { _ = try await fixture.warehouse.columns(of: .query(query, file: nil)) }
        #expect(error?.error.message.contains("no such column") == true, "\(error as Any)")
        #expect(error?.error.hint?.hasSuffix("What the query names has: \(names)") == true, "\(error as Any)")
        await fixture.tearDown()
    }
}

extension SQLiteFixture {
    /// A file with a few people.
    ///
    /// - Parameter setUp: SQL that goes before.
    static func shop(_ setUp: String = "") async throws -> SQLiteFixture {
        let fixture = try await SQLiteFixture.make()
        try await fixture.execute(
            setUp
                + """
                CREATE TABLE people (email TEXT, user_id INTEGER, city TEXT, spent INTEGER);
                INSERT INTO people VALUES ('a@b.co', 1, 'Bath', 30), ('c@d.co', 2, 'Bath', 10), ('e@f.co', 3, 'York', 50),
                    ('a@b.co', 4, 'York', 20), (NULL, 5, 'York', 40);
                """)
        return fixture
    }
}

import Foundation
import RollcallCore
import Synchronization
import TestSupport
import Testing
import Warehouse

enum AudienceConformance {
    static let tests = [
        ConformanceTest("a table gives columns in order, with types", tableColumns),
        ConformanceTest("text, integers, NULL and empty text are read as they are", values),
        ConformanceTest("a query is read, with one column or two", query),
        ConformanceTest("views are read like tables", view),
        ConformanceTest("a comment or a semicolon at the end of a query does no harm", trailing),
        ConformanceTest("a missing table or column is answered with the names that exist", missing),
        ConformanceTest("a query that writes, or is more than one, is refused and runs nothing", refusedQueries),
        ConformanceTest("a hundred thousand rows stream", stream),
        ConformanceTest("an error of the body ends the reading and comes through", bodyError),
        ConformanceTest("cancelling ends the reading", cancel),
        ConformanceTest("hostile names are names", hostileNames),
        ConformanceTest("whether an index begins with a column is known of tables, and what makes one", indexes),
    ]

    static func read(
        _ fixture: any WarehouseFixture, _ source: AudienceSource, email: String?, userID: String?
    ) async throws -> [String] {
        let rows = Collected<String>()
        try await fixture.warehouse.readAudience(source, columns: IdentifierColumns(email: email, userID: userID)) {
            rows.add("\($0.shown)|\($1.shown)")
        }
        return rows.all
    }

    @Sendable static func tableColumns(_ fixture: any WarehouseFixture) async throws {
        try await fixture.execute(
            "CREATE TABLE vip (email text, user_id bigint, spent double precision, is_vip boolean, born date)")
        let columns = try await fixture.warehouse.columns(of: .table(["vip"]))
        #expect(columns.map(\.name) == ["email", "user_id", "spent", "is_vip", "born"])
        #expect(columns.map(\.canIdentify) == [true, true, false, false, false])
        #expect(columns.map(\.type) == ["text", "bigint", "double precision", "boolean", "date"])
    }

    @Sendable static func indexes(_ fixture: any WarehouseFixture) async throws {
        try await fixture.execute(
            #"CREATE TABLE "odd ""orders" (id integer PRIMARY KEY, seq bigint, "odd ""name" bigint, at timestamp, done boolean)"#
        )
        let table = AudienceSource.table([#"odd "orders"#])
        func index(_ column: String, _ source: AudienceSource? = nil) async throws -> ColumnIndex {
            try await fixture.warehouse.index(on: column, of: source ?? table)
        }
        #expect(try await index("id") == .exists, "that of the primary key")
        try await fixture.execute(#"CREATE INDEX other ON "odd ""orders" (at, seq)"#)
        try await fixture.execute(#"CREATE INDEX part ON "odd ""orders" (seq) WHERE done"#)
        #expect(try await index("at") == .exists)
        for column in ["seq", #"odd "name"#] {
            guard case .missing(let statement) = try await index(column) else {
                Issue.record("an index of other columns, or of some rows, is none")
                continue
            }
            #expect(statement.hasPrefix("CREATE INDEX ") && statement.hasSuffix(";"), "\(statement)")
            try await fixture.execute(String(statement.dropLast()))
            #expect(try await index(column) == .exists, "\(statement)")
        }
        try await fixture.execute(#"CREATE VIEW shown AS SELECT * FROM "odd ""orders""#)
        #expect(try await index("seq", .table(["shown"])) == .unknown)
        #expect(try await index("seq", .query("SELECT 1 AS seq", file: nil)) == .unknown)
        let error = await #expect(throws: WarehouseError.self) { _ = try await index("seq", .table(["absent"])) }
        #expect(error?.kind == .missing)
    }

    @Sendable static func values(_ fixture: any WarehouseFixture) async throws {
        try await fixture.execute("CREATE TABLE vip (n integer, email text, user_id bigint)")
        try await fixture.execute(
            """
            INSERT INTO vip VALUES (1, 'A@example.com', 7), (2, NULL, -9223372036854775808), (3, '', NULL),
                (4, ' ünï ', 9223372036854775807), (5, 'tab\u{9}', 0)
            """)
        let rows = try await read(fixture, .table(["vip"]), email: "email", userID: "user_id")
        #expect(
            Set(rows) == [
                "A@example.com|7", "NULL|-9223372036854775808", "|NULL", " ünï |9223372036854775807", "tab\u{9}|0",
            ])
        #expect(rows.count == 5)
    }

    @Sendable static func query(_ fixture: any WarehouseFixture) async throws {
        try await fixture.execute("CREATE TABLE people (mail text, id bigint, spent bigint)")
        try await fixture.execute("INSERT INTO people VALUES ('a@b.co', 1, 10), ('c@d.co', 2, 2000)")
        let source = AudienceSource.query("SELECT mail AS email, id FROM people WHERE spent > 1000", file: nil)
        #expect(try await fixture.warehouse.columns(of: source).map(\.name) == ["email", "id"])
        #expect(try await read(fixture, source, email: "email", userID: "id") == ["c@d.co|2"])
        #expect(try await read(fixture, source, email: nil, userID: "id") == ["NULL|2"])
        #expect(try await read(fixture, source, email: "email", userID: nil) == ["c@d.co|NULL"])
        #expect(try await read(fixture, source, email: "email", userID: "email") == ["c@d.co|c@d.co"])
    }

    @Sendable static func view(_ fixture: any WarehouseFixture) async throws {
        try await fixture.execute("CREATE TABLE people (email text, spent bigint)")
        try await fixture.execute("INSERT INTO people VALUES ('a@b.co', 10), ('c@d.co', 2000)")
        try await fixture.execute("CREATE VIEW vip AS SELECT email FROM people WHERE spent > 1000")
        #expect(try await read(fixture, .table(["vip"]), email: "email", userID: nil) == ["c@d.co|NULL"])
    }

    @Sendable static func trailing(_ fixture: any WarehouseFixture) async throws {
        for end in [";", " ; \n", "-- all of them", "-- all; of them\n;", "/* ; */;"] {
            let source = AudienceSource.query("SELECT 'a;''b' AS email \(end)", file: "vip.sql")
            #expect(try await read(fixture, source, email: "email", userID: nil) == ["a;'b|NULL"], "\(end)")
        }
        let with = AudienceSource.query("WITH v AS (SELECT 'x' AS email) SELECT * FROM v", file: nil)
        #expect(try await read(fixture, with, email: "email", userID: nil) == ["x|NULL"])
    }

    @Sendable static func missing(_ fixture: any WarehouseFixture) async throws {
        try await fixture.execute("CREATE TABLE customers (email text, customer_id bigint)")
        let table = try #require(
            try await failure { _ = try await fixture.warehouse.columns(of: .table(["custommers"])) })
        #expect(table.kind == .missing)
        #expect(table.description.contains("custommers") && table.description.contains("customers"))
        let column = try #require(
            try await failure { _ = try await read(fixture, .table(["customers"]), email: "mail", userID: nil) })
        #expect(column.kind == .missing)
        #expect(column.description.contains("mail") && column.description.contains("customer_id"))
        let query = AudienceSource.query("SELECT email FROM nowhere", file: nil)
        let refused = try #require(try await failure { _ = try await fixture.warehouse.columns(of: query) })
        #expect(refused.kind == .missing || refused.kind == .query)
        #expect(refused.description.contains("nowhere"))
        let misspelt = AudienceSource.query("SELECT emial FROM customers", file: nil)
        let unknown = try #require(try await failure { _ = try await fixture.warehouse.columns(of: misspelt) })
        #expect(unknown.kind == .missing || unknown.kind == .query)
        #expect(unknown.description.contains("emial"))
        #expect(unknown.error.hint?.contains("customers.email, customers.customer_id") == true, "\(unknown)")
    }

    @Sendable static func refusedQueries(_ fixture: any WarehouseFixture) async throws {
        try await fixture.execute("CREATE TABLE people (email text)")
        try await fixture.execute("INSERT INTO people VALUES ('a@b.co')")
        let queries = [
            "DELETE FROM people", "UPDATE people SET email = 'x'", "INSERT INTO people VALUES ('x')",
            "DELETE FROM people RETURNING email", "DROP TABLE people", "SELECT email FROM people; DELETE FROM people",
            "SELECT email FROM people; SELECT email FROM people",
            "SELECT email FROM people) AS a; DELETE FROM people; --",
            "SELEC email FROM people", "", ";", "-- nothing",
            "CREATE TABLE copy AS SELECT email FROM people",
        ]
        for query in queries {
            let source = AudienceSource.query(query, file: nil)
            #expect(try await kind { _ = try await fixture.warehouse.columns(of: source) } == .query, "\(query)")
            #expect(
                try await kind { _ = try await read(fixture, source, email: "email", userID: nil) } == .query,
                "\(query)")
        }
        #expect(try await fixture.query("SELECT email FROM people") == [["a@b.co"]])
        #expect(await (try? fixture.query("SELECT email FROM copy")) == nil)
    }

    /// 1 to 100,000, without a table of numbers.
    private static let many = """
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
        SELECT 'p' || i || '@example.com' AS email, i AS user_id FROM n
        """

    @Sendable static func stream(_ fixture: any WarehouseFixture) async throws {
        let sums = Mutex((rows: 0, bytes: 0, ids: 0))
        let columns = IdentifierColumns(email: "email", userID: "user_id")
        try await fixture.warehouse.readAudience(.query(many, file: nil), columns: columns) { email, userID in
            sums.withLock { sums in
                sums.rows += 1
                sums.bytes += email.bytes?.count ?? 0
                sums.ids += userID.bytes.flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0
            }
        }
        let (rows, bytes, ids) = sums.withLock { $0 }
        #expect(rows == 100_000)
        #expect(ids == 5_000_050_000)
        #expect(bytes == 100_000 * 13 + 488_895)
    }

    @Sendable static func bodyError(_ fixture: any WarehouseFixture) async throws {
        struct Stop: Error, Equatable {}
        let seen = Collected<String>()
        let columns = IdentifierColumns(email: "email", userID: nil)
        await #expect(throws: Stop()) {
            try await fixture.warehouse.readAudience(.query(many, file: nil), columns: columns) { email, _ in
                seen.add(email.shown)
                if seen.all.count == 3 { throw Stop() }
            }
        }
        #expect(seen.all.count == 3)
        #expect(
            try await read(fixture, .query("SELECT 'x' AS email", file: nil), email: "email", userID: nil).count == 1)
    }

    @Sendable static func cancel(_ fixture: any WarehouseFixture) async throws {
        let endless = """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS user_id FROM n
            """
        let columns = IdentifierColumns(email: nil, userID: "user_id")
        let (started, start) = AsyncStream<Void>.makeStream()
        let reading = Task {
            try await fixture.warehouse.readAudience(.query(endless, file: nil), columns: columns) { _, _ in
                start.yield()
            }
        }
        for await _ in started { break }
        reading.cancel()
        await #expect(throws: CancellationError.self) { try await reading.value }
        #expect(try await fixture.warehouse.schemaVersion() == nil)
    }

    @Sendable static func hostileNames(_ fixture: any WarehouseFixture) async throws {
        try await fixture.execute(#"CREATE TABLE "VIP ""x""; DROP TABLE t--" ("e""mail" text, "select" bigint)"#)
        try await fixture.execute(#"INSERT INTO "VIP ""x""; DROP TABLE t--" VALUES ('a@b.co', 5)"#)
        let source = AudienceSource.table([#"VIP "x"; DROP TABLE t--"#])
        #expect(try await fixture.warehouse.columns(of: source).map(\.name) == [#"e"mail"#, "select"])
        #expect(try await read(fixture, source, email: #"e"mail"#, userID: "select") == ["a@b.co|5"])
        #expect(try await kind { _ = try await fixture.warehouse.columns(of: .table([#"x" --"#])) } == .missing)
    }
}

import Foundation
import IterableSandbox
import TestSupport
import Testing

/// Profiles from end to end: the program, a real database and the sandbox.
@Suite(.timeLimit(.minutes(10))) struct UsersCommandTests {
    private static let newFields =
        "fields are made, for ever: orders (long), plan (string), score (double); one record tries them"

    @Test(arguments: Shop.Kind.allCases) func theWholeWay(_ kind: Shop.Kind) async throws {
        try await UsersScene.with(kind, rows: 1...12) { scene in
            let shop = scene.shop
            let run = try await scene.run()
            #expect(run["kind"] as? String == "users" && run["target"] as? String == "users")
            #expect(run["list_id"] is NSNull)
            let counts = try UserCounts(run)
            #expect(counts.rowsRead == 12 && counts.records == 12 && counts.unchanged == 0)
            #expect(counts.planned == UserCounts.updates(12) && counts.succeeded == UserCounts.updates(12))
            let first = scene.profiles
            #expect(first == (try await scene.source()))
            #expect(try await scene.types() == ["orders": "long", "plan": "string", "score": "double"])
            let requests = scene.sent.count
            let again = try UserCounts(try await scene.run())
            #expect(again.unchanged == 12 && again.planned == UserCounts.updates(0))
            #expect(scene.sent.count == requests, "nothing changed, nothing sent")
            try await shop.execute("UPDATE customers SET plan = 'pro' WHERE id = 3")
            try await scene.enter(20...20)
            try await shop.execute("DELETE FROM customers WHERE id = 4")
            let third = try UserCounts(try await scene.run())
            #expect(third.planned == UserCounts.updates(2) && third.unchanged == 10)
            var expected = try await scene.source()
            expected["user4@example.com"] = first["user4@example.com"]
            #expect(expected.count == 13 && scene.profiles == expected, "whoever is gone from the table stays")
            let operations = try await shop.query(
                "SELECT operation, planned, succeeded FROM \(shop.state("sync_run_counts")) WHERE planned > 0 ORDER BY 1, 2"
            )
            #expect(operations == [["update", "2", "2"], ["update", "12", "12"]])
            let runs = try await shop.query(
                "SELECT kind, target, list_id, audience_size FROM \(shop.state("sync_runs")) ORDER BY run_id")
            #expect(runs == Array(repeating: ["users", "users", nil, "12"], count: 3))
        }
    }

    @Test(arguments: Shop.Kind.allCases) func whatARunWouldDoIsSaidBeforehand(_ kind: Shop.Kind) async throws {
        try await UsersScene.with(kind, rows: 1...12) { scene in
            let shop = scene.shop
            let check = try await shop.rollcall("check", "customers")
            #expect(check.code == 0, "\(check.all)")
            #expect(
                check.out.contains(
                    "sync customers, columns: key from id, email from email, userId from user_id;"
                        + " fields orders (long), plan (string), score (double)\n"), "\(check.out)")
            #expect(
                check.out.contains(
                    "sync customers, users: profiles with 0 fields;"
                        + " a run makes, for ever: orders (long), plan (string), score (double)\n"), "\(check.out)")

            let plan = try await shop.rollcall("plan", "customers", "--format", "json", "--rows", "all")
            #expect(plan.code == 0, "\(plan.all)")
            let planned = try plan.object()
            #expect(planned["kind"] as? String == "users" && planned["target"] as? String == "users")
            #expect(planned["preparations"] as? [String] == [Self.newFields])
            #expect(try UserCounts(planned).planned == UserCounts.updates(12))
            let rows = try #require(planned["rows"] as? [[String: Any]])
            #expect(rows.allSatisfy { Set($0.keys) == ["operation", "record_key", "email", "user_id", "note"] })
            #expect(Set(rows.compactMap { $0["record_key"] as? String }) == Set((1...12).map { "\($0)" }))

            let csv = try await shop.rollcall("plan", "customers", "--format", "csv", "--rows", "all")
            let lines = try CommaSeparatedValues.rows(csv.out)
            #expect(lines.count == 13 && lines.first == ["operation", "record_key", "email", "user_id", "note"])
            #expect(lines.contains(["update", "3", "user3@example.com", "u-3", ""]), "\(csv.out)")

            let text = try await shop.rollcall("plan", "customers", environment: ["COLUMNS": "80"]).out
            #expect(
                text.hasPrefix(
                    "customers  plan for profiles; nothing was changed\n  12 rows read: 12 users, 0 unchanged\n"
                        + "  12 to update\n"), "\(text)")
            let words = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            #expect(words.contains("first, \(Self.newFields)"), "\(text)")
            #expect(text.contains("10 of 12 rows; all: --rows all"))
            #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(text)")

            #expect(shop.sandbox.userCount == 0 && scene.sent.isEmpty, "nobody is made by all this")
            #expect(try await scene.types().isEmpty)
        }
    }

    // MARK: Who a person is

    /// Each type of project finds people by other identifiers, and has the same profiles in the end.
    @Test(arguments: Shop.Kind.allCases, SandboxProjectType.allCases)
    func profilesEqualTheSource(_ kind: Shop.Kind, _ project: SandboxProjectType) async throws {
        try await UsersScene.with(kind, project, rows: 1...7) { scene in
            let shop = scene.shop
            try await shop.execute("UPDATE customers SET plan = NULL WHERE id = 2")
            try await shop.execute("UPDATE customers SET email = ' User3@Example.COM ' WHERE id = 3")
            // Whoever the project does not find people by may be missing.
            if project != .userID { try await shop.execute("UPDATE customers SET user_id = NULL WHERE id = 4") }
            if project != .email { try await shop.execute("UPDATE customers SET email = NULL WHERE id = 5") }
            try await scene.run()
            try await isEqual(scene)
            try await shop.execute("UPDATE customers SET plan = 'pro' WHERE id IN (2, 4, 5)")
            try await shop.execute("UPDATE customers SET plan = NULL WHERE id = 1")
            // Where people are found by their userId, an address is a field like others.
            if project != .email {
                try await shop.execute("UPDATE customers SET email = 'moved@example.com' WHERE id = 6")
            }
            let second = try UserCounts(try await scene.run())
            #expect(second.planned == UserCounts.updates(project == .email ? 4 : 5))
            try await isEqual(scene)
        }
    }

    /// Compares each profile with its row, as the API gives it.
    private func isEqual(_ scene: UsersScene, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let source = try await scene.source()
        #expect(scene.shop.sandbox.userCount == source.count, sourceLocation: sourceLocation)
        for (person, fields) in source {
            #expect(try await scene.profile(person) == fields, "\(person)", sourceLocation: sourceLocation)
        }
    }

    // MARK: Types

    /// Rows with values of every type that can be sent, one with none, and two that cannot be sent; the sandbox has read the JSON.
    @Test func everyTypeOfPostgresArrives() async throws {
        try await UsersScene.with(.postgres) { scene in
            let shop = scene.shop
            try await shop.execute("CREATE TYPE mood AS ENUM ('sad', 'glad')")
            try await shop.execute(
                """
                CREATE TABLE wide (id integer, email text, user_id text, a smallint, b integer, c bigint, d numeric(10, 2),
                    e numeric, f real, g double precision, h boolean, i date, j timestamptz, k timestamp, l text, m varchar(9),
                    n uuid, o mood, p json, q jsonb, r integer[], s text[], t date[], v numeric(20, 0), lat numeric, lon real)
                """)
            try await shop.execute(
                """
                INSERT INTO wide VALUES (1, 'one@example.com', 'u-1', -5, 7, 9007199254740993, 12.50, 3.25, 0.1, 0.0025,
                    true, '2026-02-28', '2026-07-01 12:00:00.9+02', '2026-07-01 12:00:00', 'quote " back \\ \u{1F600}',
                    'chars', '0A0B0C0D-0000-0000-0000-000000000001', 'glad', '{"b": [1, 2]}', '{"z": 1}', '{1,2}',
                    '{x,NULL}', '{2026-01-01}', 12345678901234567, 52.5, -13.25);
                INSERT INTO wide (id, email) VALUES (2, 'two@example.com');
                INSERT INTO wide (id, email, c, d, e, f, g, h, l, m, o, r, s) VALUES (3, 'three@example.com',
                    -9223372036854775808, 3, 4, 2, 1e21, false, '2026-01-01', '', 'sad', '{}', '{}');
                INSERT INTO wide (id, email, j) VALUES (4, 'four@example.com', 'infinity');
                INSERT INTO wide (id, email, e) VALUES (5, 'five@example.com', 'NaN')
                """)
            let plain = ("abcdefghij" + "lmnopqrstv").map { "\($0): \($0)" }.joined(separator: ", ")
            try scene.configure(
                table: "wide",
                fields: "\(plain), k: { column: k, time_zone: Europe/Berlin }, "
                    + "home_geo_location: { column: [lat, lon], type: geo }")
            let counts = try UserCounts(try await scene.run(code: 3))
            #expect(counts.succeeded == UserCounts.updates(3) && counts.invalid == 2)
            #expect(
                try await scene.profile("one@example.com") == [
                    "email": "\"one@example.com\"", "userId": "\"u-1\"", "a": "-5", "b": "7", "c": "9007199254740993",
                    "d": "12.5", "e": "3.25", "f": "0.1", "g": "0.0025", "h": "true", "i": "\"2026-02-28\"",
                    "j": "\"2026-07-01 10:00:00 +00:00\"", "k": "\"2026-07-01 10:00:00 +00:00\"",
                    "l": #""quote \" back \\ \#u{1F600}""#, "m": "\"chars\"",
                    "n": "\"0a0b0c0d-0000-0000-0000-000000000001\"", "o": "\"glad\"", "p": #"{"b":[1,2]}"#,
                    "q": #"{"z":1}"#, "r": "[1,2]", "s": #"["x",null]"#, "t": #"["2026-01-01"]"#,
                    "v": "12345678901234567", "home_geo_location": #"{"lat":52.5,"lon":-13.25}"#,
                ])
            #expect(try await scene.profile("two@example.com") == ["email": "\"two@example.com\""])
            #expect(
                try await scene.profile("three@example.com") == [
                    "email": "\"three@example.com\"", "c": "-9223372036854775808", "d": "3", "e": "4", "f": "2",
                    "g": "1e+21", "h": "false", "l": "\"2026-01-01\"", "m": "\"\"", "o": "\"sad\"", "r": "[]",
                    "s": "[]",
                ])
            #expect(
                try await scene.types() == [
                    "a": "long", "b": "long", "c": "long", "d": "double", "e": "double", "f": "double", "g": "double",
                    "h": "boolean", "i": "date", "j": "date", "k": "date", "l": "string", "m": "string", "n": "string",
                    "o": "string", "p": "object", "p.b": "long", "q": "object", "q.z": "long", "r": "long",
                    "s": "string", "t": "date", "v": "long", "home_geo_location": "geo_location",
                ])
            #expect(shop.sandbox.userCount == 3)
            #expect(try await failedKeys(shop) == ["4", "5"])
            let again = try UserCounts(try await scene.run(code: 3))
            #expect(again.unchanged == 3 && again.planned == UserCounts.updates(0))
        }
    }

    /// Every storage class, and the types that a column may be declared with.
    @Test func everyStorageOfSQLiteArrives() async throws {
        try await UsersScene.with(.sqlite) { scene in
            let shop = scene.shop
            try await shop.execute(
                """
                CREATE TABLE wide (id, email, user_id, a INTEGER, b REAL, c TEXT, d BOOLEAN, e NUMERIC, f DATE, g, h JSON,
                    i DATETIME)
                """)
            try await shop.execute(
                """
                INSERT INTO wide VALUES (7, 'seven@example.com', 'u-7', 1, 2.5, 'x', 1, 2.5, '2026-01-02', 5, '{"k": 1}',
                        '2026-01-02 03:04:05'),
                    ('none', 'none@example.com', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
                    ('whole', 'whole@example.com', 8, -3, 2, 5, 0, 4, NULL, NULL, NULL, NULL);
                INSERT INTO wide (id, email, a) VALUES ('blob', 'blob@example.com', x'00'),
                    ('fraction', 'fraction@example.com', 1.5), ('address', x'61', 1), (x'01', 'bytes@example.com', 1),
                    (2.5, 'real@example.com', 1);
                INSERT INTO wide (id, email, d) VALUES ('truth', 'truth@example.com', 2);
                INSERT INTO wide (id, email, h) VALUES ('json', 'json@example.com', '{"k"')
                """)
            try scene.configure(
                table: "wide",
                fields: "a: a, b: b, c: c, d: d, e: e, f: f, g: { column: g, type: long }, h: h, i: i")
            let counts = try UserCounts(try await scene.run(code: 3))
            #expect(counts.succeeded == UserCounts.updates(3) && counts.invalid == 7)
            #expect(
                scene.profiles == [
                    "seven@example.com": [
                        "email": "\"seven@example.com\"", "userId": "\"u-7\"", "a": "1", "b": "2.5", "c": "\"x\"",
                        "d": "true", "e": "2.5", "f": "\"2026-01-02\"", "g": "5", "h": #"{"k":1}"#,
                        "i": "\"2026-01-02 03:04:05 +00:00\"",
                    ],
                    "none@example.com": ["email": "\"none@example.com\""],
                    "whole@example.com": [
                        "email": "\"whole@example.com\"", "userId": "\"8\"", "a": "-3", "b": "2", "c": "\"5\"",
                        "d": "false", "e": "4",
                    ],
                ])
            #expect(
                try await scene.types() == [
                    "a": "long", "b": "double", "c": "string", "d": "boolean", "e": "double", "f": "date", "g": "long",
                    "h": "object", "h.k": "long", "i": "date",
                ])
            // Two rows have no key.
            #expect(try await failedKeys(shop) == ["", "", "address", "blob", "fraction", "json", "truth"])
            let again = try UserCounts(try await scene.run(code: 3))
            #expect(again.unchanged == 3 && again.planned == UserCounts.updates(0))
        }
    }

    /// Keys of the records that the log has as failed, in order.
    private func failedKeys(_ shop: Shop) async throws -> [String] {
        let log = try await shop.rollcall("log", "--status", "failed", "--format", "csv")
        let rows = try CommaSeparatedValues.rows(log.out)
        let names = ["logged_at", "record_key", "item_id", "event_name", "event_id"]
        #expect(rows.first?.suffix(names.count) == names[...], "\(log.all)")
        return rows.dropFirst().map { $0[$0.count - 4] }.sorted()
    }

    // MARK: Fields

    /// The rows that show the types are sent first, although others stand before them.
    @Test(arguments: Shop.Kind.allCases) func newFieldsGetTheTypesThatAreMeant(_ kind: Shop.Kind) async throws {
        try await UsersScene.with(kind, rows: 1...4) { scene in
            let shop = scene.shop
            try await shop.execute("UPDATE customers SET plan = '2020-01-01', score = 3 WHERE id = 1")
            try await shop.execute("UPDATE customers SET score = NULL WHERE id = 2")
            try await shop.execute("UPDATE customers SET plan = NULL WHERE id = 3")
            try await shop.execute("UPDATE customers SET plan = '2020-01-01', score = NULL WHERE id = 4")
            let plan = try await shop.rollcall("plan", "customers", "--format", "json").object()
            #expect(
                plan["preparations"] as? [String] == [
                    Self.newFields.replacing("one record tries", with: "2 records, one after the other, try")
                ])
            #expect(try UserCounts(try await scene.run()).succeeded == UserCounts.updates(4))
            #expect(scene.sent == [1, 1, 2])
            #expect(try await scene.types() == ["orders": "long", "plan": "string", "score": "double"])
            let made = try await shop.query(
                "SELECT scope, field, type FROM \(shop.state("destination_fields")) ORDER BY field")
            #expect(
                made == [["users", "orders", "long"], ["users", "plan", "string"], ["users", "score", "double"]])
            let profile = try await scene.profile("user1@example.com")
            #expect(profile?["plan"] == "\"2020-01-01\"" && profile?["score"] == "3")
            let second = try UserCounts(try await scene.run())
            #expect(second.unchanged == 4 && second.planned == UserCounts.updates(0) && scene.sent.count == 3)

            // A further field is made once it has a value.
            try scene.configure(fields: "\(UsersScene.fields), city: city")
            #expect(try UserCounts(try await scene.run()).unchanged == 4)
            #expect(try await scene.types()["city"] == nil)
            try await shop.execute("UPDATE customers SET city = 'Bonn' WHERE id = 2")
            #expect(try UserCounts(try await scene.run()).planned == UserCounts.updates(1))
            #expect(try await scene.types()["city"] == "string")
            #expect(try await scene.profile("user2@example.com")?["city"] == "\"Bonn\"")
        }
    }

    @Test func aFieldOfAnotherTypeAndAnUnknownOneRefuseTheRun() async throws {
        try await UsersScene.with(.sqlite, rows: 1...3) { scene in
            try scene.configure(sync: "new_fields: refuse")
            try await scene.write("other@example.com", #"{"Plan": "free", "orders": 1, "score": 1.5}"#)
            try await isRefused(
                scene, "field_unknown", "the project has no profile field \"plan\" (string)",
                hint: "Iterable has \"Plan\", you wrote \"plan\"; names are case-sensitive.")
            try await scene.write("other@example.com", #"{"plan": "2026-01-02"}"#)
            try await isRefused(
                scene, "type_mismatch",
                "the field \"plan\" is of type date in Iterable, and the sync would send string;"
                    + " the type of a field stays for ever",
                hint: "Write fields: plan: { column: ..., type: date }")
            #expect(scene.sent.isEmpty && scene.shop.sandbox.userCount == 1)
        }
    }

    /// The same message and hint from a run, a plan and a check.
    private func isRefused(
        _ scene: UsersScene, _ code: String, _ message: String, hint: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let shop = scene.shop
        let run = try await scene.run(code: 1, sourceLocation: sourceLocation)
        let error = try #require(run["error"] as? [String: Any], sourceLocation: sourceLocation)
        #expect(error["code"] as? String == code, sourceLocation: sourceLocation)
        #expect(error["message"] as? String == message, sourceLocation: sourceLocation)
        #expect((error["hint"] as? String)?.hasPrefix(hint) == true, "\(error)", sourceLocation: sourceLocation)
        let plan = try await shop.rollcall("plan", "customers")
        #expect(plan.code == 1, sourceLocation: sourceLocation)
        #expect(plan.err.contains(message) && plan.err.contains(hint), "\(plan.all)", sourceLocation: sourceLocation)
        let check = try await shop.rollcall("check", "customers")
        #expect(check.code == 1, sourceLocation: sourceLocation)
        #expect(
            check.out.contains("FAIL sync customers, users: \(message)\n       fix: \(hint)"), "\(check.all)",
            sourceLocation: sourceLocation)
    }

    /// Iterable refuses a request for one value that does not fit, and names the field but no person.
    @Test func aValueOfAnotherTypeFailsItsPersonAlone() async throws {
        try await UsersScene.with(.sqlite) { scene in
            let shop = scene.shop
            try await scene.write("other@example.com", #"{"traits": {"level": 1}}"#)
            try await shop.execute("CREATE TABLE traits (id integer, email text, user_id text, traits JSON)")
            for number in 1...4 {
                let level = number == 3 ? "\"high\"" : "\(number)"
                try await shop.execute(
                    "INSERT INTO traits VALUES (\(number), 'user\(number)@example.com', NULL, '{\"level\": \(level)}')")
            }
            try scene.configure(table: "traits", fields: "traits: traits", sync: "new_fields: refuse")
            let first = try UserCounts(try await scene.run(code: 3))
            #expect(first.succeeded == UserCounts.updates(3) && first.failed == UserCounts.updates(1))
            // All four, and then those without the value that the answer names.
            #expect(scene.sent.sorted() == [3, 4])
            #expect(try await failedKeys(shop) == ["3"])
            let log = try await shop.rollcall("log", "--status", "failed", "--format", "csv")
            #expect(log.out.contains(",update,failed,type_mismatch,"), "\(log.out)")
            #expect(log.out.contains("the field traits.level") && !log.out.contains("high"), "\(log.out)")
            #expect(try UserCounts(try await scene.run(code: 3)).failed == UserCounts.updates(1))
            #expect(scene.sent.count == 2, "a person who was refused for good is not sent again")
            try await shop.execute("UPDATE traits SET traits = '{\"level\": 3}' WHERE id = 3")
            #expect(try UserCounts(try await scene.run()).succeeded == UserCounts.updates(1))
            #expect(try await scene.profile("user3@example.com")?["traits"] == #"{"level":3}"#)
        }
    }

    // MARK: NULL

    /// What the sync has written is cleared, and what another system has written is not.
    @Test(arguments: Shop.Kind.allCases) func aNullClearsWhatTheSyncHasWritten(_ kind: Shop.Kind) async throws {
        try await UsersScene.with(kind, rows: 1...2) { scene in
            let shop = scene.shop
            let (ann, ben) = ("user1@example.com", "user2@example.com")
            func city(_ value: String) async throws {
                try await shop.execute("UPDATE customers SET city = \(value) WHERE id = 1")
                try await scene.run()
            }
            try scene.configure(fields: "\(UsersScene.fields), city: city")
            try await scene.write(ann, #"{"city": "Rome", "nickname": "one"}"#)
            try await scene.write(ben, #"{"city": "Oslo"}"#)
            try await scene.run()
            #expect(try await scene.profile(ann)?["city"] == "\"Rome\"")
            try await shop.execute("UPDATE customers SET plan = NULL WHERE id = 1")
            try await scene.run()
            #expect(
                try await scene.profile(ann) == [
                    "email": "\"\(ann)\"", "userId": "\"u-1\"", "orders": "1", "score": "1.5", "city": "\"Rome\"",
                    "nickname": "\"one\"",
                ])
            try await city("'Bonn'")
            #expect(try await scene.profile(ann)?["city"] == "\"Bonn\"")
            try await city("NULL")
            #expect(try await scene.profile(ann)?["city"] == nil)
            try await scene.write(ann, #"{"city": "Rome"}"#)
            try await shop.execute("UPDATE customers SET orders = 7 WHERE id = 1")
            try await scene.run()
            let profile = try await scene.profile(ann)
            #expect(profile?["city"] == "\"Rome\"" && profile?["orders"] == "7" && profile?["nickname"] == "\"one\"")

            // Whoever wrote it, once the person is sent.
            try scene.configure(
                fields: "\(UsersScene.fields), city: city", sync: "new_fields: refuse\n    nulls: always")
            try await shop.execute("UPDATE customers SET orders = 8 WHERE id = 2")
            #expect(try UserCounts(try await scene.run()).planned == UserCounts.updates(1))
            #expect(try await scene.profile(ben)?["city"] == nil)
            #expect(try await scene.profile(ann)?["city"] == "\"Rome\"")
        }
    }

    @Test(arguments: Shop.Kind.allCases) func anObjectIsWhatTheRowSays(_ kind: Shop.Kind) async throws {
        try await UsersScene.with(kind, rows: 1...1) { scene in
            try scene.configure(fields: "address.city: city, address.plan: plan, orders: orders")
            try await scene.write("user1@example.com", #"{"address": {"zip": "53111"}}"#)
            try await scene.shop.execute("UPDATE customers SET city = 'Bonn'")
            try await scene.run()
            #expect(
                try await scene.types() == [
                    "address": "object", "address.city": "string", "address.plan": "string", "address.zip": "string",
                    "orders": "long",
                ])
            #expect(try await scene.profile("user1@example.com")?["address"] == #"{"city":"Bonn","plan":"free"}"#)
            try await scene.shop.execute("UPDATE customers SET plan = NULL")
            try await scene.run()
            #expect(try await scene.profile("user1@example.com")?["address"] == #"{"city":"Bonn"}"#)
            try await scene.shop.execute("UPDATE customers SET city = NULL")
            try await scene.run()
            #expect(
                try await scene.profile("user1@example.com") == [
                    "email": "\"user1@example.com\"", "userId": "\"u-1\"", "orders": "1",
                ])
        }
    }

    // MARK: Leaving and moving

    @Test(arguments: Shop.Kind.allCases, ["clear", "delete"])
    func whoeverLeavesIsClearedOrDeleted(_ kind: Shop.Kind, _ choice: String) async throws {
        try await UsersScene.with(kind, rows: 1...3) { scene in
            let ben = "user2@example.com"
            try scene.configure(sync: "new_fields: create\n    on_leave: \(choice)")
            try await scene.run()
            try await scene.write(ben, #"{"nickname": "two"}"#)
            try await scene.shop.execute("DELETE FROM customers WHERE id = 2")
            let left = try UserCounts(try await scene.run())
            #expect(left.succeeded[choice] == 1 && left.planned.values.reduce(0, +) == 1 && left.unchanged == 2)
            let rest: UsersScene.Fields? =
                choice == "clear" ? ["email": "\"\(ben)\"", "userId": "\"u-2\"", "nickname": "\"two\""] : nil
            #expect(try await scene.profile(ben) == rest)
            let after = try UserCounts(try await scene.run())
            #expect(after.unchanged == 2 && after.planned == UserCounts.updates(0), "once and for all")
            try await scene.enter(2...2)
            #expect(try UserCounts(try await scene.run()).succeeded == UserCounts.updates(1))
            #expect(try await scene.profile(ben)?["plan"] == "\"free\"")
        }
    }

    /// In email projects. It is updated under the new address by the next run.
    @Test(arguments: Shop.Kind.allCases) func aProfileGetsItsNewAddress(_ kind: Shop.Kind) async throws {
        try await UsersScene.with(kind, rows: 1...3) { scene in
            let shop = scene.shop
            try scene.configure(limits: "settle_seconds: 0.5, request_timeout_seconds: 2")
            try await scene.run()
            try await shop.execute("UPDATE customers SET email = 'moved@example.com', plan = 'pro' WHERE id = 2")
            let plan = try await shop.rollcall("plan", "customers", "--format", "csv")
            let lines = try CommaSeparatedValues.rows(plan.out)
            #expect(lines.dropFirst() == [["rename", "2", "moved@example.com", "u-2", ""]], "\(plan.all)")
            let renamed = try UserCounts(try await scene.run())
            #expect(renamed.succeeded == ["update": 0, "rename": 1, "clear": 0, "delete": 0])
            #expect(try await scene.profile("user2@example.com") == nil)
            #expect(try await scene.profile("moved@example.com")?["plan"] == "\"free\"")
            #expect(try UserCounts(try await scene.run()).succeeded == UserCounts.updates(1))
            #expect(scene.profiles == (try await scene.source()))
        }
    }

    // MARK: Refused by Iterable

    @Test(arguments: Shop.Kind.allCases) func aForgottenPersonFailsOnceAndIsLeftAlone(_ kind: Shop.Kind) async throws {
        try await UsersScene.with(kind, rows: 1...3) { scene in
            let shop = scene.shop
            try await scene.run()
            shop.sandbox.forget(email: "user2@example.com")
            try await shop.execute("UPDATE customers SET plan = 'pro'")
            let refused = try UserCounts(try await scene.run(code: 3))
            #expect(refused.succeeded == UserCounts.updates(2) && refused.failed == UserCounts.updates(1))
            let log = try await shop.rollcall("log", "--status", "failed", "--format", "csv")
            #expect(log.out.contains(",user2@example.com,u-2,update,failed,forgotten,"), "\(log.out)")
            let requests = scene.sent.count
            #expect(try UserCounts(try await scene.run(code: 3)).failed == UserCounts.updates(1))
            #expect(scene.sent.count == requests, "not sent again")
            let plan = try await shop.rollcall("plan", "customers", "--format", "csv")
            let note = "not sent: Iterable refused it before"
            #expect(plan.out.contains("update,2,user2@example.com,u-2,\(note)\n"), "\(plan.out)")
            let why = try await shop.rollcall("why", "customers", "2").out
            #expect(why.contains("--retry-rejected tries again") && why.contains(", rejected since"), "\(why)")
            #expect(try UserCounts(try await scene.run("--retry-rejected", code: 3)).failed == UserCounts.updates(1))
            #expect(scene.sent.count == requests + 1)
            var expected = try await scene.source()
            expected["user2@example.com"] = nil
            #expect(scene.profiles == expected)
            // Once the row is gone, all is well.
            try await shop.execute("DELETE FROM customers WHERE id = 2")
            #expect(try UserCounts(try await scene.run()).unchanged == 2)
        }
    }

    // MARK: What commands say

    @Test(arguments: Shop.Kind.allCases) func whatCommandsSayOfAPerson(_ kind: Shop.Kind) async throws {
        try await UsersScene.with(kind, rows: 1...3) { scene in
            let shop = scene.shop
            try await shop.execute("INSERT INTO customers VALUES (4, 'nobody', 'u-4', 'free', NULL, 4, 4.5)")
            try await shop.execute(
                "INSERT INTO customers VALUES (NULL, 'key@example.com', 'u-5', 'free', NULL, 5, 5.5)")
            let run = try await shop.rollcall("run", "customers", environment: ["COLUMNS": "80"])
            #expect(run.code == 3, "\(run.all)")
            #expect(
                run.out.contains(
                    "  5 rows read, 2 invalid: 3 users, 0 unchanged\n  3 updated\n  profiles, 2 requests"), "\(run.out)"
            )
            #expect(run.out.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(run.out)")

            let log = try CommaSeparatedValues.rows(try await shop.rollcall("log", "--format", "csv").out)
            let columns = try #require(log.first)
            let records = log.dropFirst().map { Dictionary(zip(columns, $0)) { first, _ in first } }
            #expect(
                Set(records.map { "\($0["operation"] ?? "") \($0["error_code"] ?? "") \($0["record_key"] ?? "")" }) == [
                    "update  1", "update  2", "update  3", "validate email_syntax 4", "validate key_missing ",
                ])
            let first = try #require(records.first { $0["record_key"] == "1" })
            #expect(first["email"] == "user1@example.com" && first["user_id"] == "u-1" && first["item_id"] == "")
            #expect(first["status"] == "succeeded" && first["http_status"] == "200" && first["attempts"] == "1")

            for name in ["1", " User1@Example.COM ", "u-1"] {
                let why = try await whyJSON(shop, name)
                #expect(why["in_source"] as? Bool == true, "\(name)")
                let entry = try #require((why["snapshot"] as? [[String: Any]])?.first, "\(name)")
                #expect(entry["record_key"] as? String == "1" && entry["state"] as? String == "synced")
                #expect(entry["email"] as? String == "user1@example.com" && entry["user_id"] as? String == "u-1")
                #expect((why["log"] as? [Any])?.count == 1, "\(name)")
                #expect((why["next"] as? String)?.hasPrefix("nothing to do") == true, "\(name)")
            }
            let invalid = try await whyJSON(shop, "4")
            #expect(invalid["in_source"] as? Bool == false && (invalid["snapshot"] as? [Any])?.isEmpty == true)
            #expect((invalid["source"] as? [[String: Any]])?.first?["error_code"] as? String == "email_syntax")
            let text = try await shop.rollcall("why", "customers", "1").out
            #expect(text.contains("  source:    1; valid\n") && text.contains("user1@example.com (u-1)"), "\(text)")
            let stranger = try await shop.rollcall("why", "customers", "stranger@example.com").out
            #expect(stranger.contains("no row has this key, email or userId"), "\(stranger)")
            try await shop.execute("UPDATE customers SET plan = 'pro' WHERE id = 1")
            #expect(try await whyJSON(shop, "user1@example.com")["next"] as? String == "update 1")
            try await shop.execute("DELETE FROM customers WHERE id = 2")
            let gone = try await whyJSON(shop, "2")
            #expect(gone["in_source"] as? Bool == false)
            #expect(gone["next"] as? String == "nothing is sent: its row is gone, and it stays as it is")
        }
    }

    private func whyJSON(_ shop: Shop, _ name: String) async throws -> [String: Any] {
        let output = try await shop.rollcall("why", "customers", name, "--format", "json")
        #expect(output.code == 0, "\(output.all)")
        let report = try output.object()
        #expect(Set(report.keys) == ["sync", "identifier", "in_source", "source", "snapshot", "next", "log"])
        return report
    }

    @Test(arguments: Shop.Kind.allCases) func whatCommandsSayOfARun(_ kind: Shop.Kind) async throws {
        try await UsersScene.with(kind, rows: 1...3) { scene in
            let shop = scene.shop
            try await shop.execute("INSERT INTO customers VALUES (4, 'nobody', 'u-4', 'free', NULL, 4, 4.5)")
            let run = try await scene.run(code: 3)
            let id = try #require(run["run_id"] as? String)
            let csv = try await shop.rollcall("runs", "--format", "csv").out
            let rows = try CommaSeparatedValues.rows(csv)
            let row = Dictionary(zip(try #require(rows.first), try #require(rows.last))) { first, _ in first }
            #expect(rows.count == 2 && row["run_id"] == id && row["status"] == "completed_with_failures", "\(csv)")
            #expect(row["kind"] == "users" && row["target"] == "users" && row["list_id"] == "", "\(csv)")
            #expect(row["rows_read"] == "4" && row["rows_invalid"] == "1" && row["audience_size"] == "3", "\(csv)")
            let operations = ["delete", "update", "rename", "clear"]
            let columns = ["planned", "succeeded", "failed"].flatMap { count in operations.map { "\(count)_\($0)" } }
            #expect(rows.first?.suffix(2 + columns.count) == ["rows_excluded", "waiting"] + columns[...], "\(csv)")
            #expect(columns.map { row[$0] } == ["0", "3", "0", "0", "0", "3", "0", "0", "0", "0", "0", "0"], "\(csv)")
            #expect(row["planned_subscribe"] == "0" && row["succeeded_unsubscribe"] == "0", "what lists have is 0")
            let listed = try await shop.rollcall("runs", "--format", "json")
            let last = try #require((try listed.json() as? [[String: Any]])?.first, "\(listed.all)")
            #expect(last["run_id"] as? String == id && last["kind"] as? String == "users" && last["list_id"] is NSNull)
            #expect(last["audience_size"] as? Int == 3 && last["succeeded_update"] as? Int == 3)
            #expect(try await shop.rollcall("run-report", id, "--format", "csv").out == csv)
            let report = try await shop.rollcall("run-report", id, "--format", "json").object()
            #expect(try UserCounts(report).succeeded == UserCounts.updates(3))
            #expect(report["run_id"] as? String == id && report["kind"] as? String == "users")
            let text = try await shop.rollcall("run-report", id).out
            #expect(text.contains("  3 updated\n") && text.contains("email_syntax"), "\(text)")
            let syncs = try await shop.rollcall("syncs", "--format", "json")
            let sync = try #require(
                (try syncs.json() as? [[String: Any]])?.first { $0["sync"] as? String == "customers" }, "\(syncs.all)")
            #expect(sync["members"] as? Int == 3 && sync["list_id"] is NSNull && sync["last_run_id"] as? String == id)
            let fields = try await shop.rollcall("fields", "iterable", "--format", "csv")
            #expect(fields.out == "field,type\norders,long\nplan,string\nscore,double\n")
            let full = try UserCounts(try await scene.run("--full", code: 3))
            #expect(full.planned == UserCounts.updates(3) && full.unchanged == 0)
        }
    }

    @Test(arguments: Shop.Kind.allCases) func onePersonIsTriedFirst(_ kind: Shop.Kind) async throws {
        try await UsersScene.with(kind, rows: 1...5) { scene in
            let shop = scene.shop
            let plan = try await shop.rollcall("plan", "customers", "--only", "2", "--format", "csv")
            let lines = try CommaSeparatedValues.rows(plan.out)
            #expect(lines.dropFirst() == [["update", "2", "user2@example.com", "u-2", ""]], "\(plan.all)")
            #expect(try UserCounts(try await scene.run("--only", "2")).succeeded == UserCounts.updates(1))
            #expect(scene.profiles.keys.sorted() == ["user2@example.com"] && scene.sent == [1])
            for (key, code) in [("2", "record_unchanged"), ("99", "record_unknown")] {
                let run = try await scene.run("--only", key, code: 1)
                #expect((run["error"] as? [String: Any])?["code"] as? String == code, "\(key)")
            }
            #expect(try UserCounts(try await scene.run("--only", "2", "--full")).succeeded == UserCounts.updates(1))
            #expect(scene.sent == [1, 1])
            #expect(try UserCounts(try await scene.run()).succeeded == UserCounts.updates(4))
            #expect(scene.profiles == (try await scene.source()))
        }
    }

    @Test(arguments: Shop.Kind.allCases) func whoeverWasLetGoOfIsSentAgain(_ kind: Shop.Kind) async throws {
        try await UsersScene.with(kind, rows: 1...3) { scene in
            let shop = scene.shop
            try await scene.run()
            let requests = scene.sent.count
            let abandon = try await shop.rollcall("abandon", "customers", "--json")
            #expect(abandon.code == 0, "\(abandon.all)")
            let object = try abandon.object()
            #expect(object["records"] as? Int == 3 && object["members"] as? Int == 0, "\(abandon.out)")
            #expect((object["lists"] as? [Any])?.isEmpty == true && scene.sent.count == requests)
            #expect(scene.profiles.count == 3, "everybody stays in Iterable")
            // From now on nothing counts as written by the sync, so a NULL clears nothing.
            try await shop.execute("UPDATE customers SET plan = NULL WHERE id = 1")
            let next = try UserCounts(try await scene.run())
            #expect(next.succeeded == UserCounts.updates(3) && next.unchanged == 0)
            #expect(try await scene.profile("user1@example.com")?["plan"] == "\"free\"")
            let second = try await shop.rollcall("abandon", "customers")
            #expect(second.code == 0 && second.out.contains("customers: let go of 3 records\n"), "\(second.all)")
            #expect(second.out.contains("its next run puts everything there again") && !second.out.contains("catalog"))
            let nothing = try await shop.rollcall("abandon", "customers")
            #expect(nothing.code == 0 && nothing.out.contains("there was nothing to let go of"), "\(nothing.all)")
        }
    }
}

import Foundation
import IterableSandbox
import TestSupport
import Testing

/// Catalogs from end to end: the program, a real database and the sandbox.
@Suite(.timeLimit(.minutes(10))) struct CatalogCommandTests {
    @Test(arguments: Shop.Kind.allCases) func theWholeWay(_ kind: Shop.Kind) async throws {
        try await CatalogScene.with(kind, rows: 1...12) { scene in
            let shop = scene.shop
            let plan = try await shop.rollcall("plan", "goods", "--format", "json")
            #expect(plan.code == 0, "\(plan.all)")
            let planned = try plan.object()
            #expect(planned["kind"] as? String == "catalog" && planned["target"] as? String == "goods")
            #expect((planned["preparations"] as? [String])?.count == 2)
            #expect(
                (planned["rows"] as? [[String: Any]])?.allSatisfy {
                    Set($0.keys) == ["operation", "record_key", "item_id", "note"]
                } == true)
            #expect(scene.items == nil, "a plan makes nothing")
            let first = try await shop.rollcall("run", "goods", "--json")
            #expect(first.code == 0, "\(first.all)")
            let run = try first.object()
            let counts = try #require(run["counts"] as? [String: Any])
            #expect(counts["records"] as? Int == 12 && counts["audience"] == nil)
            #expect(counts["planned"] as? [String: Int] == ["put": 12, "delete": 0])
            #expect(counts["succeeded"] as? [String: Int] == ["put": 12, "delete": 0])
            #expect(
                run["list_id"] is NSNull && run["kind"] as? String == "catalog" && run["target"] as? String == "goods")
            #expect(scene.items == (try await scene.source()))
            #expect(shop.sandbox.catalogTypes("goods") == ["price": "double", "stock": "long", "title": "string"])
            try await scene.put("k3", 30)
            try await scene.put("k20", 20, title: "Ink")
            try await scene.remove("k4")
            try await Task.sleep(for: .seconds(0.6))
            try await scene.putsRight()
            let rows = try await shop.query(
                "SELECT operation, planned, succeeded FROM \(shop.state("sync_run_counts")) WHERE planned > 0 ORDER BY 1, 2"
            )
            #expect(rows == [["delete", "1", "1"], ["put", "2", "2"], ["put", "12", "12"]])
            let message = try await shop.query(
                "SELECT kind, target, list_id, audience_size FROM \(shop.state("sync_runs")) ORDER BY run_id")
            #expect(message.allSatisfy { $0[0] == "catalog" && $0[1] == "goods" && $0[2] == nil && $0[3] == "12" })
        }
    }

    /// One row with a value of every type that can be sent, and one with none; the sandbox has read the JSON.
    @Test func everyTypeOfPostgresArrives() async throws {
        try await CatalogScene.with(.postgres) { scene in
            try await scene.shop.execute("CREATE TYPE mood AS ENUM ('sad', 'glad')")
            try await scene.shop.execute("CREATE EXTENSION IF NOT EXISTS citext")
            try await scene.shop.execute(
                """
                CREATE TABLE wide (sku text, a smallint, b integer, c bigint, d numeric(12, 2), e numeric, f real,
                    g double precision, h boolean, i date, j timestamptz, k timestamp, l text, m varchar(9), n uuid, o mood,
                    p citext, q json, r jsonb, s integer[], t text[], u date[], v numeric(20, 0), lat numeric, lon real)
                """)
            try await scene.shop.execute(
                """
                INSERT INTO wide VALUES ('one', -5, 7, 9007199254740993, 12.50, 3, 0.1, 1e21, true, '2026-02-28',
                    '2026-07-01 12:00:00.9+02', '2026-07-01 12:00:00', 'quote " back \\ \u{1F600}', 'chars',
                    '0A0B0C0D-0000-0000-0000-000000000001', 'glad', 'MiXed', '{"b": [1, 2.50]}', '{"z": null}', '{1,2}',
                    '{x,NULL}', '{2026-01-01}', 12345678901234567, 52.5, -13.25);
                INSERT INTO wide VALUES ('none')
                """)
            try scene.shop.configure(
                source: "wide",
                fields: "{ \(("abcdefghi" + "jlmnopqrstuv").map { "\($0): \($0)" }.joined(separator: ", ")), "
                    + "k: { column: k, time_zone: Europe/Berlin }, at_geo_location: { column: [lat, lon], type: geo } }"
            )
            let run = try await scene.shop.rollcall("run", "goods", "--json")
            #expect(run.code == 0, "\(run.all)")
            let items = scene.items ?? [:]
            #expect(items["none"] == "{}")
            let expected = [
                #""a":-5"#, #""at_geo_location":{"lat":52.5,"lon":-13.25}"#, #""b":7"#, #""c":9007199254740993"#,
                #""d":12.5"#, #""e":3"#, #""f":0.1"#, #""g":1e+21"#, #""h":true"#, #""i":"2026-02-28""#,
                #""j":"2026-07-01 10:00:00 +00:00""#, #""k":"2026-07-01 10:00:00 +00:00""#,
                #""l":"quote \" back \\ \#u{1F600}""#, #""m":"chars""#, #""n":"0a0b0c0d-0000-0000-0000-000000000001""#,
                #""o":"glad""#, #""p":"MiXed""#, #""q":{"b":[1,2.5]}"#, #""r":{"z":null}"#, #""s":[1,2]"#,
                #""t":["x",null]"#, #""u":["2026-01-01"]"#, #""v":12345678901234567"#,
            ]
            #expect(items["one"] == "{\(expected.joined(separator: ","))}")
            #expect(
                scene.shop.sandbox.catalogTypes("goods") == [
                    "a": "long", "b": "long", "c": "long", "d": "double", "e": "double", "f": "double", "g": "double",
                    "h": "boolean", "i": "date", "j": "date", "k": "date", "l": "string", "m": "string", "n": "string",
                    "o": "string", "p": "string", "q": "object", "r": "object", "v": "long",
                    "at_geo_location": "geo_location",
                ])
            let again = try await scene.shop.rollcall("run", "goods", "--json").object()
            #expect(((again["counts"] as? [String: Any])?["unchanged"] as? Int) == 2)
        }
    }

    /// Every storage class, and the types that a column may be declared with.
    @Test func everyStorageOfSQLiteArrives() async throws {
        try await CatalogScene.with(.sqlite) { scene in
            try await scene.shop.execute(
                "CREATE TABLE wide (sku, a INTEGER, b REAL, c TEXT, d BOOLEAN, e NUMERIC, f DATE, g, h JSON)")
            try await scene.shop.execute(
                """
                INSERT INTO wide VALUES (7, 1, 2, 'x', 1, 2.5, '2026-01-02', 5, '[1]'), ('text', NULL, NULL, NULL, NULL, NULL,
                    NULL, NULL, NULL), ('blob', x'00', 1, 'x', 1, 1, '2026-01-02', 1, NULL), ('word', 1, 1, 'x', 2, 1,
                    '2026-01-02', 1, NULL)
                """)
            try scene.shop.configure(
                source: "wide",
                fields: "{ a: a, b: b, c: c, d: d, e: e, f: { column: f, type: date }, g: { column: g, type: long }, "
                    + "h: { column: h, type: json } }")
            let run = try await scene.shop.rollcall("run", "goods", "--json")
            #expect(run.code == 3, "\(run.all)")
            #expect(
                scene.items == [
                    "7": #"{"a":1,"b":2,"c":"x","d":true,"e":2.5,"f":"2026-01-02","g":5,"h":[1]}"#, "text": "{}",
                ])
            let log = try await scene.shop.rollcall("log", "--status", "failed", "--format", "csv").out
            #expect(log.contains(",blob,") && log.contains(",word,") && !log.contains(",text,"), "\(log)")
        }
    }

    @Test func whatCommandsSayOfARecord() async throws {
        try await CatalogScene.with(.sqlite, rows: 1...3) { scene in
            let shop = scene.shop
            try await shop.execute("INSERT INTO products VALUES ('a/b', 'x', 1, 1)")
            let check = try await shop.rollcall("check", "goods")
            #expect(check.code == 0, "\(check.all)")
            #expect(
                check.out.contains(
                    "sync goods, columns: id from sku; fields price (double), stock (long), title (string)"))
            #expect(check.out.contains("the first run prepares it: the catalog \"goods\" is made"))
            let run = try await shop.rollcall("run", "goods", environment: ["COLUMNS": "80"])
            #expect(run.code == 3)
            #expect(
                run.out.contains(
                    "  4 rows read, 1 invalid: 3 items, 0 unchanged\n  3 put, 0 deleted\n  catalog goods, 1 request"))
            #expect(run.out.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(run.out)")
            let log = try await shop.rollcall("log", "--format", "csv")
            let lines = log.out.split(whereSeparator: \.isNewline)
            #expect(lines.first?.hasSuffix(",logged_at,record_key,item_id,event_name,event_id") == true, "\(log.out)")
            #expect(lines.contains { $0.contains("invalid_item_id") && $0.hasSuffix(",a/b,,,") })
            #expect(lines.contains { $0.contains(",put,succeeded,") && $0.hasSuffix(",k1,k1,,") })
            let why = try await shop.rollcall("why", "goods", "k1", "--format", "json").object()
            #expect(why["in_source"] as? Bool == true)
            #expect((why["snapshot"] as? [[String: Any]])?.first?["state"] as? String == "synced")
            let other = try await shop.rollcall("why", "goods", "a/b")
            #expect(other.out.contains("source:    a/b; invalid: The key is not 1 to 255 letters, digits and hyphens"))
            let runs = try await shop.rollcall("runs", "--format", "csv").out.split(whereSeparator: \.isNewline)
            let columns = "planned_put,planned_delete,succeeded_put,succeeded_delete,failed_put,failed_delete"
            #expect(runs.first?.hasSuffix(",kind,target,rows_excluded,waiting,\(columns)") == true)
            #expect(runs.last?.hasSuffix(",catalog,goods,0,0,3,0,3,0,0,0") == true)
            let listed = try await shop.rollcall("runs", "--format", "json")
            let last = try #require((try listed.json() as? [[String: Any]])?.first)
            #expect(last["succeeded_put"] as? Int == 3 && last["planned_delete"] as? Int == 0, "\(listed.all)")
            let id = try #require(last["run_id"] as? String)
            let report = try await shop.rollcall("run-report", id, "--format", "csv")
            #expect(report.out.split(whereSeparator: \.isNewline) == runs, "\(report.all)")
            let full = try await shop.rollcall("run", "goods", "--full", "--json").object()
            #expect(((full["counts"] as? [String: Any])?["planned"] as? [String: Int]) == ["put": 3, "delete": 0])
        }
    }

    @Test func wrongConfigurationsAreSaidWithTheWayOut() async throws {
        try await CatalogScene.with(.sqlite, rows: 1...2) { scene in
            func error(_ fields: String, _ sync: String = "mode: mirror", code: Int32 = 1) async throws -> String {
                try scene.configure(sync: sync, fields: fields)
                let output = try await scene.shop.rollcall("plan", "goods")
                #expect(output.code == code, "\(output.all)")
                return output.err
            }
            var message = try await error("{ a: Title }")
            #expect(
                message.contains("the source has no column \"Title\" (fields.a)")
                    && message.contains("did you mean \"title\"?"))
            message = try await error("{ a: nothing }")
            #expect(message.contains("a constant is written { value: ... }"))
            message = try await error("{ a.b: title }", code: 2)
            #expect(message.contains("a dot in its name"))
            message = try await error("{ a: { column: price, type: long } }")
            #expect(message.contains("cannot become long without losing digits"))
            message = try await error("{ a: { column: stock, default: many } }")
            #expect(message.contains("the constant of the field \"a\" cannot be sent"))
            message = try await error("{ a_geo_location: { column: [price, title], type: geo } }")
            #expect(message.contains("a geo field needs two numbers"))
            message = try await error("{ place: { column: [price, stock], type: geo } }", code: 2)
            #expect(message.contains("place_geo_location"))
            message = try await error("all", "duplicates: { newest: price }")
            #expect(message.contains("which does not say which row is the newest"))
            try await scene.shop.execute(
                "CREATE VIEW wide AS SELECT sku, \((1...351).map { "stock AS f\($0)" }.joined(separator: ", ")) FROM products"
            )
            try scene.shop.configure(source: "wide", fields: "all")
            let wide = try await scene.shop.rollcall("plan", "goods")
            #expect(wide.err.contains("the sync has 351 fields; a catalog has 350 at most"), "\(wide.all)")
        }
    }

    @Test func aHeldRunIsApprovedAsItWasStaged() async throws {
        try await CatalogScene.with(.postgres, rows: 1...110) { scene in
            try await scene.putsRight()
            try scene.configure(guards: "max_removals: 10%")
            for number in 1...20 { try await scene.remove("k\(number)") }
            try await scene.put("k21", 99)
            try await Task.sleep(for: .seconds(0.6))
            let held = try await scene.shop.rollcall("run", "goods", "--json")
            #expect(held.code == 4, "\(held.all)")
            let id = try #require(try held.object()["run_id"] as? String)
            #expect(scene.items?.count == 110)
            // What changed meanwhile is not sent by the approved run.
            try await scene.put("k22", 98)
            let approved = try await scene.shop.rollcall("run", "--approve", id, "--json")
            #expect(approved.code == 0, "\(approved.all)")
            #expect(scene.items?.count == 90)
            #expect(scene.items?["k21"]?.contains("99.5") == true && scene.items?["k22"]?.contains("22.5") == true)
            try await scene.putsRight()
        }
    }

    @Test func aCatalogThatIsDeletedInIterableIsSaidAndNotMadeAgain() async throws {
        try await CatalogScene.with(.sqlite, rows: 1...3) { scene in
            try await scene.putsRight()
            scene.shop.sandbox.deleteCatalog("goods")
            let gone = try await scene.shop.rollcall("run", "goods")
            #expect(gone.code == 1 && gone.err.isEmpty)
            #expect(gone.out.contains("the catalog \"goods\" of sync goods was deleted in Iterable"), "\(gone.all)")
            #expect(scene.items == nil)
        }
    }

    @Test func aCatalogThatWasLetGoOfIsTakenAgainOnlyInPlainWords() async throws {
        try await CatalogScene.with(.sqlite, rows: 1...2) { scene in
            try await scene.putsRight()
            let abandon = try await scene.shop.rollcall("abandon", "goods")
            #expect(abandon.code == 0 && abandon.out.contains("let go of 2 records"), "\(abandon.all)")
            #expect(abandon.out.contains("must write documents: replace"), "\(abandon.out)")
            let refused = try await scene.shop.rollcall("run", "goods", "--json")
            let error = try refused.object()["error"] as? [String: Any]
            #expect(refused.code == 1 && error?["code"] as? String == "catalog_adopted", "\(refused.all)")
            try scene.configure(sync: "documents: replace")
            try await scene.putsRight()
        }
    }

    @Test(arguments: Shop.Kind.allCases) func whatWasAcceptedAndNeverCarriedOutIsPutAgain(_ kind: Shop.Kind)
        async throws
    {
        try await CatalogScene.with(kind, rows: 1...5) { scene in
            let shop = scene.shop
            func run() async throws -> (code: Int32, counts: [String: Any]) {
                try await shop.execute(
                    "UPDATE \(shop.state("item_checks")) SET accepted_at = '2020-01-01T00:00:00.000Z'")
                let end = try await shop.rollcall("run", "goods", "--json")
                return (end.code, try #require(end.object()["counts"] as? [String: Any]))
            }
            try scene.configure(
                limits: CatalogScene.unhurried, sync: "mode: mirror\n    verify: { sample: 20, within: 10m }")
            _ = try await shop.rollcall("migrate")
            shop.sandbox.setFaults([
                Fault(.acceptOnly, target: .pathPrefix("/api/catalogs/goods/items"), limit: 1)
            ])
            let first = try await run()
            #expect(first.code == 0 && scene.items == [:], "accepted, and nothing came of it")
            #expect(try await shop.rollcall("run", "goods").code == 0, "it is not looked at before its time")
            let plan = try await shop.rollcall("plan", "goods")
            #expect(plan.code == 0 && !plan.all.contains("read back"), "\(plan.all)")
            let second = try await run()
            #expect(second.code == 3 && second.counts["not_verified"] as? Int == 5, "\(second.counts)")
            #expect(second.counts["verified"] as? Int == 0)
            #expect(second.counts["succeeded"] as? [String: Int] == ["put": 5, "delete": 0])
            #expect(scene.items == (try await scene.source()))
            let log = try await shop.rollcall("log", "goods", "--status", "failed", "--format", "csv")
            #expect(log.all.components(separatedBy: "not_verified").count == 6, "\(log.all)")
            let third = try await run()
            #expect(third.code == 0 && third.counts["verified"] as? Int == 5, "\(third.counts)")
        }
    }

    /// Iterable may carry out minutes later what it has accepted; `within` says when it must be there.
    @Test(arguments: [false, true]) func whatIsCarriedOutLateIsVerifiedAllTheSame(_ isLaterThanWithin: Bool)
        async throws
    {
        try await CatalogScene.with(.sqlite, rows: 1...5, tune: { $0.catalogItemsAfterSeconds = 3600 }) { scene in
            let (shop, sandbox) = (scene.shop, scene.shop.sandbox)
            func run(_ code: Int32, verified: Int, notVerified: Int = 0, _ what: Comment? = nil) async throws {
                let end = try await shop.rollcall("run", "goods", "--json")
                let counts = try #require(end.object()["counts"] as? [String: Any], "\(end.all)")
                #expect(end.code == code, what)
                #expect(counts["verified"] as? Int == verified, what)
                #expect(counts["not_verified"] as? Int == notVerified, what)
            }
            func letTimePass() async throws {
                try await shop.execute(
                    "UPDATE \(shop.state("item_checks")) SET accepted_at = '2020-01-01T00:00:00.000Z'")
            }
            try scene.configure(
                limits: CatalogScene.unhurried, sync: "mode: mirror\n    verify: { sample: 20, within: 10m }")
            try await run(0, verified: 0)
            #expect(scene.items == [:] && sandbox.pendingCatalogChanges == 5)
            try await run(0, verified: 0, "it is not looked at before its time")
            #expect(sandbox.pendingCatalogChanges == 5, "and not put again")
            if isLaterThanWithin {
                try await letTimePass()
                try await run(3, verified: 0, notVerified: 5)
                #expect(sandbox.pendingCatalogChanges == 10, "put once more")
            }
            sandbox.carryOutCatalogChanges()
            #expect(scene.items == (try await scene.source()))
            #expect(sandbox.untypedCatalogFields("goods") == [], "fields have their types before items are put")
            try await letTimePass()
            try await run(0, verified: 5)
            try await run(0, verified: 0)
            #expect(sandbox.pendingCatalogChanges == 0)
        }
    }

    @Test func recordsAreListed() async throws {
        try await CatalogScene.with(.sqlite, rows: 1...3) { scene in
            let shop = scene.shop
            #expect(try await shop.rollcall("records", "goods").out == "no items\n", "before the first run")
            let unknown = try await shop.rollcall("records", "goods", "--state", "foo")
            #expect(unknown.code == 2 && unknown.err.contains("subscribed"), "\(unknown.all)")
            #expect(try await shop.rollcall("run", "goods").code == 0)
            let csv = try await shop.rollcall("records", "goods", "--format", "csv")
            let rows = try CommaSeparatedValues.rows(csv.out)
            #expect(
                rows.first == ["record_key", "item_id", "state", "since_run_id", "since", "error_code", "error_reason"])
            #expect(Set(rows.dropFirst().map { $0[0] }) == ["k1", "k2", "k3"])
            #expect(rows.dropFirst().allSatisfy { $0[1] == $0[0] && $0[2] == "synced" })
            let json = try await shop.rollcall("records", "goods", "--format", "json", "--limit", "2")
            #expect((try json.json() as? [Any])?.count == 2 && json.err.contains("2 items shown"), "\(json.all)")
            let table = try await shop.rollcall("records", "goods").out
            #expect(table.hasPrefix("state   since (UTC)          record_key\n"), "\(table)")
            #expect(try await shop.rollcall("records", "goods", "--state", "rejected").out == "no items\n")
            let wrong = try await shop.rollcall("records", "goods", "--state", "subscribed")
            #expect(wrong.code == 2 && wrong.err.contains("synced, sending, removing, rejected"), "\(wrong.all)")
        }
    }
}

extension Shop {
    /// Lets the sync `goods` read another table.
    fileprivate func configure(source: String, fields: String) throws {
        try configure { text in
            text.further = """
                  goods:
                    kind: catalog
                    warehouse: shop
                    destination: iterable
                    source: { table: \(source) }
                    key: sku
                    catalog: { name: goods, create: true }
                    fields: \(fields)
                """
        }
    }
}

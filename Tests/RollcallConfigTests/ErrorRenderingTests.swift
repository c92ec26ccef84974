import RollcallConfig
import RollcallCore
import Testing

@Suite struct ErrorRenderingTests {
    @Test func everythingIsReportedInOneGoAndInTheOrderOfTheLines() {
        let text = """
            warehouses:
              shop:
                type: sqlite
            destinations:
              marketing:
                type: iterable
                api_key: lit3ral-key-of-the-project
                project_type: email
                data_center: mars
            syncs:
              vip-customers:
                warehouse: shoop
                warehouse: shop
                destination: marketing
                audience:
                  table: vip
                list:
                  name: ${LIST_NAME}
                mapping:
                  user_id: id
                update_existing_users_only: true
                scedule:
                  every: 7m
            """
        #expect(
            Sample.rendered(text) == """
                rollcall.yaml:2:3: the key "path" is missing in warehouses.shop
                     2 |   shop:
                       |   ^
                    expected: path, as in every sqlite warehouse

                rollcall.yaml:7:5: destinations.marketing.api_key is written into the file
                     7 |     api_key: ***
                       |     ^
                    expected: no secret in the file
                    hint: Put it into the environment or into .env beside the configuration, and
                    write api_key: ${ITERABLE_API_KEY} here. Only with a loopback base_url (a
                    sandbox) may it stand in the file.

                rollcall.yaml:9:18: destinations.marketing.data_center "mars" is not one of the choices
                     9 |     data_center: mars
                       |                  ^
                    expected: us or eu

                rollcall.yaml:12:16: there is no warehouse "shoop" (syncs.vip-customers.warehouse); did you mean "shop"?
                    12 |     warehouse: shoop
                       |                ^
                    expected: one of shop

                rollcall.yaml:13:5: the key "warehouse" stands here a second time; the first is on line 12
                    13 |     warehouse: shop
                       |     ^
                    hint: Keep one of the two.

                rollcall.yaml:18:13: the environment variable LIST_NAME is not set (syncs.vip-customers.list.name)
                    18 |       name: ${LIST_NAME}
                       |             ^
                    hint: Set it (export LIST_NAME=…), write LIST_NAME=… into a file .env beside
                    the configuration, or give a default: ${LIST_NAME:-default}.

                rollcall.yaml:20:7: syncs.vip-customers.mapping maps user_id, but the project is of type email
                    20 |       user_id: id
                       |       ^
                    expected: email alone
                    hint: To let Iterable find people by user_id, and make up an address for
                    those it does not know, set placeholder_emails: true in the sync and map
                    user_id alone.

                rollcall.yaml:21:5: syncs.vip-customers.update_existing_users_only is true, but the project is of type email
                    21 |     update_existing_users_only: true
                       |     ^
                    expected: false in email projects
                    hint: Iterable does not honour it there: everybody unknown would be created
                    all the same. Select only people whom Iterable knows in the audience itself.

                rollcall.yaml:22:5: unknown key "scedule" in syncs.vip-customers; did you mean "schedule"?
                    22 |     scedule:
                       |     ^
                """)
    }

    @Test func theNineFrequenciesAreListed() {
        let shown = Sample.rendered(Sample.replacing("every: 30m", with: "every: 7m"))
        #expect(shown.contains("expected: 5m, 10m, 15m, 30m, 1h, 3h, 6h, 12h or 24h"))
    }

    @Test func longLinesAreCutAroundTheCaret() throws {
        let filler = String(repeating: "x", count: 300)
        let text = Sample.replacing("name: VIP customers", with: "name: \"\(filler)${NOPE}\(filler)\"")
        let lines = Sample.rendered(text).split(separator: "\n")
        #expect(lines.count > 2)
        #expect(lines.dropFirst().allSatisfy { $0.count <= 80 })
        let caret = try #require(lines[2].firstIndex(of: "^"))
        let column = lines[2].distance(from: lines[2].startIndex, to: caret)
        #expect(lines[1].dropFirst(column).hasPrefix("${NOPE}"))
    }

    @Test func secretsAreMaskedOnBrokenLinesAndOnLinesBelowTheirKey() {
        let broken = [
            Sample.replacing("api_key: ${ITERABLE_API_KEY}", with: "api_key lit3ral"),
            Sample.replacing("api_key: ${ITERABLE_API_KEY}", with: "api_key: |\n  lit3ral\n  : : lit3ral"),
            Sample.replacing("api_key: ${ITERABLE_API_KEY}", with: "api_key: \"lit3ral"),
            Sample.replacing("api_key: ${ITERABLE_API_KEY}", with: "apikey: lit3ral"),
            Sample.replacing("api_key: ${ITERABLE_API_KEY}", with: "token: lit3ral"),
            Sample.replacing("api_key: ${ITERABLE_API_KEY}", with: "api_key: {a: lit3ral}"),
            Sample.replacing("api_key: ${ITERABLE_API_KEY}", with: "api_key: @lit3ral"),
            Sample.replacing("url: ${CRM_DATABASE_URL}", with: "link: postgres://me:lit3ral@db/x"),
            Sample.replacing("url: ${CRM_DATABASE_URL}", with: "url: \"postgres://me:lit3ral@db/x"),
            Sample.replacing("path: shop.sqlite", with: "path: [postgres://me:lit3ral@db/x]"),
            Sample.replacing("destinations:\n  marketing:\n", with: "destinations: {marketing: {api_key: lit3ral]\n"),
        ]
        for text in broken {
            let shown = Sample.rendered(text)
            #expect(!shown.isEmpty)
            #expect(!shown.contains("lit3ral"), "\(shown)")
        }
    }

    @Test func theColumnsOfAKeyAreNoSecret() {
        let key = "key: [id, status, id]"
        let shown = Sample.rendered(EventsSample.text(EventsSample.replacing(.key, with: key)))
        #expect(shown.contains("13 |     \(key)\n"), "\(shown)")
        let elsewhere = Sample.rendered(Sample.replacing("api_key: ${ITERABLE_API_KEY}", with: "key: lit3ral"))
        #expect(elsewhere.contains("key: ***") && !elsewhere.contains("lit3ral"), "\(elsewhere)")
    }

    @Test func terminalControlsOfTheUserAreMadeVisible() {
        let text = Sample.replacing("warehouse: shop", with: "warehouse: \"a\\e[31mb\\u202Ec\"")
        let shown = Sample.rendered(text)
        #expect(shown.contains("there is no warehouse \"a\u{FFFD}[31mb\u{FFFD}c\""))
        #expect(!shown.unicodeScalars.contains("\u{1B}"))
    }

    @Test func aFloodOfProblemsIsCutOff() {
        let flood = (0..<5000).map { "unknown\($0): 1\n" }.joined()
        let headlines = Sample.headlines(Sample.text + flood)
        #expect(headlines.count == 101)
        #expect(headlines.last == "rollcall.yaml: too many problems; only the first 100 are shown")
    }

    @Test func namesThatAreNotThereGetTheOnesThatAre() throws {
        let configuration = try Sample.load(Sample.text)
        #expect(try configuration.sync(named: "vip").name == "vip")
        let sync = #expect(throws: ConfigurationLookupError.self) { try configuration.sync(named: "vpi") }
        #expect(sync?.description == "rollcall.yaml: there is no sync \"vpi\"; did you mean \"vip\"?")
        let warehouse = #expect(throws: ConfigurationLookupError.self) { try configuration.warehouse(named: "x") }
        #expect(warehouse?.description == "rollcall.yaml: there is no warehouse \"x\"; there are: shop, crm")
        let destination = #expect(throws: ConfigurationLookupError.self) {
            try configuration.destination(named: "markting")
        }
        #expect(destination?.suggestion == "marketing")
    }
}

import Foundation
import RollcallConfig
import RollcallCore
import Testing

@Suite struct LoadingTests {
    /// The file of product documentation, every key in it.
    private static let complete = """
        warehouses:
          shop:
            type: sqlite
            path: data/shop.sqlite
          crm:
            type: postgres
            url: ${CRM_DATABASE_URL}
            state_schema: rollcall_state
        destinations:
          marketing:
            type: iterable
            api_key: ${ITERABLE_API_KEY}
            data_center: eu
            project_type: hybrid
            list_name_prefix: "EU "
            base_url: http://127.0.0.1:8421/
            limits:
              requests_per_second: 2.5
              subscribers_per_request: 5000
              concurrent_requests: 64
              request_timeout_seconds: 40
              settle_seconds: 0
        syncs:
          vip-customers:
            warehouse: crm
            destination: marketing
            enabled: false
            audience:
              table: crm."VIP ""gold""\"
            list:
              name: VIP customers
              description: People who spent more than 1000
            mapping:
              email: mail
              user_id: customer_id
            identity:
              max_sharing: 3
            update_existing_users_only: true
            placeholder_emails: false
            schedule:
              every: 24h
              at: 06:30
            guards:
              max_removals: 12.5%
              allow_empty: true
            logs:
              retain: false
              retention_days: 1
              records: failures
              identifiers: hashed
        server:
          listen: "[::1]:0"
          tokens:
            - name: on-call
              role: operator
              sha256: \(String(repeating: "AB", count: 32))
        alerts:
          failures_over: 10
          late_after_minutes: 90
          webhooks:
            - url: https://hooks.example.com/a?b=c
              kind: slack
            - {url: "http://127.0.0.1:9/hook", kind: json, secret: "${ITERABLE_API_KEY}", on: [failed, recovered]}
        """

    @Test func everyKeyArrives() throws {
        let configuration = try Sample.load(Self.complete)
        #expect(configuration.warehouseOrder == ["shop", "crm"])
        #expect(configuration.warehouses["shop"] == .sqlite(path: "/srv/rollcall/data/shop.sqlite"))
        let url = Secret(try #require(Sample.environment["CRM_DATABASE_URL"]))
        #expect(configuration.warehouses["crm"] == .postgres(url: url, stateSchema: "rollcall_state"))
        let destination = try configuration.destination(named: "marketing")
        #expect(destination.apiKey.reveal() == Sample.environment["ITERABLE_API_KEY"])
        #expect(destination.dataCenter == .eu)
        #expect(destination.baseURL == "http://127.0.0.1:8421")
        #expect(destination.limits.requestsPerSecond == 2.5)
        #expect(destination.limits.subscribersPerRequest == 5000)
        #expect(destination.limits.concurrentRequests == 64)
        #expect(destination.limits.requestTimeoutSeconds == 40)
        #expect(destination.limits.settleSeconds == 0)
        var sync = SyncSettings(
            name: "vip-customers", warehouse: "crm", destination: "marketing",
            audience: .table(["crm", "VIP \"gold\""]),
            list: .name("EU VIP customers", description: "People who spent more than 1000"))
        sync.enabled = false
        sync.mapping = ColumnMapping(email: "mail", userID: "customer_id")
        sync.identity.maxSharing = 3
        sync.updateExistingUsersOnly = true
        sync.schedule = ScheduleSettings(every: .day, at: 23400)
        sync.guards.maxRemovals = .percent(12.5)
        sync.guards.allowEmpty = true
        sync.logs.retain = false
        sync.logs.retentionDays = 1
        sync.logs.records = .failures
        sync.logs.identifiers = .hashed
        #expect(configuration.syncs == [sync])
        let server = try #require(configuration.server)
        #expect(server.host == "::1" && server.port == 0 && server.isLoopback)
        let hash = String(repeating: "ab", count: 32)
        #expect(server.tokens == [.init(name: "on-call", role: .operator, sha256: hash)])
        let alerts = try #require(configuration.alerts)
        #expect(alerts.thresholds.failuresOver == 10 && alerts.thresholds.lateAfterMinutes == 90)
        #expect(
            alerts.webhooks == [
                WebhookSettings(url: Secret("https://hooks.example.com/a?b=c"), kind: .slack),
                WebhookSettings(
                    url: Secret("http://127.0.0.1:9/hook"), kind: .json, secret: destination.apiKey,
                    on: [.failed, .recovered]),
            ])
        #expect(configuration.warnings.isEmpty)
    }

    @Test(arguments: [
        ("{url: \"http://hooks.example.com/a\", kind: json}", "is no address to post to"),
        ("{url: \"https://user:pass@hooks.example.com/a\", kind: json}", "is no address to post to"),
        ("{url: \"file:///etc/passwd\", kind: json}", "is no address to post to"),
        ("{url: \"https://h.example.com\", kind: teams}", "is not one of the choices"),
        ("{url: \"https://h.example.com\"}", "\"kind\" is missing"),
        ("{url: \"https://h.example.com\", kind: json, on: [failed, helt]}", "did you mean \"held\"?"),
        ("{url: \"https://h.example.com\", kind: json, on: failed}", "not a list"),
        ("{url: \"https://h.example.com\", kind: json, on: []}", "not a list"),
        ("{url: \"https://h.example.com\", kind: json, secret: abcdef}", "is written into the file"),
        ("{url: \"https://h.example.com\", kind: slack, secret: \"${ITERABLE_API_KEY}\"}", "takes no secret"),
    ])
    func aWrongWebhookIsRefused(_ item: String, _ words: String) {
        let said = Sample.rendered(Self.complete + "\n    - \(item)")
        #expect(said.contains(words), "\(said)")
        #expect(!said.contains("pass@") && !said.contains("abcdef"))
    }

    @Test func whatIsLeftOutOrEmptyHasItsDefault() throws {
        let text = """
            warehouses: {shop: {type: sqlite, path: /data/shop.sqlite}, crm: {type: postgres, url: service=crm}}
            destinations: {marketing: {type: iterable, api_key: "${ITERABLE_API_KEY}", project_type: email, limits: }}
            syncs:
              vip:
                warehouse: shop
                destination: marketing
                audience: {query: "SELECT 1 AS email ; "}
                list: {id: 7}
                mapping:
                schedule:
                guards: ~
                logs: null
            server:
            """
        let configuration = try Sample.load(text)
        #expect(configuration.warehouses["shop"] == .sqlite(path: "/data/shop.sqlite"))
        #expect(configuration.warehouses["crm"] == .postgres(url: Secret("service=crm"), stateSchema: "rollcall"))
        let destination = try configuration.destination(named: "marketing")
        #expect(destination.baseURL == "https://api.iterable.com")
        #expect(destination.limits == DestinationLimits())
        #expect(destination.listNamePrefix.isEmpty)
        let expected = SyncSettings(
            name: "vip", warehouse: "shop", destination: "marketing",
            audience: .query("SELECT 1 AS email", file: nil), list: .id(7))
        #expect(configuration.syncs == [expected])
        #expect(configuration.server == nil)
    }

    @Test func valuesFromTheEnvironmentAreReadByTheTypeOfTheirKey() throws {
        let text = Sample.replacing("requests_per_second: 5", with: "requests_per_second: \"${RPS}\"")
            .replacing("every: 30m", with: "every: ${EVERY:-1h}")
            .replacing("max_removals: 25%", with: "max_removals: ${MAX}\n      allow_empty: ${ALLOW}")
            .replacing("name: VIP customers", with: "name: ${NAME}$${x} $5 ${UNSET:-a b}")
            .replacing("warehouse: shop", with: "warehouse: ${HOUSE}")
        var environment = Sample.environment
        environment.merge(["RPS": " 0.5 ", "MAX": "500", "ALLOW": "true", "NAME": "2024", "HOUSE": "shop"]) { $1 }
        let configuration = try Sample.load(text, environment: environment)
        #expect(configuration.destinations["marketing"]?.limits.requestsPerSecond == 0.5)
        let sync = try configuration.sync(named: "vip")
        #expect(sync.schedule?.every == .hour)
        #expect(sync.guards.maxRemovals == .count(500))
        #expect(sync.guards.allowEmpty)
        #expect(sync.list == .name("2024${x} $5 a b", description: nil))
        #expect(sync.warehouse == "shop")
    }

    @Test func aLiteralKeyIsFineForASandbox() throws {
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3:8421", "[::1]:8421"] {
            let text = Sample.replacing(
                "api_key: ${ITERABLE_API_KEY}", with: "api_key: sandbox\n    base_url: http://\(host)")
            let configuration = try Sample.load(text)
            #expect(configuration.destinations["marketing"]?.apiKey.reveal() == "sandbox")
        }
    }

    @Test func addressesWithoutALiteralPasswordAreFine() throws {
        let addresses = [
            "service=crm", "postgresql://me@db/crm?sslmode=verify-full", "host=db passfile=/etc/pgpass",
            "postgres://me:${WORD}@db:5432/crm", "host=db password=${WORD}", "host=db password='${WORD}'",
            "postgresql:///crm?host=/run/postgresql", "${CRM_DATABASE_URL:-service=crm}",
        ]
        for address in addresses {
            let text = Sample.replacing("url: ${CRM_DATABASE_URL}", with: "url: \(address)")
            #expect(Sample.headlines(text).isEmpty, "\(address)")
        }
    }

    @Test func placeholderEmailsLetUserIDBeMappedAlone() throws {
        let text = Sample.replacing("project_type: hybrid", with: "project_type: email")
            .replacing("      email: email\n", with: "")
            .replacing("    mapping:", with: "    placeholder_emails: true\n    mapping:")
        let sync = try Sample.load(text).sync(named: "vip")
        #expect(sync.placeholderEmails)
        #expect(sync.mapping == ColumnMapping(userID: "customer_id"))
        let both = text.replacing("      user_id:", with: "      email: email\n      user_id:")
        #expect(
            Sample.headlines(both) == [
                "rollcall.yaml:27:7: syncs.vip.mapping maps email, but placeholder_emails is true"
            ])
    }

    @Test(arguments: ["email", "user_id"])
    func maxSharingIsForHybridProjectsOnly(type: String) throws {
        let other = type == "email" ? "      user_id: customer_id\n" : "      email: email\n"
        let text = Sample.replacing("project_type: hybrid", with: "project_type: \(type)").replacing(
            other, with: "")
        #expect(try Sample.load(text).sync(named: "vip").identity.maxSharing == 10)
        let shared = text.replacing(
            "    mapping:", with: "    identity:\n      max_sharing: 5\n    mapping:")
        #expect(
            Sample.headlines(shared) == [
                "rollcall.yaml:26:7: syncs.vip.identity.max_sharing is set, but the project is of type \(type)"
            ])
        let hybrid = Sample.replacing(
            "    mapping:", with: "    identity:\n      max_sharing: 5\n    mapping:")
        #expect(try Sample.load(hybrid).sync(named: "vip").identity.maxSharing == 5)
    }

    @Test(arguments: ["\n", "\r\n", "\r"])
    func lineBreaksAndAByteOrderMarkAreFine(_ lineBreak: String) throws {
        let text = "\u{FEFF}" + Sample.text.replacing("\n", with: lineBreak)
        #expect(try Sample.load(text).syncs.count == 1)
        let bad = text.replacing("every: 30m", with: "every: 7m")
        #expect(Sample.headlines(bad).first?.hasPrefix("rollcall.yaml:29:14: ") == true)
    }

    @Test func mergedMappingsFillWhatTheMappingItselfLeavesOut() throws {
        let text = """
            warehouses: {shop: &w {type: sqlite, path: a.sqlite}, other: {<<: *w, path: b.sqlite}}
            destinations: {m: {type: iterable, api_key: "${ITERABLE_API_KEY}", project_type: hybrid}}
            syncs:
              first: &first
                warehouse: shop
                destination: m
                audience: {table: people}
                list: {id: 1}
                schedule: {every: 5m}
              second:
                <<: [{list: {id: 2}}, *first]
                warehouse: other
            """
        let configuration = try Sample.load(text)
        #expect(configuration.warehouses["other"] == .sqlite(path: "/srv/rollcall/b.sqlite"))
        let second = try configuration.sync(named: "second")
        #expect(second.warehouse == "other" && second.list == .id(2) && second.schedule?.every == .fiveMinutes)
    }

    @Test func tableNamesFollowTheirDatabase() throws {
        let cases: [(String, String, [String])] = [
            ("shop", "Main.VIP", ["Main", "VIP"]), ("crm", "Crm.VIP_1$", ["crm", "vip_1$"]),
            ("crm", "'\"Crm\".\"a.b\"'", ["Crm", "a.b"]), ("crm", "größe", ["größe"]),
        ]
        for (warehouse, table, parts) in cases {
            let text = Sample.replacing("table: vip_customers", with: "table: \(table)")
                .replacing("warehouse: shop", with: "warehouse: \(warehouse)")
            #expect(try Sample.load(text).syncs.first?.audience == .table(parts))
        }
    }

    @Test func theSameListIsFoundBehindAnotherNameOfTheSameProject() {
        let text =
            Sample.replacing(
                "syncs:\n",
                with: "  twin:\n    type: iterable\n    api_key: ${ITERABLE_API_KEY}\n"
                    + "    project_type: hybrid\n    list_name_prefix: \"VIP \"\nsyncs:\n")
            + "  copy: {warehouse: shop, destination: twin, audience: {table: a}, list: {name: customers}}\n"
        #expect(Sample.headlines(text).map { $0.contains("keeps the same list as syncs.vip") } == [true])
    }

    @Test func unwiseThingsAreWarnings() throws {
        let long = String(repeating: "d", count: 141)
        let text =
            Sample.replacing("name: VIP customers", with: "name: VIP customers\n      description: \(long)")
            + "  other: {warehouse: shop, destination: marketing, audience: {table: a}, list: {id: 9, description: x}}\n"
        let warnings = try Sample.load(text).warnings
        #expect(warnings.map(\.line) == [25, 34])
        let none = Sample.text.prefix(upTo: try #require(Sample.text.firstRange(of: "syncs:")).lowerBound)
        #expect(try Sample.load(String(none)).warnings.map(\.message) == ["there are no syncs yet"])
    }

    @Test func deepNestingAndManyAliasesAreNoHarm() {
        #expect(Sample.headlines(String(repeating: "[", count: 200_000)).count == 1)
        #expect(Sample.headlines(String(repeating: "{a: ", count: 50_000)).count == 1)
        #expect(Sample.headlines(String(repeating: "- ", count: 50_000)).count == 1)
        var bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...12 {
            bomb += "a\(level): &a\(level) [" + (0..<10).map { _ in "*a\(level - 1)" }.joined(separator: ", ") + "]\n"
        }
        #expect(Sample.headlines(Sample.text + bomb).count == 13)
    }
}

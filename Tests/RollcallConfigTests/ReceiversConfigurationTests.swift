import Foundation
import RollcallConfig
import RollcallCore
import Testing

/// Receivers, and what `server` says of them.
@Suite struct ReceiversConfigurationTests {
    private func load(_ text: String, home: String? = nil) throws -> Configuration {
        var environment = ReceiversSample.environment
        environment["HOME"] = home
        return try Sample.load(text, environment: environment)
    }

    private func receiver(_ text: String) throws -> ReceiverSettings { try load(text).receiver(named: "engagement") }

    private func receiver(with line: String) throws -> ReceiverSettings {
        try receiver(ReceiversSample.text("\(ReceiversSample.rest)\n\(line)"))
    }

    private func problems(_ text: String) -> [ConfigurationProblem] {
        do {
            _ = try load(text)
            return []
        } catch {
            return (error as? ConfigurationErrors)?.problems ?? []
        }
    }

    // MARK: What is right

    @Test func theShortForm() throws {
        let configuration = try load(
            ReceiversSample.text("type: iterable\npath: /hooks\nwarehouse: crm").replacing("server: {}\n", with: ""))
        let expected = ReceiverSettings(name: "engagement", path: "/hooks", warehouse: "crm")
        #expect(configuration.receivers == [expected])
        #expect(expected.destination == nil && expected.credentials.isEmpty && expected.events == .all)
        #expect(!expected.requiresUserID && expected.identifiers == .plain && expected.allowFrom.isEmpty)
        #expect(expected.retentionDays == 400)
        let listen = configuration.receiverListen
        #expect(listen.host == "127.0.0.1" && listen.port == 8430 && listen.isLoopback)
        #expect(listen.maxBody == 1_000_000 && listen.trustedProxies.isEmpty && listen.spoolBytes == 1_000_000_000)
        #expect(configuration.server == nil && configuration.syncs.isEmpty && configuration.warnings.isEmpty)
    }

    @Test func everyKey() throws {
        let text = """
            type: iterable
            path: /webhooks/iterable/a~b:c@d
            warehouse: crm
            destination: marketing
            auth:
              basic: [ "${TOKEN}", "${OTHER}:${TOKEN}", "Bearer ${OTHER}" ]
              oauth2: "${OTHER}"
              header: { name: X-Webhook-TOKEN, value: "${OTHER}" }
            events: [emailOpen, emailClick, unknown]
            require_user_id: true
            identifiers: hashed
            allow_from: [203.0.113.0/24, "2001:db8::/32"]
            retention_days: 1
            """
        let server =
            "{ receiver_listen: \"[::]:443\", max_body: 64KiB, trusted_proxies: [10.0.0.7, 192.168.0.0/16], "
            + "receiver_spool: { path: spool, max_size: 2GB } }"
        let configuration = try load(ReceiversSample.text(text, server: server))
        let receiver = try configuration.receiver(named: "engagement")
        let (token, other) = ("project:hunter2hunter2", "hunter2-other")
        let credentials: [ReceiverSettings.Credential] = [
            .token(Secret(token)), .token(Secret("\(other):\(token)")), .token(Secret("Bearer \(other)")),
            .token(Secret(other)), .header(name: "x-webhook-token", value: Secret(other)),
        ]
        let ranges = ["203.0.113.0/24", "2001:db8::/32"].compactMap(AddressRange.init)
        let expected = ReceiverSettings(
            name: "engagement", path: "/webhooks/iterable/a~b:c@d", warehouse: "crm", destination: "marketing",
            credentials: credentials, events: .named(["emailOpen", "emailClick"], unknown: true), requiresUserID: true,
            identifiers: .hashed, allowFrom: ranges, retentionDays: 1)
        #expect(receiver == expected && ranges.count == 2)
        let listen = configuration.receiverListen
        #expect(listen.host == "::" && listen.port == 443 && !listen.isLoopback && listen.maxBody == 65_536)
        #expect(listen.trustedProxies == ["10.0.0.7", "192.168.0.0/16"].compactMap(AddressRange.init))
        #expect(listen.spoolPath == "/srv/rollcall/spool" && listen.spoolBytes == 2_000_000_000)
        #expect(configuration.server == ServerSettings() && configuration.warnings.isEmpty)
    }

    @Test func receiversKeepTheOrderOfTheFileAndAreFoundByName() throws {
        let others = """
              bounces: { type: iterable, path: /a, warehouse: shop }
              alpha: { type: iterable, path: /A, warehouse: shop }
            """
        let configuration = try load(ReceiversSample.text(others: others))
        #expect(configuration.receivers.map(\.name) == ["engagement", "bounces", "alpha"])
        #expect(try configuration.receiver(named: "alpha").path == "/A")
        let error = #expect(throws: ConfigurationLookupError.self) { try configuration.receiver(named: "bounce") }
        #expect(error?.description == "rollcall.yaml: there is no receiver \"bounce\"; did you mean \"bounces\"?")
    }

    @Test func destinationsMayBeMissingWhereThereAreReceivers() throws {
        let text = """
            warehouses: { shop: { type: sqlite, path: shop.sqlite } }
            receivers: { a: { type: iterable, path: /a, warehouse: shop } }
            """
        let configuration = try load(text)
        #expect(configuration.destinations.isEmpty && configuration.warnings.isEmpty)
        #expect(configuration.receivers.map(\.name) == ["a"])
        let problems = problems("warehouses: { shop: { type: sqlite, path: shop.sqlite } }")
        #expect(problems.map(\.message) == ["the key \"destinations\" is missing"])
        let dangling = self.problems(text.replacing("warehouse: shop }", with: "warehouse: shop, destination: x }"))
        #expect(dangling.map(\.expected) == ["a destination defined under destinations"])
    }

    @Test func eventsByName() throws {
        #expect(try receiver(with: "events: all").events == .all)
        #expect(try receiver(with: "events: [emailOpen, emailOpen]").events == .named(["emailOpen"], unknown: false))
        #expect(try receiver(with: "events: [unknown]").events == .named([], unknown: true))
    }

    @Test func aNameThatIterableIsNotKnownToPostIsAWarning() throws {
        let text = ReceiversSample.text("\(ReceiversSample.rest)\nevents: [emailOpened, emailOpen, \"5 o'clock\"]")
        let configuration = try load(text)
        let words = "is no event that Iterable is known to post"
        #expect(
            configuration.warnings.map { $0.description.prefix { $0 != "\n" } } == [
                "rollcall.yaml:15:14: \"emailOpened\" \(words) (receivers.engagement.events.0); did you mean \"emailOpen\"?",
                "rollcall.yaml:15:38: \"5 o'clock\" \(words) (receivers.engagement.events.2)",
            ])
        #expect(
            configuration.receivers.map(\.events) == [
                .named(["emailOpened", "emailOpen", "5 o'clock"], unknown: false)
            ])
    }

    @Test func sizes() throws {
        for (text, bytes) in [
            ("1B", 1), ("1KB", 1000), ("1KiB", 1024), ("32MB", 32_000_000), ("2MiB", 2_097_152), ("007KB", 7000),
        ] {
            #expect(try load(ReceiversSample.text(server: "{ max_body: \(text) }")).receiverListen.maxBody == bytes)
        }
        let largest = try load(ReceiversSample.text(server: "{ receiver_spool: { max_size: 1000GB } }")).receiverListen
        #expect(largest.spoolBytes == 1_000_000_000_000 && largest.spoolPath != nil)
    }

    // MARK: Auth

    @Test func withoutAuthAReceiverIsForLoopbackOnly() throws {
        for auth in ["", "auth:", "auth: {}"] {
            let text = ReceiversSample.replacing(.auth, with: auth)
            for host in ["127.0.0.1", "localhost", "[::1]", "127.9.9.9"] {
                let listen = "{ receiver_listen: \"\(host):9\" }"
                #expect(try receiver(ReceiversSample.text(text, server: listen)).credentials.isEmpty, "\(host)")
            }
            let problems = problems(ReceiversSample.text(text, server: "{ receiver_listen: \"0.0.0.0:9\" }"))
            #expect(
                problems.map(\.message) == [
                    "receivers.engagement has no auth, and server.receiver_listen is not loopback"
                ])
            #expect(problems.first?.expected == "auth with basic, oauth2 or header")
            #expect(problems.first?.line == (auth.isEmpty ? 9 : 14))
        }
    }

    @Test func aMisspeltAuthIsNotReportedTwice() {
        for auth in ["auht: { basic: [ \"${TOKEN}\" ] }", "auth: { bsic: [ \"${TOKEN}\" ] }", "auth: hunter2"] {
            let text = ReceiversSample.replacing(.auth, with: auth)
            #expect(problems(ReceiversSample.text(text, server: "{ receiver_listen: \"0.0.0.0:9\" }")).count == 1)
        }
    }

    @Test func tokensMayStandInTheFileForASandboxOnly() throws {
        let written = ReceiversSample.replacing(.auth, with: "auth: { basic: [ lit3ral ] }")
        let sandbox = written.replacing(ReceiversSample.Part.destination.rawValue, with: "destination: sandbox")
        #expect(try receiver(ReceiversSample.text(sandbox)).credentials == [.token(Secret("lit3ral"))])
        let open = "{ receiver_listen: \"0.0.0.0:9\" }"
        let nowhere = written.replacing(ReceiversSample.Part.destination.rawValue, with: "")
        for text in [
            ReceiversSample.text(written), ReceiversSample.text(sandbox, server: open), ReceiversSample.text(nowhere),
        ] {
            #expect(
                problems(text).map(\.message) == ["receivers.engagement.auth.basic.0 is written into the file"])
        }
    }

    @Test func noSecretIsShown() {
        let written = [
            "auth: hunter2", "auth: { basic: hunter2 }", "auth: { basic: [ hunter2 ] }", "auth:\n  basic:\n  - hunter2",
            "auth:\n  hunter2", "auth:\n  basic: hunter2", "basic: [ hunter2 ]", "auth: { oauth: [ hunter2 ] }",
            "auth: { header: { name: hunter2, value: hunter2 } }", "auth: { header: hunter2 }",
            "auth:\n  header:\n    name: X\n    value: hunter2", "auth: { bsic: [ hunter2 ], basic: [] }",
            "auth:\n  bsic: \"hunter2",
            "auth: { basic: [ \"${BROKEN}\", hunter2 ] }",
        ]
        for auth in written {
            let text = ReceiversSample.text(ReceiversSample.replacing(.auth, with: auth))
            let shown = Sample.rendered(text, environment: ReceiversSample.environment)
            #expect(!shown.isEmpty && !shown.contains("hunter2"), "\(shown)")
        }
    }

    @Test func keysBelowAuthAreShownWithoutWhatStandsBehindThem() {
        let auth = "auth:\n  basic: [ hunter2 ]\n  header: { name: X-Token, value: \"${OTHER}\" }\n  oauth: hunter2"
        let text = ReceiversSample.text(ReceiversSample.replacing(.auth, with: auth))
        let shown = problems(text).map(\.sourceLine)
        #expect(shown == ["      basic: ***", "      oauth: ***"])
    }

    // MARK: Addresses

    @Test func onLoopbackAllowFromNeedsAProxy() throws {
        let text = "\(ReceiversSample.rest)\nallow_from: [203.0.113.7]"
        let alone = try load(ReceiversSample.text(text))
        #expect(
            alone.warnings.map(\.message) == [
                "receivers.engagement.allow_from refuses every post: on loopback all of them come from this machine"
            ])
        for server in ["{ trusted_proxies: [127.0.0.1] }", "{ receiver_listen: \"0.0.0.0:9\" }"] {
            #expect(try load(ReceiversSample.text(text, server: server)).warnings.isEmpty, "\(server)")
        }
        let local = "\(ReceiversSample.rest)\nallow_from: [127.0.0.0/8]"
        #expect(try load(ReceiversSample.text(local)).warnings.isEmpty)
    }

    @Test func theTwoListenersMayDifferByPortOrByAddress() throws {
        for server in [
            "{ listen: \"127.0.0.1:9\", receiver_listen: \"127.0.0.2:9\" }",
            "{ listen: \"127.0.0.1:0\", receiver_listen: \"127.0.0.1:0\" }",
            "{ listen: \"0.0.0.0:9\", receiver_listen: \"0.0.0.0:10\" }",
        ] { _ = try load(ReceiversSample.text(server: server)) }
        // Without receivers nothing listens there, unless the file says so.
        _ = try load(Sample.text + "server: { listen: \"127.0.0.1:8430\" }\n")
        let both = "server: { listen: \"127.0.0.1:9\", receiver_listen: \"127.0.0.1:9\" }\n"
        #expect(problems(Sample.text + both).count == 1)
    }

    // MARK: The spool

    @Test func theSpoolCanBeSwitchedOffAndHasAPlace() throws {
        func path(_ spool: String) throws -> String? {
            try load(ReceiversSample.text(server: "{ receiver_spool: \(spool) }"), home: "/home/me")
                .receiverListen.spoolPath
        }
        #expect(try path("off") == nil)
        #expect(try path("{ path: /var/spool/rollcall }") == "/var/spool/rollcall")
        #expect(try path("{ path: waiting }") == "/srv/rollcall/waiting")
        #expect(try path("{ max_size: 1MB }")?.hasPrefix("/home/me/.local/state/rollcall/spool-") == true)
    }

    @Test func withoutAPathTheSpoolStandsInTheFolderForState() throws {
        func path(_ environment: [String: String], file: String = "rollcall.yaml", folder: String = "/srv") throws
            -> String?
        {
            try Configuration.parse(
                text: ReceiversSample.text(), path: file, folder: folder,
                environment: ReceiversSample.environment.merging(environment) { $1 }
            ).receiverListen.spoolPath
        }
        let home = ["HOME": "/home/me"]
        let usual = try #require(try path(home))
        let name = try #require(usual.split(separator: "/").last)
        #expect(usual == "/home/me/.local/state/rollcall/\(name)")
        #expect(name.wholeMatch(of: /spool-[0-9a-f]{16}/) != nil)
        let state = home.merging(["XDG_STATE_HOME": "/state"]) { $1 }
        #expect(try path(state) == "/state/rollcall/\(name)")
        let service = state.merging(["STATE_DIRECTORY": "/var/lib/rollcall:/var/lib/other"]) { $1 }
        #expect(try path(service) == "/var/lib/rollcall/\(name)")
        #expect(try path(["XDG_STATE_HOME": "state", "HOME": ""]) == "/srv/.rollcall-spool")
        #expect(try path([:]) == "/srv/.rollcall-spool")
        #expect(try path(["XDG_STATE_HOME": "", "HOME": "/a:b"])?.hasPrefix("/a:b/.local/state/rollcall/") == true)
        // The same file is the same folder, however it was named; another file is another one.
        #expect(try path(home, file: "../srv/rollcall.yaml") == usual)
        #expect(try path(home, file: "other.yaml") != usual)
        #expect(try path(home, folder: "/srv2") != usual)
    }

    @Test func aReceiverThatIsSilentIsAnAlert() throws {
        let alerts = """
            alerts:
              silent_after_minutes: 90
              webhooks:
                - { url: "https://hooks.example.com/a", kind: slack, on: [receiver_silent] }
            """
        let settings = try #require(try load(ReceiversSample.text(others: alerts)).alerts)
        #expect(settings.thresholds.silentAfterMinutes == 90)
        #expect(settings.webhooks.map(\.on) == [[.receiverSilent]])
        #expect(AlertSettings().thresholds.silentAfterMinutes == 1440)
        let zero = ReceiversSample.text(others: alerts.replacing("90", with: "0"))
        #expect(problems(zero).map(\.message) == ["alerts.silent_after_minutes \"0\" is out of range"])
    }

    // MARK: What is wrong

    @Test(arguments: WrongReceivers.all) func whatIsWrongIsSaid(_ wrong: WrongReceivers) {
        let problems = problems(wrong.text)
        #expect(problems.map { problem in String(problem.description.prefix { $0 != "\n" }) } == [wrong.headline])
        #expect(problems.first?.expected == wrong.expected)
        let shown = problems.map(\.description).joined(separator: "\n")
        #expect(!shown.contains("hunter2"))
    }
}

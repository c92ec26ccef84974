import Foundation
import RollcallConfig
import RollcallCore
import Testing

/// The shipped files against the reader: schema, template and samples.
@Suite struct SchemaTests {
    private static func object(_ value: Any?) throws -> [String: Any] { try #require(value as? [String: Any]) }

    private static func schema() throws -> [String: Any] {
        try object(JSONSerialization.jsonObject(with: Data(ConfigurationSchema.json.utf8)))
    }

    /// Paths of all keys in a schema, `*` for names of the user's choice.
    private static func keys(_ schema: [String: Any], under path: String = "") throws -> Set<String> {
        var found: Set<String> = []
        for (name, value) in schema["properties"] as? [String: Any] ?? [:] {
            let child = try object(value)
            let childPath = path.isEmpty ? name : "\(path).\(name)"
            found.insert(childPath)
            found.formUnion(try keys(child, under: childPath))
            if let named = child["additionalProperties"] as? [String: Any] {
                found.formUnion(try keys(named, under: "\(childPath).*"))
            }
            if let items = child["items"] as? [String: Any] {
                found.formUnion(try keys(items, under: "\(childPath).*"))
            }
        }
        return found
    }

    private static let expectedKeys: Set<String> = [
        "warehouses", "warehouses.*.type", "warehouses.*.path", "warehouses.*.url", "warehouses.*.state",
        "warehouses.*.state_schema", "warehouses.*.row_security", "warehouses.*.statement_timeout_seconds",
        "warehouses.*.wait_seconds",
        "destinations", "destinations.*.type", "destinations.*.api_key", "destinations.*.data_center",
        "destinations.*.project_type", "destinations.*.list_name_prefix", "destinations.*.base_url",
        "destinations.*.limits", "destinations.*.limits.requests_per_second",
        "destinations.*.limits.subscribers_per_request", "destinations.*.limits.concurrent_requests",
        "destinations.*.limits.request_timeout_seconds", "destinations.*.limits.settle_seconds",
        "destinations.*.limits.bytes_per_request", "destinations.*.limits.shared_in", "destinations.*.limits.users",
        "destinations.*.limits.users.requests_per_second", "destinations.*.limits.users.records_per_request",
        "destinations.*.limits.users.single_requests_per_second", "destinations.*.limits.users.look_ups_per_second",
        "destinations.*.limits.events",
        "destinations.*.limits.events.requests_per_second", "destinations.*.limits.events.records_per_request",
        "destinations.*.limits.events.single_requests_per_second",
        "destinations.*.limits.catalog",
        "destinations.*.limits.catalog.requests_per_second", "destinations.*.limits.catalog.records_per_request",
        "syncs", "syncs.*.kind", "syncs.*.source", "syncs.*.source.table", "syncs.*.source.read",
        "syncs.*.source.query",
        "syncs.*.source.query_file", "syncs.*.catalog", "syncs.*.catalog.name", "syncs.*.catalog.create", "syncs.*.key",
        "syncs.*.fields", "syncs.*.except", "syncs.*.mode", "syncs.*.documents", "syncs.*.duplicates", "syncs.*.verify",
        "syncs.*.verify.sample", "syncs.*.verify.within", "syncs.*.nulls",
        "syncs.*.nested", "syncs.*.new_fields", "syncs.*.on_leave", "syncs.*.identity_changes",
        "syncs.*.event", "syncs.*.event.name", "syncs.*.event.names", "syncs.*.event.id", "syncs.*.event.namespace",
        "syncs.*.event.created_at", "syncs.*.event.campaign_id", "syncs.*.event.template_id", "syncs.*.start",
        "syncs.*.cursor", "syncs.*.changed_rows", "syncs.*.after", "syncs.*.wait_for_user", "syncs.*.delivery",
        "syncs.*.stream", "syncs.*.stream.poll", "syncs.*.stream.linger", "syncs.*.stream.wake",
        "syncs.*.guards.max_invalid", "syncs.*.guards.max_changes",
        "syncs.*.guards.max_identity_changes", "syncs.*.guards.max_events", "syncs.*.guards.max_age",
        "syncs.*.warehouse", "syncs.*.destination",
        "syncs.*.enabled", "syncs.*.audience", "syncs.*.audience.table", "syncs.*.audience.read",
        "syncs.*.audience.query",
        "syncs.*.audience.query_file", "syncs.*.list",
        "syncs.*.list.name", "syncs.*.list.description", "syncs.*.list.id", "syncs.*.mapping",
        "syncs.*.mapping.email", "syncs.*.mapping.user_id", "syncs.*.identity",
        "syncs.*.identity.max_sharing", "syncs.*.update_existing_users_only",
        "syncs.*.placeholder_emails", "syncs.*.schedule", "syncs.*.schedule.every",
        "syncs.*.schedule.at",
        "syncs.*.guards", "syncs.*.guards.max_removals", "syncs.*.guards.allow_empty", "syncs.*.logs",
        "syncs.*.logs.retain", "syncs.*.logs.retention_days", "syncs.*.logs.records", "syncs.*.logs.identifiers",
        "receivers", "receivers.*.type", "receivers.*.path", "receivers.*.warehouse", "receivers.*.destination",
        "receivers.*.auth", "receivers.*.auth.basic", "receivers.*.auth.oauth2", "receivers.*.auth.header",
        "receivers.*.auth.header.name", "receivers.*.auth.header.value", "receivers.*.events",
        "receivers.*.require_user_id", "receivers.*.identifiers", "receivers.*.allow_from",
        "receivers.*.retention_days",
        "server", "server.listen", "server.tokens", "server.tokens.*.name", "server.tokens.*.role",
        "server.tokens.*.sha256", "server.receiver_listen", "server.max_body", "server.trusted_proxies",
        "server.receiver_spool", "alerts", "alerts.failures_over", "alerts.late_after_minutes",
        "alerts.silent_after_minutes", "alerts.webhooks",
        "alerts.webhooks.*.url", "alerts.webhooks.*.kind", "alerts.webhooks.*.secret", "alerts.webhooks.*.on",
    ]

    @Test func theSchemaHasEveryKeyAndNoOther() throws {
        let schema = try Self.schema()
        #expect(schema["$schema"] as? String == "https://json-schema.org/draft/2020-12/schema")
        #expect(try Self.keys(schema) == Self.expectedKeys)
    }

    /// A mapping with exactly the schema's keys at one place: the parser must know every one of them, and no other.
    @Test func theParserKnowsExactlyTheKeysOfTheSchema() throws {
        let places: [String: (String) -> String] = [
            "": { "\($0): 1" },
            "warehouses.*": { "warehouses: {a: {\($0): 1}}" },
            "destinations.*": { "destinations: {a: {\($0): 1}}" },
            "destinations.*.limits": { "destinations: {a: {limits: {\($0): 1}}}" },
            "syncs.*": { "syncs: {a: {\($0): 1}}" },
            "destinations.*.limits.users": { "destinations: {a: {limits: {users: {\($0): 1}}}}" },
            "destinations.*.limits.events": { "destinations: {a: {limits: {events: {\($0): 1}}}}" },
            "destinations.*.limits.catalog": { "destinations: {a: {limits: {catalog: {\($0): 1}}}}" },
            "syncs.*.source": { "syncs: {a: {kind: catalog, source: {\($0): 1}}}" },
            "syncs.*.verify": { "syncs: {a: {kind: catalog, verify: {\($0): 1}}}" },
            "syncs.*.event": { "syncs: {a: {kind: events, event: {\($0): 1}}}" },
            "syncs.*.stream": { "syncs: {a: {kind: events, stream: {\($0): 1}}}" },
            "syncs.*.catalog": { "syncs: {a: {kind: catalog, catalog: {\($0): 1}}}" },
            "syncs.*.audience": { "syncs: {a: {audience: {\($0): 1}}}" },
            "syncs.*.list": { "syncs: {a: {list: {\($0): 1}}}" },
            "syncs.*.mapping": { "syncs: {a: {mapping: {\($0): 1}}}" },
            "syncs.*.identity": { "syncs: {a: {identity: {\($0): 1}}}" },
            "syncs.*.schedule": { "syncs: {a: {schedule: {\($0): 1}}}" },
            "syncs.*.guards": { "syncs: {a: {guards: {\($0): 1}}}" },
            "syncs.*.logs": { "syncs: {a: {logs: {\($0): 1}}}" },
            "receivers.*": { "receivers: {a: {\($0): 1}}" },
            "receivers.*.auth": { "receivers: {a: {auth: {\($0): 1}}}" },
            "receivers.*.auth.header": { "receivers: {a: {auth: {header: {\($0): 1}}}}" },
            "server": { "server: {\($0): 1}" },
            "alerts": { "alerts: {\($0): 1}" },
            "alerts.webhooks.*": { "alerts: {webhooks: [{\($0): 1}]}" },
            "server.tokens.*": { "server: {tokens: [{\($0): 1}]}" },
        ]
        let keys = try Self.keys(Self.schema())
        #expect(Set(keys.map(Self.parent)) == Set(places.keys))
        for (place, write) in places {
            for key in keys where Self.parent(of: key) == place {
                let name = key.split(separator: ".").last.map(String.init) ?? key
                #expect(!Sample.rendered(write(name)).contains("unknown key"), "\(key)")
            }
            #expect(Sample.rendered(write("zzzzzzzz")).contains("unknown key \"zzzzzzzz\""), "\(place)")
        }
    }

    private static func parent(of key: String) -> String {
        key.lastIndex(of: ".").map { String(key[..<$0]) } ?? ""
    }

    /// What the schema says of syncs of each kind.
    private static func rulesOfKinds() throws -> [String: (required: [String], properties: [String: Any])] {
        let properties = try object(schema()["properties"])
        let syncs = try object(properties["syncs"])
        let sync = try object(syncs["additionalProperties"])
        let conditions = try #require(sync["allOf"] as? [[String: Any]])
        var rules: [String: (required: [String], properties: [String: Any])] = [:]
        for condition in conditions {
            let wanted = try object(object(condition["if"])["properties"])
            let word = try object(wanted["kind"])
            let kind = try #require(word["const"] as? String)
            let then = try object(condition["then"])
            let required = try #require(then["required"] as? [String])
            rules[kind] = (required, try object(then["properties"]))
        }
        return rules
    }

    @Test func theSchemaTellsTheKindsOfSyncsApart() throws {
        let rules = try Self.rulesOfKinds()
        #expect(rules.keys.sorted() == ["catalog", "events", "list", "users"])
        #expect(rules["list"]?.required == ["list"])
        #expect(rules["users"]?.required == ["fields"])
        #expect(rules["events"]?.required == ["event", "key"])
        #expect(rules["catalog"]?.required == ["catalog", "key", "fields"])
        let refused = rules.mapValues { rule in Set(rule.properties.filter { $0.value as? Bool == false }.keys) }
        let ofRecords: Set = ["key", "fields", "except"]
        let ofKeptRecords: Set = ["mode", "duplicates"]
        let ofUsers: Set = ["nulls", "nested", "on_leave", "identity_changes"]
        let ofEvents: Set = ["event", "start", "changed_rows", "after", "wait_for_user", "delivery"]
        let ofStreams: Set = ["cursor", "stream"]
        let ofCatalogs: Set = ["catalog", "documents", "verify"]
        let ofLists: Set = ["audience", "list", "identity", "update_existing_users_only", "placeholder_emails"]
        let people = ofUsers.union(ofEvents).union(["new_fields"])
        let ofMembers: Set = ["fields", "except", "nulls"]
        #expect(
            refused["list"]
                == people.union(ofRecords).union(ofKeptRecords).union(ofCatalogs).union(ofStreams).subtracting(
                    ofMembers))
        #expect(refused["users"] == ofEvents.union(ofCatalogs).union(ofLists))
        #expect(refused["events"] == ofUsers.union(ofKeptRecords).union(ofCatalogs).union(ofLists))
        #expect(refused["catalog"] == people.union(ofLists).union(["mapping"]))
        // Beside them stand the keys that take less than in syncs of another kind.
        let narrowed = rules.mapValues { rule in rule.properties.filter { $0.value is [String: Any] }.keys.sorted() }
        #expect(narrowed["list"] == ["guards"])
        #expect(narrowed["users"] == ["guards", "key", "mode"])
        #expect(narrowed["events"] == ["fields", "guards", "key"])
        #expect(narrowed["catalog"] == ["fields", "guards", "key", "mode"])
    }

    @Test func theSchemaHasTheGuardsOfEachKind() throws {
        let guards = try Self.rulesOfKinds().mapValues { rule -> [String] in
            let section = try Self.object(rule.properties["guards"])
            #expect(section["type"] as? [String] == ["object", "null"])
            return try Self.object(section["properties"]).keys.sorted()
        }
        #expect(guards["list"] == ["allow_empty", "max_removals"])
        let ofUsers = ["allow_empty", "max_changes", "max_identity_changes", "max_invalid", "max_removals"]
        #expect(guards["users"] == ofUsers)
        #expect(guards["events"] == ["max_age", "max_events", "max_invalid"])
        #expect(guards["catalog"] == ["allow_empty", "max_invalid", "max_removals"])
    }

    /// The patterns of the texts that one key may have, on their own or among other values.
    private static func patterns(_ schema: [String: Any]) throws -> [String] {
        let own = (schema["pattern"] as? String).map { [$0] } ?? []
        let choices = schema["anyOf"] as? [[String: Any]] ?? []
        return try own + choices.flatMap { try patterns($0) }
    }

    @Test func spansAndTimesHaveTheirFormsInTheSchema() throws {
        let properties = try Self.object(Self.schema()["properties"])
        let syncs = try Self.object(Self.object(properties["syncs"])["additionalProperties"])
        let keys = try Self.object(syncs["properties"])
        func fits(_ text: String, _ key: String) throws -> Bool {
            try Self.patterns(Self.object(keys[key])).contains { pattern in
                text.range(of: pattern, options: .regularExpression) != nil
            }
        }
        for text in ["24h", "0s", "${WAIT}"] { #expect(try fits(text, "wait_for_user"), "\(text)") }
        for text in ["24", "24 h", "h", "-1h", "1.5h"] { #expect(try !fits(text, "wait_for_user"), "\(text)") }
        for text in ["30d", "2026-11-21", "2026-11-21T06:00:00Z", "2026-11-21T06:00:00.5+02:00", "${START}"] {
            #expect(try fits(text, "start"), "\(text)")
        }
        for text in ["yesterday", "2026-11-21T06:00:00", "2026-11-21 06:00:00Z", "2026-13-01", "0000-01-01"] {
            #expect(try !fits(text, "start"), "\(text)")
        }
        let stream = try Self.object(Self.object(keys["stream"])["properties"])
        for (key, text, isRight) in [
            ("poll", "5s", true), ("poll", "1m", true), ("poll", "5", false), ("linger", "0s", true),
            ("wake", "orders_changed", true), ("wake", "Größe \"7\"", true), ("wake", "a\tb", false),
            ("wake", "a\u{85}b", false),
        ] {
            let fits = try Self.patterns(Self.object(stream[key])).contains {
                text.range(of: $0, options: .regularExpression) != nil
            }
            #expect(fits == isRight, "\(key): \(text)")
        }
        let start = try #require(try Self.object(keys["start"])["anyOf"] as? [[String: Any]])
        let words = start.compactMap { ($0["anyOf"] as? [[String: Any]])?.first?["enum"] as? [String] }
        #expect(words == [["now", "all"]])
    }

    @Test func everyKeyIsDescribed() throws {
        func check(_ schema: [String: Any]) throws {
            for (name, value) in schema["properties"] as? [String: Any] ?? [:] {
                let child = try Self.object(value)
                #expect((child["description"] as? String)?.isEmpty == false, "\(name)")
                try check(child)
                if let named = child["additionalProperties"] as? [String: Any] { try check(named) }
                if let items = child["items"] as? [String: Any] { try check(items) }
            }
            #expect(schema["properties"] == nil || schema["additionalProperties"] as? Bool == false)
        }
        try check(Self.schema())
    }

    @Test func rangesStandInTheSchema() throws {
        let json = ConfigurationSchema.json
        #expect(json.contains("\"exclusiveMinimum\": 0"))
        #expect(
            json.contains("\"enum\": [\"5m\", \"10m\", \"15m\", \"30m\", \"1h\", \"3h\", \"6h\", \"12h\", \"24h\"]"))
        #expect(json.contains("\"maximum\": 3650"))
    }

    @Test(arguments: ConfigurationTemplate.Warehouse.allCases)
    func theTemplateLoadsAndNamesEveryKey(_ warehouse: ConfigurationTemplate.Warehouse) throws {
        let text = ConfigurationTemplate.yaml(warehouse: warehouse)
        let environment = ["ITERABLE_API_KEY": "k", "WAREHOUSE_DATABASE_URL": "service=w"]
        let configuration = try Sample.load(text, environment: environment)
        #expect(configuration.syncs.map(\.name) == ["vip-customers"])
        #expect(configuration.warnings.isEmpty)
        for key in Self.expectedKeys {
            let name = key.split(separator: ".").last.map(String.init) ?? key
            #expect(text.contains("\(name):"), "\(key)")
        }
        for line in ConfigurationTemplate.environmentFile(warehouse: warehouse).split(separator: "\n") {
            #expect(line.hasPrefix("#") || line.contains("="))
        }
    }

    @Test func theTemplatesOtherSyncsAreRightOnceTheyAreUsed() throws {
        let text = ConfigurationTemplate.yaml()
        let start = try #require(text.firstRange(of: "  # customers:")).lowerBound
        let end = try #require(text.firstRange(of: "# Where \"rollcall serve\"")).lowerBound
        let lines = text[start..<end].split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.hasPrefix("  # ") ? "  \(line.dropFirst(4))" : String(line)
        }
        let used = String(text[..<start]) + lines.joined(separator: "\n") + String(text[end...])
        let syncs = try Sample.load(used, environment: ["ITERABLE_API_KEY": "k"]).syncs
        #expect(syncs.map(\.kind) == [.list, .users, .events, .catalog])
        #expect(syncs.allSatisfy { $0.stream == nil })
    }

    @Test func theTemplatesStreamIsRightOnceItIsUsed() throws {
        let text = ConfigurationTemplate.yaml(warehouse: .postgres)
        let start = try #require(text.firstRange(of: "  # orders:")).lowerBound
        let end = try #require(text.firstRange(of: "  # products:")).lowerBound
        let used = text[start..<end].split(separator: "\n").filter { !$0.contains(" after: ") }.map { line in
            let line = "  \(line.dropFirst(4))\n"
            return line.hasPrefix("    # ") ? "    \(line.dropFirst(6))" : line
        }
        let environment = ["ITERABLE_API_KEY": "k", "WAREHOUSE_DATABASE_URL": "service=w"]
        let configuration = try Sample.load(
            String(text[..<start]) + used.joined() + String(text[end...]), environment: environment)
        var expected = StreamSettings()
        expected.wake = "orders_changed"
        #expect(try configuration.sync(named: "orders").stream == expected)
        #expect(configuration.warnings.isEmpty)
    }

    @Test func theTemplatesReceiversAreRightOnceTheyAreUsed() throws {
        let text = ConfigurationTemplate.yaml()
        let start = try #require(text.firstRange(of: "# receivers:")).lowerBound
        let end = try #require(text.firstRange(of: "# Where \"rollcall serve\"")).lowerBound
        let lines = text[start..<end].split(separator: "\n").map { "\($0.dropFirst(2))\n" }
        let used = String(text[..<start]) + lines.joined() + String(text[end...])
        let environment = ["ITERABLE_API_KEY": "k", "ITERABLE_WEBHOOK_TOKEN": "t"]
        let configuration = try Sample.load(used, environment: environment)
        #expect(configuration.receivers.map(\.name) == ["engagement"])
        #expect(configuration.receivers.map(\.credentials) == [[.token(Secret("t"))]])
        // The other ways of auth, which stand there as comments of a comment.
        let others = used.replacing("      # oauth2:", with: "      oauth2:")
            .replacing("      # header:", with: "      header:")
        let all = try Sample.load(others, environment: environment).receivers.first?.credentials
        #expect(all?.count == 3)
    }

    @Test func aFileNeedsDestinationsOrReceivers() throws {
        let schema = try Self.schema()
        #expect(schema["required"] as? [String] == ["warehouses"])
        let choices = try #require(schema["anyOf"] as? [[String: [String]]])
        #expect(choices == [["required": ["destinations"]], ["required": ["receivers"]]])
    }

    @Test func sizesHaveTheirFormInTheSchema() throws {
        let server = try Self.object(Self.object(Self.schema()["properties"])["server"])
        let body = try Self.object(Self.object(server["properties"])["max_body"])
        let pattern = try #require(try Self.patterns(body).first)
        func fits(_ text: String) -> Bool { text.range(of: pattern, options: .regularExpression) != nil }
        for text in ["1MB", "500KB", "64KiB", "1B", "${SIZE}"] { #expect(fits(text), "\(text)") }
        for text in ["1", "1mb", "1 MB", "1.5MB", "MB", "-1MB"] { #expect(!fits(text), "\(text)") }
    }

    @Test func theTemplatesServerIsRightOnceItIsUsed() throws {
        let text = ConfigurationTemplate.yaml()
        let start = try #require(text.firstRange(of: "# server:")).lowerBound
        let used = text[..<start] + text[start...].split(separator: "\n").map { "\($0.dropFirst(2))\n" }.joined()
        let hash = String(repeating: "0", count: 64)
        let environment = ["ITERABLE_API_KEY": "k", "ON_CALL_TOKEN_SHA256": hash]
        let server = try #require(try Sample.load(String(used), environment: environment).server)
        #expect(server.tokens.map(\.sha256) == [hash])
    }

    private static var samples: String {
        let file = URL(fileURLWithPath: #filePath)
        return file.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
            + "/samples"
    }

    @Test func theSamplesLoad() throws {
        let environment = ["ITERABLE_API_KEY": "k"]
        let sqlite = try Configuration.load(path: Self.samples + "/sqlite/rollcall.yaml", environment: environment)
        #expect(sqlite.warehouses["shop"] == .sqlite(path: Self.samples + "/sqlite/shop.sqlite"))
        #expect(sqlite.syncs.map(\.name) == ["vip-customers", "customers", "orders"])
        guard case .events(let orders) = try sqlite.sync(named: "orders").target else {
            Issue.record("no events")
            return
        }
        #expect(orders.after == "customers" && orders.cursor?.overlap == .seconds(1800))
        let postgres = try Configuration.load(path: Self.samples + "/postgres/rollcall.yaml", environment: environment)
        #expect(postgres.syncs.map(\.name) == ["big-spenders", "newsletter-readers", "at-risk", "products"])
        #expect(postgres.destinations["marketing"]?.limits.requestsPerSecond == 2.5)
        guard case .query(let query, let file?) = postgres.syncs[0].audience else {
            Issue.record("no query file")
            return
        }
        #expect(query.hasSuffix("HAVING sum(amount) > 1000") && file.hasSuffix("audiences/big_spenders.sql"))
        let atRisk = try postgres.sync(named: "at-risk")
        #expect(atRisk.schedule == nil && atRisk.list == .id(1_068_682))
        #expect(atRisk.logs.retentionDays == 90 && atRisk.logs.records == .failures)
        #expect(atRisk.guards.maxRemovals == .count(500))
        let stream = try Configuration.load(path: Self.samples + "/stream/rollcall.yaml", environment: environment)
        #expect(try stream.sync(named: "orders").stream?.wake == "order_events_changed" && stream.warnings.isEmpty)
    }
}

import Foundation
import RollcallConfig
import RollcallCore
import Testing

/// Syncs of kind events.
@Suite struct EventsConfigurationTests {
    private func sync(_ text: String) throws -> SyncSettings { try Sample.load(text).sync(named: "orders") }

    private func events(_ sync: String) throws -> EventSettings {
        guard case .events(let events) = try self.sync(EventsSample.text(sync)).target else {
            Issue.record("no events")
            throw RunError(code: "test", message: "no events")
        }
        return events
    }

    private func events(with line: String) throws -> EventSettings { try events("\(EventsSample.rest)\n\(line)") }

    private func events(_ part: EventsSample.Part, _ new: String) throws -> EventSettings {
        try events(EventsSample.replacing(part, with: new))
    }

    private func problems(_ text: String) -> [ConfigurationProblem] {
        do {
            _ = try Sample.load(text)
            return []
        } catch {
            return error.problems
        }
    }

    // MARK: What is right

    @Test func theShortForm() throws {
        let short = """
            source: { table: order_events }
            key: id
            event: { name: status }
            """
        let sync = try sync(EventsSample.text(short))
        let expected = EventSettings(key: ["id"], name: .column("status"), namespace: "orders")
        #expect(sync.kind == .events && sync.list == nil && sync.audience == .table(["order_events"]))
        #expect(sync.target == .events(expected) && sync.mapping.isAutomatic)
        #expect(expected.names == nil && expected.id == .derived && expected.createdAt == nil)
        #expect(expected.campaignID == nil && expected.templateID == nil)
        #expect(expected.fields == .only([]) && expected.newFields == .create)
        #expect(expected.start == .now && expected.cursor == nil && expected.changedRows == .ignore)
        #expect(expected.after == nil && expected.waitForUserSeconds == 86_400 && expected.delivery == .bulk)
        #expect(sync.guards.maxEvents == 100_000 && sync.guards.maxAgeSeconds == 604_800)
        #expect(sync.guards.maxInvalid == 20 && sync.guards.allowEmpty)
        #expect(sync.guards.maxChanges == nil && sync.guards.maxIdentityChanges == nil)
    }

    @Test func whatIsWrittenOutAsItIsAnywayChangesNothing() throws {
        let defaults = """
            new_fields: create
            start: now
            changed_rows: ignore
            wait_for_user: 24h
            delivery: bulk
            guards: { max_events: 100000, max_age: 7d, max_invalid: 20% }
            """
        let short = try Sample.load(EventsSample.text()).syncs
        let rest = EventsSample.rest
        #expect(try Sample.load(EventsSample.text("\(rest)\n\(defaults)")).syncs == short)
        #expect(try Sample.load(EventsSample.text("\(rest)\nguards:")).syncs == short)
        let derived = EventsSample.replacing(
            .event,
            with: "event: { name: { value: order_placed }, id: derived, namespace: orders, created_at: placed_at }")
        #expect(try Sample.load(EventsSample.text(derived)).syncs == short)
        let named = EventsSample.replacing(
            .event,
            with:
                "event: { name: { value: order_placed }, names: [order_placed, order_shipped], created_at: placed_at }")
        #expect(try Sample.load(EventsSample.text(named)).syncs == short, "every row has a name that is wanted")
    }

    private static let everything = """
        source: { query: "SELECT 1" }
        key: [shop, order_id]
        mapping: { user_id: customer_id, email: mail }
        event:
          name: status
          names: [order_placed, order shipped]
          id: { column: derived }
          created_at: { column: placed, unit: ms }
          campaign_id: { column: campaign, default: 123 }
          template_id: { value: 9223372036854775807 }
        fields:
          email: mail
          createdAt: made
          total: { column: total, type: double, default: 0 }
          shipping.city: city
          shop_geo_location: { column: [lat, lon], type: geo }
          source: { value: warehouse }
        new_fields: refuse
        start: 2026-11-21T08:00:00+02:00
        cursor: { column: loaded, overlap: 1h, sweep: 5s }
        changed_rows: update
        after: customers
        wait_for_user: 3d
        delivery: single
        schedule: { every: 5m }
        enabled: false
        logs: { retention_days: 90 }
        guards: { max_events: 0, max_age: 90m, max_invalid: 2.5% }
        """

    private static let customers = """
          customers:
            kind: users
            warehouse: crm
            destination: marketing
            source: { table: customers }
            fields: all

        """

    @Test func everyKey() throws {
        let sync = try sync(EventsSample.text(Self.everything, others: Self.customers))
        var expected = EventSettings(key: ["shop", "order_id"], name: .column("status"), namespace: "orders")
        expected.names = ["order_placed", "order shipped"]
        expected.id = .column("derived")
        expected.createdAt = EventSettings.Time(column: "placed", unit: .milliseconds)
        expected.campaignID = EventSettings.Number(column: "campaign", fallback: 123)
        expected.templateID = EventSettings.Number(column: nil, fallback: .max)
        expected.fields = .only([
            FieldSetting(name: "email", source: .column("mail")),
            FieldSetting(name: "createdAt", source: .column("made")),
            FieldSetting(
                name: "total", source: .column("total", type: .double),
                fallback: FieldConstant(text: "0", type: .long)),
            FieldSetting(name: "shipping.city", source: .column("city")),
            FieldSetting(name: "shop_geo_location", source: .point(latitude: "lat", longitude: "lon")),
            FieldSetting(name: "source", source: .constant(FieldConstant(text: "warehouse", type: .string))),
        ])
        expected.newFields = .refuse
        // 2026-11-21 06:00:00 UTC.
        expected.start = .time(Date(timeIntervalSince1970: 1_795_240_800))
        var cursor = EventSettings.Cursor(column: "loaded")
        (cursor.overlap, cursor.sweepSeconds) = (.seconds(3600), 5)
        expected.cursor = cursor
        expected.changedRows = .update
        expected.after = "customers"
        expected.waitForUserSeconds = 259_200
        expected.delivery = .single
        #expect(sync.target == .events(expected))
        #expect(sync.audience == .query("SELECT 1", file: nil) && !sync.enabled)
        #expect(sync.mapping == ColumnMapping(email: "mail", userID: "customer_id"))
        #expect(sync.schedule?.every == .fiveMinutes && sync.logs.retentionDays == 90)
        #expect(sync.guards.maxEvents == 0 && sync.guards.maxAgeSeconds == 5400 && sync.guards.maxInvalid == 2.5)
    }

    private static let names: [(written: String, name: EventSettings.Name)] = [
        ("status", .column("status")), ("{ column: status }", .column("status")),
        ("{ value: order placed }", .constant("order placed")), ("{ value: \"7\" }", .constant("7")),
        ("\"7\"", .column("7")),
    ]

    @Test(arguments: names.indices) func aNameIsAColumnOrAConstant(_ index: Int) throws {
        let (written, name) = Self.names[index]
        #expect(try events(.event, "event: { name: \(written) }").name == name)
    }

    private static let ids: [(written: String, id: EventSettings.ID)] = [
        ("derived", .derived), ("order_id", .column("order_id")), ("{ column: order_id }", .column("order_id")),
        ("{ column: derived }", .column("derived")), ("Derived", .column("Derived")),
    ]

    @Test(arguments: ids.indices) func anIDIsDerivedOrAColumn(_ index: Int) throws {
        let (written, id) = Self.ids[index]
        #expect(try events(.event, "event: { name: status, id: \(written) }").id == id)
    }

    private static let times: [(written: String, time: EventSettings.Time)] = [
        ("placed", EventSettings.Time(column: "placed")),
        ("{ column: placed }", EventSettings.Time(column: "placed")),
        ("{ column: placed, unit: s }", EventSettings.Time(column: "placed", unit: .seconds)),
    ]

    @Test(arguments: times.indices) func aTimeMayHaveAUnit(_ index: Int) throws {
        let (written, time) = Self.times[index]
        #expect(try events(.event, "event: { name: status, created_at: \(written) }").createdAt == time)
    }

    private static let numbers: [(written: String, number: EventSettings.Number)] = [
        ("campaign", EventSettings.Number(column: "campaign")),
        ("{ column: campaign }", EventSettings.Number(column: "campaign")),
        ("{ column: campaign, default: 1 }", EventSettings.Number(column: "campaign", fallback: 1)),
        ("{ value: 1 }", EventSettings.Number(column: nil, fallback: 1)),
        ("\"123\"", EventSettings.Number(column: "123")),
    ]

    @Test(arguments: numbers.indices) func anIDOfIterablesIsAColumnOrAConstant(_ index: Int) throws {
        let (written, number) = Self.numbers[index]
        let events = try events(.event, "event: { name: status, campaign_id: \(written), template_id: \(written) }")
        #expect(events.campaignID == number && events.templateID == number)
    }

    private static let starts: [(written: String, start: EventSettings.Start)] = [
        ("now", .now), ("all", .all), ("30d", .last(seconds: 2_592_000)), ("12h", .last(seconds: 43_200)),
        ("2w", .last(seconds: 1_209_600)), ("36500d", .last(seconds: 3_153_600_000)),
        ("2026-11-21", .time(Date(timeIntervalSince1970: 1_795_219_200))),
        ("2026-11-21T06:00:00Z", .time(Date(timeIntervalSince1970: 1_795_240_800))),
        ("\"2026-11-21T06:00:00.5-01:30\"", .time(Date(timeIntervalSince1970: 1_795_246_200))),
    ]

    @Test(arguments: starts.indices) func aStartIsATimeOrASpan(_ index: Int) throws {
        let (written, start) = Self.starts[index]
        #expect(try events(with: "start: \(written)").start == start)
    }

    @Test func aStartNeedsATimeInTheRows() throws {
        #expect(try events(.event, "event: { name: status }\nstart: all").start == .all)
        let cursor = "event: { name: status }\ncursor: loaded\nstart: 30d"
        #expect(try events(.event, cursor).start == .last(seconds: 2_592_000))
        // A key that was meant to be there is reported, and nothing besides.
        let misspelt = EventsSample.replacing(.event, with: "event: { name: status, createdAt: t }\nstart: 30d")
        #expect(problems(EventsSample.text(misspelt)).count == 1)
    }

    private static let cursors: [(written: String, overlap: EventSettings.Cursor.Overlap?, sweep: Int)] = [
        ("loaded", nil, 86_400), ("{ column: loaded }", nil, 86_400),
        ("{ column: loaded, overlap: 15m }", .seconds(900), 86_400),
        ("{ column: loaded, overlap: 0s, sweep: 1w }", .seconds(0), 604_800),
        ("{ column: loaded, overlap: 10000 }", .steps(10_000), 86_400),
        ("{ column: loaded, overlap: 9223372036854775807 }", .steps(.max), 86_400),
    ]

    @Test(arguments: cursors.indices) func aCursorHasAnOverlap(_ index: Int) throws {
        let (written, overlap, sweep) = Self.cursors[index]
        let cursor = try #require(try events(with: "cursor: \(written)").cursor)
        #expect(cursor.column == "loaded" && cursor.overlap == overlap && cursor.sweepSeconds == sweep)
    }

    private static let streams: [(written: String, poll: Double, linger: Double, wake: String?)] = [
        ("{}", 5, 1, nil), ("{ poll: 5s, linger: 1s }", 5, 1, nil), ("{ poll: 1s, linger: 0s }", 1, 0, nil),
        ("{ poll: 1m, linger: 30s }", 60, 30, nil), ("{ wake: orders_changed }", 5, 1, "orders_changed"),
        ("{ wake: \"7\" }", 5, 1, "7"), ("{ wake: 'Bob''s \"new\" rows' }", 5, 1, "Bob's \"new\" rows"),
        ("{ wake: \(String(repeating: "x", count: 63)) }", 5, 1, String(repeating: "x", count: 63)),
        ("{ poll: \"${POLL}\", wake: \"${WORD}\" }", 20, 1, "hello"),
    ]

    @Test(arguments: streams.indices) func aStreamHasAPaceAndMayBeWoken(_ index: Int) throws {
        let (written, poll, linger, wake) = Self.streams[index]
        let text = EventsSample.text("\(EventsSample.rest)\ncursor: loaded_at\nschedule:\nstream: \(written)")
        var environment = Sample.environment
        environment.merge(["POLL": "20s", "WORD": "hello"]) { $1 }
        let sync = try Sample.load(text, environment: environment).sync(named: "orders")
        var expected = StreamSettings()
        (expected.pollSeconds, expected.lingerSeconds, expected.wake) = (poll, linger, wake)
        #expect(sync.stream == expected && sync.schedule == nil)
    }

    @Test func withoutStreamNothingIsStreamed() throws {
        #expect(try sync(EventsSample.text()).stream == nil)
        // A section left empty counts as left out; of this one that is worth a word.
        let configuration = try Sample.load(EventsSample.text("\(EventsSample.rest)\nstream:\nschedule: { every: 5m }"))
        let sync = try configuration.sync(named: "orders")
        #expect(sync.stream == nil && sync.schedule?.every == .fiveMinutes)
        #expect(configuration.warnings.map(\.location) == ["rollcall.yaml:17:5"])
        #expect(
            configuration.warnings.map(\.message) == [
                "syncs.orders.stream is empty and counts as left out: nothing is streamed"
            ])
    }

    @Test func aStreamOfSQLiteIsNotWoken() throws {
        let lines = "\(EventsSample.rest)\ncursor: loaded_at\nstream: "
        let shop = { (stream: String) in
            EventsSample.text(lines + stream).replacing("warehouse: crm", with: "warehouse: shop")
        }
        #expect(try sync(shop("{ poll: 1s }")).stream?.pollSeconds == 1)
        let refused = problems(shop("{ wake: orders_changed }"))
        #expect(refused.map(\.location) == ["rollcall.yaml:18:15"])
        #expect(
            refused.map(\.message) == ["syncs.orders.stream.wake is for Postgres; the warehouse is SQLite"])
        #expect(refused.first?.hint?.contains("PRAGMA data_version") == true)
        // Of a warehouse that there is not, nothing is known.
        let unknown = EventsSample.text(lines + "{ wake: a }").replacing("warehouse: crm", with: "warehouse: nowhere")
        #expect(problems(unknown).map(\.path) == ["syncs.orders.warehouse"])
    }

    @Test func listsAreNotStreamed() {
        let list = problems(Sample.replacing("    list:\n", with: "    stream: { poll: 5s }\n    list:\n"))
        #expect(
            list.map(\.message) == ["syncs.vip.stream is a key of users, events or catalog syncs; this one is list"])
        #expect(list.map(\.hint) == ["Lists are not streamed: use schedule."])
    }

    @Test func allFieldsButSomeOrNone() throws {
        #expect(try events(.fields, "").fields == .only([]))
        #expect(try events(.fields, "fields: all").fields == .all(except: []))
        #expect(try events(.fields, "fields: all\nexcept: [cost, margin]").fields == .all(except: ["cost", "margin"]))
    }

    @Test(arguments: ["email: a", "userId: a", "signupDate: a", "itblInternal.x: a", "a.b: c, a.d: { value: 1 }"])
    func fieldsThatAProfileMayNotHave(_ fields: String) {
        let sync = EventsSample.replacing(.fields, with: "fields: { \(fields) }")
        let headlines = Sample.headlines(EventsSample.text(sync))
        #expect(headlines.isEmpty, "\(headlines)")
    }

    @Test func guardsMayBeOff() throws {
        let off = "\(EventsSample.rest)\nguards: { max_events: off, max_age: off }"
        let guards = try sync(EventsSample.text(off)).guards
        #expect(guards.maxEvents == nil && guards.maxAgeSeconds == nil && guards.maxInvalid == 20)
        // The one does not switch off the other.
        let one = try sync(EventsSample.text("\(EventsSample.rest)\nguards: { max_events: off }")).guards
        #expect(one.maxEvents == nil && one.maxAgeSeconds == 604_800)
    }

    @Test func valuesMayComeFromTheEnvironment() throws {
        let lines = """
            start: ${START}
            wait_for_user: "${WAIT}"
            guards: { max_events: "${EVENTS}", max_age: "${AGE}" }
            """
        var environment = Sample.environment
        environment.merge(["START": "12h", "WAIT": " 2h ", "EVENTS": "off", "AGE": "1d"]) { $1 }
        let text = EventsSample.text("\(EventsSample.rest)\n\(lines)")
        let sync = try Sample.load(text, environment: environment).sync(named: "orders")
        guard case .events(let events) = sync.target else {
            Issue.record("no events")
            return
        }
        #expect(events.start == .last(seconds: 43_200) && events.waitForUserSeconds == 7200)
        #expect(sync.guards.maxEvents == nil && sync.guards.maxAgeSeconds == 86_400)
        // What is wrong there is not shown.
        environment["WAIT"] = "s3cr3t 1d"
        let shown = Sample.rendered(text, environment: environment)
        #expect(shown.contains("wait_for_user \"${WAIT}\" is no span of time") && !shown.contains("s3cr3t"), "\(shown)")
    }

    // MARK: The type of the project

    private static let mappings: [(projectType: String, mapping: String, problem: String?)] = [
        ("email", "{ email: mail }", nil),
        ("email", "{ user_id: id, email: mail }", nil),
        ("email", "{ user_id: id }", nil),
        ("email", "{}", nil),
        ("user_id", "{ user_id: id }", nil),
        ("user_id", "{ user_id: id, email: mail }", nil),
        (
            "user_id", "{ email: mail }",
            "14:16: syncs.orders.mapping maps email alone, but the project is of type user_id"
        ),
        ("hybrid", "{ email: mail }", nil),
        ("hybrid", "{ user_id: id }", nil),
        ("hybrid", "{ user_id: id, email: mail }", nil),
    ]

    @Test(arguments: mappings.indices) func theProjectSaysWhatIsMapped(_ index: Int) {
        let (projectType, mapping, problem) = Self.mappings[index]
        let sync = EventsSample.replacing(.mapping, with: "mapping: \(mapping)")
        let headlines = Sample.headlines(EventsSample.text(sync, projectType: projectType))
        #expect(headlines == [problem].compactMap(\.self).map { "rollcall.yaml:\($0)" }, "\(projectType): \(mapping)")
    }

    // MARK: Limits

    @Test func limitsOfEvents() throws {
        let written =
            "{ events: { requests_per_second: 2.5, records_per_request: 10, single_requests_per_second: 2000 } }"
        let text = EventsSample.text(limits: written)
        let limits = try #require(try Sample.load(text).destinations["marketing"]).limits
        let expected = RecordLimits(requestsPerSecond: 2.5, recordsPerRequest: 10, singleRequestsPerSecond: 2000)
        #expect(limits.events == expected)
        #expect(limits.users == DestinationLimits().users && limits.catalog == DestinationLimits().catalog)
        let left = try #require(try Sample.load(EventsSample.text()).destinations["marketing"]).limits.events
        #expect(left == RecordLimits(requestsPerSecond: 10, recordsPerRequest: 1000, singleRequestsPerSecond: 200))
    }

    @Test(arguments: [
        (
            "requests_per_second: 0",
            "5:127: destinations.marketing.limits.events.requests_per_second \"0\" is out of range"
        ),
        (
            "records_per_request: 1001",
            "5:127: destinations.marketing.limits.events.records_per_request \"1001\" is out of range"
        ),
        (
            "single_requests_per_second: 2001",
            "5:134: destinations.marketing.limits.events.single_requests_per_second \"2001\" is out of range"
        ),
        ("records: 1", "5:106: unknown key \"records\" in destinations.marketing.limits.events"),
    ])
    func limitsThatAreWrong(_ limit: String, _ words: String) {
        let headlines = Sample.headlines(EventsSample.text(limits: "{ events: { \(limit) } }"))
        #expect(headlines == ["rollcall.yaml:\(words)"])
    }

    // MARK: What is wrong

    @Test(arguments: WrongEvents.all) func whatIsWrongIsSaid(_ wrong: WrongEvents) {
        let problems = problems(EventsSample.text(wrong.sync))
        let headlines = problems.map { problem in String(problem.description.prefix { $0 != "\n" }) }
        #expect(headlines == [wrong.headline])
        #expect(problems.first?.hint == wrong.hint)
    }

    @Test func whatIsExpectedIsSaid() {
        let rest = EventsSample.rest
        for (line, expected) in [
            ("start: yesterday", "now, all, a time such as 2026-11-21T06:00:00Z, a date, or a span such as 30d"),
            ("wait_for_user: soon", "a span such as 15m or 7d"),
            ("wait_for_user: 99999d", "a span from 0s to 36500d"),
            ("cursor: { column: c, sweep: soon }", "a span such as 15m or 7d, 5s or more"),
            ("cursor: { column: c, sweep: 1s }", "a span from 5s to 36500d"),
            ("stream: {}", "cursor beside it, as in cursor: loaded_at"),
            ("cursor: c\nstream: { poll: soon }", "a span from 1s to 60s"),
            ("cursor: c\nstream: { poll: 90s }", "a span from 1s to 60s"),
            ("cursor: c\nstream: { linger: 1m }", "a span from 0s to 30s"),
            ("cursor: c\nstream: fast", "a mapping with the keys poll, linger, wake"),
            ("guards: { max_events: many }", "a count such as 100000, or off"),
            ("guards: { max_age: long }", "a span such as 7d, or off"),
        ] {
            #expect(problems(EventsSample.text("\(rest)\n\(line)")).map(\.expected) == [expected], "\(line)")
        }
    }

    @Test func aNamespaceHasAtMost100Characters() throws {
        for longest in [String(repeating: "n", count: 100), String(repeating: "é", count: 100)] {
            #expect(try events(.event, "event: { name: status, namespace: \(longest) }").namespace == longest)
            let longer = EventsSample.replacing(.event, with: "event: { name: status, namespace: \(longest)x }")
            let shown = "\(longest.prefix(60))…"
            #expect(
                Sample.headlines(EventsSample.text(longer)) == [
                    "rollcall.yaml:15:39: syncs.orders.event.namespace \"\(shown)\" is longer than 100 characters"
                ])
        }
    }

    @Test func anEventHasAtMost8000Fields() {
        let fields = (1...8000).map { "f\($0): a" }.joined(separator: ", ")
        let most = EventsSample.replacing(.fields, with: "fields: { \(fields) }")
        #expect(Sample.headlines(EventsSample.text(most)).isEmpty)
        let more = EventsSample.replacing(.fields, with: "fields: { \(fields), more: a }")
        #expect(
            Sample.headlines(EventsSample.text(more)) == ["rollcall.yaml:16:5: syncs.orders.fields has 8001 fields"])
    }

    @Test func aNamespaceBesideIDsOfAColumnIsUnwise() throws {
        let sync = EventsSample.replacing(.event, with: "event: { name: status, id: event_id, namespace: shop }")
        let warnings = try Sample.load(EventsSample.text(sync)).warnings
        #expect(warnings.map(\.location) == ["rollcall.yaml:15:53"])
        #expect(warnings.map(\.message) == ["syncs.orders.event.namespace has no effect beside an id from a column"])
        #expect(try Sample.load(EventsSample.text()).warnings.isEmpty)
    }

    @Test func keysAndGuardsOfEventsInOtherSyncsAreRefused() {
        let keys = ["event: { name: a }", "start: now", "changed_rows: ignore", "after: a"]
        for line in keys + ["wait_for_user: 1h", "delivery: bulk"] {
            let name = line.prefix { $0 != ":" }
            #expect(
                Sample.headlines(Sample.replacing("    list:\n", with: "    \(line)\n    list:\n")) == [
                    "rollcall.yaml:23:5: syncs.vip.\(name) is a key of events syncs; this one is list"
                ])
        }
        for line in ["max_events: 5", "max_age: off"] {
            let name = line.prefix { $0 != ":" }
            #expect(
                Sample.headlines(Sample.replacing("max_removals: 25%", with: line)) == [
                    "rollcall.yaml:32:7: syncs.vip.guards.\(name) is no guard of list syncs"
                ])
            let users = "\(Self.customers)    guards: { \(line) }\n"
            #expect(
                Sample.headlines(EventsSample.text(others: users)) == [
                    "rollcall.yaml:23:15: syncs.customers.guards.\(name) is no guard of users syncs"
                ])
        }
    }

    // MARK: Other syncs

    /// What `after` names, the other syncs, and what is said of it.
    private static let wrongNeighbours: [(after: String, others: String, words: String, expected: String)] = [
        (
            "custmers", customers,
            "there is no sync \"custmers\" (syncs.orders.after); did you mean \"customers\"?", known
        ),
        ("people", customers, "there is no sync \"people\" (syncs.orders.after)", known),
        ("${WORD}", customers, "there is no sync \"${WORD}\" (syncs.orders.after)", known),
        ("people", "", "there is no sync \"people\" (syncs.orders.after)", none),
        ("orders", customers, "syncs.orders.after names syncs.orders, which is of kind events", known),
        (
            "vip",
            "  vip: { warehouse: crm, destination: marketing, audience: { table: vip }, list: { name: VIP } }\n",
            "syncs.orders.after names syncs.vip, which is of kind list", none
        ),
        (
            "customers", customers.replacing("marketing", with: "sandbox"),
            "syncs.orders.after names syncs.customers, which has the destination sandbox, not marketing", none
        ),
        (
            "customers", customers.replacing("crm", with: "shop"),
            "syncs.orders.after names syncs.customers, which has the warehouse shop, not crm", none
        ),
        (
            "customers", customers.replacing("crm", with: "shop") + customers.replacing("customers:", with: "clients:"),
            "syncs.orders.after names syncs.customers, which has the warehouse shop, not crm", "one of clients"
        ),
    ]
    private static let known = "one of customers"
    private static let none = "a sync of kind users with the same destination and warehouse"

    @Test(arguments: wrongNeighbours.indices) func eventsWaitForUsersOfTheSameProject(_ index: Int) {
        let (after, others, words, expected) = Self.wrongNeighbours[index]
        let problems = problems(EventsSample.text("\(EventsSample.rest)\nafter: \(after)", others: others))
        let headlines = problems.map { problem in String(problem.description.prefix { $0 != "\n" }) }
        #expect(headlines == ["rollcall.yaml:17:12: \(words)"])
        #expect(problems.map(\.expected) == [expected])
        let isThere = words.contains("names")
        let hint = "Events wait until that sync has had their person acknowledged by the same project."
        #expect(problems.map(\.hint) == [isThere ? hint : nil])
    }

    @Test func whatIsWrongWithTheUsersIsReportedOnce() {
        for (old, new) in [
            ("kind: users", "kind: user"), ("marketing", "nowhere"), ("crm", "nowhere"),
            ("fields: all", "fields: some"),
        ] {
            let others = Self.customers.replacing(old, with: new)
            let text = EventsSample.text("\(EventsSample.rest)\nafter: customers", others: others)
            #expect(problems(text).map(\.path).allSatisfy { $0.hasPrefix("syncs.customers.") }, "\(new)")
            #expect(problems(text).count == 1, "\(new)")
        }
        let text = EventsSample.text("\(EventsSample.rest)\nafter: customers", others: "  customers: 5\n")
        #expect(Sample.headlines(text) == ["rollcall.yaml:18:14: syncs.customers is a single value, not a mapping"])
    }

    private static func returns(_ event: String, destination: String = "marketing") -> String {
        """
          returns:
            kind: events
            warehouse: shop
            destination: \(destination)
            source: { table: returns }
            key: id
            event: { name: { value: returned }, \(event) }

        """
    }

    @Test func severalSyncsMaySendEventsOfOneProject() throws {
        for event in ["created_at: at", "namespace: shop", "id: return_id", "id: return_id, namespace: orders"] {
            let text = EventsSample.text(others: Self.returns(event))
            #expect(try Sample.load(text).syncs.map(\.name) == ["orders", "returns"], "\(event)")
        }
        let elsewhere = EventsSample.text(others: Self.returns("namespace: orders", destination: "sandbox"))
        #expect(Sample.headlines(elsewhere).isEmpty)
    }

    @Test func twoSyncsWithOneNamespaceAreRefused() {
        let written = problems(EventsSample.text(others: Self.returns("namespace: orders")))
        #expect(written.map(\.location) == ["rollcall.yaml:23:41"])
        #expect(
            written.map(\.message) == ["syncs.returns makes ids in the same namespace as syncs.orders (line 8)"])
        #expect(written.map(\.path) == ["syncs.returns.event.namespace"])
        #expect(written.map(\.expected) == ["one sync for each namespace"])
        #expect(written.first?.hint?.hasSuffix("Give each sync another namespace.") == true)
        // The name of the second is the namespace of the first.
        let first = EventsSample.replacing(.event, with: "event: { name: status, namespace: returns }")
        let named = problems(EventsSample.text(first, others: Self.returns("created_at: at")))
        #expect(named.map(\.location) == ["rollcall.yaml:23:5"])
    }
}

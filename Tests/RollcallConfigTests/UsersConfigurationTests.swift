import RollcallConfig
import RollcallCore
import Testing

/// Syncs of kind users.
@Suite struct UsersConfigurationTests {
    private static func text(_ sync: String, projectType: String = "hybrid", limits: String = "{}") -> String {
        """
        warehouses:
          crm: { type: postgres, url: "${CRM_DATABASE_URL}" }
        destinations:
          marketing: { type: iterable, api_key: "${ITERABLE_API_KEY}", project_type: \(projectType), limits: \(limits) }
        syncs:
          customers:
            kind: users
            warehouse: crm
            destination: marketing
        \(sync.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n"))

        """
    }

    private static let source = "source: { table: marts.customers }"
    private static let key = "key: customer_id"
    private static let mapping = "mapping: { user_id: customer_id, email: mail }"
    private static let fields = "fields: { firstName: first_name, plan: plan }"
    private static let rest = [source, key, mapping, fields].joined(separator: "\n")

    private func users(_ sync: String) throws -> UserSettings {
        let settings = try #require(try Sample.load(Self.text(sync)).syncs.first)
        guard case .users(let users) = settings.target else {
            Issue.record("not users")
            throw RunError(code: "test", message: "not users")
        }
        return users
    }

    @Test func theShortForm() throws {
        let sync = try #require(try Sample.load(Self.text("\(Self.source)\nfields: all")).syncs.first)
        let expected = UserSettings(fields: .all(except: []))
        #expect(sync.kind == .users && sync.list == nil && sync.audience == .table(["marts", "customers"]))
        #expect(sync.target == .users(expected) && sync.mapping.isAutomatic)
        #expect(expected.key.isEmpty && expected.nulls == .clear && expected.nested == .replace)
        #expect(expected.newFields == .refuse && expected.duplicates == .refuse)
        #expect(expected.onLeave == .keep && expected.identityChanges == .rename)
        #expect(sync.guards.maxRemovals == .percent(25) && !sync.guards.allowEmpty)
        #expect(sync.guards.maxInvalid == 20 && sync.guards.maxChanges == 50)
    }

    @Test func whatIsWrittenOutAsItIsAnywayChangesNothing() throws {
        let defaults = """
            mode: upsert
            nulls: clear
            nested: replace
            new_fields: refuse
            duplicates: refuse
            on_leave: keep
            identity_changes: rename
            guards: { max_removals: 25%, max_invalid: 20%, max_changes: 50%, allow_empty: false }
            """
        let short = try Sample.load(Self.text(Self.rest)).syncs
        #expect(try Sample.load(Self.text("\(Self.rest)\n\(defaults)")).syncs == short)
        #expect(try Sample.load(Self.text("\(Self.rest)\nguards:")).syncs == short)
    }

    private static let everything = """
        source: { query: "SELECT 1" }
        key: [shop, customer_id]
        mapping: { user_id: customer_id, email: mail }
        mode: update
        fields:
          firstName: first_name
          "odd name": { column: "odd column" }
          plan: { column: plan, default: free }
          lifetimeValue: { column: ltv, type: double, nulls: skip }
          lastOrder: { column: last_order, type: date, time_zone: Europe/Berlin, nulls: always }
          address.city: city
          address.street: { column: street, nulls: skip }
          home_geo_location: { column: [lat, lon], type: geo, nulls: clear }
          source: { value: warehouse }
        nulls: always
        nested: merge
        new_fields: create
        duplicates: { newest: updated_at }
        on_leave: clear
        identity_changes: refuse
        guards: { max_invalid: 100%, max_changes: 2.5%, max_identity_changes: 5% }
        """

    @Test func everyKey() throws {
        let sync = try #require(try Sample.load(Self.text(Self.everything)).syncs.first)
        var expected = UserSettings(
            fields: .only([
                FieldSetting(name: "firstName", source: .column("first_name")),
                FieldSetting(name: "odd name", source: .column("odd column")),
                FieldSetting(
                    name: "plan", source: .column("plan"), fallback: FieldConstant(text: "free", type: .string)),
                FieldSetting(name: "lifetimeValue", source: .column("ltv", type: .double), nulls: .skip),
                FieldSetting(
                    name: "lastOrder", source: .column("last_order", type: .date, zone: "Europe/Berlin"),
                    nulls: .always),
                FieldSetting(name: "address.city", source: .column("city")),
                FieldSetting(name: "address.street", source: .column("street"), nulls: .skip),
                FieldSetting(
                    name: "home_geo_location", source: .point(latitude: "lat", longitude: "lon"), nulls: .clear),
                FieldSetting(name: "source", source: .constant(FieldConstant(text: "warehouse", type: .string))),
            ]))
        expected.key = ["shop", "customer_id"]
        expected.nulls = .always
        expected.nested = .merge
        expected.newFields = .create
        expected.duplicates = .newest("updated_at")
        expected.onLeave = .clear
        expected.mode = .update
        expected.identityChanges = .refuse
        #expect(sync.target == .users(expected))
        #expect(sync.audience == .query("SELECT 1", file: nil))
        #expect(sync.mapping == ColumnMapping(email: "mail", userID: "customer_id"))
        #expect(sync.guards.maxInvalid == 100 && sync.guards.maxChanges == 2.5 && sync.guards.maxIdentityChanges == 5)
    }

    @Test func aKeyIsOneColumnOrSeveral() throws {
        #expect(try users(Self.rest).key == ["customer_id"])
        #expect(try users(Self.rest.replacing(Self.key, with: "key: [customer_id]")).key == ["customer_id"])
        #expect(try users(Self.rest.replacing(Self.key, with: "")).key.isEmpty)
    }

    @Test func allFieldsButSome() throws {
        let all = Self.rest.replacing(Self.fields, with: "fields: all\nexcept: [cost, margin]")
        #expect(try users(all).fields == .all(except: ["cost", "margin"]))
    }

    @Test(arguments: [
        "Email: mail", "userID: id", "signup.signupDate: day", "addresses.city: c, address: a", "a.b: b, a.c: c",
        "a.home_geo_location: { column: [lat, lon], type: geo }",
        // Constants have no rule for NULL.
        "a.b: { column: b, nulls: skip }, a.c: { value: 1 }, a.d: { column: d, default: 1 }",
        "a.b: { column: b, nulls: skip }, a.c: { column: c, nulls: skip }, d: d",
    ])
    func fieldsThatAreRight(_ fields: String) {
        let headlines = Sample.headlines(Self.text(Self.rest.replacing(Self.fields, with: "fields: { \(fields) }")))
        #expect(headlines.isEmpty, "\(headlines)")
    }

    @Test func membersOfAMergedObjectMayDiffer() {
        let fields = "fields: { a.b: { column: b, nulls: skip }, a.c: c }"
        let text = Self.text(Self.rest.replacing(Self.fields, with: "nested: merge\n\(fields)"))
        #expect(Sample.headlines(text).isEmpty)
    }

    // MARK: The type of the project

    private static let mappings: [(projectType: String, mapping: String, problem: String?)] = [
        ("email", "{ email: mail }", nil),
        ("email", "{ user_id: id, email: mail }", nil),
        ("email", "{}", nil),
        (
            "email", "{ user_id: id }",
            "12:16: syncs.customers.mapping maps user_id alone, but the project is of type email"
        ),
        ("user_id", "{ user_id: id }", nil),
        ("user_id", "{ user_id: id, email: mail }", nil),
        ("user_id", "{}", nil),
        (
            "user_id", "{ email: mail }",
            "12:16: syncs.customers.mapping maps email alone, but the project is of type user_id"
        ),
        ("hybrid", "{ email: mail }", nil),
        ("hybrid", "{ user_id: id }", nil),
        ("hybrid", "{ user_id: id, email: mail }", nil),
    ]

    @Test(arguments: mappings.indices) func theProjectSaysWhatIsMapped(_ index: Int) {
        let (projectType, mapping, problem) = Self.mappings[index]
        let sync = Self.rest.replacing(Self.mapping, with: "mapping: \(mapping)")
        let headlines = Sample.headlines(Self.text(sync, projectType: projectType))
        #expect(headlines == [problem].compactMap(\.self).map { "rollcall.yaml:\($0)" }, "\(projectType): \(mapping)")
    }

    @Test func whereNobodyIsMadeEmailProjectsMayGoByTheUserID() throws {
        let sync = "\(Self.rest.replacing(Self.mapping, with: "mapping: { user_id: id }"))\nmode: update"
        let text = Self.text(sync, projectType: "email")
        let settings = try #require(try Sample.load(text).syncs.first)
        guard case .users(let users) = settings.target else { throw RunError(code: "test", message: "not users") }
        #expect(users.mode == .update && !users.updatesByUserID)
        let (found, identifiedAs) = users.finding(in: .email, settings.mapping)
        #expect(found.updatesByUserID && identifiedAs == .userID && !found.looksUp)
        let both = ColumnMapping(email: "mail", userID: "id")
        for (project, mapping) in [
            (ProjectType.email, both), (.email, ColumnMapping()), (.hybrid, settings.mapping),
            (.userID, settings.mapping),
        ] {
            let (found, identifiedAs) = users.finding(in: project, mapping)
            #expect(!found.updatesByUserID && identifiedAs == project && found.looksUp)
        }
        let headlines = Sample.headlines(text.replacing("mode: update", with: "mode: update\n    on_leave: delete"))
        #expect(
            headlines == [
                "rollcall.yaml:15:5: syncs.customers.on_leave is delete, but the people of this sync are found by user_id in a"
                    + " project of type email"
            ], "\(headlines)")
        #expect(Sample.headlines(text.replacing("mode: update", with: "mode: update\n    on_leave: clear")).isEmpty)
    }

    @Test func whatToMapIsSaid() {
        let sync = Self.rest.replacing(Self.mapping, with: "mapping: { user_id: id }")
        let said = Sample.rendered(Self.text(sync, projectType: "email"))
        #expect(said.contains("hint: Map email"), "\(said)")
    }

    // MARK: Limits

    @Test func limitsOfUsers() throws {
        let text = Self.text(
            Self.rest,
            limits: "{ users: { requests_per_second: 2.5, records_per_request: 10, look_ups_per_second: 20 } }")
        let limits = try #require(try Sample.load(text).destinations["marketing"]).limits
        #expect(limits.lookUpsPerSecond == 20 && DestinationLimits().lookUpsPerSecond == 100)
        #expect(limits.users == RecordLimits(requestsPerSecond: 2.5, recordsPerRequest: 10))
        #expect(limits.catalog == DestinationLimits().catalog)
        let most = Self.text(Self.rest, limits: "{ users: { requests_per_second: 500, records_per_request: 1000 } }")
        #expect(Sample.headlines(most).isEmpty)
    }

    @Test(arguments: [
        (
            "requests_per_second: 0",
            "4:126: destinations.marketing.limits.users.requests_per_second \"0\" is out of range"
        ),
        (
            "requests_per_second: 501",
            "4:126: destinations.marketing.limits.users.requests_per_second \"501\" is out of range"
        ),
        (
            "records_per_request: 0",
            "4:126: destinations.marketing.limits.users.records_per_request \"0\" is out of range"
        ),
        (
            "records_per_request: 1001",
            "4:126: destinations.marketing.limits.users.records_per_request \"1001\" is out of range"
        ),
        (
            "look_ups_per_second: 101",
            "4:126: destinations.marketing.limits.users.look_ups_per_second \"101\" is out of range"
        ),
        ("records: 1", "4:105: unknown key \"records\" in destinations.marketing.limits.users"),
    ])
    func limitsThatAreWrong(_ limit: String, _ words: String) {
        let headlines = Sample.headlines(Self.text(Self.rest, limits: "{ users: { \(limit) } }"))
        #expect(headlines == ["rollcall.yaml:\(words)"])
    }

    // MARK: What is wrong

    private static let manyFields = (1...1001).map { "f\($0): a" }.joined(separator: ", ")
    private static let longName = String(repeating: "e", count: 64)

    /// Fields that are wrong, and what is said of them.
    private static let wrongFields: [(String, String)] = [
        ("email: mail", "13:15: the field \"email\" is an identifier, which the mapping sends"),
        ("userId: customer_id", "13:15: the field \"userId\" is an identifier, which the mapping sends"),
        ("email.work: mail", "13:15: the field \"email.work\" is an identifier, which the mapping sends"),
        ("signupDate: day", "13:15: the field \"signupDate\" is one that Iterable keeps itself"),
        (
            "itblInternal.phoneCountry: country",
            "13:15: the field \"itblInternal.phoneCountry\" is one that Iterable keeps itself"
        ),
        ("a..b: c", "13:15: the field \"a..b\" has an empty part in its name"),
        (".a: c", "13:15: the field \".a\" has an empty part in its name"),
        ("a.: c", "13:15: the field \"a.\" has an empty part in its name"),
        ("\"\": c", "13:15: the field \"\" has an empty part in its name"),
        (
            "address: a, address.city: c",
            "13:27: the field \"address.city\" is a part of \"address\", which is a field itself"
        ),
        ("a.b.c: d, a.b: e", "13:15: the field \"a.b.c\" is a part of \"a.b\", which is a field itself"),
        (
            "home.place: { column: [lat, lon], type: geo }",
            "13:15: the geo field \"home.place\" does not end in _geo_location"
        ),
        ("a: { column: b, nulls: drop }", "13:38: syncs.customers.fields.a.nulls \"drop\" is not one of the choices"),
        (
            "a: { column: b, null: skip }",
            "13:31: unknown key \"null\" in syncs.customers.fields.a; did you mean \"nulls\"?"
        ),
        ("a: { value: 1, nulls: skip }", "13:30: syncs.customers.fields.a.nulls has no effect beside value"),
        (
            "a: { column: b, default: 1, nulls: skip }",
            "13:43: syncs.customers.fields.a.nulls has no effect beside default"
        ),
        (
            "a.b: { column: b, nulls: skip }, a.c: c",
            "13:48: syncs.customers.fields.a.c has nulls: clear, but a.b has nulls: skip"
        ),
    ]

    /// Lines beside the key, and what is said of them.
    private static let wrongLines: [(String, String)] = [
        ("nulls: empty", "12:12: syncs.customers.nulls \"empty\" is not one of the choices"),
        ("nested: deep", "12:13: syncs.customers.nested \"deep\" is not one of the choices"),
        ("new_fields: allow", "12:17: syncs.customers.new_fields \"allow\" is not one of the choices"),
        ("on_leave: remove", "12:15: syncs.customers.on_leave \"remove\" is not one of the choices"),
        ("identity_changes: merge", "12:23: syncs.customers.identity_changes \"merge\" is not one of the choices"),
        ("mode: replace", "12:11: syncs.customers.mode \"replace\" is not one of the choices"),
        ("mode: mirror", "12:11: syncs.customers.mode \"mirror\" is a mode of catalog syncs; this one is users"),
        ("duplicates: newest", "12:17: syncs.customers.duplicates \"newest\" is not one of the choices"),
        ("guards: { max_changes: 3 }", "12:28: syncs.customers.guards.max_changes \"3\" is no percentage"),
        ("guards: { max_changes: 101% }", "12:28: syncs.customers.guards.max_changes \"101%\" is no percentage"),
        ("list: { name: x }", "12:5: syncs.customers.list is a key of list syncs; this one is users"),
        ("catalog: { name: x }", "12:5: syncs.customers.catalog is a key of catalog syncs; this one is users"),
        ("documents: replace", "12:5: syncs.customers.documents is a key of catalog syncs; this one is users"),
        ("identity: { max_sharing: 3 }", "12:5: syncs.customers.identity is a key of list syncs; this one is users"),
        (
            "placeholder_emails: true",
            "12:5: syncs.customers.placeholder_emails is a key of list syncs; this one is users"
        ),
        (
            "update_existing_users_only: true",
            "12:5: syncs.customers.update_existing_users_only is a key of list syncs; this one is users"
        ),
    ]

    /// What is replaced by what, and what is said of it.
    private static let wrongParts: [(String, String, String)] = [
        (fields, "\(fields)\nexcept: [cost]", "14:5: syncs.customers.except stands beside a mapping of fields"),
        (fields, "fields: { \(manyFields) }", "13:5: syncs.customers.fields has 1001 fields"),
        (fields, "", "6:3: the key \"fields\" is missing in syncs.customers"),
        (
            fields, "nested: merge\nfields: { a.b.c: c, a.b.d: { column: d, nulls: always } }",
            "14:25: syncs.customers.fields.a.b.d has nulls: always, but a.b.c has nulls: clear"
        ),
        (key, "key: []", "11:5: syncs.customers.key is an empty list"),
        (key, "key: [shop, id, shop]", "11:5: syncs.customers.key names the column \"shop\" twice"),
        (key, "key: [shop, 1]", "11:17: syncs.customers.key.1 \"1\" is a number, not text"),
        (key, "key: 7", "11:10: syncs.customers.key \"7\" is a number, not text"),
        (key, "key: { column: id }", "11:10: syncs.customers.key is a mapping, not a single value"),
        (key, "key:", "11:5: syncs.customers.key has no value"),
        (mapping, "mapping: { phone: phone }", "12:16: unknown key \"phone\" in syncs.customers.mapping"),
        (mapping, "mapping: { email: \(longName) }", "12:23: syncs.customers.mapping.email \"eeee"),
        (source, "", "6:3: the key \"source\" is missing in syncs.customers"),
        (
            source, "audience: { table: customers }",
            "10:5: syncs.customers.audience is a key of list syncs; this one is users"
        ),
    ]

    private func check(_ old: String, _ new: String, _ words: String) {
        let headlines = Sample.headlines(Self.text(Self.rest.replacing(old, with: new)))
        #expect(headlines.count == 1 && headlines[0].hasPrefix("rollcall.yaml:\(words)"), "\(new): \(headlines)")
    }

    @Test(arguments: wrongFields.indices) func wrongFieldsAreRefused(_ index: Int) {
        let (fields, words) = Self.wrongFields[index]
        check(Self.fields, "fields: { \(fields) }", words)
    }

    @Test(arguments: wrongLines.indices) func wrongLinesAreRefused(_ index: Int) {
        let (line, words) = Self.wrongLines[index]
        check(Self.key, "\(Self.key)\n\(line)", words)
    }

    @Test(arguments: wrongParts.indices) func wrongPartsAreRefused(_ index: Int) {
        let (old, new, words) = Self.wrongParts[index]
        check(old, new, words)
    }

    @Test func everythingThatIterableKeepsItselfIsRefused() {
        for name in UserSettings.managedFields.sorted() {
            let words = "13:15: the field \"\(name).a\" is one that Iterable keeps itself"
            check(Self.fields, "fields: { \(name).a: b }", words)
        }
    }

    @Test func guardsOfUsersAreNoGuardsOfOthers() {
        #expect(
            Sample.headlines(Sample.replacing("max_removals: 25%", with: "max_changes: 50%")) == [
                "rollcall.yaml:32:7: syncs.vip.guards.max_changes is no guard of list syncs"
            ])
    }

    @Test func severalSyncsMayKeepProfilesOfOneProject() throws {
        let second = """
              second:
                kind: users
                warehouse: crm
                destination: marketing
                source: { table: orders }
                fields: { lastOrder: last_order }

            """
        #expect(try Sample.load(Self.text(Self.rest) + second).syncs.map(\.name) == ["customers", "second"])
    }
}

import RollcallConfig
import RollcallCore
import Testing

/// Syncs of kind catalog.
@Suite struct CatalogConfigurationTests {
    private static func text(_ sync: String, guards: String = "{}") -> String {
        """
        warehouses:
          shop: { type: sqlite, path: shop.sqlite }
        destinations:
          marketing: { type: iterable, api_key: "${ITERABLE_API_KEY}", project_type: hybrid }
        syncs:
          products:
            kind: catalog
            warehouse: shop
            destination: marketing
            guards: \(guards)
        \(sync.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n"))

        """
    }

    private static let rest = """
        source: { table: products }
        key: sku
        catalog: { name: products }
        fields: all
        """

    private func catalog(_ sync: String) throws -> CatalogSettings {
        let settings = try #require(try Sample.load(Self.text(sync)).syncs.first)
        guard case .catalog(let catalog) = settings.target else {
            Issue.record("not a catalog")
            throw RunError(code: "test", message: "not a catalog")
        }
        return catalog
    }

    @Test func theShortForm() throws {
        let sync = try #require(try Sample.load(Self.text(Self.rest)).syncs.first)
        #expect(sync.kind == .catalog && sync.list == nil && sync.audience == .table(["products"]))
        let expected = CatalogSettings(name: "products", key: "sku", fields: .all(except: []))
        #expect(sync.target == .catalog(expected))
        #expect(
            expected.mode == .upsert && !expected.create && expected.documents == nil && expected.duplicates == .refuse)
        #expect(sync.guards.maxRemovals == .percent(25) && sync.guards.maxInvalid == nil)
    }

    @Test func everyKey() throws {
        let text = """
            source: { query: "SELECT 1" }
            key: { column: sku, encode: true }
            catalog: { name: My-Products, create: true }
            mode: mirror
            documents: replace
            duplicates: { newest: updated_at }
            fields:
              title: title
              "odd name": { column: "odd column" }
              price: { column: price, type: double, default: 1.50 }
              day: { column: day, type: date, time_zone: Europe/Berlin }
              home_geo_location: { column: [lat, lon], type: geo }
              shop: { value: main }
              year: { value: 2026 }
              quoted: { value: "2026" }
              isLive: { value: true }
            """
        var expected = CatalogSettings(
            name: "My-Products", key: "sku",
            fields: .only([
                FieldSetting(name: "title", source: .column("title")),
                FieldSetting(name: "odd name", source: .column("odd column")),
                FieldSetting(
                    name: "price", source: .column("price", type: .double),
                    fallback: FieldConstant(text: "1.50", type: .double)),
                FieldSetting(name: "day", source: .column("day", type: .date, zone: "Europe/Berlin")),
                FieldSetting(name: "home_geo_location", source: .point(latitude: "lat", longitude: "lon")),
                FieldSetting(name: "shop", source: .constant(FieldConstant(text: "main", type: .string))),
                FieldSetting(name: "year", source: .constant(FieldConstant(text: "2026", type: .long))),
                FieldSetting(name: "quoted", source: .constant(FieldConstant(text: "2026", type: .string))),
                FieldSetting(name: "isLive", source: .constant(FieldConstant(text: "true", type: .boolean))),
            ]))
        (expected.create, expected.encodesKey, expected.mode) = (true, true, .mirror)
        (expected.documents, expected.duplicates) = (.replace, .newest("updated_at"))
        #expect(try catalog(text) == expected)
        #expect(try catalog(Self.rest + "\ndocuments: merge").documents == .merge)
        #expect(
            try catalog(Self.rest + "\nverify: { sample: 5, within: 2h }").verify == .init(sample: 5, seconds: 7200))
        #expect(try catalog(Self.rest + "\nverify: { sample: 5 }").verify == .init(sample: 5, seconds: 1800))
        #expect(try catalog(Self.rest + "\nverify: { within: 1m }").verify == .init(sample: 20, seconds: 60))
        let guarded = try Sample.load(Self.text(Self.rest, guards: "{ max_removals: 5, max_invalid: 12.5% }"))
        #expect(guarded.syncs.first?.guards.maxInvalid == 12.5)
        #expect(
            try catalog(Self.rest + "\nexcept: [cost, margin]").fields == .all(except: ["cost", "margin"]))
    }

    @Test func limitsOfCatalogs() throws {
        let text = Self.text(Self.rest).replacing(
            "project_type: hybrid",
            with: "project_type: hybrid, limits: { catalog: { requests_per_second: 2.5, records_per_request: 10 },"
                + " bytes_per_request: 100000 }")
        let limits = try #require(try Sample.load(text).destinations["marketing"]).limits
        #expect(limits.catalog == RecordLimits(requestsPerSecond: 2.5, recordsPerRequest: 10))
        #expect(limits.bytesPerRequest == 100_000)
    }

    @Test func sourceIsAWordForTheAudienceOfAListToo() throws {
        let text = Sample.replacing("    audience:", with: "    source:")
        #expect(try Sample.load(text).syncs == Sample.load(Sample.text).syncs)
        let both = Sample.replacing("    list:\n", with: "    source:\n      table: x\n    list:\n")
        #expect(Sample.headlines(both).first?.contains("two words for one thing") == true)
    }

    private static let wrong: [(String, String, String)] = [
        ("key: sku", "", "the key \"key\" is missing in syncs.products"),
        ("source: { table: products }", "", "the key \"source\" is missing in syncs.products"),
        (
            "source: { table: products }", "audience: { table: products }",
            "syncs.products.audience is a key of list syncs; this one is catalog"
        ),
        ("catalog: { name: products }", "", "the key \"catalog\" is missing in syncs.products"),
        (
            "catalog: { name: products }", "catalog: { name: my_products }",
            "syncs.products.catalog.name \"my_products\" cannot be the name of a catalog"
        ),
        (
            "catalog: { name: products }", "catalog: { name: products, make: true }",
            "unknown key \"make\" in syncs.products.catalog"
        ),
        ("fields: all", "", "the key \"fields\" is missing in syncs.products"),
        ("fields: all", "fields: {}", "syncs.products.fields is empty"),
        ("fields: all", "fields: every", "syncs.products.fields \"every\" is neither \"all\" nor a mapping"),
        ("fields: all", "fields: { a: 1 }", "syncs.products.fields.a \"1\" is a number, not text"),
        ("fields: all", "fields: { a: b }\nexcept: [c]", "syncs.products.except stands beside a mapping of fields"),
        ("fields: all", "fields: all\nexcept: c", "syncs.products.except is not a list of that many texts"),
        ("fields: all", "fields: all\nexcept: [1]", "syncs.products.except.0"),
        ("fields: all", "fields: { a: {} }", "syncs.products.fields.a needs exactly one of column or value"),
        ("fields: all", "fields: { a: { column: b, value: c } }", "exactly one of column or value is allowed"),
        (
            "fields: all", "fields: { a: { value: c, type: long } }",
            "syncs.products.fields.a.type has no effect beside value"
        ),
        ("fields: all", "fields: { a: { value: 0x1F } }", "is a number of a form that is not taken here"),
        ("fields: all", "fields: { a: { value: [1] } }", "syncs.products.fields.a.value is a list, not a single value"),
        (
            "fields: all", "fields: { a: { column: b, type: text } }",
            "syncs.products.fields.a.type \"text\" is not one of the choices"
        ),
        ("fields: all", "fields: { a: { column: b, type: geo } }", "names one column, and a geo field needs two"),
        ("fields: all", "fields: { a: { column: [b, c] } }", "names two columns, which only a geo field has"),
        ("fields: all", "fields: { a: { column: [b, c, d], type: geo } }", "is not a list of that many texts"),
        ("fields: all", "fields: { a: { column: b, time_zone: Mars/Olympus } }", "is no time zone"),
        ("fields: all", "fields: { a: { column: b, type: long, time_zone: UTC } }", "stands beside type: long"),
        ("fields: all", "fields: { a.b: c }", "the field \"a.b\" has a dot in its name, or no name"),
        (
            "fields: all", "fields: { place: { column: [b, c], type: geo } }",
            "the geo field \"place\" does not end in _geo_location"
        ),
        (
            "fields: all", "fields: { a: { column: b, type: long, default: free } }",
            "the default of syncs.products.fields.a is no long"
        ),
        (
            "fields: all", "fields: {\((1...351).map { "f\($0): a" }.joined(separator: ", "))}",
            "syncs.products.fields has 351 fields"
        ),
        ("key: sku", "key: sku\ndocuments: patch", "syncs.products.documents \"patch\" is not one of the choices"),
        ("key: sku", "key: sku\nverify: true", "syncs.products.verify is"),
        ("key: sku", "key: sku\nverify: { sample: 0 }", "syncs.products.verify.sample \"0\" is out of range"),
        ("key: sku", "key: sku\nverify: { sample: 101 }", "syncs.products.verify.sample \"101\" is out of range"),
        ("key: sku", "key: sku\nverify: { within: 0s }", "syncs.products.verify.within \"0s\" is out of range"),
        ("key: sku", "key: sku\nverify: { within: soon }", "syncs.products.verify.within \"soon\" is no span of time"),
        ("key: sku", "key: sku\nverify: { items: 3 }", "unknown key \"items\" in syncs.products.verify"),
        ("key: sku", "key: [a, b]", "syncs.products.key is a list, not a single value"),
        ("key: sku", "key: { encode: true }", "the key \"column\" is missing in syncs.products.key"),
        ("key: sku", "key: sku\nmode: replace", "syncs.products.mode \"replace\" is not one of the choices"),
        (
            "key: sku", "key: sku\nmode: update",
            "syncs.products.mode \"update\" is a mode of users syncs; this one is catalog"
        ),
        ("key: sku", "key: sku\nduplicates: newest", "syncs.products.duplicates \"newest\" is not one of the choices"),
        (
            "key: sku", "key: sku\nmapping: { email: e }",
            "syncs.products.mapping is a key of list, users or events syncs; this one is catalog"
        ),
        (
            "key: sku", "key: sku\nnulls: skip",
            "syncs.products.nulls is a key of list or users syncs; this one is catalog"
        ),
        (
            "fields: all", "fields: { a: { column: b, nulls: skip } }",
            "syncs.products.fields.a.nulls is a key of list or users syncs; this one is catalog"
        ),
        ("fields: all", "fields: all\nexcept: []", "syncs.products.except is an empty list"),
        ("key: sku", "key: sku\nlist: { name: x }", "syncs.products.list is a key of list syncs; this one is catalog"),
    ]

    @Test(arguments: wrong.indices) func whatIsWrongIsSaid(_ index: Int) {
        let (old, new, words) = Self.wrong[index]
        let headlines = Sample.headlines(Self.text(Self.rest.replacing(old, with: new)))
        #expect(headlines.count == 1 && headlines[0].contains(words), "\(new): \(headlines)")
    }

    @Test func whoWritesAudienceIsToldToWriteSource() {
        let source = "source: { table: products }"
        let audience = "audience: { table: products }"
        let alone = Sample.rendered(Self.text(Self.rest.replacing(source, with: audience)))
        #expect(alone.contains("hint: Write source in its place."), "\(alone)")
        let both = Sample.rendered(Self.text(Self.rest + "\n" + audience))
        #expect(both.contains("syncs.products.audience is a key of list syncs"), "\(both)")
        #expect(both.contains("hint: Take it out, or set kind: list."), "\(both)")
    }

    private static let shares: [(written: String, meant: String?)] = [
        ("\"3\"", "3%"), ("3", "3%"), ("12.5", "12.5%"), ("0.25", "25%"), ("3 %", "3%"), ("5 percent", "5%"),
        ("250", nil), ("101%", nil), ("-1", nil), ("many", nil),
    ]

    @Test(arguments: shares.indices) func theShareThatWasMeantIsSuggested(_ index: Int) throws {
        let (written, meant) = Self.shares[index]
        let headlines = Sample.headlines(Self.text(Self.rest, guards: "{ max_invalid: \(written) }"))
        #expect(headlines.count == 1 && headlines[0].contains("is no percentage"), "\(headlines)")
        #expect(headlines.first?.hasSuffix("; did you mean \(meant ?? "")?") == (meant != nil), "\(headlines)")
        // What is suggested is taken.
        if let meant {
            let right = try Sample.load(Self.text(Self.rest, guards: "{ max_invalid: \(meant) }"))
            #expect(right.syncs.first?.guards.maxInvalid != nil)
        }
    }

    @Test func twoSyncsOfOneCatalogAreRefused() {
        let second = """
              second:
                kind: catalog
                warehouse: shop
                destination: marketing
                source: { table: others }
                key: sku
                catalog: { name: Products }
                fields: all

            """
        let headlines = Sample.headlines(Self.text(Self.rest) + second)
        #expect(
            headlines.count == 1 && headlines[0].contains("syncs.second keeps the same catalog as syncs.products"),
            "\(headlines)")
    }

    @Test func keysOfCatalogsInAListAreRefused() {
        let text = Sample.replacing("    list:\n", with: "    key: sku\n    documents: merge\n    list:\n")
        #expect(
            Sample.headlines(text).map { $0.split(separator: " ", maxSplits: 1).last.map(String.init) } == [
                "syncs.vip.key is a key of users, events or catalog syncs; this one is list",
                "syncs.vip.documents is a key of catalog syncs; this one is list",
            ])
        let guarded = Sample.replacing("max_removals: 25%", with: "max_invalid: 20%")
        #expect(
            Sample.headlines(guarded) == ["rollcall.yaml:32:7: syncs.vip.guards.max_invalid is no guard of list syncs"])
        #expect(
            Sample.headlines(Sample.replacing("  vip:\n", with: "  vip:\n    kind: item\n")) == [
                "rollcall.yaml:19:11: syncs.vip.kind \"item\" is not one of the choices"
            ])
    }

    @Test(arguments: [("max_changes", "50%"), ("max_identity_changes", "1%"), ("max_events", "5"), ("max_age", "off")])
    func guardsOfOthersInACatalogAreRefused(_ name: String, _ value: String) {
        #expect(
            Sample.headlines(Self.text(Self.rest, guards: "{ \(name): \(value) }")) == [
                "rollcall.yaml:10:15: syncs.products.guards.\(name) is no guard of catalog syncs"
            ])
    }
}

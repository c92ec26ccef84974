import RollcallConfig
import Testing

/// What the file alone can say of two syncs on one list.
@Suite struct SameListTests {
    private func load(_ urls: (String, String), _ lists: (String, String)) throws -> Configuration {
        let destinations = [("one", urls.0), ("two", urls.1)].map { name, url in
            "  \(name): { type: iterable, api_key: k, project_type: email, base_url: \"\(url)\" }\n"
        }
        let syncs = [("a", "one", lists.0), ("b", "two", lists.1)].map { name, destination, list in
            "  \(name): { warehouse: shop, destination: \(destination), audience: { table: people }, list: \(list) }\n"
        }
        return try Configuration.parse(
            text: "warehouses:\n  shop: { type: sqlite, path: shop.sqlite }\ndestinations:\n" + destinations.joined()
                + "syncs:\n" + syncs.joined(), path: "rollcall.yaml", folder: "/", environment: [:])
    }

    @Test(arguments: [
        ("http://localhost:80", "http://localhost"), ("http://localhost/", "http://LOCALHOST"),
        ("https://localhost:443/proxy/", "https://localhost/proxy"),
    ]) func oneAddressMayBeWrittenInSeveralWays(_ one: String, _ other: String) throws {
        #expect(throws: ConfigurationErrors.self) { try load((one, other), ("{ id: 7 }", "{ id: 7 }")) }
    }

    @Test(arguments: [
        ("http://localhost:81", "http://localhost"), ("http://localhost", "https://localhost"),
        ("https://localhost:80", "https://localhost"), ("http://localhost/a", "http://localhost/b"),
    ]) func twoAddressesAreTwoProjects(_ one: String, _ other: String) throws {
        #expect(try load((one, other), ("{ id: 7 }", "{ id: 7 }")).syncs.count == 2)
    }

    @Test func namesThatOnlyLookAlikeAreTwoNames() throws {
        let url = "http://localhost"
        let lists = ("{ name: \"Caf\u{e9}\" }", "{ name: \"Cafe\u{301}\" }")
        #expect(try load((url, url), lists).syncs.count == 2)
        #expect(throws: ConfigurationErrors.self) { try load((url, url), (lists.0, lists.0)) }
    }
}

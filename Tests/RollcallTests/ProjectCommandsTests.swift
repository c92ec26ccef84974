import Foundation
import IterableSandbox
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// `fields` and `catalogs`, against the sandbox.
@Suite struct ProjectCommandsTests {
    private func send(_ shop: Shop, _ method: String, _ path: String, _ body: String? = nil) async throws {
        var request = URLRequest(url: try #require(URL(string: (shop.sandbox.baseURL ?? "") + path)))
        request.httpMethod = method
        request.httpBody = body.map { Data($0.utf8) }
        request.setValue(Shop.apiKey, forHTTPHeaderField: "Api-Key")
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        let (data, response) = try await URLSession.shared.data(for: request)
        let status = (response as? HTTPURLResponse)?.statusCode ?? 0
        #expect((200...299).contains(status), "\(String(decoding: data, as: UTF8.self))")
    }

    @Test func profileFieldsAreShownWithTheirTypes() async throws {
        try await Shop.with { shop in
            try await send(
                shop, "POST", "/api/users/update", #"{"email":"a@example.com","dataFields":{"plan":"free","age":3}}"#)
            let table = try await shop.rollcall("fields", "iterable")
            #expect(table.code == 0 && table.out.contains("plan") && table.out.contains("string"), "\(table.all)")
            let csv = try await shop.rollcall("fields", "iterable", "--format", "csv")
            #expect(csv.out.hasPrefix("field,type\n") && csv.out.contains("age,long\n"), "\(csv.all)")
        }
    }

    @Test func catalogsAndTheirFieldsAreShown() async throws {
        try await Shop.with { shop in
            let empty = try await shop.rollcall("catalogs", "iterable")
            #expect(empty.code == 0, "\(empty.all)")
            for number in 1...12 { try await send(shop, "POST", "/api/catalogs/c\(number)") }
            let upload = #"{"documents":{"a":{"title":"x","tags":["y"]}},"replaceUploadedFieldsOnly":false}"#
            try await send(shop, "POST", "/api/catalogs/c1/items", upload)
            let mapping = #"{"mappingsUpdates":[{"fieldName":"title","fieldType":"string"}]}"#
            try await send(shop, "PUT", "/api/catalogs/c1/fieldMappings", mapping)
            let names = try await shop.rollcall("catalogs", "iterable", "--format", "csv")
            #expect(
                Set(names.out.split(separator: "\n").dropFirst().map(String.init)) == Set((1...12).map { "c\($0)" }))
            let fields = try await shop.rollcall("catalogs", "iterable", "c1", "--format", "csv")
            #expect(fields.code == 0 && fields.out == "field,type\ntitle,string\ntags,\n", "\(fields.all)")
        }
    }

    @Test func aMissingCatalogIsNamed() async throws {
        try await Shop.with { shop in
            let missing = try await shop.rollcall("catalogs", "iterable", "shoes")
            #expect(missing.code == 1)
            #expect(
                missing.err.contains("no catalog \"shoes\"")
                    && missing.err.contains("rollcall catalogs iterable"), "\(missing.all)")
            let destination = try await shop.rollcall("fields", "nowhere")
            #expect(destination.code == 2 && destination.err.contains("nowhere"), "\(destination.all)")
        }
    }

    /// What is wrong is the address, not the catalog.
    @Test func anAddressThatIsNotIterablesIsNoMissingCatalog() async throws {
        try await Shop.with { shop in
            try shop.configure { $0.baseURL += "/elsewhere" }
            let output = try await shop.rollcall("catalogs", "iterable", "shoes")
            #expect(output.code == 1 && !output.err.contains("no catalog"), "\(output.all)")
            #expect(output.err.contains("base_url"), "\(output.all)")
        }
    }
}

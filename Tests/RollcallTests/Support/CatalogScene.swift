import Foundation
import IterableSandbox
import Testing

/// A shop whose sync `goods` keeps the catalog `goods` equal to the table `products`.
struct CatalogScene: Sendable {
    let shop: Shop

    static func with<R>(
        _ kind: Shop.Kind, rows: ClosedRange<Int>? = nil, tune: (inout SandboxOptions) -> Void = { _ in },
        _ body: (CatalogScene) async throws -> R
    ) async throws -> R {
        try await Shop.with(kind, tune: tune) { shop in
            let scene = CatalogScene(shop: shop)
            try await shop.execute(
                "CREATE TABLE products (sku varchar(100), title text, price double precision, stock integer)")
            if let rows { for number in rows { try await scene.put("k\(number)", number) } }
            try scene.configure()
            return try await body(scene)
        }
    }

    /// Limits that a busy machine does not reach, for tests that count requests.
    static let unhurried = "settle_seconds: 0.5, request_timeout_seconds: 40"

    func configure(
        baseURL: String? = nil, limits: String = "settle_seconds: 0.5, request_timeout_seconds: 2",
        sync: String = "mode: mirror",
        fields: String = "all", guards: String = "max_removals: 100%"
    ) throws {
        try shop.configure { text in
            if let baseURL { text.baseURL = baseURL }
            text.limits =
                "requests_per_second: 500, \(limits), catalog: { requests_per_second: 1000, records_per_request: 5 }"
            text.further = """
                  goods:
                    kind: catalog
                    warehouse: shop
                    destination: iterable
                    source: { table: products }
                    key: sku
                    catalog: { name: goods, create: true }
                    fields: \(fields)
                    guards: { \(guards) }
                    \(sync)
                """
        }
    }

    func put(_ key: String, _ number: Int, title: String = "Pen") async throws {
        try await shop.execute("DELETE FROM products WHERE sku = '\(key)'")
        try await shop.execute("INSERT INTO products VALUES ('\(key)', '\(title)', \(number).5, \(number))")
    }

    func remove(_ key: String) async throws { try await shop.execute("DELETE FROM products WHERE sku = '\(key)'") }

    var items: [String: String]? { shop.sandbox.catalogItems("goods") }

    /// The items as the source has them, read without Rollcall.
    func source() async throws -> [String: String] {
        let rows = try await shop.query("SELECT sku, title, stock FROM products")
        return Dictionary(
            uniqueKeysWithValues: rows.map { row in
                let (title, number) = (row[1] ?? "", row[2] ?? "")
                return (row[0] ?? "", "{\"price\":\(number).5,\"stock\":\(number),\"title\":\"\(title)\"}")
            })
    }

    /// Runs until a run ends well; then Iterable has what the source has.
    func putsRight(_ what: String = "", sourceLocation: SourceLocation = #_sourceLocation) async throws {
        shop.sandbox.setFaults([])
        var last = try await shop.rollcall("run", "goods", "--json")
        for _ in 0..<4 where last.code != 0 { last = try await shop.rollcall("run", "goods", "--json") }
        #expect(last.code == 0, "\(what): \(last.all)", sourceLocation: sourceLocation)
        // What was sent late has landed by now.
        try await Task.sleep(for: .seconds(0.6))
        let (items, source) = (items, try await source())
        #expect(items == source, "\(what)", sourceLocation: sourceLocation)
        let known = try await shop.query(
            "SELECT record_key FROM \(shop.state("synced_records")) WHERE state = 'synced'")
        #expect(Set(known.compactMap { $0[0] }) == Set(source.keys), "\(what)", sourceLocation: sourceLocation)
    }
}

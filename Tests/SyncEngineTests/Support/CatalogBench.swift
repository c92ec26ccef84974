import Foundation
import RollcallCore
import SyncEngine
import TestSupport
import Testing
import Warehouse

/// One catalog sync on a private SQLite warehouse, against an Iterable in memory, in virtual time.
final class CatalogBench: Sendable {
    let fixture: SQLiteFixture
    let clock = ManualClock()
    let iterable: FakeIterable
    let stop = StopSignal()
    private let adjust: @Sendable (inout CatalogSettings, inout DestinationSettings) -> Void

    var catalogs: FakeCatalogs { iterable.catalogs }

    init(
        adjust: @escaping @Sendable (inout CatalogSettings, inout DestinationSettings) -> Void = { _, _ in }
    ) async throws {
        fixture = try await SQLiteFixture.make()
        iterable = FakeIterable(clock: clock)
        self.adjust = adjust
        try await fixture.execute(
            "CREATE TABLE products (sku TEXT, title TEXT, price REAL, stock INTEGER, changed INTEGER)")
    }

    deinit { try? FileManager.default.removeItem(at: fixture.folder) }

    /// Replaces the rows: `sku, title, price, stock` and perhaps `changed`, as SQL literals.
    func setRows(_ rows: [String]) async throws {
        try await fixture.execute("DELETE FROM products")
        for row in rows {
            let columns = row.split(separator: ",").count == 5 ? "" : "(sku, title, price, stock)"
            try await fixture.execute("INSERT INTO products \(columns) VALUES (\(row))")
        }
    }

    func pipeline(
        stop: StopSignal? = nil, warehouse: (any Warehouse)? = nil, holder: Holder = .current,
        destination changeDestination: @Sendable (inout DestinationSettings) -> Void = { _ in },
        change: @Sendable (inout CatalogSettings, inout SyncSettings) -> Void = { _, _ in }
    ) -> SyncPipeline {
        var catalog = CatalogSettings(name: "products", key: "sku", fields: .all(except: ["changed"]))
        catalog.create = true
        catalog.mode = .mirror
        var destination = DestinationSettings(
            name: "marketing", apiKey: Secret("key"), projectType: .email, baseURL: "http://127.0.0.1")
        destination.limits.catalog = RecordLimits(requestsPerSecond: 1000, recordsPerRequest: 2)
        adjust(&catalog, &destination)
        changeDestination(&destination)
        var sync = SyncSettings(
            name: "goods", warehouse: "shop", destination: "marketing", audience: .table(["products"]),
            target: .catalog(catalog))
        change(&catalog, &sync)
        sync.target = .catalog(catalog)
        return SyncPipeline(
            sync: sync, destinationSettings: destination, warehouse: warehouse ?? fixture.warehouse,
            destination: iterable, limiters: RateLimiterPool(clock: clock), clock: clock, stop: stop ?? self.stop,
            holder: holder)
    }

    /// Runs once and checks what must hold after every run.
    @discardableResult
    func run(
        _ request: RunRequest = RunRequest(),
        change: @Sendable (inout CatalogSettings, inout SyncSettings) -> Void = { _, _ in },
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> SyncRun {
        let outcome = await pipeline(change: change).run(request)
        guard case .ran(let run) = outcome else {
            Issue.record("not run: \(outcome)", sourceLocation: sourceLocation)
            throw RunError(code: "test", message: "\(outcome)")
        }
        #expect(run.counts.balances, "\(run)", sourceLocation: sourceLocation)
        #expect(run.kind == .catalog && run.target == "products" && run.listID == nil, sourceLocation: sourceLocation)
        let stored = try await fixture.warehouse.run(id: run.id)
        #expect(stored?.status == run.status && stored?.counts == run.counts, sourceLocation: sourceLocation)
        return run
    }

    /// Records as `state key`.
    func snapshot() async throws -> Set<String> {
        let rows = try await fixture.query(
            "SELECT state, record_key FROM \(fixture.state("synced_records")) WHERE sync_name = 'goods'")
        return Set(rows.map { "\($0[0] ?? "") \($0[1] ?? "-")" })
    }

    /// The log of a run, as `operation status code key`.
    func log(_ run: SyncRun) async throws -> [String] {
        try await fixture.query(
            """
            SELECT operation, status, coalesce(error_code, ''), record_key FROM \(fixture.state("sync_log"))
            WHERE run_id = '\(run.id)' ORDER BY record_id
            """
        ).map { "\($0[0] ?? "") \($0[1] ?? "") \($0[2] ?? "") \($0[3] ?? "-")" }
    }
}

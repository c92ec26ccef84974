import Foundation
import RollcallCore
import SyncEngine
import TestSupport
import Testing
import Warehouse

/// One sync of users on a private SQLite warehouse, against an Iterable in memory, in virtual time.
final class UsersBench: Sendable {
    let fixture: SQLiteFixture
    let clock = ManualClock()
    let iterable: FakeIterable
    private let adjust: @Sendable (inout UserSettings, inout SyncSettings, inout DestinationSettings) -> Void

    var users: FakeUsers { iterable.users }

    /// The project has the fields `plan`, `city` and `orders`.
    init(
        adjust: @escaping @Sendable (inout UserSettings, inout SyncSettings, inout DestinationSettings) -> Void = {
            _, _, _ in
        }
    ) async throws {
        fixture = try await SQLiteFixture.make()
        iterable = FakeIterable(clock: clock)
        self.adjust = adjust
        try await fixture.execute(
            """
            CREATE TABLE customers (
                id INTEGER, email TEXT, user_id TEXT, plan TEXT, city TEXT, orders INTEGER, changed INTEGER)
            """)
        users.setTypes(["plan": "string", "city": "string", "orders": "long", "address": "object"])
    }

    deinit { try? FileManager.default.removeItem(at: fixture.folder) }

    /// Replaces the rows: `id, email, plan, city, orders` as SQL literals, and perhaps `user_id` and `changed`.
    func setRows(_ rows: [String]) async throws {
        try await fixture.execute("DELETE FROM customers")
        for row in rows {
            let more = ["", ", user_id", ", user_id, changed"][row.split(separator: ",").count - 5]
            try await fixture.execute(
                "INSERT INTO customers (id, email, plan, city, orders\(more)) VALUES (\(row))")
        }
    }

    func pipeline(
        stop: StopSignal = StopSignal(), warehouse: (any Warehouse)? = nil, holder: Holder = .current,
        change: @Sendable (inout UserSettings, inout SyncSettings, inout DestinationSettings) -> Void = { _, _, _ in }
    ) -> SyncPipeline {
        var users = UserSettings(
            fields: .only(["plan", "city", "orders"].map { FieldSetting(name: $0, source: .column($0)) }))
        users.key = ["id"]
        var destination = DestinationSettings(
            name: "marketing", apiKey: Secret("key"), projectType: .email, baseURL: "http://127.0.0.1")
        destination.limits.users = RecordLimits(requestsPerSecond: 1000, recordsPerRequest: 2)
        var sync = SyncSettings(
            name: "people", warehouse: "shop", destination: "marketing", audience: .table(["customers"]),
            target: .users(users))
        sync.mapping = ColumnMapping(email: "email")
        adjust(&users, &sync, &destination)
        change(&users, &sync, &destination)
        sync.target = .users(users)
        return SyncPipeline(
            sync: sync, destinationSettings: destination, warehouse: warehouse ?? fixture.warehouse,
            destination: iterable, limiters: RateLimiterPool(clock: clock), clock: clock, stop: stop, holder: holder)
    }

    /// Runs once and checks what must hold after every run.
    @discardableResult
    func run(
        _ request: RunRequest = RunRequest(),
        change: @Sendable (inout UserSettings, inout SyncSettings, inout DestinationSettings) -> Void = { _, _, _ in },
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> SyncRun {
        let outcome = await pipeline(change: change).run(request)
        guard case .ran(let run) = outcome else {
            Issue.record("not run: \(outcome)", sourceLocation: sourceLocation)
            throw RunError(code: "test", message: "\(outcome)")
        }
        #expect(run.counts.balances, "\(run)", sourceLocation: sourceLocation)
        #expect(run.kind == .users && run.target == "users" && run.listID == nil, sourceLocation: sourceLocation)
        let stored = try await fixture.warehouse.run(id: run.id)
        #expect(stored?.status == run.status && stored?.counts == run.counts, sourceLocation: sourceLocation)
        return run
    }

    /// Records as `state key email`.
    func snapshot() async throws -> Set<String> {
        let rows = try await fixture.query(
            "SELECT state, record_key, email FROM \(fixture.state("synced_records")) WHERE sync_name = 'people'")
        return Set(rows.map { "\($0[0] ?? "") \($0[1] ?? "-") \($0[2] ?? "-")" })
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

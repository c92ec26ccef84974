import Foundation
import RollcallCore
import SyncEngine
import Synchronization
import TestSupport
import Testing
import Warehouse

/// One sync of events on a private SQLite warehouse, against an Iterable in memory, in virtual time. The warehouse's
/// clock, as far as the engine asks it, is virtual too.
final class EventsBench: Sendable {
    typealias Adjustment = @Sendable (inout EventSettings, inout SyncSettings, inout DestinationSettings) -> Void

    /// When the time begins: 2096-10-02 07:06:40. It lies beyond any time at which a test runs, so that no request in
    /// doubt is over by the clock of the database.
    static let start = 4_000_000_000

    let fixture: SQLiteFixture
    let clock: ManualClock
    let iterable: FakeIterable
    private let warehouse: FailingWarehouse
    private let heard = Mutex<[String]>([])
    private let adjust: Adjustment

    var events: FakeEvents { iterable.events }

    /// All rows that are there at first are sent, two in a request, one request after the other.
    init(adjust: @escaping Adjustment = { _, _, _ in }) async throws {
        let clock = ManualClock()
        let fixture = try await SQLiteFixture.make()
        self.clock = clock
        self.fixture = fixture
        self.adjust = adjust
        iterable = FakeIterable(clock: clock)
        warehouse = FailingWarehouse(fixture.warehouse, time: { EventsBench.time(clock) })
        try await fixture.execute(
            """
            CREATE TABLE orders (
                id INTEGER, status TEXT, email TEXT, user_id TEXT, at INTEGER, placed TIMESTAMP, total REAL, note TEXT,
                paid BOOLEAN, items JSON, name TEXT, ref TEXT, campaign INTEGER, loaded INTEGER, seen TIMESTAMP)
            """)
    }

    deinit { try? FileManager.default.removeItem(at: fixture.folder) }

    static func time(_ clock: ManualClock) -> Date {
        let (seconds, attoseconds) = clock.uptime.components
        return Date(timeIntervalSince1970: Double(start) + Double(seconds) + Double(attoseconds) * 1e-18)
    }

    // MARK: The source

    /// Adds rows, as SQL literals.
    func insert(_ columns: String, _ rows: String...) async throws {
        for row in rows { try await fixture.execute("INSERT INTO orders (\(columns)) VALUES (\(row))") }
    }

    /// Adds orders: the key, what stands before `@example.com`, and the second since 1970.
    func add(_ orders: (id: Int, person: String, at: Int)...) async throws {
        for order in orders {
            try await insert("id, email, at", "\(order.id), '\(order.person)@example.com', \(order.at)")
        }
    }

    func change(_ assignment: String, of id: Int) async throws {
        try await fixture.execute("UPDATE orders SET \(assignment) WHERE id = \(id)")
    }

    func delete(_ id: Int) async throws { try await fixture.execute("DELETE FROM orders WHERE id = \(id)") }

    // MARK: Running

    func pipeline(
        stop: StopSignal = StopSignal(), warehouse: (any Warehouse)? = nil, holder: Holder = .current,
        search: StateSearch? = nil, change: Adjustment = { _, _, _ in }
    ) -> SyncPipeline {
        var events = EventSettings(key: ["id"], name: .constant("order_placed"), namespace: "orders")
        events.createdAt = EventSettings.Time(column: "at", unit: .seconds)
        events.start = .all
        var destination = self.destination
        var sync = SyncSettings(
            name: "orders", warehouse: "shop", destination: "marketing", audience: .table(["orders"]),
            target: .events(events))
        sync.mapping = ColumnMapping(email: "email")
        adjust(&events, &sync, &destination)
        change(&events, &sync, &destination)
        sync.target = .events(events)
        return SyncPipeline(
            sync: sync, destinationSettings: destination, warehouse: warehouse ?? self.warehouse, destination: iterable,
            limiters: RateLimiterPool(clock: clock), clock: clock, stop: stop, holder: holder, search: search
        ) { [self] progress in
            if case .note(let note) = progress { heard.withLock { $0.append(note) } }
        }
    }

    private var destination: DestinationSettings {
        var destination = DestinationSettings(
            name: "marketing", apiKey: Secret("key"), projectType: .email, baseURL: "http://127.0.0.1")
        destination.limits.events = RecordLimits(
            requestsPerSecond: 1000, recordsPerRequest: 2, singleRequestsPerSecond: 1000)
        destination.limits.concurrentRequests = 1
        return destination
    }

    /// Runs once and checks what must hold after every run.
    @discardableResult
    func run(
        _ request: RunRequest = RunRequest(), stop: StopSignal = StopSignal(), change: Adjustment = { _, _, _ in },
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> SyncRun {
        let outcome = await pipeline(stop: stop, change: change).run(request)
        guard case .ran(let run) = outcome else {
            Issue.record("not run: \(outcome)", sourceLocation: sourceLocation)
            throw RunError(code: "test", message: "\(outcome)")
        }
        #expect(run.counts.balances, "\(run)", sourceLocation: sourceLocation)
        #expect(run.kind == .events && run.listID == nil, sourceLocation: sourceLocation)
        let stored = try await fixture.warehouse.run(id: run.id)
        #expect(stored?.status == run.status, sourceLocation: sourceLocation)
        #expect(stored?.counts == run.counts, "\(run)", sourceLocation: sourceLocation)
        #expect(events.faults.isEmpty, "\(events.faults)", sourceLocation: sourceLocation)
        let sent = try await fixture.query(
            "SELECT event_id FROM \(fixture.state("synced_events")) WHERE sync_name = 'orders' AND state = 'sent'")
        let taken = events.taken
        #expect(
            sent.allSatisfy { taken[$0[0] ?? ""] != nil }, "\(sent) were acknowledged", sourceLocation: sourceLocation)
        return run
    }

    /// A warehouse that goes away at a write, with the virtual clock.
    func failing(writes: Int, after: Bool) -> FailingWarehouse {
        FailingWarehouse(fixture.warehouse, writes: writes, after: after, time: { [clock] in EventsBench.time(clock) })
    }

    /// A process of this machine that no longer lives, so that its lease is free at once.
    static let deadHolder: Holder = {
        var parts = Holder.current.text.split(separator: " ").map(String.init)
        parts[3] = "999999"
        return Holder(text: parts.joined(separator: " "))
    }()

    // MARK: The people

    /// Has a sync of users, `people`, send these people, whose addresses end in `@example.com`.
    func acknowledge(_ people: String...) async throws {
        try await fixture.execute(
            "CREATE TABLE IF NOT EXISTS customers (id TEXT, email TEXT, plan TEXT); DELETE FROM customers")
        for person in people {
            try await fixture.execute("INSERT INTO customers VALUES ('\(person)', '\(person)@example.com', 'free')")
        }
        var users = UserSettings(fields: .only([FieldSetting(name: "plan", source: .column("plan"))]))
        users.key = ["id"]
        iterable.users.setTypes(["plan": "string"])
        var sync = SyncSettings(
            name: "people", warehouse: "shop", destination: "marketing", audience: .table(["customers"]),
            target: .users(users))
        sync.mapping = ColumnMapping(email: "email")
        let pipeline = SyncPipeline(
            sync: sync, destinationSettings: destination, warehouse: warehouse, destination: iterable,
            limiters: RateLimiterPool(clock: clock), clock: clock)
        guard case .ran(let run) = await pipeline.run(RunRequest()), run.status == .succeeded else {
            throw RunError(code: "test", message: "the people were not sent")
        }
    }

    /// Has a person of ``acknowledge(_:)`` be acknowledged this number of seconds before now.
    func acknowledge(_ person: String, secondsAgo seconds: Int) async throws {
        let time = Int(Self.time(clock).timeIntervalSince1970) - seconds
        try await fixture.execute(
            """
            UPDATE \(fixture.state("synced_records")) SET since = strftime('%Y-%m-%dT%H:%M:%fZ', \(time), 'unixepoch')
             WHERE sync_name = 'people' AND record_key = '\(person)'
            """)
    }

    // MARK: What is seen afterwards

    /// The keys of the events of each request.
    var requests: [[String]] { events.requests.map { $0.map { OrderIDs.name(of: $0.id) } } }

    /// What runs said to people.
    var notes: [String] { heard.withLock { $0 } }

    /// Rows of `synced_events`, as `state key`, sorted; `-` where there is no id.
    func table() async throws -> [String] {
        try await fixture.query(
            "SELECT state, event_id FROM \(fixture.state("synced_events")) WHERE sync_name = 'orders'"
        ).map { "\($0[0] ?? "") \($0[1].map(OrderIDs.name) ?? "-")" }.sorted()
    }

    func cursor() async throws -> EventCursor? { try await warehouse.eventCursor(sync: "orders") }

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

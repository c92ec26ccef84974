import Foundation
import RollcallCore
import SyncEngine
import Synchronization
import TestSupport
import Testing
import Warehouse

/// A real warehouse with an audience, an Iterable in memory, and services on both.
final class ServiceBench: Sendable {
    let fixture: any WarehouseFixture
    let clock = StepClock()
    let iterable = FakeIterable(clock: ManualClock())

    private init(_ fixture: any WarehouseFixture) { self.fixture = fixture }

    static func with(
        _ kind: any WarehouseFixture.Type = SQLiteFixture.self, _ body: (ServiceBench) async throws -> Void
    ) async throws {
        let bench = ServiceBench(try await kind.make())
        bench.iterable.addList(RemoteList(id: 1, name: "VIP", listType: "Standard"))
        do {
            try await bench.fixture.execute("CREATE TABLE people (email TEXT)")
            try await bench.enter(addresses(1...3))
            try await body(bench)
        } catch {
            await bench.fixture.tearDown()
            throw error
        }
        await bench.fixture.tearDown()
    }

    func enter(_ emails: [String]) async throws {
        try await fixture.execute(
            "INSERT INTO people VALUES " + emails.map { "('\($0)')" }.joined(separator: ","))
    }

    func sync(
        _ name: String = "vip", every: ScheduleSettings.Frequency? = nil,
        _ change: (inout SyncSettings) -> Void = { _ in }
    ) -> SyncSettings {
        var sync = SyncSettings(
            name: name, warehouse: "shop", destination: "marketing", audience: .table(["people"]),
            list: .name(name == "vip" ? "VIP" : name, description: nil))
        sync.mapping = ColumnMapping(email: "email")
        sync.schedule = every.map { ScheduleSettings(every: $0) }
        change(&sync)
        return sync
    }

    func destination(onClose: @escaping @Sendable () async -> Void = {}) -> ServiceDestination {
        var settings = DestinationSettings(
            name: "marketing", apiKey: Secret("key"), projectType: .email, baseURL: "http://127.0.0.1")
        settings.limits.requestsPerSecond = 1000
        return ServiceDestination(settings: settings, client: iterable, close: onClose)
    }

    func setup(
        _ syncs: [SyncSettings], warehouse: (any ServiceWarehouse)? = nil, destination: ServiceDestination? = nil
    ) throws -> ServiceSetup {
        let own = try #require(fixture.warehouse as? any ServiceWarehouse)
        return ServiceSetup(
            syncs: syncs, destinations: ["marketing": destination ?? self.destination()],
            warehouses: ["shop": warehouse ?? own], warehouseOrder: ["shop"])
    }

    /// A connection of its own, as another process has it.
    func anotherWarehouse() throws -> any ServiceWarehouse {
        try #require(try fixture.second() as? any ServiceWarehouse)
    }

    /// Runs a service while `body` does.
    func serving(
        _ setup: ServiceSetup, holder: String = "here 1", _ body: (SyncService) async throws -> Void
    ) async throws {
        let service = SyncService(setup, clock: clock, holder: Holder(text: holder))
        let running = Task { await service.run() }
        try await until("the service runs") { await service.health().isRunning }
        do {
            try await body(service)
        } catch {
            await service.stop(within: .zero)
            throw error
        }
        await service.stop(within: .zero)
        await running.value
    }

    /// Waits for real work to be done.
    func until(
        _ what: String, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + patience
        while ContinuousClock.now < deadline {
            if try await condition() { return }
            try await Task.sleep(for: .milliseconds(2))
        }
        Issue.record("not within \(patience): \(what)", sourceLocation: sourceLocation)
        throw RunError(code: "test", message: what)
    }

    /// Moves the time on, once so many schedulers sleep and nothing else does.
    func advance(
        by seconds: Double, schedulers: Int = 1, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await until("\(schedulers) schedulers sleep", sourceLocation: sourceLocation) {
            clock.sleeperCount == schedulers
        }
        clock.advance(by: .seconds(seconds))
    }

    /// `hh:mm outcome`, oldest first.
    func ticks(_ sync: String = "vip") async throws -> [String] {
        let store = try #require(fixture.warehouse as? any TickStore)
        return try await store.ticks(TickFilter(sync: sync, limit: 10_000)).reversed().map { tick in
            let minutes = Int(tick.dueAt.timeIntervalSince(clock.start)) / 60
            return String(format: "%02d:%02d ", minutes / 60, minutes % 60) + tick.outcome.rawValue
        }
    }

    func runs() async throws -> [SyncRun] {
        try await fixture.warehouse.runs(RunFilter(limit: 10_000)).reversed()
    }
}

/// A door that is shut until the test opens it.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Whether a task waits.
    var isMet: Bool { state.withLock { !$0.waiting.isEmpty } }

    func pass() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }
}

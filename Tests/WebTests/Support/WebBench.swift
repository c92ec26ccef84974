import Foundation
import Hummingbird
import HummingbirdTesting
import Logging
import RollcallCore
import SyncEngine
import TestSupport
import Testing
import Warehouse

@testable import Web

/// A server over the real service on a private SQLite warehouse, with an Iterable in memory.
final class WebBench: Sendable {
    static let operatorToken = "operator-secret"
    static let readToken = "read-secret"

    let fixture: SQLiteFixture
    let destination = HeldDestination()
    let service: SyncService
    let server: WebServer

    private let warehouse: SQLiteWarehouse

    private init(
        tokens: String?, names: [String], receivers: (any ReceiverReading)?, adjust: (inout WebSettings) -> Void,
        adjustSync: (inout SyncSettings) -> Void, adjustSetup: (inout ServiceSetup) -> Void
    ) async throws {
        fixture = try await SQLiteFixture.make()
        try await fixture.execute("CREATE TABLE people (email TEXT)")
        warehouse = SQLiteWarehouse(path: fixture.path)
        let syncs = names.enumerated().map { index, name in
            var sync = SyncSettings(
                name: name, warehouse: "shop", destination: "marketing", audience: .table(["people"]),
                list: index == 0 ? .name("VIP", description: nil) : .name("News", description: nil))
            sync.mapping = ColumnMapping(email: "email")
            adjustSync(&sync)
            return sync
        }
        var destinationSettings = DestinationSettings(
            name: "marketing", apiKey: Secret("key"), projectType: .email, baseURL: "http://127.0.0.1")
        destinationSettings.limits.requestsPerSecond = 1000
        var setup = ServiceSetup(
            syncs: syncs,
            destinations: ["marketing": ServiceDestination(settings: destinationSettings, client: destination)],
            warehouses: ["shop": warehouse], warehouseOrder: ["shop"])
        adjustSetup(&setup)
        service = SyncService(setup)
        var settings = WebSettings()
        settings.port = 0
        if let tokens { try settings.tokens.add(environment: tokens) }
        adjust(&settings)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        server = try WebServer(service: service, settings: settings, logger: logger, reading: receivers)
    }

    /// Runs `body` while the service runs.
    static func with(
        tokens: String? = "ops:operator:\(operatorToken),eye:read:\(readToken)", names: [String] = ["vip"],
        people: Int = 3, receivers: (any ReceiverReading)? = nil, adjust: (inout WebSettings) -> Void = { _ in },
        adjustSync: (inout SyncSettings) -> Void = { _ in }, adjustSetup: (inout ServiceSetup) -> Void = { _ in },
        _ body: (WebBench) async throws -> Void
    ) async throws {
        let bench = try await WebBench(
            tokens: tokens, names: names, receivers: receivers, adjust: adjust, adjustSync: adjustSync,
            adjustSetup: adjustSetup)
        try await bench.addPeople(people)
        let task = Task { await bench.service.run() }
        let result: Result<Void, any Error>
        do {
            try await eventually { await bench.service.health().isRunning }
            try await body(bench)
            result = .success(())
        } catch {
            result = .failure(error)
        }
        bench.destination.letGo()
        await bench.service.stop(within: .seconds(5))
        await task.value
        await bench.warehouse.close()
        await bench.fixture.tearDown()
        try result.get()
    }

    func addPeople(_ count: Int, prefix: String = "p") async throws {
        guard count > 0 else { return }
        let values = (1...count).map { "('\(prefix)\($0)@example.com')" }.joined(separator: ",")
        try await fixture.execute("INSERT INTO people VALUES " + values)
    }

    /// Calls routes without sockets.
    func routes(_ body: @Sendable @escaping (RouteClient) async throws -> Void) async throws {
        try await server.application().test(.router) { client in try await body(RouteClient(client: client)) }
    }

    /// Runs a sync to its end.
    @discardableResult
    func run(_ sync: String = "vip", _ request: RunRequest = RunRequest()) async throws -> SyncRun {
        let started = try await service.start(sync, request)
        return try await ended(started.id)
    }

    /// The run, once it does not run any more and the service has put it away.
    @discardableResult
    func ended(_ id: String) async throws -> SyncRun {
        try await eventually {
            let run = try await self.service.run(id)
            let live = await self.service.liveRuns()
            return run.status != .running && live.isEmpty
        }
        return try await service.run(id)
    }
}

/// Polls until something holds; throws after a minute and a half.
func eventually(_ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(90)
    while try await !condition() {
        guard ContinuousClock.now < deadline else { throw NeverHappened() }
        try await Task.sleep(for: .milliseconds(5))
    }
}

struct NeverHappened: Error {}

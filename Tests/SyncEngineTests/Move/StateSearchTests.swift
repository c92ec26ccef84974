import Foundation
import RollcallCore
import SyncEngine
import Synchronization
import TestSupport
import Testing
import Warehouse

/// A sync that would begin from nothing because its state is in another warehouse of the configuration.
@Suite struct StateSearchTests {
    /// A bench whose sync has run in the warehouse `archive`, and a pipeline that keeps its state in `shop`.
    private func with(_ body: (Bench, SQLiteFixture, SyncPipeline) async throws -> Void) async throws {
        let bench = try await Bench()
        let archive = try await SQLiteFixture.make()
        try await bench.setAudience(addresses(1...5))
        let source = try #require(bench.fixture.warehouse as? any ServiceWarehouse)
        let state = try #require(archive.warehouse as? any ServiceWarehouse)
        let there = await bench.pipeline(warehouse: SplitWarehouse(source: source, state: state)).run(RunRequest())
        guard case .ran = there else { throw RunError(code: "test", message: "\(there)") }
        let pipeline = bench.pipeline(
            search: StateSearch(home: "shop") {
                [StateHome(name: "archive", warehouse: SQLiteWarehouse(path: archive.path))]
            })
        var failure: (any Error)?
        do { try await body(bench, archive, pipeline) } catch { failure = error }
        await archive.tearDown()
        if let failure { throw failure }
    }

    @Test func isRefusedAgainAndAgain() async throws {
        try await with { bench, _, pipeline in
            for _ in 0..<3 {
                guard case .failed(let error, isWarehouse: false) = await pipeline.run(RunRequest()) else {
                    Issue.record("the run began from nothing")
                    return
                }
                #expect(error.code == "state_elsewhere")
                #expect(error.message.contains("archive") && error.message.contains("shop"))
            }
            let plan = await #expect(throws: RunError.self) { try await pipeline.plan() }
            #expect(plan?.code == "state_elsewhere")
            let runs = try await bench.fixture.warehouse.runs(RunFilter(sync: "vip", limit: 10))
            #expect(runs.isEmpty)
            #expect(try await bench.fixture.warehouse.schemaVersion() == nil, "no tables were made")
        }
    }

    /// Other syncs may have their state there: tables alone say nothing of this one.
    @Test func isRefusedAgainAndAgainAlsoWhereThereAreTables() async throws {
        try await with { bench, _, pipeline in
            _ = try await bench.fixture.warehouse.migrate()
            for _ in 0..<3 {
                guard case .failed(let error, isWarehouse: false) = await pipeline.run(RunRequest()) else {
                    Issue.record("the run began from nothing")
                    return
                }
                #expect(error.code == "state_elsewhere")
            }
            let plan = await #expect(throws: RunError.self) { try await pipeline.plan() }
            #expect(plan?.code == "state_elsewhere")
            #expect(try await bench.fixture.warehouse.runs(RunFilter(sync: "vip", limit: 10)).isEmpty)
        }
    }

    @Test func beginsFromNothingOnceTheOtherStateIsAbandoned() async throws {
        try await with { _, archive, pipeline in
            guard case .done = try await Abandoning(sync: "vip", warehouse: archive.warehouse).carryOut() else {
                throw RunError(code: "test", message: "not abandoned")
            }
            guard case .ran(let run) = await pipeline.run(RunRequest()) else {
                Issue.record("refused")
                return
            }
            #expect(run.counts.planned.total == 5)
        }
    }

    @Test func looksOnlyWhileTheSyncIsNew() async throws {
        let bench = try await Bench()
        try await bench.setAudience(addresses(1...2))
        let looks = Looks()
        let pipeline = bench.pipeline(
            search: StateSearch(home: "shop") {
                looks.count()
                return []
            })
        _ = await pipeline.run(RunRequest())
        let first = looks.number
        _ = await pipeline.run(RunRequest())
        #expect(first > 0 && looks.number == first)
    }

    /// A first run that failed late has its key and its binding: the next run would not look any more.
    @Test func aWarehouseThatCannotBeLookedAtKeepsEveryRunBack() async throws {
        let bench = try await Bench()
        try await bench.setAudience(addresses(1...2))
        let path = bench.fixture.folder.appendingPathComponent("gone.sqlite").path
        let pipeline = bench.pipeline(
            search: StateSearch(home: "shop") { [StateHome(name: "gone", warehouse: SQLiteWarehouse(path: path))] })
        for _ in 0..<2 {
            guard case .failed(let error, isWarehouse: false) = await pipeline.run(RunRequest()) else {
                Issue.record("the run began from nothing")
                return
            }
            #expect(error.code == "state_unknown", "\(error)")
            #expect(error.message.contains("the warehouse gone could not be read: "), "\(error.message)")
            let hint = try #require(error.hint)
            #expect(hint.contains("Make gone readable") && hint.contains("leaves gone out (`--config`)"), "\(hint)")
        }
        let plan = await #expect(throws: RunError.self) { try await pipeline.plan() }
        #expect(plan?.code == "state_unknown")
        let warehouse = bench.fixture.warehouse
        #expect(try await warehouse.fingerprintKey(sync: "vip", newKey: nil) == nil)
        #expect(try await warehouse.listBinding(sync: "vip") == nil)
        #expect(bench.iterable.members().isEmpty)
        // Once the sync has its state here, nothing is looked for.
        _ = await bench.pipeline().run(RunRequest())
        guard case .ran(let run) = await pipeline.run(RunRequest()) else {
            Issue.record("held back")
            return
        }
        #expect(run.status == .succeeded)
    }

    @Test func allWarehousesThatCouldNotBeReadAreNamed() async throws {
        try await with { bench, archive, _ in
            let folder = bench.fixture.folder
            guard case .done = try await Abandoning(sync: "vip", warehouse: archive.warehouse).carryOut() else {
                throw RunError(code: "test", message: "not abandoned")
            }
            let pipeline = bench.pipeline(
                search: StateSearch(home: "shop") {
                    [
                        ("north", folder.appendingPathComponent("north.sqlite").path), ("archive", archive.path),
                        ("south", folder.appendingPathComponent("south.sqlite").path),
                    ].map { StateHome(name: $0.0, warehouse: SQLiteWarehouse(path: $0.1)) }
                })
            guard case .failed(let error, isWarehouse: false) = await pipeline.run(RunRequest()) else {
                Issue.record("the run began from nothing")
                return
            }
            #expect(error.code == "state_unknown", "\(error)")
            #expect(error.message.contains("warehouse north could") && error.message.contains("warehouse south could"))
            #expect(!error.message.contains("archive") && error.hint?.contains("Make north, south readable") == true)
        }
    }

    /// Another warehouse that is away changes nothing where the state is found.
    @Test func theStateIsNamedAlsoWhereAnotherWarehouseIsAway() async throws {
        try await with { bench, archive, _ in
            let path = bench.fixture.folder.appendingPathComponent("gone.sqlite").path
            let pipeline = bench.pipeline(
                search: StateSearch(home: "shop") {
                    [("gone", path), ("archive", archive.path)].map {
                        StateHome(name: $0.0, warehouse: SQLiteWarehouse(path: $0.1))
                    }
                })
            guard case .failed(let error, isWarehouse: false) = await pipeline.run(RunRequest()) else {
                Issue.record("the run began from nothing")
                return
            }
            #expect(error.code == "state_elsewhere" && error.message.contains("archive"), "\(error)")
        }
    }
}

/// Counts, from any task.
private final class Looks: Sendable {
    private let looks = Mutex(0)
    func count() { looks.withLock { $0 += 1 } }
    var number: Int { looks.withLock { $0 } }
}

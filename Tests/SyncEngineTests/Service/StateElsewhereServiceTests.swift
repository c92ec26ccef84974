import RollcallCore
import SyncEngine
import Synchronization
import TestSupport
import Testing
import Warehouse

/// Two warehouses whose syncs have one state: it is looked after once.
@Suite struct StateElsewhereServiceTests {
    /// The syncs `vip`, of the warehouse with the state, and `club`, of another file with the table `people`.
    private func with(
        every: ScheduleSettings.Frequency? = nil,
        _ body: (ServiceBench, ServiceSetup) async throws -> Void
    ) async throws {
        try await ServiceBench.with { bench in
            bench.iterable.addList(RemoteList(id: 2, name: "club", listType: "Standard"))
            let other = try await SQLiteFixture.make()
            try await other.execute(
                "CREATE TABLE people (email TEXT); INSERT INTO people VALUES ('a@example.com'), ('b@example.com')")
            let state = try #require(bench.fixture.warehouse as? any ServiceWarehouse)
            let source = try #require(other.warehouse as? any ServiceWarehouse)
            let syncs = [bench.sync(every: every), bench.sync("club", every: every) { $0.warehouse = "other" }]
            let setup = ServiceSetup(
                syncs: syncs, destinations: ["marketing": bench.destination()],
                warehouses: ["shop": state, "other": SplitWarehouse(source: source, state: state)],
                warehouseOrder: ["shop", "other"], states: ["other": "shop"])
            do {
                try await body(bench, setup)
            } catch {
                await other.tearDown()
                throw error
            }
            #expect(try await other.query("SELECT name FROM sqlite_master WHERE type = 'table'") == [["people"]])
            await other.tearDown()
        }
    }

    @Test func runsAndStatusesAreListedOnce() async throws {
        try await with { bench, setup in
            try await bench.serving(setup) { service in
                for sync in ["vip", "club"] {
                    let run = try await service.start(sync)
                    try await bench.until("the run of \(sync) has ended") {
                        try await service.run(run.id).status == .succeeded
                    }
                }
                let runs = try await service.runs(RunFilter())
                #expect(runs.runs.map(\.sync) == ["club", "vip"] && runs.unreachable.isEmpty, "\(runs.runs)")
                #expect(try await service.runs(RunFilter(sync: "club")).runs.count == 1)
                let statuses = await service.statuses()
                #expect(statuses.map(\.settings.name) == ["vip", "club"])
                #expect(statuses.map(\.stateWarehouse) == [nil, "shop"])
                #expect(statuses.allSatisfy { $0.problem == nil && $0.latestRun?.status == .succeeded })
                #expect(bench.iterable.members(1).count == 3 && bench.iterable.members(2).count == 2)
                let paused = try await service.setPaused("club", true)
                #expect(paused.isPaused)
            }
        }
    }

    /// A scheduler that knew only some syncs of a state would take the ticks of the others for missed.
    @Test func oneSchedulerRunsTheTicksOfAll() async throws {
        try await with(every: .hour) { bench, setup in
            try await bench.serving(setup) { service in
                try await bench.advance(by: 3600)
                try await bench.until("both have run") {
                    try await service.runs(RunFilter()).runs.count { $0.status == .succeeded } == 2
                }
                let runs = try await service.runs(RunFilter()).runs
                #expect(Set(runs.map(\.sync)) == ["vip", "club"] && runs.allSatisfy { $0.trigger == .schedule })
                for sync in ["vip", "club"] {
                    #expect(try await service.ticks(sync).allSatisfy { $0.outcome == .ran }, "\(sync)")
                }
            }
        }
    }

    /// Each look connects to every other warehouse: what it has found counts for a minute, or until the configuration changes.
    @Test func aNewSyncIsLookedForOnceAMinute() async throws {
        try await ServiceBench.with { bench in
            let archive = try await SQLiteFixture.make()
            let looks = Mutex(0)
            let own = try #require(bench.fixture.warehouse as? any ServiceWarehouse)
            let state = try #require(archive.warehouse as? any ServiceWarehouse)
            do {
                let there = try bench.setup([bench.sync()], warehouse: SplitWarehouse(source: own, state: state))
                try await bench.serving(there) { service in
                    let run = try await service.start("vip")
                    try await bench.until("the run has ended") { try await service.run(run.id).status == .succeeded }
                }
                let path = archive.path
                var here = try bench.setup([bench.sync()])
                here.search = { _ in
                    StateSearch(home: "shop") {
                        looks.withLock { $0 += 1 }
                        return [StateHome(name: "archive", warehouse: SQLiteWarehouse(path: path))]
                    }
                }
                try await bench.serving(here) { service in
                    for _ in 0..<3 {
                        #expect(try await service.status(of: "vip").problem?.code == "state_elsewhere")
                        #expect(await service.statuses().first?.isStateElsewhere == true)
                    }
                    #expect(looks.withLock { $0 } == 1)
                    await #expect(throws: ServiceError.self) { try await service.runs(RunFilter(sync: "vip")) }
                    #expect(looks.withLock { $0 } == 1)
                    bench.clock.advance(by: .seconds(61))
                    #expect(try await service.status(of: "vip").isStateElsewhere)
                    #expect(looks.withLock { $0 } == 2)
                    // The overview does not wait for a look.
                    await service.reload(here)
                    #expect(await service.statuses().first?.problem == nil)
                    try await bench.until("it was found in the background") {
                        await service.statuses().first?.isStateElsewhere == true
                    }
                    #expect(looks.withLock { $0 } == 3)
                }
            } catch {
                await archive.tearDown()
                throw error
            }
            await archive.tearDown()
        }
    }
}

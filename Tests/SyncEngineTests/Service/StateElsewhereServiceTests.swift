import RollcallCore
import SyncEngine
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
}

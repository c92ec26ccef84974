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

    /// A service whose sync `vip` has its state in the file `archive`, while the configuration has it in `shop`.
    private func withForgottenState(
        _ body: (ServiceBench, ServiceSetup, Looks) async throws -> Void
    ) async throws {
        try await ServiceBench.with { bench in
            let archive = try await SQLiteFixture.make()
            let looks = Looks()
            let own = try #require(bench.fixture.warehouse as? any ServiceWarehouse)
            let state = try #require(archive.warehouse as? any ServiceWarehouse)
            do {
                let there = try bench.setup([bench.sync()], warehouse: SplitWarehouse(source: own, state: state))
                try await bench.serving(there) { service in
                    let run = try await service.start("vip")
                    try await bench.until("the run has ended") { try await service.run(run.id).status == .succeeded }
                }
                let path = archive.path
                var here = try bench.setup([bench.sync(), bench.sync("club")])
                here.search = { _ in
                    StateSearch(home: "shop") {
                        looks.count()
                        let isAway = looks.isArchiveAway
                        return [
                            StateHome(name: "archive", warehouse: SQLiteWarehouse(path: isAway ? path + ".gone" : path))
                        ]
                    }
                }
                try await body(bench, here, looks)
            } catch {
                await archive.tearDown()
                throw error
            }
            await archive.tearDown()
        }
    }

    private func problem(_ sync: String = "vip", _ service: SyncService) async throws -> String? {
        try await service.status(of: sync).problem?.code
    }

    /// Each look connects to every other warehouse: what it has found counts for a minute, or until the configuration changes.
    @Test func aNewSyncIsLookedForOnceAMinute() async throws {
        try await withForgottenState { bench, here, looks in
            try await bench.serving(here) { service in
                // A report that would be empty waits for the look; that of all syncs, and of one, does not.
                let refusal = await #expect(throws: ServiceError.self) {
                    try await service.runs(RunFilter(sync: "vip"))
                }
                #expect(refusal?.kind == .stateElsewhere)
                for _ in 0..<3 {
                    let problem1 = try await problem("vip", service)
                    #expect(problem1 == "state_elsewhere")
                    #expect(await service.statuses().first?.problem?.code == "state_elsewhere")
                }
                try await bench.until("club was looked for") { looks.number == 2 }
                await #expect(throws: ServiceError.self) { try await service.ticks("vip") }
                #expect(try await service.runs(RunFilter(sync: "club")).runs.isEmpty)
                #expect(looks.number == 2)
                bench.clock.advance(by: .seconds(61))
                let problem2 = try await problem("vip", service)
                #expect(problem2 == "state_elsewhere", "what is known counts meanwhile")
                await #expect(throws: ServiceError.self) { try await service.runs(RunFilter(sync: "vip")) }
                #expect(looks.number == 3)
                await service.reload(here)
                #expect(await service.statuses().first?.problem == nil)
                try await bench.until("it was found in the background") {
                    await service.statuses().first?.problem?.code == "state_elsewhere"
                }
                #expect(looks.number == 4)
            }
        }
    }

    /// The warehouse that has the state is away: what was found before counts, and a sync of which nothing is known says so.
    @Test func aStateThatWasFoundIsNotForgottenWhileItsWarehouseIsAway() async throws {
        try await withForgottenState { bench, here, looks in
            try await bench.serving(here) { service in
                await #expect(throws: ServiceError.self) { try await service.runs(RunFilter(sync: "vip")) }
                looks.letArchiveGo()
                bench.clock.advance(by: .seconds(61))
                let refusal = await #expect(throws: ServiceError.self) {
                    try await service.runs(RunFilter(sync: "vip"))
                }
                #expect(refusal?.error.code == "state_elsewhere" && looks.number == 2, "\(refusal as Any)")
                let problem3 = try await problem("vip", service)
                #expect(problem3 == "state_elsewhere")
                let unknown = await #expect(throws: ServiceError.self) { try await service.ticks("club") }
                #expect(unknown?.kind == .warehouse && unknown?.error.code == "state_unknown", "\(unknown as Any)")
                #expect(unknown?.error.hint?.contains("Make archive readable") == true)
                let problem4 = try await problem("club", service)
                #expect(problem4 == "state_unknown")
            }
        }
    }

    /// The status of a sync waits for no other warehouse, and a report that would be empty for five seconds at most.
    @Test(.timeLimit(.minutes(10))) func aLookThatDoesNotEndHoldsNoReportUp() async throws {
        try await ServiceBench.with { bench in
            let isOver = StopSignal()
            var setup = try bench.setup([bench.sync()])
            let looks = Looks()
            setup.search = { _ in
                StateSearch(home: "shop") {
                    looks.count()
                    let away = FailingWarehouse(SQLiteWarehouse(path: "/dev/null/archive.sqlite"))
                    away.beforeStanding.withLock { $0 = { await isOver.wait() } }
                    return [StateHome(name: "archive", warehouse: away)]
                }
            }
            try await bench.serving(setup) { service in
                #expect(try await service.status(of: "vip").problem == nil)
                async let runs = service.runs(RunFilter(sync: "vip"))
                try await bench.until("the report waits") { bench.clock.isAsleep(for: .seconds(5)) }
                bench.clock.advance(by: .seconds(5))
                let listed = try await runs
                #expect(listed.runs.isEmpty)
                isOver.request(.interrupted)
                try await bench.until("the look has ended") { try await problem("vip", service) == "state_unknown" }
                #expect(looks.number == 1, "reports share the look that is under way")
            }
        }
    }

    @Test func whetherASyncIsPausedIsKnownAlsoWithoutItsState() async throws {
        try await withForgottenState { bench, here, _ in
            try await bench.serving(here) { service in
                await #expect(throws: ServiceError.self) { try await service.runs(RunFilter(sync: "vip")) }
                let status = try await service.setPaused("vip", true)
                #expect(status.isPaused && status.problem?.code == "state_elsewhere" && status.latestRun == nil)
            }
        }
    }

    /// Warehouses that were not read are left out, with their syncs.
    @Test func syncsOfAWarehouseCanBeLeftOut() async throws {
        try await with { bench, setup in
            try await bench.serving(setup) { service in
                #expect(await service.statuses(leavingOut: ["shop"]).isEmpty)
                #expect(await service.statuses(leavingOut: ["other"]).map(\.settings.name) == ["vip", "club"])
            }
        }
    }
}

/// Counts, from any task.
private final class Looks: Sendable {
    private let state = Mutex((number: 0, isArchiveAway: false))
    func count() { state.withLock { $0.number += 1 } }
    func letArchiveGo() { state.withLock { $0.isArchiveAway = true } }
    var number: Int { state.withLock { $0.number } }
    var isArchiveAway: Bool { state.withLock { $0.isArchiveAway } }
}

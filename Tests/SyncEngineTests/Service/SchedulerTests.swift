import Foundation
import RollcallCore
import SyncEngine
import TestSupport
import Testing
import Warehouse

/// Ticks of one service, in virtual time on a real warehouse.
@Suite(.timeLimit(.minutes(10))) struct SchedulerTests {
    @Test func ticksRunOnTheGrid() async throws {
        try await ServiceBench.with { bench in
            try await bench.serving(bench.setup([bench.sync(every: .hour), bench.sync("manual")])) { service in
                #expect(try await service.status(of: "vip").nextDue == bench.clock.start.addingTimeInterval(3600))
                #expect(try await service.status(of: "manual").nextDue == nil)
                for hour in 1...3 {
                    try await bench.advance(by: 3600)
                    try await bench.until("tick \(hour)") { try await bench.ticks().last == "0\(hour):00 ran" }
                    try await bench.until("run \(hour)") { await service.liveRuns().isEmpty }
                }
                #expect(try await bench.ticks() == ["01:00 ran", "02:00 ran", "03:00 ran"])
                let ticks = try await service.ticks("vip")
                let runs = try await bench.runs()
                #expect(ticks.reversed().map(\.runID) == runs.map(\.id))
                #expect(runs.allSatisfy { $0.trigger == .schedule && $0.status == .succeeded })
                #expect(ticks.allSatisfy { $0.latenessSeconds == 0 })
                #expect(await service.metrics().ticks == [.init(sync: "vip", outcome: .ran): 3])
            }
        }
    }

    @Test func aTickSaysWhyItDidNotRun() async throws {
        try await ServiceBench.with { bench in
            let gate = Gate()
            bench.iterable.setFate { _, number in
                if number == 1 { await gate.pass() }
                return .ok
            }
            let strict = bench.sync(every: .hour) { $0.guards.maxRemovals = .count(0) }
            try await bench.serving(bench.setup([strict])) { service in
                let first = try await service.start("vip")
                // The run's lease beats beside the scheduler.
                try await bench.advance(by: 3600, schedulers: 2)
                try await bench.until("running") { try await bench.ticks() == ["01:00 skipped_running"] }
                gate.open()
                try await bench.until("the run ends") { await service.liveRuns().isEmpty }
                #expect(try await service.run(first.id).status == .succeeded)

                try await bench.fixture.execute("DELETE FROM people WHERE email = 'p1@example.com'")
                try await bench.advance(by: 3600)
                try await bench.until("held") { try await service.status(of: "vip").heldRun != nil }
                try await bench.until("no run") { await service.liveRuns().isEmpty }
                try await bench.advance(by: 3600)
                try await bench.until("held again") { try await bench.ticks().last == "03:00 skipped_held" }
                let held = try #require(try await service.status(of: "vip").heldRun)
                #expect(try await service.ticks("vip").first?.runID == held.id)
                _ = try await service.discard(held.id)

                #expect(try await service.setPaused("vip", true).nextDue == nil)
                try await bench.advance(by: 3600)
                try await bench.until("paused") { try await bench.ticks().last == "04:00 skipped_paused" }
                #expect(try await service.setPaused("vip", false).isPaused == false)
                var disabled = strict
                disabled.enabled = false
                await service.reload(try bench.setup([disabled]))
                try await bench.advance(by: 3600)
                try await bench.until("disabled") { try await bench.ticks().last == "05:00 skipped_disabled" }
                #expect(
                    try await bench.ticks() == [
                        "01:00 skipped_running", "02:00 ran", "03:00 skipped_held", "04:00 skipped_paused",
                        "05:00 skipped_disabled",
                    ])
            }
        }
    }

    @Test func anOutageIsMadeUpForByOneRun() async throws {
        try await ServiceBench.with { bench in
            let setup = try bench.setup([bench.sync(every: .hour)])
            try await bench.serving(setup) { _ in
                try await bench.until("the schedule is noted") { bench.clock.sleeperCount == 1 }
            }
            bench.clock.advance(by: .seconds(5 * 3600 + 120))
            try await bench.serving(setup) { service in
                try await bench.until("the run") { try await bench.runs().last?.status == .succeeded }
                try await bench.until("no pending tick") { try await bench.ticks().last == "05:00 ran" }
                #expect(
                    try await bench.ticks() == [
                        "01:00 missed", "02:00 missed", "03:00 missed", "04:00 missed", "05:00 ran",
                    ])
                #expect(try await service.ticks("vip").first?.latenessSeconds == 120)
                #expect(try await bench.runs().count == 1)
            }
        }
    }

    @Test func aTickWhoseProcessDiedBeforeItsRunIsTakenOver() async throws {
        try await ServiceBench.with { bench in
            let dead = try #require(bench.fixture.warehouse as? any ServiceWarehouse)
            _ = try await dead.migrate()
            let grid = TickGrid(ScheduleSettings(every: .hour))
            try await dead.noteSchedule(sync: "vip", schedule: "3600+0", now: bench.clock.start)
            bench.clock.advance(by: .seconds(3600))
            let id = "01990000-0000-7000-8000-000000000001"
            _ = try await dead.claimTick(
                TickClaim(
                    sync: "vip", grid: grid, now: bench.clock.wallTime, retentionDays: 30, isEnabled: true, runID: id))
            let ticks = bench.fixture.state("schedule_ticks")
            try await bench.fixture.execute("UPDATE \(ticks) SET claimed_at = '2020-01-01T00:00:00.000Z'")
            try await bench.serving(bench.setup([bench.sync(every: .hour)])) { service in
                try await bench.until("it runs") { try await bench.runs().first?.status == .succeeded }
                #expect(try await bench.runs().map(\.id) == [id])
                try await bench.until("the tick ran") { try await bench.ticks() == ["01:00 ran"] }
            }
        }
    }

    @Test func aTickIsTriedAgainUntilItsWarehouseTakesIt() async throws {
        try await ServiceBench.with { bench in
            try await bench.serving(bench.setup([bench.sync(every: .hour)])) { service in
                try await bench.until("asleep") { bench.clock.sleeperCount == 1 }
                // Nobody can open a run as long as the table has another name.
                let runs = bench.fixture.state("sync_runs")
                try await bench.fixture.execute("ALTER TABLE \(runs) RENAME TO hidden")
                bench.clock.advance(by: .seconds(3600))
                try await bench.until("the problem is seen") { await !service.health().problems.isEmpty }
                try await bench.fixture.execute("ALTER TABLE hidden RENAME TO \(runs)")
                for _ in 0..<3 { try await bench.advance(by: 60, schedulers: bench.clock.sleeperCount) }
                try await bench.until("it runs") { try await bench.ticks() == ["01:00 ran"] }
                try await bench.until("it ends") { try await bench.runs().first?.status == .succeeded }
                #expect(try await bench.runs().count == 1)
            }
        }
    }

    @Test func alertsAreSentOncePerChangeByOneProcess() async throws {
        try await ServiceBench.with { bench in
            let sync = bench.sync { $0.guards.maxRemovals = .count(0) }
            var setup = try bench.setup([sync])
            setup.alerts = AlertThresholds()
            var other = try bench.setup([sync], warehouse: try bench.anotherWarehouse())
            other.alerts = AlertThresholds()
            let second = SyncService(other, clock: bench.clock, holder: Holder(text: "b"))
            let elsewhere = Task { await second.run() }
            let streams = [second.events()]
            try await bench.serving(setup) { service in
                let events = streams + [service.events()]
                func runIt() async throws {
                    _ = try await service.start("vip")
                    try await bench.until("it ends") { await service.liveRuns().isEmpty }
                    // Both have looked at it again.
                    for _ in 0..<2 { try await bench.advance(by: 11, schedulers: 2) }
                    try await bench.until("asleep") { bench.clock.sleeperCount == 2 }
                }
                try await runIt()
                bench.iterable.deleteLists()
                try await bench.enter(addresses(10...11))
                try await runIt()
                try await runIt()
                bench.iterable.addList(RemoteList(id: 1, name: "VIP", listType: "Standard"))
                try await bench.fixture.execute("UPDATE \(bench.fixture.state("sync_state")) SET list_gone_at = NULL")
                try await runIt()
                try await bench.fixture.execute("DELETE FROM people WHERE email = 'p1@example.com'")
                try await runIt()
                await service.stop(within: .zero)
                await second.stop(within: .zero)
                await elsewhere.value
                var alerts: [String] = []
                for stream in events {
                    for await event in stream {
                        if case .alert(let alert) = event { alerts.append(alert.kind.rawValue) }
                    }
                }
                #expect(alerts.sorted() == ["failed", "held", "recovered"])
            }
            await other.close()
        }
    }

    @Test func theRunOfADeadProcessIsClosedWithoutWaitingForTheNextRun() async throws {
        try await ServiceBench.with { bench in
            let dead = try bench.anotherWarehouse()
            _ = try await dead.migrate()
            let attempt = try await dead.acquireLease(sync: "vip", holder: "dead", seconds: 60) { _ in false }
            guard case .acquired(let lease) = attempt else {
                Issue.record("\(attempt)")
                return
            }
            let run = SyncRun(
                id: "01990000-0000-7000-8000-000000000001", sync: "vip", destination: "marketing", trigger: .schedule,
                status: .running, startedAt: bench.clock.start)
            try await dead.openRun(lease, run)
            try await bench.serving(bench.setup([bench.sync(every: .hour)])) { service in
                try await bench.advance(by: 31)
                try await bench.until("asleep again") { bench.clock.sleeperCount == 1 }
                #expect(try await service.run(run.id).status == .running, "its lease holds")
                try await dead.releaseLease(lease)
                try await bench.advance(by: 31)
                try await bench.until("closed") { try await service.run(run.id).status == .interrupted }
            }
            await dead.close()
        }
    }
}

import Foundation
import RollcallCore
import SyncEngine
import TestSupport
import Testing
import Warehouse

/// A day of ticks across two processes on one warehouse: clocks that jump, a reload, a pause, and the end of one process
/// in the middle of a run. Every tick has one row, none runs twice, none is lost.
@Suite(.serialized, .timeLimit(.minutes(10))) struct SimulatedDayTests {
    @Test func onSQLite() async throws { try await day(SQLiteFixture.self) }
    @Test func onSQLiteInWALMode() async throws { try await day(SQLiteWALFixture.self) }
    @Test func onPostgres() async throws { try await day(PostgresFixture.self) }

    /// One process: a service with a connection of its own.
    private final class Node: Sendable {
        let warehouse: any ServiceWarehouse
        let service: SyncService
        private let task: Task<Void, Never>

        init(_ bench: ServiceBench, _ name: String) throws {
            warehouse = try bench.anotherWarehouse()
            let sync = bench.sync(every: .fifteenMinutes)
            service = SyncService(
                try bench.setup([sync], warehouse: warehouse), clock: bench.clock, holder: Holder(text: name))
            let service = service
            task = Task { await service.run() }
        }

        /// As `kill -9`: from now on nothing that it does reaches the warehouse, and its tasks are dropped.
        func kill() async {
            await warehouse.close()
            task.cancel()
            await task.value
        }

        func stop() async {
            await service.stop(within: .zero)
            await task.value
            await warehouse.close()
        }
    }

    private func day(_ kind: any WarehouseFixture.Type) async throws {
        try await ServiceBench.with(kind) { bench in
            let (first, second) = (try Node(bench, "first"), try Node(bench, "second"))
            var services = [first.service, second.service]
            var expected: [String] = []
            var time = 0
            func label(_ outcome: String) -> String {
                String(format: "%02d:%02d ", time / 60, time % 60) + outcome
            }
            /// A quarter of an hour goes by.
            func quarter(_ outcome: String = "ran") async throws {
                try await bench.advance(by: 900, schedulers: services.count)
                time += 15
                expected.append(label(outcome))
                try await settled(bench, expected.count, services)
            }
            for _ in 0..<20 { try await quarter() }

            // Both clocks jump an hour ahead: four ticks at once, one run.
            bench.clock.jump(by: 3600)
            for _ in 0..<4 {
                time += 15
                expected.append(label("missed"))
            }
            try await quarter()
            // And back again: the hour is there twice, its ticks are not.
            bench.clock.jump(by: -3600)
            for _ in 0..<4 {
                try await bench.advance(by: 900, schedulers: 2)
                try await settled(bench, expected.count, services)
            }
            for _ in 0..<15 { try await quarter() }

            _ = try await first.service.setPaused("vip", true)
            try await quarter("skipped_paused")
            _ = try await second.service.setPaused("vip", false)
            await second.service.reload(
                try bench.setup(
                    [bench.sync(every: .fifteenMinutes) { $0.guards.allowEmpty = true }], warehouse: second.warehouse))
            try await quarter()

            // One of them dies in the middle of a run, whichever has it.
            try await bench.enter(addresses(50...60))
            let gate = Gate()
            let requests = bench.iterable.requests.count
            bench.iterable.setFate { _, _ in
                await gate.pass()
                return .ok
            }
            try await bench.advance(by: 900, schedulers: 2)
            time += 15
            expected.append(label("ran"))
            try await bench.until("a request is under way") { bench.iterable.requests.count > requests }
            let victimIsFirst = await !first.service.liveRuns().isEmpty
            let (victim, survivor) = victimIsFirst ? (first, second) : (second, first)
            let killed = try #require(await victim.service.liveRuns().first)
            bench.iterable.setFate { _, _ in .ok }
            async let death: Void = victim.kill()
            try await bench.until("its connection is gone") { (try? await victim.warehouse.now()) == nil }
            gate.open()
            await death
            // Its lease runs out.
            let leases = bench.fixture.state("sync_leases")
            try await bench.fixture.execute("UPDATE \(leases) SET expires_at = '2020-01-01T00:00:00.000Z'")
            services = [survivor.service]
            while expected.count < 96 { try await quarter() }

            let ticks = try await bench.ticks()
            #expect(ticks == expected)
            #expect(ticks.count == Set(ticks).count)
            let runs = try await bench.runs()
            let ran = ticks.filter { $0.hasSuffix("ran") }.count
            #expect(runs.count == ran, "one run for each tick that ran")
            #expect(runs.filter { $0.status == .interrupted }.map(\.id) == [killed.runID])
            #expect(runs.allSatisfy { $0.counts.balances && $0.status.isFinal })
            let rows = try await bench.fixture.query(
                "SELECT count(*), count(DISTINCT run_id) FROM \(bench.fixture.state("schedule_ticks")) WHERE run_id IS NOT NULL"
            )
            #expect(rows == [["\(ran)", "\(ran)"]])
            #expect(bench.iterable.members() == listed(addresses(1...3) + addresses(50...60)))
            #expect(bench.iterable.overlaps == 0)
            await survivor.stop()
        }
    }

    /// Waits until as many ticks have their final row and everybody sleeps.
    private func settled(_ bench: ServiceBench, _ count: Int, _ services: [SyncService]) async throws {
        var looks = 0
        try await bench.until("\(count) ticks") {
            let ticks = try await bench.ticks()
            if ticks.count >= count && !ticks.contains(where: { $0.hasSuffix("pending") }) { return true }
            looks += 1
            // Who found the file busy tries again after a while, and only the test moves the time. A run that waits sleeps beside its
            // scheduler.
            if looks % 100 == 0, bench.clock.sleeperCount >= services.count { bench.clock.advance(by: .seconds(1)) }
            return false
        }
        let store = try #require(bench.fixture.warehouse as? any TickStore)
        try await bench.until("no run goes on") { try await store.leaseSecondsLeft(sync: "vip") == nil }
        for service in services {
            try await bench.until("no run goes on") { await service.liveRuns().isEmpty }
        }
        try await bench.until("all sleep") { bench.clock.sleeperCount == services.count }
    }
}

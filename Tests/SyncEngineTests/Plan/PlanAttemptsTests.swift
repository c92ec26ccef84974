import RollcallCore
import SyncEngine
import TestSupport
import Testing
import Warehouse

/// A standby or a lock that ends a reading: the whole plan is begun again, and nothing of the broken one is left in it.
@Suite struct PlanAttemptsTests {
    @Test(arguments: [ProjectType.email, .hybrid]) func theWholePlanIsBegunAgain(_ type: ProjectType) async throws {
        let bench = try await Bench(type)
        try await bench.setAudience((1...20).map { "p\($0)@example.com/u\($0)" } + ["no address/u-21"])
        let warehouse = FailingWarehouse(bench.fixture.warehouse, conflicts: 2)
        let before = bench.clock.uptime
        let run = try await bench.run(warehouse: warehouse)
        #expect(run.counts.rowsRead == 21 && run.counts.succeeded.subscribe >= 20, "\(run.counts)")
        #expect(run.error == nil && bench.clock.uptime - before >= .seconds(6), "it rests before each further attempt")
        #expect(bench.iterable.requests.flatMap(\.subscribers).count == run.counts.succeeded.subscribe)
    }

    @Test(arguments: [WarehouseError.Kind.recoveryConflict, .lockTimeout])
    func whereEachReadingIsEndedTheRunFails(_ kind: WarehouseError.Kind) async throws {
        let bench = try await Bench()
        try await bench.setAudience(addresses(1...20))
        let run = try await bench.run(
            warehouse: FailingWarehouse(bench.fixture.warehouse, conflicts: .max, ending: kind))
        #expect(run.status == .failed && run.error?.code == "warehouse_\(kind.rawValue)", "\(run)")
        #expect(run.error?.message.contains("3 times") == true && run.error?.hint != nil, "\(run)")
        #expect(bench.iterable.requests.isEmpty)
        #expect(try await bench.run().counts.succeeded.subscribe == 20, "the next run reads it")
    }

    @Test(arguments: [WarehouseError.Kind.recoveryConflict, .lockTimeout])
    func aPlanForPeopleToLookAtIsBegunAgainToo(_ kind: WarehouseError.Kind) async throws {
        let bench = try await Bench()
        try await bench.setAudience(addresses(1...5))
        let warehouse = FailingWarehouse(bench.fixture.warehouse, conflicts: 1, ending: kind)
        let plan = try await bench.pipeline(warehouse: warehouse).plan()
        #expect(plan.counts.planned.subscribe == 5 && plan.counts.rowsRead == 5)
    }

    @Test func aStopEndsTheRest() async throws {
        let bench = try await Bench()
        try await bench.setAudience(addresses(1...5))
        let stop = StopSignal()
        bench.clock.schedule(after: .milliseconds(500)) { stop.request(.cancelled) }
        let run = try await bench.run(stop: stop, warehouse: FailingWarehouse(bench.fixture.warehouse, conflicts: .max))
        #expect(run.status == .cancelled && run.counts.rowsRead == 0, "\(run)")
    }
}

import RollcallCore
import Testing

/// Processes that share a limit, in virtual time: see ``BudgetWorld``.
@Suite struct BudgetSimulationTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var processes: Int
        var limit: Double
        var testDescription: String { "\(processes) processes, \(limit) a second" }
    }

    private static let cases = [1, 2, 10].flatMap { count in
        [0.5, 5, 7.5, 30].map { Case(processes: count, limit: $0) }
    }

    /// Who always has more to send gets as much as the others, and together they use what there is.
    @Test(arguments: cases) func theLimitHoldsAndIsUsed(_ item: Case) {
        var world = BudgetWorld(seed: 1, limit: item.limit)
        for _ in 0..<item.processes { world.add(concurrency: 12) }
        world.run(seconds: 10)
        let (start, seconds) = (world.now, 60.0)
        world.run(seconds: seconds)
        #expect(world.busiestSecond() <= Int(item.limit.rounded(.up)))
        // At the edges a turn more or less.
        #expect(1 + Double(world.count(from: start, seconds: seconds)) >= 0.97 * item.limit * seconds)
        let fair = item.limit * seconds / Double(item.processes)
        for process in 0..<item.processes {
            let count = Double(world.count(of: process, from: start, seconds: seconds))
            #expect(count >= 0.9 * fair - 1 && count <= 1.1 * fair + 1, "\(process): \(count) of \(fair)")
        }
        // Once a second each, and none more.
        #expect(world.exchanges <= item.processes * 71)
    }

    /// Each asks once a second, one behind the other, always in the same order: who asks first gets no more for it.
    @Test(arguments: [2, 3, 5], [0, 0.02, 0.3])
    func whoAsksFirstGetsNoMore(_ processes: Int, _ seconds: Double) {
        var world = BudgetWorld(seed: 2, limit: 30)
        for _ in 0..<processes {
            world.add(concurrency: 12)
            world.run(seconds: seconds)
        }
        world.run(seconds: 10)
        let start = world.now
        world.run(seconds: 60)
        let fair = 30.0 * 60 / Double(processes)
        for process in 0..<processes {
            let count = Double(world.count(of: process, from: start, seconds: 60))
            #expect(abs(count - fair) <= 0.05 * fair, "\(process): \(count) of \(fair)")
        }
        #expect(world.busiestSecond(from: start) <= 30)
    }

    /// Processes with one request at a time, far from the warehouse: its answers come when the turn after the exchange has gone by.
    @Test(arguments: 2...5, [3.0, 4]) func slowAnswersStarveNobody(_ processes: Int, _ limit: Double) {
        for way in [30_000...31_000, 30_000...60_000, 15_000...75_000] as [ClosedRange<Int64>] {
            var world = BudgetWorld(seed: 9, limit: limit, way: way)
            for _ in 0..<processes { world.add(concurrency: 1) }
            world.run(seconds: 10)
            let start = world.now
            world.run(seconds: 60)
            for process in 0..<processes {
                let count = Double(world.count(of: process, from: start, seconds: 60))
                #expect(count >= 0.8 * limit / Double(processes) * 60, "\(way), \(process)")
            }
            // One more, as their clocks are known to some hundredths of a second only.
            #expect(world.busiestSecond() <= Int(limit) + 1, "\(way)")
        }
    }

    /// Processes are killed and stand still, exchanges are slow and lose their answers. A request is off by a tenth of a second at most,
    /// and by what a process stands still between its look at the clock and the request: see ``WarehouseOffset``.
    @Test(arguments: 1...4 as ClosedRange<UInt64>) func theLimitHoldsWhateverBecomesOfThem(_ seed: UInt64) {
        let faults = BudgetWorld.Faults(slow: 0.03, lost: 0.05, kills: 0.4, pauses: 0.1)
        var world = BudgetWorld(seed: seed, limit: 10, faults: faults)
        for _ in 0..<4 { world.add() }
        for _ in 0..<6 { world.add(latency: 300_000, rest: 4_000_000) }
        world.run(seconds: 5)
        let start = world.now
        world.run(seconds: 120)
        #expect(world.busiestSecond() <= 10 + 2)
        #expect(world.count(from: start, seconds: 120) > 960)
        #expect(world.processes.count > 10, "some were killed, and others took their place")
    }

    @Test func theShareOfTheDeadIsFreeSoon() {
        var world = BudgetWorld(seed: 3, limit: 10)
        for _ in 0..<3 { world.add() }
        world.run(seconds: 20)
        world.kill(0)
        world.kill(1)
        let death = world.now
        world.run(seconds: 20)
        #expect(world.count(from: death + 10_000_000, seconds: 10) >= 97)
        // One more where a process finds itself alone, and goes over to a pace that is not that of the turns.
        #expect(world.busiestSecond() <= 11)
    }

    /// A newcomer waits for the turns that others have already.
    @Test(arguments: 1...5 as ClosedRange<UInt64>) func aNewcomerWaitsTwoSecondsAtMost(_ seed: UInt64) throws {
        var world = BudgetWorld(seed: seed, limit: 10)
        for _ in 0..<3 { world.add() }
        world.run(seconds: 20 + Double(seed) / 5)
        let arrival = world.now
        world.add()
        world.run(seconds: 10)
        let first = try #require(world.sent.first { $0.process == 3 })
        #expect(first.at - arrival <= 2_000_000)
        #expect(world.count(of: 3, from: arrival + 5_000_000, seconds: 5) >= 8)
    }

    @Test func theSmallestLimitRules() {
        var world = BudgetWorld(seed: 4, limit: 10)
        world.add()
        world.add(limit: 4)
        world.run(seconds: 10)
        let start = world.now
        world.run(seconds: 60)
        #expect(world.busiestSecond(from: start) <= 4)
        #expect(world.count(from: start, seconds: 60) >= 232)
    }

    /// Also where the stream is in one process and the runs are in others.
    @Test func streamsGoFirstAndLeaveAFifth() {
        var world = BudgetWorld(seed: 5, limit: 10)
        world.add(isStream: true)
        for _ in 0..<2 { world.add() }
        world.run(seconds: 20)
        let start = world.now
        world.run(seconds: 120)
        let (stream, all) = (world.count(of: 0, from: start, seconds: 120), world.count(from: start, seconds: 120))
        #expect(all >= 1164)
        // At the edges a turn more or less.
        #expect(stream > all * 2 / 3 && all - stream + 2 >= all / 5, "\(stream) of \(all)")
    }

    /// Processes that want little get it, although others want all, and lose others little.
    @Test func whoWantsLittleHoldsUpNobody() {
        var world = BudgetWorld(seed: 6, limit: 10)
        world.add(concurrency: 1, latency: 100_000, rest: 10_000_000, isStream: true)
        world.add(concurrency: 1, latency: 100_000, rest: 6_000_000)
        for _ in 0..<2 { world.add() }
        world.run(seconds: 20)
        let start = world.now
        world.run(seconds: 240)
        #expect(world.busiestSecond() <= 10)
        #expect(world.count(from: start, seconds: 240) >= 2200)
        #expect(world.count(of: 0, from: start, seconds: 240) >= 30)
    }
}

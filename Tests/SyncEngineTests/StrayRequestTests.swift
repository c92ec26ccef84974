import Foundation
import RollcallCore
import SyncEngine
import Synchronization
import TestSupport
import Testing
import Warehouse

/// Requests of a process that stood still until another one had taken its sync over.
@Suite struct StrayRequestTests {
    /// Runs a process that stands still, and while it does, another one to its end.
    private struct Pair {
        let bench: Bench
        let other: any Warehouse
        let audience: [String]

        /// Moves the time beyond every lease, changes the audience and lets the other process run.
        func overtake() async {
            bench.clock.advance(by: .seconds(3600))
            do { try await bench.setAudience(audience) } catch { Issue.record(error) }
            let outcome = await bench.pipeline(warehouse: other).run(RunRequest())
            guard case .ran(let run) = outcome, run.status == .succeeded else {
                Issue.record("the other process did not get through: \(outcome)")
                return
            }
        }
    }

    /// The other process takes this one for dead.
    private static let asleep = Holder(
        text: Holder.current.text.replacing(#/ [0-9]+ ([^ ]+)$/#) { " 999999999 \($0.output.1)" })

    private func sleeper(_ bench: Bench, _ warehouse: (any Warehouse)? = nil) async throws -> SyncRun {
        let outcome = await bench.pipeline(warehouse: warehouse, holder: Self.asleep).run(RunRequest())
        guard case .ran(let run) = outcome else { throw RunError(code: "test", message: "\(outcome)") }
        bench.iterable.forgetOverlaps()
        return run
    }

    private func notes(_ bench: Bench) async throws -> [String] {
        try await bench.fixture.query(
            "SELECT operation, email FROM \(bench.fixture.state("stray_requests")) ORDER BY email"
        ).map { "\($0[0] ?? "") \($0[1] ?? "")" }
    }

    @Test func theLastLookWithholdsARequest() async throws {
        let bench = try await Bench { _, destination in destination.limits.concurrentRequests = 1 }
        try await bench.setAudience(addresses(1...2500))
        let pair = Pair(bench: bench, other: try bench.fixture.second(), audience: addresses(1...2500))
        let isFirst = OnceFlag()
        bench.iterable.setBeforeLook { sent in
            // The first has its answer; the second stands still between the claim and the look.
            if sent == 1, isFirst.take() { await pair.overtake() }
        }
        let run = try await sleeper(bench)
        #expect(run.error?.code == "warehouse_lease_lost")
        // One of the sleeper's, and the rest and what was in doubt of the other's.
        #expect(bench.iterable.requests.count == 3)
        #expect(run.requests.sent == 1)
        #expect(try await notes(bench) == [])
        #expect(try await bench.run().requests.sent == 0)
        await pair.other.close()
    }

    /// Who has left meanwhile is brought back by a request that comes too late, and removed by the next run.
    @Test func aStraySubscribeIsPutRight() async throws {
        let bench = try await Bench()
        try await bench.setAudience(addresses(1...3))
        let pair = Pair(bench: bench, other: try bench.fixture.second(), audience: addresses(2...4))
        bench.iterable.setFate { _, number in
            if number == 1 { await pair.overtake() }
            return .ok
        }
        #expect(try await sleeper(bench).error?.code == "warehouse_lease_lost")
        #expect(bench.iterable.members() == listed(addresses(1...4)), "the request came too late")
        #expect(try await notes(bench) == addresses(1...3).map { "subscribe \($0)" })

        let sent = bench.iterable.requests.count
        let uptime = bench.clock.uptime
        let run = try await bench.run()
        #expect(run.counts.planned == PerOperation(subscribe: 0, unsubscribe: 1), "\(run)")
        #expect(run.status == .succeeded)
        #expect(bench.iterable.members() == listed(addresses(2...4)))
        #expect(bench.iterable.requests.count == sent + 1)
        #expect(bench.clock.uptime - uptime >= .seconds(60), "the opposite waits")
        #expect(try await notes(bench) == [])
        #expect(try await bench.run().requests.sent == 0)
        await pair.other.close()
    }

    /// Who has come back meanwhile is removed by a request that comes too late, and subscribed again by the next run.
    @Test(arguments: [ProjectType.email, .hybrid]) func aStrayUnsubscribeIsPutRight(type: ProjectType) async throws {
        func rows(_ numbers: ClosedRange<Int>) -> [String] {
            addresses(numbers).enumerated().map { type == .email ? $1 : "\($1)/u\(numbers.lowerBound + $0)" }
        }
        func people(_ numbers: ClosedRange<Int>) -> Set<String> {
            type == .email ? listed(addresses(numbers)) : Set(rows(numbers))
        }
        let bench = try await Bench(type) { sync, _ in sync.guards.maxRemovals = .percent(100) }
        try await bench.setAudience(rows(1...4))
        try await bench.run()
        try await bench.setAudience(rows(3...4))
        let pair = Pair(bench: bench, other: try bench.fixture.second(), audience: rows(1...4))
        bench.iterable.setFate { _, number in
            if number == 2 { await pair.overtake() }
            return .ok
        }
        #expect(try await sleeper(bench).error?.code == "warehouse_lease_lost")
        #expect(bench.iterable.members() == people(3...4), "the request came too late")
        #expect(try await notes(bench) == addresses(1...2).map { "unsubscribe \($0)" })
        let run = try await bench.run()
        #expect(run.counts.planned == PerOperation(subscribe: 2, unsubscribe: 0), "\(run)")
        #expect(bench.iterable.members() == people(1...4))
        #expect(try await bench.run().requests.sent == 0)
        await pair.other.close()
    }

    /// Of the requests under way when one process learns that it has lost its lease, all are noted.
    @Test func everyRequestUnderWayIsNoted() async throws {
        let bench = try await Bench { _, destination in
            destination.limits.subscribersPerRequest = 1
            destination.limits.concurrentRequests = 3
        }
        try await bench.setAudience(addresses(1...3))
        let pair = Pair(bench: bench, other: try bench.fixture.second(), audience: addresses(1...3))
        let arrived = Counter()
        let isOvertaken = Gate()
        bench.iterable.setFate { _, number in
            guard number <= 3 else { return .ok }
            if arrived.next() == 3 {
                await pair.overtake()
                isOvertaken.open()
            }
            await isOvertaken.pass()
            return .ok
        }
        _ = try await sleeper(bench)
        #expect(try await notes(bench) == addresses(1...3).map { "subscribe \($0)" })
        await pair.other.close()
    }

    @Test func aNoteThatCannotBeWrittenIsSaid() async throws {
        let bench = try await Bench()
        try await bench.setAudience(addresses(1...3))
        let pair = Pair(bench: bench, other: try bench.fixture.second(), audience: addresses(2...4))
        let warehouse = FailingWarehouse(bench.fixture.warehouse)
        bench.iterable.setFate { _, number in
            if number == 1 {
                await pair.overtake()
                warehouse.goAway()
            }
            return .ok
        }
        let run = try await sleeper(bench, warehouse)
        #expect(run.error?.code == "stray_requests")
        #expect(run.error?.message.contains("3 people") == true, "\(run)")
        await pair.other.close()
    }

    /// A list that another process made meanwhile is not made a second time.
    @Test func theLastLookWithholdsTheCreationOfAList() async throws {
        let bench = try await Bench(list: nil)
        try await bench.setAudience(addresses(1...3))
        let thief = try bench.fixture.second()
        let isFirst = OnceFlag()
        bench.iterable.setBeforeLook { _ in
            guard isFirst.take() else { return }
            _ = try? await thief.acquireLease(sync: "vip", holder: "thief", seconds: 60) { _ in true }
            bench.clock.advance(by: .seconds(3600))
        }
        let run = try await sleeper(bench, FailingWarehouse(bench.fixture.warehouse, renews: false))
        #expect(run.error?.code == "lease_lost", "\(run)")
        #expect(bench.iterable.creations == 0)
        await thief.close()
    }
}

/// Counts from 1.
final class Counter: Sendable {
    private let count = Mutex(0)
    func next() -> Int {
        count.withLock { count in
            count += 1
            return count
        }
    }
}

/// Can be taken once.
final class OnceFlag: Sendable {
    private let isTaken = Mutex(false)
    func take() -> Bool {
        isTaken.withLock { isTaken in
            defer { isTaken = true }
            return !isTaken
        }
    }
}

import Foundation
import RollcallCore
import Synchronization
import TestSupport
import Testing
import Warehouse

@testable import SyncEngine

/// Answers that come while others are being recorded share a transaction, and so do claims of requests that begin at once.
@Suite struct GroupedWritesTests {
    private static let concurrency = 4

    private func bench() async throws -> Bench {
        let bench = try await Bench { _, destination in
            destination.limits.concurrentRequests = Self.concurrency
            destination.limits.subscribersPerRequest = 10
        }
        try await bench.setAudience(addresses(1...200))
        return bench
    }

    /// Waits in the first recording until as many requests as may be were begun beside it.
    private func untilOthersAreSent(_ bench: Bench, recorded: Int) async {
        let deadline = ContinuousClock.now + patience
        while bench.iterable.requests.count < recorded + Self.concurrency, ContinuousClock.now < deadline {
            await Task.yield()
        }
    }

    @Test func answersThatComeDuringARecordingShareTheNext() async throws {
        let bench = try await bench()
        let recorded = Mutex<[[BatchOutcome]]>([])
        let mostUnrecorded = Mutex(0)
        let warehouse = FailingWarehouse(
            bench.fixture.warehouse,
            onAcknowledge: { outcomes in
                let before = recorded.withLock { all in
                    defer { all.append(outcomes) }
                    return all.joined().count
                }
                if before == 0 { await untilOthersAreSent(bench, recorded: outcomes.count) }
                mostUnrecorded.withLock { $0 = max($0, bench.iterable.requests.count - before) }
            })
        let run = try await bench.run(warehouse: warehouse)
        #expect(run.status == .succeeded)
        let groups = recorded.withLock { $0 }
        #expect(groups.joined().flatMap { Array($0.sequences) }.sorted() == Array(1...200))
        #expect(groups.contains { $0.count > 1 })
        #expect(groups.count < 20)
        #expect(mostUnrecorded.withLock { $0 } > Self.concurrency)
        #expect(mostUnrecorded.withLock { $0 } <= 2 * Self.concurrency)
        #expect(bench.iterable.members() == listed(addresses(1...200)))
    }

    @Test func answersThatWaitToBeRecordedWhenTheWarehouseGoesAwayAreUnknown() async throws {
        let bench = try await bench()
        let warehouse = Mutex<FailingWarehouse?>(nil)
        let isFirst = Mutex(true)
        let failing = FailingWarehouse(
            bench.fixture.warehouse,
            onAcknowledge: { outcomes in
                guard
                    isFirst.withLock({ first in
                        defer { first = false }; return first
                    })
                else { return }
                await untilOthersAreSent(bench, recorded: outcomes.count)
                warehouse.withLock { $0 }?.goAway()
            })
        warehouse.withLock { $0 = failing }
        guard case .ran(let lost) = await bench.pipeline(warehouse: failing).run(RunRequest()) else {
            Issue.record("not run")
            return
        }
        #expect(lost.status == .interrupted)
        let sent = bench.iterable.requests.map(\.subscribers.count).reduce(0, +)
        #expect(sent >= 10 * Self.concurrency && sent <= 20 * Self.concurrency)

        // Its process is taken for dead.
        try await bench.fixture.execute(
            "UPDATE \(bench.fixture.state("sync_leases")) SET expires_at = '2020-01-01T00:00:00.000Z'")
        let fixed = try await bench.run()
        let closed = try #require(try await bench.fixture.warehouse.run(id: lost.id))
        #expect(closed.status == .interrupted)
        #expect(closed.counts.unknown.total >= sent && closed.counts.unknown.total <= 20 * Self.concurrency)
        #expect(closed.counts.unknown.total + closed.counts.notAttempted.total == 200)
        #expect(fixed.status == .succeeded)
        #expect(fixed.counts.succeeded.subscribe == 200)
        #expect(bench.iterable.members() == listed(addresses(1...200)))
        #expect(try await bench.snapshot().allSatisfy { $0.hasPrefix("subscribed") })
    }
}

@Suite struct SharedClaimsTests {
    private struct Refused: Error {}

    /// Claims 1, then 5, 3 and 4 while the first is being written; the write of `failing` fails.
    private func claims(failing: Int64? = nil) async throws -> (written: [Int64], failed: Set<Int64>) {
        let (begun, gate) = (Gate(), Gate())
        let written = Mutex<[Int64]>([])
        let claims = SharedClaims { sequence in
            let isFirst = written.withLock { all in
                all.append(sequence)
                return all.count == 1
            }
            if isFirst {
                begun.open()
                await gate.pass()
            }
            if sequence == failing { throw Refused() }
        }
        return try await withThrowingTaskGroup(of: Int64?.self) { group in
            @Sendable func ask(_ sequence: Int64) async throws -> Int64? {
                do {
                    try await claims.claim(through: sequence)
                    return nil
                } catch is Refused {
                    return sequence
                }
            }
            group.addTask { try await ask(1) }
            await begun.pass()
            for sequence in [5, 3, 4] as [Int64] { group.addTask { try await ask(sequence) } }
            let deadline = ContinuousClock.now + patience
            while claims.waitingCount < 3 {
                try #require(ContinuousClock.now < deadline)
                await Task.yield()
            }
            #expect(written.withLock { $0 } == [1])
            gate.open()
            var failed: Set<Int64> = []
            for try await sequence in group { if let sequence { failed.insert(sequence) } }
            // Nothing is left behind: the next one is written at once.
            try await claims.claim(through: 2)
            return (written.withLock { $0 }, failed)
        }
    }

    @Test func thoseThatWaitShareOneThatCoversThemAll() async throws {
        let (written, failed) = try await claims()
        #expect(written == [1, 5, 2])
        #expect(failed.isEmpty)
    }

    @Test func aFailureReachesAllThatSharedItAndNobodyElse() async throws {
        let (written, failed) = try await claims(failing: 5)
        #expect(written == [1, 5, 2])
        #expect(failed == [3, 4, 5])
        #expect(try await claims(failing: 1).failed == [1])
    }
}

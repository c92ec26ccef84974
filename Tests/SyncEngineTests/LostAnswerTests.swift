import Foundation
import RollcallCore
import SyncEngine
import Testing
import Warehouse

/// Requests without an answer: unknown, settled by the next run, and never followed too early by their opposite.
@Suite struct LostAnswerTests {
    /// Every delivery up to `count` meets this fate.
    private func first(_ count: Int, _ fate: FakeIterable.Fate) -> @Sendable (ListRequest, Int) -> FakeIterable.Fate {
        { _, number in number <= count ? fate : .ok }
    }

    @Test func aRetryMendsALostAnswer() async throws {
        let bench = try await Bench()
        bench.iterable.setFate(first(2, .loseAfter))
        try await bench.setAudience(addresses(1...5))
        let run = try await bench.run()
        #expect(run.status == .succeeded)
        #expect(run.requests.sent == 3)
        #expect(run.requests.retried == 2)
        #expect(try await bench.snapshot().allSatisfy { $0.hasPrefix("subscribed") })
    }

    @Test func anOutageLeavesTheRecordsUnknownAndTheNextRunSettlesThem() async throws {
        let bench = try await Bench()
        bench.iterable.setFate { _, _ in .loseAfter }
        try await bench.setAudience(addresses(1...5))
        let run = try await bench.run()
        #expect(run.status == .failed)
        #expect(run.error?.code == "destination_unavailable")
        #expect(run.counts.unknown.total == 5)
        #expect(try await bench.snapshot().allSatisfy { $0.hasPrefix("subscribing") })
        #expect(try await bench.log(run).filter { $0.hasPrefix("subscribe unknown") }.count == 5)

        bench.iterable.setFate { _, _ in .ok }
        let second = try await bench.run()
        #expect(second.status == .succeeded)
        #expect(second.counts.succeeded.subscribe == 5)
        #expect(try await bench.snapshot().allSatisfy { $0.hasPrefix("subscribed") })
    }

    @Test func whoLeftMeanwhileIsRemovedThoughTheSubscriptionWasNeverAcknowledged() async throws {
        let bench = try await Bench()
        bench.iterable.setFate { _, _ in .loseAfter }
        try await bench.setAudience(addresses(1...2))
        try await bench.run()
        #expect(bench.iterable.members().count == 2)
        bench.iterable.setFate { _, _ in .ok }
        try await bench.setAudience(addresses(2...3))
        let run = try await bench.run()
        #expect(run.counts.succeeded == PerOperation(subscribe: 2, unsubscribe: 1))
        #expect(bench.iterable.members() == listed(addresses(2...3)))
    }

    @Test func theOppositeWaitsUntilTheLostRequestCanNoLongerLand() async throws {
        let bench = try await Bench()
        // Each attempt is given up, and carried out half a minute later.
        bench.iterable.setFate { _, _ in .late(.seconds(30)) }
        try await bench.setAudience(addresses(1...3))
        let lost = try await bench.run()
        #expect(lost.counts.unknown.total == 3)
        bench.iterable.setFate { _, _ in .ok }
        try await bench.setAudience(addresses(3...3))
        let run = try await bench.run()
        #expect(run.counts.succeeded == PerOperation(subscribe: 1, unsubscribe: 2))
        bench.clock.advance(by: .seconds(120))
        #expect(bench.iterable.members() == listed(addresses(3...3)))
    }

    @Test func aLostRemovalIsNotUndoneByItsLateLanding() async throws {
        let bench = try await Bench()
        try await bench.setAudience(addresses(1...4))
        try await bench.run()
        bench.iterable.setFate { request, _ in request.operation == .unsubscribe ? .late(.seconds(50)) : .ok }
        try await bench.setAudience(addresses(2...4))
        let lost = try await bench.run()
        #expect(lost.counts.unknown.total == 1)
        #expect(try await bench.snapshot().contains("unsubscribing p1@example.com/-"))
        bench.iterable.setFate { _, _ in .ok }
        try await bench.setAudience(addresses(1...4))
        try await bench.run()
        bench.clock.advance(by: .seconds(120))
        #expect(bench.iterable.members() == listed(addresses(1...4)))
    }

    /// (a) is on the list; the subscription of (a, u-1) gets no answer; both leave, the removal of (a, u-1) gets none either and that
    /// of (a) is refused. Either request without an answer was carried out: (a) returns, and is off the list.
    @Test func whoMayBeOffTheListByAnotherEntryIsSentAgain() async throws {
        let bench = try await Bench(.hybrid) { sync, destination in
            sync.guards.maxRemovals = .percent(100)
            destination.limits.subscribersPerRequest = 1
        }
        try await bench.setAudience(["a@example.com/-"])
        try await bench.run()
        bench.iterable.setFate { _, _ in .loseAfter }
        try await bench.setAudience(["a@example.com/u-1"])
        #expect(try await bench.run().counts.unknown.total == 1)
        bench.iterable.setFate { request, _ in
            if request.operation == .subscribe { return .ok }
            if request.subscribers.contains(where: { $0.userID != nil }) { return .loseAfter }
            return .refuse(["a@example.com": .failed(FailureReason(code: "conflict", reason: "On purpose."))])
        }
        bench.clock.advance(by: .seconds(120))
        try await bench.setAudience(["z@example.com/-"])
        try await bench.run()
        #expect(bench.iterable.members() == ["z@example.com/-"])
        #expect(try await bench.snapshot().contains("subscribed a@example.com/-"))
        bench.iterable.setFate { _, _ in .ok }
        try await bench.setAudience(["z@example.com/-", "a@example.com/-"])
        try await bench.run()
        bench.clock.advance(by: .seconds(120))
        #expect(bench.iterable.members().contains { $0.hasPrefix("a@example.com/") })
    }

    @Test func aSettledRetryStillHoldsBackTheOpposite() async throws {
        let bench = try await Bench()
        // The first attempt lands late although the second one succeeded.
        bench.iterable.setFate(first(1, .late(.seconds(40))))
        try await bench.setAudience(addresses(1...3))
        let run = try await bench.run()
        #expect(run.status == .succeeded)
        try await bench.setAudience(addresses(2...3))
        try await bench.run()
        bench.clock.advance(by: .seconds(120))
        #expect(bench.iterable.members() == listed(addresses(2...3)))
    }

    @Test func tooManyRequestsAreTriedAgainAndCounted() async throws {
        let bench = try await Bench()
        let busy = DeliveryAnswer.retry(
            FailureReason(code: "rate_limited", reason: "busy", httpStatus: 429), after: .seconds(2),
            mayHaveBeenApplied: false, cause: .rateLimit)
        bench.iterable.setFate(first(3, .answer(busy)))
        try await bench.setAudience(addresses(1...3))
        let run = try await bench.run()
        #expect(run.status == .succeeded)
        #expect(run.requests == RequestCounts(sent: 4, retried: 3, rateLimited: 3))
        #expect(bench.clock.uptime >= .seconds(6))
    }

    @Test func whatCertainlyWasNotSentIsNotAttempted() async throws {
        let bench = try await Bench()
        let refused = DeliveryAnswer.retry(
            FailureReason(code: "connection_refused", reason: "refused"), after: nil, mayHaveBeenApplied: false,
            cause: .trouble)
        bench.iterable.setFate { _, _ in .answer(refused) }
        try await bench.setAudience(addresses(1...3))
        let run = try await bench.run()
        #expect(run.status == .failed)
        #expect(run.counts.notAttempted.total == 3)
        #expect(run.counts.unknown.total == 0)
        #expect(try await bench.snapshot().isEmpty)
    }

    @Test func aWrongKeyStopsAtOnce() async throws {
        let bench = try await Bench { _, destination in destination.limits.concurrentRequests = 1 }
        bench.iterable.setFate { _, _ in .answer(.stop(RunError(code: "bad_api_key", message: "no", hint: "check"))) }
        try await bench.setAudience(addresses(1...3000))
        let run = try await bench.run()
        #expect(run.status == .failed)
        #expect(run.error?.code == "bad_api_key")
        #expect(bench.iterable.requests.count == 1)
        #expect(run.counts.notAttempted.total == 3000)
        #expect(try await bench.log(run).count == 3000)
    }
}

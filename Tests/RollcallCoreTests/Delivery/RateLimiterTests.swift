import SeededRandom
import Testing

@testable import RollcallCore

@Suite struct RateLimiterTests {
    /// A server that counts with a leaky bucket, exactly.
    struct Bucket {
        var rate: Double
        var capacity: Double
        var level: Double
        var at = Duration.zero

        init(rate: Double, capacity: Double) {
            self.rate = rate
            self.capacity = capacity
            level = capacity
        }

        mutating func take(_ now: Duration) -> Bool {
            fill(now)
            guard level >= 1 else { return false }
            level -= 1
            return true
        }

        /// For a client that always gets its share.
        mutating func takeFirst(_ now: Duration) {
            fill(now)
            level -= 1
        }

        private mutating func fill(_ now: Duration) {
            level = min(capacity, level + rate * ((now - at) / .seconds(1)))
            at = now
        }
    }

    /// What a client with the limiter met.
    struct Tally {
        var accepted: [Duration] = []
        var refused: [Duration] = []

        func rate(from start: Double, to end: Double) -> Double {
            Double(accepted.filter { $0 >= .seconds(start) && $0 < .seconds(end) }.count) / (end - start)
        }
    }

    /// Sends for `seconds`, each request up to `lateness` after its slot, while another client takes `others` requests
    /// a second until `othersLeave`.
    private func simulate(
        _ bucket: Bucket, seconds: Double, others: Double = 0, othersJoin: Double? = nil,
        othersLeave: Double = .infinity, arePolite: Bool = false, lateness: Double = 0.005
    ) -> Tally {
        var bucket = bucket
        var limiter = RateLimiterState(requestsPerSecond: 5)
        var random = SeededGenerator(seed: 7)
        var tally = Tally()
        var now = Duration.zero
        var nextOther = others > 0 ? Duration.seconds(othersJoin ?? 1 / others) : .seconds(1e9)
        while now < .seconds(seconds) {
            let slot = now + limiter.reserve(now: now).delay
            let sent = slot + .seconds(lateness * random.unit())
            while nextOther <= sent && nextOther < .seconds(min(othersLeave, 1e8)) {
                if arePolite { _ = bucket.take(nextOther) } else { bucket.takeFirst(nextOther) }
                nextOther += .seconds(1 / others)
            }
            if bucket.take(sent) {
                tally.accepted.append(sent)
                limiter.succeeded(now: sent)
            } else {
                tally.refused.append(sent)
                limiter.rateLimited(now: sent, after: nil)
            }
            // Another request is already waiting: its slot counts from the last slot, not from the late sending.
            now = slot
        }
        return tally
    }

    /// Whenever the other one joins: evenly spaced requests would keep step with the bucket in a third of these cases, and
    /// have all of its room for up to forty seconds.
    @Test(arguments: [0, 0.0001, 0.001])
    func anotherClientWhoIsRefusedLikeUsIsNoticedInTenSeconds(lateness: Double) {
        for phase in 0..<100 {
            let joined = 10 + 0.004 * Double(phase)
            let tally = simulate(
                Bucket(rate: 5, capacity: 5), seconds: 60, others: 2.5, othersJoin: joined, arePolite: true,
                lateness: lateness)
            #expect(tally.refused.first.map { $0 < .seconds(joined + 8) } == true, "phase \(phase)")
            #expect(tally.refused.count <= 3)
            #expect(abs(tally.rate(from: joined + 10, to: joined + 40) - 2.5) < 0.25, "phase \(phase)")
        }
    }

    /// A bucket without room for two requests says so once.
    @Test func aBucketWithoutRoomMakesTheRequestsEven() {
        let tally = simulate(Bucket(rate: 5, capacity: 1.05), seconds: 600)
        #expect(tally.refused.count == 1)
        #expect(tally.rate(from: 5, to: 600) >= 5 * 0.99)
    }

    @Test(arguments: [2, 5])
    func aloneItUsesTheLimitWithoutBeingRefused(capacity: Double) {
        let tally = simulate(Bucket(rate: 5, capacity: capacity), seconds: 600)
        #expect(tally.refused.isEmpty)
        #expect(tally.rate(from: 0, to: 600) >= 5 * 0.99)
    }

    @Test func aloneItNeverExceedsAStrictlyCountedSecond() {
        let sent = simulate(Bucket(rate: 1000, capacity: 1000), seconds: 300).accepted
        for first in sent.indices.dropLast(5) {
            #expect(sent[first + 5] - sent[first] >= .seconds(0.999))
        }
    }

    @Test(arguments: [2.0, 5.0, 10.0])
    func besideAnotherClientItSettlesOnTheRest(capacity: Double) {
        let tally = simulate(Bucket(rate: 5, capacity: capacity), seconds: 600, others: 2.5)
        let sent = Double(tally.accepted.count + tally.refused.count)
        #expect(Double(tally.refused.count) / sent <= 0.01)
        #expect(tally.refused.first.map { $0 < .seconds(10) } == true)
        for start in stride(from: 10.0, to: 600, by: 59) {
            #expect(tally.rate(from: start, to: min(start + 59, 600)) >= 2.5 * 0.9)
        }
    }

    @Test func aGreedierNeighbourIsYieldedTo() {
        let tally = simulate(Bucket(rate: 5, capacity: 5), seconds: 600, others: 4)
        #expect(tally.rate(from: 10, to: 600) >= 0.5)
        #expect(Double(tally.refused.count) / Double(tally.accepted.count) <= 0.02)
    }

    @Test func theWholeRateReturnsWhenTheOtherLeaves() {
        let tally = simulate(Bucket(rate: 5, capacity: 5), seconds: 600, others: 2.5, othersLeave: 200)
        #expect(tally.rate(from: 300, to: 600) >= 5 * 0.99)
        #expect(tally.refused.allSatisfy { $0 < .seconds(210) })
    }

    @Test func thePatternIsTheSameInEverySecond() {
        var limiter = RateLimiterState(requestsPerSecond: 4)
        let delays = (0..<12).map { _ in limiter.reserve(now: .zero).delay / .milliseconds(1000 / 0.995 / 4) }
        for (delay, expected) in zip(delays, [0, 1.5, 2, 3.5, 4, 5.5, 6, 7.5, 8, 9.5, 10, 11.5]) {
            #expect(abs(delay - expected) < 0.001)
        }
    }

    @Test func slotsAreEvenlySpacedAndIdleTimeIsNotSavedUp() {
        var limiter = RateLimiterState(requestsPerSecond: 9.9)
        let first = (0..<4).map { _ in limiter.reserve(now: .seconds(5)).delay }
        #expect(first[0] == .zero)
        for pair in zip(first, first.dropFirst()) {
            #expect(pair.1 - pair.0 >= .milliseconds(100))
            #expect(pair.1 - pair.0 <= .milliseconds(102))
        }
        #expect(limiter.reserve(now: .seconds(60)).delay == .zero)
        #expect(limiter.reserve(now: .seconds(60)).delay >= .milliseconds(100))
    }

    @Test func aRefusalPausesEverybodyAndHalvesOnce() {
        var limiter = RateLimiterState(requestsPerSecond: 8)
        let early = limiter.reserve(now: .zero)
        let waiting = limiter.reserve(now: .zero)
        #expect(limiter.confirm(early, now: .zero) == nil)
        limiter.rateLimited(now: .milliseconds(50), after: .seconds(3))
        limiter.rateLimited(now: .milliseconds(60), after: nil)
        #expect(limiter.currentRate == 4)
        let again = limiter.confirm(waiting, now: .milliseconds(125))
        #expect(again?.delay == .milliseconds(2925))
        #expect(limiter.reserve(now: .seconds(4)).delay == .zero)
    }

    @Test func withoutAWishThePauseIsOneSecond() {
        var limiter = RateLimiterState(requestsPerSecond: 5)
        limiter.rateLimited(now: .seconds(2), after: nil)
        #expect(limiter.reserve(now: .seconds(2)).delay == .seconds(1))
    }

    @Test func theRateHasAFloor() {
        var limiter = RateLimiterState(requestsPerSecond: 5)
        for minute in 1...20 { limiter.rateLimited(now: .seconds(60 * minute), after: nil) }
        #expect(limiter.currentRate == limiter.configuredRate * RateLimiterState.floor)
        var slow = RateLimiterState(requestsPerSecond: 0.05)
        slow.rateLimited(now: .seconds(1), after: nil)
        #expect(slow.currentRate == 0.025)
    }

    // MARK: Streams

    /// Requests of a second that a schedule and a stream get, of which both always want more.
    private static func shares(_ limiter: inout RateLimiterState, streams: Int, seconds: Int) -> (
        stream: Int, schedule: Int
    ) {
        struct Waiting {
            var at: Duration
            var slot: RateLimiterState.Slot
            var isStream: Bool
        }
        var waiting: [Waiting] = []
        for isStream in Array(repeating: true, count: streams) + Array(repeating: false, count: 4) {
            let slot = limiter.reserve(now: .zero, isStream: isStream)
            waiting.append(Waiting(at: slot.delay, slot: slot, isStream: isStream))
        }
        var sent = (stream: 0, schedule: 0)
        while let next = waiting.indices.min(by: { waiting[$0].at < waiting[$1].at }),
            waiting[next].at < .seconds(seconds)
        {
            let (now, isStream) = (waiting[next].at, waiting[next].isStream)
            var slot = limiter.confirm(waiting[next].slot, now: now, isStream: isStream)
            if slot == nil {
                if isStream { sent.stream += 1 } else { sent.schedule += 1 }
                slot = limiter.reserve(now: now, isStream: isStream)
            }
            guard let slot else { break }
            waiting[next].slot = slot
            waiting[next].at = now + slot.delay
        }
        return sent
    }

    @Test func streamsGoFirstAndLeaveAFifth() {
        var limiter = RateLimiterState(requestsPerSecond: 10)
        let both = Self.shares(&limiter, streams: 4, seconds: 60)
        #expect((115...135).contains(both.schedule) && both.stream + both.schedule >= 590, "\(both)")
        var alone = RateLimiterState(requestsPerSecond: 10)
        let schedules = Self.shares(&alone, streams: 0, seconds: 60)
        #expect(schedules.schedule >= 590, "\(schedules)")
    }

    @Test func aStreamThatWantsLittleHoldsUpNoSchedule() {
        var limiter = RateLimiterState(requestsPerSecond: 10)
        // One request at a time, which never waits for more than its turn.
        let both = Self.shares(&limiter, streams: 1, seconds: 60)
        #expect(both.stream + both.schedule >= 590, "\(both)")
    }
}

import Testing

@testable import RollcallCore

@Suite struct RateBudgetTests {
    private static let now: Int64 = 1_800_000_000_000_000
    private static let interval = RateBudget.interval(limit: 10)

    private static func claim(_ limit: Double = 10, streams: Double = 0, runs: Double = 10) -> RateClaim {
        RateClaim(limit: limit, streams: streams, runs: runs)
    }

    private static func need(_ claim: RateClaim? = claim(), held: Int = 0, most: Int = .max) -> RateNeed {
        RateNeed(budget: "b", claim: claim, held: held, most: most)
    }

    private static func exchange(
        _ budget: inout RateBudget, _ need: RateNeed, others: [RateClaim], now: Int64
    ) throws -> RateGrant {
        let grant = budget.exchange(need, others: others, now: now)
        return try #require(grant)
    }

    // MARK: Shares

    struct Sharing: Sendable {
        var mine: RateClaim
        var others: [RateClaim]
        /// As if pacing left nothing.
        var limit: Double
        var rate: Double
    }

    @Test(arguments: [
        Sharing(mine: claim(), others: [], limit: 10, rate: 10),
        Sharing(mine: claim(runs: 1), others: [], limit: 10, rate: 10),
        Sharing(mine: claim(), others: [claim()], limit: 10, rate: 5),
        Sharing(mine: claim(), others: [claim(runs: 2)], limit: 10, rate: 8),
        Sharing(mine: claim(runs: 2), others: [claim()], limit: 10, rate: 2),
        Sharing(mine: claim(), others: [claim(), claim(runs: 2)], limit: 10, rate: 4),
        // No process wants 6 of them: a half each.
        Sharing(mine: claim(runs: 3), others: [claim(runs: 1)], limit: 10, rate: 6),
        Sharing(mine: claim(), others: [claim(4)], limit: 4, rate: 2),
        Sharing(mine: claim(streams: 10, runs: 0), others: [claim()], limit: 10, rate: 8),
        Sharing(mine: claim(), others: [claim(streams: 10, runs: 0)], limit: 10, rate: 2),
        Sharing(mine: claim(), others: [claim(streams: 3, runs: 0)], limit: 10, rate: 7),
        Sharing(mine: claim(streams: 10, runs: 10), others: [], limit: 10, rate: 10),
        // What stands in the tables may be anything.
        Sharing(mine: claim(), others: [claim(runs: -5)], limit: 10, rate: 10),
        Sharing(mine: claim(), others: [claim(runs: .nan)], limit: 10, rate: 5),
    ]) func shares(_ item: Sharing) {
        let share = RateShare.of(item.mine, beside: item.others)
        #expect(share.limit == item.limit)
        #expect(abs(share.rate - item.rate * RateLimiterState.utilisation) < 0.05, "\(share)")
    }

    // MARK: Turns

    @Test func aloneEverythingComesAtOnceAndOnlyWhatIsMissingAfterThat() throws {
        var budget = RateBudget()
        let first = try Self.exchange(&budget, Self.need(), others: [], now: Self.now)
        #expect(first.first == Self.now && first.count == 15 && first.isAlone)
        let second = try Self.exchange(&budget, Self.need(held: 5), others: [], now: Self.now + 1_000_000)
        #expect(second.first == first.first + 15 * Self.interval && second.count == 10)
        let none = try Self.exchange(&budget, Self.need(held: 15), others: [], now: Self.now + 1_000_000)
        #expect(none.count == 0 && budget.next == second.first + 10 * Self.interval)
    }

    @Test func noTurnIsGivenTwice() throws {
        var budget = RateBudget()
        let one = try Self.exchange(&budget, Self.need(), others: [], now: Self.now)
        let other = try Self.exchange(&budget, Self.need(), others: [Self.claim()], now: Self.now)
        #expect(other.first == one.first + Int64(one.count) * one.interval && other.count == 8 && !other.isAlone)
    }

    @Test func notMoreThanIsOfUseUnlessNobodyElseWantsIt() throws {
        var budget = RateBudget()
        let busy = try Self.exchange(
            &budget, Self.need(Self.claim(runs: 2), most: 2), others: [Self.claim()], now: Self.now)
        #expect(busy.count == 2)
        let free = try Self.exchange(
            &budget, Self.need(Self.claim(runs: 2), most: 2), others: [Self.claim(runs: 1)], now: Self.now)
        #expect(free.count > 2)
    }

    @Test func aProcessGetsWhatItIsOwed() throws {
        func count(_ owed: Double, runs: Double = 10, others: [RateClaim] = [Self.claim()]) throws -> Int {
            var budget = RateBudget()
            var need = Self.need(Self.claim(runs: runs))
            need.owed = owed
            return try Self.exchange(&budget, need, others: others, now: Self.now).count
        }
        let counts = try [-0.1, 0, 0.5, 1, 9, .infinity].map { try count($0) }
        #expect(counts == [0, 0, 3, 5, 8, 8], "of a share of five, and never more than a second and a half of it")
        #expect(try count(0, others: []) == 15, "alone")
        #expect(try count(0, runs: 3, others: [Self.claim(runs: 1)]) > 0, "what no process wants is lent")
    }

    @Test func whoLeavesGivesTurnsBackIfNothingWasGivenBehindThem() throws {
        var budget = RateBudget()
        let grant = try Self.exchange(&budget, Self.need(), others: [], now: Self.now)
        let unused = TurnRange(first: grant.first + 3 * Self.interval, end: budget.next)
        let leaving = RateNeed(budget: "b", claim: nil, unused: unused)
        var later = budget
        _ = later.exchange(Self.need(), others: [Self.claim()], now: Self.now)
        let kept = later.next
        let grants = [
            later.exchange(leaving, others: [], now: Self.now), budget.exchange(leaving, others: [], now: Self.now),
        ]
        #expect(grants == [nil, nil] && later.next == kept && budget.next == unused.first)
    }

    /// However little there is, each process holds a turn, one behind the other.
    @Test func manyProcessesOfASmallLimitTakeTurns() throws {
        var budget = RateBudget()
        let claim = Self.claim(0.5, runs: 0.5)
        let others = Array(repeating: claim, count: 9)
        let firsts = try (0..<10).map { _ in
            let grant = try Self.exchange(&budget, Self.need(claim), others: others, now: Self.now)
            #expect(grant.count == 1)
            return grant.first
        }
        #expect(Set(zip(firsts, firsts.dropFirst()).map { $1 - $0 }) == [RateBudget.interval(limit: 0.5)])
    }

    @Test func aClockThatWasSetBackHoldsNobodyUpForLong() throws {
        var budget = RateBudget(next: Self.now + 3_600_000_000)
        let grant = try Self.exchange(&budget, Self.need(), others: [], now: Self.now)
        #expect(grant.first <= Self.now + RateBudget.tolerance + Self.interval)
    }

    // MARK: Held turns

    private static func grant(_ count: Int, isAlone: Bool = false) -> RateGrant {
        RateGrant(budget: "b", first: now, interval: 100_000, count: count, share: 5, isAlone: isAlone)
    }

    private static func held(_ count: Int, isAlone: Bool = false) -> HeldTurns {
        var held = HeldTurns(budget: "b", limit: 10)
        held.receive(grant(count, isAlone: isAlone), first: 1000, now: 0)
        return held
    }

    @Test func turnsAreTakenInOrderAndThoseOfThePastAreLost() {
        var (held, isWaiting) = (Self.held(4), false)
        #expect(held.take(now: 900, limit: 10, isStream: false, isWaiting: &isWaiting)?.first == 1000)
        #expect(held.take(now: 150_000, limit: 10, isStream: false, isWaiting: &isWaiting)?.first == 201_000)
        #expect(held.take(now: 150_000, limit: 10, isStream: false, isWaiting: &isWaiting)?.first == 301_000)
        #expect(
            !isWaiting && held.take(now: 150_000, limit: 10, isStream: false, isWaiting: &isWaiting) == nil && isWaiting
        )
        let need = held.need(now: 250_000)
        #expect(need.held == 1 && need.most == 1, "one turn lies ahead, one request waits")
    }

    @Test func aloneATurnMayBeTakenEarlyAndLate() {
        var (held, isWaiting) = (Self.held(3, isAlone: true), false)
        #expect(held.take(now: 41_000, limit: 10, isStream: false, isWaiting: &isWaiting)?.first == 41_000)
        #expect(held.take(now: 41_000, limit: 10, isStream: false, isWaiting: &isWaiting)?.first == 41_000)
        #expect(held.take(now: 41_000, limit: 10, isStream: false, isWaiting: &isWaiting)?.first == 101_000)
    }

    /// Where the turn before, or behind it, may be another process's, a request would come too close to that one's.
    @Test func atAHandoverATurnIsTakenAtItsTime() {
        var (held, isWaiting) = (Self.held(2, isAlone: true), false)
        let first = held.take(now: 500, limit: 10, isStream: false, isWaiting: &isWaiting)
        #expect(first == .init(first: 1000, last: 76_000), "the one behind it is the process's")
        let second = held.take(now: 2000, limit: 10, isStream: false, isWaiting: &isWaiting)
        #expect(second == .init(first: 2000, last: 151_000), "the one before it is")
        var late = Self.held(1, isAlone: true)
        #expect(late.take(now: 52_000, limit: 10, isStream: false, isWaiting: &isWaiting) == nil)
        // A grant that goes on where the last one ended makes neighbours of their turns.
        var next = Self.grant(1, isAlone: true)
        next.first = Self.now + 100_000
        var both = Self.held(1, isAlone: true)
        both.receive(next, first: 101_000, now: 0)
        let turns = (0..<2).map { _ in both.take(now: 500, limit: 10, isStream: false, isWaiting: &isWaiting) }
        #expect(turns == [.init(first: 1000, last: 76_000), .init(first: 1000, last: 151_000)])
    }

    @Test func whoSharesLetsATurnGoByThatCameTooLate() {
        var (held, isWaiting) = (Self.held(2), false)
        let turn = held.take(now: 500, limit: 10, isStream: false, isWaiting: &isWaiting)
        #expect(turn == .init(first: 1000, last: 51_000))
    }

    @Test func theSmallestLimitOfAProcessRulesFromTheNextExchangeOn() {
        var (held, isWaiting) = (Self.held(9), false)
        for limit in [10.0, 4, 8] { _ = held.take(now: 900, limit: limit, isStream: false, isWaiting: &isWaiting) }
        #expect(held.need(now: 1000).claim?.limit == 4)
        _ = held.take(now: 1000, limit: 8, isStream: false, isWaiting: &isWaiting)
        #expect(held.need(now: 1100).claim?.limit == 8, "the other one asks no more")
        #expect(held.need(now: 1200).claim?.limit == 8)
    }

    /// What was not given is owed for a second and a half, and a turn that came early counts against the next ones.
    @Test func whatIsOwedGrowsWithTimeAndIsLessWhatWasGiven() {
        var (held, isWaiting) = (HeldTurns(budget: "b", limit: 10), false)
        _ = held.take(now: 0, limit: 10, isStream: false, isWaiting: &isWaiting)
        #expect(held.need(now: 0).owed == .infinity)
        held.receive(Self.grant(8), first: 20_000, now: 0)
        var owed: [Double] = []
        for second in 1...4 as ClosedRange<Int64> {
            owed.append(held.need(now: second * 1_000_000).owed)
            let grant = Self.grant(second == 1 ? 2 : 0)
            held.receive(grant, first: second * 1_000_000 + 20_000, now: second * 1_000_000)
        }
        #expect(zip(owed, [0.9, 1.5, 2.5, 2.5]).allSatisfy { abs($0 - $1) < 1e-9 }, "\(owed)")
    }

    /// A turn has to lie behind the answer that gives it.
    @Test func turnsThatHadGoneByWhenTheAnswerCameMakeTheNextOnesLieLater() throws {
        var (held, isWaiting) = (Self.held(0), false)
        _ = held.take(now: 0, limit: 10, isStream: false, isWaiting: &isWaiting)
        #expect(held.need(now: 0, duration: 60_000).lead == 60_000)
        var leads: [Int64] = []
        for round in 1...5 as ClosedRange<Int64> {
            held.receive(Self.grant(1), first: round * 1_000_000 - 900_000, now: round * 1_000_000 - 880_000)
            leads.append(held.need(now: round * 1_000_000, duration: 60_000).lead)
        }
        #expect(leads == [120_000, 240_000, 480_000, 960_000, 1_000_000])
        #expect(held.need(now: 6_000_000, duration: 60_000).lead == 500_000, "and then sooner again")
        var budget = RateBudget()
        var need = Self.need()
        need.lead = 60_000
        let grant = try Self.exchange(&budget, need, others: [Self.claim()], now: Self.now)
        #expect(grant.first == Self.now + 60_000)
    }

    /// Turns that lie somewhere else since a clock was set are no process's.
    @Test func turnsAreDroppedWithTheClockThatTheyWereMadeBy() {
        var (held, isWaiting) = (Self.held(4), false)
        held.drop()
        #expect(held.take(now: 0, limit: 10, isStream: false, isWaiting: &isWaiting) == nil)
        let need = held.need(now: 0, leaves: true)
        #expect(need.unused == nil && need.claim == nil)
    }

    @Test func anExchangeThatGivesNothingChangesNothingOfWhatIsGivenBack() {
        var (held, isWaiting) = (Self.held(10), false)
        _ = held.take(now: 900, limit: 10, isStream: false, isWaiting: &isWaiting)
        var none = Self.grant(0)
        none.interval = 250_000
        held.receive(none, first: 0, now: 0)
        let end = Self.now + 1_000_000
        #expect(held.need(now: 1000, leaves: true).unused == TurnRange(first: end - 900_000, end: end))
    }

    @Test func whoWantsNothingForAWhileLeavesAndGivesBackTheRest() {
        var (held, isWaiting) = (Self.held(10), false)
        _ = held.take(now: 900, limit: 10, isStream: false, isWaiting: &isWaiting)
        #expect(held.need(now: 500_000).claim != nil)
        var another = Self.held(10)
        _ = another.take(now: 900, limit: 10, isStream: false, isWaiting: &isWaiting)
        let end = Self.now + 1_000_000
        #expect(another.need(now: 1000, leaves: true).unused == TurnRange(first: end - 900_000, end: end))
        #expect(held.need(now: 3_000_000).claim == nil)
    }

    @Test func runsYieldToStreamsThatWaitFourTimesOfFive() {
        var (held, stream, run) = (Self.held(0), false, false)
        _ = held.take(now: 0, limit: 10, isStream: true, isWaiting: &stream)
        held.receive(Self.grant(10), first: 1000, now: 0)
        #expect(held.take(now: 500, limit: 10, isStream: false, isWaiting: &run) == nil)
        for _ in 0..<4 { #expect(held.take(now: 500, limit: 10, isStream: true, isWaiting: &stream) != nil) }
        #expect(held.take(now: 500, limit: 10, isStream: false, isWaiting: &run)?.first == 401_000)
    }

    // MARK: Clocks

    @Test func quickExchangesBoundTheDifferenceOfTheClocks() throws {
        var offset = WarehouseOffset()
        #expect(offset.local(5) == nil)
        offset.note(begun: 1_000_000, now: 1_000_000, asked: 0, answered: 3_000_000)
        #expect(offset.local(1_000_000) == nil, "known to three seconds only")
        offset.note(begun: 4_001_000, now: 4_001_000, asked: 3_000_000, answered: 3_004_000)
        #expect(abs(try #require(offset.local(4_001_000)) - 3_002_000) <= 1000)
        offset.note(begun: 5_900_000, now: 5_900_000, asked: 4_001_000, answered: 5_001_000)
        #expect(abs(try #require(offset.local(5_001_000)) - 4_002_000) < 3_000, "a slow one makes it no worse")
        let isKept = offset.note(begun: 1_000, now: 1_000, asked: 6_000_000, answered: 6_002_000)
        #expect(!isKept && offset.local(1_000) == 6_001_000, "the bounds of a clock that was set begin again")
    }

    /// What is waited for between the two times that the warehouse tells is on both sides of the difference.
    @Test func waitingForALockMakesTheDifferenceNoVaguer() throws {
        var offset = WarehouseOffset()
        offset.note(begun: 9_010_000, now: 13_000_000, asked: 1_000_000, answered: 5_000_000)
        #expect(abs(try #require(offset.local(9_010_000)) - 1_005_000) <= 5_000)
    }

    @Test func turnsAreNotUsedWhileTheyMayBeATenthOfASecondOff() {
        var offset = WarehouseOffset()
        offset.note(begun: 1_000_000, now: 1_000_000, asked: 0, answered: 201_000)
        #expect(!offset.isKnown && offset.local(1_000_000) == nil)
        offset.note(begun: 2_000_000, now: 2_000_000, asked: 1_000_000, answered: 1_190_000)
        #expect(offset.isKnown)
    }
}

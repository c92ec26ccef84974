/// The turns of one budget that a process holds, and how many it asks for. Pure; times are microseconds of the process's
/// monotonic clock.
package struct HeldTurns: Sendable {
    private struct Held {
        var time: Int64
        /// Whether the turn before it was the process's too, and whether the one behind it is: otherwise a request that leaves early
        /// or late comes too close to that of another process.
        var followsOwn: Bool
        var precedesOwn = false
    }

    /// What streams want, or what runs want.
    private struct Demand {
        /// Requests that have no turn yet.
        var waiting = 0
        /// Turns that were used since the last exchange.
        var used = 0
        /// Until when it counts without a request that waits; nil: it never did.
        var until: Int64?

        func isWanted(_ now: Int64) -> Bool { waiting > 0 || until.map { $0 >= now } ?? false }
    }

    /// A budget for which no request came for so long is left, in microseconds.
    static let idle: Int64 = 2_000_000
    /// A turn may be used so much later, in microseconds: timers are late.
    static let lateness: Int64 = 50_000
    /// Turns that streams take for each one that they leave to runs, while both wait.
    static let streamTurns = Int(1 / RateLimiterState.scheduleShare) - 1

    private let budget: String
    private var limit: Double
    /// The smallest limit that was asked for since the last exchange: runs of one process may have different ones.
    private var asked: Double?
    private var turns: [Held] = []
    /// Of those at the front: they were given to requests, or went by.
    private var taken = 0
    /// The last grant that gave any: its end on the warehouse's clock, its number of turns, and the distance between two.
    private var last: (end: Int64, count: Int, interval: Int64)?
    private var interval: Int64 { last?.interval ?? 0 }
    private var isAlone = false
    private var streams = Demand()
    private var runs = Demand()
    private var streamsLackedAt: Int64?
    private var streamsInARow = 0
    private var exchangedAt: Int64?
    /// Turns that went by unused since the last exchange.
    private var missed = 0
    /// Exchanges in a row between which every turn was used.
    private var clean = 0
    /// Turns to ask for beside those for which requests wait.
    private var ahead = 0.0
    /// As ``RateNeed/owed`` at the last exchange, less what it gave.
    private var owed = Double.infinity
    /// As ``RateNeed/lead`` at the last exchange.
    private var lead: Int64 = 0
    /// Whether the first turn of the last grant had gone by when the answer came.
    private var cameLate = false
    /// Requests a second, as of the last exchange; nil before the first.
    package private(set) var share: Double?

    /// - Parameter limit: requests a second as configured, more than 0.
    package init(budget: String, limit: Double) {
        self.budget = budget
        self.limit = limit
    }

    // MARK: Requests

    /// When a request may leave: not before `first`, which may be now, and not after `last`.
    package struct Turn: Sendable, Equatable {
        package var first: Int64
        package var last: Int64
    }

    /// Gives a request the next turn; nil where there is none for it yet.
    ///
    /// While other processes take part, a request leaves at its turn and no earlier. Alone, it may take one that lies up to
    /// one interval ahead, or up to three quarters back, so that the pace is the process's (``RateLimiterState`` sends every
    /// other one half an interval late), where the turn before that one, or behind it, is the process's too. One that stood still lets its
    /// turn go by.
    /// - Parameters:
    ///   - limit: requests a second as configured for this request; the smallest one rules from the next exchange on.
    ///   - isWaiting: whether this request has asked before, in vain; kept by the caller from call to call.
    package mutating func take(now: Int64, limit: Double, isStream: Bool, isWaiting: inout Bool) -> Turn? {
        asked = min(asked ?? limit, limit)
        guard let turn = take(now: now, isStream: isStream) else {
            if !isWaiting { change(isStream) { $0.waiting += 1 } }
            isWaiting = true
            return nil
        }
        change(isStream) {
            $0.used += 1
            $0.until = max($0.until ?? turn.time, turn.time + Self.idle)
        }
        if isWaiting { stopWaiting(now: now, isStream: isStream) }
        isWaiting = false
        let first = isAlone && turn.followsOwn ? turn.time - interval : turn.time
        return Turn(first: max(now, first), last: turn.time + max(slack(turn), Self.lateness))
    }

    /// How late a turn may be taken.
    private func slack(_ turn: Held) -> Int64 {
        guard isAlone else { return 0 }
        return turn.precedesOwn ? interval / 4 * 3 : min(Self.lateness, interval / 4 * 3)
    }

    /// A request that waits does so no longer.
    package mutating func stopWaiting(now: Int64, isStream: Bool) {
        change(isStream) {
            $0.waiting -= 1
            $0.until = max($0.until ?? now, now + Self.idle)
        }
    }

    private mutating func take(now: Int64, isStream: Bool) -> Held? {
        if !isStream, let lacked = streamsLackedAt, now - lacked < 1_000_000, streamsInARow < Self.streamTurns {
            return nil
        }
        skip(now)
        guard taken < turns.count else {
            if isStream { streamsLackedAt = now }
            return nil
        }
        let turn = turns[taken]
        taken += 1
        if isStream, turn.time - now > 2 * interval { streamsLackedAt = now }
        streamsInARow = isStream ? streamsInARow + 1 : 0
        return turn
    }

    private mutating func change(_ isStream: Bool, _ body: (inout Demand) -> Void) {
        if isStream { body(&streams) } else { body(&runs) }
    }

    /// Lets go of turns that are too old to be used.
    private mutating func skip(_ now: Int64) {
        while taken < turns.count, turns[taken].time + slack(turns[taken]) < now {
            taken += 1
            missed += 1
        }
    }

    // MARK: Exchanges

    /// What to ask for, at an exchange.
    /// - Parameters:
    ///   - duration: what the last exchange took, in microseconds; 0: there was none.
    ///   - leaves: whether the process leaves the budget.
    package mutating func need(now: Int64, duration: Int64 = 0, leaves: Bool = false) -> RateNeed {
        guard !leaves, streams.isWanted(now) || runs.isWanted(now) else {
            return RateNeed(budget: budget, claim: nil, unused: unused)
        }
        skip(now)
        let past = min(taken, turns.prefix { $0.time <= now }.count)
        turns.removeFirst(past)
        taken -= past
        (limit, asked) = (asked ?? limit, nil)
        learn(duration)
        let most = Double(streams.waiting + runs.waiting) + ahead
        let claim = claim(now, most: most)
        if let exchangedAt { owed += Double(now - exchangedAt) / 1_000_000 }
        (streams.used, runs.used, missed, exchangedAt) = (0, 0, 0, now)
        return RateNeed(
            budget: budget, claim: claim, held: turns.count { $0.time > now }, most: Int(most.rounded(.up)), owed: owed,
            lead: lead)
    }

    /// Turns that are given in advance and not used are lost to everybody. So a process asks in advance only if it has used
    /// all its turns for a while, and for more and more; as soon as it lets turns go by it asks for a quarter.
    ///
    /// Turns that had gone by when the answer came lay too close behind the exchange: the next ones are to lie twice as far behind.
    private mutating func learn(_ duration: Int64) {
        let waiting = Double(streams.waiting + runs.waiting)
        lead =
            cameLate ? min(2 * max(lead, duration, RateBudget.lead), RateBudget.longestLead) : max(duration, lead / 2)
        cameLate = false
        if missed > 0 {
            clean = 0
            ahead = (ahead / 4).rounded(.down)
        } else if streams.used + runs.used > 0 {
            clean += 1
            if clean > 2 { ahead = min(max(1, waiting, ahead * 2), (limit * RateBudget.advance).rounded(.up)) }
        }
    }

    /// - Parameter most: turns that are of use until the next exchange, in a second.
    private func claim(_ now: Int64, most: Double) -> RateClaim {
        let seconds = exchangedAt.map { max(Double(now - $0) / 1_000_000, 0.001) } ?? 1
        let used = Double(streams.used + runs.used)
        let wanted = min(limit, max(most, used / seconds))
        let byStreams = Double(streams.waiting + streams.used)
        let all = byStreams + Double(runs.waiting + runs.used)
        let share = all > 0 ? byStreams / all : streams.isWanted(now) ? 1 : 0
        return RateClaim(limit: limit, streams: wanted * share, runs: wanted * (1 - share))
    }

    private var unused: TurnRange? {
        guard let last else { return nil }
        let count = Int64(min(last.count, turns.count - taken))
        return count > 0 ? TurnRange(first: last.end - count * last.interval, end: last.end) : nil
    }

    /// - Parameter first: the time of the grant's first turn.
    package mutating func receive(_ grant: RateGrant, first: Int64, now: Int64) {
        share = grant.share
        isAlone = grant.isAlone
        note(grant)
        guard grant.count > 0 else { return }
        cameLate = first < now && !isAlone
        let follows = last?.end == grant.first
        if follows, !turns.isEmpty { turns[turns.count - 1].precedesOwn = true }
        let end = Int64(grant.count)
        turns += (0..<end).map {
            Held(time: first + $0 * grant.interval, followsOwn: follows || $0 > 0, precedesOwn: $0 < end - 1)
        }
        last = (grant.first + end * grant.interval, grant.count, grant.interval)
    }

    /// What the process is owed after a grant. A turn that came early counts against its next share, and what was lent does not.
    private mutating func note(_ grant: RateGrant) {
        guard grant.share > 0 else { return }
        let turn = 1 / grant.share
        owed = max(min(owed, RateBudget.advance) - Double(grant.count) * turn, -turn)
    }

    /// Lets go of all turns, as a clock was set by which their times are wrong.
    package mutating func drop() {
        turns = []
        taken = 0
        last = nil
        owed = .infinity
    }
}

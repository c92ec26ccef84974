/// How processes share one rate limit: they take turns. A turn is a moment, on the clock of the warehouse in which the budget
/// stands, at which one request may leave. Turns lie one interval apart, each is given to one process, and none is given
/// twice, so that the limit holds whatever becomes of the processes: what a dead or a paused one was given is not used.
///
/// Source: docs/decisions/0030-rate-budget.md.
package struct RateBudget: Sendable, Equatable {
    /// The first turn that is not given out yet, in microseconds since 1970; 0: none ever was.
    package var next: Int64

    package init(next: Int64 = 0) { self.next = next }

    /// A process without an exchange for so long no longer counts, in microseconds. Its turns lie in the past by then.
    package static let lifetime: Int64 = 5_000_000
    /// Seconds of its share that a process is given in advance: until its next exchange in a second, and half a second for
    /// what an exchange takes.
    package static let advance = 1.5
    /// Microseconds from an exchange to the first turn that it may give, at least: the answer has to arrive before. A process that is
    /// alone may be late.
    static let lead: Int64 = 20_000
    /// At most, whatever a process says that its exchanges take.
    static let longestLead: Int64 = 1_000_000
    /// Turns further ahead than all live processes can hold, and this, were made by a clock that was set back; in microseconds.
    static let tolerance: Int64 = 10_000_000
    private static let mostTurns = 10_000.0

    /// Gives a process the turns it lacks.
    /// - Parameters:
    ///   - others: the claims of the other live processes.
    ///   - now: the warehouse's clock, in microseconds since 1970.
    /// - Returns: what it may use; nil for a process that leaves.
    package mutating func exchange(_ need: RateNeed, others: [RateClaim], now: Int64) -> RateGrant? {
        if let unused = need.unused, unused.end == next { next = unused.first }
        guard let claim = need.claim else { return nil }
        let share = RateShare.of(claim, beside: others)
        let interval = Self.interval(limit: share.limit)
        next = min(next, now + Int64(others.count + 1) * interval + Self.tolerance)
        // What no process wants is lent: there it does not matter whether it is used.
        let lent = others.isEmpty ? share.rate : share.lent
        let own = min(Self.turns(share.rate) - need.held, need.most, Self.due(need.owed, of: share.rate))
        let count = max(own, lent > 0 ? Self.turns(lent) - need.held : 0, 0)
        let lead = max(others.isEmpty ? 0 : Self.lead, min(need.lead, Self.longestLead))
        let first = max(next, now + lead)
        if count > 0 { next = first + Int64(count) * interval }
        return RateGrant(
            budget: need.budget, first: first, interval: interval, count: count, share: share.rate,
            isAlone: others.isEmpty)
    }

    private static func turns(_ rate: Double) -> Int { max(1, Int(min((rate * advance).rounded(.up), mostTurns))) }

    /// How many turns a process is owed. The last one may come early: the process is then owed less at its next exchange.
    private static func due(_ seconds: Double, of rate: Double) -> Int {
        rate > 0 ? Int(min(max(seconds * rate, 0), mostTurns).rounded(.up)) : 0
    }

    /// Microseconds between two turns. Rounded up, and a little more than the limit asks for, like all pacing here.
    static func interval(limit: Double) -> Int64 {
        Int64((1_000_000 / (max(limit, 0.001) * RateLimiterState.utilisation)).rounded(.up))
    }
}

/// What one process asks of a budget.
package struct RateNeed: Sendable, Equatable {
    /// Address of Iterable, one-way hash of the API key and endpoint.
    package var budget: String
    /// nil: the process leaves the budget.
    package var claim: RateClaim?
    /// Turns that it has and that lie in the future.
    package var held: Int
    /// The most further turns that are of use until the next exchange.
    package var most: Int
    /// Seconds of its share that it was not given yet, so that processes get the same whichever of them asks first: the time
    /// since its last exchange, more by what it lacked before that, less by what it had too much. Infinite: there was none.
    package var owed: Double
    /// A turn is of use if it lies so far behind the exchange, in microseconds: what the last exchange took; 0: there was none.
    package var lead: Int64
    /// The turns that a process which leaves has not used. They are free again if nothing was given out behind them.
    package var unused: TurnRange?

    package init(
        budget: String, claim: RateClaim?, held: Int = 0, most: Int = .max, owed: Double = .infinity, lead: Int64 = 0,
        unused: TurnRange? = nil
    ) {
        self.budget = budget
        self.most = most
        self.owed = owed
        self.lead = lead
        self.claim = claim
        self.held = held
        self.unused = unused
    }
}

/// Turns from `first` to before `end`, in microseconds since 1970 of the warehouse's clock.
package struct TurnRange: Sendable, Equatable {
    package var first: Int64
    package var end: Int64

    package init(first: Int64, end: Int64) {
        self.first = first
        self.end = end
    }
}

/// What one process wants of a budget, in requests a second.
package struct RateClaim: Sendable, Equatable {
    /// As configured in the process; more than 0.
    package var limit: Double
    /// For streams and for runs, each from 0 to `limit`.
    package var streams: Double
    package var runs: Double

    package init(limit: Double, streams: Double, runs: Double) {
        self.limit = limit
        self.streams = streams
        self.runs = runs
    }
}

/// Turns that a process was given.
package struct RateGrant: Sendable, Equatable {
    package var budget: String
    /// The first turn and the distance between two, in microseconds.
    package var first: Int64
    package var interval: Int64
    package var count: Int
    /// Requests a second that are the process's share now.
    package var share: Double
    /// Whether no other process takes part.
    package var isAlone: Bool

    package init(budget: String, first: Int64, interval: Int64, count: Int, share: Double, isAlone: Bool) {
        self.budget = budget
        self.first = first
        self.interval = interval
        self.count = count
        self.share = share
        self.isAlone = isAlone
    }
}

/// The answer to an exchange.
package struct RateGrants: Sendable, Equatable {
    /// When the warehouse began with the exchange, before it waited for anybody, in microseconds since 1970 of its clock.
    package var begun: Int64
    /// When it was made, in the same time.
    package var now: Int64
    package var grants: [RateGrant]

    package init(begun: Int64, now: Int64, grants: [RateGrant]) {
        self.begun = begun
        self.now = now
        self.grants = grants
    }
}

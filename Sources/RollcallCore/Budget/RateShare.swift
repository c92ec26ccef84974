/// How much of a budget is whose. Pure.
package enum RateShare {
    /// The smallest limit of all rules. Streams go first, but leave ``RateLimiterState/scheduleShare`` to runs that want it.
    /// Within each of the two, whoever wants little gets it all, and the others get as much as each other (max-min fairness).
    /// What no process wants is lent to all alike.
    /// - Returns: the limit, the share of `claim`, and what of it is lent, all in requests a second; the shares of all add up
    ///   to the limit less what pacing leaves.
    package static func of(
        _ claim: RateClaim, beside others: [RateClaim]
    ) -> (limit: Double, rate: Double, lent: Double) {
        let all = [claim] + others
        let limit = max(0.001, all.map(\.limit).min() ?? claim.limit)
        let capacity = limit * RateLimiterState.utilisation
        let streams = all.map { want($0.streams, limit) }
        let runs = all.map { want($0.runs, limit) }
        let kept = min(runs.reduce(0, +), capacity * RateLimiterState.scheduleShare)
        let forStreams = min(streams.reduce(0, +), capacity - kept)
        let forRuns = min(runs.reduce(0, +), capacity - forStreams)
        let lent = (capacity - forStreams - forRuns) / Double(all.count)
        let rate = min(streams[0], level(streams, forStreams)) + min(runs[0], level(runs, forRuns)) + lent
        return (limit, rate, lent)
    }

    private static func want(_ rate: Double, _ limit: Double) -> Double {
        rate.isFinite ? min(max(rate, 0), limit) : limit
    }

    /// The most that anyone gets, so that together they get `capacity`: at most the sum of `wants`.
    static func level(_ wants: [Double], _ capacity: Double) -> Double {
        var left = capacity
        let sorted = wants.sorted()
        for (index, want) in sorted.enumerated() {
            let equal = left / Double(sorted.count - index)
            if want >= equal { return equal }
            left -= want
        }
        return sorted.last ?? 0
    }
}

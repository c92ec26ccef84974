/// When, and how often, a request is sent again: full jitter over a doubling delay, bounded in number and in time.
/// Source of the method: "Exponential Backoff And Jitter", AWS Architecture Blog.
package struct RetryPolicy: Sendable, Equatable {
    /// Most attempts, the first one included; at least 1.
    package var attempts: Int
    /// No attempt starts later than this after the first one.
    package var longest: Duration
    /// Upper bound of the delay after the first attempt; it doubles with each further one.
    package var base: Duration
    /// Upper bound of every delay.
    package var cap: Duration
    /// Least delay after an answer 429 that names none itself.
    package var leastAfterRateLimit: Duration

    package init(
        attempts: Int = 6, longest: Duration = .seconds(120), base: Duration = .milliseconds(500),
        cap: Duration = .seconds(20), leastAfterRateLimit: Duration = .seconds(1)
    ) {
        self.attempts = attempts
        self.longest = longest
        self.base = base
        self.cap = cap
        self.leastAfterRateLimit = leastAfterRateLimit
    }

    /// For deliveries.
    package static let deliveries = RetryPolicy()

    /// For what a stream sends: until it gets through, or the stream is asked to stop.
    package static let streams = RetryPolicy(attempts: .max, longest: .seconds(1 << 40), cap: .seconds(60))

    /// Whether a further attempt may be made.
    /// - Parameters:
    ///   - made: attempts made so far, from 1.
    ///   - elapsed: time since the first attempt began, with the delay that would come first.
    package func allowsAnother(after made: Int, elapsed: Duration) -> Bool {
        made < attempts && elapsed <= longest
    }

    /// How long to wait before the next attempt.
    /// - Parameters:
    ///   - attempt: attempts made so far, from 1.
    ///   - random: from 0 up to, but not including, 1.
    ///   - rateLimited: whether the last answer was 429.
    ///   - retryAfter: what the server asked for (`Retry-After`); the wait is never shorter.
    package func delay(
        attempt: Int, random: Double, rateLimited: Bool = false, retryAfter: Duration? = nil
    ) -> Duration {
        let doublings = min(max(attempt, 1) - 1, 30)
        let bound = min(base * (1 << doublings), cap)
        let jittered = bound * min(max(random, 0), 1)
        // Those who wait for the same moment should not all come in it.
        if let retryAfter { return retryAfter + min(jittered, .seconds(1)) }
        return rateLimited ? max(jittered, leastAfterRateLimit) : jittered
    }
}

/// How often an endpoint may be called.
struct RateLimit: Sendable, Equatable {
    /// Requests that pass at once.
    let burst: Double
    /// Requests that leak out per second.
    let perSecond: Double
    /// The limit in words, as the 429 answer has it: `5.0 per minute`.
    let words: String

    static func perMinute(_ count: Int) -> RateLimit {
        RateLimit(burst: Double(count), perSecond: Double(count) / 60, words: "\(Double(count)) per minute")
    }

    static func perSecond(_ count: Double) -> RateLimit {
        RateLimit(burst: max(1, count.rounded(.up)), perSecond: count, words: "\(count) per second")
    }
}

/// A leaky bucket: every request that passes adds one, the content leaks at the rate of the limit,
/// and a request that would make it overflow is refused without adding anything.
struct LeakyBucket: Sendable {
    private var level: Double = 0
    private var lastLeak: Duration = .zero

    /// Whether a request at this time passes.
    mutating func admits(at now: Duration, limit: RateLimit) -> Bool {
        let elapsed = max(0, (now - lastLeak) / Duration.seconds(1))
        level = max(0, level - elapsed * limit.perSecond)
        lastLeak = now
        // A hair of tolerance: the sum of many small leaks is not exact.
        guard level + 1 <= limit.burst + 1e-9 else { return false }
        level += 1
        return true
    }
}

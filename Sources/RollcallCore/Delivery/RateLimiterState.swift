/// Paces the requests to one endpoint of one destination. Pure: time is passed in, as the time since any fixed moment.
///
/// Requests are spread at the configured rate, without bursts. An answer 429 pauses everyone, voids the slots
/// that were given out, and halves the rate. A rate that held for ``successesBeforeProbe`` successes is kept;
/// then the rate climbs, from half to the whole in ten seconds. If that climb ends in a 429, the rate falls back to the
/// good one. So another client on the same key costs at most about one 429 in every ``successesBeforeProbe`` requests.
///
/// At the configured rate every other request of a second goes half an interval late, in every second the same ones. Evenly
/// spaced requests can keep step with a server's leaky bucket so well that all its room is theirs, and another client is
/// refused for as long as forty seconds before a 429 tells us of it; the shorter intervals meet a full bucket at once. A server that
/// counts any second still sees no more than the limit in it. One that has no room for shorter intervals says so in the first
/// second; then requests are spaced evenly.
package struct RateLimiterState: Sendable {
    /// A place in the queue. Wait for `delay`, then ask ``RateLimiterState/confirm(_:now:)``.
    package struct Slot: Sendable, Equatable {
        package let delay: Duration
        fileprivate let epoch: Int
        /// False: the wait is for leave to queue up, and not for a turn.
        package let isTurn: Bool
    }

    /// Share of the rate that is used. The rest absorbs late timers, so that a server that counts strictly never sees
    /// more than the limit in any window.
    package static let utilisation = 0.995

    /// Share of the configured rate below which the rate never falls: a server that answers 429 at random must not bring
    /// the work to a stop.
    package static let floor = 0.1

    /// Successes that a rate must last before a higher one is tried: a failed try costs one 429, which is to stay
    /// below one in a hundred.
    package static let successesBeforeProbe = 150
    /// At low rates that takes long: a higher one is tried after this time in any case.
    package static let longestBeforeProbe = Duration.seconds(150)

    /// A 429 in this time is one of a bucket that is too small for uneven intervals, and not of another client's: a larger one
    /// would not be full so soon. With some time for the answer.
    static let firstSecond = Duration.milliseconds(1500)

    /// Requests a second.
    package let configuredRate: Double
    /// Requests a second, at this time: from ``floor`` to ``configuredRate``.
    package private(set) var currentRate: Double

    private var next: Duration?
    /// Requests in the pattern so far; nil when they are to be evenly spaced.
    private var slot: Int? = 0
    /// Time of the first slot.
    private var began: Duration?
    private var pausedUntil: Duration?
    /// Answers 429 before this time belong to the cut already made.
    private var cutUntil: Duration?
    private var lastClimb: Duration?
    /// The rate that held, while a higher one is tried.
    private var goodRate: Double?
    private var successesSinceCut = 0
    private var epoch = 0

    /// - Parameter requestsPerSecond: more than 0.
    package init(requestsPerSecond: Double) {
        configuredRate = max(requestsPerSecond, 0.001)
        currentRate = configuredRate
    }

    /// Share of the rate that is left to schedules while streams could use all of it.
    package static let scheduleShare = 0.2
    /// A stream that had to wait for its turn within this time could use more.
    static let streamsWant = Duration.seconds(1)

    /// When a stream last had to wait for its turn.
    private var streamWaited: Duration?
    /// When the next request of a schedule may take its turn while streams want more.
    private var nextOfSchedules: Duration?

    /// Takes the next slot.
    /// - Parameter isStream: whether a stream asks. Streams go first: while they wait for their turn, requests of schedules take no more
    ///   than ``scheduleShare`` of the rate.
    package mutating func reserve(now: Duration, isStream: Bool = false) -> Slot {
        let interval = Duration.seconds(1 / (currentRate * Self.utilisation))
        if !isStream, let waited = streamWaited, now - waited < Self.streamsWant {
            let turn = max(now, nextOfSchedules ?? now)
            if turn > now { return Slot(delay: turn - now, epoch: epoch, isTurn: false) }
            nextOfSchedules = now + interval / Self.scheduleShare
        }
        let slot = take(now: now)
        if isStream, slot.delay > interval * 2 { streamWaited = now }
        return slot
    }

    private mutating func take(now: Duration) -> Slot {
        let time = max(now, next ?? now, pausedUntil ?? now)
        let interval = Duration.seconds(1 / (currentRate * Self.utilisation))
        if next != time { slot = slot.map { _ in 0 } }
        next = time + interval
        began = began ?? time
        return Slot(delay: time - now + lateness(interval), epoch: epoch, isTurn: true)
    }

    /// How late the next request is in the pattern, which repeats itself with every second.
    private mutating func lateness(_ interval: Duration) -> Duration {
        guard let slot, currentRate == configuredRate, let length = Self.patternLength(configuredRate) else {
            return .zero
        }
        self.slot = (slot + 1) % length
        return slot.isMultiple(of: 2) ? .zero : interval / 2
    }

    /// Only whole numbers of requests fill a second; above a hundred a second the intervals are as uneven as timers are.
    private static func patternLength(_ rate: Double) -> Int? {
        (2...100).contains(rate) && rate.rounded() == rate ? Int(rate) : nil
    }

    /// To be asked after the wait: nil if the request may go now, or another slot if a 429 came in meanwhile.
    package mutating func confirm(_ slot: Slot, now: Duration, isStream: Bool = false) -> Slot? {
        slot.isTurn && slot.epoch == epoch ? nil : reserve(now: now, isStream: isStream)
    }

    /// Notes an answer 429.
    /// - Parameter after: what the server asked for (`Retry-After`); one second without it.
    package mutating func rateLimited(now: Duration, after retryAfter: Duration?) {
        let pause = max(retryAfter ?? .seconds(1), .zero)
        let resume = max(pausedUntil ?? now, now + pause)
        pausedUntil = resume
        next = resume
        epoch += 1
        if slot != nil, let began, now - began <= Self.firstSecond, Self.patternLength(configuredRate) != nil {
            slot = nil
            return
        }
        if let cutUntil, now < cutUntil { return }
        cutUntil = now + max(pause, .seconds(1))
        successesSinceCut = 0
        lastClimb = nil
        if let goodRate, goodRate < currentRate {
            currentRate = goodRate
        } else {
            currentRate = max(configuredRate * Self.floor, currentRate / 2)
        }
        goodRate = nil
    }

    /// Notes an answer other than 429.
    package mutating func succeeded(now: Duration) {
        guard currentRate < configuredRate else { return }
        successesSinceCut += 1
        let waited = cutUntil.map { now - $0 >= Self.longestBeforeProbe } ?? true
        guard successesSinceCut >= Self.successesBeforeProbe || waited else { return }
        if goodRate == nil { goodRate = currentRate }
        let elapsed = lastClimb.map { min(max(now - $0, .zero), .seconds(2)) } ?? .zero
        lastClimb = now
        currentRate = min(configuredRate, currentRate + configuredRate / 2 * (elapsed / .seconds(10)))
        if currentRate == configuredRate { goodRate = nil }
    }
}

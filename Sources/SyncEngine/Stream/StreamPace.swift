import Foundation
import RollcallCore

/// How far back the looks of a stream read, how long it waits between them, and whether one may be spared. All times are on the
/// monotonic clock, unless they are dates.
struct StreamPace: Sendable {
    private let settings: StreamSettings
    private var reach: StreamReach
    private var lookedAt: Duration?
    private var wholeAt: Duration?
    private var changedAt: Duration?
    private var idle: Duration
    /// Whether the latest look was broken off.
    private(set) var wasCut = false

    /// - Parameter overlap: in microseconds; nil: positions are no times.
    init(_ settings: StreamSettings, overlap: Int64?) {
        self.settings = settings
        idle = .seconds(settings.pollSeconds)
        reach = overlap.map { StreamReach(overlap: $0, poll: .seconds(settings.pollSeconds)) } ?? .whole
    }

    // MARK: A look

    /// Whether rows may be there that no look has read.
    /// - Parameter mayHaveChanged: whether anything may have been committed since this was asked last.
    mutating func mayHaveNew(_ mayHaveChanged: Bool, now: Duration) -> Bool {
        if mayHaveChanged || changedAt == nil { changedAt = now }
        return mayHaveChanged || wasCut || (wholeAt.map { $0 < (changedAt ?? now) } ?? true)
    }

    /// What the next look reads.
    /// - Parameter isWhole: whether the overlap is asked for.
    func bound(now: Duration, isWhole: Bool) -> StreamReach.Bound { reach.next(now: now, isWhole: isWhole) }

    /// Notes a look of which everything has an outcome.
    /// - Parameters:
    ///   - isCut: whether it was broken off.
    ///   - watermark: the highest position that is known now.
    ///   - began: when it began.
    mutating func looked(_ bound: StreamReach.Bound, isCut: Bool, watermark: Int64?, began: Duration) {
        wasCut = isCut
        lookedAt = began
        if isCut { return }
        reach.hasRead(bound, watermark: watermark, now: began)
        if bound.isWhole { wholeAt = began }
    }

    /// Before which time of the warehouse nothing was there that a look has just found; nil: that is not known, for this is the first
    /// one, or the one before was broken off.
    func latestLook(at time: Date, now: Duration) -> Date? {
        if wasCut { return nil }
        return lookedAt.map { time.addingTimeInterval(-(now - $0).seconds) }
    }

    // MARK: Pauses

    /// How long to wait for the next look.
    /// - Parameters:
    ///   - hasFound: whether the look has found anything new.
    ///   - isFull: whether there may be more already.
    ///   - elapsed: time since the look began.
    mutating func pause(hasFound: Bool, isFull: Bool, elapsed: Duration) -> Duration {
        let poll = Duration.seconds(settings.pollSeconds)
        if hasFound {
            idle = poll
            return isFull ? .zero : max(.zero, poll - elapsed)
        }
        defer { idle = min(idle * 2, max(poll, .seconds(StreamSettings.longestIdleSeconds))) }
        return max(.zero, idle - elapsed)
    }
}

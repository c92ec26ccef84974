import Foundation
import RollcallCore
import Warehouse

/// What a stream remembers from look to look while it holds the lease, and how long it waits between them.
struct StreamFollower: Sendable {
    private let settings: StreamSettings
    private let sweepSeconds: Double
    private var reach: StreamReach

    private let counted = CountedRows()
    private var blocked: Set<UInt64> = []
    /// Where the cursor stands; nil: not known yet.
    private(set) var cursor: EventCursor?

    // All on the monotonic clock.
    private var lookedAt: Duration?
    private var unfinishedAt: Duration?
    private var wholeAt: Duration?
    private var changedAt: Duration?
    private var idle: Duration

    /// Whether the present row of `sync_runs` has had its first look.
    private var hasLooked = false
    /// New events that the row has planned, and invalid rows of before the stream that it has counted.
    private var planned = 0
    private var oldInvalid = 0
    private let startMark: Int64?
    /// See ``StreamLook/width``.
    private var width = 1
    /// Whether the latest look was broken off.
    private var wasCut = false
    /// Below which position rows were forgotten last.
    private var forgotten: Int64?
    private var unfinishedPause = StreamFollower.unfinishedPause
    /// Of the last change that the row has staged.
    var sequence: Int64 = 0

    /// Time between two looks at events that wait. Where one takes long, the next one comes later.
    private static let unfinishedPause = Duration.seconds(30)
    private static let longestUnfinishedPause = Duration.seconds(600)
    private static let mostWidth = 1 << 20

    /// - Parameter startMark: the highest position that is known; nil: none.
    init(_ settings: StreamSettings, _ cursor: EventSettings.Cursor, isTime: Bool, startMark: Int64? = nil) {
        self.settings = settings
        self.startMark = startMark
        sweepSeconds = Double(cursor.sweepSeconds)
        idle = .seconds(settings.pollSeconds)
        reach =
            isTime
            ? StreamReach(
                overlap: EventWindow.overlap(cursor, isTime: true), poll: .seconds(settings.pollSeconds)) : .whole
    }

    /// Begins another row.
    mutating func beginRow() { (hasLooked, planned, oldInvalid, sequence) = (false, 0, 0, 0) }

    // MARK: A look

    /// The next look; nil: nothing can be new, as nothing was committed since all was read.
    /// - Parameters:
    ///   - counts: of the row.
    ///   - mayHaveChanged: whether anything may have been committed since the last look.
    ///   - time: of the warehouse; `now` is monotonic.
    mutating func look(_ counts: RunCounts, mayHaveChanged: Bool, at time: Date, now: Duration) -> StreamLook? {
        if mayHaveChanged || changedAt == nil { changedAt = now }
        let isUnread = wholeAt.map { $0 < (changedAt ?? now) } ?? true
        let readsUnfinished =
            unfinishedAt == nil || (!blocked.isEmpty && unfinishedAt.map { now - $0 >= unfinishedPause } ?? true)
        let sweeps = cursor?.lastSweepAt.map { time.timeIntervalSince($0) >= sweepSeconds } ?? true
        if !mayHaveChanged && !isUnread && !readsUnfinished && !sweeps && hasLooked && !wasCut { return nil }
        var look = StreamLook(settings, counted: counted)
        // Where nothing is committed any more, one look at all of the overlap finds what is there.
        look.bound = reach.next(now: now, isWhole: !mayHaveChanged)
        look.readsUnfinished = readsUnfinished
        look.takesRowsWithoutPosition = !hasLooked
        look.blocked = blocked
        look.counts = counts
        look.planned = planned
        look.oldInvalid = oldInvalid
        look.startMark = startMark
        look.width = width
        return look
    }

    /// Notes a look of which everything has an outcome.
    /// - Parameters:
    ///   - people: hashes of those of whom an event waits or has no answer.
    ///   - began: when it began; `now` is when all was done.
    mutating func looked(
        _ look: StreamLook, _ changes: EventChanges, waiting people: Set<UInt64>, began: Duration, now: Duration
    ) {
        counted.keep()
        blocked = look.readsUnfinished ? people : blocked.union(people)
        if look.readsUnfinished {
            unfinishedAt = began
            unfinishedPause = min(Self.longestUnfinishedPause, max(Self.unfinishedPause, (now - began) * 10))
        }
        if let moved = changes.cursor {
            if let kept = moved.keepFrom, kept != forgotten, !hasLooked {
                counted.forget(below: kept)
                forgotten = kept
            }
            cursor = moved
        }
        wasCut = changes.isCut
        if changes.isCut {
            // Rows that leave no event are met again each time: there must be room for others behind them.
            if changes.newEvents == 0 { width = min(width * 4, Self.mostWidth) }
        } else {
            width = 1
            reach.hasRead(look.bound, watermark: cursor?.watermark, now: began)
            if look.bound.isWhole { wholeAt = began }
        }
        planned += changes.newEvents
        oldInvalid += changes.oldInvalid
        hasLooked = true
        lookedAt = began
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

extension EventChanges {
    /// How many events are sent that no earlier run or look has begun to send.
    var newEvents: Int { spool.places.count { $0.kind == .send && !$0.isLedger } }
}

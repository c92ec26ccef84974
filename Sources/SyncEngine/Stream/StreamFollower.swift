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
    /// New events that the row has planned.
    private var planned = 0
    /// Of the last change that the row has staged.
    var sequence: Int64 = 0

    /// Time between two looks at events that wait.
    private static let unfinishedPause = Duration.seconds(30)

    init(_ settings: StreamSettings, _ cursor: EventSettings.Cursor, isTime: Bool) {
        self.settings = settings
        sweepSeconds = Double(cursor.sweepSeconds)
        idle = .seconds(settings.pollSeconds)
        reach =
            isTime
            ? StreamReach(
                overlap: EventWindow.overlap(cursor, isTime: true), poll: .seconds(settings.pollSeconds)) : .whole
    }

    /// Begins another row.
    mutating func beginRow() { (hasLooked, planned, sequence) = (false, 0, 0) }

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
            unfinishedAt == nil || (!blocked.isEmpty && unfinishedAt.map { now - $0 >= Self.unfinishedPause } ?? true)
        let sweeps = cursor?.lastSweepAt.map { time.timeIntervalSince($0) >= sweepSeconds } ?? true
        if !mayHaveChanged && !isUnread && !readsUnfinished && !sweeps && hasLooked { return nil }
        var look = StreamLook(counted: counted)
        // Where nothing is committed any more, one look at all of the overlap finds what is there.
        look.reach = reach.next(now: now, isWhole: !mayHaveChanged)
        if look.reach == nil { wholeAt = now }
        look.readsUnfinished = readsUnfinished
        look.takesRowsWithoutPosition = !hasLooked
        look.blocked = blocked
        look.counts = counts
        look.planned = planned
        return look
    }

    /// Notes a look of which everything has an outcome.
    /// - Parameter people: hashes of those of whom an event waits or has no answer.
    mutating func looked(_ look: StreamLook, _ changes: EventChanges, waiting people: Set<UInt64>, now: Duration) {
        counted.keep()
        blocked = look.readsUnfinished ? people : blocked.union(people)
        if look.readsUnfinished { unfinishedAt = now }
        if let moved = changes.cursor {
            if let kept = moved.keepFrom, kept != cursor?.keepFrom, !hasLooked { counted.forget(below: kept) }
            cursor = moved
        }
        planned += changes.newEvents
        hasLooked = true
        lookedAt = now
    }

    /// Before which time of the warehouse nothing was there that a look has just found; nil: this is the first one.
    func latestLook(at time: Date, now: Duration) -> Date? {
        lookedAt.map { time.addingTimeInterval(-(now - $0).seconds) }
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

import Foundation
import RollcallCore
import Warehouse

/// What a stream of events remembers from look to look while it holds the lease.
struct StreamFollower: Sendable {
    private let settings: StreamSettings
    private let sweepSeconds: Double
    var pace: StreamPace

    private let counted = CountedRows()
    private var blocked: Set<UInt64> = []
    /// Where the cursor stands; nil: not known yet.
    private(set) var cursor: EventCursor?

    // On the monotonic clock.
    private var unfinishedAt: Duration?

    /// Whether the present row of `sync_runs` has had a look that was not broken off.
    private var hasLooked = false
    /// New events that the row has planned, and invalid rows of before the stream that it has counted.
    private var planned = 0
    private var oldInvalid = 0
    private let startMark: Int64?
    /// See ``StreamLook/width``.
    private var width = 1
    /// Below which position rows were forgotten last.
    private var forgotten: Int64?
    private var unfinishedPause = StreamFollower.unfinishedPause

    /// Time between two looks at events that wait. Where one takes long, the next one comes later.
    private static let unfinishedPause = Duration.seconds(30)
    private static let longestUnfinishedPause = Duration.seconds(600)
    private static let mostWidth = 1 << 20

    /// - Parameter startMark: the highest position that is known; nil: none.
    init(_ settings: StreamSettings, _ cursor: EventSettings.Cursor, isTime: Bool, startMark: Int64? = nil) {
        self.settings = settings
        self.startMark = startMark
        sweepSeconds = Double(cursor.sweepSeconds)
        pace = StreamPace(settings, overlap: isTime ? EventWindow.overlap(cursor, isTime: true) : nil)
    }

    /// Begins another row.
    mutating func beginRow() { (hasLooked, planned, oldInvalid) = (false, 0, 0) }

    /// The next look; nil: nothing can be new, as nothing was committed since all was read.
    /// - Parameters:
    ///   - counts: of the row.
    ///   - mayHaveChanged: whether anything may have been committed since the last look.
    ///   - time: of the warehouse; `now` is monotonic.
    mutating func look(_ counts: RunCounts, mayHaveChanged: Bool, at time: Date, now: Duration) -> StreamLook? {
        let mayHaveNew = pace.mayHaveNew(mayHaveChanged, now: now)
        let readsUnfinished =
            unfinishedAt == nil || (!blocked.isEmpty && unfinishedAt.map { now - $0 >= unfinishedPause } ?? true)
        let sweeps = cursor?.lastSweepAt.map { time.timeIntervalSince($0) >= sweepSeconds } ?? true
        if !mayHaveNew && !readsUnfinished && !sweeps && hasLooked { return nil }
        var look = StreamLook(settings, counted: counted)
        // Where nothing is committed any more, one look at all of the overlap finds what is there.
        look.bound = pace.bound(now: now, isWhole: !mayHaveChanged)
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
        if !changes.isCut {
            width = 1
        } else if changes.newEvents == 0 {
            // Rows that leave no event are met again each time: there must be room for others behind them.
            width = min(width * 4, Self.mostWidth)
        }
        pace.looked(look.bound, isCut: changes.isCut, watermark: cursor?.watermark, began: began)
        planned += changes.newEvents
        oldInvalid += changes.oldInvalid
        // What has no position may lie behind what was read.
        hasLooked = hasLooked || !changes.isCut
    }
}

extension EventChanges {
    /// How many events are sent that no earlier run or look has begun to send.
    var newEvents: Int { spool.places.count { $0.kind == .send && !$0.isLedger } }
}

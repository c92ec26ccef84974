package import Foundation

/// Which rows a run of a sync of events reads, and where its cursor stands afterwards.
///
/// Rows may become visible later than others with a higher value in the cursor's column: their transaction was longer, or their
/// clock behind. Each run therefore reads again what lies a little before the highest value that was read, and a *sweep* reads from
/// where the cursor stood two sweeps ago.
package struct EventWindow: Sendable {
    /// Rows before this position are not read; nil: all are.
    package let from: Int64?
    /// Where a run that is no sweep would begin; nil: at the start, or there was no run before.
    package let usualFrom: Int64?
    package let isSweep: Bool
    private let stillRead: Int64?
    private let before: EventCursor
    private let isFirst: Bool
    private let overlap: Int64
    private let now: Date

    /// A row so far ahead of the database's clock does not move the cursor, in seconds.
    static let mostAhead: Int64 = 300
    static let usualOverlapSeconds: Int64 = 900
    static let usualOverlapSteps: Int64 = 10_000

    /// - Parameters:
    ///   - isTime: whether positions are microseconds since 1970, and not whole numbers.
    ///   - before: where the cursor stands; nil: nothing was read yet.
    ///   - now: the database's clock.
    ///   - start: where a look of a stream begins that is no sweep; nil: the overlap before the highest position.
    ///   - stillRead: from where a later look of the stream reads; nil: from nowhere earlier than this one.
    package init(
        _ settings: EventSettings.Cursor, isTime: Bool, before: EventCursor?, now: Date, start: Int64? = nil,
        stillRead: Int64? = nil
    ) {
        var known = before ?? EventCursor(column: settings.column, isTime: isTime)
        if !known.column.utf8.elementsEqual(settings.column.utf8) || known.isTime != isTime {
            // The sync has read the whole source until now.
            known = EventCursor(column: settings.column, isTime: isTime)
        }
        let overlap = Self.overlap(settings.overlap, isTime)
        let usual = known.watermark.map { Self.difference($0, overlap) }
        let interval = Double(settings.sweepSeconds)
        let isSweep = known.lastSweepAt.map { now.timeIntervalSince($0) >= interval || now < $0 } ?? true
        let near = usual == nil ? nil : start ?? usual
        var from = isSweep ? Self.earlier(Self.earlier(usual, near), known.earlierSweepFrom) : near
        // What lies before is known no more, whatever the settings say now.
        if let kept = known.keepFrom { from = max(from ?? kept, kept) }
        self.stillRead = stillRead
        (self.from, usualFrom, self.isSweep) = (from, usual, isSweep)
        (self.before, isFirst, self.overlap, self.now) = (known, before == nil, overlap, now)
    }

    /// How far before the highest position a run reads, in microseconds or steps.
    package static func overlap(_ settings: EventSettings.Cursor, isTime: Bool) -> Int64 {
        overlap(settings.overlap, isTime)
    }

    private static func overlap(_ given: EventSettings.Cursor.Overlap?, _ isTime: Bool) -> Int64 {
        switch given {
        case .seconds(let seconds): Int64(seconds) * 1_000_000
        case .steps(let steps): steps
        case nil: isTime ? usualOverlapSeconds * 1_000_000 : usualOverlapSteps
        }
    }

    static func difference(_ position: Int64, _ less: Int64) -> Int64 {
        let (difference, isBeyond) = position.subtractingReportingOverflow(less)
        return isBeyond ? .min : difference
    }

    /// nil is the start, before which nothing lies.
    private static func earlier(_ first: Int64?, _ second: Int64?) -> Int64? {
        guard let first, let second else { return nil }
        return min(first, second)
    }

    package func contains(_ position: Int64) -> Bool { from.map { position >= $0 } ?? true }

    /// Whether only a sweep finds a new row at this position.
    package func isLate(_ position: Int64) -> Bool { usualFrom.map { position < $0 } ?? false }

    /// Whether a row lies further in the future than clocks differ.
    package func isAhead(_ position: Int64) -> Bool {
        before.isTime && Self.isAhead(position, now: now)
    }

    /// - Parameter position: in microseconds since 1970.
    static func isAhead(_ position: Int64, now: Date) -> Bool {
        Double(position) / 1e6 > now.timeIntervalSince1970 + Double(mostAhead)
    }

    /// Whether a row of a first run lies before everything that later runs read, so that its key need not be kept.
    /// - Parameter highest: the highest position so far.
    package func isBeforeAllReads(_ position: Int64, highest: Int64?, startsNow: Bool) -> Bool {
        guard isFirst, startsNow, let latest = latest(highest) else { return false }
        return position < Self.difference(latest, overlap)
    }

    /// Not ahead of the clock: what happens until then is new.
    static func latest(_ highest: Int64?, isTime: Bool, now: Date) -> Int64? {
        isTime ? highest.map { min($0, Int64(now.timeIntervalSince1970 * 1e6)) } : highest
    }

    private func latest(_ highest: Int64?) -> Int64? { Self.latest(highest, isTime: before.isTime, now: now) }

    /// Where the cursor stands once everything that was read has an outcome.
    /// - Parameters:
    ///   - highest: the highest position that was read and is not ahead; nil: there is none.
    ///   - late: how many new rows a sweep has found.
    ///   - startsNow: of a first run: whether what was there before is never looked at again.
    package func moved(highest: Int64?, late: Int, startsNow: Bool) -> EventCursor {
        var cursor = before
        cursor.watermark = [before.watermark, latest(highest)].compactMap(\.self).max()
        cursor.lateRows += late
        let usual = cursor.watermark.map { Self.difference($0, overlap) }
        if isSweep {
            cursor.lastSweepAt = now
            let start = isFirst && startsNow ? usual : nil
            cursor.earlierSweepFrom = isFirst ? start : before.sweepFrom
            cursor.sweepFrom = isFirst ? start : before.watermark
        }
        var lowest = Self.earlier(usual, cursor.earlierSweepFrom)
        if let stillRead, let found = lowest { lowest = min(found, stillRead) }
        cursor.keepFrom = before.keepFrom.map { max($0, lowest ?? $0) } ?? lowest
        return cursor
    }
}

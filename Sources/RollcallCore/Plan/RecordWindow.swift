package import Foundation

/// Which rows a look of a stream of users or of a catalog reads, and where its cursor stands afterwards.
///
/// A *sweep* reads the whole source, as a run does. The looks between two sweeps read what lies behind the overlap before the
/// highest position, so that what became visible later than that waits for the next sweep.
package struct RecordWindow: Sendable {
    /// Rows before this position are not read; nil: all are.
    package let from: Int64?
    package let isSweep: Bool
    private let before: EventCursor
    private let now: Date

    /// - Parameters:
    ///   - isTime: whether positions are microseconds since 1970, and not whole numbers.
    ///   - before: where the cursor stands; nil: nothing was read yet.
    ///   - now: the database's clock.
    ///   - start: where a look begins that is no sweep; nil: the overlap before the highest position.
    ///   - leftOut: the lowest position of what earlier looks have left out and this one is to meet; nil: there is none.
    package init(
        _ settings: EventSettings.Cursor, isTime: Bool, before: EventCursor?, now: Date, isSweep: Bool,
        start: Int64? = nil, leftOut: Int64? = nil
    ) {
        var known = before ?? EventCursor(column: settings.column, isTime: isTime)
        if !known.column.utf8.elementsEqual(settings.column.utf8) || known.isTime != isTime {
            known = EventCursor(column: settings.column, isTime: isTime)
        }
        let usual = known.watermark.map {
            EventWindow.difference($0, EventWindow.overlap(settings, isTime: isTime))
        }
        let near = usual == nil ? nil : start ?? usual
        from = isSweep ? nil : near.map { min($0, leftOut ?? $0) }
        (self.before, self.now, self.isSweep) = (known, now, isSweep)
    }

    package func contains(_ position: Int64) -> Bool { from.map { position >= $0 } ?? true }

    /// Whether a row lies further in the future than clocks differ. It is sent, and does not move the cursor.
    package func isAhead(_ position: Int64) -> Bool {
        before.isTime && EventWindow.isAhead(position, now: now)
    }

    /// Where the cursor stands once everything that was read has an outcome.
    /// - Parameter highest: the highest position that was read and is not ahead; nil: there is none.
    package func moved(highest: Int64?) -> EventCursor {
        var cursor = before
        let latest = EventWindow.latest(highest, isTime: before.isTime, now: now)
        // A sweep has read everything: where the highest rows are gone, or were put back, the cursor goes back too.
        cursor.watermark = [isSweep ? nil : before.watermark, latest].compactMap(\.self).max()
        if isSweep { cursor.lastSweepAt = now }
        return cursor
    }
}

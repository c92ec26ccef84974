package import Foundation

/// The times at which a schedule is due: a grid in UTC through its time of day, without beginning or end.
///
/// Every frequency divides a day, so the grid is the same on each day. POSIX time has no leap seconds: a day has 86,400.
package struct TickGrid: Sendable, Equatable {
    /// Seconds between two ticks.
    package let interval: Int64
    /// Seconds from midnight UTC to the first tick of the day, 0 to `interval` - 1.
    package let offset: Int64

    package init(_ schedule: ScheduleSettings) {
        interval = Int64(schedule.every.seconds)
        offset = Int64(schedule.at) % interval
    }

    /// The last tick at or before a time.
    package func latest(notAfter time: Date) -> Date { date(index(of: time)) }

    /// The first tick after a time.
    package func next(after time: Date) -> Date { date(index(of: time) + 1) }

    /// The ticks after `start`, up to and including `end`; none where `end` is not after `start`.
    package func ticks(after start: Date, through end: Date) -> TickRange {
        let first = index(of: start) + 1
        let last = max(index(of: end), first - 1)
        return TickRange(grid: self, first: first, count: Int(clamping: last - first + 1))
    }

    /// Number of the last tick at or before a time.
    func index(of time: Date) -> Int64 {
        let seconds = time.timeIntervalSince1970.rounded(.down)
        let bounded = Int64(min(max(seconds.isFinite ? seconds : 0, -Self.farthest), Self.farthest)) - offset
        let (quotient, remainder) = bounded.quotientAndRemainder(dividingBy: interval)
        return remainder < 0 ? quotient - 1 : quotient
    }

    func date(_ index: Int64) -> Date { Date(timeIntervalSince1970: Double(index * interval + offset)) }

    /// Seconds since 1970 beyond which times are taken for the outermost ones: the year 9999.
    private static let farthest = 253_402_300_799.0
}

/// Consecutive ticks, oldest first.
package struct TickRange: Sendable, Equatable, RandomAccessCollection {
    let grid: TickGrid
    let first: Int64
    package let count: Int

    package var startIndex: Int { 0 }
    package var endIndex: Int { count }
    package subscript(position: Int) -> Date { grid.date(first + Int64(position)) }

    /// Seconds between two of them.
    package var interval: Int64 { grid.interval }
}

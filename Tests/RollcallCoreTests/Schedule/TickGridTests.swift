import Foundation
import RollcallCore
import Testing

@Suite struct TickGridTests {
    private static func time(_ text: String) -> Date {
        (try? Date(text, strategy: .iso8601)) ?? .distantPast
    }

    private struct Numbers: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 31)
        }
    }

    @Test(arguments: [
        ("5m", "00:00", "2026-11-21T06:02:10Z", "2026-11-21T06:00:00Z", "2026-11-21T06:05:00Z"),
        ("10m", "00:07", "2026-11-21T06:07:00Z", "2026-11-21T06:07:00Z", "2026-11-21T06:17:00Z"),
        ("15m", "06:10", "2026-11-21T06:09:59Z", "2026-11-21T05:55:00Z", "2026-11-21T06:10:00Z"),
        ("30m", "23:59", "2026-11-21T00:00:00Z", "2026-11-20T23:59:00Z", "2026-11-21T00:29:00Z"),
        ("1h", "06:30", "2026-11-21T06:00:00Z", "2026-11-21T05:30:00Z", "2026-11-21T06:30:00Z"),
        ("3h", "06:00", "2026-11-21T08:00:00Z", "2026-11-21T06:00:00Z", "2026-11-21T09:00:00Z"),
        ("6h", "05:00", "2026-11-21T04:59:59Z", "2026-11-20T23:00:00Z", "2026-11-21T05:00:00Z"),
        ("12h", "06:00", "2026-02-28T23:00:00Z", "2026-02-28T18:00:00Z", "2026-03-01T06:00:00Z"),
        ("24h", "06:00", "2024-02-29T05:00:00Z", "2024-02-28T06:00:00Z", "2024-02-29T06:00:00Z"),
    ])
    func theGridPassesThroughItsTime(_ every: String, _ at: String, _ now: String, _ latest: String, _ next: String)
        throws
    {
        let parts = at.split(separator: ":").compactMap { Int($0) }
        let frequency = try #require(ScheduleSettings.Frequency(rawValue: every))
        let grid = TickGrid(ScheduleSettings(every: frequency, at: parts[0] * 3600 + parts[1] * 60))
        #expect(grid.latest(notAfter: Self.time(now)) == Self.time(latest))
        #expect(grid.next(after: Self.time(now)) == Self.time(next))
    }

    @Test(arguments: ScheduleSettings.Frequency.allCases)
    func everyGridIsEvenAndTheSameOnEachDay(_ every: ScheduleSettings.Frequency) {
        var numbers = Numbers(state: UInt64(every.seconds))
        for _ in 0..<300 {
            let at = Int.random(in: 0..<86_400, using: &numbers)
            let grid = TickGrid(ScheduleSettings(every: every, at: at))
            let time = Date(timeIntervalSince1970: Double.random(in: -4e9...8e9, using: &numbers))
            let (latest, next) = (grid.latest(notAfter: time), grid.next(after: time))
            #expect(latest <= time && time < next)
            #expect(next.timeIntervalSince(latest) == Double(every.seconds))
            #expect((Int64(latest.timeIntervalSince1970) - Int64(at)) % Int64(every.seconds) == 0)
            // A tick is its own latest one, and the one after it is the next.
            #expect(grid.latest(notAfter: next) == next && grid.next(after: latest) == next)
            let midnight = Date(timeIntervalSince1970: (time.timeIntervalSince1970 / 86_400).rounded(.down) * 86_400)
            let throughDay = grid.latest(notAfter: midnight.addingTimeInterval(Double(at)))
            #expect(throughDay == midnight.addingTimeInterval(Double(at)))
        }
    }

    @Test func theTicksBetweenTwoTimes() {
        var numbers = Numbers(state: 1)
        for _ in 0..<300 {
            let every = ScheduleSettings.Frequency.allCases.randomElement(using: &numbers) ?? .hour
            let grid = TickGrid(ScheduleSettings(every: every, at: Int.random(in: 0..<86_400, using: &numbers)))
            let start = Date(timeIntervalSince1970: Double.random(in: 1.7e9...1.8e9, using: &numbers))
            let end = start.addingTimeInterval(Double.random(in: -1e5...5e5, using: &numbers))
            var expected: [Date] = []
            var tick = grid.next(after: start)
            while tick <= end {
                expected.append(tick)
                tick = grid.next(after: tick)
            }
            #expect(Array(grid.ticks(after: start, through: end)) == expected)
        }
    }

    @Test func yearsOfTicksAreARangeAndNoList() {
        let grid = TickGrid(ScheduleSettings(every: .fiveMinutes))
        let ticks = grid.ticks(after: .distantPast, through: .distantFuture)
        #expect(ticks.count > 100_000_000)
        #expect(ticks.last.map { $0 <= .distantFuture } == true)
    }

    // MARK: What is owed

    private let grid = TickGrid(ScheduleSettings(every: .hour))

    private func owed(
        _ now: String, through: String, row: String? = nil, days: Int = 30
    ) -> OwedTicks? {
        OwedTicks(
            grid: grid, now: Self.time(now), accountedThrough: Self.time(through), latestRow: row.map(Self.time),
            retentionDays: days)
    }

    @Test func nothingIsOwedTwice() {
        #expect(owed("2026-11-21T06:59:59Z", through: "2026-11-21T06:00:00Z") == nil)
        #expect(owed("2026-11-21T06:30:00Z", through: "2026-11-21T06:20:00Z") == nil)
        let due = owed("2026-11-21T07:00:00Z", through: "2026-11-21T06:00:00Z")
        #expect(due?.due == Self.time("2026-11-21T07:00:00Z") && due?.missed.isEmpty == true)
    }

    @Test func theLatestMakesUpForTheOthers() {
        let owed = owed("2026-11-21T09:20:00Z", through: "2026-11-21T06:00:00Z")
        #expect(owed?.due == Self.time("2026-11-21T09:00:00Z"))
        #expect(owed.map { Array($0.missed) } == ["2026-11-21T07:00:00Z", "2026-11-21T08:00:00Z"].map(Self.time))
    }

    @Test func afterALongOutageNoMoreIsWrittenThanRetentionKeeps() {
        let owed = owed("2026-11-21T09:20:00Z", through: "2016-11-21T06:00:00Z", days: 2)
        #expect(owed?.missed.count == 47)
        #expect(owed?.missed.first == Self.time("2026-11-19T10:00:00Z"))
    }

    @Test func aClockSetBackOwesWhatHasNoRow() {
        let later = "2038-01-01T00:00:00Z"
        #expect(owed("2026-11-21T07:10:00Z", through: later, row: "2026-11-21T07:00:00Z") == nil)
        let next = owed("2026-11-21T08:00:00Z", through: later, row: "2026-11-21T07:00:00Z")
        #expect(next?.due == Self.time("2026-11-21T08:00:00Z") && next?.missed.isEmpty == true)
        let first = owed("2026-11-21T08:10:00Z", through: later)
        #expect(first?.due == Self.time("2026-11-21T08:00:00Z") && first?.missed.isEmpty == true)
    }

    // MARK: How a tick is resolved

    private func tick(_ outcome: TickOutcome, run: String? = nil, late: Double? = nil) -> Tick {
        Tick(sync: "vip", dueAt: Self.time("2026-11-21T06:00:00Z"), outcome: outcome, runID: run, latenessSeconds: late)
    }

    @Test func theRunDecidesWhetherATickRan() {
        let pending = tick(.pending, run: "a", late: 1)
        #expect(pending.resolved(as: tick(.ran, run: "a", late: 2), runExists: true) == tick(.ran, run: "a", late: 2))
        #expect(pending.resolved(as: tick(.ran, run: "a"), runExists: false) == pending)
        #expect(pending.resolved(as: tick(.missed), runExists: true) == tick(.ran, run: "a", late: 1))
        #expect(pending.resolved(as: tick(.missed), runExists: false) == tick(.missed, late: 1))
        #expect(
            pending.resolved(as: tick(.skippedHeld, run: "h"), runExists: false)
                == tick(.skippedHeld, run: "h", late: 1)
        )
        #expect(tick(.missed).resolved(as: tick(.ran, run: "a"), runExists: true) == tick(.ran, run: "a"))
        #expect(tick(.skippedPaused).resolved(as: tick(.missed), runExists: false) == tick(.skippedPaused))
        let ran = tick(.ran, run: "a", late: 1)
        #expect(ran.resolved(as: tick(.skippedRunning, late: 9), runExists: true) == ran)
    }
}

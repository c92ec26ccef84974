import Foundation
import RollcallCore
import SeededRandom
import Testing

@Suite struct EventWindowTests {
    /// Ten steps are read again, and a sweep is due after 100 seconds.
    private static func settings(_ overlap: EventSettings.Cursor.Overlap? = .steps(10)) -> EventSettings.Cursor {
        var settings = EventSettings.Cursor(column: "loaded")
        settings.overlap = overlap
        settings.sweepSeconds = 100
        return settings
    }

    private static func at(_ second: Double) -> Date { Date(timeIntervalSince1970: 1000 + second) }

    private static func window(
        _ before: EventCursor?, _ second: Double, _ overlap: EventSettings.Cursor.Overlap? = .steps(10)
    ) -> EventWindow {
        EventWindow(settings(overlap), isTime: false, before: before, now: at(second))
    }

    private static func cursor(
        watermark: Int64?, sweptAt: Double? = nil, from: Int64? = nil, earlier: Int64? = nil, keepFrom: Int64? = nil
    ) -> EventCursor {
        var cursor = EventCursor(column: "loaded", isTime: false)
        cursor.watermark = watermark
        cursor.lastSweepAt = sweptAt.map(at)
        (cursor.sweepFrom, cursor.earlierSweepFrom, cursor.keepFrom) = (from, earlier, keepFrom)
        return cursor
    }

    // MARK: The rules, one by one

    @Test func theFirstRunReadsEverythingAndIsASweep() {
        let window = Self.window(nil, 0)
        #expect(window.from == nil && window.usualFrom == nil && window.isSweep)
        #expect(window.contains(.min) && !window.isLate(.min))
        #expect(
            window.moved(highest: 300, late: 0, startsNow: false) == Self.cursor(watermark: 300, sweptAt: 0))
    }

    @Test func otherRunsReadFromALittleBeforeTheWatermark() {
        let before = Self.cursor(watermark: 300, sweptAt: 0)
        let window = Self.window(before, 99)
        #expect(window.from == 290 && window.usualFrom == 290 && !window.isSweep)
        #expect(window.contains(290) && !window.contains(289))
        #expect(window.moved(highest: 310, late: 0, startsNow: false) == Self.cursor(watermark: 310, sweptAt: 0))
        // Where nothing higher was read it stays.
        #expect(window.moved(highest: 295, late: 0, startsNow: false) == before)
        #expect(window.moved(highest: nil, late: 0, startsNow: false) == before)
    }

    @Test func aSweepReadsFromTheWatermarkOfTwoSweepsAgo() {
        // The first run was a sweep of everything, and so are the second and the third: before it was no watermark.
        var cursor = Self.cursor(watermark: 300, sweptAt: 0)
        let second = Self.window(cursor, 100)
        #expect(second.isSweep && second.from == nil && second.usualFrom == 290)
        #expect(second.isLate(289) && !second.isLate(290))
        cursor = second.moved(highest: 400, late: 2, startsNow: false)
        #expect(cursor.lateRows == 2 && cursor.lastSweepAt == Self.at(100) && cursor.keepFrom == nil)
        #expect(cursor.sweepFrom == 300 && cursor.earlierSweepFrom == nil)

        let third = Self.window(cursor, 250)
        #expect(third.isSweep && third.from == nil)
        cursor = third.moved(highest: 500, late: 1, startsNow: false)
        #expect(cursor.lateRows == 3 && cursor.sweepFrom == 400 && cursor.earlierSweepFrom == 300)
        #expect(cursor.keepFrom == 300)

        #expect(Self.window(cursor, 349).from == 490, "no sweep")
        let fourth = Self.window(cursor, 350)
        #expect(fourth.isSweep && fourth.from == 300)
        cursor = fourth.moved(highest: 500, late: 0, startsNow: false)
        #expect(cursor.earlierSweepFrom == 400 && cursor.sweepFrom == 500 && cursor.keepFrom == 400)

        cursor = Self.window(cursor, 450).moved(highest: 500, late: 0, startsNow: false)
        #expect(cursor.earlierSweepFrom == 500 && cursor.keepFrom == 490, "the overlap reaches further back")
        #expect(Self.window(cursor, 550).from == 490)
    }

    @Test func whatWasThereBeforeAStartNowIsNeverReadAgain() {
        let window = Self.window(nil, 0)
        #expect(window.isBeforeAllReads(289, highest: 300, startsNow: true))
        #expect(!window.isBeforeAllReads(290, highest: 300, startsNow: true))
        #expect(!window.isBeforeAllReads(0, highest: nil, startsNow: true))
        #expect(!window.isBeforeAllReads(0, highest: 300, startsNow: false))
        let cursor = window.moved(highest: 300, late: 0, startsNow: true)
        #expect(cursor.keepFrom == 290 && cursor.sweepFrom == 290 && cursor.earlierSweepFrom == 290)
        #expect(Self.window(cursor, 100).from == 290 && Self.window(cursor, 10).from == 290)
        #expect(!Self.window(cursor, 10).isBeforeAllReads(0, highest: 400, startsNow: true), "no first run")
        // Where nothing was there, everything is new.
        let empty = window.moved(highest: nil, late: 0, startsNow: true)
        #expect(empty.watermark == nil && empty.keepFrom == nil)
        #expect(Self.window(empty, 10).from == nil && Self.window(empty, 100).from == nil)
    }

    @Test func whatIsForgottenIsNotReadWhateverTheSettingsSay() {
        let before = Self.cursor(watermark: 500, sweptAt: 0, from: 400, earlier: 300, keepFrom: 300)
        #expect(Self.window(before, 10, .steps(1000)).from == 300)
        #expect(Self.window(before, 100, .steps(1000)).from == 300)
        #expect(Self.window(before, 10, .steps(0)).from == 500)
        let moved = Self.window(before, 10, .steps(1000)).moved(highest: 500, late: 0, startsNow: false)
        #expect(moved.keepFrom == 300, "nor is it kept again")
    }

    @Test func aRowFarInTheFutureIsAhead() {
        let window = EventWindow(Self.settings(nil), isTime: true, before: nil, now: Self.at(0))
        #expect(!window.isAhead(1_300_000_000) && window.isAhead(1_300_000_001))
        #expect(!window.isAhead(0) && !window.isAhead(.min) && window.isAhead(.max))
        // Whole numbers are no times.
        #expect(!Self.window(nil, 0).isAhead(.max))
    }

    @Test func withoutAnOverlapThereIsTheUsualOne() {
        var before = Self.cursor(watermark: 2_000_000_000, sweptAt: 0)
        #expect(Self.window(before, 10, nil).from == 1_999_990_000)
        before.isTime = true
        let times = EventWindow(Self.settings(nil), isTime: true, before: before, now: Self.at(10))
        #expect(times.from == 1_100_000_000, "a quarter of an hour")
        let hour = EventWindow(Self.settings(.seconds(3600)), isTime: true, before: before, now: Self.at(10))
        #expect(hour.from == -1_600_000_000)
    }

    @Test func positionsAtTheEndsOfTheirRangeAreNotExceeded() {
        for (watermark, from) in [
            (Int64.min, Int64.min), (Int64.min + 5, Int64.min), (Int64.max, Int64.max - 10),
        ] {
            let window = Self.window(Self.cursor(watermark: watermark, sweptAt: 0), 10)
            #expect(window.from == from && window.contains(watermark))
        }
        #expect(Self.window(Self.cursor(watermark: 5, sweptAt: 0), 10, .steps(.max)).from == Int64.min + 6)
        #expect(Self.window(Self.cursor(watermark: -5, sweptAt: 0), 10, .steps(.max)).from == Int64.min)
    }

    @Test func aSyncThatBeginsToFollowAColumnReadsEverythingOnce() {
        var before = EventCursor(column: "", isTime: false)
        before.lateRows = 4
        let window = Self.window(before, 10)
        #expect(window.isSweep && window.from == nil)
        #expect(!window.isBeforeAllReads(0, highest: 300, startsNow: true), "its first run was made")
        #expect(window.moved(highest: 300, late: 0, startsNow: true).keepFrom == nil)
        // By whole numbers one cannot follow times.
        var times = Self.cursor(watermark: 300, sweptAt: 0)
        times.isTime = true
        #expect(Self.window(times, 10).from == nil)
    }

    @Test func aClockThatWasSetBackDelaysNoSweep() {
        let before = Self.cursor(watermark: 300, sweptAt: 1_000_000)
        #expect(Self.window(before, 10).isSweep)
    }

    // MARK: All rules together

    /// Random histories: whatever is read, whatever becomes of the overlap.
    @Test(arguments: 1...200)
    func nothingThatMayBeReadIsForgotten(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let startsNow = random.next(below: 3) == 0
        let changesOverlap = random.next(below: 2) == 0
        var overlap: Int64 = 10
        var cursor: EventCursor?
        var second = 0.0
        /// What the watermark was before each sweep.
        var sweeps: [Int64?] = []
        for _ in 0..<60 {
            second += Double(random.next(below: 80))
            if changesOverlap, random.next(below: 8) == 0 { overlap = Int64(random.next(below: 100)) }
            let window = Self.window(cursor, second, .steps(overlap))
            if let kept = cursor?.keepFrom {
                #expect((window.from ?? .min) >= kept, "a run reads where keys are forgotten")
            }
            if let watermark = cursor?.watermark {
                #expect((window.from ?? .min) <= watermark, "what stands at the watermark is read")
            }
            if window.isSweep {
                if sweeps.count > 2, let bound = sweeps[sweeps.count - 2] {
                    #expect((window.from ?? .min) <= bound, "a sweep does not reach two sweeps back")
                }
                sweeps.append(cursor?.watermark)
            }
            let step = Int64(random.next(below: 100)) - 40
            let highest = random.next(below: 6) == 0 ? nil : (cursor?.watermark ?? 0) + step
            let late = window.isSweep ? random.next(below: 3) : 0
            let moved = window.moved(highest: highest, late: late, startsNow: startsNow)
            #expect(moved.watermark == [cursor?.watermark, highest].compactMap(\.self).max())
            #expect(moved.lateRows == (cursor?.lateRows ?? 0) + late)
            if let kept = cursor?.keepFrom { #expect((moved.keepFrom ?? .min) >= kept, "what is forgotten stays so") }
            if let kept = moved.keepFrom, let watermark = moved.watermark { #expect(kept <= watermark) }
            cursor = moved
        }
        #expect(startsNow || sweeps.count > 3, "the history is long enough to say something")
    }

    /// With settings that stay, keys are forgotten as soon as nothing reads there again.
    @Test(arguments: 1...50)
    func nothingIsKeptThatNoRunReads(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed) &+ 1000)
        var cursor: EventCursor?
        var second = 0.0
        var kept: [Int64?] = []
        var from: [Int64?] = []
        for _ in 0..<60 {
            second += Double(random.next(below: 80))
            let window = Self.window(cursor, second)
            from.append(window.from)
            cursor = window.moved(
                highest: (cursor?.watermark ?? 0) + Int64(random.next(below: 50)), late: 0, startsNow: false)
            kept.append(cursor?.keepFrom)
        }
        // Two sweeps later, and they come every few runs, the run that reads furthest back has been.
        for (index, kept) in kept.enumerated() {
            guard let kept, index + 30 < from.count else { continue }
            #expect(from[(index + 1)...].compactMap(\.self).min() == kept, "run \(index)")
        }
    }
}

import Foundation
import RollcallCore
import Testing

/// Which rows the looks of a stream of users or of a catalog read.
@Suite struct RecordWindowTests {
    private static let now = Date(timeIntervalSince1970: 1_800_000_000)
    private static let second: Int64 = 1_000_000
    private static let moment = 1_800_000_000 * second

    private static func window(
        _ watermark: Int64?, isTime: Bool = true, isSweep: Bool = false, start: Int64? = nil,
        leftOut: Int64? = nil
    ) -> RecordWindow {
        var settings = EventSettings.Cursor(column: "updated_at")
        settings.overlap = isTime ? .seconds(60) : .steps(10)
        var before = EventCursor(column: "updated_at", isTime: isTime)
        before.watermark = watermark
        return RecordWindow(
            settings, isTime: isTime, before: before, now: now, isSweep: isSweep, start: start,
            leftOut: leftOut)
    }

    @Test func aLookReadsTheOverlapOrFromWhereItIsTold() {
        #expect(Self.window(Self.moment).from == Self.moment - 60 * Self.second)
        #expect(Self.window(100, isTime: false).from == 90)
        #expect(Self.window(.min + 3, isTime: false).from == .min)
        #expect(Self.window(Self.moment, start: 7).from == 7)
        #expect(Self.window(nil).from == nil && Self.window(nil, start: 7).from == nil)
        let window = Self.window(100, isTime: false)
        #expect(window.contains(90) && !window.contains(89))
    }

    @Test func aLookReadsFromTheFirstRowThatWasLeftOut() {
        #expect(Self.window(100, isTime: false, leftOut: 50).from == 50)
        #expect(Self.window(100, isTime: false, leftOut: 95).from == 90)
        #expect(Self.window(100, isTime: false, start: 98, leftOut: 95).from == 95)
        #expect(Self.window(nil, leftOut: 95).from == nil)
        #expect(Self.window(100, isTime: false, isSweep: true, leftOut: 95).from == nil)
    }

    @Test func aSweepReadsEverything() {
        let sweep = Self.window(Self.moment, isSweep: true, start: 7)
        #expect(sweep.from == nil && sweep.isSweep && sweep.contains(.min))
        let moved = sweep.moved(highest: Self.moment - 5 * Self.second)
        // What was higher is gone.
        #expect(moved.watermark == Self.moment - 5 * Self.second && moved.lastSweepAt == Self.now)
        #expect(moved.keepFrom == nil && moved.lateRows == 0)
        #expect(sweep.moved(highest: nil).watermark == nil)
    }

    @Test func theCursorRisesAndStaysBehindTheClock() {
        let window = Self.window(Self.moment - 9 * Self.second)
        #expect(window.moved(highest: nil).watermark == Self.moment - 9 * Self.second)
        #expect(window.moved(highest: Self.moment - 10 * Self.second).watermark == Self.moment - 9 * Self.second)
        #expect(window.moved(highest: Self.moment + 10 * Self.second).watermark == Self.moment)
        #expect(window.moved(highest: nil).lastSweepAt == nil)
        #expect(!window.isAhead(Self.moment + 300 * Self.second) && window.isAhead(Self.moment + 301 * Self.second))
        let numbers = Self.window(100, isTime: false)
        #expect(!numbers.isAhead(.max) && numbers.moved(highest: .max).watermark == .max)
    }

    @Test func anotherColumnBeginsAnew() {
        var before = EventCursor(column: "loaded_at", isTime: true)
        before.watermark = Self.moment
        let window = RecordWindow(
            EventSettings.Cursor(column: "updated_at"), isTime: true, before: before, now: Self.now, isSweep: false)
        #expect(window.from == nil && window.moved(highest: 5).column == "updated_at")
        #expect(window.moved(highest: 5).watermark == 5)
    }
}

import Foundation
import SeededRandom
import Testing

@testable import RollcallCore

@Suite struct CivilTimeTests {
    private static let calendar = {
        var calendar = Calendar(identifier: .iso8601)
        calendar.timeZone = .gmt
        return calendar
    }()

    private func text(_ body: (inout [UInt8]) -> Void) -> String {
        var bytes: [UInt8] = []
        body(&bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func everyDayOfTenThousandYearsIsFoundAgain() {
        var (year, month, dayOfMonth) = (1, 1, 1)
        for day in CivilTime.writableDays {
            let found = CivilTime.date(ofDay: day)
            guard found == (year, month, dayOfMonth), CivilTime.day(year: year, month: month, day: dayOfMonth) == day
            else {
                Issue.record("day \(day) is \(found), not \(year)-\(month)-\(dayOfMonth)")
                return
            }
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            let length = month == 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
            dayOfMonth += 1
            if dayOfMonth > length { (month, dayOfMonth) = (month + 1, 1) }
            if month > 12 { (year, month) = (year + 1, 1) }
        }
        #expect((year, month, dayOfMonth) == (10_000, 1, 1))
    }

    @Test func textsAreThoseOfTheCalendar() {
        var random = SeededGenerator(seed: 5)
        for _ in 0..<2000 {
            // From the Gregorian reform on: before it Foundation's calendar is another one.
            let second = Int64(random.next(below: 265_000_000_000)) - 11_000_000_000
            let parts = Self.calendar.dateComponents(
                [.year, .month, .day, .hour, .minute, .second], from: Date(timeIntervalSince1970: Double(second)))
            let expected = String(
                format: "%04d-%02d-%02d %02d:%02d:%02d +00:00", parts.year ?? 0, parts.month ?? 0, parts.day ?? 0,
                parts.hour ?? 0, parts.minute ?? 0, parts.second ?? 0)
            guard CivilTime.writableDays.contains(CivilTime.day(ofSecond: second)) else { continue }
            #expect(text { CivilTime.append(second: second, to: &$0) } == expected)
        }
    }

    @Test(
        arguments: [
            (0, 0), (1, 0), (999_999, 0), (1_000_000, 1), (-1, -1), (-1_000_000, -1), (-1_000_001, -2),
            (Int64.min, -9_223_372_036_855), (Int64.max, 9_223_372_036_854),
        ] as [(Int64, Int64)])
    func fractionsAreCutOffTowardsThePast(_ microsecond: Int64, _ second: Int64) {
        #expect(CivilTime.second(ofMicrosecond: microsecond) == second)
    }

    @Test(
        arguments: [
            ("2024-02-29", CivilText.day(19_782)),
            ("2024-02-29 13:14:15", .localTimestamp(microseconds: 1_709_212_455_000_000)),
            ("2024-02-29T13:14:15.25", .localTimestamp(microseconds: 1_709_212_455_250_000)),
            ("2024-02-29T13:14:15.1234567Z", .timestamp(microseconds: 1_709_212_455_123_456)),
            ("2024-02-29 13:14:15+02", .timestamp(microseconds: 1_709_205_255_000_000)),
            ("2024-02-29 13:14:15-0230", .timestamp(microseconds: 1_709_221_455_000_000)),
            ("2024-02-29 13:14:15+02:00", .timestamp(microseconds: 1_709_205_255_000_000)),
            ("2024-02-29 13:14:15 +00:00", .timestamp(microseconds: 1_709_212_455_000_000)),
            ("2024-02-29 13:14:15  +00:00", nil), ("2024-02-29 13:14:15 ", nil),
            ("0001-01-01", .day(-719_162)), ("9999-12-31", .day(2_932_896)),
            ("2023-02-29", nil), ("2024-13-01", nil), ("2024-00-01", nil), ("0000-01-01", nil), ("10000-01-01", nil),
            ("2024-1-1", nil), ("2024-02-29 ", nil), (" 2024-02-29", nil), ("2024-02-29 24:00:00", nil),
            ("2024-02-29 13:14", nil), ("2024-02-29 13:14:60", nil), ("2024-02-29T13:14:15.", nil),
            ("2024-02-29T13:14:15z", nil), ("2024-02-29T13:14:15+2", nil), ("2024-02-29T13:14:15+02:0", nil),
            ("1234", nil), ("", nil), ("infinity", nil),
        ] as [(String, CivilText?)])
    func textsOfTimes(_ text: String, _ expected: CivilText?) {
        let found = Array(text.utf8).withUnsafeBytes { CivilText($0) }
        #expect(found == expected)
    }

    /// Postgres gives the same for `timestamp AT TIME ZONE 'Europe/Berlin'`.
    @Test(arguments: [
        ("2024-01-15 12:00:00", "2024-01-15 11:00:00 +00:00"), ("2024-07-15 12:00:00", "2024-07-15 10:00:00 +00:00"),
        // Set forward from 02:00 to 03:00.
        ("2024-03-31 01:59:59", "2024-03-31 00:59:59 +00:00"), ("2024-03-31 02:30:00", "2024-03-31 01:30:00 +00:00"),
        ("2024-03-31 03:00:00", "2024-03-31 01:00:00 +00:00"),
        // Set back from 03:00 to 02:00.
        ("2024-10-27 01:59:59", "2024-10-26 23:59:59 +00:00"), ("2024-10-27 02:30:00", "2024-10-27 01:30:00 +00:00"),
        ("2024-10-27 03:00:00", "2024-10-27 02:00:00 +00:00"),
    ])
    func clocksThatAreSetForwardAndBack(_ local: String, _ expected: String) throws {
        let zone = try #require(TimeZone(identifier: "Europe/Berlin"))
        guard case .localTimestamp(let microseconds)? = Array(local.utf8).withUnsafeBytes({ CivilText($0) }) else {
            Issue.record("\(local) is no local time")
            return
        }
        let second = CivilTime.second(ofLocal: microseconds / 1_000_000, in: zone)
        #expect(text { CivilTime.append(second: second, to: &$0) } == expected)
    }
}

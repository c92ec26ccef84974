import Foundation

/// Dates and times of the Gregorian calendar, without a calendar library: a row has many, and each costs nanoseconds here.
enum CivilTime {
    static let microsecondsPerDay: Int64 = 86_400_000_000

    /// Days since 1970-01-01 of 0001-01-01 and of 9999-12-31: what has a year of four digits.
    static let writableDays = -719_162...2_932_896

    /// The date of a day. The era of 400 years, 146,097 days, begins with the first of March, so that leap days come last.
    static func date(ofDay day: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    /// Days since 1970-01-01; nil where the calendar has no such date, or its year is not 1 to 9999.
    static func day(year: Int, month: Int, day: Int) -> Int? {
        guard (1...9999).contains(year), (1...12).contains(month), day >= 1 else { return nil }
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = shiftedYear / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let found = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        let back = date(ofDay: found)
        return back.month == month && back.day == day ? found : nil
    }

    /// The second since 1970 in which a moment lies: fractions are cut off towards the past.
    static func second(ofMicrosecond microsecond: Int64) -> Int64 {
        let (seconds, rest) = microsecond.quotientAndRemainder(dividingBy: 1_000_000)
        return rest < 0 ? seconds - 1 : seconds
    }

    /// The day since 1970 in which a second lies.
    static func day(ofSecond second: Int64) -> Int {
        let (days, rest) = second.quotientAndRemainder(dividingBy: 86_400)
        return Int(rest < 0 ? days - 1 : days)
    }

    /// The second at which clocks of the zone show `local`, given as if they showed UTC. Where they show it twice, the second
    /// time; where they pass it over, as if they had not been set forward yet: what `AT TIME ZONE` gives in PostgreSQL
    /// (PostgreSQL's source, `DetermineTimeZoneOffsetInternal`).
    static func second(ofLocal local: Int64, in zone: TimeZone) -> Int64 {
        func offset(_ second: Int64) -> Int64 {
            Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(second))))
        }
        // Offsets change by a few hours at most, and not twice within two days.
        let before = offset(local - 86_400)
        let after = offset(local + 86_400)
        return offset(local - after) == after ? local - after : local - before
    }

    // MARK: Text

    /// Appends `yyyy-MM-dd`. Only days of ``writableDays``.
    static func append(day: Int, to bytes: inout [UInt8]) {
        let date = date(ofDay: day)
        append(date.year / 100, to: &bytes)
        append(date.year % 100, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        append(date.month, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        append(date.day, to: &bytes)
    }

    /// Appends `yyyy-MM-dd HH:mm:ss +00:00`, the form in which Iterable takes dates with a time.
    static func append(second: Int64, to bytes: inout [UInt8]) {
        let day = day(ofSecond: second)
        let rest = Int(second - Int64(day) * 86_400)
        append(day: day, to: &bytes)
        bytes.append(UInt8(ascii: " "))
        append(rest / 3600, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        append(rest / 60 % 60, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        append(rest % 60, to: &bytes)
        bytes.append(contentsOf: " +00:00".utf8)
    }

    private static func append(_ twoDigits: Int, to bytes: inout [UInt8]) {
        bytes.append(UInt8(truncatingIfNeeded: 48 + twoDigits / 10))
        bytes.append(UInt8(truncatingIfNeeded: 48 + twoDigits % 10))
    }
}

/// A date, or a date with a time, as a text has it: `yyyy-MM-dd`, then perhaps a blank or `T` and `HH:mm:ss`, with or without
/// a fraction, and perhaps `Z`, `±hh`, `±hhmm` or `±hh:mm`, before which a blank may stand. SQLite has no type for them.
enum CivilText: Equatable {
    case day(Int)
    case timestamp(microseconds: Int64)
    /// Without a zone.
    case localTimestamp(microseconds: Int64)

    /// nil: the text is none of these.
    init?(_ text: UnsafeRawBufferPointer) {
        var reader = DigitReader(text)
        guard let year = reader.digits(4), reader.take("-"), let month = reader.digits(2), reader.take("-"),
            let dayOfMonth = reader.digits(2), let day = CivilTime.day(year: year, month: month, day: dayOfMonth)
        else { return nil }
        if reader.isAtEnd {
            self = .day(day)
            return
        }
        guard reader.take(" ") || reader.take("T"), let hour = reader.digits(2), reader.take(":"),
            let minute = reader.digits(2), reader.take(":"), let second = reader.digits(2),
            hour < 24, minute < 60, second < 60
        else { return nil }
        let whole = Int64(day) * 86_400 + Int64(hour * 3600 + minute * 60 + second)
        guard let fraction = reader.fraction() else { return nil }
        let local = whole * 1_000_000 + fraction
        if reader.isAtEnd {
            self = .localTimestamp(microseconds: local)
            return
        }
        // Iterable's own form has a blank there.
        _ = reader.take(" ")
        guard let offset = reader.zone(), reader.isAtEnd else { return nil }
        self = .timestamp(microseconds: local - Int64(offset) * 1_000_000)
    }
}

private struct DigitReader {
    private let text: UnsafeRawBufferPointer
    private var place = 0

    init(_ text: UnsafeRawBufferPointer) { self.text = text }

    var isAtEnd: Bool { place == text.count }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard place < text.count, text[place] == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    mutating func digits(_ count: Int) -> Int? {
        guard place + count <= text.count else { return nil }
        var value = 0
        for byte in text[place..<place + count] {
            guard (48...57).contains(byte) else { return nil }
            value = value * 10 + Int(byte - 48)
        }
        place += count
        return value
    }

    /// Microseconds; 0 where no point stands here, nil where no digit follows it.
    mutating func fraction() -> Int64? {
        guard take(".") else { return 0 }
        var (value, unit) = (Int64(0), Int64(100_000))
        let start = place
        while let digit = digits(1) {
            value += Int64(digit) * unit
            unit /= 10
        }
        return place > start ? value : nil
    }

    /// Seconds east of Greenwich.
    mutating func zone() -> Int? {
        if take("Z") { return 0 }
        let isEast = take("+")
        guard isEast || take("-"), let hours = digits(2) else { return nil }
        var minutes = 0
        if !isAtEnd {
            _ = take(":")
            guard let found = digits(2) else { return nil }
            minutes = found
        }
        guard hours < 24, minutes < 60 else { return nil }
        return (isEast ? 1 : -1) * (hours * 3600 + minutes * 60)
    }
}

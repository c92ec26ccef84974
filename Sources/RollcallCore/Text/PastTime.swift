package import Foundation

/// A point in the past as people write it: `--since` of the commands, `since` of the API.
package enum PastTime {
    /// `2d` before `now`, never before 1970; or a day, or a time with its zone, of ISO 8601.
    package static func parse(_ text: String, now: Date) -> Date? {
        let units: [Substring: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604_800]
        if let match = text.wholeMatch(of: /([0-9]{1,9}(?:\.[0-9]{1,9})?)([smhdw])/) {
            guard let number = Double(match.output.1), let unit = units[match.output.2] else { return nil }
            return max(now.addingTimeInterval(-number * unit), Date(timeIntervalSince1970: 0))
        }
        // Fractions of a second, which our own outputs have, are passed over.
        let clock = /(T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])(?:\.[0-9]{1,9})?(Z|[+-][01][0-9]:[0-5][0-9])/
        let days = Date.ISO8601FormatStyle().year().month().day()
        guard text.utf8.count >= 10, !text.hasPrefix("0000"), let day = try? days.parse(String(text.prefix(10))),
            // Foundation takes the 31st of February for a day of March.
            days.format(day) == text.prefix(10)
        else { return nil }
        let rest = text.dropFirst(10)
        if rest.isEmpty { return day }
        guard let match = rest.wholeMatch(of: clock) else { return nil }
        return try? Date.ISO8601FormatStyle().parse("\(text.prefix(10))\(match.output.1)\(match.output.2)")
    }

    /// What is taken, for error messages.
    package static let expected = "a time such as 2026-11-21T06:00:00Z, a date, or an age such as 30m, 12h, 2d, 3w"

    /// The same as a regular expression of ECMA 262, as JSON Schema has them; days that a month lacks are refused as well.
    package static let pattern =
        "^([0-9]{1,9}(\\.[0-9]{1,9})?[smhdw]|(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
        + "(T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-][01][0-9]:[0-5][0-9]))?)$"
}

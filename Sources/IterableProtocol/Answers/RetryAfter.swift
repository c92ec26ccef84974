package import Foundation
import RollcallCore

/// Reads `Retry-After` headers (RFC 9110, section 10.2.3): seconds or an HTTP date.
package enum RetryAfter {
    /// No server is waited for longer than this.
    package static let longest = Duration.seconds(300)

    /// The longest valid delay among the headers, within 0 and ``longest``; nil where none of them makes sense.
    /// A date that has passed means now.
    package static func parse(_ headers: [String], now: Date) -> Duration? {
        headers.compactMap { delay($0, now: now) }.max()
    }

    private static func delay(_ header: String, now: Date) -> Duration? {
        let text = header.trimmingCharacters(in: .whitespaces)
        guard !text.isEmpty, text.utf8.count <= 64 else { return nil }
        if text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            // Digits that do not fit into an integer are a very long time all the same.
            return min(.seconds(Int64(text).map { min($0, 300) } ?? 300), longest)
        }
        guard let date = HTTPDate.parse(text, now: now) else { return nil }
        let seconds = date.timeIntervalSince(now)
        return seconds <= 0 ? .zero : min(.seconds(min(seconds, 300)), longest)
    }
}

/// The three forms of a date in HTTP (RFC 9110, section 5.6.7): IMF-fixdate, and the obsolete RFC 850 and asctime forms.
///
/// Read by a grammar that is written here: Foundation's `DateFormatter` ends the process on some texts outside ASCII.
enum HTTPDate {
    static func parse(_ text: String, now: Date) -> Date? {
        guard text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else { return nil }
        if let match = text.wholeMatch(
            of: /(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) (\w{3}) (\d{4}) (\d\d:\d\d:\d\d) GMT/)
        {
            return date(day: match.1, month: match.2, year: Int(match.3), time: match.4)
        }
        if let match = text.wholeMatch(
            of: /(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (\w{3}) ( \d|\d\d) (\d\d:\d\d:\d\d) (\d{4})/)
        {
            return date(day: match.2.drop { $0 == " " }, month: match.1, year: Int(match.4), time: match.3)
        }
        let long = /(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\d\d)-(\w{3})-(\d\d) (\d\d:\d\d:\d\d) GMT/
        guard let match = text.wholeMatch(of: long), let digits = Int(match.3) else { return nil }
        return date(day: match.1, month: match.2, year: year(digits, now: now), time: match.4)
    }

    /// Two digits are the year that ends so and is no more than 50 years in the future.
    private static func year(_ digits: Int, now: Date) -> Int {
        let present = 1970 + Int((now.timeIntervalSince1970 / 31_556_952).rounded(.down))
        let year = present - present % 100 + digits
        if year > present + 50 { return year - 100 }
        return year <= present - 50 ? year + 100 : year
    }

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    private static func date(day: Substring, month: Substring, year: Int?, time: Substring) -> Date? {
        let clock = time.split(separator: ":").compactMap { Int($0) }
        guard let day = Int(day), let year, let month = months.firstIndex(of: String(month)), clock.count == 3,
            clock[0] < 24, clock[1] < 60, clock[2] <= 60
        else { return nil }
        var parts = tm()
        parts.tm_year = Int32(year - 1900)
        parts.tm_mon = Int32(month)
        parts.tm_mday = Int32(day)
        let midnight = timegm(&parts)
        // A day that the month does not have has become one of another month.
        guard parts.tm_mday == Int32(day), parts.tm_mon == Int32(month) else { return nil }
        return Date(timeIntervalSince1970: Double(midnight + clock[0] * 3600 + clock[1] * 60 + clock[2]))
    }
}

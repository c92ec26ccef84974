public import Foundation

/// Reads `Retry-After` headers (RFC 9110, section 10.2.3): seconds or an HTTP date.
public enum RetryAfter {
    /// No server is waited for longer than this.
    public static let longest = Duration.seconds(300)

    /// The longest valid wish among the headers, within 0 and ``longest``; nil where none of them makes sense.
    /// A date that has passed means now.
    public static func parse(_ headers: [String], now: Date) -> Duration? {
        headers.compactMap { wish($0, now: now) }.max()
    }

    private static func wish(_ header: String, now: Date) -> Duration? {
        let text = header.trimmingCharacters(in: .whitespaces)
        guard !text.isEmpty, text.utf8.count <= 64 else { return nil }
        if text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            // Digits that do not fit into an integer are a very long time all the same.
            return min(.seconds(Int64(text).map { min($0, 300) } ?? 300), longest)
        }
        guard let date = date(text) else { return nil }
        let seconds = date.timeIntervalSince(now)
        return seconds <= 0 ? .zero : min(.seconds(min(seconds, 300)), longest)
    }

    /// The three forms of an HTTP date: IMF-fixdate, and the obsolete RFC 850 and asctime forms.
    private static func date(_ text: String) -> Date? {
        let formats = [
            "EEE, dd MMM yyyy HH:mm:ss 'GMT'", "EEEE, dd-MMM-yy HH:mm:ss 'GMT'", "EEE MMM d HH:mm:ss yyyy",
        ]
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(secondsFromGMT: 0)
        formatter.isLenient = false
        for format in formats {
            formatter.dateFormat = format
            if let date = formatter.date(from: text) { return date }
        }
        return nil
    }
}

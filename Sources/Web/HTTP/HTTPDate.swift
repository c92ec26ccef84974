import Foundation
import Synchronization

/// The time as answers have it (RFC 9110, section 5.6.7).
enum HTTPDate {
    private static let latest = Mutex<(second: time_t, text: String)>((second: -1, text: ""))

    /// `Sun, 29 Nov 2026 12:00:00 GMT`; made once a second.
    static func now() -> String {
        let second = time(nil)
        return latest.withLock { latest in
            if latest.second != second { latest = (second: second, text: text(second)) }
            return latest.text
        }
    }

    /// - Parameter second: since 1970.
    static func text(_ second: time_t) -> String {
        var second = second
        var parts = tm()
        gmtime_r(&second, &parts)
        return String(
            format: "\(days[Int(parts.tm_wday)]), %02d \(months[Int(parts.tm_mon)]) %04d %02d:%02d:%02d GMT",
            Int(parts.tm_mday), Int(parts.tm_year) + 1900, Int(parts.tm_hour), Int(parts.tm_min), Int(parts.tm_sec))
    }

    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
}

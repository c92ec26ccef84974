package import Foundation

extension Date {
    /// `2026-11-21T06:00:00.000Z`
    package var iso8601: String {
        // Years 1 to 9999; other dates, which only a broken answer can bring, become the nearest of them.
        let exact = (timeIntervalSince1970 * 1000).rounded()
        let nearest = exact.isNaN ? 0 : max(-62_135_596_800_000, min(253_402_300_799_999, exact))
        let second = (nearest / 1000).rounded(.down)
        let milliseconds = Int64(nearest - second * 1000)
        var seconds = time_t(second)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        return String(
            format: "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", Int(parts.tm_year) + 1900, Int(parts.tm_mon) + 1,
            Int(parts.tm_mday), Int(parts.tm_hour), Int(parts.tm_min), Int(parts.tm_sec), Int(milliseconds))
    }
}

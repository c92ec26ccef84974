/// Moments as texts.
package enum CivilTimeText {
    /// As ``text(microseconds:)``; nil for a year beyond 1 to 9999.
    package static func writable(microseconds: Int64) -> String? {
        let day = CivilTime.day(ofSecond: CivilTime.second(ofMicrosecond: microseconds))
        return CivilTime.writableDays.contains(day) ? text(microseconds: microseconds) : nil
    }

    /// As RFC 3339 has it, in UTC: `2026-11-29T08:00:00Z`, with six places after the point where there is a fraction.
    /// - Parameter microseconds: since 1970, of a year from 1 to 9999.
    package static func text(microseconds: Int64) -> String {
        let second = CivilTime.second(ofMicrosecond: microseconds)
        var bytes: [UInt8] = []
        CivilTime.append(second: second, to: &bytes)
        bytes.removeLast(" +00:00".utf8.count)
        bytes[10] = UInt8(ascii: "T")
        let fraction = microseconds - second * 1_000_000
        if fraction > 0 {
            let digits = String(fraction)
            bytes.append(contentsOf: ("." + String(repeating: "0", count: 6 - digits.count) + digits).utf8)
        }
        bytes.append(UInt8(ascii: "Z"))
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Microseconds since 1970 of a text that holds a date, or a date with a time, as ``CivilText`` knows them; nil for any other.
    /// What names no zone is taken for UTC, and a date for its beginning.
    package static func microseconds(of text: UnsafeRawBufferPointer) -> Int64? {
        switch CivilText(text) {
        case .day(let day): Int64(day) * CivilTime.microsecondsPerDay
        case .timestamp(let microseconds), .localTimestamp(let microseconds): microseconds
        case nil: nil
        }
    }
}

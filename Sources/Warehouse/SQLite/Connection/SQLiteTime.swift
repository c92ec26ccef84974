import Foundation

/// Times as they are in SQLite: `2026-11-21T06:00:00.000Z`, always of this width, so that text compares as time does.
enum SQLiteTime {
    /// SQL for the database's clock.
    static let now = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"

    private static let earliest: Int64 = -62_167_219_200_000  // 0000-01-01
    private static let latest: Int64 = 253_402_300_799_999  // 9999-12-31

    /// To the nearest millisecond; years outside 0 to 9999 become the nearest of them. Several are made for each row, so the text is the
    /// only allocation.
    static func text(_ date: Date) -> String {
        let exact = (date.timeIntervalSince1970 * 1000).rounded()
        let milliseconds = exact.isNaN ? latest : Int64(max(Double(earliest), min(Double(latest), exact)))
        let (seconds, rest) = milliseconds.quotientAndRemainder(dividingBy: 1000)
        var time = time_t(rest < 0 ? seconds - 1 : seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        return String(unsafeUninitializedCapacity: 24) { bytes in
            var place = 0
            func add(_ value: Int, _ width: Int, before sign: Unicode.Scalar) {
                var rest = value
                for index in (place..<(place + width)).reversed() {
                    bytes[index] = UInt8(48 + rest % 10)
                    rest /= 10
                }
                bytes[place + width] = UInt8(ascii: sign)
                place += width + 1
            }
            add(Int(parts.tm_year) + 1900, 4, before: "-")
            add(Int(parts.tm_mon) + 1, 2, before: "-")
            add(Int(parts.tm_mday), 2, before: "T")
            add(Int(parts.tm_hour), 2, before: ":")
            add(Int(parts.tm_min), 2, before: ":")
            add(Int(parts.tm_sec), 2, before: ".")
            add(Int(rest < 0 ? rest + 1000 : rest), 3, before: "Z")
            return place
        }
    }

    /// nil for text of any other form.
    static func date(_ text: String) -> Date? {
        let bytes = Array(text.utf8)
        let pattern = Array("dddd-dd-ddTdd:dd:dd.dddZ".utf8)
        guard bytes.count == pattern.count else { return nil }
        for (byte, expected) in zip(bytes, pattern) {
            let fits = expected == UInt8(ascii: "d") ? (48...57).contains(byte) : byte == expected
            guard fits else { return nil }
        }
        func number(_ range: Range<Int>) -> Int32 { bytes[range].reduce(0) { $0 * 10 + Int32($1 - 48) } }
        var parts = tm()
        parts.tm_year = number(0..<4) - 1900
        parts.tm_mon = number(5..<7) - 1
        parts.tm_mday = number(8..<10)
        parts.tm_hour = number(11..<13)
        parts.tm_min = number(14..<16)
        parts.tm_sec = number(17..<19)
        return Date(timeIntervalSince1970: Double(Int64(timegm(&parts)) * 1000 + Int64(number(20..<23))) / 1000)
    }
}

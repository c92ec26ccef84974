package import Foundation

/// When an event happened, as Iterable writes it.
package enum EventTime {
    /// `yyyy-MM-dd HH:mm:ss +00:00`, the same with `+0000`, ISO 8601 with `Z` or an offset, with or without a fraction, and
    /// `yyyyMMddTHHmmss[.SSS]Z`. Years 1 to 9999 of UTC.
    /// - Returns: nil for other texts, also those without a zone.
    package static func parse(_ text: [UInt8]) -> Date? {
        text.withUnsafeBytes { bytes in
            if case .timestamp(let microseconds)? = CivilText(bytes) { return date(microseconds) }
            return basic(text)
        }
    }

    private static func date(_ microseconds: Int64) -> Date? {
        let day = CivilTime.day(ofSecond: CivilTime.second(ofMicrosecond: microseconds))
        guard CivilTime.writableDays.contains(day) else { return nil }
        return Date(timeIntervalSince1970: Double(microseconds) / 1e6)
    }

    /// `yyyyMMddTHHmmss[.SSS]Z`, by way of the form with separators.
    private static func basic(_ text: [UInt8]) -> Date? {
        guard (16...40).contains(text.count), text[8] == UInt8(ascii: "T"), text.last == UInt8(ascii: "Z") else {
            return nil
        }
        var extended: [UInt8] = []
        for (index, byte) in text.enumerated() {
            if index == 4 || index == 6 { extended.append(UInt8(ascii: "-")) }
            if index == 11 || index == 13 { extended.append(UInt8(ascii: ":")) }
            extended.append(byte)
        }
        return extended.withUnsafeBytes { bytes in
            guard case .timestamp(let microseconds)? = CivilText(bytes) else { return nil }
            return date(microseconds)
        }
    }
}

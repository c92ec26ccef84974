package import Foundation

/// Ids of runs: UUIDs of version 7 (RFC 9562), so that they sort by time.
package enum RunID {
    /// - Parameters:
    ///   - now: the time that goes into the first 48 bits, in milliseconds since 1970.
    ///   - random: two words of randomness; 74 bits of them are used.
    package static func make(now: Date, random: (UInt64, UInt64)) -> String {
        let milliseconds = UInt64(max(0, now.timeIntervalSince1970 * 1000))
        let high = milliseconds << 16 | 0x7000 | random.0 & 0x0fff
        let low = random.1 & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000
        let digits = hex(high) + hex(low)
        var parts: [Substring] = []
        var rest = digits[...]
        for length in [8, 4, 4, 4, 12] {
            parts.append(rest.prefix(length))
            rest = rest.dropFirst(length)
        }
        return parts.joined(separator: "-")
    }

    /// Whether a text has the form of a run id, lower-case.
    package static func isValid(_ text: String) -> Bool {
        UUID(uuidString: text) != nil && text == text.lowercased()
    }

    private static func hex(_ value: UInt64) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
}

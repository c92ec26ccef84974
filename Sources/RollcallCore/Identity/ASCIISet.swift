/// A set of ASCII characters, one bit each. Bytes from 128 on are in none.
struct ASCIISet: Sendable {
    /// Bits of the characters 0 to 63.
    private let low: UInt64
    /// Bits of the characters 64 to 127.
    private let high: UInt64

    init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }

    @inline(__always)
    func contains(_ byte: UInt8) -> Bool {
        let half = byte < 64 ? low : high
        return byte < 128 && (half &>> UInt64(byte & 63)) & 1 != 0
    }

    /// What may stand unquoted before the @, the dot left out: letters, digits and ``!#$%&'*+-/=?^_`{|}~``
    /// (`atext` of RFC 5322, section 3.2.3; the same set as in Apache Commons EmailValidator).
    static let unquoted = ASCIISet(low: 0xa3ff_acfa_0000_0000, high: 0x7fff_ffff_c7ff_fffe)

    /// `a` to `z` and `0` to `9`.
    static let lowerAlphanumeric = ASCIISet(low: 0x03ff_0000_0000_0000, high: 0x07ff_fffe_0000_0000)

    /// `a` to `z`, `0` to `9`, hyphen and dot: all that a host name consists of.
    static let hostName = ASCIISet(low: 0x03ff_6000_0000_0000, high: 0x07ff_fffe_0000_0000)
}

/// Names of the bytes that the rules speak of.
package enum ASCII {
    static let space = UInt8(ascii: " ")
    static let quote = UInt8(ascii: "\"")
    static let hyphen = UInt8(ascii: "-")
    static let dot = UInt8(ascii: ".")
    static let at = UInt8(ascii: "@")
    static let openingBracket = UInt8(ascii: "[")
    static let backslash = UInt8(ascii: "\\")
    static let closingBracket = UInt8(ascii: "]")

    package static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    /// From the blank to the tilde.
    @inline(__always)
    static func isPrintable(_ byte: UInt8) -> Bool { byte &- 0x20 < 0x5f }
}

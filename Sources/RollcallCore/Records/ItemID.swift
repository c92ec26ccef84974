/// The ids of a catalog's items: 1 to 255 ASCII letters, digits and hyphens; case matters
/// (source: Iterable's API description and its help centre, article 360033215072).
package enum ItemID {
    package static let longest = 255

    /// Whether the text can be an id, or a catalog's name.
    package static func isValid(_ text: some Collection<UInt8>) -> Bool {
        (1...longest).contains(text.count) && text.allSatisfy { ASCII.isLetterOrDigit($0) || $0 == hyphen }
    }

    /// The text as an id, whatever its characters: every byte but letters and digits is a hyphen and two hexadecimal digits, so
    /// that two texts never have one id, and the text can be read back.
    package static func encode(_ text: some Sequence<UInt8>) -> [UInt8] {
        var id: [UInt8] = []
        for byte in text {
            guard !ASCII.isLetterOrDigit(byte) else {
                id.append(byte)
                continue
            }
            id += [hyphen, digit(byte >> 4), digit(byte & 15)]
        }
        return id
    }

    private static let hyphen = UInt8(ascii: "-")

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}

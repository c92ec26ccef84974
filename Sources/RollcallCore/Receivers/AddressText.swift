/// Addresses of the internet as texts.
enum AddressText {
    /// The 4 bytes of an IPv4 address or the 16 of an IPv6 address; an IPv4 address within IPv6 (`::ffff:10.0.0.1`) gives 4. What
    /// stands behind a `%` names an interface and does not count. Source: RFC 4291, section 2.2; RFC 4007, section 11.
    /// - Returns: nil for names, addresses in brackets or with a port, and forms that programs read in different ways (`10.1`,
    ///   `010.0.0.1`).
    static func bytes(_ text: String) -> [UInt8]? {
        let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2, parts[1].isEmpty || !parts[0].contains(":") { return nil }
        guard let bytes = unmapped(parts[0]) else { return nil }
        return isMapped(bytes) ? Array(bytes[12...]) : bytes
    }

    /// An address with, perhaps, a slash and the number of leading bits that count: 0 to 32, of IPv6 to 128.
    static func range(_ text: String) -> AddressRange? {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let bytes = unmapped(parts[0]) else { return nil }
        var prefix = bytes.count * 8
        if parts.count == 2 {
            guard let bits = number(parts[1], upTo: prefix) else { return nil }
            prefix = bits
        }
        // Fewer bits than those say more than that it is an IPv4 address.
        guard isMapped(bytes), prefix >= 96 else { return AddressRange(bytes: bytes, prefix: prefix) }
        return AddressRange(bytes: Array(bytes[12...]), prefix: prefix - 96)
    }

    private static func isMapped(_ bytes: [UInt8]) -> Bool {
        bytes.count == 16 && bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
    }

    private static func unmapped(_ text: Substring) -> [UInt8]? {
        guard text.utf8.count <= 45 else { return nil }
        return text.contains(":") ? version6(text) : version4(text)
    }

    private static func version4(_ text: Substring) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        let bytes = parts.compactMap { number($0, upTo: 255).map(UInt8.init) }
        return bytes.count == 4 ? bytes : nil
    }

    private static func version6(_ text: Substring) -> [UInt8]? {
        guard let gap = gap(in: text) else { return groups(text).flatMap { $0.count == 16 ? $0 : nil } }
        let before = text[..<gap.lowerBound]
        let after = text[gap.upperBound...]
        guard let head = before.isEmpty ? [] : groups(before, mayEndInVersion4: false),
            let tail = after.isEmpty ? [] : groups(after), head.count + tail.count <= 14
        else { return nil }
        return head + [UInt8](repeating: 0, count: 16 - head.count - tail.count) + tail
    }

    /// Where `::` stands; of several the first, so that the others make the address none.
    private static func gap(in text: Substring) -> Range<Substring.Index>? {
        var index = text.startIndex
        while index < text.endIndex {
            let next = text.index(after: index)
            if text[index] == ":", next < text.endIndex, text[next] == ":" { return index..<text.index(after: next) }
            index = next
        }
        return nil
    }

    private static func groups(_ text: Substring, mayEndInVersion4: Bool = true) -> [UInt8]? {
        var bytes: [UInt8] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if mayEndInVersion4, index == parts.count - 1, part.contains(".") {
                guard let last = version4(part) else { return nil }
                bytes += last
            } else {
                guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy(isHexadecimal),
                    let group = UInt16(part, radix: 16)
                else { return nil }
                bytes += [UInt8(group >> 8), UInt8(group & 0xFF)]
            }
        }
        return bytes
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (97...102).contains(byte | 0x20)
    }

    /// Digits without a leading zero.
    private static func number(_ text: Substring, upTo largest: Int) -> Int? {
        guard (1...3).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }),
            text.utf8.count == 1 || text.utf8.first != 48, let value = Int(text), value <= largest
        else { return nil }
        return value
    }
}

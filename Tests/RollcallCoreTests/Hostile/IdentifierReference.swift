@testable import RollcallCore

/// The rules of docs/identifiers.md once more: slow, by other means, and sharing nothing with the product but the list
/// of top-level domains. What the product makes of a value must be what this makes of it.
enum IdentifierReference {
    /// Scalars that `String.prototype.trim` drops. Source: ECMA-262, WhiteSpace and LineTerminator.
    private static let spaces: [[UInt8]] = {
        let values: [UInt32] =
            Array(0x9...0xd) + [0x20, 0xa0, 0x1680] + Array(0x2000...0x200a)
            + [0x2028, 0x2029, 0x202f, 0x205f, 0x3000, 0xfeff]
        return values.compactMap(Unicode.Scalar.init).map { Array(String(Character($0)).utf8) }
    }()

    private static let topLevelDomains = Set(
        TopLevelDomains.list.description.split(whereSeparator: \.isWhitespace).map { Array($0.utf8) })

    static func trimmed(_ raw: [UInt8]) -> [UInt8] {
        var bytes = raw
        while let space = spaces.first(where: bytes.starts(with:)) { bytes.removeFirst(space.count) }
        while let space = spaces.first(where: { bytes.count >= $0.count && Array(bytes.suffix($0.count)) == $0 }) {
            bytes.removeLast(space.count)
        }
        return bytes
    }

    /// The normal form of an email; nil where the domain has to be converted, which is not done again here.
    static func normalForm(_ raw: [UInt8]) -> [UInt8]? {
        let bytes = trimmed(raw).map { byte in
            byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte + 32 : byte
        }
        if let at = bytes.lastIndex(of: UInt8(ascii: "@")), bytes[at...].contains(where: { $0 >= 128 }) { return nil }
        return bytes
    }

    static func isValidEmail(_ normal: [UInt8]) -> Bool {
        guard !normal.isEmpty, normal.count <= 254, normal.allSatisfy({ $0 >= 32 && $0 <= 126 }) else { return false }
        guard let at = normal.lastIndex(of: UInt8(ascii: "@")) else { return false }
        let local = String(decoding: normal[..<at], as: UTF8.self)
        return (1...64).contains(local.utf8.count) && isLocalPart(local) && isDomain(Array(normal[(at + 1)...]))
    }

    /// Words and single dots between them. A word is made of plain characters and backslash pairs, or stands in quotes;
    /// in quotes, `\"` is a character and so is every other but `"`.
    private static func isLocalPart(_ text: String) -> Bool {
        let word = #"(?:(?:\\.|[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~])+|"(?:\\"|[^"])*")"#
        guard let pattern = try? Regex("\(word)(?:\\.\(word))*") else { return false }
        return (try? pattern.wholeMatch(in: text)) ?? nil != nil
    }

    private static func isDomain(_ domain: [UInt8]) -> Bool {
        if domain.first == UInt8(ascii: "[") {
            guard domain.count > 2, domain.last == UInt8(ascii: "]") else { return false }
            let content = String(decoding: domain.dropFirst().dropLast(), as: UTF8.self)
            return content.hasPrefix("ipv6:") ? isIPv6(String(content.dropFirst(5))) : isIPv4(content)
        }
        let labels = domain.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map(Array.init)
        guard domain.count <= 253, labels.count >= 2, labels.allSatisfy(isLabel) else { return false }
        return labels.last.map(topLevelDomains.contains) ?? false
    }

    private static func isLabel(_ label: [UInt8]) -> Bool {
        let allowed = Array("abcdefghijklmnopqrstuvwxyz0123456789-".utf8)
        return (1...63).contains(label.count) && label.allSatisfy(allowed.contains)
            && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
    }

    static func isIPv4(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in (0...255).contains { String($0) == part } }
    }

    /// RFC 4291, section 2.2: eight groups; one run of zero groups may be `::`; the last two may be an IPv4 address.
    static func isIPv6(_ text: String) -> Bool {
        let halves = text.components(separatedBy: "::")
        guard halves.count <= 2 else { return false }
        var count = 0
        for (index, half) in halves.enumerated() where !half.isEmpty {
            let groups = half.components(separatedBy: ":")
            for (place, group) in groups.enumerated() {
                let isLast = index == halves.count - 1 && place == groups.count - 1
                if isLast, isIPv4(group) {
                    count += 2
                } else {
                    guard (1...4).contains(group.utf8.count), group.utf8.allSatisfy(isHexadecimal) else { return false }
                    count += 1
                }
            }
        }
        return halves.count == 2 ? count <= 7 : count == 8
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        Array("0123456789abcdefABCDEF".utf8).contains(byte)
    }

    static func isValidUserID(_ raw: [UInt8]) -> Bool {
        raw.count >= 1 && raw.count <= 52 && raw.allSatisfy { $0 >= 32 && $0 <= 126 } && raw.first != 32
            && raw.last != 32
    }
}

extension String {
    /// Parts between occurrences of a separator, found byte by byte.
    fileprivate func components(separatedBy separator: String) -> [String] {
        let bytes = Array(utf8)
        let wanted = Array(separator.utf8)
        var parts: [[UInt8]] = [[]]
        var index = 0
        while index < bytes.count {
            if bytes[index...].starts(with: wanted) {
                parts.append([])
                index += wanted.count
            } else {
                parts[parts.count - 1].append(bytes[index])
                index += 1
            }
        }
        return parts.map { String(decoding: $0, as: UTF8.self) }
    }
}

/// The form of an email address that Iterable accepts: the rules of Apache Commons `EmailValidator`,
/// which Iterable's documentation names, and at most 254 characters in all (RFC 5321).
///
/// The list of top-level domains is not part of the sandbox. It refuses the reserved names of RFC 2606 and RFC 6762,
/// single labels, and top-level domains that are not letters only; every other top-level domain counts as real.
enum EmailRules {
    private static let reservedTopLevelDomains: Set<String> = [
        "test", "local", "example", "invalid", "localhost", "localdomain", "internal",
    ]

    /// The form that identifies a profile: without outer white space, in lower case.
    static func normalized(_ email: String) -> String {
        let bytes = email.utf8
        let isNormalized = bytes.allSatisfy { (0x21...0x7E).contains($0) && !(0x41...0x5A).contains($0) }
        if isNormalized { return email }
        let scalars = email.unicodeScalars
        guard let first = scalars.firstIndex(where: { $0.value > 0x20 }),
            let last = scalars.lastIndex(where: { $0.value > 0x20 })
        else { return "" }
        return String(scalars[first...last]).lowercased()
    }

    /// Whether a ``normalized(_:)`` address is accepted.
    static func isValid(_ email: String) -> Bool {
        guard email.unicodeScalars.count <= 254, let at = email.unicodeScalars.lastIndex(of: "@") else { return false }
        let scalars = email.unicodeScalars
        return isLocalPart(scalars[..<at]) && isDomain(scalars[scalars.index(after: at)...])
    }

    private static func isLocalPart(_ local: Substring.UnicodeScalarView) -> Bool {
        guard (1...64).contains(local.count) else { return false }
        if local.first == "\"" { return isQuoted(local) }
        var previous: Unicode.Scalar = "."
        for scalar in local {
            if scalar == ".", previous == "." { return false }
            if scalar != ".", isControlOrSpace(scalar) || isSpecial(scalar) { return false }
            previous = scalar
        }
        return previous != "."
    }

    private static func isQuoted(_ local: Substring.UnicodeScalarView) -> Bool {
        guard local.count >= 3, local.last == "\"" else { return false }
        return !local.dropFirst().dropLast().contains { $0 == "\"" || $0.value < 0x20 || $0.value == 0x7F }
    }

    /// Characters that a local part holds only inside quotes.
    private static func isSpecial(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "(", ")", "<", ">", ",", ";", ":", "\\", "\"", "[", "]", "@": true
        default: false
        }
    }

    private static func isControlOrSpace(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value <= 0x20 || (0x7F...0xA0).contains(scalar.value)
            || (scalar.value > 0xA0 && scalar.properties.isWhitespace)
    }

    private static func isDomain(_ domain: Substring.UnicodeScalarView) -> Bool {
        if domain.first == "[" { return domain.last == "]" && isAddress(String(domain.dropFirst().dropLast())) }
        let labels = domain.split(separator: ".", omittingEmptySubsequences: false)
        guard domain.count <= 253, labels.count >= 2, labels.allSatisfy(isLabel), let last = labels.last else {
            return false
        }
        let topLevel = String(last)
        let isPlausible = topLevel.hasPrefix("xn--") || last.allSatisfy { !isASCIIDigit($0) && $0 != "-" }
        return last.count >= 2 && isPlausible && !reservedTopLevelDomains.contains(topLevel)
    }

    private static func isLabel(_ label: Substring.UnicodeScalarView) -> Bool {
        guard (1...63).contains(label.count), label.first != "-", label.last != "-" else { return false }
        return label.allSatisfy { scalar in
            isASCIIDigit(scalar) || scalar == "-" || ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
                || (scalar.value > 0xA0 && !scalar.properties.isWhitespace)
        }
    }

    private static func isASCIIDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }

    /// An IPv4 address, or a plausible IPv6 address with or without the tag of RFC 5321.
    private static func isAddress(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        if parts.count == 4 {
            return parts.allSatisfy { (1...3).contains($0.count) && UInt8($0) != nil }
        }
        let address = text.hasPrefix("ipv6:") ? text.dropFirst(5) : text[...]
        let groups = address.split(separator: ":", omittingEmptySubsequences: false)
        return (3...9).contains(groups.count) && groups.allSatisfy { $0.isEmpty || UInt16($0, radix: 16) != nil }
    }
}

/// The form of a user id that Iterable accepts: 1 to 52 printable ASCII characters without a trailing space.
/// Source: `FailedUserUpdates.invalidUserIds` in Iterable's API documentation. Case and leading spaces are kept.
enum UserIDRules {
    /// Whether a user id is accepted.
    static func isValid(_ userID: String) -> Bool {
        let bytes = userID.utf8
        return (1...52).contains(bytes.count) && bytes.allSatisfy { (0x20...0x7E).contains($0) }
            && bytes.last != 0x20
    }
}

import Foundation

/// What stands after the @: a host name with a real top-level domain, or an address literal in brackets
/// (`[127.0.0.1]`, `[ipv6:::1]`), by the rules of Apache Commons EmailValidator and DomainValidator.
enum MailDomain {
    /// Bytes (RFC 1035, section 2.3.4, without the root's length byte and label).
    static let maximumCount = 253
    /// Bytes of a label (RFC 1035, section 2.3.4).
    static let maximumLabelCount = 63

    /// Why mail cannot be sent to the domain; nil if it can. The domain is in normal form, lower-case ASCII.
    @inline(__always)
    static func failure(_ domain: UnsafeRawBufferPointer) -> FailureReason? {
        if domain.first == ASCII.openingBracket {
            return isAddressLiteral(domain) ? nil : IdentifierFailure.emailAddressLiteral
        }
        guard domain.count <= maximumCount, let lastLabel = lastLabelStart(domain), lastLabel > 0 else {
            return IdentifierFailure.emailDomain
        }
        let label = UnsafeRawBufferPointer(rebasing: domain[lastLabel...])
        return TopLevelDomains.contains(label) ? nil : IdentifierFailure.emailTopLevelDomain
    }

    /// Where the last label of a well-formed host name starts; nil if it is not well-formed. Labels are letters, digits
    /// and inner hyphens; one that starts with `xn--` is held to no more than that.
    @inline(__always)
    private static func lastLabelStart(_ domain: UnsafeRawBufferPointer) -> Int? {
        var labelStart = 0
        var previous = ASCII.dot
        for index in 0..<domain.count {
            let byte = domain[index]
            if byte == ASCII.dot {
                if previous == ASCII.dot || previous == ASCII.hyphen { return nil }
                if index &- labelStart > maximumLabelCount { return nil }
                labelStart = index &+ 1
            } else if byte == ASCII.hyphen {
                if previous == ASCII.dot { return nil }
            } else if !ASCIISet.lowerAlphanumeric.contains(byte) {
                return nil
            }
            previous = byte
        }
        if previous == ASCII.dot || previous == ASCII.hyphen { return nil }
        return domain.count &- labelStart <= maximumLabelCount ? labelStart : nil
    }

    /// Whether the domain is an address literal of RFC 5321, section 4.1.3: IPv4 untagged, IPv6 with the tag `ipv6:`.
    @inline(never)
    private static func isAddressLiteral(_ domain: UnsafeRawBufferPointer) -> Bool {
        guard domain.count > 2, domain.last == ASCII.closingBracket else { return false }
        let content = domain[1..<(domain.count - 1)]
        let tag: StaticString = "ipv6:"
        let isTagged = tag.withUTF8Buffer { content.starts(with: $0) }
        return isTagged
            ? isAddress(content.dropFirst(tag.utf8CodeUnitCount), family: AF_INET6)
            : isAddress(content, family: AF_INET)
    }

    /// Whether the system's parser takes the bytes as an address in its textual form.
    private static func isAddress(_ bytes: Slice<UnsafeRawBufferPointer>, family: Int32) -> Bool {
        guard bytes.count < INET6_ADDRSTRLEN, bytes.allSatisfy(ASCII.isPrintable) else { return false }
        // SAFETY: the bytes are fewer than there is room for, all of which is set before it is read: the text ends with a zero.
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
            text.initialize(repeating: 0)
            for (offset, byte) in bytes.enumerated() { text[offset] = CChar(bitPattern: byte) }
            var address = in6_addr()
            return inet_pton(family, text.baseAddress, &address) == 1
        }
    }
}

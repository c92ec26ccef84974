/// Who sent a request, where proxies stand between.
package enum ClientAddress {
    /// - Parameters:
    ///   - peer: the address at the other end of the connection, without a port; nil: not known.
    ///   - forwarded: the values of `X-Forwarded-For`, in their order.
    ///   - trusted: proxies whose word is believed.
    /// - Returns: the peer, or, where it is a trusted proxy, the last hop that is none; where all are, the first hop. nil where
    ///   that is not known or is no address.
    package static func of(peer: String?, forwarded: [String], trusted: [AddressRange]) -> String? {
        guard let peer else { return nil }
        guard isTrusted(peer, trusted) else { return peer }
        var client = peer
        let hops = forwarded.flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
        for hop in hops.reversed() {
            guard let address = address(of: hop) else { return nil }
            client = address
            if !isTrusted(address, trusted) { break }
        }
        return client
    }

    private static func isTrusted(_ address: String, _ trusted: [AddressRange]) -> Bool {
        trusted.contains { $0.contains(address) }
    }

    /// A hop without blanks, brackets and port, which some proxies write.
    private static func address(of hop: Substring) -> String? {
        var text = hop.trimmingBlanks
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            text = text[text.index(after: text.startIndex)..<end]
        } else if text.count(where: { $0 == ":" }) == 1, let colon = text.firstIndex(of: ":") {
            text = text[..<colon]
        }
        return AddressText.bytes(String(text)) == nil ? nil : String(text)
    }
}

extension StringProtocol {
    /// Without blanks and tabs at both ends.
    var trimmingBlanks: SubSequence {
        guard let first = unicodeScalars.firstIndex(where: { $0 != " " && $0 != "\t" }),
            let last = unicodeScalars.lastIndex(where: { $0 != " " && $0 != "\t" })
        else { return self[endIndex..<endIndex] }
        return self[first..<unicodeScalars.index(after: last)]
    }
}

/// Whether an address can only be reached from the machine itself.
package enum LoopbackAddress {
    /// - Parameter host: a name or an address, in any case, IPv6 with or without brackets.
    /// - Returns: true for `localhost`, 127.0.0.0/8 and ::1. Addresses in forms that programs read in different ways (`127.1`,
    ///   `127.0.0.01`) are not taken for one, nor names below `localhost`, which some resolvers ask the network about. Source:
    ///   RFC 6761, section 6.3; RFC 1122, section 3.2.1.3; RFC 4291, section 2.5.3; RFC 6943, section 3.1.1, for the forms.
    package static func contains(_ host: String) -> Bool {
        var name = host.lowercased()[...]
        if name.hasPrefix("["), name.hasSuffix("]") { name = name.dropFirst().dropLast() }
        if name == "localhost" || name == "::1" || name == "0:0:0:0:0:0:0:1" { return true }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        let isAddress = parts.allSatisfy { part in
            part.wholeMatch(of: /0|[1-9][0-9]{0,2}/) != nil && UInt8(part) != nil
        }
        return parts.count == 4 && isAddress && parts.first == "127"
    }
}

/// Addresses of the internet that begin alike: `10.0.0.0/8`, `2001:db8::/32`, or a single one (RFC 4632, RFC 4291).
package struct AddressRange: Sendable, Equatable {
    /// 4 or 16.
    let bytes: [UInt8]
    /// Leading bits that count.
    let prefix: Int

    /// - Parameter text: an address, or an address and the number of its leading bits behind a slash. Bits behind these are
    ///   taken for 0. An IPv4 address within IPv6 (`::ffff:10.0.0.1`) is that IPv4 address.
    /// - Returns: nil when it is none.
    package init?(_ text: String) {
        guard let range = AddressText.range(text) else { return nil }
        self = range
    }

    init(bytes: [UInt8], prefix: Int) {
        self.bytes = bytes
        self.prefix = prefix
    }

    /// Whether an address, without port and brackets, lies within; false where it is none.
    package func contains(_ address: String) -> Bool {
        guard let other = AddressText.bytes(address), other.count == bytes.count else { return false }
        return zip(bytes, other).enumerated().allSatisfy { index, pair in
            let bits = min(8, max(0, prefix - index * 8))
            let mask = UInt8(truncatingIfNeeded: 0xFF00 >> bits)
            return pair.0 & mask == pair.1 & mask
        }
    }
}

/// Turns the bytes of a warehouse cell into the normal form of an email address.
///
/// Two spellings of one address have the same normal form, byte for byte. The normal form of a value that is no address
/// is only good for being refused by ``EmailRules``. userIds have no normal form: they are taken exactly as they are.
///
/// An object owns scratch memory that every call overwrites. It is therefore not thread-safe (one per thread of work)
/// and its calls must not be nested.
package final class IdentifierNormalizer {
    /// Bytes of scratch memory. An address that can become valid has at most 64 bytes before the @ and, before its
    /// domain is converted, 253 characters of at most 4 bytes after it; longer values are passed on as they are.
    private static let capacity = 1088

    private let scratch: UnsafeMutableRawBufferPointer

    /// Allocates the scratch memory, about a kilobyte; no call allocates more for a value that is ASCII.
    package init() {
        // SAFETY: owned by this object and freed in `deinit`; what is given out of it is valid during the call only.
        scratch = .allocate(byteCount: Self.capacity, alignment: MemoryLayout<UInt64>.alignment)
    }

    deinit {
        scratch.deallocate()
    }

    /// Calls `body` with the normal form of an email address.
    ///
    /// White space at both ends is dropped (as JavaScript's `String.prototype.trim` does), ASCII letters become
    /// lower case, and a domain outside ASCII is converted to A-labels (UTS #46, non-transitional). What cannot be
    /// converted, a local part outside ASCII included, is kept, for ``EmailRules`` to refuse. No input
    /// traps: invalid UTF-8, NUL and any length are allowed.
    ///
    /// - Parameters:
    ///   - raw: the cell as the warehouse gave it.
    ///   - body: gets the bytes of the normal form, which are valid only during the call.
    /// - Returns: what `body` returns.
    @inlinable
    package func withEmail<R>(
        _ raw: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> R
    ) rethrows -> R {
        try body(normalForm(raw))
    }

    /// The normal form of an email address, or nil if it is not a valid one.
    package static func normalizedEmail(_ text: String) -> String? {
        let normalizer = IdentifierNormalizer()
        return Array(text.utf8).withUnsafeBytes { raw in
            normalizer.withEmail(raw) { normal in
                EmailRules.failure(normal) == nil ? String(decoding: normal, as: UTF8.self) : nil
            }
        }
    }

    /// As ``withEmail(_:_:)``. The result is valid until the next call, and while `raw` is: it lies in the scratch memory, or in `raw`
    /// itself where that is longer than any address.
    package func normalForm(_ raw: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let trimmed = WhiteSpace.trim(raw)
        guard trimmed.count <= Self.capacity else { return trimmed }
        let isASCII = ASCIIFolding.fold(trimmed, into: scratch)
        return UnsafeRawBufferPointer(rebasing: scratch[..<(isASCII ? trimmed.count : convertDomain(trimmed.count))])
    }

    /// Replaces the domain of the folded address in the scratch memory by its A-labels, if it has any.
    ///
    /// - Parameter count: number of bytes of the address.
    /// - Returns: number of bytes of the address now.
    @inline(never)
    private func convertDomain(_ count: Int) -> Int {
        guard let at = scratch[..<count].lastIndex(of: ASCII.at) else { return count }
        let domain = UnsafeRawBufferPointer(rebasing: scratch[(at + 1)..<count])
        guard let converted = DomainConversion.aLabels(domain), at + 1 + converted.count <= Self.capacity else {
            return count
        }
        UnsafeMutableRawBufferPointer(rebasing: scratch[(at + 1)...]).copyBytes(from: converted)
        return at + 1 + converted.count
    }
}

/// Lower-casing of ASCII letters, eight bytes at a time. Everything else is kept: no locale and no Unicode case
/// mapping, which would make different addresses equal (the Kelvin sign and `k`, say).
enum ASCIIFolding {
    /// Copies `source` with its ASCII letters in lower case.
    ///
    /// - Parameter target: at least as long as `source`.
    /// - Returns: whether `source` is pure ASCII.
    @inline(__always)
    static func fold(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Bool {
        var index = 0
        var seen: UInt64 = 0
        while index &+ 8 <= source.count {
            let word = source.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            seen |= word
            target.storeBytes(of: lowercase(word), toByteOffset: index, as: UInt64.self)
            index &+= 8
        }
        while index < source.count {
            let byte = source[index]
            seen |= UInt64(byte)
            target[index] = byte &- 0x41 < 26 ? byte | 0x20 : byte
            index &+= 1
        }
        return seen & 0x8080_8080_8080_8080 == 0
    }

    /// Eight bytes with the bit 0x20 set in those that are upper-case letters. Adding to the lower seven bits of each
    /// byte carries into its top bit: once for bytes from `A` on, once for bytes beyond `Z`.
    @inline(__always)
    private static func lowercase(_ word: UInt64) -> UInt64 {
        let lowerBits = word & 0x7f7f_7f7f_7f7f_7f7f
        let fromA = lowerBits &+ 0x3f3f_3f3f_3f3f_3f3f
        let beyondZ = lowerBits &+ 0x2525_2525_2525_2525
        let isUpper = fromA & ~beyondZ & ~word & 0x8080_8080_8080_8080
        return word | isUpper &>> 2
    }
}

/// Hashes what a record says, value by value, without putting their bytes together first.
///
/// It is SipHash-1-3 (Aumasson and Bernstein; the variant for hash tables) over words of 64 bits, with an output of 64 bits. What is
/// hashed begins with a word that says of what form and length it is, and text is filled up with zeros to whole words, so that two
/// different sequences of values never give the same words. Two different records have the same hash by chance once in 2^64.
package struct ContentHasher {
    @usableFromInline var v0: UInt64
    @usableFromInline var v1: UInt64
    @usableFromInline var v2: UInt64
    @usableFromInline var v3: UInt64

    /// - Parameter key: see ``Fingerprinter/contentHash(salt:)``.
    @inlinable
    package init(_ key: SipHash) {
        v0 = key.key0 ^ 0x736f_6d65_7073_6575
        v1 = key.key1 ^ 0x646f_7261_6e64_6f6d
        v2 = key.key0 ^ 0x6c79_6765_6e65_7261
        v3 = key.key1 ^ 0x7465_6462_7974_6573
    }

    @inlinable
    @inline(__always)
    package mutating func add(_ word: UInt64) {
        v3 ^= word
        round()
        v0 ^= word
    }

    /// A number of which it is known where it stands; nil is another value than each number.
    @inlinable
    package mutating func add(_ number: Int64?) {
        add(number == nil ? 0 : 1)
        if let number { add(UInt64(bitPattern: number)) }
    }

    /// The bytes with their number; nil is another value than no bytes.
    @inlinable
    package mutating func add(_ bytes: [UInt8]?) {
        guard let bytes else { return add(UInt64.max) }
        bytes.withUnsafeBytes { add($0) }
    }

    /// The bytes with their number.
    @inlinable
    package mutating func add(_ bytes: UnsafeRawBufferPointer) {
        let count = bytes.count
        add(UInt64(count))
        var offset = 0
        while offset &+ 8 <= count {
            add(Self.word(bytes, at: offset))
            offset &+= 8
        }
        guard offset < count else { return }
        var last: UInt64 = 0
        if count >= 8 {
            last = Self.word(bytes, at: count &- 8) &>> UInt64(8 &* (8 &- (count &- offset)))
        } else {
            for place in offset..<count { last |= UInt64(bytes[place]) &<< UInt64(8 &* (place &- offset)) }
        }
        add(last)
    }

    @inlinable
    static func word(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// The hash of what was added; nothing may be added after it.
    @inlinable
    package mutating func finish() -> Int64 {
        v2 ^= 0xff
        round()
        round()
        round()
        return Int64(bitPattern: v0 ^ v1 ^ v2 ^ v3)
    }

    @inlinable
    @inline(__always)
    mutating func round() {
        v0 &+= v1
        v1 = v1 &<< 13 | v1 &>> 51
        v1 ^= v0
        v0 = v0 &<< 32 | v0 &>> 32
        v2 &+= v3
        v3 = v3 &<< 16 | v3 &>> 48
        v3 ^= v2
        v0 &+= v3
        v3 = v3 &<< 21 | v3 &>> 43
        v3 ^= v0
        v2 &+= v1
        v1 = v1 &<< 17 | v1 &>> 47
        v1 ^= v2
        v2 = v2 &<< 32 | v2 &>> 32
    }
}

/// SipHash-2-4 with 128 bits of output, by Aumasson and Bernstein: a keyed hash, so that fingerprints neither reveal
/// identifiers nor can be made to collide by a person who does not know the key.
package struct SipHash: Sendable {
    @usableFromInline let key0: UInt64
    @usableFromInline let key1: UInt64

    /// - Parameter key: 16 bytes; more are ignored, missing ones count as zero.
    package init(key: [UInt8]) {
        func word(_ from: Int) -> UInt64 {
            (0..<8).reduce(0) { $0 | UInt64(from + $1 < key.count ? key[from + $1] : 0) << (8 * UInt64($1)) }
        }
        self.init(word(0), word(8))
    }

    @usableFromInline
    init(_ key0: UInt64, _ key1: UInt64) {
        self.key0 = key0
        self.key1 = key1
    }

    /// The same key with another purpose: hashes of the two never meet.
    func tweaked(_ tweak: UInt64) -> SipHash { SipHash(key0 ^ tweak, key1) }

    /// Both halves, in the order of the reference implementation's output (little-endian words).
    @inlinable
    package func hash(_ bytes: UnsafeRawBufferPointer) -> (UInt64, UInt64) {
        var v0 = key0 ^ 0x736f_6d65_7073_6575
        var v1 = key1 ^ 0x646f_7261_6e64_6f6d ^ 0xee
        var v2 = key0 ^ 0x6c79_6765_6e65_7261
        var v3 = key1 ^ 0x7465_6462_7974_6573
        @inline(__always)
        func round() {
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
        let count = bytes.count
        var offset = 0
        while offset &+ 8 <= count {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            v3 ^= word
            round()
            round()
            v0 ^= word
            offset &+= 8
        }
        var last = UInt64(truncatingIfNeeded: count) &<< 56
        var shift: UInt64 = 0
        while offset < count {
            last |= UInt64(bytes[offset]) &<< shift
            shift &+= 8
            offset &+= 1
        }
        v3 ^= last
        round()
        round()
        v0 ^= last
        v2 ^= 0xee
        round()
        round()
        round()
        round()
        let first = v0 ^ v1 ^ v2 ^ v3
        v1 ^= 0xdd
        round()
        round()
        round()
        round()
        return (first, v0 ^ v1 ^ v2 ^ v3)
    }
}

/// Turns identifiers into ``Fingerprint``s with the sync's secret key.
package struct Fingerprinter: Sendable {
    @usableFromInline let emails: SipHash
    @usableFromInline let userIDs: SipHash
    @usableFromInline let records: SipHash
    private let contents: SipHash

    /// - Parameter key: the sync's 16 secret bytes.
    package init(key: [UInt8]) {
        let hash = SipHash(key: key)
        emails = hash.tweaked(0x656d_6169_6c00_0000)
        userIDs = hash.tweaked(0x7573_6572_4964_0000)
        records = hash.tweaked(0x7265_636f_7264_0000)
        contents = hash.tweaked(0x636f_6e74_656e_7400)
    }

    /// Of what a record is known by.
    @inlinable
    package func fingerprint(record: UnsafeRawBufferPointer) -> Fingerprint {
        let (first, second) = records.hash(record)
        return Fingerprint(high: first, low: second)
    }

    /// The key for the ``ContentHasher`` of records. With another salt every record's content counts as changed.
    package func contentHash(salt: String) -> SipHash {
        let (first, second) = Array(salt.utf8).withUnsafeBytes { contents.hash($0) }
        return SipHash(first, second)
    }

    /// Of the normal forms; at least one must be given. A shared email gives an equal `high`, a shared userId an equal `low`.
    package func fingerprint(email: UnsafeRawBufferPointer?, userID: UnsafeRawBufferPointer?) -> Fingerprint {
        switch (email, userID) {
        case (let email?, let userID?): fingerprint(email: email, userID: userID)
        case (let email?, nil): fingerprint(email: email)
        case (nil, let userID?): fingerprint(userID: userID)
        case (nil, nil): Fingerprint(high: 0, low: 0)
        }
    }

    /// Of the normal forms of a person who is known by both.
    @inlinable
    package func fingerprint(email: UnsafeRawBufferPointer, userID: UnsafeRawBufferPointer) -> Fingerprint {
        Fingerprint(high: emails.hash(email).0, low: userIDs.hash(userID).0)
    }

    /// Of the normal form of an email alone.
    @inlinable
    package func fingerprint(email: UnsafeRawBufferPointer) -> Fingerprint {
        let (first, second) = emails.hash(email)
        return Fingerprint(high: first, low: second)
    }

    /// Of a userId alone.
    @inlinable
    package func fingerprint(userID: UnsafeRawBufferPointer) -> Fingerprint {
        let (first, second) = userIDs.hash(userID)
        return Fingerprint(high: second, low: first)
    }

    package func fingerprint(_ identity: Identity) -> Fingerprint {
        func with<R>(_ text: String?, _ body: (UnsafeRawBufferPointer?) -> R) -> R {
            guard let text else { return body(nil) }
            return Array(text.utf8).withUnsafeBytes { body($0) }
        }
        return with(identity.email) { email in
            with(identity.userID) { fingerprint(email: email, userID: $0) }
        }
    }
}

/// How an Iterable project tells people apart. Fixed when the project is created.
package enum ProjectType: String, Sendable, CaseIterable, Codable {
    case email
    case userID = "user_id"
    case hybrid
}

/// One person, by the identifiers under which Iterable will know them. At least one of the two is present.
///
/// Both are in normal form (see ``IdentifierNormalizer``) and therefore ASCII, so `==` on the strings is equality of bytes.
package struct Identity: Hashable, Sendable {
    /// Lower-case, trimmed, the domain in A-labels.
    package var email: String?
    /// 1 to 52 printable ASCII characters without outer blanks; case matters.
    package var userID: String?

    package init(email: String?, userID: String?) {
        self.email = email
        self.userID = userID
    }
}

extension Identity: CustomStringConvertible {
    package var description: String {
        switch (email, userID) {
        case (let email?, let userID?): "\(email) (\(userID))"
        case (let email?, nil): email
        case (nil, let userID?): userID
        case (nil, nil): "nobody"
        }
    }
}

/// A keyed 128-bit hash of one identity; it stands for the member wherever millions are compared.
///
/// Rows with a single identifier carry one 128-bit hash in `high` and `low`. Rows of hybrid projects that carry both
/// identifiers have the email's 64-bit hash in `high` and the userId's in `low`, so that a shared identifier is seen
/// without looking at the identifiers themselves.
package struct Fingerprint: Hashable, Sendable, Comparable, BitwiseCopyable {
    package var high: UInt64
    package var low: UInt64

    @inlinable
    @inline(__always)
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The 16 bytes, big-endian, as they are in the warehouse.
    package var bytes: [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: high >> (56 - 8 * $0)) }
            + (0..<8).map { UInt8(truncatingIfNeeded: low >> (56 - 8 * $0)) }
    }

    /// Reads 16 big-endian bytes where they lie; nil for any other count.
    @inlinable
    package init?(bytes: UnsafeRawBufferPointer) {
        guard bytes.count == 16 else { return nil }
        self.init(
            high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
            low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }

    /// Reads 16 big-endian bytes; nil for any other count.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 16 else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        for byte in bytes.prefix(8) { high = high << 8 | UInt64(byte) }
        for byte in bytes.dropFirst(8) { low = low << 8 | UInt64(byte) }
        self.init(high: high, low: low)
    }

    // The compiler's own would be called through a table from other modules.
    @inlinable
    @inline(__always)
    package static func == (a: Fingerprint, b: Fingerprint) -> Bool { a.high == b.high && a.low == b.low }

    @inlinable
    package func hash(into hasher: inout Hasher) {
        hasher.combine(high)
        hasher.combine(low)
    }

    @inlinable
    package static func < (a: Fingerprint, b: Fingerprint) -> Bool {
        a.high == b.high ? a.low < b.low : a.high < b.high
    }
}

/// Which userIds are sent to Iterable: 1 to 52 printable ASCII characters without white space around them, case and
/// leading zeros kept (Iterable's API documentation, `invalidUserIds`; leading blanks are refused because Iterable
/// would take such an id as another person's).
package enum UserIDRules {
    /// Characters, which are bytes in a valid userId.
    static let maximumCount = 52

    /// Why a userId is not valid; nil if it is.
    ///
    /// - Parameter raw: the cell as the warehouse gave it, or as text made of a number. Any bytes are allowed.
    package static func failure(_ raw: UnsafeRawBufferPointer) -> FailureReason? {
        isValid(raw) ? nil : diagnosis(raw)
    }

    /// The same for bytes in an array.
    package static func failure(_ raw: [UInt8]) -> FailureReason? {
        raw.withUnsafeBytes { failure($0) }
    }

    /// The same for text.
    package static func failure(_ raw: String) -> FailureReason? {
        failure(Array(raw.utf8))
    }

    @inline(__always)
    private static func isValid(_ raw: UnsafeRawBufferPointer) -> Bool {
        guard raw.count <= maximumCount, let first = raw.first, let last = raw.last else { return false }
        guard first != ASCII.space, last != ASCII.space else { return false }
        var unprintable: UInt8 = 0
        for byte in raw { unprintable |= ASCII.isPrintable(byte) ? 0 : 1 }
        return unprintable == 0
    }

    /// The most telling fault of a userId that is known to be invalid.
    @inline(never)
    private static func diagnosis(_ raw: UnsafeRawBufferPointer) -> FailureReason {
        let mostBytesOfACharacter = 4
        guard raw.count <= maximumCount * mostBytesOfACharacter else { return IdentifierFailure.userIDTooLong }
        let trimmed = WhiteSpace.trim(raw)
        guard !trimmed.isEmpty else { return IdentifierFailure.userIDEmpty }
        guard String(validating: raw, as: UTF8.self) != nil else { return IdentifierFailure.userIDInvalidUTF8 }
        guard trimmed.count == raw.count else { return IdentifierFailure.userIDOuterSpace }
        guard raw.allSatisfy(ASCII.isPrintable) else { return IdentifierFailure.userIDNotPrintableASCII }
        return IdentifierFailure.userIDTooLong
    }
}

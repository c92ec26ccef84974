/// Which email addresses are sent to Iterable.
///
/// Iterable's documentation names Apache Commons EmailValidator as its rule (local addresses and bare top-level domains
/// not allowed). These rules are the same but for what docs/identifiers.md lists: they are stricter about characters
/// outside ASCII, invisible ones and the length of the whole.
package enum EmailRules {
    /// Which of IANA's lists of top-level domains the rules know: year, month, day and number within the day.
    package static let topLevelDomainsVersion = TopLevelDomains.version

    /// Bytes of a whole address: what fits the 256-byte path of RFC 5321, section 4.5.3.1.3, between its angle
    /// brackets. Apache Commons has no such limit, but a longer address cannot be given to a mail server.
    static let maximumCount = 254
    /// Beyond this no part is looked at: 64 before the @, the @, and 255 after it.
    private static let maximumLookedAt = 320

    /// Why an address is not valid; nil if it is.
    ///
    /// - Parameter normal: the normal form, as ``IdentifierNormalizer/withEmail(_:_:)`` gives it. Any bytes are
    ///   allowed.
    package static func failure(_ normal: UnsafeRawBufferPointer) -> FailureReason? {
        guard normal.count <= maximumLookedAt else { return IdentifierFailure.emailTooLong }
        guard !normal.isEmpty else { return IdentifierFailure.emailEmpty }
        guard let failure = structuralFailure(normal) else { return nil }
        return characterFailure(normal) ?? failure
    }

    /// The same for bytes in an array, in normal form.
    package static func failure(_ normal: [UInt8]) -> FailureReason? {
        normal.withUnsafeBytes { failure($0) }
    }

    /// The same for text, in normal form.
    package static func failure(_ normal: String) -> FailureReason? {
        failure(Array(normal.utf8))
    }

    /// What is wrong with the build of the address. Nothing outside printable ASCII passes.
    @inline(__always)
    private static func structuralFailure(_ normal: UnsafeRawBufferPointer) -> FailureReason? {
        var at = normal.count &- 1
        while at >= 0, normal[at] != ASCII.at { at &-= 1 }
        guard at > 0, at < normal.count &- 1 else { return IdentifierFailure.emailForm }
        guard LocalPart.isWellFormed(UnsafeRawBufferPointer(rebasing: normal[..<at])) else {
            return IdentifierFailure.emailLocalPart
        }
        guard at <= LocalPart.maximumCount else { return IdentifierFailure.emailLocalTooLong }
        if let failure = MailDomain.failure(UnsafeRawBufferPointer(rebasing: normal[(at &+ 1)...])) { return failure }
        return normal.count <= maximumCount ? nil : IdentifierFailure.emailTooLong
    }

    /// What is wrong with the characters of an address that is known to be invalid; nil if the fault lies elsewhere.
    private static func characterFailure(_ normal: UnsafeRawBufferPointer) -> FailureReason? {
        guard let text = String(validating: normal, as: UTF8.self) else { return IdentifierFailure.emailInvalidUTF8 }
        let scalars = text.unicodeScalars
        if scalars.contains(where: { $0.properties.generalCategory == .control }) {
            return IdentifierFailure.emailControlCharacter
        }
        if scalars.contains(where: \.isInvisible) { return IdentifierFailure.emailInvisibleCharacter }
        guard let foreign = scalars.firstIndex(where: { !$0.isASCII }) else { return nil }
        let at = scalars.lastIndex(of: "@") ?? scalars.endIndex
        return foreign < at ? IdentifierFailure.emailNotASCII : IdentifierFailure.emailUnconvertibleDomain
    }
}

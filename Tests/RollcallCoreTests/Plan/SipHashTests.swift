import RollcallCore
import Testing

@Suite struct SipHashTests {
    /// From the reference implementation's `vectors_sip128`: key 00…0f, input of 0, 1, 2 … bytes 00, 01, 02 …
    @Test(
        arguments: [
            "a3817f04ba25a8e66df67214c7550293", "da87c1d86b99af44347659119b22fc45",
            "8177228da4a45dc7fca38bdef60affe4", "9c70b60c5267a94e5f33b6b02985ed51",
        ].enumerated().map { ($0.offset, $0.element) })
    func referenceVectors(length: Int, expected: String) {
        let hash = SipHash(key: (0..<16).map { UInt8($0) })
        let (first, second) = (0..<length).map { UInt8($0) }.withUnsafeBytes { hash.hash($0) }
        #expect(hex(first) + hex(second) == expected)
    }

    private func hex(_ word: UInt64) -> String {
        (0..<8).map { index in
            let byte = UInt8(truncatingIfNeeded: word >> (8 * UInt64(index)))
            return (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }

    @Test func fingerprintsShareAHalfWithASharedIdentifier() {
        let printer = Fingerprinter(key: Array(repeating: 7, count: 16))
        let both = printer.fingerprint(Identity(email: "a@example.com", userID: "u1"))
        let emailOnly = printer.fingerprint(Identity(email: "a@example.com", userID: nil))
        let userIDOnly = printer.fingerprint(Identity(email: nil, userID: "u1"))
        #expect(both.high == emailOnly.high && both.low == userIDOnly.low)
        #expect(both != emailOnly && both != userIDOnly && emailOnly != userIDOnly)
        // The same text as email and as userId is not the same identifier.
        let same = printer.fingerprint(Identity(email: "x", userID: "x"))
        #expect(same.high != same.low)
        #expect(Fingerprint(bytes: both.bytes) == both)
        #expect(Fingerprint(bytes: [1, 2, 3]) == nil)
    }
}

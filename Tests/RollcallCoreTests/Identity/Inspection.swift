@testable import RollcallCore

/// What Rollcall makes of one value: helpers over the byte-based interface, shared by the tests of this folder.
enum Inspection {
    /// Bytes of the normal form.
    static func normalForm(_ raw: [UInt8]) -> [UInt8] {
        let normalizer = IdentifierNormalizer()
        return raw.withUnsafeBytes { bytes in normalizer.withEmail(bytes) { Array($0) } }
    }

    static func normalForm(_ raw: String) -> String {
        String(decoding: normalForm(Array(raw.utf8)), as: UTF8.self)
    }

    /// Code of the failure after normalisation; nil for a valid address.
    static func emailCode(_ raw: [UInt8]) -> String? { EmailRules.failure(normalForm(raw))?.code }

    static func emailCode(_ raw: String) -> String? { emailCode(Array(raw.utf8)) }
}

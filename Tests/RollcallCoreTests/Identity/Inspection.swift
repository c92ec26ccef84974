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

/// A small generator with a fixed seed (SplitMix64), so that a failing case can be run again.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}

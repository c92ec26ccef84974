import Foundation

/// The id of an event as the contract has it, by other code than the engine's: `rc-` and the first 40 hexadecimal
/// digits of SHA-256 over the namespace and, of each part of the key, its family and its text, each with its length
/// before it.
enum DerivedID {
    static func of(_ namespace: String, _ parts: [(family: String, text: String)]) -> String {
        var bytes = framed(namespace)
        for part in parts { bytes += framed(part.family) + framed(part.text) }
        let digits = sha256(bytes).prefix(20).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        return "rc-" + digits.joined()
    }

    /// With its length as eight bytes, the highest first.
    private static func framed(_ text: String) -> [UInt8] {
        big(UInt64(text.utf8.count)) + Array(text.utf8)
    }

    private static func big(_ number: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * UInt64($0))) }
    }

    // MARK: SHA-256 (FIPS 180-4)

    private static let primes: [Int] = (2..<312).filter { number in
        !(2..<number).contains { $0 * $0 <= number && number % $0 == 0 }
    }

    /// The first 32 bits of a root's fraction.
    private static func fraction(_ root: Double) -> UInt32 { UInt32((root - root.rounded(.down)) * 4_294_967_296) }

    private static let start = primes.prefix(8).map { fraction(Double($0).squareRoot()) }
    private static let rounds = primes.map { fraction(cbrt(Double($0))) }

    static func sha256(_ message: [UInt8]) -> [UInt8] {
        var padded = message + [0x80]
        while padded.count % 64 != 56 { padded.append(0) }
        padded += big(UInt64(message.count) * 8)
        var state = start
        for block in stride(from: 0, to: padded.count, by: 64) { mix(padded[block..<block + 64], into: &state) }
        return state.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * UInt32($0))) } }
    }

    private static func mix(_ block: ArraySlice<UInt8>, into state: inout [UInt32]) {
        func turned(_ word: UInt32, _ bits: UInt32) -> UInt32 { (word >> bits) | (word << (32 - bits)) }
        var words = stride(from: block.startIndex, to: block.endIndex, by: 4).map { place in
            block[place..<place + 4].reduce(UInt32(0)) { ($0 << 8) | UInt32($1) }
        }
        for place in 16..<64 {
            let (early, late) = (words[place - 15], words[place - 2])
            let first: UInt32 = turned(early, 7) ^ turned(early, 18) ^ (early >> 3)
            let second: UInt32 = turned(late, 17) ^ turned(late, 19) ^ (late >> 10)
            words.append(words[place - 16] &+ first &+ words[place - 7] &+ second)
        }
        var s = state
        for place in 0..<64 {
            let (a, b, c, e) = (s[0], s[1], s[2], s[4])
            let high: UInt32 = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)
            let choice: UInt32 = (e & s[5]) ^ (~e & s[6])
            let first: UInt32 = s[7] &+ high &+ choice &+ rounds[place] &+ words[place]
            let low: UInt32 = turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)
            let majority: UInt32 = (a & b) ^ (a & c) ^ (b & c)
            s = [first &+ low &+ majority, a, b, c, s[3] &+ first, e, s[5], s[6]]
        }
        for place in 0..<8 { state[place] = state[place] &+ s[place] }
    }
}

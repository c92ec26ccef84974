/// Random numbers that are the same in every run of a test (SplitMix64, public domain, Sebastiano Vigna), so that a failing
/// case can be run again.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        return SeededGenerator.mix(state)
    }

    /// The generator's mixing step: every bit of the value changes half of the result.
    package static func mix(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// From 0 up to, but not including, `bound`.
    package mutating func next(below bound: Int) -> Int { Int(next() % UInt64(bound)) }

    /// From 0 up to, but not including, 1.
    package mutating func unit() -> Double { Double(next() >> 11) / Double(1 << 53) }
}

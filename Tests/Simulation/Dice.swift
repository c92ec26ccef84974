/// Numbers from a seed (SplitMix64). Each part of a history has dice of its own, so that a draw in one shifts no other.
struct Dice: Sendable {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    /// Dice for one part of the history, told by name and number.
    init(_ seed: UInt64, _ part: String, _ number: Int = 0) {
        state = part.utf8.reduce(Dice.mix(seed ^ UInt64(bitPattern: Int64(number)) &* 0x9e37_79b9_7f4a_7c15)) {
            Dice.mix($0 ^ UInt64($1))
        }
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        return Dice.mix(state)
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ count: Int) -> Int { Int(next() % UInt64(max(1, count))) }
    mutating func between(_ low: Int, _ high: Int) -> Int { low + below(high - low + 1) }
    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
    mutating func pick<T>(_ choices: [T]) -> T { choices[below(choices.count)] }
    mutating func milliseconds(_ low: Int, _ high: Int) -> Duration { .milliseconds(between(low, high)) }
}

import SeededRandom

/// Numbers from a seed (SplitMix64). Each part of a history has dice of its own, so that a draw in one shifts no other.
struct Dice: Sendable {
    private var numbers: SeededGenerator

    init(_ seed: UInt64) { numbers = SeededGenerator(seed: seed) }

    /// Dice for one part of the history, told by name and number.
    init(_ seed: UInt64, _ part: String, _ number: Int = 0) {
        let start = SeededGenerator.mix(seed ^ UInt64(bitPattern: Int64(number)) &* 0x9e37_79b9_7f4a_7c15)
        self.init(part.utf8.reduce(start) { SeededGenerator.mix($0 ^ UInt64($1)) })
    }

    mutating func next() -> UInt64 { numbers.next() }

    mutating func below(_ count: Int) -> Int { Int(next() % UInt64(max(1, count))) }
    mutating func between(_ low: Int, _ high: Int) -> Int { low + below(high - low + 1) }
    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
    mutating func pick<T>(_ choices: [T]) -> T { choices[below(choices.count)] }
    mutating func milliseconds(_ low: Int, _ high: Int) -> Duration { .milliseconds(between(low, high)) }
}

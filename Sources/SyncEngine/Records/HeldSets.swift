import RollcallCore

/// Sets of fields that a sync has given a value, each with a number: many entries have the same one.
struct HeldSets: Sendable {
    /// The first is empty.
    private var sets = [FieldBits()]
    private var numbers: [FieldBits: UInt32] = [FieldBits(): 0]

    subscript(number: UInt32) -> FieldBits { sets[Int(number)] }

    mutating func number(of held: FieldBits) -> UInt32 {
        if let number = numbers[held] { return number }
        let number = UInt32(sets.count)
        sets.append(held)
        numbers[held] = number
        return number
    }
}

import RollcallCore

/// Sets of fields, each with a number: those that a sync has given a value, or those without one. Many entries have the same set.
struct HeldSets: Sendable {
    /// In the order of their numbers; the first is empty.
    private(set) var sets = [FieldBits()]
    private var numbers: [FieldBits: UInt32] = [FieldBits(): 0]

    subscript(number: UInt32) -> FieldBits { sets[Int(number)] }

    /// As ``number(of:)``, of the bytes of a set. Where there are few sets, which is nearly always, none is made of them.
    mutating func number(of bytes: UnsafeRawBufferPointer) -> UInt32 {
        for number in 0..<min(sets.count, Self.few) where sets[number].bytes.elementsEqual(bytes) {
            return UInt32(number)
        }
        return number(of: FieldBits(bytes: bytes))
    }

    private static let few = 16

    mutating func number(of held: FieldBits) -> UInt32 {
        if let number = numbers[held] { return number }
        let number = UInt32(sets.count)
        sets.append(held)
        numbers[held] = number
        return number
    }
}

/// A set of small numbers, one bit for each: which fields of a record hold a value.
package struct FieldBits: Sendable, Hashable {
    /// Bit n is bit n % 8 of byte n / 8. The last byte is not 0, so that equal sets have equal bytes.
    package private(set) var bytes: [UInt8]

    package init() { bytes = [] }

    package init(bytes: some Sequence<UInt8>) {
        self.bytes = Array(bytes)
        trim()
    }

    package init(_ numbers: some Sequence<Int>) {
        bytes = []
        for number in numbers { insert(number) }
    }

    package var isEmpty: Bool { bytes.isEmpty }
    package var count: Int { bytes.reduce(0) { $0 + $1.nonzeroBitCount } }

    package func contains(_ number: Int) -> Bool {
        number >> 3 < bytes.count && bytes[number >> 3] & (1 << UInt8(number & 7)) != 0
    }

    package mutating func insert(_ number: Int) {
        while bytes.count <= number >> 3 { bytes.append(0) }
        bytes[number >> 3] |= 1 << UInt8(number & 7)
    }

    package mutating func formUnion(_ other: FieldBits) {
        while bytes.count < other.bytes.count { bytes.append(0) }
        for index in other.bytes.indices { bytes[index] |= other.bytes[index] }
    }

    package mutating func subtract(_ other: FieldBits) {
        for index in bytes.indices where index < other.bytes.count { bytes[index] &= ~other.bytes[index] }
        trim()
    }

    package func isDisjoint(with other: FieldBits) -> Bool {
        zip(bytes, other.bytes).allSatisfy { $0 & $1 == 0 }
    }

    private mutating func trim() {
        while bytes.last == 0 { bytes.removeLast() }
    }
}

/// Which fields of a record this sync has given a value, once a change of it is carried out. A field's bit is the place that
/// the warehouse keeps for its name.
package struct HeldFields: Sendable, Hashable {
    /// Where the change succeeds, whatever became of earlier requests with it.
    package var ifDone: FieldBits
    /// Where it may have been carried out, or not: those of before as well.
    package var ifInDoubt: FieldBits

    package init(ifDone: FieldBits, ifInDoubt: FieldBits) {
        self.ifDone = ifDone
        self.ifInDoubt = ifInDoubt
    }
}

import RollcallCore
import SeededRandom
import Testing

@Suite struct FieldBitsTests {
    @Test func aBitIsWhereItsNumberSays() {
        #expect(FieldBits([0]).bytes == [1])
        #expect(FieldBits([7]).bytes == [0x80])
        #expect(FieldBits([8]).bytes == [0, 1])
        #expect(FieldBits([17, 0, 3]).bytes == [0b1001, 0, 0b10])
        #expect(FieldBits([3, 3]).bytes == [8])
    }

    @Test func nothingHasNoBytes() {
        #expect(FieldBits().bytes == [] && FieldBits().isEmpty)
        #expect(FieldBits([Int]()) == FieldBits())
        #expect(FieldBits(bytes: [0, 0]).isEmpty)
        #expect(!FieldBits().contains(0) && !FieldBits([2]).contains(1000))
        #expect(!FieldBits([0]).isEmpty)
    }

    @Test func equalSetsHaveEqualBytes() {
        #expect(FieldBits(bytes: [5, 0, 0]).bytes == [5])
        #expect(FieldBits([1, 20, 9]) == FieldBits([9, 1, 20]))
        var shrunk = FieldBits([1, 20])
        shrunk.subtract(FieldBits([20, 90]))
        #expect(shrunk == FieldBits([1]) && shrunk.bytes == [2])
        shrunk.subtract(FieldBits([1]))
        #expect(shrunk == FieldBits())
    }

    @Test func bytesAreReadBack() {
        let bits = FieldBits([0, 63, 64, 700])
        #expect(FieldBits(bytes: bits.bytes) == bits)
        let read = bits.bytes.withUnsafeBytes { FieldBits(bytes: $0) }
        #expect(read == bits)
    }

    private static func numbers(below limit: Int, _ random: inout SeededGenerator) -> Set<Int> {
        var numbers: Set<Int> = []
        for _ in 0..<random.next(below: 13) { numbers.insert(random.next(below: limit)) }
        return numbers
    }

    /// Compared with sets of numbers.
    @Test func itIsASet() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<500 {
            let first = Self.numbers(below: 40, &random)
            let second = Self.numbers(below: 90, &random)
            let (one, other) = (FieldBits(first), FieldBits(second))
            #expect((0..<100).filter { one.contains($0) } == first.sorted())
            #expect(one.count == first.count)
            #expect(one.isDisjoint(with: other) == first.isDisjoint(with: second))
            var union = one
            union.formUnion(other)
            #expect(union == FieldBits(first.union(second)))
            var difference = one
            difference.subtract(other)
            #expect(difference == FieldBits(first.subtracting(second)))
            #expect(difference.isDisjoint(with: other))
        }
    }
}

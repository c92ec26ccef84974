import RollcallCore
import Testing

@Suite struct ContentHasherTests {
    private static let key = SipHash(key: (0..<16).map { UInt8($0) })

    private func hash(_ add: (inout ContentHasher) -> Void) -> Int64 {
        var hasher = ContentHasher(Self.key)
        add(&hasher)
        return hasher.finish()
    }

    /// SipHash-1-3 of bytes 00, 01 … with the key 00…0f ends with a word that has their number in its highest byte. The first of these is
    /// in the tests of Rust's standard library (`test_siphash_1_3`), the others are those of another implementation of the paper.
    @Test func itIsSipHashWithOneRoundAWordAndThreeAtTheEnd() {
        #expect(hash { $0.add(UInt64(0)) } == Int64(bitPattern: 0xabac_0158_050f_c4dc))
        #expect(hash { $0.add(UInt64(1) << 56) } == Int64(bitPattern: 0xc9f4_9bf3_7d57_ca93))
        #expect(
            hash {
                $0.add(0x0706_0504_0302_0100)
                $0.add(UInt64(8) << 56)
            } == Int64(bitPattern: 0x3690_9511_8d29_9a8e))
    }

    @Test(arguments: 0...40)
    func bytesAreTheirNumberAndWordsFilledUpWithZeros(count: Int) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: 200 + $0) }
        let words = stride(from: 0, to: count, by: 8).map { start in
            bytes[start..<min(start + 8, count)].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        }
        let expected = hash { hasher in for word in [UInt64(count)] + words { hasher.add(word) } }
        #expect(hash { $0.add(bytes) } == expected)
        // Wherever they lie in memory.
        let shifted = [0, 0, 0] + bytes + [7]
        #expect(
            hash { hasher in
                shifted.withUnsafeBytes { hasher.add(UnsafeRawBufferPointer(rebasing: $0[3..<3 + count])) }
            } == expected)
    }

    @Test func sequencesThatDifferHaveDifferentHashes() {
        let none: [UInt8]? = nil
        let hashes = [
            hash { $0.add(none) }, hash { $0.add([UInt8]()) }, hash { $0.add([UInt8(0)]) },
            hash { $0.add([UInt8(0), 0]) },
            hash {
                $0.add(Array("ab".utf8))
                $0.add(Array("c".utf8))
            },
            hash {
                $0.add(Array("a".utf8))
                $0.add(Array("bc".utf8))
            },
            hash { _ in },
        ]
        #expect(Set(hashes).count == hashes.count)
        let numbers = [Int64?.none, 0, 1, -1].map { number in hash { $0.add(number) } }
        #expect(Set(numbers).count == numbers.count)
    }
}

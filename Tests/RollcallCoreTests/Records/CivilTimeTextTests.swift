import Foundation
import RollcallCore
import SeededRandom
import Testing

@Suite struct CivilTimeTextTests {
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (1, "1970-01-01T00:00:00.000001Z"),
            (1_795_939_200_000_000, "2026-11-29T08:00:00Z"), (1_795_939_200_250_000, "2026-11-29T08:00:00.250000Z"),
            (1_709_164_800_000_000, "2024-02-29T00:00:00Z"), (-1, "1969-12-31T23:59:59.999999Z"),
            (-1_000_000, "1969-12-31T23:59:59Z"), (-1_000_001, "1969-12-31T23:59:58.999999Z"),
            (-62_135_596_800_000_000, "0001-01-01T00:00:00Z"),
            (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
        ] as [(Int64, String)])
    func aMomentHasOneText(_ microseconds: Int64, _ text: String) {
        #expect(CivilTimeText.text(microseconds: microseconds) == text)
        #expect(CivilTimeText.writable(microseconds: microseconds) == text)
    }

    @Test(arguments: [Int64.min, -62_135_596_800_000_001, 253_402_300_800_000_000, .max])
    func momentsOfOtherYearsHaveNone(_ microseconds: Int64) {
        #expect(CivilTimeText.writable(microseconds: microseconds) == nil)
    }

    /// Texts of moments stand in the order of the moments, as far as both have a fraction or none.
    @Test func textsAreOrderedAsMomentsAre() {
        var random = SeededGenerator(seed: 8)
        var moments: [Int64] = []
        for _ in 0..<500 { moments.append((Int64(random.next(below: 4_000_000_000)) - 2_000_000_000) * 1_000_000 + 1) }
        let texts = moments.sorted().map { CivilTimeText.text(microseconds: $0) }
        #expect(texts == texts.sorted())
    }

    @Test func textsAreThoseOfFoundation() {
        var random = SeededGenerator(seed: 9)
        for _ in 0..<500 {
            let second = Int64(random.next(below: 200_000_000_000))
            let expected = Date(timeIntervalSince1970: Double(second)).formatted(.iso8601)
            #expect(CivilTimeText.text(microseconds: second * 1_000_000) == expected)
        }
    }
}

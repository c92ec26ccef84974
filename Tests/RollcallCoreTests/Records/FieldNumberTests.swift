import SeededRandom
import Testing

@testable import RollcallCore

@Suite struct FieldNumberTests {
    /// Few digits are written without a search for the shortest ones; they must be those all the same.
    @Test func realNumbersHaveTheirShortestDigits() {
        var random = SeededGenerator(seed: 11)
        var values: [Double] = [
            0, -0.0, 1, -1, 0.1, 0.3, 0.1 + 0.2, 0.001, 0.0001, 0.0005, 0.999, 1e11, 999_999_999_999.999, 1e12, 1e15,
            1e16, 1e17,
            4_503_599_627_370_497.5, 123_456_789_012.345, .pi, .leastNonzeroMagnitude, .greatestFiniteMagnitude,
            0.29, 1.005, 2.675, 1_000_000_000_000.001,
        ]
        for _ in 0..<50_000 {
            let bits = random.next()
            let whole = Double(Int64(bitPattern: bits) >> (bits % 60))
            values += [
                whole, whole / 10, whole / 100, whole / 1000, whole / 10_000, (whole / 1000).nextUp,
                (whole / 100).nextDown,
            ]
            let any = Double(bitPattern: bits)
            if any.isFinite { values.append(any) }
        }
        for value in values {
            var bytes: [UInt8] = []
            FieldNumber.real(value).write(to: &bytes)
            let written = String(decoding: bytes, as: UTF8.self)
            // Where `description` has an exponent, a fraction is put before it.
            let expected = value.description
            let isSame = written == expected || written.replacing(".0e", with: "e") == expected
            #expect(isSame, "\(expected) is written as \(written)")
        }
    }
}

import SeededRandom
import Testing

@testable import RollcallCore

@Suite struct IdentifierNormalizerTests {
    /// What ECMA-262 calls WhiteSpace or LineTerminator.
    static let trimmed: [UInt32] =
        Array(0x9...0xd) + [0x20, 0xa0, 0x1680] + Array(0x2000...0x200a)
        + [0x2028, 0x2029, 0x202f, 0x205f, 0x3000, 0xfeff]

    @Test func trimsExactlyWhatJavaScriptTrims() {
        for value in UInt32(0)...0xffff {
            guard let scalar = Unicode.Scalar(value), value != 0x61 else { continue }
            let wrapped = "\(Character(scalar))a\(Character(scalar))"
            let bytes = Array(wrapped.utf8)
            let count = bytes.withUnsafeBytes { WhiteSpace.trim($0).count }
            #expect((count == 1) == Self.trimmed.contains(value), "U+\(String(value, radix: 16))")
            #expect(count == 1 || count == bytes.count, "U+\(String(value, radix: 16))")
        }
    }

    @Test func trimsRunsAndMixtures() {
        let all = String(String.UnicodeScalarView(Self.trimmed.compactMap(Unicode.Scalar.init)))
        #expect(Inspection.normalForm(all + "a@example.com" + all) == "a@example.com")
        #expect(Inspection.normalForm(all).isEmpty)
        #expect(Inspection.normalForm([0x80, 0x61, 0xa0]) == [0x80, 0x61, 0xa0])
        #expect(Inspection.normalForm([0xe2, 0x80]) == [0xe2, 0x80])
    }

    @Test func lowersASCIILettersAndNothingElse() {
        for byte in UInt8.min..<128 {
            for padding in 0...9 {
                let raw = [UInt8](repeating: 0x61, count: padding) + [byte] + [UInt8](repeating: 0x62, count: 9)
                let expected = raw.map { (0x41...0x5a).contains($0) ? $0 + 32 : $0 }
                guard !Self.trimmed.contains(UInt32(byte)) || padding > 0 else { continue }
                #expect(Inspection.normalForm(raw) == expected, "byte \(byte) after \(padding)")
            }
        }
        #expect(Inspection.normalForm("\u{212a}Ä@example.com") == "\u{212a}Ä@example.com")
    }

    @Test(arguments: [
        ("user@bücher.ch", "user@xn--bcher-kva.ch"), ("USER@BÜCHER.CH", "user@xn--bcher-kva.ch"),
        ("user@bu\u{308}cher.ch", "user@xn--bcher-kva.ch"), ("user@XN--BCHER-KVA.ch", "user@xn--bcher-kva.ch"),
        ("a@ｇｍａｉｌ.com", "a@gmail.com"), ("a@ＧＭＡＩＬ．ＣＯＭ", "a@gmail.com"), ("a@\u{212a}.com", "a@k.com"),
        ("x@президент.рф", "x@xn--d1abbgf6aiiy.xn--p1ai"), ("a@straße.de", "a@xn--strae-oqa.de"),
        ("a@日本語。jp", "a@xn--wgv71a119e.jp"), ("\"a@ü\"@bücher.ch", "\"a@ü\"@xn--bcher-kva.ch"),
        ("a@ex\u{200b}ample.com", "a@ex\u{200b}ample.com"), ("a@bü_x.ch", "a@bü_x.ch"),
        ("Ü@Example.COM", "Ü@example.com"),
    ])
    func convertsDomains(_ raw: String, _ normal: String) {
        #expect(Inspection.normalForm(raw).utf8.elementsEqual(normal.utf8))
    }

    @Test func scratchMemoryIsGoodForManyCalls() {
        let normalizer = IdentifierNormalizer()
        for raw in ["A@Example.com", "x@bücher.ch", "", "B@example.org", String(repeating: "Z", count: 5000), "c@D.io"]
        {
            let bytes = Array(raw.utf8)
            let normal = bytes.withUnsafeBytes { normalizer.withEmail($0) { Array($0) } }
            #expect(normal == Inspection.normalForm(bytes))
        }
    }

    @Test func errorsOfTheBodyArePassedOn() {
        struct Refusal: Error {}
        let normalizer = IdentifierNormalizer()
        #expect(throws: Refusal.self) {
            try Array("a@example.com".utf8).withUnsafeBytes { raw in
                try normalizer.withEmail(raw) { _ in throw Refusal() }
            }
        }
    }
}

@Suite struct IdentifierPropertyTests {
    private static let fragments = [
        "a", "B", "z", "0", "9", ".", "..", "@", "-", "_", "+", "'", "\"", "\\", " ", "\t", "\0", "[", "]",
        "[127.0.0.1]",
        "example", "EXAMPLE", ".com", ".ORG", "bücher", "ü", "u\u{308}", "。", "ｇ", "\u{200b}", "\u{feff}", "\u{a0}",
        "😀",
        "xn--", "xn--bcher-kva", ".рф", "%41", "/", ":", "ß", "\u{212a}", "é@É.fr", "first.last@example.com",
    ]

    @Test func normalFormsAreStableAndValidOnesArePrintableASCII() {
        var generator = SeededGenerator(seed: 20_261_121)
        for _ in 0..<20_000 {
            var raw: [UInt8] = []
            for _ in 0..<Int.random(in: 0...8, using: &generator) {
                raw += Array((Self.fragments.randomElement(using: &generator) ?? "").utf8)
            }
            check(raw)
        }
    }

    @Test func randomBytesNeverTrap() {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<100_000 {
            let count = Int.random(in: 0...40, using: &generator)
            var raw = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            if count > 4, Bool.random(using: &generator) { raw[count / 2] = UInt8(ascii: "@") }
            check(raw)
        }
    }

    @Test func spellingsOfOneAddressAreOne() {
        var generator = SeededGenerator(seed: 11)
        let spaces = IdentifierNormalizerTests.trimmed.compactMap(Unicode.Scalar.init).map { String(Character($0)) }
        for _ in 0..<5_000 {
            let plain = "first.last+\(UInt16.random(in: 0...999, using: &generator))@sub.example-shop.co.uk"
            let cased = String(plain.map { Bool.random(using: &generator) ? Character($0.uppercased()) : $0 })
            let before = (0..<3).compactMap { _ in spaces.randomElement(using: &generator) }.joined()
            let after = (0..<3).compactMap { _ in spaces.randomElement(using: &generator) }.joined()
            #expect(IdentifierNormalizer.normalizedEmail(before + cased + after) == plain)
        }
    }

    private func check(_ raw: [UInt8]) {
        let normal = Inspection.normalForm(raw)
        #expect(Inspection.normalForm(normal) == normal, "\(raw)")
        if EmailRules.failure(normal) == nil {
            #expect(normal.allSatisfy { (0x20...0x7e).contains($0) }, "\(raw)")
            #expect(normal.count <= 254, "\(raw)")
        }
        if UserIDRules.failure(raw) == nil {
            #expect((1...52).contains(raw.count) && raw.allSatisfy { (0x20...0x7e).contains($0) }, "\(raw)")
            #expect(raw.first != 0x20 && raw.last != 0x20, "\(raw)")
        }
    }
}

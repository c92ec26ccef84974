import SeededRandom
import Testing

@testable import RollcallCore

/// Identifiers made of valid ones by small changes, held against ``IdentifierReference``.
@Suite struct HostileIdentifierTests {
    private static let locals = [
        "ada", "Ada.Lovelace", "first.last+tag", "o'brien", "\"a b\"", "\"a@b\"", "a\\@b", "\"a\\\"b\"", "\\>x", "=1+1",
        "x", "{|}~", "\"\"", "a.\"b c\".d", "null", String(repeating: "l", count: 63),
        String(repeating: "l", count: 64),
    ]
    private static let domains = [
        "example.com", "Sub.Example.CO.UK", "a-b.org", "xn--bcher-kva.ch", "[127.0.0.1]", "[IPv6:2001:db8::1]",
        "[ipv6:::]", "[IPv6:1:2:3:4:5:6:7::]", "[IPv6:::ffff:1.2.3.4]", "1.com", "example.test", "localhost",
        "a.b.c.d.museum",
        String(repeating: "d", count: 63) + ".com", String(repeating: "d.", count: 92) + "com", "bücher.ch",
    ]
    private static let inserted = [
        ".", "..", "@", "\"", "\\", " ", "\t", "\r\n", "\0", "[", "]", ":", "::", "-", "_", "%", ",", ";", "<", ">",
        "(", ")",
        "é", "e\u{301}", "\u{200b}", "\u{a0}", "\u{feff}", "\u{212a}", "\u{130}", "K", "ﬀ", "。", "．", "0", "255", "256",
        "\u{7f}", "\u{85}", "\u{2028}", "😀", "\u{301}", "A", "Z", "[", "`", "{",
    ]

    static func mutant(_ random: inout SeededGenerator) -> [UInt8] {
        var bytes = Array((locals.randomElement(using: &random) ?? "").utf8)
        bytes.append(UInt8(ascii: "@"))
        bytes += Array((domains.randomElement(using: &random) ?? "").utf8)
        for _ in 0..<Int.random(in: 0...3, using: &random) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0...6, using: &random) {
            case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes.remove(at: place)
            case 2, 3: bytes.insert(contentsOf: (inserted.randomElement(using: &random) ?? "").utf8, at: place)
            case 4: bytes[place] ^= 0x20
            case 5: bytes += Array((inserted.randomElement(using: &random) ?? "").utf8)
            default: bytes.swapAt(place, Int.random(in: 0..<bytes.count, using: &random))
            }
        }
        return bytes
    }

    @Test func emailsAreWhatTheReferenceSays() {
        var random = SeededGenerator(seed: 3)
        var judged = 0
        var valid = 0
        for _ in 0..<12_000 {
            let raw = Self.mutant(&random)
            let normal = Inspection.normalForm(raw)
            let failure = EmailRules.failure(normal)
            if failure == nil {
                valid += 1
                #expect(Inspection.normalForm(normal) == normal, "a valid normal form is its own: \(raw)")
                #expect(IdentifierReference.isValidEmail(normal), "\(raw)")
            }
            guard let expected = IdentifierReference.normalForm(raw) else { continue }
            judged += 1
            #expect(normal == expected, "\(raw)")
            let text = String(decoding: raw, as: UTF8.self)
            #expect((failure == nil) == IdentifierReference.isValidEmail(expected), "\(text.debugDescription)")
        }
        #expect(judged > 8_000 && valid > 1_500, "\(judged) judged, \(valid) valid")
    }

    @Test func userIDsAreWhatTheReferenceSays() {
        var random = SeededGenerator(seed: 5)
        var valid = 0
        for _ in 0..<20_000 {
            var raw = Self.mutant(&random)
            if Bool.random(using: &random) { raw = Array(raw.prefix(Int.random(in: 0...54, using: &random))) }
            let isValid = UserIDRules.failure(raw) == nil
            #expect(isValid == IdentifierReference.isValidUserID(raw), "\(raw)")
            if isValid { valid += 1 }
        }
        #expect(valid > 3_000)
    }

    /// Folding is of ASCII letters alone: nothing else makes two different values one.
    @Test func twoValuesAreOneOnlyByTrimmingASCIICaseAndDomains() {
        var random = SeededGenerator(seed: 9)
        var seen: [[UInt8]: [UInt8]] = [:]
        for _ in 0..<12_000 {
            let raw = Self.mutant(&random)
            guard IdentifierReference.normalForm(raw) != nil else { continue }
            let normal = Inspection.normalForm(raw)
            let folded = IdentifierReference.trimmed(raw).map { (65...90).contains($0) ? $0 | 32 : $0 }
            if let other = seen.updateValue(folded, forKey: normal) { #expect(other == folded, "\(raw)") }
        }
        #expect(seen.count > 3_000)
    }

    @Test(arguments: [
        "1.2.3.4", "01.2.3.4", "256.1.1.1", "1.2.3", "1.2.3.4.5", "::", "::1", "1::", "1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7::",
        "1::2::3", "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3.4", "12345::", "g::", ":", ":::", "1:",
        ":1",
        "1:2:3:4:5:6:7:8:9", "1::3:4:5:6:7:8", "::2:3:4:5:6:7:8", "1:2:3:4:5:6::8", "::ffff:1.2.3.256", "1.2.3.4::", "",
    ])
    func addressLiterals(_ text: String) {
        for (tag, expected) in [("", IdentifierReference.isIPv4(text)), ("ipv6:", IdentifierReference.isIPv6(text))] {
            #expect((EmailRules.failure("a@[\(tag)\(text)]") == nil) == expected, "[\(tag)\(text)]")
        }
    }

    /// What differs between Swift, Postgres and SQLite: only the bytes count, of whatever the text says to `String`.
    @Test func bytesCountNotCharacters() {
        #expect(Inspection.emailCode("caf\u{e9}@example.com") == "email_not_ascii")
        #expect(Inspection.normalForm("caf\u{e9}@example.com").utf8.count == 17)
        #expect(Inspection.normalForm("cafe\u{301}@example.com").utf8.count == 18)
        #expect(Inspection.normalForm("\u{212a}\u{130}@example.com") == "\u{212a}\u{130}@example.com")
        #expect(Inspection.normalForm([0x61, 0xff, 0x62]) != Inspection.normalForm([0x61, 0xfe, 0x62]))
        #expect(UserIDRules.failure(Array("a\r\nb".utf8))?.code == "user_id_not_printable_ascii")
        #expect(UserIDRules.failure(Array("a\0b".utf8))?.code == "user_id_not_printable_ascii")
        for id in ["1", "01", "1.0", "001"] { #expect(UserIDRules.failure(id) == nil) }
    }
}

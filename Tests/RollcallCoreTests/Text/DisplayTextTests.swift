import RollcallCore
import Testing

@Suite struct DisplayTextTests {
    /// One character for each way to mislead whoever looks: an escape sequence, a soft hyphen, marks of direction (also Arabic's),
    /// invisible ones, separators of lines, a byte order mark, tags, and one that is not assigned.
    @Test(arguments: [
        "\u{1b}", "\u{7f}", "\u{85}", "\u{ad}", "\u{61c}", "\u{180e}", "\u{200b}", "\u{200d}", "\u{200f}", "\u{2028}",
        "\u{2029}", "\u{202e}", "\u{2060}", "\u{2066}", "\u{2069}", "\u{feff}", "\u{fff9}", "\u{e0041}", "\u{1bca0}",
        "\u{378}", "\n", "\t", "\0",
    ])
    func whatWouldMisleadBecomesVisible(character: String) throws {
        let scalar = try #require(character.unicodeScalars.first)
        #expect(DisplayText.isUnsafe(scalar))
        #expect(DisplayText.safe("a\(character)b") == "a\\u{\(String(scalar.value, radix: 16))}b")
    }

    @Test(arguments: ["", "a b~", "é", "e\u{301}", "日本", "\u{1F600}", "\u{a0}", "ß", "ﷺ"])
    func whatCanBeSeenStays(text: String) {
        #expect(DisplayText.safe(text) == text)
        #expect(DisplayText.safe(text, limit: 100) == text)
    }

    @Test func whatIsLongIsCut() {
        #expect(DisplayText.safe("abcdef", limit: 3) == "abc…")
        #expect(DisplayText.safe("abc", limit: 3) == "abc")
        #expect(DisplayText.safe("a\u{1b}c", limit: 2) == "a\\u{1b}…")
        #expect(DisplayText.line("one:\n   two\r\n\n three", limit: 100) == "one: · two · three")
    }

    @Test(arguments: [
        (0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (-1000, "-1,000"), (-999, "-999"),
        (Int.min, "-9,223,372,036,854,775,808"),
    ])
    func numbersAreGrouped(number: Int, text: String) { #expect(DisplayText.grouped(number) == text) }

    @Test func wordsFollowTheirNumber() {
        #expect(DisplayText.count(1, "row") == "1 row")
        #expect(DisplayText.count(0, "row") == "0 rows")
        #expect(DisplayText.count(2000, "person", "people") == "2,000 people")
    }

    @Test(arguments: [
        (-1.0, "0 s"), (0, "0 s"), (0.04, "0 s"), (0.36, "0.4 s"), (2, "2 s"), (9.94, "9.9 s"), (9.96, "10 s"),
        (12.7, "12 s"), (200, "3 min 20 s"), (120, "2 min"), (7500, "2 h 5 min"), (273_600, "3 d 4 h"),
        (.infinity, "0 s"),
    ])
    func durations(seconds: Double, text: String) { #expect(DisplayText.duration(seconds) == text) }

    @Test func bytesAsDigits() {
        #expect([UInt8]([0, 15, 16, 255]).hexadecimal == "000f10ff")
        #expect([UInt8]().hexadecimal.isEmpty)
    }
}

@Suite struct LoopbackAddressTests {
    @Test(arguments: ["localhost", "LocalHost", "127.0.0.1", "127.255.3.4", "::1", "[::1]", "0:0:0:0:0:0:0:1"])
    func thisMachine(host: String) { #expect(LoopbackAddress.contains(host)) }

    @Test(arguments: [
        "", "example.com", "localhost.example.com", "a.localhost", "127.0.0.1.example.com", "127.1", "127.0.0.01",
        "0127.0.0.1", "128.0.0.1", "127.0.0.256", "::2", "[127.0.0.1", "0.0.0.0", "127.0.0.1 ", "127.0.0.",
    ])
    func others(host: String) { #expect(!LoopbackAddress.contains(host)) }
}

@Suite struct EditDistanceTests {
    @Test(arguments: [
        ("", "", 0), ("", "abc", 3), ("abc", "abc", 0), ("audience", "audeince", 1), ("list", "lits", 1),
        ("vip", "vips", 1), ("kitten", "sitting", 3),
    ])
    func distances(left: String, right: String, expected: Int) {
        #expect(EditDistance.between(left, right) == expected)
        #expect(EditDistance.between(right, left) == expected)
    }
}

import Foundation
import RollcallCore
import Testing

@testable import rollcall

/// What people type and what servers answer, on its way to the screen.
@Suite struct HostileOutputTests {
    private static let now = Date(timeIntervalSince1970: 1_800_000_000)

    @Test(
        arguments: [
            ("30m", 1_800_000_000 - 1800), ("12h", 1_800_000_000 - 43200), ("2d", 1_800_000_000 - 172_800),
            ("1.5h", 1_800_000_000 - 5400), ("0s", 1_800_000_000), ("999999999w", 0), ("999999999d", 0),
            ("1970-01-01", 0), ("2026-11-21", 1_795_219_200), ("2026-11-21T06:00:00Z", 1_795_240_800),
            ("2024-02-29", 1_709_164_800),
            ("2026-11-21T06:00:00.123Z", 1_795_240_800), ("2026-11-21T08:00:00+02:00", 1_795_240_800),
        ] as [(String, Double)])
    func ages(_ text: String, _ expected: Double) {
        #expect(PastTime.parse(text, now: Self.now)?.timeIntervalSince1970 == expected)
    }

    @Test(arguments: [
        "", "d", "infd", "nand", "-1d", "+1d", "1e9d", "1e400d", "0x10d", "1_0d", " 1d", "1d ", "1 d", "1D", "1y", "١d",
        "1\u{301}d",
        "1.d", ".5d", "1.2.3d", "99999999999d", "2026-11-21x", "2026-11-21 ", "2026-13-01", "2026-02-31", "2025-02-29",
        "2026-11-21T", "2026-11-21T25:00:00Z", "2026-11-21T06:00", "2026-11-21T06:00:00", "2026-11-21T06:00:00Zx",
        "99999-01-01", "0000-00-00", "20261121", "yesterday", "\0", "2026-11-2\u{301}1",
    ])
    func textsThatAreNoAge(_ text: String) {
        #expect(PastTime.parse(text, now: Self.now) == nil)
    }

    @Test func everyAgeIsATimeOfOurs() {
        let signs = Array("0123456789.-+:TZsmhdwe infx\u{301}")
        var state: UInt64 = 7
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        for _ in 0..<5_000 {
            let text = String((0...next(12)).map { _ in signs[next(signs.count)] })
            guard let time = PastTime.parse(text, now: Self.now) else { continue }
            #expect(time <= Self.now || text.contains("-"), "\(text)")
            #expect(time.timeIntervalSince1970.magnitude < 260_000_000_000, "\(text)")
        }
    }

    @Test(arguments: [
        "a\"\u{301}b", "\"", "\"\u{200d}", "a,b", "a\r\nb", "\r\n=1", "=1", "=\u{301}1", "@x", "-\u{20dd}", "\t=1",
        "\n=1", "é", "",
        "+\u{fe0f}",
    ])
    func cellsOfCSVComeBackAsTheyWere(_ text: String) throws {
        let rows = try CommaSeparatedValues.rows(Listing.csvLine([.text(text), .text("next")]) + "\n")
        let first = text.utf8.first.map { Array("=+-@\t\r\n".utf8).contains($0) } ?? false
        #expect(rows.count == 1 && rows[0].count == 2 && rows[0][1] == "next")
        #expect(Array(rows[0][0].utf8) == Array(((first ? "'" : "") + text).utf8), "\(text.debugDescription)")
    }

    @Test func jsonTextsComeBackAsTheyWere() throws {
        for text in ["\"\u{301}", "\\\u{301}", "\0\u{1f}\u{7f}\u{2028}", "e\u{301}é", "</script>", "😀\u{fffe}"] {
            let read = try JSONSerialization.jsonObject(with: Data("[\(JSON.string(text).text)]".utf8)) as? [String]
            #expect(read?.first.map { Array($0.utf8) } == Array(text.utf8), "\(text.debugDescription)")
        }
    }

    @Test(arguments: [
        (-1.0, "1969-12-31T23:59:59.000Z"), (-0.001, "1969-12-31T23:59:59.999Z"), (0.001, "1970-01-01T00:00:00.001Z"),
        (9.3e15, "9999-12-31T23:59:59.999Z"), (-9.3e15, "0001-01-01T00:00:00.000Z"),
        (.infinity, "9999-12-31T23:59:59.999Z"),
        (.nan, "1970-01-01T00:00:00.000Z"),
    ])
    func timesOfAnySize(_ seconds: Double, _ text: String) {
        #expect(Date(timeIntervalSince1970: seconds).iso8601 == text)
    }

    @Test(arguments: ["9223372036854775807", "-9223372036854775808", "0", "253402300800000", "1e18", "null", "\"x\""])
    func listsOfAnyAgeAreShown(_ created: String) async throws {
        let body =
            #"{"lists":[{"id":9223372036854775807,"name":"\u001b[31mX\u202e","createdAt":\#(created),"listType":""}]}"#
        let server = try OneAnswerServer(status: "200 OK", type: "application/json", body: body)
        defer { server.stop() }
        try await Shop.with { shop in
            try shop.configure { $0.baseURL = server.baseURL }
            for format in ["table", "json", "csv"] {
                let output = try await shop.rollcall("lists", "iterable", "--format", format)
                #expect(output.code == 0, "\(format): \(output.all)")
                #expect(!output.out.isEmpty)
                if format == "table" { #expect(!output.out.contains("\u{1b}") && !output.out.contains("\u{202e}")) }
            }
        }
    }
}

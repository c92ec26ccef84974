import Foundation
import RollcallCore
import SeededRandom
import Testing

@testable import RollcallConfig

/// Configurations made of a right one by small changes: right, or refused with a reason, and never a secret in it.
@Suite struct HostileConfigurationTests {
    private static let inserted = [
        ":", ": ", "- ", "\t", "\"", "'", "#", " #", "{", "}", "[", "]", ",", "&a ", "*a", "<<: *a", "!!binary ", "|\n",
        ">\n",
        "---\n", "...\n", "%YAML 9.9\n", "? ", "${", "}", "${WORD}", "${EMPTY}", "${NOPE}", "${A:-b}", "$${", "null",
        "~",
        "true", "0x10", "1e999", "-0", "NaN", ".inf", "9223372036854775808", "\u{85}", "\u{2028}", "\u{feff}",
        "\u{301}",
        "\0", "\u{1b}[31m", "\r", "é", "\u{202e}", "😀", "warehouses:", "syncs:", "api_key: x", "password=x", "://u:p@h",
    ]

    static func mutant(_ random: inout SeededGenerator) -> String {
        var lines = Sample.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        for _ in 0...Int.random(in: 0...3, using: &random) {
            let line = Int.random(in: 0..<lines.count, using: &random)
            switch Int.random(in: 0...7, using: &random) {
            case 0: lines.remove(at: line)
            case 1: lines.insert(lines[line], at: Int.random(in: 0...lines.count, using: &random))
            case 2: lines.swapAt(line, Int.random(in: 0..<lines.count, using: &random))
            case 3: lines[line] = String(repeating: " ", count: Int.random(in: 0...8, using: &random)) + lines[line]
            case 4: lines[line] = String(lines[line].drop { $0 == " " })
            default:
                var scalars = Array(lines[line].unicodeScalars)
                let text = inserted.randomElement(using: &random) ?? ""
                scalars.insert(contentsOf: text.unicodeScalars, at: Int.random(in: 0...scalars.count, using: &random))
                lines[line] = String(String.UnicodeScalarView(scalars))
            }
            if lines.isEmpty { lines = [""] }
        }
        return lines.joined(separator: "\n")
    }

    @Test func mutantsAreRightOrRefusedWithAReason() {
        var random = SeededGenerator(seed: 41)
        var right = 0
        let secrets = ["hunter2hunter2", "0123456789abcdef", "s3cr3t-word"]
        for _ in 0..<1_200 {
            let text = Self.mutant(&random)
            do {
                let configuration = try Sample.load(text)
                right += 1
                for destination in configuration.destinations.values {
                    #expect(destination.baseURL.hasPrefix("https://"), "\(text.debugDescription)")
                }
                #expect(configuration.syncs.allSatisfy { configuration.warehouses[$0.warehouse] != nil })
                #expect(configuration.syncs.allSatisfy { configuration.destinations[$0.destination] != nil })
            } catch {
                let shown = error.description
                #expect(!error.problems.isEmpty && !shown.isEmpty, "\(text.debugDescription)")
                for secret in secrets { #expect(!shown.contains(secret), "\(text.debugDescription)") }
                #expect(
                    !shown.unicodeScalars.contains {
                        $0.value < 0x20 && $0 != "\n" || (0x7f...0x9f).contains($0.value)
                    },
                    "\(shown.debugDescription)")
            }
        }
        #expect(right > 20 && right < 1_100, "\(right)")
    }

    @Test(arguments: ["\\e[31mx", "a\\nerror: y", "a\\tb", "\\u202ex", "\\x9b31m", "a\\rb", "\\0", "\\u2028"])
    func namesThatSteerATerminalAreMadeVisible(_ name: String) {
        let sample = Sample.text
        for text in [
            sample + "\n\"\(name)\": 1\n", sample.replacing("  shop:\n", with: "  \"\(name)\":\n"),
            sample.replacing("  vip:\n", with: "  \"\(name)\":\n"),
            sample.replacing("    warehouse: shop", with: "    \"\(name)\": shop"),
            sample.replacing("    warehouse: shop", with: "    warehouse: \"\(name)\""),
            sample.replacing("      table: vip_customers", with: "      table: \"\(name)\""),
            sample.replacing("    api_key:", with: "    \"api_key\(name)\":"),
        ] {
            let shown = Sample.rendered(text)
            #expect(!shown.isEmpty, "\(text)")
            let unsafe = shown.unicodeScalars.filter {
                ($0.value < 0x20 && $0 != "\n") || (0x7f...0x9f).contains($0.value) || $0 == "\u{202e}"
                    || $0 == "\u{2028}"
            }
            #expect(unsafe.isEmpty, "\(shown.debugDescription)")
            #expect(!shown.split(separator: "\n").contains { $0.hasPrefix("error: y") }, "\(shown)")
        }
    }

    /// Where an address leads, to Foundation's parser of URLs too.
    @Test func anAcceptedAddressLeadsWhereItSays() throws {
        let parts = [
            "http", "https", "://", ":", "/", "//", "@", "#", "?", "\\", ".", "..", "127.0.0.1", "localhost", "[::1]",
            "[", "]",
            "evil.example.com", "%2e", "%00", "\u{301}", "\u{200b}", "8421", "65536", "0", " ", "\t", "\n", "1", "x",
            "ｌ",
        ]
        var random = SeededGenerator(seed: 43)
        var accepted = 0
        for _ in 0..<20_000 {
            var text = Bool.random(using: &random) ? "http://127.0.0.1" : "https://[::1]:8421/a"
            if Int.random(in: 0...3, using: &random) == 0 { text = "" }
            for _ in 0...Int.random(in: 0...4, using: &random) {
                var scalars = Array(text.unicodeScalars)
                let part = parts.randomElement(using: &random) ?? ""
                scalars.insert(contentsOf: part.unicodeScalars, at: Int.random(in: 0...scalars.count, using: &random))
                text = String(String.UnicodeScalarView(scalars))
            }
            guard let address = try? BaseAddress(text) else { continue }
            accepted += 1
            let components = try #require(
                URLComponents(string: address.text + "/api/lists"), "\(text.debugDescription)")
            let host = components.host?.lowercased().filter { $0 != "[" && $0 != "]" }
            #expect(host == address.host && components.scheme == address.scheme, "\(text.debugDescription)")
            #expect(components.user == nil && components.query == nil && components.fragment == nil)
        }
        #expect(accepted > 500, "\(accepted)")
    }

    @Test(arguments: [
        "http://api.iterable.com", "http://127.0.0.1.evil.com", "http://localhost.evil", "http://localhost.",
        "http://evil.localhost",
        "http://2130706433", "http://0x7f000001", "http://0177.0.0.1", "http://127.1", "http://127.0.0.1.",
        "http://127.0.0.256",
        "http://0.0.0.0", "http://[::ffff:127.0.0.1]", "http://[::]", "http://[::1%25eth0]", "http://[::1].evil.com",
        "http://[::1]evil.com", "http://127.0.0.1@evil.com", "http://127.0.0.1:8421@evil.com", "http://u:p@127.0.0.1",
        "https://u:p@api.iterable.com", "https://u@api.iterable.com", "http://127.0.0.1\\@evil.com",
        "http://127.0.0.1#@evil.com",
        "https://api.iterable.com?key=x", "https://api.iterable.com#x", "http://127.0.0.1%2eevil.com",
        "http://１２７.0.0.1",
        "http://localhost\u{200b}", "http://loc\u{301}alhost", "http:/127.0.0.1", "http:///127.0.0.1", "//127.0.0.1",
        "ftp://127.0.0.1", "file:///etc/passwd", "unix:/run/x", "javascript:alert(1)", "http://", "https://:443",
        "https://api.iterable.com:0", "https://api.iterable.com:65536", "https://api.iterable.com:",
        "https:// api.iterable.com",
        "https://api.iterable.com/a b", "https://api.iterable.com/\u{e9}", "http://169.254.169.254", "http://10.0.0.1",
    ])
    func noKeyGoesThere(_ address: String) {
        let text = Sample.replacing("    data_center: us", with: "    base_url: \"\(Self.escaped(address))\"")
        let headlines = Sample.headlines(text)
        #expect(headlines.contains { $0.contains("base_url") }, "\(address): \(headlines)")
        #expect(!Sample.rendered(text).contains("u:p@"), "\(address)")
    }

    @Test(arguments: ["http://127.0.0.1:8421", "HTTP://LocalHost:8421", "http://[::1]:8421", "http://127.8.9.10"])
    func loopbackMayBePlain(_ address: String) throws {
        let text = Sample.replacing("    data_center: us", with: "    base_url: \"\(address)\"")
        #expect(try Sample.load(text).destinations["marketing"]?.baseURL == address.lowercased())
    }

    /// A YAML text in double quotes.
    private static func escaped(_ text: String) -> String {
        text.unicodeScalars.map { $0 == "\\" ? "\\\\" : String($0) }.joined()
    }

    @Test func tableNamesAreReadAsTheyAreWritten() throws {
        let signs = [
            "a", "Z", "\"", "'", ".", " ", ";", "--", "\u{301}", "é", "e\u{301}", "$", "\\", "😀", "\n", "\u{200d}",
            "/*",
        ]
        var random = SeededGenerator(seed: 47)
        for _ in 0..<4_000 {
            let parts = (0...Int.random(in: 0...1, using: &random)).map { _ in
                (0...Int.random(in: 0...6, using: &random)).map { _ in signs.randomElement(using: &random) ?? "" }
                    .joined()
            }
            let written = parts.map { part in
                "\"" + part.unicodeScalars.map { $0 == "\"" ? "\"\"" : String($0) }.joined() + "\""
            }.joined(separator: ".")
            let read = try TableName.parse(written, foldsCase: true)
            #expect(read.map { Array($0.utf8) } == parts.map { Array($0.utf8) }, "\(written)")
            // The same text without its quotes is a plain name, is refused, or is other parts; it never is an empty one.
            let bare = parts.joined(separator: ".")
            if let plain = try? TableName.parse(bare, foldsCase: false) {
                #expect((1...2).contains(plain.count) && plain.allSatisfy { !$0.isEmpty }, "\(bare.debugDescription)")
            }
        }
    }

    @Test(
        arguments: [
            ("\"a\"\u{301}", nil), ("\"a\"\u{301}; DROP TABLE x", nil), ("a\"\u{301}b", nil), ("a.\u{301}b", nil),
            ("A\u{301}b", ["a\u{301}b"]),
            ("\"a\"\"\u{301}b\"", ["a\"\u{301}b"]), ("\"a\".\"b\"", ["a", "b"]), ("\"a.b\"", ["a.b"]), ("a\u{0}b", nil),
            ("\u{301}a", nil), ("a.b.c", nil), ("", nil), (".", nil), ("a.", nil), ("\"\"", nil), ("\"", nil),
            ("a;b", nil), ("a--", nil),
        ] as [(String, [String]?)])
    func marksBehindQuotesAndDots(_ text: String, _ expected: [String]?) {
        let parts = try? TableName.parse(text, foldsCase: true)
        #expect(parts.map { $0.map { Array($0.utf8) } } == expected.map { $0.map { Array($0.utf8) } })
    }

    @Test func environmentFilesGiveBackWhatIsInThem() {
        let signs = [
            "a", "#", " ", "=", "\"", "\\", "$", "{", "}", "\t", "é", "\u{301}", "\u{feff}", "export ", "x", "0",
        ]
        var random = SeededGenerator(seed: 53)
        for _ in 0..<3_000 {
            let value = (0...Int.random(in: 0...8, using: &random)).map { _ in signs.randomElement(using: &random) ?? ""
            }
            .joined()
            let single = DotEnvironment("KEY='\(value)'\nNEXT=1")
            #expect(single.failures.isEmpty && single.values["NEXT"] == "1")
            #expect(single.values["KEY"].map { Array($0.utf8) } == Array(value.utf8), "\(value.debugDescription)")
            let loose = DotEnvironment("KEY=\(value)\nNEXT=1")
            #expect(loose.values["NEXT"] == "1")
            if value.utf8.count > 3 {
                for failure in loose.failures { #expect(!"\(failure)".contains(value), "\(value.debugDescription)") }
            }
        }
    }

    @Test func addressesToListenOnHaveAHostAndAPort() {
        for text in [
            "", ":", ":1", "a:", "a:65536", "a:-1", "a:1:2", "[::1]", "::1:80", "a b:1", "a:1\n", "[x]:1", "é:1", "a:１",
        ] {
            #expect(ServerSettings.address(text) == nil, "\(text.debugDescription)")
        }
    }
}

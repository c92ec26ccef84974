import Foundation
import SeededRandom
import Testing

@testable import RollcallCore

@Suite struct JSONCheckTests {
    private func problem(_ text: [UInt8]) -> FieldProblem? {
        text.withUnsafeBytes { bytes -> FieldProblem? in
            do throws(FieldProblem) {
                try JSONCheck.check(bytes)
                return nil
            } catch {
                return error
            }
        }
    }

    private func problem(_ text: String) -> FieldProblem? { problem(Array(text.utf8)) }

    @Test(arguments: [
        "{}", "[]", "[[]]", "[{},{}]", " { \"a\" : [ 1 , 2 ] , \"b\" : null }\n", "\"\"", "0", "-0.5e+10", "1E3",
        "true",
        "[false,null]", "{\"a\":{\"b\":{\"c\":[{\"a\":1}]}}}", "\"\\u00e9\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\"é😀\"",
        "{\"a\":1,\"A\":2,\"\":3}", "123456789012345678901234567890.5",
        // One letter composed in two ways is two keys.
        "{\"\u{e9}\":1,\"e\u{301}\":2}",
    ])
    func whatIsJSONPasses(_ text: String) {
        #expect(problem(text) == nil)
        #expect((try? JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)) != nil)
    }

    @Test(arguments: [
        "", " ", "{", "}", "[", "]", "[1", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{1:2}", "[1}",
        "{\"a\":1]",
        "01", "-", "1.", ".5", "1e", "+1", "tru", "truex", "nul", "NaN", "'a'", "\"a", "\"\\x\"", "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\u{1}\"", "\"\n\"", "1 2", "{} []", "[1 2]", "{\"a\" 1}", "// a", "[1]x",
    ])
    func whatIsNoneIsRefused(_ text: String) {
        #expect(problem(text) == .notJSON)
    }

    @Test func whatParsersReadDifferentlyIsRefused() {
        #expect(problem("{\"a\":1,\"a\":1}") == .repeatedKey)
        #expect(problem("{\"a\":1,\"\\u0061\":2}") == .repeatedKey)
        #expect(problem("[{\"b\":{\"a\":1,\"c\":[],\"a\":2}}]") == .repeatedKey)
        #expect(problem("\"a\\u0000\"") == .hasNUL)
        #expect(problem("\"a\u{0}\"") == .hasNUL)
        for text in ["\"\\ud800\"", "\"\\ud800a\"", "\"\\ud800\\n\"", "\"\\udc00\"", "\"\\ud800\\ud800\""] {
            #expect(problem(text) == .loneSurrogate, "\(text)")
        }
        for text in ["1e999", "[-1E400]", "{\"a\":" + String(repeating: "9", count: 400) + "}"] {
            #expect(problem(text) == .notANumber, "\(text)")
        }
        #expect(problem("1e308") == nil && problem(String(repeating: "9", count: 300)) == nil)
        #expect(problem([34, 0xC3, 34]) == .notUTF8)
        #expect(problem([34, 0xED, 0xA0, 0x80, 34]) == .notUTF8)
    }

    @Test func limitsAreThoseOfTheMessages() {
        func nested(_ levels: Int) -> String {
            String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        }
        #expect(problem(nested(FieldLimits.deepestJSON)) == nil)
        #expect(problem(nested(FieldLimits.deepestJSON + 1)) == .tooDeep)
        #expect(problem(nested(20_000)) == .tooDeep)
        let text = String(repeating: "é", count: FieldLimits.longestText)
        #expect(problem("{\"a\":[\"\(text)\"]}") == nil)
        #expect(problem("{\"a\":[\"\(text)e\"]}") == .tooLong)
        #expect(problem("{\"a\":[\"\(String(repeating: "\\u00e9", count: FieldLimits.longestText))\"]}") == nil)
    }

    /// Whatever bytes come, it says the same as a parser does, or refuses more.
    @Test func changedBytesNeverPassAParserThatRefusesThem() {
        var random = SeededGenerator(seed: 11)
        let text = Array("{\"a\":[1,-2.5e3,\"x\\u00e9\",true,null],\"b\":{\"c\":\"é\"}}".utf8)
        for _ in 0..<20_000 {
            var changed = text
            for _ in 0...random.next(below: 3) {
                changed[random.next(below: changed.count)] = text[random.next(below: text.count)]
            }
            if problem(changed) == nil {
                let parsed = try? JSONSerialization.jsonObject(with: Data(changed), options: .fragmentsAllowed)
                #expect(parsed != nil, "\(String(decoding: changed, as: UTF8.self))")
            }
        }
    }
}

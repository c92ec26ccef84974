import Foundation
import SeededRandom
import Testing

@testable import RollcallCore

@Suite struct ReceivedBodyTests {
    private func problem(_ bytes: [UInt8]) -> BodyProblem? {
        do throws(BodyProblem) {
            _ = try ReceivedBody(bytes)
            return nil
        } catch {
            return error
        }
    }

    private func problem(_ text: String) -> BodyProblem? { problem(Array(text.utf8)) }

    private func canonical(_ text: String) throws -> String {
        String(decoding: try ReceivedBody(Array(text.utf8)).canonical(), as: UTF8.self)
    }

    @Test(arguments: [
        "{}", " { } \n", "{\"\":{}}", "{\"a\":[[],{},[{\"a\":null}]]}", "{\"a\":1e999999999,\"b\":-0.0e-0,\"c\":0}",
        "{\"a\":\"\\u0000\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\té\u{7f}\"}",
        "{\"a\":true,\"A\":false,\"\\u0061\\u0061\":null}",
        // One letter composed in two ways is two members.
        "{\"\u{e9}\":1,\"e\u{301}\":2}",
    ])
    func objectsAreTaken(_ text: String) {
        #expect(problem(text) == nil)
    }

    @Test(arguments: [
        "", " ", "{", "}", "{]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{1:2}", "{\"a\":1]", "{\"a\":[1}}",
        "{\"a\":01}",
        "{\"a\":-}", "{\"a\":1.}", "{\"a\":.5}", "{\"a\":1e}", "{\"a\":+1}", "{\"a\":tru}", "{\"a\":truex}",
        "{\"a\":NaN}", "{'a':1}",
        "{\"a\":\"b}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\\u12g4\"}", "{\"a\":\"\u{1}\"}",
        "{\"a\":\"\n\"}", "{} {}",
        "{}x", "{\"a\" 1}", "{\"a\":1 \"b\":2}", "\u{FEFF}{}", "{\"a\":\"\\", "{\"a\":\"\\u", "email=a%40b.c",
        "{\"a\":\"\u{0}\"}",
        "{\"a\":\"12345678\u{1}\"}",
    ])
    func whatIsNoJSONIsRefused(_ text: String) {
        #expect(problem(text) == .notJSON)
    }

    @Test func otherFaultsHaveTheirNames() {
        for text in ["[]", "1", "\"a\"", "null", "[{\"a\":1}]"] { #expect(problem(text) == .notAnObject, "\(text)") }
        for text in [
            "{\"a\":1,\"a\":1}", "{\"a\":1,\"\\u0061\":2}", "{\"x\":[{\"b\":1,\"c\":[],\"b\":2}]}", "{\"\":1,\"\":2}",
            "{" + (0..<60).map { "\"k\($0)\":1" }.joined(separator: ",") + ",\"k7\":2}",
        ] { #expect(problem(text) == .repeatedMember, "\(text)") }
        for text in [
            "\\ud800", "\\ud800a", "\\ud800\\n", "\\udc00", "\\ud800\\ud800", "\\udfff\\ud800", "\\ud83d\\u0041",
        ] {
            #expect(problem("{\"a\":\"\(text)\"}") == .loneSurrogate, "\(text)")
            #expect(problem("{\"\(text)\":1}") == .loneSurrogate, "\(text)")
        }
        for bytes in [[0xC3], [0xED, 0xA0, 0x80], [0xC0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0x80]] as [[UInt8]] {
            #expect(problem(Array("{\"a\":\"".utf8) + bytes + Array("\"}".utf8)) == .notUTF8, "\(bytes)")
        }
    }

    @Test func nestingHasALimit() {
        func nested(_ levels: Int) -> String {
            "{\"a\":" + String(repeating: "[", count: levels - 1) + String(repeating: "]", count: levels - 1) + "}"
        }
        #expect(problem(nested(100)) == nil)
        #expect(problem(nested(101)) == .tooDeep)
        #expect(problem(nested(100_000)) == .tooDeep)
        #expect(problem(String(repeating: "{\"a\":", count: 101)) == .tooDeep)
    }

    /// Whatever bytes come, what is taken is JSON to another parser too, and says the same to it.
    @Test func changedBytesNeverPassAParserThatRefusesThem() throws {
        var random = SeededGenerator(seed: 12)
        let text = Array(
            "{\"a\":[1,-2.5e3,\"x\\u00e9\\n\",true,null],\"bc\":{\"c\":\"é\",\"d\":{}},\"e\":\"0123456789\"}".utf8)
        var taken = 0
        for _ in 0..<20_000 {
            var changed = text
            for _ in 0...random.next(below: 3) {
                changed[random.next(below: changed.count)] = text[random.next(below: text.count)]
            }
            guard let body = try? ReceivedBody(changed) else { continue }
            taken += 1
            let parsed = try? JSONSerialization.jsonObject(with: Data(changed))
            let again = try? JSONSerialization.jsonObject(with: Data(body.canonical()))
            let shown = "\(String(decoding: changed, as: UTF8.self))"
            guard let parsed = parsed as? NSDictionary, let again = again as? NSDictionary else {
                Issue.record("\(shown)")
                continue
            }
            #expect(parsed == again, "\(shown)")
            #expect(try ReceivedBody(body.canonical()).canonical() == body.canonical(), "\(shown)")
        }
        #expect(taken > 1000)
    }

    @Test func aCanonicalBodyIsTheSameForWhatSaysTheSame() throws {
        #expect(try canonical(" { \"b\" : 1 , \"a\" : [ true , null ] } ") == "{\"a\":[true,null],\"b\":1}")
        #expect(try canonical("{\"\\u0062\":\"\\u00e9\\/\\t\",\"a\":{}}") == "{\"a\":{},\"b\":\"é/\\u0009\"}")
        #expect(
            try canonical("{\"z\":0,\"\u{1F600}\":1,\"\u{FF5E}\":2,\"aa\":3,\"a\":4}")
                == "{\"a\":4,\"aa\":3,\"z\":0,\"\u{FF5E}\":2,\"\u{1F600}\":1}")
        #expect(try canonical("{\"a\":\"\\u0000\"}") != canonical("{\"a\":\"\u{FFFD}\"}"))
        #expect(try Array(canonical("{\"a\":\"\u{e9}\"}").utf8) != Array(canonical("{\"a\":\"e\u{301}\"}").utf8))
        #expect(try canonical("{\"a\":[1,2]}") != canonical("{\"a\":[2,1]}"))
    }

    @Test(arguments: [
        ["1", "1.0", "1e0", "10e-1", "0.1E+1", "0.001e3", "1.000"],
        ["0", "-0", "0.0", "-0e99", "0e-1", "0e99999999999999999999"],
        ["100", "1e2", "1E+2", "0.1e3", "100.00", "1e00000000000000000002"], ["-1.5", "-15e-1", "-0.15e1"],
        ["123456789012345678901234567890", "12345678901234567890123456789e1"],
        ["1e999999999", "10e999999998", "0.1e1000000000"],
        ["1e-999999999", "0.1e-999999998"], ["1e99999999999999999999"], ["1.0000000000000000000000001"], ["-1"],
        ["-1e99999999999999999999"], ["1e-99999999999999999999"], ["0.3"], ["3e17"],
    ])
    func numbersCountByTheirValue(_ equal: [String]) throws {
        let forms = try Set(equal.map { try canonical("{\"a\":\($0)}") })
        #expect(forms.count == 1, "\(forms)")
        for other in ["2", "1.1", "10", "-100", "1e3", "1.5", "1e999999998", "3e18", "0.30000000000000001"] {
            #expect(try !forms.contains(canonical("{\"a\":\(other)}")))
        }
    }

    @Test(
        arguments: [
            ("1", 1), ("1.0", 1), ("5.9667e4", 59667), ("-0", 0), ("9223372036854775807", .max),
            ("-9223372036854775808", .min),
            ("1e18", 1_000_000_000_000_000_000), ("9223372036854775808", nil), ("-9223372036854775809", nil),
            ("1e19", nil),
            ("1.5", nil), ("1e-1", nil), ("1e999999999", nil), ("1e99999999999999999999", nil), ("20e-1", 2),
            ("99e18", nil),
        ] as [(String, Int64?)])
    func wholeNumbersAreExact(_ text: String, _ value: Int64?) {
        #expect(ExactDecimal(Array(text.utf8)[...]).integer == value)
    }
}

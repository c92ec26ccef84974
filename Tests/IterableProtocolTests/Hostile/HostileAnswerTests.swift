import Foundation
import SeededRandom
import Testing

@testable import IterableProtocol
@testable import RollcallCore

/// Answers built by Iterable's rules, with counts and lists that need not fit together, and answers built against them.
@Suite struct HostileAnswerTests {
    private struct Sample {
        var request: ListRequest
        var body: [UInt8]
        var failCount: Int
        /// Names in lists that mean a failure for this operation.
        var failed: Set<String>
        /// Names of people whose removal is done, whatever else is said of them: they are forgotten.
        var done: Set<String>
        /// Every name in every list.
        var named: Set<String>
    }

    private static let strangers = ["eve@example.com", "u-99", "", "@", "ANNA@EXAMPLE.COM\u{0}", "a\u{301}", "ⓤ-1"]

    private static func sample(_ random: inout SeededGenerator) throws -> Sample {
        let people = (1...Int.random(in: 1...5, using: &random)).map { number in
            Identity(
                email: "person\(number)@example.com", userID: Bool.random(using: &random) ? "u-\(number)" : nil)
        }
        let operation = RecordKind.list.operations[Int.random(in: 0...1, using: &random)]
        var lists: [[NamedList: [String]]] = [[:], [:]]
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            guard let list = NamedList.allCases.randomElement(using: &random) else { continue }
            var name = strangers.randomElement(using: &random) ?? ""
            if Int.random(in: 0...3, using: &random) > 0, let person = people.randomElement(using: &random) {
                name = (list.rawValue.hasSuffix("Emails") ? person.email : person.userID) ?? name
                if list.rawValue.hasSuffix("Emails"), Bool.random(using: &random) { name = name.uppercased() }
            }
            lists[Int.random(in: 0...1, using: &random)][list, default: []].append(name)
        }
        let failCount = Int.random(in: 0...3, using: &random)
        var top: [String: Any] = [
            "successCount": Int.random(in: 0...people.count, using: &random), "failCount": failCount,
            "createdFields": ["x", 1, NSNull()],
        ]
        for (list, names) in lists[0] { top[list.rawValue] = names }
        if Bool.random(using: &random) || !lists[1].isEmpty {
            top["failedUpdates"] = Dictionary(uniqueKeysWithValues: lists[1].map { ($0.key.rawValue, $0.value) })
        }
        let all = lists[0].merging(lists[1], uniquingKeysWith: +)
        let failing = all.filter { list, _ in
            operation == .subscribe || ![NamedFailure.notFound, .forgotten].contains(list.failure)
        }
        return Sample(
            request: Samples.request(operation, people),
            body: Array(try JSONSerialization.data(withJSONObject: top)), failCount: failCount,
            failed: Set(failing.values.joined().map { $0.lowercased() }),
            done: Set(
                all.filter { operation == .unsubscribe && $0.key.failure == .forgotten }.values.joined()
                    .map { $0.lowercased() }),
            named: Set(all.values.joined().map { $0.lowercased() }))
    }

    private static func isNamed(_ person: Identity, in names: Set<String>, _ operation: RollcallCore.Operation) -> Bool
    {
        let sent = ListBody.sent(person, operation: operation)
        return [sent.email, sent.userID].compactMap(\.self).contains(where: names.contains)
    }

    @Test func nobodyWhoIsNamedAsFailedSucceeded() throws {
        var random = SeededGenerator(seed: 17)
        var answered = 0
        for round in 0..<6_000 {
            let sample = try Self.sample(&random)
            let answer = AnswerClassifier.classify(
                HTTPAnswer(status: 200, body: sample.body, now: Samples.now), request: sample.request)
            guard case .answered(let outcomes, _, _) = answer else { continue }
            answered += 1
            #expect(outcomes.count == sample.request.subscribers.count)
            var explained = 0
            for (person, outcome) in zip(sample.request.subscribers, outcomes) {
                if Self.isNamed(person, in: sample.named, sample.request.operation) { explained += 1 }
                if Self.isNamed(person, in: sample.done, sample.request.operation) { continue }
                if Self.isNamed(person, in: sample.failed, sample.request.operation) {
                    #expect(outcome != .succeeded, "round \(round): \(String(decoding: sample.body, as: UTF8.self))")
                }
            }
            // A failure that is counted and has no name makes nobody a success, unless there is only one person it can be.
            if sample.failCount > explained, explained < outcomes.count {
                #expect(
                    !outcomes.contains(.succeeded), "round \(round): \(String(decoding: sample.body, as: UTF8.self))")
            }
        }
        #expect(answered > 1_000, "\(answered)")
    }

    @Test(arguments: [
        #"{"successCount":2,"failCount":0,"invalidEmails":[],"invalidEmails":["anna@example.com"]}"#,
        #"{"successCount":2,"failCount":0,"failCount":2}"#,
        #"{"successCount":2,"failCount":0,"\u0066ailCount":2}"#,
        #"{"successCount":2,"failCount":0,"failedUpdates":{},"failedUpdates":{"notFoundEmails":["anna@example.com"]}}"#,
        #"{"successCount":2,"failCount":0,"failedUpdates":{"notFoundEmails":[],"notFoundEmails" :["x"]}}"#,
        #"{"successCount":2e400,"failCount":0}"#, #"{"successCount":2.5,"failCount":0}"#,
        #"{"successCount":"2","failCount":0}"#, #"{"successCount":true,"failCount":0}"#,
        #"{"successCount":-1,"failCount":3}"#, #"{"successCount":9223372036854775808,"failCount":0}"#,
        #"{"successCount":2,"failCount":0,"invalidEmails":[null]}"#,
        #"{"successCount":2,"failCount":0,"invalidEmails":"anna@example.com"}"#,
        #"{"successCount":2,"failCount":0,"invalidEmails":["\ud800"]}"#,
        #"{"successCount":2,"failCount":0,"failedUpdates":[]}"#, #"[{"successCount":2,"failCount":0}]"#,
        #"{"successCount":2,"failCount":0}{"successCount":2,"failCount":0}"#, #"{"successCount":2,"failCount":0}x"#,
        "\u{0}", "null", "2", "\"\"", #"{"successCount":2,"failCount":0"#,
    ])
    func answersThatAreNotSaidClearlyAreNone(_ body: String) {
        let answer = AnswerClassifier.classify(Samples.answer(200, body), request: Samples.request())
        guard case .retry(let reason, _, true, .trouble) = answer else {
            Issue.record("\(answer)")
            return
        }
        #expect(reason.code == "unreadable_answer")
    }

    @Test(arguments: ["[", "{\"a\":", "[{\"x\":["])
    func depthAndSizeAreNoHarm(_ part: String) {
        for count in [600, 20_000] {
            let body = String(repeating: part, count: count)
            for status in [200, 400, 500] {
                let answer = AnswerClassifier.classify(Samples.answer(status, body), request: Samples.request())
                if case .answered = answer { Issue.record("depth \(count), status \(status)") }
                if status != 200 {
                    #expect(AnswerClassifier.error(for: Samples.answer(status, body), changesSomething: true) != nil)
                }
            }
        }
        let long = "{\"successCount\":2,\"failCount\":0,\"x\":\"" + String(repeating: "é", count: 500_000) + "\"}"
        let answer = AnswerClassifier.classify(Samples.answer(200, long), request: Samples.request())
        #expect(Gist(answer) == .answered(["ok", "ok"]))
    }

    @Test func repeatedKeysAreSeenInTheirOwnObjectOnly() {
        for (text, expected) in [
            (#"{"a":{"b":1},"b":{"a":2},"c":["a","a"]}"#, false), (#"{"a":"a","b":"a\"","c":"\\"}"#, false),
            (#"[{"a":1},{"a":2}]"#, false), (#"{"a":1,"b":{"c":[{"d":1,"d":2}]}}"#, true),
            (#"{"é":1,"é":2}"#, true), ("{\"\u{e9}\":1,\"e\u{301}\":2}", false), (#"{"a\"":1,"a\"":2}"#, true),
        ] {
            #expect(RepeatedKeys.exist(in: Array(text.utf8)) == expected, "\(text)")
        }
    }

    @Test(
        arguments: [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
            ("Sun Nov  6 08:49:37 1994", 784_111_777), ("Thu, 29 Feb 2024 23:59:60 GMT", 1_709_251_200),
            ("Thursday, 01-Jan-70 00:00:00 GMT", 0), ("Monday, 01-Jan-44 00:00:00 GMT", 2_335_219_200),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799), ("Thu, 29 Feb 2025 00:00:00 GMT", nil),
            ("Sun, 06 Nov 1994 24:00:00 GMT", nil), ("Sun, 06 Nov 1994 08:60:00 GMT", nil),
            ("Sun, 00 Nov 1994 08:49:37 GMT", nil),
            ("Sun, 06 nov 1994 08:49:37 GMT", nil), ("Sun, 06 Nov 1994 08:49:37 UTC", nil),
            ("Sun, 06 Nov 1994 08:49:37 GMT ", nil),
            ("Sun, 06 Nov 19940 08:49:37 GMT", nil), ("Sun Nov 6 08:49:37 1994", nil), ("٣", nil), ("", nil),
            // On texts like these, Foundation's DateFormatter ends the process.
            ("Sunday, 06-Nov-9\u{32c}\u{329}", nil), ("S 06-Nov-9\u{32c}6-Nov-94 08:49:3 GM", nil),
        ] as [(String, Double?)])
    func datesOfHTTP(_ text: String, _ expected: Double?) {
        #expect(HTTPDate.parse(text, now: RetryAfterTests.now)?.timeIntervalSince1970 == expected)
    }

    @Test func retryAfterIsNothingOrWithinItsBounds() {
        let parts = [
            "1", "9", "0", "120", "-", "+", ".", "e", " ", "\t", "Sun", "Sunday", ",", "06", "Nov", "1994", "08:49:37",
            "GMT", "UTC", "99999999999999999999", "٣", "\u{0}", "2026", "9999", "0000", "31", "Feb", "-94", "24:00:00",
            "23:59:60", "\u{32c}", "é",
        ]
        var random = SeededGenerator(seed: 23)
        var wishes = 0
        for _ in 0..<1_500 {
            let header = (0...Int.random(in: 0...5, using: &random)).map { _ in
                parts.randomElement(using: &random) ?? ""
            }
            .joined(separator: Bool.random(using: &random) ? " " : "")
            let delay = RetryAfter.parse([header], now: RetryAfterTests.now)
            if let delay {
                wishes += 1
                #expect(delay >= .zero && delay <= RetryAfter.longest, "\(header.debugDescription)")
            }
            let both = RetryAfter.parse([header, "7"], now: RetryAfterTests.now)
            #expect(both == max(delay ?? .zero, .seconds(7)), "\(header.debugDescription)")
        }
        #expect(wishes > 20)
    }
}

import Foundation
import SeededRandom
import Testing

@testable import IterableProtocol
@testable import RollcallCore

/// Answers that went wrong on the way: bytes changed, cut, doubled or dropped.
@Suite struct AnswerFuzzTests {
    static let seeds: [String] = [
        Samples.counts(1, 1, #""invalidEmails":["ben@example.com"],"invalidUserIds":[]"#),
        Samples.counts(1, 1, #""failedUpdates":{"notFoundEmails":[],"forgottenUserIds":["u-2"]}"#),
        Samples.counts(0, 2, #""failedUpdates":{"conflictEmails":["anna@example.com"],"invalidDataUserIds":["u-2"]}"#),
        Samples.counts(2, 0, #""failedUpdates":{"invalidEmails":[],"invalidUserIds":[]},"createdFields":["a\\u00e9"]"#),
        Samples.envelope("RequestFieldsTypesMismatched", "a \\\"quoted\\\" text"),
    ]

    @Test func mutatedAnswersNeverTurnANamedFailureIntoASuccess() {
        var random = SeededGenerator(seed: 20_261_121)
        var readable = 0
        for round in 0..<20_000 {
            var body = Array(Self.seeds[round % Self.seeds.count].utf8)
            for _ in 0...random.next(below: 3) { Self.mutate(&body, &random) }
            let operation = RecordKind.list.operations[random.next(below: 2)]
            let status = [200, 200, 200, 400, 409, 500][random.next(below: 6)]
            let request = Samples.request(operation)
            let answer = AnswerClassifier.classify(
                HTTPAnswer(status: status, body: body, now: Samples.now), request: request)
            guard case .answered(let outcomes, _, _) = answer else { continue }
            readable += 1
            #expect(status == 200)
            #expect(outcomes.count == request.subscribers.count)
            for (subscriber, outcome) in zip(request.subscribers, outcomes) where outcome == .succeeded {
                let named = Self.listsNaming(subscriber, in: body, operation)
                #expect(named.isEmpty, "round \(round): \(String(decoding: body, as: UTF8.self))")
            }
        }
        #expect(readable > 500, "Too few answers were still readable to try anything.")
    }

    static let eventSeeds: [String] = [
        Samples.counts(3, 2, #""failedUpdates":{"notFoundEmails":["anna@example.com"]},"disallowedEventNames":[]"#),
        Samples.counts(3, 2, #""disallowedEventNames":["visit"],"invalidUserIds":[]"#),
        Samples.counts(2, 3, #""disallowedEventNames":["visit"],"invalidEmails":["anna@example.com"]"#),
        Samples.counts(3, 2, #""invalidUserIds":["u-3"],"failedUpdates":{"invalidUserIds":["u-3"]}"#),
        Samples.counts(5, 0, #""filteredOutFields":["a\\u00e9"],"failedUpdates":{"forgottenEmails":[]}"#),
    ]

    @Test func mutatedAnswersNeverTurnANamedEventIntoASuccess() {
        var random = SeededGenerator(seed: 20_261_129)
        var readable = 0
        for round in 0..<20_000 {
            var body = Array(Self.eventSeeds[round % Self.eventSeeds.count].utf8)
            for _ in 0...random.next(below: 3) { Self.mutate(&body, &random) }
            let answer = AnswerClassifier.classify(
                HTTPAnswer(status: 200, body: body, now: Samples.now), request: .events(Samples.events))
            guard case .answered(let outcomes, _, _) = answer else { continue }
            readable += 1
            #expect(outcomes.count == Samples.events.events.count)
            let named = Named(body)
            for (event, outcome) in zip(Samples.events.events, outcomes) where outcome == .succeeded {
                #expect(!named.contains(event), "round \(round): \(String(decoding: body, as: UTF8.self))")
            }
        }
        #expect(readable > 500, "Too few answers were still readable to try anything.")
    }

    @Test func mutatedAnswersToASingleEventAreNeverHalfUnderstood() {
        let seeds = [
            Samples.envelope("Success", "Event with id: rc-1 tracked."),
            Samples.envelope("Success", "Event order is disallowed from tracking"), Samples.envelope("BadParams"),
        ]
        var random = SeededGenerator(seed: 20_261_130)
        var (successes, others) = (0, 0)
        for round in 0..<10_000 {
            var body = Array(seeds[round % seeds.count].utf8)
            for _ in 0...random.next(below: 3) { Self.mutate(&body, &random) }
            let answer = AnswerClassifier.classify(
                HTTPAnswer(status: 200, body: body, now: Samples.now), request: .event(Samples.events.events[0]))
            guard case .answered(let outcomes, _, _) = answer, outcomes == [.succeeded] else {
                others += 1
                continue
            }
            successes += 1
            guard let read = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any] else { continue }
            let message = read["msg"] as? String ?? "is disallowed from tracking"
            #expect(
                read["code"] as? String == "Success" && !message.contains("is disallowed from tracking"),
                "round \(round): \(String(decoding: body, as: UTF8.self))")
        }
        #expect(successes > 500 && others > 500)
    }

    /// Who and what an answer to trackBulk names, read by another parser.
    private struct Named {
        var emails: Set<String> = []
        var userIDs: Set<String> = []
        var events: Set<String> = []

        init(_ body: [UInt8]) {
            guard let top = try? JSONDecoder().decode(JSONValue.self, from: Data(body)).object else { return }
            let lists = top.merging(top["failedUpdates"]?.object ?? [:], uniquingKeysWith: JSONValue.joined)
            for (key, value) in lists where NamedList(rawValue: key) != nil {
                let names = value.strings ?? []
                if key.hasSuffix("Emails") { emails.formUnion(names.map { $0.lowercased() }) }
                if key.hasSuffix("UserIds") { userIDs.formUnion(names) }
            }
            events = Set(top["disallowedEventNames"]?.strings ?? [])
        }

        func contains(_ event: EventsRequest.Event) -> Bool {
            event.identity.email.map(emails.contains) ?? false || event.identity.userID.map(userIDs.contains) ?? false
                || events.contains(event.name)
        }
    }

    private static let punctuation = Array(#"{}[]",:0123-e.tn\"#.utf8)

    private static func mutate(_ body: inout [UInt8], _ random: inout SeededGenerator) {
        guard !body.isEmpty else { return }
        let place = random.next(below: body.count)
        switch random.next(below: 10) {
        case 6...: replaceLikeWithLike(&body, at: place, &random)
        case 0: body[place] = UInt8(random.next(below: 256))
        case 1: body.remove(at: place)
        case 2: body.insert(punctuation[random.next(below: punctuation.count)], at: place)
        case 3: body.removeLast(random.next(below: body.count))
        case 4:
            let end = min(body.count, place + random.next(below: 30))
            body.insert(contentsOf: body[place..<end], at: random.next(below: body.count))
        default:
            let other = random.next(below: body.count)
            body.swapAt(place, other)
        }
    }

    /// Digits by digits and letters by letters, so that the answer stays readable.
    private static func replaceLikeWithLike(_ body: inout [UInt8], at place: Int, _ random: inout SeededGenerator) {
        switch body[place] {
        case 0x30...0x39: body[place] = UInt8(0x30 + random.next(below: 10))
        case 0x41...0x5A, 0x61...0x7A: body[place] ^= random.next(below: 2) == 0 ? 0x20 : 0x01
        default: break
        }
    }

    /// The lists that name a person, read by another parser; without those whose naming means that a removal is done.
    private static func listsNaming(
        _ person: Identity, in body: [UInt8], _ operation: RollcallCore.Operation
    ) -> [String] {
        guard let top = try? JSONDecoder().decode(JSONValue.self, from: Data(body)).object else { return [] }
        var found: [String] = []
        for (key, value) in top.merging(top["failedUpdates"]?.object ?? [:], uniquingKeysWith: JSONValue.joined) {
            let done = operation == .unsubscribe && (key.hasPrefix("notFound") || key.hasPrefix("forgotten"))
            guard let names = value.strings, !done, NamedList(rawValue: key) != nil else { continue }
            let sent = key.hasSuffix("Emails") ? (operation == .subscribe ? person.email : nil) : person.userID
            if let sent, names.contains(where: { $0.lowercased() == sent && !key.hasSuffix("Ids") || $0 == sent }) {
                found.append(key)
            }
        }
        return found
    }
}

/// Any JSON, for the tests' own look at an answer.
private enum JSONValue: Decodable {
    case object([String: JSONValue])
    case strings([String])
    case other

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let strings = try? container.decode([String].self) {
            self = .strings(strings)
        } else if let object = try? container.decode([String: JSONValue].self) {
            self = .object(object)
        } else {
            self = .other
        }
    }

    var object: [String: JSONValue]? { if case .object(let object) = self { object } else { nil } }
    var strings: [String]? { if case .strings(let strings) = self { strings } else { nil } }

    static func joined(_ a: JSONValue, _ b: JSONValue) -> JSONValue {
        .strings((a.strings ?? []) + (b.strings ?? []))
    }
}

import Foundation
import SeededRandom
import Testing

@testable import IterableProtocol
@testable import RollcallCore

/// Answers to trackBulk by Iterable's rules, whatever it thinks of people and names, and answers with other counts.
@Suite struct HostileEventAnswerTests {
    /// A request, and what Iterable thinks of those in it.
    private struct Scene {
        let events: [EventsRequest.Event]
        /// People whose events fail, and the list that names them.
        let failing: [(person: Identity, list: NamedList)]
        let disallowed: [String]

        private static let names = ["order", "visit", "café ☕️", ""]

        init(_ random: inout SeededGenerator) {
            let people = (1...4).map { number in
                number % 2 == 0
                    ? Identity(email: "person\(number)@example.com", userID: nil)
                    : Identity(email: nil, userID: "u-\(number)")
            }
            events = (1...Int.random(in: 1...8, using: &random)).map { number in
                let person = people[Int.random(in: 0..<people.count, using: &random)]
                let name = Self.names[Int.random(in: 0..<Self.names.count, using: &random)]
                return Samples.event(number, name, email: person.email, userID: person.userID)
            }
            var failing: [(person: Identity, list: NamedList)] = []
            for person in people where Bool.random(using: &random) {
                let lists: [NamedList] =
                    person.email == nil
                    ? [.invalidUserIds, .notFoundUserIds, .forgottenUserIds]
                    : [.invalidEmails, .notFoundEmails, .forgottenEmails]
                failing.append((person, lists[Int.random(in: 0..<lists.count, using: &random)]))
            }
            self.failing = failing
            disallowed = Self.names.filter { _ in Int.random(in: 0...2, using: &random) == 0 }
        }

        private func list(of event: EventsRequest.Event) -> NamedList? {
            failing.first { $0.person == event.identity }?.list
        }

        var failuresByPerson: Int { events.filter { list(of: $0) != nil }.count }
        var failures: Int { events.filter { list(of: $0) != nil || disallowed.contains($0.name) }.count }

        /// What becomes of each event, as ``Gist`` writes it.
        var fates: [String] {
            events.map { event in
                let ofPerson = list(of: event).map(Self.word)
                guard disallowed.contains(event.name) else { return ofPerson ?? "ok" }
                // That a person is not there yet is the lesser reason.
                guard let ofPerson, ofPerson.hasPrefix("rejected") else { return "rejected event_name_disallowed" }
                return ofPerson
            }
        }

        private static func word(_ list: NamedList) -> String {
            switch list {
            case .invalidEmails: "rejected invalid_email"
            case .invalidUserIds: "rejected invalid_user_id"
            case .forgottenEmails, .forgottenUserIds: "rejected forgotten"
            default: "failed user_not_found"
            }
        }

        func answer(successes: Int, failures: Int, _ random: inout SeededGenerator) throws -> [UInt8] {
            var top: [String: [String]] = ["disallowedEventNames": disallowed, "createdFields": ["x"]]
            var nested: [String: [String]] = ["forgottenUserIds": [], "notFoundEmails": ["who@example.com"]]
            for (person, list) in failing where events.contains(where: { $0.identity == person }) {
                var name = person.email ?? person.userID ?? ""
                if person.email != nil, Bool.random(using: &random) { name = name.uppercased() }
                let names = Array(repeating: name, count: Int.random(in: 1...3, using: &random))
                let isAtTop = Bool.random(using: &random)
                switch list {
                case .invalidEmails where isAtTop: top["invalidEmails", default: []] += names
                // The deprecated list of the top level names those who were not found.
                case .notFoundUserIds where isAtTop: top["invalidUserIds", default: []] += names
                default: nested[list.rawValue, default: []] += names
                }
            }
            var object: [String: Any] = ["successCount": successes, "failCount": failures, "failedUpdates": nested]
            for (key, names) in top { object[key] = names }
            return Array(try JSONSerialization.data(withJSONObject: object))
        }

        func classify(_ body: [UInt8]) -> DeliveryAnswer {
            AnswerClassifier.classify(
                HTTPAnswer(status: 200, body: body, now: Samples.now), request: .events(EventsRequest(events: events)))
        }
    }

    @Test func answersByTheRulesGiveEachEventItsOutcome() throws {
        var random = SeededGenerator(seed: 41)
        for round in 0..<4_000 {
            let scene = Scene(&random)
            for failures in [scene.failuresByPerson, scene.failures] {
                let body = try scene.answer(
                    successes: scene.events.count - failures, failures: failures, &random)
                #expect(
                    Gist(scene.classify(body)) == .answered(scene.fates),
                    "round \(round): \(String(decoding: body, as: UTF8.self))")
            }
        }
    }

    @Test func otherCountsMakeNoEventASuccess() throws {
        var random = SeededGenerator(seed: 43)
        var answered = 0
        for round in 0..<6_000 {
            let scene = Scene(&random)
            let failures = Int.random(in: 0...9, using: &random)
            let successes = Int.random(in: 0...9, using: &random)
            let isByTheRules =
                successes + failures == scene.events.count
                && (failures == scene.failuresByPerson || failures == scene.failures)
            if isByTheRules { continue }
            let body = try scene.answer(successes: successes, failures: failures, &random)
            switch scene.classify(body) {
            case .ambiguous: break
            case .answered(let outcomes, _, _):
                answered += 1
                #expect(outcomes.count == scene.events.count)
                #expect(
                    !outcomes.contains(.succeeded), "round \(round): \(String(decoding: body, as: UTF8.self))")
            case let other: Issue.record("round \(round): \(other)")
            }
        }
        // Where every event has a reason, and of single events.
        #expect(answered > 100, "\(answered)")
    }
}

import Foundation
import IterableProtocol

@testable import RollcallCore

/// Answers of Iterable: never a success for somebody whom a list of failures names.
func fuzz(_ bytes: [UInt8]) {
    var input = Bytes(bytes)
    let operation = RecordKind.list.operations[input.number(below: 2)]
    let count = input.number(below: 4) + 1
    let status = [200, 200, 200, 202, 400, 404, 429, 500][input.number(below: 8)]
    let body = input.remainder()
    let people = (1...count).map { Identity(email: "p\($0)@example.com", userID: $0 % 2 == 0 ? "u\($0)" : nil) }
    let request = ListRequest(listID: 42, operation: operation, subscribers: people)
    let answer = AnswerClassifier.classify(
        HTTPAnswer(status: status, retryAfter: [], body: body, now: Date(timeIntervalSince1970: 0)),
        request: .list(request))
    _ = AnswerClassifier.error(
        for: HTTPAnswer(status: status, retryAfter: [], body: body, now: Date()), changesSomething: true)
    guard case .answered(let outcomes, _, _) = answer else { return }
    require(outcomes.count == people.count, "an outcome for each record")
    guard (200...299).contains(status),
        let top = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any]
    else { return }
    let nested = top["failedUpdates"] as? [String: Any] ?? [:]
    for (person, outcome) in zip(people, outcomes) where outcome == .succeeded {
        let sent = ListBody.sent(person, operation: operation)
        var lists: Set<String> = []
        for (key, value) in Array(top) + Array(nested) {
            guard let names = value as? [String], NamedList(rawValue: key) != nil else { continue }
            let wanted = key.hasSuffix("Emails") ? sent.email : sent.userID
            if let wanted, names.contains(where: { Array($0.utf8) == Array(wanted.utf8) }) { lists.insert(key) }
        }
        let isGone = operation == .unsubscribe && lists.contains { $0.hasPrefix("forgotten") }
        let isUnknown = operation == .unsubscribe && lists.allSatisfy { $0.hasPrefix("notFound") }
        require(lists.isEmpty || isGone || isUnknown, "\(sent) succeeded, but is in \(lists)")
    }
}

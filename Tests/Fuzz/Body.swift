import Foundation
import IterableProtocol

@testable import RollcallCore

/// Request bodies: another parser reads what was written.
func fuzz(_ bytes: [UInt8]) {
    var input = Bytes(bytes)
    let operation = RecordKind.list.operations[input.number(below: 2)]
    let people = (0..<2).map { _ in
        Identity(
            email: String(decoding: input.piece(), as: UTF8.self),
            userID: input.number(below: 2) == 0 ? nil : String(decoding: input.piece(), as: UTF8.self))
    }
    let request = ListRequest(listID: 7, operation: operation, subscribers: people)
    var body: [UInt8] = []
    ListBody.write(request, into: &body)
    let bound = people.reduce(ListBody.envelopeBytes) { $0 + ListBody.size(of: $1, operation: operation) }
    require(body.count <= bound, "larger than its bound")
    let object = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any]
    let read = object?["subscribers"] as? [[String: Any]]
    require(read?.count == people.count, "not the people who were written")
    for (person, found) in zip(people, read ?? []) {
        let sent = ListBody.sent(person, operation: operation)
        require((found["email"] as? String).map { Array($0.utf8) } == sent.email.map { Array($0.utf8) }, "email")
        require((found["userId"] as? String).map { Array($0.utf8) } == sent.userID.map { Array($0.utf8) }, "userId")
    }
}

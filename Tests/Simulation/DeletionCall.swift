import Foundation
import IterableProtocol
import RollcallCore

/// A request that deletes the profile of a person.
final class DeletionCall: ProfileCall {
    let person: Identity
    let node: Node
    let writes: [ProfileWrite] = []
    let count = 1
    var stray: Int?
    private var number = 0
    private let profiles: SimulatedProfiles

    init(_ sent: UserDeletion, _ node: Node, _ profiles: SimulatedProfiles) {
        switch sent {
        case .email(let email): person = Identity(email: email, userID: nil)
        case .userID(let userID): person = Identity(email: nil, userID: userID)
        }
        (self.node, self.profiles) = (node, profiles)
    }

    var order: Int { stray ?? number }
    var summary: String { "delete \(person)" }

    private var oracle: ProfileOracle { node.history.clients }

    func isSent(number: Int) {
        self.number = number
        oracle.isSent(self, number: number)
    }

    func land(after delay: Duration) { profiles.landLater(self, after: delay) }
    func hasEnded(number: Int, _ failures: Set<Int>) { oracle.hasEnded(number: number) }
    func means(isAnswered: Bool, _ failures: Set<Int>) {}

    func lands() {
        oracle.lands(self)
        profiles.delete(person)
    }

    func answer(_ fault: Fault?, _ dice: inout Dice) -> (SimulatedReply, Set<Int>) {
        if fault == .someInvalidData || fault == .someNamedTwice || fault == .unnamedFailure {
            return (.answer(status: 400, body: Self.body("BadParams")), [0])
        }
        profiles.accept(self)
        let body = Self.body("Success")
        switch fault {
        case .lostAfter: return (.failure(.noAnswer, "connection_lost"), [0])
        case .serverErrorApplied: return (.answer(status: 500, body: Array("{}".utf8)), [0])
        case .truncated: return (.answer(status: 200, body: Array(body.prefix(dice.below(body.count)))), [0])
        case .notJSON: return (.answer(status: 200, body: Array("<html>Welcome</html>".utf8)), [0])
        case .emptyAnswer: return (.answer(status: 200, body: []), [0])
        default: return (.answer(status: 202, body: body), [])
        }
    }

    private static func body(_ code: String) -> [UInt8] { Array(#"{"msg":"","code":"\#(code)","params":null}"#.utf8) }
}

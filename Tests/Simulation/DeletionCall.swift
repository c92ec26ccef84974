import Foundation
import IterableProtocol
import RollcallCore

/// A request that deletes the profile of a person.
final class DeletionCall: SingleProfileCall {
    let person: Identity
    let node: Node
    var stray: Int?
    var number = 0
    let profiles: SimulatedProfiles

    init(_ sent: UserDeletion, _ node: Node, _ profiles: SimulatedProfiles) {
        switch sent {
        case .email(let email): person = Identity(email: email, userID: nil)
        case .userID(let userID): person = Identity(email: nil, userID: userID)
        }
        (self.node, self.profiles) = (node, profiles)
    }

    var summary: String { "delete \(person)" }

    func isSent(number: Int) {
        self.number = number
        oracle.isSent(self, number: number)
    }

    func lands() {
        oracle.lands(self)
        profiles.delete(person)
    }

    func carriedOut() -> (status: Int, code: String) {
        profiles.accept(self)
        return (202, Self.success)
    }
}

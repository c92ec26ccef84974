import Foundation
import IterableProtocol
import RollcallCore

/// A request that changes profiles of people.
protocol ProfileCall: SimulatedCall {
    var node: Node { get }
    /// The objects that it writes; none: it gives a profile another address.
    var writes: [ProfileWrite] { get }
    /// Its place among all requests.
    var order: Int { get }
    /// Its time was up, and it is carried out all the same.
    func lands()
}

/// A request that gives a profile another address.
final class RenameCall: SingleProfileCall {
    let email: String
    let newEmail: String
    /// The key of the record.
    let key: String
    let node: Node
    var stray: Int?
    var number = 0
    let profiles: SimulatedProfiles

    /// nil for a body that cannot be read.
    init?(_ body: [UInt8], _ node: Node, _ profiles: SimulatedProfiles) {
        guard let object = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: String],
            let email = object["currentEmail"], let newEmail = object["newEmail"], object.count == 2
        else { return nil }
        (self.email, self.newEmail, self.node, self.profiles) = (email, newEmail, node, profiles)
        key = node.history.clients.key(ofRenameFrom: email, to: newEmail, node)
    }

    var summary: String { "rename \(key) \(email) to \(newEmail)" }

    func isSent(number: Int) {
        self.number = number
        oracle.isSent(self, number: number)
    }

    func lands() { _ = carryOut() }

    /// - Returns: Iterable's code; `Success`: the profile has the new address.
    private func carryOut() -> String {
        let code = profiles.rename(email, to: newEmail)
        if code == Self.success { oracle.hasRenamed(self) } else { oracle.saw("iterable refuses a rename: \(code)") }
        return code
    }

    func carriedOut() -> (status: Int, code: String) {
        let code = carryOut()
        return (code == Self.success ? 200 : 400, code)
    }
}

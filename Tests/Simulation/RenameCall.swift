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
final class RenameCall: ProfileCall {
    let email: String
    let newEmail: String
    /// The key of the record.
    let key: String
    let node: Node
    let writes: [ProfileWrite] = []
    let count = 1
    var stray: Int?
    private var number = 0
    private let profiles: SimulatedProfiles

    /// nil for a body that cannot be read.
    init?(_ body: [UInt8], _ node: Node, _ profiles: SimulatedProfiles) {
        guard let object = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: String],
            let email = object["currentEmail"], let newEmail = object["newEmail"], object.count == 2
        else { return nil }
        (self.email, self.newEmail, self.node, self.profiles) = (email, newEmail, node, profiles)
        key = node.history.clients.key(ofRenameFrom: email, to: newEmail, node)
    }

    var order: Int { stray ?? number }
    var summary: String { "rename \(key) \(email) to \(newEmail)" }

    private var oracle: ProfileOracle { node.history.clients }

    func isSent(number: Int) {
        self.number = number
        oracle.isSent(self, number: number)
    }

    func land(after delay: Duration) { profiles.landLater(self, after: delay) }
    func hasEnded(number: Int, _ failures: Set<Int>) { oracle.hasEnded(number: number) }
    func means(isAnswered: Bool, _ failures: Set<Int>) {}

    func lands() { _ = carryOut() }

    /// - Returns: Iterable's code; `Success`: the profile has the new address.
    private func carryOut() -> String {
        let code = profiles.rename(email, to: newEmail)
        if code == Self.success { oracle.hasRenamed(self) } else { oracle.saw("iterable refuses a rename: \(code)") }
        return code
    }

    private static let success = "Success"

    func answer(_ fault: Fault?, _ dice: inout Dice) -> (SimulatedReply, Set<Int>) {
        if fault == .someInvalidData || fault == .someNamedTwice || fault == .unnamedFailure {
            return (.answer(status: 400, body: Self.body("BadParams")), [0])
        }
        let code = carryOut()
        let body = Self.body(code)
        let failed: Set<Int> = code == Self.success ? [] : [0]
        switch fault {
        case .lostAfter: return (.failure(.noAnswer, "connection_lost"), [0])
        case .serverErrorApplied: return (.answer(status: 500, body: Array("{}".utf8)), [0])
        case .truncated: return (.answer(status: 200, body: Array(body.prefix(dice.below(body.count)))), [0])
        case .notJSON: return (.answer(status: 200, body: Array("<html>Welcome</html>".utf8)), [0])
        case .emptyAnswer: return (.answer(status: 200, body: []), [0])
        default: return (.answer(status: code == Self.success ? 200 : 400, body: body), failed)
        }
    }

    private static func body(_ code: String) -> [UInt8] { Array(#"{"msg":"","code":"\#(code)","params":null}"#.utf8) }
}

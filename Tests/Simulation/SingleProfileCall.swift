import IterableProtocol
import RollcallCore

/// A request that renames or deletes one profile, and writes no objects.
protocol SingleProfileCall: ProfileCall {
    var number: Int { get set }
    var profiles: SimulatedProfiles { get }
    /// Carries the request out, or accepts it.
    /// - Returns: the answer's status, and Iterable's code.
    func carriedOut() -> (status: Int, code: String)
}

extension SingleProfileCall {
    static var success: String { "Success" }

    var writes: [ProfileWrite] { [] }
    var count: Int { 1 }
    var order: Int { stray ?? number }
    var oracle: ProfileOracle { node.history.clients }

    func land(after delay: Duration) { profiles.landLater(self, after: delay) }
    func hasEnded(number: Int, _ failures: Set<Int>) { oracle.hasEnded(number: number) }
    func means(isAnswered: Bool, _ failures: Set<Int>) {}

    func answer(_ fault: Fault?, _ dice: inout Dice) -> (SimulatedReply, Set<Int>) {
        if fault == .someInvalidData || fault == .someNamedTwice || fault == .unnamedFailure {
            return (.answer(status: 400, body: Self.body("BadParams")), [0])
        }
        let (status, code) = carriedOut()
        let body = Self.body(code)
        switch fault {
        case .lostAfter: return (.failure(.noAnswer, "connection_lost"), [0])
        case .serverErrorApplied: return (.answer(status: 500, body: Array("{}".utf8)), [0])
        case .truncated: return (.answer(status: 200, body: Array(body.prefix(dice.below(body.count)))), [0])
        case .notJSON: return (.answer(status: 200, body: Array("<html>Welcome</html>".utf8)), [0])
        case .emptyAnswer: return (.answer(status: 200, body: []), [0])
        default: return (.answer(status: status, body: body), code == Self.success ? [] : [0])
        }
    }

    private static func body(_ code: String) -> [UInt8] { Array(#"{"msg":"","code":"\#(code)","params":null}"#.utf8) }
}

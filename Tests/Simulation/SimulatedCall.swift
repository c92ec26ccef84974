import IterableProtocol
import RollcallCore

/// One delivery on its way to Iterable, and what Iterable does with it: of each kind of record one.
protocol SimulatedCall: AnyObject {
    var summary: String { get }
    /// How many records it is for.
    var count: Int { get }
    /// Its number, where it was sent without a lease.
    var stray: Int? { get set }

    /// Judges it at the moment it is sent.
    func isSent(number: Int)
    /// Carries it out later, as one that was given up on its way.
    func land(after delay: Duration)
    /// Carries it out, unless a fault is in the way. Gives also the records for which the answer does not vouch.
    func answer(_ fault: Fault?, _ dice: inout Dice) -> (SimulatedReply, Set<Int>)
    /// The exchange is over.
    func hasEnded(number: Int, _ failures: Set<Int>)
    /// The process has taken the answer in.
    func means(isAnswered: Bool, _ failures: Set<Int>)
    /// What the process makes of the answer, or of there being none.
    func isClassified(_ meaning: DeliveryAnswer)
}

extension SimulatedCall {
    func isClassified(_ meaning: DeliveryAnswer) {}
}

/// What comes back.
enum SimulatedReply {
    case answer(status: Int, retryAfter: [String] = [], body: [UInt8])
    case failure(TransportFailure.Kind, String)

    /// An answer that refuses a request whatever is in it.
    static func refusal(_ fault: Fault?, _ dice: inout Dice) -> SimulatedReply? {
        func refused(_ status: Int, _ body: String, _ retryAfter: [String] = []) -> SimulatedReply {
            .answer(status: status, retryAfter: retryAfter, body: Array(body.utf8))
        }
        switch fault {
        case .rateLimited: return refused(429, #"{"msg":"Too many requests","code":"RateLimitExceeded","params":null}"#)
        case .rateLimitedWish: return refused(429, "Too many requests", ["\(dice.between(0, 5))"])
        case .rateLimitedNonsense: return refused(429, "", [dice.pick(["-5", "abc", "1e9", "", "99999999999"])])
        case .serverError: return refused(dice.pick([500, 503]), #"{"msg":"An error","code":"GenericError"}"#)
        case .gatewayPage: return refused(dice.pick([502, 504]), "<html><body>Bad gateway</body></html>")
        case .requestTimeout: return refused(408, "")
        case .refusedWhole:
            return refused(
                400,
                #"{"msg":"Invalid","code":"\#(dice.pick(["BadParams", "BadJsonBody", "InvalidEmailAddressError"]))"}"#)
        case .tooLarge: return dice.chance(50) ? refused(413, "") : refused(400, #"{"code":"BatchTooLarge","msg":"x"}"#)
        case .keyRefused: return refused(401, #"{"msg":"Invalid API key","code":"BadApiKey"}"#)
        case .forbidden: return refused(403, #"{"msg":"Forbidden","code":"Forbidden"}"#)
        default: return nil
        }
    }
}

/// A subscribe or unsubscribe request.
final class ListCall: SimulatedCall {
    private let sent: ListRequest
    private var request: SimulatedIterable.Request
    private let node: Node
    private let iterable: SimulatedIterable

    init(_ sent: ListRequest, _ request: SimulatedIterable.Request, _ node: Node, _ iterable: SimulatedIterable) {
        self.sent = sent
        self.request = request
        self.node = node
        self.iterable = iterable
    }

    var summary: String { request.summary }
    var count: Int { request.subscribers.count }
    var stray: Int? {
        get { request.stray }
        set {
            request.stray = newValue
            request.number = newValue ?? request.number
        }
    }

    private var oracle: Oracle { node.history.oracle }

    func isSent(number: Int) {
        request.number = number
        oracle.isSent(sent, request, by: node, number: number)
        node.history.listFields.isSent(request, by: node)
    }

    func land(after delay: Duration) { iterable.carryOut(request, after: delay) }

    func hasEnded(number: Int, _ failures: Set<Int>) {
        oracle.hasEnded(number: number)
        if failures.count == count { oracle.isDoubtful(request) }
    }

    func means(isAnswered: Bool, _ failures: Set<Int>) {
        if isAnswered {
            oracle.isAcknowledged(request, except: failures, by: node)
            iterable.acknowledge(request)
        } else {
            oracle.isDoubtful(request)
        }
    }

    func answer(_ fault: Fault?, _ dice: inout Dice) -> (SimulatedReply, Set<Int>) {
        let everyone = Set(request.subscribers.indices)
        if !iterable.exists(request.list) || iterable.isPreparing(request.list) {
            return (
                .answer(
                    status: 400,
                    body: Array(
                        #"{"msg":"error.lists.invalidListId(\#(request.list))","code":"Success","params":null}"#.utf8)),
                everyone
            )
        }
        return carriedOut(fault, &dice)
    }

    /// Answers to requests that were carried out, at least in part.
    private func carriedOut(
        _ fault: Fault?, _ dice: inout Dice
    ) -> (SimulatedReply, Set<Int>) {
        let everyone = Set(request.subscribers.indices)
        var sparing: Set<Int> = []
        let refuses = fault == .someInvalidData || fault == .someNamedTwice || fault == .unnamedFailure
        if refuses {
            for position in request.subscribers.indices where fault == .someNamedTwice || dice.chance(40) {
                sparing.insert(position)
            }
        }
        request.isOvertaken = node.leaseToken != node.history.store.state.leases[node.sync]?.token
        var failures = iterable.carryOut(request, sparing: sparing)
        node.history.noteConflicts(request, failures)
        for (_, failure) in failures { node.history.oracle.saw("iterable says \(failure)") }
        if fault != .unnamedFailure { for position in sparing { failures[position] = "invalidData" } }
        var body = SimulatedIterable.answer(
            request, failures, countedAlso: fault == .unnamedFailure ? sparing.count : 0, &dice)
        switch fault {
        case .lostAfter: return (.failure(.noAnswer, "connection_lost"), everyone)
        case .serverErrorApplied: return (.answer(status: 500, body: Array("{}".utf8)), everyone)
        case .truncated: body = Array(body.prefix(dice.below(body.count)))
        case .notJSON: body = Array("<html>Welcome</html>".utf8)
        case .emptyAnswer: body = []
        case .countsMismatch:
            let successes = everyone.count == 1 ? 1 : 0
            body = Array(#"{"successCount":\#(successes),"failCount":\#(dice.between(1, 9))}"#.utf8)
        case .someNamedTwice:
            let names = request.subscribers.compactMap(\.email) + request.subscribers.compactMap(\.userID)
            let list = names.map { "\"\($0)\"" }.joined(separator: ",")
            body =
                Array(
                    #"{"successCount":0,"failCount":\#(everyone.count),"invalidDataEmails":[\#(list)],"#.utf8)
                + Array(#""failedUpdates":{"invalidDataUserIds":[\#(list)],"invalidDataEmails":[\#(list)]}}"#.utf8)
            return (.answer(status: 200, body: body), everyone)
        default: break
        }
        // An answer vouches for no record that was refused, whether or not it names the record.
        return (.answer(status: 200, body: body), sparing.union(failures.keys))
    }
}

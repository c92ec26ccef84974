import Foundation
import IterableProtocol
import RollcallCore

/// A process's connections to Iterable: takes time, breaks, and carries every kind of answer. What answers mean is left
/// to the same classifier that the real client uses.
final class SimulatedDestination: Destination, @unchecked Sendable {
    private let iterable: SimulatedIterable
    private let node: Node
    private var world: World { node.world }
    private var history: History { node.history }
    private var scenario: Scenario { node.history.scenario }

    init(_ iterable: SimulatedIterable, _ node: Node) {
        self.iterable = iterable
        self.node = node
    }

    let bodyLimits = DeliveryBody.limits(maximumBytes: 4_000_000)

    private enum Reply {
        case answer(status: Int, retryAfter: [String] = [], body: [UInt8])
        case failure(TransportFailure.Kind, String)
    }

    private func draw(_ call: String, _ faults: [Fault]) -> (fault: Fault?, dice: Dice) {
        let key = node.key(call)
        let drawn = history.faults.draw(key, faults)
        if let fault = drawn?.0 {
            history.oracle.saw("fault \(fault.rawValue)")
            world.note(node.process, "\(call) meets \(fault.rawValue)")
        }
        if drawn?.0 == .crashBeforeRequest { node.die() }
        return (drawn?.0, drawn?.1 ?? Dice(scenario.seed, key + " latency"))
    }

    // MARK: Deliveries

    func fields(ofCatalog name: String) async throws(DestinationError) -> [RemoteField]? { nil }

    func createCatalog(_ name: String) async throws(DestinationError) { throw Self.noCatalogs }

    func setTypes(_ fields: [RemoteField], ofCatalog name: String) async throws(DestinationError) {
        throw Self.noCatalogs
    }

    private static let noCatalogs = DestinationError(
        error: RunError(code: "test", message: "there are lists only"), isTransient: false)

    func deliver(
        _ delivery: DeliveryRequest, mayStillSend: @escaping @Sendable () -> Bool
    ) async -> DeliveryAnswer {
        guard case .list(let request) = delivery else { return .stop(Self.noCatalogs.error) }
        let gone = DeliveryAnswer.stop(RunError(code: "gone", message: "the process is gone"))
        if node.process.isDead { return gone }
        var (fault, dice) = draw("deliver", Fault.delivery)
        if node.process.isDead { return gone }
        var body: [UInt8] = []
        ListBody.write(request, into: &body)
        guard var read = SimulatedIterable.read(body, subscribes: request.operation == .subscribe) else {
            history.oracle.violated("a request that cannot be read")
            return gone
        }
        if fault == .stopBeforeRequest { await stop(&dice) }
        guard mayStillSend() else {
            history.oracle.saw("a request was withheld")
            world.note(node.process, "a request is withheld: \(read.summary)")
            return .withheld
        }
        if fault == .stopBeforeWrite { await stop(&dice) }
        if node.process.isDead { return gone }
        history.requests += 1
        node.requests += 1
        let number = history.requests
        // No look can be later than the last one: what was stopped behind it may be sent by whoever has no lease any more.
        if fault == .stopBeforeWrite && !mayStillSend() {
            history.oracle.hasStrayed(number, node)
            read.stray = number
            if dice.chance(40) { fault = .late }
        } else {
            history.oracle.isSent(request, read, by: node, number: number)
        }
        world.note(node.process, "\(read.summary)\(fault.map { " (\($0.rawValue))" } ?? "")")
        let (reply, failures) = await exchange(read, fault, &dice)
        history.oracle.hasEnded(number: number)
        if failures == Set(read.subscribers.indices) { history.oracle.isDoubtful(read) }
        if node.process.isDead { return gone }
        switch reply {
        case .failure(let kind, let code):
            return AnswerClassifier.classify(
                failure: TransportFailure(kind: kind, code: code, message: "on purpose"), request: .list(request))
        case .answer(let status, let retryAfter, let body):
            let answer = HTTPAnswer(status: status, retryAfter: retryAfter, body: body, now: history.wallTime)
            let meaning = AnswerClassifier.classify(answer, request: .list(request))
            let lease = history.store.state.leases["vip"]
            if !meaning.mayHaveBeenApplied
                || lease.map({ $0.token == node.leaseToken && $0.expiresAt > history.wallTime }) == true
            {
                history.oracle.needsNoNote(number)
            }
            if case .answered = meaning {
                history.oracle.isAcknowledged(read, except: failures, by: node)
            } else {
                history.oracle.isDoubtful(read)
            }
            return meaning
        }
    }

    /// Stops the process; goes on when it does.
    private func stop(_ dice: inout Dice) async {
        node.freeze(&dice)
        await world.pass(.milliseconds(1))
    }

    /// What comes back, and which records it does not vouch for.
    private func exchange(
        _ request: SimulatedIterable.Request, _ fault: Fault?, _ dice: inout Dice
    ) async -> (Reply, Set<Int>) {
        let everyone = Set(request.subscribers.indices)
        let timeout = Duration.seconds(scenario.timeoutSeconds)
        let there = dice.milliseconds(1, 80)
        switch fault {
        case .notSent:
            await world.pass(there)
            return (.failure(.notSent, "connect_failed"), everyone)
        case .lostBefore:
            await world.pass(dice.chance(50) ? there : timeout)
            return (.failure(.noAnswer, "connection_lost"), everyone)
        case .late:
            // Given up at its deadline; lands before its time to settle is over.
            let last = Int((scenario.timeoutSeconds + scenario.settleSeconds) * 1000) - 1
            iterable.carryOut(request, after: dice.milliseconds(Int(scenario.timeoutSeconds * 1000), max(1, last)))
            await world.pass(timeout)
            return (.failure(.noAnswer, "timeout"), everyone)
        case .slow: await world.pass(dice.milliseconds(100, Int(scenario.timeoutSeconds * 1000) - 100))
        case .stopInFlight:
            node.freeze(&dice)
            // Half of the time it wakes up to an answer that asks for another try.
            if dice.chance(50) {
                await world.pass(there)
                return (.answer(status: 503, body: []), everyone)
            }
        case .crashInFlight:
            if dice.chance(60) {
                let last = Int((scenario.timeoutSeconds + scenario.settleSeconds) * 1000) - 1
                iterable.carryOut(request, after: dice.milliseconds(1, max(1, last)))
            }
            node.die()
            return (.failure(.noAnswer, "gone"), everyone)
        default: break
        }
        await world.pass(there)
        let reply = answer(request, fault, &dice)
        await world.pass(dice.milliseconds(1, 40))
        if fault == .crashAfterAnswer { node.die() }
        return reply
    }

    private func answer(
        _ request: SimulatedIterable.Request, _ fault: Fault?, _ dice: inout Dice
    ) -> (Reply, Set<Int>) {
        let everyone = Set(request.subscribers.indices)
        func refused(_ status: Int, _ body: String, _ retryAfter: [String] = []) -> (Reply, Set<Int>) {
            (.answer(status: status, retryAfter: retryAfter, body: Array(body.utf8)), everyone)
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
        default: break
        }
        if !iterable.exists(request.list) || iterable.isPreparing(request.list) {
            return refused(
                400, #"{"msg":"error.lists.invalidListId(\#(request.list))","code":"Success","params":null}"#)
        }
        return carriedOut(request, fault, &dice)
    }

    /// Answers to requests that were carried out, at least in part.
    private func carriedOut(
        _ request: SimulatedIterable.Request, _ fault: Fault?, _ dice: inout Dice
    ) -> (Reply, Set<Int>) {
        let everyone = Set(request.subscribers.indices)
        var sparing: Set<Int> = []
        let refuses = fault == .someInvalidData || fault == .someNamedTwice || fault == .unnamedFailure
        if refuses {
            for position in request.subscribers.indices where fault == .someNamedTwice || dice.chance(40) {
                sparing.insert(position)
            }
        }
        var failures = iterable.carryOut(request, sparing: sparing)
        history.noteConflicts(request, failures)
        for (_, failure) in failures { history.oracle.saw("iterable says \(failure)") }
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

    // MARK: Lists

    private func failure(_ kind: TransportFailure.Kind, changes: Bool) -> DestinationError {
        AnswerClassifier.error(
            for: TransportFailure(
                kind: kind, code: kind == .withheld ? "withheld" : "connection_lost", message: "on purpose"),
            changesSomething: changes)
    }

    private func serverError(_ status: Int, changes: Bool) -> DestinationError {
        AnswerClassifier.error(for: HTTPAnswer(status: status, now: history.wallTime), changesSomething: changes)
            ?? failure(.noAnswer, changes: changes)
    }

    func lists() async throws(DestinationError) -> [RemoteList] {
        if node.process.isDead { throw failure(.notSent, changes: false) }
        var (fault, dice) = draw("lists", Fault.lists)
        await world.pass(
            fault == .slow ? .seconds(scenario.timeoutSeconds) - .milliseconds(1) : dice.milliseconds(1, 80))
        let visible = iterable.visibleLists
        if fault == .crashAfterAnswer { node.die() }
        if node.process.isDead { throw failure(.noAnswer, changes: false) }
        switch fault {
        case .notSent: throw failure(.notSent, changes: false)
        case .lostBefore: throw failure(.noAnswer, changes: false)
        case .rateLimited: throw serverError(429, changes: false)
        case .serverError: throw serverError(500, changes: false)
        case .truncated: throw AnswerClassifier.unreadable(status: 200, changesSomething: false)
        default: return visible
        }
    }

    func createList(
        name: String, description: String?, mayStillSend: @escaping @Sendable () -> Bool
    ) async throws(DestinationError) -> Int64 {
        if node.process.isDead { throw failure(.notSent, changes: true) }
        var (fault, dice) = draw("create list", Fault.creation)
        if node.process.isDead { throw failure(.notSent, changes: true) }
        if fault == .stopBeforeRequest { await stop(&dice) }
        guard mayStillSend() else { throw failure(.withheld, changes: true) }
        node.requests += 1
        world.note(node.process, "create list \(name)")
        await world.pass(dice.milliseconds(1, 80))
        switch fault {
        case .notSent: throw failure(.notSent, changes: true)
        case .lostBefore: throw failure(.noAnswer, changes: true)
        case .serverError: throw serverError(500, changes: true)
        case .late:
            let iterable = iterable
            world.after(dice.milliseconds(1, 30_000)) { _ = iterable.addList(name) }
            throw failure(.noAnswer, changes: true)
        default: break
        }
        let id = iterable.addList(name, delay: dice.milliseconds(0, dice.pick([0, 4_000, 15_000])))
        if fault == .crashInFlight || fault == .crashAfterAnswer { node.die() }
        if node.process.isDead { throw failure(.noAnswer, changes: true) }
        switch fault {
        case .lostAfter: throw failure(.noAnswer, changes: true)
        case .serverErrorApplied: throw serverError(500, changes: true)
        case .truncated: throw AnswerClassifier.unreadable(status: 200, changesSomething: true)
        default: return id
        }
    }

    func members(
        ofList id: Int64, preferUserID: Bool, _ body: @Sendable (String) -> Void
    ) async throws(DestinationError) {
        for profile in iterable.profiles where profile.lists.contains(id) {
            if let name = preferUserID ? profile.userID ?? profile.email : profile.email ?? profile.userID {
                body(name)
            }
        }
    }
}

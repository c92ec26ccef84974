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

    func deliver(
        _ request: DeliveryRequest, mayStillSend: @escaping @Sendable () -> Bool
    ) async -> DeliveryAnswer {
        let gone = DeliveryAnswer.stop(RunError(code: "gone", message: "the process is gone"))
        if node.process.isDead { return gone }
        var (fault, dice) = draw("deliver", Fault.delivery)
        if node.process.isDead { return gone }
        var body: [UInt8] = []
        DeliveryBody.write(request, into: &body)
        guard let call = call(request, body) else {
            history.oracle.violated("a request that cannot be read")
            return gone
        }
        if fault == .stopBeforeRequest { await stop(&dice) }
        guard mayStillSend() else {
            history.oracle.saw("a request was withheld")
            world.note(node.process, "a request is withheld: \(call.summary)")
            return .withheld
        }
        if fault == .stopBeforeWrite { await stop(&dice) }
        if node.process.isDead { return gone }
        history.requests += 1
        node.requests += 1
        let number = history.requests
        history.limits.isSent(request.endpoint, by: node)
        // No look can be later than the last one: what was stopped behind it may be sent by whoever has no lease any more.
        if fault == .stopBeforeWrite && !mayStillSend() {
            history.oracle.hasStrayed(number, node)
            call.stray = number
            if dice.chance(40) { fault = .late }
        } else {
            history.oracle.judgeSender(node)
            call.isSent(number: number)
        }
        world.note(node.process, "\(call.summary)\(fault.map { " (\($0.rawValue))" } ?? "")")
        let (reply, failures) = await exchange(call, fault, &dice)
        call.hasEnded(number: number, failures)
        if node.process.isDead { return gone }
        switch reply {
        case .failure(let kind, let code):
            let meaning = AnswerClassifier.classify(
                failure: TransportFailure(kind: kind, code: code, message: "on purpose"), request: request)
            call.isClassified(meaning)
            return meaning
        case .answer(let status, let retryAfter, let body):
            let answer = HTTPAnswer(status: status, retryAfter: retryAfter, body: body, now: history.wallTime)
            let meaning = AnswerClassifier.classify(answer, request: request)
            let lease = history.store.state.leases[node.sync]
            if !meaning.mayHaveBeenApplied
                || lease.map({ $0.token == node.leaseToken && $0.expiresAt > history.wallTime }) == true
            {
                history.oracle.needsNoNote(number)
            }
            var isAnswered = false
            if case .answered = meaning { isAnswered = true }
            call.means(isAnswered: isAnswered, failures)
            call.isClassified(meaning)
            return meaning
        }
    }

    private func call(_ request: DeliveryRequest, _ body: [UInt8]) -> (any SimulatedCall)? {
        switch request {
        case .list(let request):
            SimulatedIterable.read(body, subscribes: request.operation == .subscribe).map {
                ListCall(request, $0, node, iterable)
            }
        case .users(let request): UsersCall(request, body, node, history.profiles)
        case .userRename: RenameCall(body, node, history.profiles)
        case .userDeletion(let deletion): DeletionCall(deletion, node, history.profiles)
        case .events(let request):
            EventsCall(body, count: request.events.count, isSingle: false, node, history.events)
        case .event: EventsCall(body, count: 1, isSingle: true, node, history.events)
        case .catalog(let request): CatalogCall(request, body, node, history.catalog)
        }
    }

    /// Stops the process; goes on when it does.
    private func stop(_ dice: inout Dice) async {
        node.freeze(&dice)
        await world.pass(.milliseconds(1))
    }

    /// What comes back, and which records it does not vouch for.
    private func exchange(
        _ call: any SimulatedCall, _ fault: Fault?, _ dice: inout Dice
    ) async -> (SimulatedReply, Set<Int>) {
        let everyone = Set(0..<call.count)
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
            call.land(after: dice.milliseconds(Int(scenario.timeoutSeconds * 1000), max(1, last)))
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
                call.land(after: dice.milliseconds(1, max(1, last)))
            }
            node.die()
            return (.failure(.noAnswer, "gone"), everyone)
        default: break
        }
        await world.pass(there)
        let reply = SimulatedReply.refusal(fault, &dice).map { ($0, everyone) } ?? call.answer(fault, &dice)
        await world.pass(dice.milliseconds(1, 40))
        if fault == .crashAfterAnswer { node.die() }
        return reply
    }

    // MARK: Calls that read

    func profileFields() async throws(DestinationError) -> [RemoteField] {
        try await reading("profile fields") { history in
            history.profiles.fields + (history.scenario.listFields == nil ? [] : MemberValues.remote)
        }
    }

    /// Only syncs that send whom Iterable knows, give profiles other addresses or clear them make looks of which an oracle knows.
    func profile(_ name: ProfileName) async throws(DestinationError) -> ProfileFinding {
        guard let clients = scenario.clients, clients.updatesOnly || clients.renames || clients.leaving == .clear
        else { return .unknown }
        let (status, body) = try await reading("profile") { $0.profiles.answer(to: name) }
        let answer = HTTPAnswer(status: status, body: Array(body.utf8), now: history.wallTime)
        let finding = try ProfileAnswer.finding(answer)
        world.note(node.process, "looks up \(name): \(finding)")
        history.clients.hasLookedUp(name, finding, node)
        return finding
    }

    func fields(ofCatalog name: String) async throws(DestinationError) -> [RemoteField]? {
        try await reading("fields") { $0.catalog.fields }
    }

    func look(
        at item: CatalogRequest.Item, ofCatalog name: String, keepsOtherFields: Bool
    ) async throws(DestinationError) -> ItemFinding {
        let catalog = history.catalog
        let finding = try await reading("look") { _ in catalog.look(at: item) }
        history.oracle.saw("an item that was read back was \(finding)")
        return finding
    }

    func lists() async throws(DestinationError) -> [RemoteList] {
        let iterable = iterable
        return try await reading("lists") { _ in iterable.visibleLists }
    }

    private func reading<R>(_ name: String, _ body: (History) -> R) async throws(DestinationError) -> R {
        if node.process.isDead { throw failure(.notSent, changes: false) }
        var (fault, dice) = draw(name, Fault.lists)
        await world.pass(
            fault == .slow ? .seconds(scenario.timeoutSeconds) - .milliseconds(1) : dice.milliseconds(1, 80))
        let result = body(history)
        if fault == .crashAfterAnswer { node.die() }
        if node.process.isDead { throw failure(.noAnswer, changes: false) }
        switch fault {
        case .notSent: throw failure(.notSent, changes: false)
        case .lostBefore: throw failure(.noAnswer, changes: false)
        case .rateLimited: throw serverError(429, changes: false)
        case .serverError: throw serverError(500, changes: false)
        case .truncated: throw AnswerClassifier.unreadable(status: 200, changesSomething: false)
        default: return result
        }
    }

    // MARK: Calls that change something at once

    func createCatalog(_ name: String) async throws(DestinationError) {
        let catalog = history.catalog
        let isNew = try await changing("create catalog") { _ in catalog.create() }
        if !isNew { throw serverError(400, changes: true) }
    }

    func setTypes(_ fields: [RemoteField], ofCatalog name: String) async throws(DestinationError) {
        let catalog = history.catalog
        try await changing("set types") { _ in catalog.setTypes(fields) }
    }

    func createList(
        name: String, description: String?, mayStillSend: @escaping @Sendable () -> Bool
    ) async throws(DestinationError) -> Int64 {
        let iterable = iterable
        return try await changing("create list", mayStillSend: mayStillSend) { dice in
            iterable.addList(name, delay: dice.milliseconds(0, dice.pick([0, 4_000, 15_000])))
        }
    }

    private func changing<R>(
        _ name: String, mayStillSend: @Sendable () -> Bool = { true },
        _ body: @escaping (inout Dice) -> R
    ) async throws(DestinationError) -> R {
        if node.process.isDead { throw failure(.notSent, changes: true) }
        var (fault, dice) = draw(name, Fault.creation)
        if node.process.isDead { throw failure(.notSent, changes: true) }
        if fault == .stopBeforeRequest { await stop(&dice) }
        if node.process.isDead { throw failure(.notSent, changes: true) }
        guard mayStillSend() else { throw failure(.withheld, changes: true) }
        node.requests += 1
        world.note(node.process, name)
        await world.pass(dice.milliseconds(1, 80))
        switch fault {
        case .notSent: throw failure(.notSent, changes: true)
        case .lostBefore: throw failure(.noAnswer, changes: true)
        case .serverError: throw serverError(500, changes: true)
        case .late:
            let delay = dice.milliseconds(1, 30_000)
            var rest = dice
            world.after(delay) { _ = body(&rest) }
            throw failure(.noAnswer, changes: true)
        default: break
        }
        let result = body(&dice)
        if fault == .crashInFlight || fault == .crashAfterAnswer { node.die() }
        if node.process.isDead { throw failure(.noAnswer, changes: true) }
        switch fault {
        case .lostAfter: throw failure(.noAnswer, changes: true)
        case .serverErrorApplied: throw serverError(500, changes: true)
        case .truncated: throw AnswerClassifier.unreadable(status: 200, changesSomething: true)
        default: return result
        }
    }

    // MARK: Failures

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

    // MARK: Members

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

import Foundation
import IterableProtocol
import RollcallCore
import Synchronization

/// A destination in memory: profiles with memberships, and a fate for each request that the test chooses.
final class FakeIterable: Destination {
    /// What happens to one delivery.
    enum Fate: Sendable {
        case ok
        /// Not carried out, no answer.
        case loseBefore
        /// Carried out, no answer.
        case loseAfter
        /// No answer now; carried out later.
        case late(Duration)
        /// Carried out, and answered so that nobody can say for whom.
        case unclear(FailureReason)
        /// This answer, and nothing carried out.
        case answer(DeliveryAnswer)
        /// Carried out except for these, by email or userId.
        case refuse([String: RecordOutcome])
    }

    let bodyLimits = DeliveryBody.limits(maximumBytes: 4_000_000)

    struct Profile: Sendable, Equatable {
        var email: String?
        var userID: String?
        var lists: Set<Int64> = []
        /// Fields that were sent with subscriptions, each as JSON.
        var fields: [String: String] = [:]
    }

    private struct State {
        var lists: [RemoteList] = []
        var profiles: [Profile] = []
        var requests: [ListRequest] = []
        var fate: @Sendable (ListRequest, Int) async -> Fate = { _, _ in .ok }
        var beforeLook: @Sendable (Int) async -> Void = { _ in }
        var createFate: (@Sendable (Int) -> Fate)?
        var creations = 0
        var listCalls = 0
        var beforeLists: @Sendable (Int) -> DestinationError? = { _ in nil }
        var inFlight: [String: Int] = [:]
        var overlaps = 0
        var refusesConflicts = false
    }

    private let state = Mutex(State())
    private let clock: ManualClock
    let catalogs: FakeCatalogs
    let users: FakeUsers
    let events: FakeEvents

    init(clock: ManualClock) {
        self.clock = clock
        catalogs = FakeCatalogs(clock: clock)
        users = FakeUsers(clock: clock)
        events = FakeEvents(clock: clock)
    }

    // MARK: What tests say and see

    func setFate(_ fate: @escaping @Sendable (ListRequest, Int) async -> Fate) { state.withLock { $0.fate = fate } }
    /// What happens between the engine's call and its last look; gets how many requests were sent so far.
    func setBeforeLook(_ action: @escaping @Sendable (Int) async -> Void) { state.withLock { $0.beforeLook = action } }
    func setCreateFate(_ fate: @escaping @Sendable (Int) -> Fate) { state.withLock { $0.createFate = fate } }
    /// What a look at the lists fails with; gets the number of the call, from 1.
    func setListsFailure(_ failure: @escaping @Sendable (Int) -> DestinationError?) {
        state.withLock { $0.beforeLists = failure }
    }
    func addList(_ list: RemoteList) { state.withLock { $0.lists.append(list) } }
    func deleteLists() {
        state.withLock { state in
            state.lists = []
            for index in state.profiles.indices { state.profiles[index].lists = [] }
        }
    }

    var requests: [ListRequest] { state.withLock { $0.requests } }
    var creations: Int { state.withLock { $0.creations } }
    var listCalls: Int { state.withLock { $0.listCalls } }
    var knownLists: [RemoteList] { state.withLock { $0.lists } }
    /// How often a person was in two requests at once.
    var overlaps: Int { state.withLock { $0.overlaps } }
    /// Records whose two identifiers are those of two profiles fail from now on, as Iterable may have it; else the profile of the
    /// userId gets the address too.
    func refuseConflicts() { state.withLock { $0.refusesConflicts = true } }
    /// Where a request comes after another process has taken over, people are in two requests at once, and are meant to be.
    func forgetOverlaps() { state.withLock { $0.overlaps = 0 } }

    /// Members of a list, as `email/userId` with `-` for what is not known.
    func members(_ list: Int64? = nil) -> Set<String> {
        state.withLock { state in
            let id = list ?? state.lists.first?.id ?? 0
            return Set(
                state.profiles.filter { $0.lists.contains(id) }.map { "\($0.email ?? "-")/\($0.userID ?? "-")" })
        }
    }

    /// Fields of the profiles that have some, as `email/userId name=value name=value`.
    var fields: Set<String> {
        state.withLock { state in
            Set(
                state.profiles.filter { !$0.fields.isEmpty }.map { profile in
                    let fields = profile.fields.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }
                    return "\(profile.email ?? "-")/\(profile.userID ?? "-")" + fields.joined()
                })
        }
    }

    /// Gives a profile a field without Rollcall.
    func setForeignField(_ name: String, _ value: String, of identity: Identity) {
        state.withLock { state in
            if let index = FakeIterable.find(identity, state.profiles) { state.profiles[index].fields[name] = value }
        }
    }

    /// Puts somebody on a list without Rollcall.
    func addForeign(_ identity: Identity, to list: Int64) {
        state.withLock { FakeIterable.subscribe(identity, list, &$0.profiles) }
    }

    // MARK: Destination

    func lists() async throws(DestinationError) -> [RemoteList] {
        let (found, error) = state.withLock { state in
            state.listCalls += 1
            return (state.lists, state.beforeLists(state.listCalls))
        }
        if let error { throw error }
        return found
    }

    func createList(
        name: String, description: String?, mayStillSend: @escaping @Sendable () -> Bool
    ) async throws(DestinationError) -> Int64 {
        let (beforeLook, sent) = state.withLock { ($0.beforeLook, $0.requests.count) }
        await beforeLook(sent)
        guard mayStillSend() else {
            var late = DestinationError(error: RunError(code: "withheld", message: "too late"), isTransient: true)
            late.wasWithheld = true
            throw late
        }
        let (id, fate) = state.withLock { state -> (Int64, Fate) in
            state.creations += 1
            let fate = state.createFate?(state.creations) ?? .ok
            let id = Int64(100 + state.creations)
            switch fate {
            case .loseBefore, .answer: return (id, fate)
            default: break
            }
            state.lists.append(RemoteList(id: id, name: name, description: description, listType: "Standard"))
            return (id, fate)
        }
        if case .ok = fate { return id }
        // An answer refuses it for the moment: certainly not carried out.
        var mayHaveBeenApplied = true
        if case .answer = fate { mayHaveBeenApplied = false }
        throw DestinationError(
            error: RunError(code: "no_answer", message: "no answer"), isTransient: true,
            mayHaveBeenApplied: mayHaveBeenApplied)
    }

    func members(
        ofList id: Int64, preferUserID: Bool, _ body: @Sendable (String) -> Void
    ) async throws(DestinationError) {
        let profiles = state.withLock { $0.profiles.filter { $0.lists.contains(id) } }
        for profile in profiles {
            if let name = preferUserID ? profile.userID ?? profile.email : profile.email ?? profile.userID {
                body(name)
            }
        }
    }

    func deliver(
        _ delivery: DeliveryRequest, mayStillSend: @escaping @Sendable () -> Bool
    ) async -> DeliveryAnswer {
        let (beforeLook, sent) = state.withLock { ($0.beforeLook, $0.requests.count) }
        await beforeLook(sent)
        guard mayStillSend() else { return .withheld }
        switch delivery {
        case .list(let request): return await deliver(request)
        case .users(let request): return await users.deliver(request)
        case .userRename(let rename): return users.rename(rename)
        case .userDeletion(let deletion): return users.delete(deletion)
        case .events(let request): return await events.deliver(request.events, isSingle: false)
        case .event(let event): return await events.deliver([event], isSingle: true)
        case .catalog(let request): return await catalogs.deliver(request)
        }
    }

    private func deliver(_ request: ListRequest) async -> DeliveryAnswer {
        let keys = request.subscribers.flatMap { identity in
            let sent = ListBody.sent(identity, operation: request.operation)
            return [sent.email, sent.userID].compactMap(\.self)
        }
        let (decide, number) = state.withLock { state in
            state.requests.append(request)
            for key in keys {
                if state.inFlight[key, default: 0] > 0 { state.overlaps += 1 }
                state.inFlight[key, default: 0] += 1
            }
            return (state.fate, state.requests.count)
        }
        let fate = await decide(request, number)
        await Task.yield()
        defer { state.withLock { state in for key in keys { state.inFlight[key, default: 1] -= 1 } } }
        return carryOut(request, fate)
    }

    func profileFields() async throws(DestinationError) -> [RemoteField] { users.fields }

    func profile(_ name: ProfileName) async throws(DestinationError) -> ProfileFinding {
        try users.look(name)
    }

    func fields(ofCatalog name: String) async throws(DestinationError) -> [RemoteField]? { catalogs.fields(of: name) }

    func createCatalog(_ name: String) async throws(DestinationError) { try catalogs.create(name) }

    func setTypes(_ fields: [RemoteField], ofCatalog name: String) async throws(DestinationError) {
        try catalogs.setTypes(fields, of: name)
    }

    func look(
        at item: CatalogRequest.Item, ofCatalog name: String, keepsOtherFields: Bool
    ) async throws(DestinationError) -> ItemFinding {
        try catalogs.look(at: item, of: name)
    }

    private func carryOut(_ request: ListRequest, _ fate: Fate) -> DeliveryAnswer {
        let noAnswer = DeliveryAnswer.retry(
            FailureReason(code: "no_answer", reason: "no answer"), after: nil, mayHaveBeenApplied: true,
            cause: .trouble)
        let exists = state.withLock { $0.lists.contains { $0.id == request.listID } }
        if !exists { return .targetNotFound(RunError(code: "list_not_found", message: "no such list")) }
        switch fate {
        case .ok:
            return .answered(apply(request, [:]), httpStatus: 200)
        case .refuse(let refused):
            return .answered(apply(request, refused), httpStatus: 200)
        case .loseBefore:
            return noAnswer
        case .loseAfter:
            _ = apply(request, [:])
            return noAnswer
        case .unclear(let reason):
            _ = apply(request, [:])
            return .ambiguous(reason)
        case .late(let delay):
            clock.schedule(after: delay) { _ = self.apply(request, [:]) }
            return noAnswer
        case .answer(let answer):
            return answer
        }
    }

    private func apply(_ request: ListRequest, _ refused: [String: RecordOutcome]) -> [RecordOutcome] {
        state.withLock { state in
            zip(request.subscribers, FakeIterable.fields(request)).map { identity, fields in
                if let outcome = [identity.email, identity.userID].compactMap({ $0.flatMap { refused[$0] } }).first {
                    return outcome
                }
                if request.operation == .subscribe {
                    if state.refusesConflicts, FakeIterable.conflict(identity, state.profiles) {
                        return .failed(FailureReason(code: "conflict", reason: "two profiles", httpStatus: 200))
                    }
                    FakeIterable.subscribe(identity, request.listID, &state.profiles)
                    if let index = FakeIterable.find(identity, state.profiles) {
                        for (name, value) in fields { state.profiles[index].fields[name] = value }
                    }
                } else {
                    FakeIterable.unsubscribe(identity, request.listID, &state.profiles)
                }
                return .succeeded
            }
        }
    }

    /// For each subscriber the fields of the request, a null as nil.
    private static func fields(_ request: ListRequest) -> [[(String, String?)]] {
        request.subscribers.indices.map { index in
            guard index < request.fields.count, let object = request.fields[index],
                let parsed = try? JSONSerialization.jsonObject(with: Data(object)) as? [String: Any]
            else { return [] }
            return parsed.map { ($0.key, $0.value is NSNull ? nil : "\($0.value)") }
        }
    }

    private static func find(_ identity: Identity, _ profiles: [Profile]) -> Int? {
        if let userID = identity.userID, let index = profiles.firstIndex(where: { $0.userID == userID }) {
            return index
        }
        guard let email = identity.email else { return nil }
        return profiles.firstIndex { $0.email == email }
    }

    /// Whether the two identifiers are those of two profiles.
    private static func conflict(_ identity: Identity, _ profiles: [Profile]) -> Bool {
        guard let email = identity.email, let userID = identity.userID else { return false }
        let byUserID = profiles.firstIndex { $0.userID == userID }
        let byEmail = profiles.firstIndex { $0.email == email }
        return byUserID != nil && byEmail != nil && byUserID != byEmail
    }

    private static func subscribe(_ identity: Identity, _ list: Int64, _ profiles: inout [Profile]) {
        if let index = find(identity, profiles) {
            profiles[index].lists.insert(list)
            if let email = identity.email { profiles[index].email = email }
            if let userID = identity.userID { profiles[index].userID = userID }
        } else {
            profiles.append(Profile(email: identity.email, userID: identity.userID, lists: [list]))
        }
    }

    private static func unsubscribe(_ identity: Identity, _ list: Int64, _ profiles: inout [Profile]) {
        // As on the wire: a removal names one identifier, the userId if it is known.
        let named = identity.userID != nil ? Identity(email: nil, userID: identity.userID) : identity
        if let index = find(named, profiles) { profiles[index].lists.remove(list) }
    }
}

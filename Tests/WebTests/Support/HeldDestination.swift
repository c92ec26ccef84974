import RollcallCore
import Synchronization

/// An Iterable in memory that answers each delivery at once, or only when the test lets it.
final class HeldDestination: Destination {
    private struct State {
        var isHolding = false
        var waiters: [CheckedContinuation<Void, Never>] = []
        var deliveries = 0
        var refused: Set<String> = []
    }

    private let state = Mutex(State())

    let bodyLimits = BodyLimits(maximumBytes: .max, envelopeBytes: 0) { _ in 0 }

    var deliveries: Int { state.withLock { $0.deliveries } }

    /// From now on deliveries wait.
    func hold() { state.withLock { $0.isHolding = true } }

    /// Lets them go on.
    func letGo() {
        let waiters = state.withLock { state in
            state.isHolding = false
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Who is answered with a failure.
    func refuse(_ emails: Set<String>) { state.withLock { $0.refused = emails } }

    func lists() async throws(DestinationError) -> [RemoteList] {
        [RemoteList(id: 7, name: "VIP", listType: "Standard"), RemoteList(id: 8, name: "News", listType: "Standard")]
    }

    func createList(
        name: String, description: String?, mayStillSend: @escaping @Sendable () -> Bool
    ) async throws(DestinationError) -> Int64 { 9 }
    func members(
        ofList id: Int64, preferUserID: Bool, _ body: @Sendable (String) -> Void
    ) async throws(DestinationError) {}

    func profileFields() async throws(DestinationError) -> [RemoteField] { [RemoteField(name: "plan", type: "string")] }

    func profile(_ name: ProfileName) async throws(DestinationError) -> ProfileFinding { .unknown }

    func fields(ofCatalog name: String) async throws(DestinationError) -> [RemoteField]? { nil }

    func createCatalog(_ name: String) async throws(DestinationError) { throw Self.noCatalogs }

    func setTypes(_ fields: [RemoteField], ofCatalog name: String) async throws(DestinationError) {
        throw Self.noCatalogs
    }

    func look(
        at item: CatalogRequest.Item, ofCatalog name: String, keepsOtherFields: Bool
    ) async throws(DestinationError) -> ItemFinding {
        throw Self.noCatalogs
    }

    private static let noCatalogs = DestinationError(
        error: RunError(code: "test", message: "there are lists, profiles and events only"), isTransient: false)

    func deliver(
        _ delivery: DeliveryRequest, mayStillSend: @escaping @Sendable () -> Bool
    ) async -> DeliveryAnswer {
        let people: [Identity]
        switch delivery {
        case .list(let request): people = request.subscribers
        case .users(let request): people = request.people.map(\.identity)
        case .events(let request): people = request.events.map(\.identity)
        default: return .stop(Self.noCatalogs.error)
        }
        guard mayStillSend() else { return .withheld }
        await withCheckedContinuation { continuation in
            let goesOn = state.withLock { state in
                state.deliveries += 1
                if state.isHolding { state.waiters.append(continuation) }
                return !state.isHolding
            }
            if goesOn { continuation.resume() }
        }
        let refused = state.withLock { $0.refused }
        let outcomes = people.map { person -> RecordOutcome in
            let isRefused = person.email.map { refused.contains($0) } ?? false
            return isRefused
                ? .rejected(FailureReason(code: "forgotten", reason: "Iterable was told to forget this person"))
                : .succeeded
        }
        return .answered(outcomes, httpStatus: 200)
    }
}

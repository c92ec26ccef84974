import Foundation
import RollcallCore
import Synchronization

/// What ``SyncService/metrics()`` counts.
final class ServiceCounters: Sendable {
    private let state = Mutex(ServiceMetrics())

    var metrics: ServiceMetrics { state.withLock { $0 } }

    func ended(_ run: SyncRun) {
        let counts = run.counts
        let words = run.kind.words
        let outcomes = [
            (words.isPut, counts.succeeded.total(.put)),
            run.kind == .events
                ? ("waiting", counts.waiting) : (words.removedLabel, counts.succeeded.total(.remove)),
            ("failed", counts.failed.total), ("unknown", counts.unknown.total),
            ("not_attempted", counts.notAttempted.total),
            ("invalid", counts.invalid),
        ]
        state.withLock { metrics in
            metrics.runs[.init(sync: run.sync, status: run.status), default: 0] += 1
            // What a held run has staged is counted when it is carried out.
            if run.status == .held { return }
            for (outcome, count) in outcomes {
                metrics.records[.init(sync: run.sync, outcome: outcome), default: 0] += count
            }
            if let end = run.finishedAt { metrics.runSeconds[run.sync] = max(0, end.timeIntervalSince(run.startedAt)) }
        }
    }

    func ticked(_ tick: Tick, count: Int = 1) {
        state.withLock { metrics in
            metrics.ticks[.init(sync: tick.sync, outcome: tick.outcome), default: 0] += count
            if tick.outcome == .ran { metrics.tickLateness[tick.sync] = tick.latenessSeconds }
        }
    }

    func answered(_ destination: String, _ operation: RollcallCore.Operation, _ answer: DeliveryAnswer) {
        let key = ServiceMetrics.RequestKey(destination: destination, operation: operation, answer: answer.label)
        state.withLock { $0.requests[key, default: 0] += 1 }
    }

    func setMembers(_ count: Int, of sync: String) { state.withLock { $0.members[sync] = count } }

    func members(of sync: String) -> Int? { state.withLock { $0.members[sync] } }

    /// Drops gauges of syncs that are configured no more.
    func keep(_ syncs: Set<String>) {
        state.withLock { metrics in
            metrics.members = metrics.members.filter { syncs.contains($0.key) }
            metrics.tickLateness = metrics.tickLateness.filter { syncs.contains($0.key) }
            metrics.runSeconds = metrics.runSeconds.filter { syncs.contains($0.key) }
        }
    }
}

extension DeliveryAnswer {
    fileprivate var label: String {
        switch self {
        case .answered: "ok"
        case .ambiguous: "ambiguous"
        case .refused, .mismatched: "refused"
        case .targetNotFound: "list_not_found"
        case .stop: "stopped"
        case .withheld: "withheld"
        case .retry(_, _, _, .rateLimit): "rate_limited"
        case .retry(let reason, _, _, _): reason.httpStatus == nil ? "no_answer" : "error"
        }
    }
}

/// A destination whose answers are counted.
struct CountingDestination: Destination {
    let name: String
    let inner: any Destination
    let counters: ServiceCounters

    var bodyLimits: BodyLimits { inner.bodyLimits }

    func lists() async throws(DestinationError) -> [RemoteList] { try await inner.lists() }

    func createList(
        name: String, description: String?, mayStillSend: @escaping @Sendable () -> Bool
    ) async throws(DestinationError) -> Int64 {
        try await inner.createList(name: name, description: description, mayStillSend: mayStillSend)
    }

    func deliver(
        _ request: DeliveryRequest, mayStillSend: @escaping @Sendable () -> Bool
    ) async -> DeliveryAnswer {
        let answer = await inner.deliver(request, mayStillSend: mayStillSend)
        if answer == .withheld { return answer }
        counters.answered(name, request.operation, answer)
        return answer
    }

    func profileFields() async throws(DestinationError) -> [RemoteField] { try await inner.profileFields() }

    func profile(_ name: ProfileName) async throws(DestinationError) -> ProfileFinding {
        try await inner.profile(name)
    }

    func fields(ofCatalog name: String) async throws(DestinationError) -> [RemoteField]? {
        try await inner.fields(ofCatalog: name)
    }

    func createCatalog(_ name: String) async throws(DestinationError) { try await inner.createCatalog(name) }

    func setTypes(_ fields: [RemoteField], ofCatalog name: String) async throws(DestinationError) {
        try await inner.setTypes(fields, ofCatalog: name)
    }

    func look(
        at item: CatalogRequest.Item, ofCatalog name: String, keepsOtherFields: Bool
    ) async throws(DestinationError) -> ItemFinding {
        try await inner.look(at: item, ofCatalog: name, keepsOtherFields: keepsOtherFields)
    }

    func members(
        ofList id: Int64, preferUserID: Bool, _ body: @Sendable (String) -> Void
    ) async throws(DestinationError) {
        try await inner.members(ofList: id, preferUserID: preferUserID, body)
    }
}

import Foundation
import RollcallCore
import Synchronization

/// The catalogs of ``FakeIterable``: documents as they were sent, and a fate for each request.
final class FakeCatalogs: Sendable {
    /// What happens to one request.
    enum Fate: Sendable {
        case ok
        /// Carried out, no answer.
        case loseAfter
        /// Accepted, and never carried out for these items.
        case accept(without: Set<String>)
        /// No answer now; carried out later.
        case late(Duration)
        /// This answer, and nothing carried out.
        case answer(DeliveryAnswer)
    }

    struct Catalog: Sendable, Equatable {
        var items: [String: String] = [:]
        var types: [String: String] = [:]
    }

    private struct State {
        var catalogs: [String: Catalog] = [:]
        var requests: [CatalogRequest] = []
        var typings: [[String]] = []
        var creations = 0
        var fate: @Sendable (CatalogRequest, Int) -> Fate = { _, _ in .ok }
        var losesCreation = false
        var losesTyping = false
        var looks: [String] = []
        /// What a look at an item fails with.
        var refusesLooks: DestinationError?
    }

    private let state = Mutex(State())
    private let clock: ManualClock

    init(clock: ManualClock) { self.clock = clock }

    // MARK: What tests say and see

    func setFate(_ fate: @escaping @Sendable (CatalogRequest, Int) -> Fate) { state.withLock { $0.fate = fate } }
    func add(_ name: String, _ catalog: Catalog = Catalog()) { state.withLock { $0.catalogs[name] = catalog } }
    func remove(_ name: String) { state.withLock { $0.catalogs[name] = nil } }
    /// The next creation is carried out and has no answer.
    func loseCreation() { state.withLock { $0.losesCreation = true } }
    /// The next setting of types is carried out and has no answer.
    func loseTyping() { state.withLock { $0.losesTyping = true } }

    /// Something else changes an item.
    func set(_ item: String, _ document: String, of name: String) {
        state.withLock { $0.catalogs[name]?.items[item] = document }
    }
    func refuseLooks(_ error: DestinationError?) { state.withLock { $0.refusesLooks = error } }

    var requests: [CatalogRequest] { state.withLock { $0.requests } }
    var creations: Int { state.withLock { $0.creations } }
    /// Which fields got types, call by call.
    var typings: [[String]] { state.withLock { $0.typings } }
    func items(_ name: String) -> [String: String]? { state.withLock { $0.catalogs[name]?.items } }
    /// Items that were looked at since this was asked last.
    func takeLooks() -> [String] {
        state.withLock { state in
            defer { state.looks = [] }
            return state.looks
        }
    }
    func types(_ name: String) -> [String: String]? { state.withLock { $0.catalogs[name]?.types } }

    // MARK: Calls

    func fields(of name: String) -> [RemoteField]? {
        state.withLock { state in
            state.catalogs[name].map { $0.types.sorted { $0.key < $1.key }.map { RemoteField(name: $0, type: $1) } }
        }
    }

    private static let noAnswer = DestinationError(
        error: RunError(code: "no_answer", message: "no answer"), isTransient: true, mayHaveBeenApplied: true)

    func create(_ name: String) throws(DestinationError) {
        let outcome = state.withLock { state -> DestinationError? in
            state.creations += 1
            if state.catalogs[name] != nil {
                return DestinationError(error: RunError(code: "bad_request", message: "exists"), isTransient: false)
            }
            state.catalogs[name] = Catalog()
            defer { state.losesCreation = false }
            return state.losesCreation ? Self.noAnswer : nil
        }
        if let outcome { throw outcome }
    }

    func setTypes(_ fields: [RemoteField], of name: String) throws(DestinationError) {
        let outcome = state.withLock { state -> DestinationError? in
            state.typings.append(fields.map(\.name))
            for field in fields { state.catalogs[name]?.types[field.name] = field.type }
            defer { state.losesTyping = false }
            return state.losesTyping ? Self.noAnswer : nil
        }
        if let outcome { throw outcome }
    }

    func look(at item: CatalogRequest.Item, of name: String) throws(DestinationError) -> ItemFinding {
        let (found, error) = state.withLock { state in
            state.looks.append(item.id)
            return (state.catalogs[name]?.items[item.id], state.refusesLooks)
        }
        if let error { throw error }
        guard let found else { return .missing }
        return found.utf8.elementsEqual(item.document) ? .same : .differs
    }

    func deliver(_ request: CatalogRequest) async -> DeliveryAnswer {
        let (fate, exists) = state.withLock { state in
            state.requests.append(request)
            return (state.fate(request, state.requests.count), state.catalogs[request.catalog] != nil)
        }
        guard exists else { return .targetNotFound(RunError(code: "catalog_missing", message: "no such catalog")) }
        let noAnswer = DeliveryAnswer.retry(
            FailureReason(code: "no_answer", reason: "no answer"), after: nil, mayHaveBeenApplied: true,
            cause: .trouble)
        switch fate {
        case .ok:
            apply(request)
            return .answered(Array(repeating: .succeeded, count: request.items.count), httpStatus: 202)
        case .loseAfter:
            apply(request)
            return noAnswer
        case .accept(let lost):
            apply(request, without: lost)
            return .answered(Array(repeating: .succeeded, count: request.items.count), httpStatus: 202)
        case .late(let delay):
            clock.schedule(after: delay) { self.apply(request) }
            return noAnswer
        case .answer(let answer): return answer
        }
    }

    private func apply(_ request: CatalogRequest, without lost: Set<String> = []) {
        state.withLock { state in
            for item in request.items where !lost.contains(item.id) {
                state.catalogs[request.catalog]?.items[item.id] =
                    request.operation == .put ? String(decoding: item.document, as: UTF8.self) : nil
            }
        }
    }
}

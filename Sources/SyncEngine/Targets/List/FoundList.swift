import Foundation
import RollcallCore
import Warehouse

/// What Iterable says of the list that a sync is to keep. One list, one sync: before anything is sent, a sync takes its list, or
/// is refused.
struct FoundList: FoundTarget {
    let resolver: ListResolver
    /// nil: the list is to be made.
    var binding: ListBinding?
    /// The list's name in Iterable.
    var remoteName: String?
    /// Other syncs of the configuration that keep it.
    var keepers: [SyncSettings]
    /// The fields that are sent with each member; nil: none are.
    var shape: RecordShape?
    /// The fields of the project's profiles, where some are sent.
    var fields: [RemoteField] = []

    private var sync: SyncSettings { resolver.sync }

    var id: Int64? { binding?.listID }
    var name: String? { remoteName ?? binding?.listName }
    var isThere: Bool { id != nil }

    func refusal() async throws -> RunError? {
        let claims = try await resolver.warehouse.listClaims(besides: sync.name, list: id)
        let taken = taken(rules(now: resolver.clock.wallTime).standing(claims))
        return taken.isFree ? fieldRefusal : taken.error
    }

    /// Iterable makes no fields by a subscribe: it would leave them out.
    private var fieldRefusal: RunError? {
        guard let shape else { return nil }
        let preflight = FieldPreflight(wanted: shape.types, there: fields, destination: sync.destination)
        return preflight.mismatch ?? preflight.unknownFields(advice: Self.unknownFieldAdvice)
    }

    private static let unknownFieldAdvice =
        "Subscribing makes no fields. Make it in Iterable, or with a sync of kind: users and new_fields: create."

    /// - Throws: `RunError` `list_taken`, `type_mismatch`, `field_unknown`.
    func take(_ run: RunContext) async throws {
        if let fieldRefusal { throw fieldRefusal }
        if !keepers.isEmpty, let refusal = try await refusal() { throw refusal }
        let rules = rules(now: run.now)
        let refused = try await run.warehouse.takeList(run.lease, rules.binding) { rules.standing($0) }
        if !refused.isEmpty { throw taken(refused).error }
        guard let shape else { return }
        let names = NullPolicy.names([], with: shape.layout)
        try await run.keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
            _ = try await run.warehouse.addFieldPlaces(run.lease, names)
        }
    }

    func ensure(_ run: RunContext) async throws -> any ReadyTarget {
        let binding = try await resolver.ensure(run, binding)
        guard let id = binding.listID else { throw resolver.gone }
        return ReadyList(sync: sync, binding: binding, listID: id, gone: resolver.gone)
    }

    private func rules(now: Date) -> ListClaimRules {
        var wanted = ListBinding(
            sync: sync.name, destination: sync.destination, listName: nil, listID: nil, project: resolver.project)
        if case .name(let name, _) = resolver.list { wanted.listName = name }
        return ListClaimRules(binding: binding ?? wanted, remoteName: remoteName, now: now)
    }

    private func taken(_ claims: [ListClaim]) -> ListTaken {
        var list = "the list"
        if let id { list += " \(id)" }
        if let remoteName { list += " \"\(remoteName)\"" }
        if id == nil, case .name(let name, _) = resolver.list { list += " \"\(name)\"" }
        return ListTaken(list: list, sync: sync, listID: id, configured: keepers, claims: claims)
    }
}

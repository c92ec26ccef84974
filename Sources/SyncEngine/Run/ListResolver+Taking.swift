import Foundation
import RollcallCore
import Warehouse

/// One list, one sync: before anything is sent, a sync takes its list, or is refused.
extension ListResolver {
    /// Whether another sync of the configuration keeps the same list, however each names it.
    func keeps(_ other: SyncSettings, _ binding: ListBinding?, _ lists: [RemoteList]) -> Bool {
        switch other.list {
        case .id(let id): return id == binding?.listID
        case .name(let name, _):
            if case .name(let own, _) = sync.list, own.utf8.elementsEqual(name.utf8) { return true }
            let named = lists.filter { $0.listType == "Standard" && $0.isNamed(name) }
            return named.count == 1 && named[0].id == binding?.listID
        }
    }

    /// What stands in the way of keeping the list, seen without writing anything; nil: nothing does.
    func refusal(_ found: FoundList) async throws -> RunError? {
        let claims = try await warehouse.listClaims(besides: sync.name, list: found.binding?.listID)
        let taken = taken(found, rules(found, now: clock.wallTime).standing(claims))
        return taken.isFree ? nil : taken.error
    }

    /// Binds the sync to the list, also to one that is to be made. Nothing may be sent before that.
    /// - Throws: `RunError` `list_taken`.
    func take(_ lease: Lease, _ found: FoundList, now: Date) async throws {
        if !found.keepers.isEmpty, let refusal = try await refusal(found) { throw refusal }
        let rules = rules(found, now: now)
        let refused = try await warehouse.takeList(lease, rules.binding) { rules.standing($0) }
        if !refused.isEmpty { throw taken(found, refused).error }
    }

    private func rules(_ found: FoundList, now: Date) -> ListClaimRules {
        var wanted = ListBinding(
            sync: sync.name, destination: sync.destination, listName: nil, listID: nil, project: project)
        if case .name(let name, _) = sync.list { wanted.listName = name }
        return ListClaimRules(binding: found.binding ?? wanted, remoteName: found.remoteName, now: now)
    }

    private func taken(_ found: FoundList, _ claims: [ListClaim]) -> ListTaken {
        var list = "the list"
        if let id = found.binding?.listID { list += " \(id)" }
        if let name = found.remoteName { list += " \"\(name)\"" }
        if found.binding?.listID == nil, case .name(let name, _) = sync.list { list += " \"\(name)\"" }
        return ListTaken(
            list: list, sync: sync, listID: found.binding?.listID, configured: found.keepers, claims: claims)
    }
}

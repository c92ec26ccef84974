import Foundation
import RollcallCore
package import Warehouse

extension MemoryWarehouse {
    package func listBinding(sync: String) async throws(WarehouseError) -> ListBinding? { state.bindings[sync] }

    package func bindings(named name: String) async throws(WarehouseError) -> [ListBinding] {
        state.bindings.values.filter { $0.listName == name }.sorted { $0.sync < $1.sync }
    }

    package func knownFields(destination: String, scope: String) async throws(WarehouseError) -> [KnownField] {
        (state.fields[[destination, scope]] ?? [:]).values.sorted { $0.name < $1.name }
    }

    package func noteFields(
        _ lease: Lease, destination: String, scope: String, _ fields: [KnownField]
    ) async throws(WarehouseError) {
        try write(lease) { state, _ in
            for field in fields { state.fields[[destination, scope], default: [:]][field.name] = field }
        }
    }

    package func fieldPlaces(sync: String) async throws(WarehouseError) -> [String] { state.places[sync] ?? [] }

    package func addFieldPlaces(_ lease: Lease, _ names: [String]) async throws(WarehouseError) -> [String] {
        try write(lease) { state, _ in
            var places = state.places[lease.sync] ?? []
            var known = Set(places.map { Array($0.utf8) })
            for name in names where known.insert(Array(name.utf8)).inserted { places.append(name) }
            state.places[lease.sync] = places
            return places
        }
    }

    package func saveListBinding(_ lease: Lease, _ binding: ListBinding) async throws(WarehouseError) {
        try write(lease) { state, _ in state.bindings[binding.sync] = binding }
    }

    package func listClaims(besides sync: String, list: Int64?) async throws(WarehouseError) -> [ListClaim] {
        state.claims(besides: sync, list: list, now: time())
    }

    package func takeList(
        _ lease: Lease, _ binding: ListBinding, refuse: @escaping @Sendable ([ListClaim]) -> [ListClaim]
    ) async throws(WarehouseError) -> [ListClaim] {
        try write(lease) { state, now in
            let refused = refuse(state.claims(besides: binding.sync, list: binding.listID, now: now))
            if refused.isEmpty {
                state.bindings[binding.sync] = binding
            } else if let list = binding.listID, state.bindings[binding.sync]?.listID == list {
                state.bindings[binding.sync]?.destination = binding.destination
                state.bindings[binding.sync]?.project = binding.project
            }
            return refused
        }
    }

    package func abandon(_ lease: Lease, list: Int64?) async throws(WarehouseError) -> AbandonAttempt {
        try write(lease) { state, now throws(WarehouseError) in try state.abandon(lease.sync, list, now: now) }
    }
}

extension MemoryState {
    func claims(besides sync: String, list: Int64?, now: Date) -> [ListClaim] {
        let syncs = Set(bindings.keys).union(keys.keys).union(members.keys.map(\.sync)).subtracting([sync])
        return syncs.sorted().compactMap { other in
            var claim = ListClaim(sync: other, binding: bindings[other], ownsMembers: false)
            if let list = list ?? bindings[other]?.listID {
                let place = Place(sync: other, entries: .list(list))
                claim.ownsMembers = members[place]?.values.contains { $0.member.listed } ?? false
                claim.mayLandUntil =
                    inDoubt.filter { $0.place == place && $0.request.mayLandUntil >= now }.map(\.request.mayLandUntil)
                    .max()
            }
            claim.openRun = openRun(of: other).map {
                ListClaim.OpenRun(id: $0.id, status: $0.status, listID: $0.listID)
            }
            return claim.ownsMembers || claim.openRun != nil || claim.mayLandUntil != nil ? claim : nil
        }
    }

    mutating func abandon(_ sync: String, _ list: Int64?, now: Date) throws(WarehouseError) -> AbandonAttempt {
        func concerns(_ other: Int64?) -> Bool { list == nil || other == list }
        let times =
            inDoubt.filter { $0.place.sync == sync && concerns($0.place.entries.listID) }.map(\.request.mayLandUntil)
            + strays.filter { $0.place.sync == sync && concerns($0.place.entries.listID) }.map(\.mayLandUntil)
        if let settles = times.max(), settles >= now { return .inDoubt(until: settles) }
        var held: SyncRun?
        var changes = 0
        if let run = openRun(of: sync), run.status == .held, concerns(run.listID) {
            try update(run.id, of: sync, when: [.held]) { row in
                row.run.status = .cancelled
                row.run.finishedAt = now
            }
            changes = outbox.removeValue(forKey: run.id)?.count ?? 0
            held = run
        }
        var lists: [Abandonment.MembersOfList] = []
        var records = 0
        for (place, entries) in members where place.sync == sync && list == nil && place.entries.listID == nil {
            records += entries.count
            members[place] = nil
            valuesHeld[place] = nil
        }
        if list == nil {
            records += events.removeValue(forKey: sync)?.count ?? 0
            (cursors[sync], mappings[sync], itemChecks[sync]) = (nil, nil, nil)
            begunAt[sync] = nil
            for row in runs where row.run.sync == sync { stagedCursors[row.run.id] = nil }
        }
        for (place, entries) in members where place.sync == sync {
            guard let id = place.entries.listID, concerns(id) else { continue }
            if !entries.isEmpty { lists.append(.init(listID: id, members: entries.count)) }
            (members[place], valuesHeld[place], contents[place]) = (nil, nil, nil)
        }
        inDoubt.removeAll { $0.place.sync == sync && concerns($0.place.entries.listID) }
        strays.removeAll { $0.place.sync == sync && concerns($0.place.entries.listID) }
        if let bound = bindings[sync], concerns(bound.listID) {
            if let id = bound.listID, !lists.contains(where: { $0.listID == id }) {
                lists.append(.init(listID: id, members: 0))
            }
            bindings[sync] = nil
        }
        return .done(
            Abandonment(
                lists: lists.sorted { $0.listID < $1.listID }, records: records, discardedRunID: held?.id,
                discardedChanges: changes))
    }
}

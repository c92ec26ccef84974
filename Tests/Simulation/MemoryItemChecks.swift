package import Foundation
import RollcallCore
package import Warehouse

/// Items of catalogs that are to be read back.
extension MemoryWarehouse {
    package func itemChecks(
        sync: String, acceptedBefore time: Date, limit: Int
    ) async throws(WarehouseError) -> [ItemCheck] {
        let rows = (state.itemChecks[sync] ?? [:]).values.filter { $0.since <= time }
        let sorted = rows.sorted { first, second in
            if first.hasFailed != second.hasFailed { return first.hasFailed }
            if first.since != second.since { return first.since > second.since }
            return (first.check.fingerprint, first.check.content) < (second.check.fingerprint, second.check.content)
        }
        return sorted.prefix(limit).map { row in
            ItemCheck(fingerprint: row.check.fingerprint, content: row.check.content, hasFailed: row.hasFailed)
        }
    }

    package func noteItemChecks(_ lease: Lease, run id: String, _ notes: ItemCheckNotes) async throws(WarehouseError) {
        try write(lease) { state, now in
            let place = MemoryState.Place(sync: lease.sync, entries: .records(.catalog))
            for check in notes.setAside where state.isSynced(check, place) {
                state.members[place]?[check.fingerprint]?.member.state = .rejected
                state.members[place]?[check.fingerprint]?.member.rejection = notes.reason
                state.members[place]?[check.fingerprint]?.sinceRunID = id
                state.members[place]?[check.fingerprint]?.since = now
            }
            for check in notes.done + notes.setAside { state.itemChecks[lease.sync]?[.init(check)] = nil }
            for check in notes.added {
                if check.hasFailed, !notes.isHeld, state.isSynced(check, place) {
                    state.members[place]?[check.fingerprint]?.member.record?.content = 0
                }
                state.itemChecks[lease.sync, default: [:]][.init(check)] = .init(check: check, run: id, notedAt: now)
            }
        }
    }

    package func acceptItemChecks(_ lease: Lease, run id: String) async throws(WarehouseError) {
        try write(lease) { state, now in
            let place = MemoryState.Place(sync: lease.sync, entries: .records(.catalog))
            for (key, row) in state.itemChecks[lease.sync] ?? [:]
            where row.run == id && state.isSynced(row.check, place) {
                state.itemChecks[lease.sync]?[key]?.acceptedAt = now
            }
        }
    }
}

extension MemoryState {
    /// An item with what was put.
    struct ItemCheckKey: Hashable {
        var fingerprint: Fingerprint
        var content: Int64

        init(_ check: ItemCheck) { (fingerprint, content) = (check.fingerprint, check.content) }
    }

    /// A row of `item_checks`.
    struct ItemCheckRow {
        var check: ItemCheck
        var run: String
        var notedAt: Date
        var acceptedAt: Date?

        var since: Date { acceptedAt ?? notedAt }
        var hasFailed: Bool { check.hasFailed && acceptedAt != nil }
    }

    /// What a held run was to do with items is done from now on.
    mutating func resumeItemChecks(of run: String, _ sync: String, now: Date) {
        let place = Place(sync: sync, entries: .records(.catalog))
        for (key, row) in itemChecks[sync] ?? [:] where row.run == run {
            if row.check.hasFailed, row.acceptedAt == nil, isSynced(row.check, place) {
                members[place]?[row.check.fingerprint]?.member.record?.content = 0
            }
            itemChecks[sync]?[key]?.notedAt = now
        }
    }

    /// Whether Iterable has accepted the item with the content of the check.
    func isSynced(_ check: ItemCheck, _ place: Place) -> Bool {
        let member = members[place]?[check.fingerprint]?.member
        return member?.state == .subscribed && member?.record?.content == check.content
    }
}

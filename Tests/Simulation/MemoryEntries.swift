package import RollcallCore
package import Warehouse

extension MemoryWarehouse {
    package func index(on column: String, of source: AudienceSource) async throws(WarehouseError) -> ColumnIndex {
        .unknown
    }

    package func entries(
        sync: String, of entries: EntrySet, in states: Set<MemberState>, after fingerprint: Fingerprint?, limit: Int
    ) async throws(WarehouseError) -> [MemberEntry] {
        let all = (state.members[.init(sync: sync, entries: entries)] ?? [:]).sorted { $0.key < $1.key }
        let wanted = all.filter { key, entry in
            states.contains(entry.member.state) && (fingerprint.map { key > $0 } ?? true)
        }
        return wanted.prefix(limit).map(\.value)
    }
}

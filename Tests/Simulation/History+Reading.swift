import RollcallCore
import Warehouse

extension History {
    /// Which buckets a process fetches of those that have rows.
    func noteBuckets(_ found: GroupedRows, _ wanted: BucketSelection, of rows: String) {
        let used = found.digests.indices.filter { found.digests[$0].rows > 0 }
        let fetched = used.count(where: wanted.contains)
        world.note(nil, "\(fetched) of \(used.count) buckets are fetched")
        if fetched == used.count { return }
        oracle.saw(
            fetched == 0 ? "all \(rows) were passed over" : "some \(rows) were passed over, and others were fetched")
    }
}

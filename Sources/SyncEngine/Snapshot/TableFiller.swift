import RollcallCore
import Synchronization
import Warehouse

/// Adds members to a table, some hundreds at a time, from several threads.
// SAFETY: each part has a batch that only its own thread touches; the table is touched with `lock` held. The memory is owned by
// this object and freed in `deinit`.
final class TableFiller: @unchecked Sendable {
    private static let capacity = 512

    /// Memory without reference counts, as it is touched for each member.
    private struct Batch {
        let fingerprints = UnsafeMutablePointer<Fingerprint>.allocate(capacity: capacity)
        let marks = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        var count = 0
    }

    private let table: LoadedTable
    private let batches: UnsafeMutableBufferPointer<Batch>
    private let lock = Mutex(())

    init(_ table: LoadedTable, parts: Int) {
        self.table = table
        batches = .allocate(capacity: parts)
        for part in 0..<parts { batches.initializeElement(at: part, to: Batch()) }
    }

    deinit {
        for batch in batches {
            batch.fingerprints.deallocate()
            batch.marks.deallocate()
        }
        batches.deallocate()
    }

    /// One thread for each part at a time.
    @inline(__always)
    func add(_ part: Int, _ fingerprint: Fingerprint, _ marks: MemberTable.Marks) {
        let count = batches[part].count
        batches[part].fingerprints[count] = fingerprint
        batches[part].marks[count] = marks.rawValue
        batches[part].count = count &+ 1
        if count &+ 1 == Self.capacity { flush(part) }
    }

    /// When no thread adds any more.
    func finish() {
        for part in batches.indices { flush(part) }
    }

    private func flush(_ part: Int) {
        let batch = batches[part]
        lock.withLock { _ in
            table.value.addMembers(
                UnsafeBufferPointer(start: batch.fingerprints, count: batch.count),
                UnsafeBufferPointer(start: batch.marks, count: batch.count))
        }
        batches[part].count = 0
    }
}

/// Adds members with their fields to a table.
// SAFETY: one reading calls `add` from one thread at a time, and the table is used when it has ended.
final class FieldsFiller: @unchecked Sendable {
    private let table: LoadedTable

    init(_ table: LoadedTable) { self.table = table }

    func add(_ known: KnownContent) {
        let held = known.held.isEmpty ? 0 : table.heldSets.number(of: FieldBits(bytes: known.held))
        table.value.addMember(
            known.fingerprint, MemberTable.Marks(known.state, listed: known.listed),
            MemberTable.Content(acknowledged: known.content, held: held))
    }
}

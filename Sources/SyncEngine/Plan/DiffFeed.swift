import RollcallCore
import Synchronization
import Warehouse

/// Feeds an ``AudienceDiff`` from several threads: each part of the audience fills and hashes batches of its own, and they
/// are compared one after another.
final class DiffFeed: @unchecked Sendable {
    private let diff: AudienceDiff
    /// Behind pointers, as nothing that is done for each row may count references.
    private let batches: UnsafeMutablePointer<RowBatch>
    private let parts: Int
    private let lock = Mutex(())
    private let onRows: @Sendable (Int) throws -> Void

    /// - Parameter onRows: told from time to time how many rows were read; ends the reading with its error.
    init(_ diff: AudienceDiff, parts: Int, onRows: @escaping @Sendable (Int) throws -> Void) {
        self.diff = diff
        self.onRows = onRows
        self.parts = parts
        batches = .allocate(capacity: parts)
        for part in 0..<parts { (batches + part).initialize(to: RowBatch()) }
    }

    deinit {
        batches.deinitialize(count: parts)
        batches.deallocate()
    }

    /// One thread for each part at a time.
    func row(_ part: Int, _ email: AudienceCell, _ userID: AudienceCell) throws {
        if batches[part].isFull { try flush(part) }
        if RowBatch.takes(email, userID) { return batches[part].append(email, userID) }
        try flush(part)
        try lock.withLock { _ in try diff.row(email, userID) }
    }

    /// When no thread feeds any more.
    func finish() throws {
        for part in 0..<parts { try flush(part) }
    }

    private func flush(_ part: Int) throws {
        defer { batches[part].removeAll() }
        diff.hash(batches[part])
        let rows = try lock.withLock { _ in
            try diff.rows(batches[part])
            return diff.counts.rowsRead
        }
        try onRows(rows)
    }
}

import Foundation
import RollcallCore
import Warehouse

/// Gives the rows of a source to whoever compares them, in order. Of a large source one thread reads the rows and another one compares
/// them, where the machine has a processor for it.
// SAFETY: all variables belong to the thread that reads, and to who ends the feed when it has ended; a batch belongs to the reader, or to
// the worker from when it is handed until it was taken. The memory is owned by this object and freed in `deinit`.
final class RowFeed: @unchecked Sendable {
    /// Of ``SourceReader/readRecordBuckets(_:columns:grouping:choose:_:)``.
    typealias Body =
        @Sendable (
            _ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>, _ bucket: Int
        ) throws -> Void

    /// Rows after which a source is large.
    static let few = 2048

    private let columns: Int
    private let take: Body
    private let worker = BatchWorker()
    /// Rows that the reader is still to give without a batch.
    private var direct: Int
    /// nil: none is needed so far.
    private var batches: UnsafeMutablePointer<RecordBatch>?
    /// The batch that is being filled.
    private var turn = 0

    /// - Parameters:
    ///   - columns: cells of a row, beside its identifiers.
    ///   - reading: processors that the reading keeps busy; see ``SourceReader/readingProcessors``.
    ///   - available: processors that the machine has for this process.
    ///   - take: called for each row, by one thread at a time, until it throws. Its error ends the reading, some hundred rows later.
    init(
        columns: Int, reading: Int, available: Int = ProcessInfo.processInfo.activeProcessorCount,
        _ take: @escaping Body
    ) {
        self.columns = columns
        self.take = take
        direct = available > reading ? Self.few : .max
    }

    deinit {
        batches?.deinitialize(count: BatchWorker.ring)
        batches?.deallocate()
    }

    /// Called by the thread that reads, for each row.
    func row(
        _ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>, bucket: Int = 0
    ) throws {
        if direct > 0 {
            direct -= 1
            return try take(email, userID, cells, bucket)
        }
        let batches = batches ?? makeBatches()
        let size = RecordBatch.size(email, userID, cells)
        if !batches[turn].hasRoom(for: size) { try hand(batches) }
        if size <= RecordBatch.room { return batches[turn].append(email, userID, cells, bucket: bucket) }
        // A row that is larger than a batch goes alone, after those before it.
        try worker.finish()
        try take(email, userID, cells, bucket)
    }

    /// Reads the source by `read`, which feeds, and ends with it: whether it succeeds or fails, no row is taken afterwards.
    func during<R>(_ read: () async throws -> R) async throws -> R {
        try await worker.during(read) {
            if let batches = self.batches { try self.takeBatch(batches + self.turn) }
        }
    }

    private func makeBatches() -> UnsafeMutablePointer<RecordBatch> {
        let batches = UnsafeMutablePointer<RecordBatch>.allocate(capacity: BatchWorker.ring)
        for place in 0..<BatchWorker.ring { (batches + place).initialize(to: RecordBatch(columns: columns)) }
        self.batches = batches
        return batches
    }

    private func hand(_ batches: UnsafeMutablePointer<RecordBatch>) throws {
        if batches[turn].isEmpty { return }
        // SAFETY: the batch is the worker's until it was taken.
        nonisolated(unsafe) let batch = batches + turn
        try worker.hand { _ in try self.takeBatch(batch) }
        turn = (turn + 1) % BatchWorker.ring
    }

    private func takeBatch(_ batch: UnsafeMutablePointer<RecordBatch>) throws {
        defer { batch.pointee.removeAll() }
        try batch.pointee.forEach(take)
    }
}

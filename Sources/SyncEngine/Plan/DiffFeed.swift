import RollcallCore
import Synchronization
import Warehouse

/// Feeds an ``AudienceDiff`` from several threads: each part of the audience fills its own batches, and they are compared
/// one after another.
///
/// A large audience that comes in one part is read by one thread and compared by another; the reader takes the hashing over
/// whenever the other one falls behind. An audience that comes in several parts keeps the cores busy as it is.
// SAFETY: a batch belongs to the thread of its part, or, in the ring of the first part, to the worker from when it is handed until it
// was compared; `turn` belongs to the first part's thread, and to who ends the feed when it has ended; `diff` is touched with `lock`
// held, but for the hashing, which changes nothing in it. The memory is owned by this object and freed in `deinit`.
final class DiffFeed: @unchecked Sendable {
    /// Batches of the first part.
    private static let ring = BatchWorker.ring
    /// Batches after which an audience is large.
    private static let few = 8

    private let diff: AudienceDiff
    private let parts: Int
    /// The first part's ring, then one for each other part. Behind a pointer, as nothing that is done for each row may count
    /// references.
    private let batches: UnsafeMutablePointer<RowBatch>
    /// The batch of the first part that is being filled, and how many it has filled.
    private let turn: UnsafeMutablePointer<(place: Int, filled: Int)>
    private let lock = Mutex(())
    private let onRows: @Sendable (Int) throws -> Void
    private let worker = BatchWorker()
    private let isShared = Atomic(false)

    /// - Parameter onRows: called from time to time with the number of rows read; ends the reading with its error.
    init(_ diff: AudienceDiff, parts: Int, onRows: @escaping @Sendable (Int) throws -> Void) {
        self.diff = diff
        self.onRows = onRows
        self.parts = parts
        batches = .allocate(capacity: Self.ring + parts - 1)
        for place in 0..<(Self.ring + parts - 1) { (batches + place).initialize(to: RowBatch()) }
        turn = .allocate(capacity: 1)
        turn.initialize(to: (0, 0))
    }

    deinit {
        batches.deinitialize(count: Self.ring + parts - 1)
        batches.deallocate()
        turn.deallocate()
    }

    /// One thread for each part at a time.
    /// - Parameter bucket: in which the row lies; of no meaning where the difference does not note it.
    func row(_ part: Int, _ email: AudienceCell, _ userID: AudienceCell, bucket: Int = 0) throws {
        var place = part == 0 ? turn.pointee.place : Self.ring + part - 1
        if batches[place].isFull {
            try flush(part, place)
            place = part == 0 ? turn.pointee.place : place
        }
        if RowBatch.takes(email, userID) {
            return batches[place].append(email, userID, bucket: UInt32(truncatingIfNeeded: bucket))
        }
        try compare(place)
        try lock.withLock { _ in try diff.row(email, userID) }
    }

    /// When the reading has failed: afterwards nothing is compared, or reported to `onRows`, any more. Blocks the thread while
    /// another one compares.
    func stop() { worker.stop() }

    /// When no thread feeds any more. Blocks the thread while another one compares.
    func finish() throws {
        try worker.finish()
        try compareRest()
    }

    private func compareRest() throws {
        for place in 0..<(Self.ring + parts - 1) { try compare(place) }
    }

    /// Reads the audience by `read`, which feeds, and ends with it: whether it succeeds or fails, nothing is compared afterwards.
    func during<R>(_ read: () async throws -> R) async throws -> R {
        try await worker.during(read) { try self.compareRest() }
    }

    private func flush(_ part: Int, _ place: Int) throws {
        if part > 0 { isShared.store(true, ordering: .relaxed) }
        guard part == 0, !isShared.load(ordering: .relaxed), turn.pointee.filled >= Self.few else {
            if part == 0 { turn.pointee.filled += 1 }
            return try onRows(compare(place))
        }
        try worker.hand {
            diff.hash(batches[place])
        } _: { [self] isHashed in
            try onRows(compare(place, isHashed: isHashed))
        }
        turn.pointee.place = (place + 1) % Self.ring
    }

    /// - Returns: how many rows were compared so far.
    @discardableResult
    private func compare(_ place: Int, isHashed: Bool = false) throws -> Int {
        defer { batches[place].removeAll() }
        if !isHashed { diff.hash(batches[place]) }
        return try lock.withLock { _ in
            try diff.rows(batches[place])
            return diff.counts.rowsRead
        }
    }
}

import Dispatch
import Synchronization

/// A thread that takes batches of rows one after another, from the thread that reads and fills them.
///
/// Small sources are taken by the reader itself. Of large ones the reader fills one batch while the others of the ring wait to be taken;
/// where all of them wait, so does the reader.
final class BatchWorker: Sendable {
    /// Batches in use: one is filled, the others wait or are taken.
    static let ring = 4

    private let queue = DispatchQueue(label: "rollcall.compare")
    private let spare = DispatchSemaphore(value: ring - 1)
    private let failure = Mutex<(any Error)?>(nil)
    private let hasBegun = Atomic(false)

    /// Has the other thread do `take`, after all earlier batches, or never where one of these has failed. Called by the thread that
    /// reads; the next batch of the ring is free when it returns.
    /// - Parameter whenBehind: done before, by the reader, where all other batches of the ring still wait.
    /// - Throws: the error of an earlier batch.
    func hand(whenBehind: () -> Void = {}, _ take: @escaping @Sendable (_ wasBehind: Bool) throws -> Void) throws {
        try check()
        hasBegun.store(true, ordering: .relaxed)
        let isBehind = spare.wait(timeout: .now()) == .timedOut
        if isBehind { whenBehind() }
        queue.async { [self] in
            if failure.withLock({ $0 }) == nil {
                do { try take(isBehind) } catch { failure.withLock { $0 = error } }
            }
            spare.signal()
        }
        if isBehind { spare.wait() }
    }

    /// Waits until the batches that were handed over are taken. Blocks the thread.
    func stop() { queue.sync {} }

    /// As ``stop()``.
    /// - Throws: the first error of a batch.
    func finish() throws {
        stop()
        try check()
    }

    /// Runs `read`, whose thread hands batches, and waits for the last one: whether it succeeds or fails, nothing is taken afterwards.
    /// - Parameter rest: takes the rows that were not handed over.
    func during<R>(_ read: () async throws -> R, rest: @escaping @Sendable () throws -> Void) async throws -> R {
        let result: R
        do {
            result = try await read()
        } catch {
            if wasUsed { try? await BlockingWork.run { self.stop() } }
            throw error
        }
        guard wasUsed else {
            try rest()
            return result
        }
        try await BlockingWork.run {
            try self.finish()
            try rest()
        }
        return result
    }

    /// Whether the other thread may be at work. Only when no thread reads any more.
    private var wasUsed: Bool { hasBegun.load(ordering: .relaxed) }

    private func check() throws {
        if let failure = failure.withLock({ $0 }) { throw failure }
    }
}

import Warehouse

/// Threads for work that waits for a disk or for another thread. Swift's tasks have as many threads as the machine has cores: a task
/// that blocks one of them keeps others waiting, such as the renewal of a lease.
///
/// What takes an instant is done where it is: files up to ``instantBytes``, plans that fit into memory. So is all that the simulation
/// does, whose tasks have one thread and no other may touch.
enum BlockingWork {
    /// Bytes that are read or written in an instant: about a millisecond, with what adds them up.
    static let instantBytes = 1 << 20

    /// Does `work` on such a thread, to its end also when the task is cancelled, while the task waits without one.
    static func run<R>(_ work: @escaping @Sendable () throws -> sending R) async throws -> sending R {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<R, any Error>) in
            SeparateThread.begin("rollcall.blocking") {
                do { continuation.resume(returning: try work()) } catch { continuation.resume(throwing: error) }
            }
        }
    }
}

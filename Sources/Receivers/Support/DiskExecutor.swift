import Dispatch

/// Runs an actor's work on a queue with a thread to itself, so that calls that wait for a disk keep nothing else waiting.
final class DiskExecutor: SerialExecutor {
    private let queue: DispatchQueue

    init(_ label: String) { queue = DispatchQueue(label: label) }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}

/// Does work that waits for a disk.
actor DiskWorker {
    private let executor = DiskExecutor("receivers.disk")
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    func run<R: Sendable>(_ work: @Sendable () throws(SpoolFailure) -> R) throws(SpoolFailure) -> R { try work() }
}

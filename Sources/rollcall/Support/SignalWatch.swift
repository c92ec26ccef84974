import Dispatch

/// Follows signals as long as this object lives, on a thread apart: a signal is answered also where tasks keep all of Swift's
/// threads busy.
///
/// The signals come from swift-service-lifecycle's `UnixSignalsSequence`. From the moment it is made they end the process no
/// more, and those that come before it is followed are kept.
final class SignalWatch: Sendable {
    private let task: Task<Void, Never>

    /// - Parameter follow: loops over a `UnixSignalsSequence`, and does nothing for a signal that takes more than a moment.
    init(_ follow: @escaping @Sendable () async -> Void) {
        task = Task(executorPreference: SignalThread.shared, operation: follow)
    }

    deinit { task.cancel() }
}

/// Runs tasks on a queue that has nothing else to do.
private final class SignalThread: TaskExecutor {
    static let shared = SignalThread()
    private let queue = DispatchQueue(label: "rollcall.signals")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

import Dispatch

/// Threads for work that blocks or computes for long, apart from those of Swift's tasks.
///
/// Swift's tasks, concurrent queues and `DispatchQueue.global()` share as many threads as the machine has cores. Where that many
/// pieces of work compute, no task goes on: no lease is renewed, no request is answered, and not even a cancellation arrives. A serial
/// queue with work to do has a thread to itself whatever the others do.
public enum SeparateThread {
    /// Returns at once; `work` runs beside everything else.
    /// - Parameter label: names the thread's queue in a debugger.
    public static func begin(_ label: String, _ work: @escaping @Sendable () -> Void) {
        DispatchQueue(label: label).async(execute: work)
    }
}

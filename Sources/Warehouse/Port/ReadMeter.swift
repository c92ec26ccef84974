import Synchronization

/// Counts the bytes of rows that come from a database. Set around a reading with `ReadMeter.$current.withValue`; a warehouse whose
/// rows travel over a connection adds what came to the one that is current when it is called.
package final class ReadMeter: Sendable {
    @TaskLocal package static var current: ReadMeter?

    private let total = Atomic<Int64>(-1)

    package init() {}

    /// From any thread.
    package func add(_ bytes: Int) {
        // The first one that is counted takes the place of "nothing was counted".
        if total.compareExchange(expected: -1, desired: Int64(bytes), ordering: .relaxed).exchanged { return }
        total.add(Int64(bytes), ordering: .relaxed)
    }

    /// Nil: nothing was counted.
    package var bytes: Int64? {
        let found = total.load(ordering: .relaxed)
        return found < 0 ? nil : found
    }
}

import RollcallCore
import Synchronization

/// How many bytes may wait in the spool, for all warehouses together.
final class SpoolBudget: Sendable {
    let limit: Int64
    private let used = Mutex<Int64>(0)

    init(limit: Int64) { self.limit = limit }

    func reserve(_ bytes: Int64) throws(SpoolFailure) {
        let fits = used.withLock { used in
            guard used + bytes <= limit else { return false }
            used += bytes
            return true
        }
        let shown = DisplayText.grouped(Int(limit))
        if !fits { throw .full("the spool has the \(shown) bytes that server.receiver_spool allows") }
    }

    /// Counts what is there already, whether or not it fits.
    func count(_ bytes: Int64) { used.withLock { $0 += bytes } }

    func release(_ bytes: Int64) { used.withLock { $0 -= bytes } }
}

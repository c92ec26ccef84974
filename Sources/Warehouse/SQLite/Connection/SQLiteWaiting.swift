import Foundation
import Synchronization

/// Waits for another program's lock on the file: SQLite asks it again and again whether to continue.
final class SQLiteWaiting: Sendable {
    /// What is waited for, in reports.
    private let reason: String
    private let clock: Mutex<WaitClock>

    /// - Parameter seconds: how long one statement waits.
    init(path: String, seconds: Double) {
        reason = "the lock of the SQLite database \(path), which another program holds"
        clock = Mutex(WaitClock(limit: seconds))
    }

    /// Sleeps a little and says whether to try again.
    ///
    /// - Parameter tries: how often the same statement has been refused before.
    func tryAgain(after tries: Int) -> Bool {
        let wait = WarehouseWait.current
        let verdict = clock.withLock { clock in
            if tries == 0 { clock = WaitClock(limit: clock.limit) }
            return clock.check(wait, reason)
        }
        guard case .goOn = verdict else { return false }
        usleep(min(1000 << UInt32(min(tries, 6)), 50_000))
        return true
    }
}

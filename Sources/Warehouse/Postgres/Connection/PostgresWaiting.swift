import Foundation

/// What a call to Postgres waits for, rather than failing: a connection while none is free, and a lock.
///
/// Locks are waited for in steps of a second, each of which the server itself ends, so that a stop is heeded in between.
struct PostgresWaiting: Sendable {
    /// Seconds that one call waits in all.
    let limit: Double
    /// How the lock is called in reports: "a lock on the state tables in schema rollcall".
    let lock: String
    var isReported = true

    /// Seconds that the server waits for a lock before it gives the statement up.
    static let lockSeconds = 1.0

    /// Calls `body` until it no longer fails for want of a connection or a lock.
    ///
    /// - Parameter mayRepeat: whether `body` can begin again after it has waited for a lock. Where there was no connection,
    ///   it has not begun. A reading that has given rows is not repeated: see ``PostgresFailure/isAfterRows``.
    func callAsFunction<T>(
        mayRepeat: @Sendable () -> Bool = { true }, _ body: () async throws -> T
    ) async throws -> T {
        var clock = WaitClock(limit: limit, isReported: isReported)
        let wait = WarehouseWait.current
        var pause = 0.05
        while true {
            do {
                return try await body()
            } catch let failure as PostgresFailure where failure.isShortage || failure.isWorthWaiting && mayRepeat() {
                switch clock.check(wait, reason(failure)) {
                case .goOn: break
                case .over: throw over(failure)
                case .stopped: throw stopped(failure)
                }
                // A lock has been waited for already.
                if failure.isShortage { try await Task.sleep(for: .seconds(pause)) }
                pause = min(pause * 2, 0.5)
            }
        }
    }

    private func reason(_ failure: PostgresFailure) -> String {
        failure.isLockTimeout ? "\(lock), which another session holds" : "a connection to Postgres: \(failure.message)"
    }

    private func over(_ failure: PostgresFailure) -> WarehouseError {
        let waited = "after \(limit.formatted()) s (wait_seconds)"
        if failure.isLockTimeout {
            return WarehouseError(
                .busy,
                "\(lock.prefix(1).uppercased())\(lock.dropFirst()) was not had \(waited): another session holds it.",
                hint: Self.lockHint)
        }
        return WarehouseError(
            .connection, "Postgres gave no connection \(waited): \(failure.message)", hint: failure.connectionHint)
    }

    private func stopped(_ failure: PostgresFailure) -> WarehouseError {
        var error = WarehouseError(
            failure.isLockTimeout ? .busy : .connection, "Stopped while waiting for \(reason(failure)).",
            hint: failure.isLockTimeout ? Self.lockHint : failure.connectionHint)
        error.wasStopped = true
        return error
    }

    static let lockHint =
        "This query names the session that holds it: SELECT pid, usename, query FROM pg_stat_activity WHERE pid IN"
        + " (SELECT unnest(pg_blocking_pids(pid)) FROM pg_stat_activity WHERE application_name = 'rollcall');"
}

extension PostgresFailure {
    /// Whether there was no connection now, and may be one a little later: the server, the role or the pooler has no free
    /// one, or the server is starting.
    var isShortage: Bool {
        guard isBeforeConnection else { return false }
        if sqlState == "53300" || sqlState == "57P03" { return true }
        // pgbouncer's own refusals all have the code 08P01.
        return Self.poolerShortages.contains { message.contains($0) }
    }

    private static let poolerShortages = ["query_wait_timeout", "no more connections allowed"]
}

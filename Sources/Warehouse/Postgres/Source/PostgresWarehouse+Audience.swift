import Foundation
package import RollcallCore
import Synchronization

extension PostgresWarehouse {
    package func columns(of source: AudienceSource) async throws(WarehouseError) -> [AudienceColumn] {
        try await withLockedAudience(source) { try $0.lockedColumns().map(\.column) }
    }

    /// Calls `body` in a transaction as a reading of the audience begins.
    func withLockedAudience<T: Sendable>(
        _ source: AudienceSource, _ body: @escaping @Sendable (PostgresAudience) throws -> T
    ) async throws(WarehouseError) -> T {
        let limit = PostgresTimeLimit(options)
        do {
            return try await audienceWaiting() {
                try await worker(.long).run { session in
                    let audience = PostgresAudience(source, session)
                    return try audience.explaining(limit) {
                        try session.transaction(limit.begin(.readCommitted)) { _ in
                            try limit.apply(session)
                            return try body(audience)
                        }
                    }
                }
            }
        } catch {
            throw stateError(error)
        }
    }

    package func readAudience(
        _ source: AudienceSource, columns: IdentifierColumns, parts: Int,
        _ body: @escaping @Sendable (_ part: Int, AudienceCell, AudienceCell) throws -> Void
    ) async throws {
        try await read(source, parts: parts) { try $0.work(columns, $1, body) }
    }

    package func readRecords(
        _ source: AudienceSource, columns: RecordColumns, parts: Int,
        _ body:
            @escaping @Sendable (
                _ part: Int, _ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>
            ) throws -> Void
    ) async throws {
        try await read(source, parts: parts) { try $0.work(columns, $1, body) }
    }

    private func read(
        _ source: AudienceSource, parts: Int,
        _ work: @escaping @Sendable (PostgresAudience, PostgresReading) throws -> PostgresReading.Work
    ) async throws {
        let limit = PostgresTimeLimit(options)
        let reading = reading(parts: parts) { limit.begin($0) }
        let meter = ReadMeter.current
        do {
            try await audienceWaiting() {
                try await worker(.long).runCancellable { session, cancellation in
                    let audience = PostgresAudience(source, session)
                    try audience.explaining(limit) {
                        let reading = reading(session, cancellation)
                        try reading.read { _ in
                            try limit.apply(session)
                            var work = try work(audience, reading)
                            work.meter = meter
                            return work
                        }
                    }
                }
            }
        } catch let failure as PostgresFailure {
            throw stateError(failure)
        }
    }

    var audienceWaiting: PostgresWaiting {
        PostgresWaiting(limit: waitSeconds, lock: "a lock on a relation that the audience reads")
    }
}

/// How transactions that read an audience begin. They run under the settings that role, URL and environment give, so that
/// the audience is the one that these people see in psql; only what the reading itself needs is set.
final class PostgresTimeLimit: Sendable {
    private let options: PostgresOptions
    /// The role's own limit in milliseconds; 0: none; nil until it was asked for.
    private let roles = Mutex<Int?>(nil)
    private let standby = Mutex(false)
    private let start = ContinuousClock.now

    init(_ options: PostgresOptions) { self.options = options }

    /// A BEGIN with its SET LOCALs. Without any right to write, and with an error where a policy would hide rows, unless
    /// the configuration wants it applied.
    func begin(_ isolation: PostgresReading.Isolation) -> String {
        let limit = effective
        return "BEGIN ISOLATION LEVEL \(isolation.rawValue), READ ONLY"
            + "; SET LOCAL lock_timeout = \(PostgresText.milliseconds(PostgresWaiting.lockSeconds))"
            + "; SET LOCAL idle_in_transaction_session_timeout = \(PostgresText.milliseconds(Self.idleSeconds))"
            + "; SET LOCAL row_security = \(options.rowSecurity == .refuse ? "off" : "on")"
            + (isolation == .repeatableRead && limit > 0 ? "; SET LOCAL statement_timeout = \(limit)" : "")
    }

    private static let idleSeconds = 60.0

    /// Whether the server was a standby when the limit was applied.
    var isOnStandby: Bool { standby.withLock { $0 } }

    /// Sets the smaller of the role's limit and ours, in an open transaction.
    func apply(_ session: PostgresSession) throws {
        let found = try session.query(
            "SELECT pg_catalog.date_part('epoch', pg_catalog.current_setting('statement_timeout')::pg_catalog.interval),"
                + " pg_catalog.pg_is_in_recovery()")
        standby.withLock { $0 = found.boolean(0, 1) }
        roles.withLock { $0 = found.text(0, 0).flatMap { Double($0) }.map(PostgresText.milliseconds) ?? 0 }
        if effective > 0 { try session.execute("SET LOCAL statement_timeout = \(effective)") }
    }

    private var own: Int { PostgresText.milliseconds(options.statementTimeoutSeconds) }

    private var effective: Int {
        let limits = [own, roles.withLock { $0 } ?? 0].filter { $0 > 0 }
        return limits.min() ?? 0
    }

    /// What ended a statement that the server cancelled (57014), as far as the time it took tells. The server says it only in
    /// a text that it translates.
    func explain(_ place: String) -> WarehouseError {
        guard let roles = roles.withLock({ $0 }) else {
            return WarehouseError(
                .timeout, code: "warehouse_cancelled",
                "\(place) was cancelled before its limits were known, by the role's statement_timeout or by an"
                    + " administrator.",
                hint: "Run again. If it is cancelled each time, raise the role's limit: SHOW statement_timeout says it."
            )
        }
        let elapsed = start.duration(to: .now)
        guard effective > 0, elapsed >= .milliseconds(effective) * 0.98 else {
            return WarehouseError(
                .timeout, code: "warehouse_cancelled", "\(place) was cancelled by an administrator.",
                hint: "A session was ended with pg_cancel_backend; run again.")
        }
        func seconds(_ milliseconds: Int) -> String {
            milliseconds > 0 ? "\((Double(milliseconds) / 1000).formatted()) s" : "none"
        }
        return WarehouseError(
            .timeout,
            "\(place) took longer than \(seconds(effective)): the role's statement_timeout is"
                + " \(seconds(roles)), statement_timeout_seconds of the warehouse \(seconds(own)).",
            hint: "Make it faster, read a prepared table, or raise the smaller of the two.")
    }
}

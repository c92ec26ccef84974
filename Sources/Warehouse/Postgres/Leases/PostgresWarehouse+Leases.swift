package import Foundation
import RollcallCore

extension PostgresWarehouse {
    package func acquireLease(
        sync: String, holder: String, seconds: Double, isDead: @escaping @Sendable (String) -> Bool
    ) async throws(WarehouseError) -> LeaseAttempt {
        try await write(.lease) { session in
            let interval = String(seconds)
            // The holder may let go between the two statements; then the lease is free after all.
            for _ in 0..<3 {
                if let lease = try Self.takeFree(session, sync, holder, interval) { return .acquired(lease) }
                guard let current = try Self.current(session, sync) else { continue }
                if let elsewhere = current.elsewhere { throw WarehouseError.elsewhere(sync, elsewhere) }
                guard isDead(current.holder) else {
                    return .busy(holder: current.holder, secondsLeft: current.secondsLeft, runID: current.runID)
                }
                if let lease = try Self.takeOver(session, sync, holder, interval, from: current.token) {
                    return .acquired(lease)
                }
            }
            throw WarehouseError(.busy, "The lease of the sync \(sync) keeps changing hands.", hint: "Try again.")
        }
    }

    /// What a statement that takes a lease of `l` returns.
    private static let taken = """
        RETURNING token, NOT EXISTS (SELECT FROM sync_state s WHERE s.sync_name = l.sync_name AND s.fingerprint_key IS NOT NULL)
        """

    private static func lease(_ row: borrowing PostgresResult, _ sync: String, _ holder: String) -> Lease? {
        row.integer(0, 0).map { Lease(sync: sync, holder: holder, token: $0, isNew: row.boolean(0, 1)) }
    }

    private static func takeFree(
        _ session: PostgresSession, _ sync: String, _ holder: String, _ seconds: String
    ) throws -> Lease? {
        let row = try session.query(
            """
            INSERT INTO sync_leases AS l (sync_name, token, holder, expires_at)
            VALUES ($1, 1, $2, clock_timestamp() + $3::double precision * interval '1 second')
            ON CONFLICT (sync_name) DO UPDATE
               SET token = l.token + 1, holder = excluded.holder,
                   expires_at = clock_timestamp() + $3::double precision * interval '1 second'
             WHERE l.expires_at <= clock_timestamp()
            \(taken)
            """, [sync, holder, seconds])
        return lease(row, sync, holder)
    }

    private static func takeOver(
        _ session: PostgresSession, _ sync: String, _ holder: String, _ seconds: String, from token: Int64
    ) throws -> Lease? {
        let row = try session.query(
            """
            UPDATE sync_leases AS l
               SET token = token + 1, holder = $2,
                   expires_at = clock_timestamp() + $3::double precision * interval '1 second'
             WHERE sync_name = $1 AND token = $4::bigint
            \(taken)
            """, [sync, holder, seconds, String(token)])
        return lease(row, sync, holder)
    }

    private struct Holding {
        var holder: String
        var token: Int64
        var secondsLeft: Double
        var runID: String?
        /// The name of the warehouse that has the sync's state; nil: this one.
        var elsewhere: String?
    }

    /// nil: the lease is free by now.
    private static func current(_ session: PostgresSession, _ sync: String) throws -> Holding? {
        let row = try session.query(
            """
            SELECT l.holder, l.token, extract(epoch FROM l.expires_at - clock_timestamp())::double precision,
                   (SELECT r.run_id FROM sync_runs r
                     WHERE r.sync_name = l.sync_name AND r.status IN ('queued', 'running', 'held')),
                   l.elsewhere
              FROM sync_leases l WHERE l.sync_name = $1 AND l.expires_at > clock_timestamp()
            """, [sync])
        guard let holder = row.text(0, 0), let token = row.integer(0, 1) else { return nil }
        return Holding(
            holder: holder, token: token, secondsLeft: max(0, row.text(0, 2).flatMap(Double.init) ?? 0),
            runID: row.text(0, 3), elsewhere: row.text(0, 4))
    }

    package func renewLease(_ lease: Lease, seconds: Double) async throws(WarehouseError) {
        try await write(.lease) { session in
            let renewed = try session.modify(
                """
                UPDATE sync_leases SET expires_at = clock_timestamp() + $3::double precision * interval '1 second'
                 WHERE sync_name = $1 AND token = $2::bigint
                """, [lease.sync, String(lease.token), String(seconds)])
            guard renewed == 1 else { throw Self.lost(lease) }
        }
    }

    package func releaseLease(_ lease: Lease) async throws(WarehouseError) {
        _ = try await write(.lease) { session in
            try session.modify(
                "UPDATE sync_leases SET expires_at = clock_timestamp() WHERE sync_name = $1 AND token = $2::bigint",
                [lease.sync, String(lease.token)])
        }
    }

    package func now() async throws(WarehouseError) -> Date {
        let date: Date? = try await write(.lease) { session in
            try session.query("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint").date(0, 0)
        }
        guard let date else { throw WarehouseError(.other, "Postgres did not tell the time.") }
        return date
    }
}

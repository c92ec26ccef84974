import Foundation
import GRDB
import RollcallCore

/// The right to run a sync, as a row with a token that only grows.
enum SQLiteLeases {
    /// Throws ``WarehouseError/Kind/leaseLost`` unless the token is still the sync's current one.
    static func prove(_ database: Database, _ lease: Lease) throws {
        let current = try database.firstRow(
            "SELECT token, holder FROM rollcall_sync_leases WHERE sync_name = :sync", ["sync": .of(lease.sync)]
        ) { (token: $0.integer(0), holder: $0.text(1) ?? "") }
        guard let current, current.token == lease.token else {
            let other = current.map { $0.holder.isEmpty ? "" : " by \($0.holder)" } ?? ""
            throw WarehouseError(
                .leaseLost, "The sync \(lease.sync) was taken over\(other); this process may no longer write for it.")
        }
    }

    struct Holding {
        var token: Int64
        var holder: String
        var secondsLeft: Double
    }

    static func holding(_ database: Database, sync: String) throws -> Holding? {
        try database.firstRow(
            """
            SELECT token, holder,
                   CAST(round((julianday(expires_at) - julianday(\(SQLiteTime.now))) * 86400000.0) AS INTEGER)
              FROM rollcall_sync_leases WHERE sync_name = :sync
            """, ["sync": .of(sync)]
        ) { Holding(token: $0.integer(0) ?? 0, holder: $0.text(1) ?? "", secondsLeft: Double($0.count(2)) / 1000) }
    }

    /// SQL for `seconds` from now on the database's clock.
    static let expiry = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', :seconds)"

    static func modifier(_ seconds: Double) -> SQLiteValue {
        .text((seconds < 0 ? "" : "+") + String(format: "%.3f seconds", seconds))
    }
}

extension SQLiteWarehouse {
    public func acquireLease(
        sync: String, holder: String, seconds: Double, isDead: @escaping @Sendable (String) -> Bool
    ) async throws(WarehouseError) -> LeaseAttempt {
        try await write { database in
            let holding = try SQLiteLeases.holding(database, sync: sync)
            if let holding, holding.secondsLeft > 0, !isDead(holding.holder) {
                return .busy(
                    holder: holding.holder, secondsLeft: holding.secondsLeft,
                    runID: try SQLiteRuns.open(database, sync: sync)?.id)
            }
            let token = (holding?.token ?? 0) + 1
            try database.change(
                """
                INSERT INTO rollcall_sync_leases (sync_name, token, holder, expires_at)
                VALUES (:sync, :token, :holder, \(SQLiteLeases.expiry))
                ON CONFLICT (sync_name) DO UPDATE
                   SET token = excluded.token, holder = excluded.holder, expires_at = excluded.expires_at
                """,
                [
                    "sync": .of(sync), "token": .of(token), "holder": .of(holder),
                    "seconds": SQLiteLeases.modifier(seconds),
                ])
            return .acquired(Lease(sync: sync, holder: holder, token: token))
        }
    }

    public func renewLease(_ lease: Lease, seconds: Double) async throws(WarehouseError) {
        try await write(lease) { database in
            try database.change(
                "UPDATE rollcall_sync_leases SET expires_at = \(SQLiteLeases.expiry) WHERE sync_name = :sync",
                ["sync": .of(lease.sync), "seconds": SQLiteLeases.modifier(seconds)])
            return
        }
    }

    public func releaseLease(_ lease: Lease) async throws(WarehouseError) {
        try await write { database in
            // The row stays, so that tokens go on growing.
            try database.change(
                """
                UPDATE rollcall_sync_leases SET holder = '', expires_at = '1970-01-01T00:00:00.000Z'
                 WHERE sync_name = :sync AND token = :token
                """, ["sync": .of(lease.sync), "token": .of(lease.token)])
            return
        }
    }
}

import Foundation
import GRDB
import RollcallCore
import Synchronization

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

/// In which file each lease was taken. A copy of the database has the lease in it too, and nothing in the copy says so.
final class SQLiteLeaseFiles: Sendable {
    private struct Entry {
        var lease: Lease
        var file: SQLiteFile.Identity
    }

    /// By sync: the latest of each.
    private let entries = Mutex<[String: Entry]>([:])

    func add(_ lease: Lease, _ file: SQLiteFile.Identity) {
        entries.withLock { $0[lease.sync] = Entry(lease: lease, file: file) }
    }

    /// nil: not known here; the token alone proves it.
    func file(of lease: Lease) -> SQLiteFile.Identity? {
        entries.withLock { entries in
            guard let entry = entries[lease.sync], entry.lease == lease else { return nil }
            return entry.file
        }
    }

    func remove(_ lease: Lease) {
        entries.withLock { if $0[lease.sync]?.lease == lease { $0[lease.sync] = nil } }
    }
}

extension SQLiteWarehouse {
    package func acquireLease(
        sync: String, holder: String, seconds: Double, isDead: @escaping @Sendable (String) -> Bool
    ) async throws(WarehouseError) -> LeaseAttempt {
        let (attempt, file) = try await writer.runKnowing(.immediate) { database in
            let holding = try SQLiteLeases.holding(database, sync: sync)
            if let elsewhere = try SQLiteTransfer.elsewhere(database, sync: sync) {
                throw WarehouseError.elsewhere(sync, elsewhere)
            }
            if let holding, holding.secondsLeft > 0, !isDead(holding.holder) {
                return LeaseAttempt.busy(
                    holder: holding.holder, secondsLeft: holding.secondsLeft,
                    runID: try SQLiteRunRow.open(database, sync: sync)?.id)
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
            let isNew = try Self.fingerprintKey(database, sync: sync) == nil
            return .acquired(Lease(sync: sync, holder: holder, token: token, isNew: isNew))
        }
        if case .acquired(let lease) = attempt { leases.add(lease, file) }
        return attempt
    }

    package func noteReading(_ lease: Lease) {
        // Where there is none, the reading says so.
        if let identity = try? file.identity() { leases.add(lease, identity) }
    }

    package func ensureUnreplaced(_ lease: Lease) throws(WarehouseError) {
        if let taken = leases.file(of: lease), file.isReplaced(taken) { throw file.replaced }
    }

    package func renewLease(_ lease: Lease, seconds: Double) async throws(WarehouseError) {
        try await write(lease) { database in
            try database.change(
                "UPDATE rollcall_sync_leases SET expires_at = \(SQLiteLeases.expiry) WHERE sync_name = :sync",
                ["sync": .of(lease.sync), "seconds": SQLiteLeases.modifier(seconds)])
            return
        }
    }

    package func releaseLease(_ lease: Lease) async throws(WarehouseError) {
        // Also in a file that took the place of the lease's: as a copy of it, it may have the lease in it.
        leases.remove(lease)
        try await write { database in
            // The row stays, so that tokens keep growing.
            try database.change(
                """
                UPDATE rollcall_sync_leases SET holder = '', expires_at = '1970-01-01T00:00:00.000Z'
                 WHERE sync_name = :sync AND token = :token
                """, ["sync": .of(lease.sync), "token": .of(lease.token)])
            return
        }
    }
}

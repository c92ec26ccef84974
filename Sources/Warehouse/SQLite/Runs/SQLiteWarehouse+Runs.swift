import Foundation
import GRDB
package import RollcallCore

extension SQLiteWarehouse {
    package func openRun(_ lease: Lease, _ run: SyncRun) async throws(WarehouseError) {
        try await write(lease) { try SQLiteRunRow.insert($0, run) }
    }

    package func heldRun(sync: String) async throws(WarehouseError) -> SyncRun? {
        try await read(nil) { database in
            try SQLiteRunRow.first(database, where: "sync_name = :sync AND status = 'held'", ["sync": .of(sync)])
        }
    }

    package func resumeHeldRun(_ lease: Lease, id: String) async throws(WarehouseError) -> SyncRun {
        try await write(lease) { database in
            let run = try Self.turnHeld(database, lease, id: id, into: "status = 'running'")
            try Self.resumeItemChecks(database, run)
            return run
        }
    }

    package func discardHeldRun(_ lease: Lease, id: String) async throws(WarehouseError) -> SyncRun {
        try await write(lease) { database in
            let run = try Self.turnHeld(
                database, lease, id: id, into: "status = 'cancelled', finished_at = \(SQLiteTime.now)")
            if run.kind == .events {
                try SQLiteOutcomes(database, run, LogSettings()).discardEvents()
            }
            try SQLiteCursors.resolveStaged(database, run, isDone: run.kind == .events)
            try database.change("DELETE FROM rollcall_sync_changes WHERE run_id = :id", ["id": .of(id)])
            return run
        }
    }

    private static func turnHeld(
        _ database: Database, _ lease: Lease, id: String, into assignments: String
    ) throws -> SyncRun {
        let changed = try database.change(
            "UPDATE rollcall_sync_runs SET \(assignments) WHERE run_id = :id AND sync_name = :sync AND status = 'held'",
            ["id": .of(id), "sync": .of(lease.sync)])
        let run = try SQLiteRunRow.find(database, id: id)
        guard changed == 1, let run else {
            throw SQLiteRunRow.notOpen(run?.sync == lease.sync ? run : nil, id: id, wanted: "held")
        }
        return run
    }

    package func changes(run id: String, after sequence: Int64, limit: Int) async throws(WarehouseError) -> [Change] {
        try await changes(
            "sequence > :after AND kind = 'send' ORDER BY sequence",
            ["run": .of(id), "after": .of(sequence), "limit": .of(max(0, limit))])
    }

    package func lastRemovals(run id: String, limit: Int) async throws(WarehouseError) -> [Change] {
        try await changes(
            "kind = 'send' AND operation IN (\(Operation.removals)) ORDER BY sequence DESC",
            ["run": .of(id), "limit": .of(max(0, limit))]
        ).reversed()
    }

    /// - Parameter condition: which changes of a run, and in which order.
    private func changes(
        _ condition: String, _ values: [String: SQLiteValue]
    ) async throws(WarehouseError) -> [Change] {
        try await read([]) { database in
            let contents = Self.contents(try SQLiteMigrations.version(database) ?? 0)
            return try database.rows(
                """
                SELECT sequence, operation, fingerprint, email, user_id, not_before, parent, logged_email,
                       logged_user_id, \(contents)
                  FROM rollcall_sync_changes WHERE run_id = :run AND \(condition) LIMIT :limit
                """, values, Self.readChange)
        }
    }

    /// Columns that changes of lists have none of. Tables which no run has upgraded yet lack some.
    private static func contents(_ version: Int) -> String {
        (version < 6 ? "NULL, NULL, NULL, NULL, NULL" : "record_key, item_id, content, payload, logged_key")
            + (version < 7 ? ", NULL, NULL, NULL, NULL" : ", values_held, values_in_doubt, error_code, error_reason")
            + (version < 8
                ? ", NULL, NULL, NULL, NULL, NULL, NULL"
                : ", event_id, event_name, position, happened, first_seen, was_waiting")
    }

    private static func readChange(_ row: SQLitePrepared) throws -> Change {
        guard let operation = row.text(1).flatMap(Operation.init), let fingerprint = Fingerprint(bytes: row.bytes(2))
        else {
            throw WarehouseError(.other, "A row of rollcall_sync_changes cannot be read; it was changed by hand.")
        }
        let isLoggedOtherwise = !row.isNull(7) || !row.isNull(8)
        return Change(
            sequence: row.integer(0) ?? 0, kind: .send, operation: operation, fingerprint: fingerprint,
            identity: Identity(email: row.text(3), userID: row.text(4)), notBefore: row.date(5),
            parent: row.integer(6),
            loggedAs: isLoggedOtherwise ? Identity(email: row.text(7), userID: row.text(8)) : nil,
            record: row.text(9).map {
                RecordReference(key: $0, itemID: row.text(10), content: row.integer(11) ?? 0)
            },
            payload: row.isNull(12) ? nil : Array(row.bytes(12)), loggedKey: row.text(13),
            held: held(row), refusal: row.text(16).map { FailureReason(code: $0, reason: row.text(17) ?? "") },
            event: event(row), content: row.isNull(9) ? row.integer(11) : nil)
    }

    private static func event(_ row: SQLitePrepared) -> EventReference? {
        guard let id = row.text(18), let firstSeen = row.date(22) else { return nil }
        return EventReference(
            id: id, name: row.text(19) ?? "", order: row.integer(21) ?? 0, position: row.integer(20),
            firstSeen: firstSeen, isWaiting: row.count(23) != 0)
    }

    private static func held(_ row: SQLitePrepared) -> HeldFields? {
        if row.isNull(14) { return nil }
        return HeldFields(ifDone: FieldBits(bytes: row.bytes(14)), ifInDoubt: FieldBits(bytes: row.bytes(15)))
    }

    package func claim(_ lease: Lease, run id: String, through sequence: Int64) async throws(WarehouseError) {
        try await write(lease) { database in
            let changed = try database.change(
                """
                UPDATE rollcall_sync_runs SET claimed_through = max(claimed_through, :sequence)
                 WHERE run_id = :id AND sync_name = :sync AND status = 'running'
                """, ["sequence": .of(sequence), "id": .of(id), "sync": .of(lease.sync)])
            guard changed == 1 else {
                throw SQLiteRunRow.notOpen(try SQLiteRunRow.find(database, id: id), id: id, wanted: "running")
            }
        }
    }
}

import Foundation
import GRDB
public import RollcallCore

extension SQLiteWarehouse {
    public func noteStrays(
        _ run: SyncRun, _ changes: [Change], settleSeconds: Double
    ) async throws(WarehouseError) {
        guard let list = run.listID, !changes.isEmpty else { return }
        try await write { database in
            let insert = try SQLitePrepared(
                database,
                """
                INSERT INTO rollcall_stray_requests (run_id, sequence, sync_name, list_id, fingerprint, email, user_id,
                    operation, settles_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
                """)
            try insert.bind(1, .of(run.id))
            try insert.bind(3, .of(run.sync))
            try insert.bind(4, .of(list))
            try insert.bind(9, .of(try Self.now(database).addingTimeInterval(settleSeconds)))
            for change in changes {
                try insert.bind(2, .integer(change.sequence))
                try insert.bind(5, .of(change.fingerprint))
                try insert.bind(6, .of(change.identity.email))
                try insert.bind(7, .of(change.identity.userID))
                try insert.bind(8, .text(change.operation.rawValue))
                _ = try insert.step()
                insert.reset()
            }
        }
    }

    public func applyStrayNotes(_ lease: Lease) async throws(WarehouseError) -> Int {
        try await write(lease) { database in
            let notes = try Self.notes(database, lease.sync)
            if notes.isEmpty { return 0 }
            let changed = try StrayNotes.apply(notes, Self.entries(database, lease.sync))
            for entry in changed { try Self.write(database, entry, lease.sync) }
            if !changed.isEmpty { try SQLiteOutcomes.renewGeneration(database, sync: lease.sync) }
            let sync = ["sync": SQLiteValue.of(lease.sync)]
            try database.change(Self.leaveInDoubt, sync)
            return try database.change("DELETE FROM rollcall_stray_requests WHERE sync_name = :sync", sync)
        }
    }

    private static func notes(_ database: Database, _ sync: String) throws -> [StrayNote] {
        try database.rows(
            """
            SELECT run_id, list_id, fingerprint, email, user_id, operation, settles_at FROM rollcall_stray_requests
             WHERE sync_name = :sync
            """, ["sync": .of(sync)]
        ) { row in
            guard let run = row.text(0), let list = row.integer(1), let operation = row.text(5).flatMap(Operation.init),
                let mayLandUntil = row.date(6)
            else { throw unreadable("rollcall_stray_requests") }
            return StrayNote(
                runID: run, listID: list, fingerprint: try fingerprint(row, 2),
                identity: Identity(email: row.text(3), userID: row.text(4)), operation: operation,
                mayLandUntil: mayLandUntil)
        }
    }

    /// The entries that have the fingerprint, the email or the userId of a note.
    private static func entries(_ database: Database, _ sync: String) throws -> [NotedEntry] {
        func noted(_ column: String) -> String {
            "(list_id, \(column)) IN (SELECT n.list_id, n.\(column) FROM rollcall_stray_requests n WHERE n.sync_name = :sync)"
        }
        return try database.rows(
            """
            SELECT list_id, fingerprint, email, user_id, state, listed FROM rollcall_list_members
             WHERE sync_name = :sync AND (\(noted("fingerprint")) OR \(noted("email")) OR \(noted("user_id")))
            """, ["sync": .of(sync)]
        ) { row in
            NotedEntry(
                listID: row.integer(0) ?? 0, fingerprint: try fingerprint(row, 1),
                identity: Identity(email: row.text(2), userID: row.text(3)),
                mark: EntryMark(try state(row, 4), listed: row.count(5) != 0))
        }
    }

    private static func write(_ database: Database, _ entry: NotedEntry, _ sync: String) throws {
        guard let mark = entry.mark else { return }
        var values: [String: SQLiteValue] = [
            "sync": .of(sync), "list": .of(entry.listID), "fingerprint": .of(entry.fingerprint),
            "listed": .of(mark.listed),
        ]
        guard let run = entry.changedBy else {
            try database.change(
                """
                UPDATE rollcall_list_members SET listed = :listed
                 WHERE sync_name = :sync AND list_id = :list AND fingerprint = :fingerprint
                """, values)
            return
        }
        values["state"] = .of(mark.state.rawValue)
        values["run"] = .of(run)
        values["email"] = .of(entry.identity.email)
        values["user_id"] = .of(entry.identity.userID)
        try database.change(
            """
            INSERT INTO rollcall_list_members (sync_name, list_id, fingerprint, email, user_id, state, listed,
                since_run_id, since)
            VALUES (:sync, :list, :fingerprint, :email, :user_id, :state, :listed, :run, \(SQLiteTime.now))
                ON CONFLICT (sync_name, list_id, fingerprint) DO UPDATE
               SET state = excluded.state, listed = excluded.listed, since_run_id = excluded.since_run_id,
                   since = excluded.since
            """, values)
    }

    private static let leaveInDoubt = """
        INSERT INTO rollcall_settling_requests (sync_name, list_id, email, user_id, operation, settles_at)
        SELECT sync_name, list_id, email, user_id, operation, settles_at FROM rollcall_stray_requests
         WHERE sync_name = :sync AND settles_at > \(SQLiteTime.now)
        """
}

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

    public func settleStrays(_ lease: Lease) async throws(WarehouseError) -> Int {
        try await write(lease) { database in
            let sync = ["sync": SQLiteValue.of(lease.sync)]
            let lists = try database.rows(
                "SELECT DISTINCT list_id FROM rollcall_stray_requests WHERE sync_name = :sync", sync
            ) { $0.integer(0) }
            var moved = 0
            for list in lists {
                let values = sync.merging(
                    ["list": .of(list), "now": .of(try Self.now(database))], uniquingKeysWith: { $1 })
                for statement in [Self.doubtRemoved, Self.doubtRenamed, Self.enter] {
                    moved += try database.change(statement, values)
                }
                try database.change(Self.settle, values)
            }
            if moved > 0 { try SQLiteOutcomes.renewGeneration(database, sync: lease.sync) }
            return try database.change("DELETE FROM rollcall_stray_requests WHERE sync_name = :sync", sync)
        }
    }

    /// The notes of an operation on the list.
    private static func notes(_ operation: RollcallCore.Operation) -> String {
        "rollcall_stray_requests n WHERE n.sync_name = :sync AND n.list_id = :list AND n.operation = '\(operation)'"
    }

    /// Those of them that share an identifier with an entry of the snapshot.
    private static func notesOfEntry(_ operation: RollcallCore.Operation) -> String {
        notes(operation)
            + " AND (n.email = rollcall_list_members.email OR n.user_id = rollcall_list_members.user_id)"
    }

    private static func sharing(_ operation: RollcallCore.Operation) -> String {
        """
        sync_name = :sync AND list_id = :list
           AND (email IN (SELECT n.email FROM \(notes(operation)))
                OR user_id IN (SELECT n.user_id FROM \(notes(operation))))
        """
    }

    /// They may be on the list no more.
    private static let doubtRemoved = """
        UPDATE rollcall_list_members
           SET state = 'unsubscribing', since = :now,
               since_run_id = (SELECT max(n.run_id) FROM \(notesOfEntry(.unsubscribe)))
         WHERE \(sharing(.unsubscribe)) AND state IN ('subscribed', 'subscribing')
        """

    private static let otherPerson = "n.fingerprint <> rollcall_list_members.fingerprint"

    /// Their profile may have got the other identifier of the note.
    private static let doubtRenamed = """
        UPDATE rollcall_list_members
           SET state = 'subscribing', since = :now,
               since_run_id = (SELECT max(n.run_id) FROM \(notesOfEntry(.subscribe)) AND \(otherPerson))
         WHERE \(sharing(.subscribe)) AND state = 'subscribed'
           AND EXISTS (SELECT 1 FROM \(notesOfEntry(.subscribe)) AND \(otherPerson))
        """

    private static let enter = """
        INSERT INTO rollcall_list_members (sync_name, list_id, fingerprint, email, user_id, state, listed,
            since_run_id, since)
        SELECT :sync, :list, n.fingerprint, n.email, n.user_id, 'subscribing', 1, max(n.run_id), :now
          FROM \(notes(.subscribe)) GROUP BY n.fingerprint
            ON CONFLICT (sync_name, list_id, fingerprint) DO UPDATE SET listed = 1 WHERE NOT rollcall_list_members.listed
        """

    private static let settle = """
        INSERT INTO rollcall_settling_requests (sync_name, list_id, email, user_id, operation, settles_at)
        SELECT sync_name, list_id, email, user_id, operation, settles_at FROM rollcall_stray_requests
         WHERE sync_name = :sync AND list_id = :list AND settles_at > :now
        """
}

package import Foundation
import GRDB
import RollcallCore

extension SQLiteWarehouse {
    package func itemChecks(
        sync: String, acceptedBefore time: Date, limit: Int
    ) async throws(WarehouseError) -> [ItemCheck] {
        try await read([]) { database in
            // Tables which no run has upgraded yet have none.
            guard try SQLiteMigrations.hasTable("rollcall_item_checks", database) else { return [] }
            return try database.rows(
                """
                SELECT fingerprint, content, has_failed AND accepted_at IS NOT NULL FROM rollcall_item_checks
                 WHERE sync_name = :sync AND coalesce(accepted_at, noted_at) <= :time
                 ORDER BY 3 DESC, coalesce(accepted_at, noted_at) DESC, fingerprint, content LIMIT :limit
                """, ["sync": .of(sync), "time": .of(time), "limit": .of(limit)]
            ) { row in
                guard let fingerprint = Fingerprint(bytes: row.bytes(0)), let content = row.integer(1) else {
                    throw Self.unreadable("rollcall_item_checks")
                }
                return ItemCheck(fingerprint: fingerprint, content: content, hasFailed: row.count(2) != 0)
            }
        }
    }

    package func noteItemChecks(_ lease: Lease, run id: String, _ notes: ItemCheckNotes) async throws(WarehouseError) {
        try await write(lease) { database in
            var changed = 0
            for check in notes.setAside {
                changed += try database.change(
                    """
                    UPDATE rollcall_synced_records
                       SET state = '\(EntryWords.records.word(.rejected))', since_run_id = :run, since = \(SQLiteTime.now),
                           error_code = :code, error_reason = :reason, http_status = NULL
                     WHERE \(Self.isSynced("rollcall_synced_records", fingerprint: ":fingerprint", content: ":content"))
                    """,
                    [
                        "sync": .of(lease.sync), "fingerprint": .of(check.fingerprint), "content": .of(check.content),
                        "run": .of(id), "code": .of(notes.reason.code), "reason": .of(notes.reason.reason),
                    ])
            }
            if changed > 0 { try SQLiteOutcomes.renewGeneration(database, sync: lease.sync) }
            for check in notes.done + notes.setAside {
                try database.change(
                    """
                    DELETE FROM rollcall_item_checks
                     WHERE sync_name = :sync AND fingerprint = :fingerprint AND content = :content
                    """,
                    [
                        "sync": .of(lease.sync), "fingerprint": .of(check.fingerprint), "content": .of(check.content),
                    ])
            }
            for check in notes.added {
                if check.hasFailed && !notes.isHeld { try Self.forgetContent(database, lease.sync, check) }
                try database.change(
                    """
                    INSERT INTO rollcall_item_checks (sync_name, fingerprint, content, run_id, noted_at, has_failed)
                    VALUES (:sync, :fingerprint, :content, :run, \(SQLiteTime.now), :failed)
                        ON CONFLICT (sync_name, fingerprint, content) DO UPDATE
                       SET run_id = excluded.run_id, noted_at = excluded.noted_at,
                           accepted_at = NULL, has_failed = excluded.has_failed
                    """,
                    [
                        "sync": .of(lease.sync), "fingerprint": .of(check.fingerprint), "content": .of(check.content),
                        "run": .of(id), "failed": .of(check.hasFailed),
                    ])
            }
        }
    }

    package func acceptItemChecks(_ lease: Lease, run id: String) async throws(WarehouseError) {
        try await write(lease) { database in
            let isSynced = Self.isSynced(
                "r", fingerprint: "rollcall_item_checks.fingerprint", content: "rollcall_item_checks.content")
            try database.change(
                """
                UPDATE rollcall_item_checks SET accepted_at = \(SQLiteTime.now)
                 WHERE sync_name = :sync AND run_id = :run
                   AND EXISTS (SELECT 1 FROM rollcall_synced_records AS r WHERE \(isSynced))
                """, ["sync": .of(lease.sync), "run": .of(id)])
        }
    }

    /// What a held run was to do with items is done from now on.
    static func resumeItemChecks(_ database: Database, _ run: SyncRun) throws {
        if run.kind != .catalog { return }
        let isSynced = Self.isSynced("rollcall_synced_records", fingerprint: "c.fingerprint", content: "c.content")
        let names: [String: SQLiteValue] = ["sync": .of(run.sync), "run": .of(run.id)]
        try database.change(
            """
            UPDATE rollcall_synced_records SET content = \(RecordReference.forgottenContent)
             WHERE EXISTS (SELECT 1 FROM rollcall_item_checks AS c
                            WHERE c.sync_name = :sync AND c.run_id = :run AND c.has_failed AND c.accepted_at IS NULL
                              AND \(isSynced))
            """, names)
        try database.change(
            "UPDATE rollcall_item_checks SET noted_at = \(SQLiteTime.now) WHERE sync_name = :sync AND run_id = :run",
            names)
    }

    private static func forgetContent(_ database: Database, _ sync: String, _ check: ItemCheck) throws {
        try database.change(
            """
            UPDATE rollcall_synced_records SET content = \(RecordReference.forgottenContent)
             WHERE \(isSynced("rollcall_synced_records", fingerprint: ":fingerprint", content: ":content"))
            """,
            ["sync": .of(sync), "fingerprint": .of(check.fingerprint), "content": .of(check.content)])
    }

    /// SQL: the row is an item of the sync `:sync` that Iterable has accepted with this content.
    private static func isSynced(_ row: String, fingerprint: String, content: String) -> String {
        """
        \(row).sync_name = :sync AND \(row).kind = '\(RecordKind.catalog.rawValue)' AND \(row).fingerprint = \(fingerprint)
         AND \(row).content = \(content) AND \(row).state = '\(EntryWords.records.word(.subscribed))'
        """
    }
}

package import Foundation
import RollcallCore

extension PostgresWarehouse {
    package func itemChecks(
        sync: String, acceptedBefore time: Date, limit: Int
    ) async throws(WarehouseError) -> [ItemCheck] {
        try await read(orWithoutTables: []) { session in
            let result = try session.query(
                """
                SELECT fingerprint, content, has_failed AND accepted_at IS NOT NULL FROM item_checks
                 WHERE sync_name = $1 AND COALESCE(accepted_at, noted_at) <= \(PostgresRunRow.timestamp("$2"))
                 ORDER BY 3 DESC, COALESCE(accepted_at, noted_at) DESC, fingerprint, content LIMIT $3::bigint
                """, [sync, String(PostgresText.milliseconds(time)), String(limit)])
            return (0..<result.rowCount).compactMap { row in
                guard let fingerprint = result.textFingerprint(row, 0), let content = result.integer(row, 1) else {
                    return nil
                }
                return ItemCheck(fingerprint: fingerprint, content: content, hasFailed: result.boolean(row, 2))
            }
        }
    }

    package func noteItemChecks(_ lease: Lease, run id: String, _ notes: ItemCheckNotes) async throws(WarehouseError) {
        try await leased(lease) { session in
            var changed = 0
            for check in notes.setAside {
                changed += try session.modify(
                    """
                    UPDATE synced_records
                       SET state = '\(EntryWords.records.word(.rejected))', since_run_id = $4::uuid,
                           since = \(PostgresText.now), error_code = $5, error_reason = $6,
                           http_status = NULL
                     WHERE \(Self.isSynced("synced_records", fingerprint: "$2::uuid", content: "$3::bigint"))
                    """,
                    [
                        lease.sync, PostgresText.uuid(check.fingerprint), String(check.content), id, notes.reason.code,
                        notes.reason.reason,
                    ])
            }
            if changed > 0 { try Self.renewGeneration(lease.sync, session) }
            for check in notes.done + notes.setAside {
                try session.modify(
                    "DELETE FROM item_checks WHERE sync_name = $1 AND fingerprint = $2::uuid AND content = $3::bigint",
                    [lease.sync, PostgresText.uuid(check.fingerprint), String(check.content)])
            }
            for check in notes.added {
                if check.hasFailed && !notes.isHeld { try Self.forgetContent(session, lease.sync, check) }
                try session.modify(
                    """
                    INSERT INTO item_checks (sync_name, fingerprint, content, run_id, noted_at, has_failed)
                    VALUES ($1, $2::uuid, $3::bigint, $4::uuid, \(PostgresText.now), $5::boolean)
                    ON CONFLICT (sync_name, fingerprint, content) DO UPDATE
                       SET run_id = excluded.run_id, noted_at = excluded.noted_at,
                           accepted_at = NULL, has_failed = excluded.has_failed
                    """,
                    [
                        lease.sync, PostgresText.uuid(check.fingerprint), String(check.content), id,
                        String(check.hasFailed),
                    ])
            }
        }
    }

    package func acceptItemChecks(_ lease: Lease, run id: String) async throws(WarehouseError) {
        try await leased(lease) { session in
            let isSynced = Self.isSynced("r", fingerprint: "item_checks.fingerprint", content: "item_checks.content")
            try session.modify(
                """
                UPDATE item_checks SET accepted_at = \(PostgresText.now)
                 WHERE sync_name = $1 AND run_id = $2::uuid AND EXISTS (SELECT FROM synced_records AS r WHERE \(isSynced))
                """, [lease.sync, id])
        }
    }

    /// What a held run was to do with items is done from now on.
    static func resumeItemChecks(_ run: SyncRun, _ session: PostgresSession) throws {
        if run.kind != .catalog { return }
        let isSynced = Self.isSynced("synced_records", fingerprint: "c.fingerprint", content: "c.content")
        try session.modify(
            """
            UPDATE synced_records SET content = \(RecordReference.forgottenContent) FROM item_checks AS c
             WHERE c.sync_name = $1 AND c.run_id = $2::uuid AND c.has_failed AND c.accepted_at IS NULL AND \(isSynced)
            """, [run.sync, run.id])
        try session.modify(
            """
            UPDATE item_checks SET noted_at = \(PostgresText.now)
             WHERE sync_name = $1 AND run_id = $2::uuid
            """, [run.sync, run.id])
    }

    private static func forgetContent(_ session: PostgresSession, _ sync: String, _ check: ItemCheck) throws {
        try session.modify(
            """
            UPDATE synced_records SET content = \(RecordReference.forgottenContent)
             WHERE \(isSynced("synced_records", fingerprint: "$2::uuid", content: "$3::bigint"))
            """, [sync, PostgresText.uuid(check.fingerprint), String(check.content)])
    }

    /// SQL: the row is an item of the sync `$1` that Iterable has accepted with this content.
    private static func isSynced(_ row: String, fingerprint: String, content: String) -> String {
        """
        \(row).sync_name = $1 AND \(row).kind = '\(RecordKind.catalog.rawValue)' AND \(row).fingerprint = \(fingerprint)
         AND \(row).content = \(content) AND \(row).state = '\(EntryWords.records.word(.subscribed))'
        """
    }
}

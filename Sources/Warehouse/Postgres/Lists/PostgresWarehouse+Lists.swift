import Foundation
import RollcallCore

extension PostgresWarehouse {
    package func listBinding(sync: String) async throws(WarehouseError) -> ListBinding? {
        try await read(orWithoutTables: nil) { session in
            let result = try session.query(
                "SELECT \(PostgresLists.bindingColumns) FROM sync_state s WHERE sync_name = $1", [sync])
            return try PostgresLists.binding(result, 0, session)
        }
    }

    package func bindings(named name: String) async throws(WarehouseError) -> [ListBinding] {
        try await read(orWithoutTables: []) { session in
            let result = try session.query(
                "SELECT \(PostgresLists.bindingColumns) FROM sync_state s WHERE list_name = $1"
                    + " AND \(PostgresTransfer.isHere("s.sync_name")) ORDER BY sync_name COLLATE \"C\"", [name])
            return try (0..<result.rowCount).compactMap { try PostgresLists.binding(result, $0, session) }
        }
    }

    package func saveListBinding(_ lease: Lease, _ binding: ListBinding) async throws(WarehouseError) {
        try await leased(lease) { try PostgresLists.save(binding, $0) }
    }

    package func listClaims(besides sync: String, list: Int64?) async throws(WarehouseError) -> [ListClaim] {
        try await read(orWithoutTables: [], settings: PostgresLists.alongIndexes) {
            try PostgresLists.claims(besides: sync, list: list, $0)
        }
    }

    package func takeList(
        _ lease: Lease, _ binding: ListBinding, refuse: @escaping @Sendable ([ListClaim]) -> [ListClaim]
    ) async throws(WarehouseError) -> [ListClaim] {
        let schema = tables.schema
        // What was committed while the lock was waited for must be seen, whatever isolation the role has by default.
        let settings = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; " + PostgresLists.alongIndexes
        return try await leased(lease, settings: settings) { session in
            _ = try session.query(
                "SELECT pg_advisory_xact_lock(hashtext($1), hashtext($2))", ["rollcall lists", schema])
            let refused = refuse(try PostgresLists.claims(besides: binding.sync, list: binding.listID, session))
            if refused.isEmpty {
                try PostgresLists.save(binding, session)
            } else {
                try PostgresLists.noteProject(binding, session)
            }
            return refused
        }
    }

    package func abandon(_ lease: Lease, list: Int64?) async throws(WarehouseError) -> AbandonAttempt {
        try await leased(lease, .long) { session in
            let attempt = try PostgresLists.abandon(lease.sync, list, session)
            if case .done(let abandonment) = attempt, abandonment.members > 0 {
                try Self.renewGeneration(lease.sync, session)
            }
            return attempt
        }
    }
}

/// Which list each sync keeps: columns of `sync_state`.
enum PostgresLists {
    /// In the order in which ``binding(_:_:_:)`` takes them. Tables that no run has upgraded yet lack the last two.
    static let bindingColumns = """
        s.sync_name, s.destination, s.list_name, s.list_id, \(PostgresRunRow.milliseconds("s.list_created_at")),
        \(PostgresRunRow.milliseconds("s.list_gone_at")), to_jsonb(s) ->> 'base_url', to_jsonb(s) ->> 'key_hash'
        """

    /// One row of a sync is looked for in each table, whatever the server thinks of a table that holds mostly another's.
    static let alongIndexes = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off"

    /// nil: the sync is bound to no list yet.
    static func binding(
        _ result: borrowing PostgresResult, _ row: Int, _ session: PostgresSession
    ) throws -> ListBinding? {
        guard let sync = result.text(row, 0), let destination = result.text(row, 1) else { return nil }
        return ListBinding(
            sync: sync, destination: destination, listName: try result.text(row, 2).map(session.original),
            listID: result.integer(row, 3),
            createdAt: result.date(row, 4), goneAt: result.date(row, 5),
            project: result.text(row, 6).map { ListProject(baseURL: $0, keyHash: result.text(row, 7)) })
    }

    static func save(_ binding: ListBinding, _ session: PostgresSession) throws {
        try session.modify(
            """
            INSERT INTO sync_state (sync_name, destination, list_id, base_url, key_hash, list_name, list_created_at,
                                    list_gone_at)
            VALUES ($1, $2, $3::bigint, $4, $5, $6, \(PostgresRunRow.timestamp("$7")), \(PostgresRunRow.timestamp("$8")))
            ON CONFLICT (sync_name) DO UPDATE
               SET destination = excluded.destination, list_name = excluded.list_name, list_id = excluded.list_id,
                   list_created_at = excluded.list_created_at, list_gone_at = excluded.list_gone_at,
                   base_url = excluded.base_url, key_hash = excluded.key_hash
            """,
            values(binding) + [
                binding.listName, binding.createdAt.map { String(PostgresText.milliseconds($0)) },
                binding.goneAt.map { String(PostgresText.milliseconds($0)) },
            ])
    }

    static func noteProject(_ binding: ListBinding, _ session: PostgresSession) throws {
        try session.modify(
            "UPDATE sync_state SET destination = $2, base_url = $4, key_hash = $5"
                + " WHERE sync_name = $1 AND list_id = $3::bigint", values(binding))
    }

    private static func values(_ binding: ListBinding) -> [String?] {
        [
            binding.sync, binding.destination, binding.listID.map { String($0) }, binding.project?.baseURL,
            binding.project?.keyHash,
        ]
    }

    static func claims(besides sync: String, list: Int64?, _ session: PostgresSession) throws -> [ListClaim] {
        let result = try session.query(
            """
            SELECT \(bindingColumns), m.owns, r.run_id, r.status, r.list_id, \(PostgresRunRow.milliseconds("q.settles_at"))
              FROM sync_state s
              LEFT JOIN LATERAL (
                    SELECT true AS owns FROM list_members
                     WHERE sync_name = s.sync_name AND list_id = COALESCE($2::bigint, s.list_id) AND listed LIMIT 1
                   ) AS m ON true
              LEFT JOIN sync_runs r ON r.sync_name = s.sync_name AND r.status IN ('queued', 'running', 'held')
              LEFT JOIN LATERAL (
                    SELECT max(settles_at) AS settles_at FROM settling_requests
                     WHERE sync_name = s.sync_name AND list_id = COALESCE($2::bigint, s.list_id)
                       AND settles_at >= clock_timestamp()
                   ) AS q ON true
             WHERE s.sync_name <> $1 AND (m.owns OR r.run_id IS NOT NULL OR q.settles_at IS NOT NULL)
               AND \(PostgresTransfer.isHere("s.sync_name"))
             ORDER BY s.sync_name COLLATE "C"
            """, [sync, list.map { String($0) }])
        return try (0..<result.rowCount).map { row in
            var claim = ListClaim(
                sync: result.text(row, 0) ?? "", binding: try binding(result, row, session),
                ownsMembers: result.boolean(row, 8))
            if let id = result.text(row, 9), let status = result.text(row, 10).flatMap(RunStatus.init) {
                claim.openRun = ListClaim.OpenRun(id: id, status: status, listID: result.integer(row, 11))
            }
            claim.mayLandUntil = result.date(row, 12)
            return claim
        }
    }

    static func abandon(_ sync: String, _ list: Int64?, _ session: PostgresSession) throws -> AbandonAttempt {
        let names = [sync, list.map { String($0) }]
        let isOfList = "sync_name = $1 AND ($2::bigint IS NULL OR list_id = $2::bigint)"
        let settles = try session.query(
            """
            SELECT \(PostgresRunRow.milliseconds("max(settles_at)"))
              FROM (SELECT settles_at FROM settling_requests WHERE \(isOfList)
                    UNION ALL SELECT settles_at FROM stray_requests WHERE \(isOfList)) AS q
             WHERE settles_at >= clock_timestamp()
            """, names
        ).date(0, 0)
        if let settles { return .inDoubt(until: settles) }
        let bound = try session.query("SELECT list_id FROM sync_state WHERE \(isOfList)", names).integer(0, 0)
        let (held, changes) = try discardHeldRun(isOfList, names, session)
        let gone = try session.query(
            "WITH gone AS (DELETE FROM list_members WHERE \(isOfList) RETURNING list_id)"
                + " SELECT list_id, count(*) FROM gone GROUP BY list_id", names)
        func forget(_ table: String) throws -> Int {
            try session.modify("DELETE FROM \(table) WHERE sync_name = $1 AND $2::bigint IS NULL", names)
        }
        let records = try forget("synced_records") + forget("seen_events")
        _ = try forget("sync_cursors")
        _ = try forget("item_checks")
        let members = (0..<gone.rowCount).map { row in
            Abandonment.MembersOfList(listID: gone.integer(row, 0) ?? 0, members: gone.count(row, 1))
        }
        // The places of fields stay (`field_places`): a name keeps its place for ever.
        for table in ["settling_requests", "stray_requests"] {
            try session.modify("DELETE FROM \(table) WHERE \(isOfList)", names)
        }
        try session.modify(
            """
            UPDATE sync_state SET destination = NULL, list_name = NULL, list_id = NULL, list_created_at = NULL,
                   list_gone_at = NULL, base_url = NULL, key_hash = NULL, mapping_hash = NULL WHERE \(isOfList)
            """, names)
        return .done(.of(members, bound: bound, records: records, discarded: held, changes: changes))
    }

    private static func discardHeldRun(
        _ condition: String, _ names: [String?], _ session: PostgresSession
    ) throws -> (runID: String?, changes: Int) {
        let held = try session.query(
            "UPDATE sync_runs SET status = 'cancelled', finished_at = \(PostgresText.now)"
                + " WHERE \(condition) AND status = 'held' RETURNING run_id", names
        ).text(0, 0)
        guard let held else { return (nil, 0) }
        return (held, try session.modify("DELETE FROM sync_changes WHERE run_id = $1::uuid", [held]))
    }
}

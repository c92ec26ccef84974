import Foundation
import GRDB
import RollcallCore

extension SQLiteWarehouse {
    package func listBinding(sync: String) async throws(WarehouseError) -> ListBinding? {
        try await read(nil) { database in
            try database.firstRow(
                """
                SELECT \(try SQLiteLists.bindingColumns(database)) FROM rollcall_sync_state s
                 WHERE sync_name = :sync AND destination IS NOT NULL
                """, ["sync": .of(sync)], SQLiteLists.readBinding) ?? nil
        }
    }

    package func bindings(named name: String) async throws(WarehouseError) -> [ListBinding] {
        try await read([]) { database in
            try database.rows(
                """
                SELECT \(try SQLiteLists.bindingColumns(database)) FROM rollcall_sync_state s
                 WHERE list_name = :name AND destination IS NOT NULL AND \(try SQLiteTransfer.isHere("s.sync_name", database))
                 ORDER BY sync_name
                """, ["name": .of(name)], SQLiteLists.readBinding
            ).compactMap(\.self)
        }
    }

    package func saveListBinding(_ lease: Lease, _ binding: ListBinding) async throws(WarehouseError) {
        try await write(lease) { try SQLiteLists.save($0, binding) }
    }

    package func listClaims(besides sync: String, list: Int64?) async throws(WarehouseError) -> [ListClaim] {
        try await read([]) { try SQLiteLists.claims($0, besides: sync, list: list) }
    }

    package func takeList(
        _ lease: Lease, _ binding: ListBinding, refuse: @escaping @Sendable ([ListClaim]) -> [ListClaim]
    ) async throws(WarehouseError) -> [ListClaim] {
        try await write(lease) { database in
            let refused = refuse(try SQLiteLists.claims(database, besides: binding.sync, list: binding.listID))
            if refused.isEmpty {
                try SQLiteLists.save(database, binding)
            } else {
                try SQLiteLists.noteProject(database, binding)
            }
            return refused
        }
    }

    package func abandon(_ lease: Lease, list: Int64?) async throws(WarehouseError) -> AbandonAttempt {
        try await write(lease) { try SQLiteLists.abandon($0, lease.sync, list) }
    }
}

/// Which list each sync keeps: columns of `rollcall_sync_state`.
enum SQLiteLists {
    /// In the order in which ``readBinding(_:)`` takes them. Tables that no run has upgraded yet lack the last two.
    static func bindingColumns(_ database: Database) throws -> String {
        let hasProject = try SQLiteMigrations.version(database) ?? 0 >= 3
        return "s.sync_name, s.destination, s.list_name, s.list_id, s.list_created_at, s.list_gone_at, "
            + (hasProject ? "s.base_url, s.key_hash" : "NULL, NULL")
    }

    /// nil: the sync is bound to no list yet.
    static func readBinding(_ row: SQLitePrepared) -> ListBinding? {
        guard let sync = row.text(0), let destination = row.text(1) else { return nil }
        return ListBinding(
            sync: sync, destination: destination, listName: row.text(2), listID: row.integer(3),
            createdAt: row.date(4), goneAt: row.date(5),
            project: row.text(6).map { ListProject(baseURL: $0, keyHash: row.text(7)) })
    }

    static func save(_ database: Database, _ binding: ListBinding) throws {
        try database.change(
            """
            INSERT INTO rollcall_sync_state (sync_name, destination, list_name, list_id, list_created_at,
                list_gone_at, base_url, key_hash)
            VALUES (:sync, :destination, :name, :list, :created, :gone, :url, :key)
                ON CONFLICT (sync_name) DO UPDATE
               SET destination = excluded.destination, list_name = excluded.list_name,
                   list_id = excluded.list_id, list_created_at = excluded.list_created_at,
                   list_gone_at = excluded.list_gone_at, base_url = excluded.base_url, key_hash = excluded.key_hash
            """, values(binding))
    }

    static func noteProject(_ database: Database, _ binding: ListBinding) throws {
        try database.change(
            """
            UPDATE rollcall_sync_state SET destination = :destination, base_url = :url, key_hash = :key
             WHERE sync_name = :sync AND list_id = :list
            """, values(binding))
    }

    private static func values(_ binding: ListBinding) -> [String: SQLiteValue] {
        [
            "sync": .of(binding.sync), "destination": .of(binding.destination), "name": .of(binding.listName),
            "list": .of(binding.listID), "created": .of(binding.createdAt), "gone": .of(binding.goneAt),
            "url": .of(binding.project?.baseURL), "key": .of(binding.project?.keyHash),
        ]
    }

    static func claims(_ database: Database, besides sync: String, list: Int64?) throws -> [ListClaim] {
        try database.rows(
            """
            SELECT \(try bindingColumns(database)),
                   EXISTS (SELECT 1 FROM rollcall_list_members m
                            WHERE m.sync_name = s.sync_name AND m.list_id = coalesce(:list, s.list_id) AND m.listed)
                       AS owns,
                   r.run_id, r.status, r.list_id,
                   (SELECT max(q.settles_at) FROM rollcall_settling_requests q
                     WHERE q.sync_name = s.sync_name AND q.list_id = coalesce(:list, s.list_id)
                       AND q.settles_at >= \(SQLiteTime.now)) AS settles
              FROM rollcall_sync_state s
              LEFT JOIN rollcall_sync_runs r
                ON r.sync_name = s.sync_name AND r.status IN ('queued', 'running', 'held')
             WHERE s.sync_name <> :sync AND (owns OR r.run_id IS NOT NULL OR settles IS NOT NULL)
               AND \(try SQLiteTransfer.isHere("s.sync_name", database))
             ORDER BY s.sync_name
            """, ["sync": .of(sync), "list": .of(list)]
        ) { row in
            var claim = ListClaim(sync: row.text(0) ?? "", binding: readBinding(row), ownsMembers: row.count(8) != 0)
            if let id = row.text(9), let status = row.text(10).flatMap(RunStatus.init) {
                claim.openRun = ListClaim.OpenRun(id: id, status: status, listID: row.integer(11))
            }
            claim.mayLandUntil = row.date(12)
            return claim
        }
    }

    static func abandon(_ database: Database, _ sync: String, _ list: Int64?) throws -> AbandonAttempt {
        let names = ["sync": SQLiteValue.of(sync), "list": .of(list)]
        let isOfList = "sync_name = :sync AND (:list IS NULL OR list_id = :list)"
        let settles = try database.firstRow(
            """
            SELECT max(settles_at)
              FROM (SELECT settles_at FROM rollcall_settling_requests WHERE \(isOfList)
                    UNION ALL SELECT settles_at FROM rollcall_stray_requests WHERE \(isOfList)) AS q
             WHERE settles_at >= \(SQLiteTime.now)
            """, names
        ) { $0.date(0) }
        if let until = settles ?? nil { return .inDoubt(until: until) }
        let bound = try database.firstRow(
            "SELECT list_id FROM rollcall_sync_state WHERE \(isOfList)", names
        ) { $0.integer(0) }
        let members = try database.rows(
            "SELECT list_id, count(*) FROM rollcall_list_members WHERE \(isOfList) GROUP BY list_id", names
        ) { Abandonment.MembersOfList(listID: $0.integer(0) ?? 0, members: $0.count(1)) }
        let held = try database.firstRow(
            "SELECT run_id FROM rollcall_sync_runs WHERE \(isOfList) AND status = 'held'", names
        ) { $0.text(0) }
        var changes = 0
        if let held = held ?? nil {
            changes = try database.change(
                "DELETE FROM rollcall_sync_changes WHERE run_id = :run", ["run": .of(held)])
            try database.change(
                "UPDATE rollcall_sync_runs SET status = 'cancelled', finished_at = \(SQLiteTime.now) WHERE run_id = :run",
                ["run": .of(held)])
        }
        try database.change("DELETE FROM rollcall_list_members WHERE \(isOfList)", names)
        func forget(_ table: String) throws -> Int {
            try database.change("DELETE FROM \(table) WHERE sync_name = :sync AND :list IS NULL", names)
        }
        let records = try forget("rollcall_synced_records") + forget("rollcall_seen_events")
        _ = try forget("rollcall_sync_cursors")
        _ = try forget("rollcall_item_checks")
        // The places of fields stay (`rollcall_field_places`): a name keeps its place for ever.
        for table in ["rollcall_settling_requests", "rollcall_stray_requests"] {
            try database.change("DELETE FROM \(table) WHERE \(isOfList)", names)
        }
        try database.change(
            """
            UPDATE rollcall_sync_state SET destination = NULL, list_name = NULL, list_id = NULL,
                   list_created_at = NULL, list_gone_at = NULL, base_url = NULL, key_hash = NULL, mapping_hash = NULL
             WHERE \(isOfList)
            """, names)
        if !members.isEmpty { try SQLiteOutcomes.renewGeneration(database, sync: sync) }
        return .done(
            .of(members, bound: bound ?? nil, records: records, discarded: held ?? nil, changes: changes))
    }
}

import Foundation
import GRDB
package import RollcallCore

extension SQLiteWarehouse {
    package func noteStrays(
        _ run: SyncRun, _ changes: [Change], settleSeconds: Double
    ) async throws(WarehouseError) {
        guard let entries = run.entrySet, !changes.isEmpty else { return }
        try await write { database in
            let insert = try SQLitePrepared(
                database,
                """
                INSERT INTO rollcall_stray_requests (run_id, sequence, sync_name, list_id, kind, fingerprint, email,
                    user_id, operation, settles_at, record_key, item_id, content, values_held)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
                """)
            try insert.bind(1, .of(run.id))
            try insert.bind(3, .of(run.sync))
            try insert.bind(4, .of(entries.listID))
            try insert.bind(5, .text(run.kind.rawValue))
            try insert.bind(10, .of(try Self.now(database).addingTimeInterval(settleSeconds)))
            for change in changes {
                try insert.bind(2, .integer(change.sequence))
                try insert.bind(6, .of(change.fingerprint))
                try insert.bind(7, .of(change.identity.email))
                try insert.bind(8, .of(change.identity.userID))
                try insert.bind(9, .text(change.operation.rawValue))
                try insert.bind(11, .of(change.record?.key))
                try insert.bind(12, .of(change.record?.itemID))
                try insert.bind(13, .of(change.putContent))
                try insert.bind(14, change.held.map { .blob($0.ifInDoubt.bytes) } ?? .null)
                _ = try insert.step()
                insert.reset()
            }
        }
    }

    package func applyStrayNotes(_ lease: Lease) async throws(WarehouseError) -> Int {
        try await write(lease) { database in
            let notes = try Self.notes(database, lease.sync)
            if notes.isEmpty { return 0 }
            let entries = try Self.members(database, lease.sync) + Self.records(database, lease.sync)
            // An event that comes twice is the same event: of events there is nothing to put right.
            let changed = StrayNotes.apply(notes.filter { $0.entries != .records(.events) }, entries)
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
            SELECT run_id, list_id, fingerprint, email, user_id, operation, settles_at, kind, record_key, item_id, content,
                   values_held
              FROM rollcall_stray_requests WHERE sync_name = :sync
            """, ["sync": .of(sync)]
        ) { row in
            let list = row.integer(1).map(EntrySet.list)
            guard let run = row.text(0),
                let entries = list ?? row.text(7).flatMap(RecordKind.init).map(EntrySet.records),
                let operation = row.text(5).flatMap(Operation.init), let mayLandUntil = row.date(6)
            else { throw unreadable("rollcall_stray_requests") }
            return StrayNote(
                runID: run, entries: entries, fingerprint: try fingerprint(row, 2),
                identity: Identity(email: row.text(3), userID: row.text(4)),
                record: row.text(8).map {
                    RecordReference(key: $0, itemID: row.text(9), content: row.integer(10) ?? 0)
                },
                content: row.integer(10), operation: operation, mayLandUntil: mayLandUntil,
                held: row.isNull(11) ? nil : FieldBits(bytes: row.bytes(11)))
        }
    }

    /// The members of lists that have the fingerprint, the email or the userId of a note.
    private static func members(_ database: Database, _ sync: String) throws -> [NotedEntry] {
        func noted(_ column: String) -> String {
            "(list_id, \(column)) IN (SELECT n.list_id, n.\(column) FROM rollcall_stray_requests n WHERE n.sync_name = :sync)"
        }
        return try database.rows(
            """
            SELECT list_id, fingerprint, email, user_id, state, listed, content, values_held FROM rollcall_list_members
             WHERE sync_name = :sync AND (\(noted("fingerprint")) OR \(noted("email")) OR \(noted("user_id")))
            """, ["sync": .of(sync)]
        ) { row in
            var entry = NotedEntry(
                entries: .list(row.integer(0) ?? 0), fingerprint: try fingerprint(row, 1),
                identity: Identity(email: row.text(2), userID: row.text(3)), content: row.integer(6),
                mark: EntryMark(try state(row, 4, .list), listed: row.count(5) != 0))
            entry.held = FieldBits(bytes: row.bytes(7))
            return entry
        }
    }

    /// The records that have the fingerprint of a note.
    private static func records(_ database: Database, _ sync: String) throws -> [NotedEntry] {
        try database.rows(
            """
            SELECT kind, fingerprint, email, user_id, state, owned, record_key, item_id, content, values_held
              FROM rollcall_synced_records
             WHERE sync_name = :sync AND fingerprint IN (
                SELECT n.fingerprint FROM rollcall_stray_requests n WHERE n.sync_name = :sync AND n.list_id IS NULL)
            """, ["sync": .of(sync)]
        ) { row in
            guard let kind = row.text(0).flatMap(RecordKind.init) else { throw unreadable("rollcall_synced_records") }
            var entry = NotedEntry(
                entries: .records(kind), fingerprint: try fingerprint(row, 1),
                identity: Identity(email: row.text(2), userID: row.text(3)),
                record: RecordReference(key: row.text(6) ?? "", itemID: row.text(7), content: row.integer(8) ?? 0),
                mark: EntryMark(try state(row, 4, .records), listed: row.count(5) != 0))
            entry.held = FieldBits(bytes: row.bytes(9))
            return entry
        }
    }

    private static func write(_ database: Database, _ entry: NotedEntry, _ sync: String) throws {
        guard let mark = entry.mark else { return }
        let table = SQLiteEntryTable(entry.entries)
        let words = table.words
        let isRecord = words.areRecords
        var values: [String: SQLiteValue] = [
            "sync": .of(sync), "set": table.parameter, "fingerprint": .of(entry.fingerprint),
            "listed": .of(mark.listed),
            // What holds no value is as good as what is not known to hold one.
            "held": entry.held.isEmpty ? .null : .blob(entry.held.bytes),
        ]
        guard let run = entry.changedBy else {
            try database.change(
                """
                UPDATE \(table.name)
                   SET \(words.listed) = :listed, values_held = coalesce(:held, values_held)
                 WHERE \(SQLiteEntryTable.isOfSet(words)) AND fingerprint = :fingerprint
                """, values)
            return
        }
        values["state"] = .text(words.word(mark.state))
        values["run"] = .of(run)
        values["email"] = .of(entry.identity.email)
        values["user_id"] = .of(entry.identity.userID)
        if isRecord {
            values["record_key"] = .of(entry.record?.key)
            values["item_id"] = .of(entry.record?.itemID)
        }
        values["content"] = .of(entry.content)
        try database.change(
            """
            INSERT INTO \(table.name) (sync_name, \(SQLiteEntryTable.set(words)), fingerprint, email, user_id, state,
                \(words.listed), since_run_id, since, content, values_held\(isRecord ? ", record_key, item_id" : ""))
            VALUES (:sync, :set, :fingerprint, :email, :user_id, :state, :listed, :run, \(SQLiteTime.now)
                    , :content, :held\(isRecord ? ", :record_key, :item_id" : ""))
                ON CONFLICT (sync_name, \(SQLiteEntryTable.set(words)), fingerprint) DO UPDATE
               SET state = excluded.state, \(words.listed) = excluded.\(words.listed),
                   since_run_id = excluded.since_run_id, since = excluded.since,
                   values_held = coalesce(excluded.values_held, \(table.name).values_held)
            """, values)
    }

    private static let leaveInDoubt = """
        INSERT INTO rollcall_settling_requests (sync_name, list_id, email, user_id, operation, settles_at, fingerprint,
            content)
        SELECT sync_name, list_id, email, user_id, operation, settles_at, iif(list_id IS NULL, fingerprint, NULL), content
          FROM rollcall_stray_requests WHERE sync_name = :sync AND (settles_at > \(SQLiteTime.now) OR operation = 'rename')
        """
}

import Foundation
import GRDB
import GRDBSQLite
package import RollcallCore

extension SQLiteWarehouse {
    package func fingerprintKey(sync: String, newKey: [UInt8]?) async throws(WarehouseError) -> [UInt8]? {
        let present = try await read(nil) { try Self.fingerprintKey($0, sync: sync) }
        guard present == nil, let newKey else { return present }
        guard newKey.count == 16 else {
            throw WarehouseError(.other, "A fingerprint key has 16 bytes, not \(newKey.count).")
        }
        return try await write { database in
            try database.change(
                """
                INSERT INTO rollcall_sync_state (sync_name, fingerprint_key) VALUES (:sync, :key)
                    ON CONFLICT (sync_name) DO UPDATE
                   SET fingerprint_key = coalesce(fingerprint_key, excluded.fingerprint_key)
                """, ["sync": .of(sync), "key": .blob(newKey)])
            return try Self.fingerprintKey(database, sync: sync)
        }
    }

    static func fingerprintKey(_ database: Database, sync: String) throws -> [UInt8]? {
        let key = try database.firstRow(
            "SELECT fingerprint_key FROM rollcall_sync_state WHERE sync_name = :sync", ["sync": .of(sync)]
        ) { $0.isNull(0) ? nil : Array($0.bytes(0)) }
        return key ?? nil
    }

    package func snapshotGeneration(sync: String) async throws(WarehouseError) -> Int64? {
        try await read(nil) { database in
            let generation = try database.firstRow(
                "SELECT generation FROM rollcall_sync_state WHERE sync_name = :sync", ["sync": .of(sync)]
            ) { $0.integer(0) }
            return generation.flatMap { $0 == 0 ? nil : $0 }
        }
    }

    package func readSnapshot(
        sync: String, of entries: EntrySet, parts: Int,
        _ body: @escaping @Sendable (_ part: Int, Fingerprint, MemberState, _ listed: Bool) throws -> Void
    ) async throws {
        let table = SQLiteEntryTable(entries)
        try await readEntries(sync, table, []) { fingerprint, state, listed, _ in
            try body(0, fingerprint, state, listed)
        }
    }

    package func readContents(
        sync: String, of entries: EntrySet, _ body: @escaping @Sendable (KnownContent) throws -> Void
    ) async throws {
        let table = SQLiteEntryTable(entries)
        // Tables which no run has upgraded yet have no fields of members.
        var isKnown = table.words.areRecords
        if !isKnown { isKnown = try await hasMemberFields() }
        let contents = isKnown ? ["content", "values_held"] : ["0", "NULL"]
        try await readEntries(sync, table, contents) { fingerprint, state, listed, row in
            try body(
                KnownContent(
                    fingerprint: fingerprint, state: state, listed: listed, content: row.integer(3), held: row.blob(4)))
        }
    }

    private func hasMemberFields() async throws -> Bool {
        try await read(false) { try SQLiteMigrations.version($0) ?? 0 >= 10 }
    }

    /// - Parameter further: columns that `body` finds from the fourth on.
    private func readEntries(
        _ sync: String, _ table: SQLiteEntryTable, _ further: [String],
        _ body: @escaping @Sendable (Fingerprint, MemberState, _ listed: Bool, SQLiteRow) throws -> Void
    ) async throws {
        let words = table.words
        try await streams.run { database, _ in
            guard try SQLiteMigrations.hasTable(table.name, database) else { return }
            // Nearly all are subscribed: no text is made for them.
            let columns =
                ["fingerprint", "iif(state = '\(words.word(.subscribed))', NULL, state)", words.listed] + further
            try SQLiteRows.read(database, columns: columns.count) {
                let statement = try SQLitePrepared(
                    database,
                    "SELECT \(SQLiteRows.call(columns)) FROM \(table.name) WHERE \(SQLiteEntryTable.isOfSet(words))")
                try statement.bind(["sync": .of(sync), "set": table.parameter])
                return statement
            } _: { row in
                let word = row.type(1) == SQLITE_NULL ? nil : String(decoding: row.text(1), as: UTF8.self)
                guard let fingerprint = Fingerprint(bytes: row.blob(0)),
                    let state = word.map(words.state) ?? .subscribed
                else { throw Self.unreadable(table.name) }
                try body(fingerprint, state, row.integer(2) != 0, row)
            }
        }
    }

    package func members(
        sync: String, of entries: EntrySet, fingerprints: [Fingerprint]
    ) async throws(WarehouseError) -> [Member] {
        guard fingerprints.count <= 10_000 else {
            throw WarehouseError(.other, "At most 10,000 members can be looked up at once.")
        }
        let table = SQLiteEntryTable(entries)
        return try await read([]) { database in
            guard try SQLiteMigrations.hasTable(table.name, database) else { return [] }
            let condition = "sync_name = ? AND \(SQLiteEntryTable.set(table.words)) = ? AND fingerprint = ?"
            let statement = try SQLitePrepared(database, Self.select(table, condition), isCached: true)
            try statement.bind(1, .of(sync))
            try statement.bind(2, table.parameter)
            return try Set(fingerprints).compactMap { fingerprint in
                defer { statement.reset() }
                try statement.bind(3, .of(fingerprint))
                return try statement.step() ? try Self.readEntry(statement, table.words).member : nil
            }
        }
    }

    private static func orByKey(_ words: EntryWords) -> String {
        words == .records ? " OR record_key = :user OR item_id = :user" : ""
    }

    package func members(
        sync: String, of entries: EntrySet, knownAs identity: Identity
    ) async throws(WarehouseError) -> [MemberEntry] {
        let table = SQLiteEntryTable(entries)
        return try await read([]) { database in
            guard try SQLiteMigrations.hasTable(table.name, database) else { return [] }
            return try database.rows(
                Self.select(
                    table,
                    "\(SQLiteEntryTable.isOfSet(table.words)) AND (email = :email OR user_id = :user\(Self.orByKey(table.words)))"
                ),
                [
                    "sync": .of(sync), "set": table.parameter, "email": .of(identity.email),
                    "user": .of(identity.userID),
                ]
            ) { try Self.readEntry($0, table.words) }
        }
    }

    package func owners(
        sync: String, of kind: RecordKind, identities: [Identity]
    ) async throws(WarehouseError) -> [Member] {
        let table = SQLiteEntryTable(.records(kind))
        return try await read([]) { database in
            guard try SQLiteMigrations.hasTable(table.name, database) else { return [] }
            var owners: [Fingerprint: Member] = [:]
            // Each along its index: for both at once SQLite reads all records of the sync.
            let names = [("email", identities.compactMap(\.email)), ("user_id", identities.compactMap(\.userID))]
            for (column, names) in names where !names.isEmpty {
                let condition =
                    "sync_name = ? AND \(SQLiteEntryTable.set(table.words)) = ? AND \(column) = ? AND \(table.words.listed) = 1"
                let statement = try SQLitePrepared(database, Self.select(table, condition), isCached: true)
                try statement.bind(1, .of(sync))
                try statement.bind(2, table.parameter)
                for name in names {
                    defer { statement.reset() }
                    try statement.bind(3, .of(name))
                    while try statement.step() {
                        let member = try Self.readEntry(statement, table.words).member
                        owners[member.fingerprint] = member
                    }
                }
            }
            return Array(owners.values)
        }
    }

    package func memberCounts(
        sync: String, of entries: EntrySet
    ) async throws(WarehouseError) -> [MemberState: Int] {
        let table = SQLiteEntryTable(entries)
        return try await read([:]) { database in
            guard try SQLiteMigrations.hasTable(table.name, database) else { return [:] }
            let counts = try database.rows(
                """
                SELECT state, count(*) FROM \(table.name) WHERE \(SQLiteEntryTable.isOfSet(table.words)) GROUP BY state
                """, ["sync": .of(sync), "set": table.parameter]
            ) { (try Self.state($0, 0, table.words), $0.count(1)) }
            return Dictionary(counts) { $0 + $1 }
        }
    }

    package func requestsInDoubt(
        sync: String, of entries: EntrySet
    ) async throws(WarehouseError) -> [RequestInDoubt] {
        let list = entries.listID
        return try await read([]) { database in
            // Tables which no run has upgraded yet know lists alone.
            let isOld = try SQLiteMigrations.version(database) ?? 0 < 6
            if list == nil, isOld { return [] }
            let contents = isOld ? "" : ", fingerprint, content"
            return try database.rows(
                """
                SELECT email, user_id, operation, settles_at\(contents) FROM rollcall_settling_requests
                 WHERE sync_name = :sync AND list_id IS :list
                   AND (settles_at >= \(SQLiteTime.now) OR operation = 'rename') ORDER BY settles_at
                """, ["sync": .of(sync), "list": .of(list)]
            ) { row in
                guard let operation = row.text(2).flatMap(Operation.init), let mayLandUntil = row.date(3) else {
                    throw Self.unreadable("rollcall_settling_requests")
                }
                return RequestInDoubt(
                    identity: Identity(email: row.text(0), userID: row.text(1)), operation: operation,
                    mayLandUntil: mayLandUntil,
                    fingerprint: list == nil ? Fingerprint(bytes: row.bytes(4)) : nil,
                    content: isOld ? nil : row.integer(5))
            }
        }
    }

    // MARK: Rows

    static func select(_ table: SQLiteEntryTable, _ condition: String) -> String {
        """
        SELECT fingerprint, email, user_id, state, \(table.words.listed), since_run_id, since, error_code, error_reason,
               http_status\(table.words == .records ? ", record_key, item_id, content" : "")
          FROM \(table.name) WHERE \(condition)
        """
    }

    static func readEntry(_ row: SQLitePrepared, _ words: EntryWords) throws -> MemberEntry {
        let rejection = row.text(7).map {
            FailureReason(code: $0, reason: row.text(8) ?? "", httpStatus: row.integer(9).map(Int.init))
        }
        let member = Member(
            fingerprint: try fingerprint(row, 0), identity: Identity(email: row.text(1), userID: row.text(2)),
            state: try state(row, 3, words), listed: row.count(4) != 0, rejection: rejection,
            record: words == .records
                ? RecordReference(key: row.text(10) ?? "", itemID: row.text(11), content: row.integer(12) ?? 0) : nil)
        guard let since = row.date(6) else { throw unreadable(SQLiteEntryTable.name(words)) }
        return MemberEntry(member: member, sinceRunID: row.text(5) ?? "", since: since)
    }

    static func fingerprint(_ row: SQLitePrepared, _ column: Int32) throws -> Fingerprint {
        guard let fingerprint = Fingerprint(bytes: row.bytes(column)) else { throw unreadable("rollcall_list_members") }
        return fingerprint
    }

    static func state(_ row: SQLitePrepared, _ column: Int32, _ words: EntryWords) throws -> MemberState {
        guard let state = row.text(column).flatMap(words.state) else { throw unreadable(SQLiteEntryTable.name(words)) }
        return state
    }

    static func unreadable(_ table: String) -> WarehouseError {
        WarehouseError(.other, "A row of \(table) cannot be read; it was changed by hand.")
    }
}

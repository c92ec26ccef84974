import Foundation
import GRDB
import GRDBSQLite
public import RollcallCore

extension SQLiteWarehouse {
    public func fingerprintKey(sync: String, newKey: [UInt8]?) async throws(WarehouseError) -> [UInt8]? {
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

    private static func fingerprintKey(_ database: Database, sync: String) throws -> [UInt8]? {
        let key = try database.firstRow(
            "SELECT fingerprint_key FROM rollcall_sync_state WHERE sync_name = :sync", ["sync": .of(sync)]
        ) { $0.isNull(0) ? nil : Array($0.bytes(0)) }
        return key ?? nil
    }

    public func snapshotGeneration(sync: String) async throws(WarehouseError) -> Int64? {
        try await read(nil) { database in
            let generation = try database.firstRow(
                "SELECT generation FROM rollcall_sync_state WHERE sync_name = :sync", ["sync": .of(sync)]
            ) { $0.integer(0) }
            return generation.flatMap { $0 == 0 ? nil : $0 }
        }
    }

    public func readSnapshot(
        sync: String, list: Int64, parts: Int,
        _ body: @escaping @Sendable (_ part: Int, Fingerprint, MemberState, _ listed: Bool) throws -> Void
    ) async throws {
        try await streams.run { database, _ in
            guard try SQLiteMigrations.version(database) != nil else { return }
            // Nearly all are subscribed: no text is made for them.
            let columns = ["fingerprint", "iif(state = 'subscribed', NULL, state)", "listed"]
            try SQLiteRows.read(database, columns: columns.count) {
                let statement = try SQLitePrepared(
                    database,
                    "SELECT \(SQLiteRows.call(columns)) FROM rollcall_list_members WHERE sync_name = :sync AND list_id = :list"
                )
                try statement.bind(["sync": .of(sync), "list": .of(list)])
                return statement
            } _: { row in
                let word = row.type(1) == SQLITE_NULL ? nil : String(decoding: row.text(1), as: UTF8.self)
                guard let fingerprint = Fingerprint(bytes: row.blob(0)),
                    let state = word.map(MemberState.init(rawValue:)) ?? .subscribed
                else { throw Self.unreadable("rollcall_list_members") }
                try body(0, fingerprint, state, row.integer(2) != 0)
            }
        }
    }

    public func members(
        sync: String, list: Int64, fingerprints: [Fingerprint]
    ) async throws(WarehouseError) -> [Member] {
        guard fingerprints.count <= 10_000 else {
            throw WarehouseError(.other, "At most 10,000 members can be looked up at once.")
        }
        return try await read([]) { database in
            let statement = try SQLitePrepared(
                database, Self.selectMember("sync_name = ? AND list_id = ? AND fingerprint = ?"))
            try statement.bind(1, .of(sync))
            try statement.bind(2, .of(list))
            return try Set(fingerprints).compactMap { fingerprint in
                defer { statement.reset() }
                try statement.bind(3, .of(fingerprint))
                return try statement.step() ? try Self.readMember(statement).member : nil
            }
        }
    }

    public func members(
        sync: String, list: Int64, knownAs identity: Identity
    ) async throws(WarehouseError) -> [MemberEntry] {
        try await read([]) { database in
            try database.rows(
                Self.selectMember("sync_name = :sync AND list_id = :list AND (email = :email OR user_id = :user)"),
                [
                    "sync": .of(sync), "list": .of(list), "email": .of(identity.email),
                    "user": .of(identity.userID),
                ], Self.readMember)
        }
    }

    public func memberCounts(sync: String, list: Int64) async throws(WarehouseError) -> [MemberState: Int] {
        try await read([:]) { database in
            let counts = try database.rows(
                """
                SELECT state, count(*) FROM rollcall_list_members WHERE sync_name = :sync AND list_id = :list
                 GROUP BY state
                """, ["sync": .of(sync), "list": .of(list)]
            ) { (try Self.state($0, 0), $0.count(1)) }
            return Dictionary(counts) { $0 + $1 }
        }
    }

    public func requestsInDoubt(sync: String, list: Int64) async throws(WarehouseError) -> [RequestInDoubt] {
        try await read([]) { database in
            try database.rows(
                """
                SELECT email, user_id, operation, settles_at FROM rollcall_settling_requests
                 WHERE sync_name = :sync AND list_id = :list AND settles_at >= \(SQLiteTime.now) ORDER BY settles_at
                """, ["sync": .of(sync), "list": .of(list)]
            ) { row in
                guard let operation = row.text(2).flatMap(Operation.init), let mayLandUntil = row.date(3) else {
                    throw Self.unreadable("rollcall_settling_requests")
                }
                return RequestInDoubt(
                    identity: Identity(email: row.text(0), userID: row.text(1)), operation: operation,
                    mayLandUntil: mayLandUntil)
            }
        }
    }

    // MARK: Rows

    private static func selectMember(_ condition: String) -> String {
        """
        SELECT fingerprint, email, user_id, state, listed, since_run_id, since, error_code, error_reason, http_status
          FROM rollcall_list_members WHERE \(condition)
        """
    }

    private static func readMember(_ row: SQLitePrepared) throws -> MemberEntry {
        let rejection = row.text(7).map {
            FailureReason(code: $0, reason: row.text(8) ?? "", httpStatus: row.integer(9).map(Int.init))
        }
        let member = Member(
            fingerprint: try fingerprint(row, 0), identity: Identity(email: row.text(1), userID: row.text(2)),
            state: try state(row, 3), listed: row.count(4) != 0, rejection: rejection)
        guard let since = row.date(6) else { throw unreadable("rollcall_list_members") }
        return MemberEntry(member: member, sinceRunID: row.text(5) ?? "", since: since)
    }

    static func fingerprint(_ row: SQLitePrepared, _ column: Int32) throws -> Fingerprint {
        guard let fingerprint = Fingerprint(bytes: row.bytes(column)) else { throw unreadable("rollcall_list_members") }
        return fingerprint
    }

    static func state(_ row: SQLitePrepared, _ column: Int32) throws -> MemberState {
        guard let state = row.text(column).flatMap(MemberState.init) else { throw unreadable("rollcall_list_members") }
        return state
    }

    static func unreadable(_ table: String) -> WarehouseError {
        WarehouseError(.other, "A row of \(table) cannot be read; it was changed by hand.")
    }
}

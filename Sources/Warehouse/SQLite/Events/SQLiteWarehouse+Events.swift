package import Foundation
import GRDB
import GRDBSQLite
package import RollcallCore

extension SQLiteWarehouse {
    /// Tables that no run has upgraded yet may have no events.
    private func ofEvents<T: Sendable>(
        _ none: T, _ body: @escaping @Sendable (Database, SQLiteEvents) throws -> T
    ) async throws(WarehouseError) -> T {
        try await read(none) { database in
            guard let events = try SQLiteEvents(database) else { return none }
            return try body(database, events)
        }
    }

    package func eventCursor(sync: String) async throws(WarehouseError) -> EventCursor? {
        try await ofEvents(nil) { database, _ in try SQLiteCursors.cursor(database, sync) }
    }

    package func eventsBegunAt(sync: String) async throws(WarehouseError) -> Date? {
        try await ofEvents(nil) { database, _ in try SQLiteCursors.begunAt(database, sync) }
    }

    package func readEvents(
        sync: String, from position: Int64?, _ body: @escaping @Sendable (KnownEvent) throws -> Void
    ) async throws {
        try await streams.run { database, _ in
            guard let events = try SQLiteEvents(database) else { return }
            try SQLiteRows.read(database, columns: 4) {
                let statement = try SQLitePrepared(database, events.reading(from: position))
                try statement.bind(["sync": .of(sync), "from": .of(position)])
                return statement
            } _: { row in
                let word = row.type(3) == SQLITE_NULL ? nil : String(decoding: row.text(3), as: UTF8.self)
                guard let key = Fingerprint(bytes: row.blob(0)), let state = word.map(EventState.init) ?? .sent else {
                    throw Self.unreadable(events.table)
                }
                let content = row.type(1) == SQLITE_NULL ? nil : row.integer(1)
                let position = row.type(2) == SQLITE_NULL ? nil : row.integer(2)
                try body(KnownEvent(key: key, state: state, content: content, position: position))
            }
        }
    }

    package func knownEvents(sync: String, keys: [Fingerprint]) async throws(WarehouseError) -> [KnownEvent] {
        try Self.proveFew(keys.count)
        return try await ofEvents([]) { database, events in
            let statement = try SQLitePrepared(database, events.byKey, isCached: true)
            try statement.bind(1, .of(sync))
            return try Set(keys).compactMap { key in
                defer { statement.reset() }
                try statement.bind(2, .of(key))
                return try statement.step() ? SQLiteEvents.knownEvent(statement, key) : nil
            }
        }
    }

    private static func proveFew(_ count: Int) throws(WarehouseError) {
        guard count > 10_000 else { return }
        throw WarehouseError(.other, "At most 10,000 events can be looked up at once.")
    }

    package func events(
        sync: String, in states: Set<EventState>, after key: Fingerprint?, limit: Int
    ) async throws(WarehouseError) -> [StoredEvent] {
        try await ofEvents([]) { database, events in
            if states.isEmpty { return [] }
            return try database.rows(
                events.page(states, isFirst: key == nil),
                ["sync": .of(sync), "key": key.map { SQLiteValue.of($0) } ?? .null, "limit": .of(max(0, limit))],
                SQLiteEvents.read)
        }
    }

    package func events(sync: String, ids: [String]) async throws(WarehouseError) -> [StoredEvent] {
        try Self.proveFew(ids.count)
        return try await ofEvents([]) { database, events in
            let statement = try SQLitePrepared(database, events.byID, isCached: true)
            try statement.bind(1, .of(sync))
            var found: [StoredEvent] = []
            for id in Set(ids) {
                try statement.bind(2, .of(id))
                while try statement.step() { found.append(try SQLiteEvents.read(statement)) }
                statement.reset()
            }
            return found
        }
    }

    package func events(
        sync: String, knownAs text: String, key: Fingerprint, limit: Int
    ) async throws(WarehouseError) -> [StoredEvent] {
        try await ofEvents([]) { database, events in
            try database.rows(
                events.known,
                ["sync": .of(sync), "key": .of(key), "text": .of(text), "limit": .of(max(0, limit))],
                SQLiteEvents.read)
        }
    }

    package func eventCounts(sync: String) async throws(WarehouseError) -> [EventState: Int] {
        try await ofEvents([:]) { database, events in
            let counts = try database.rows(
                "SELECT state, count(*) FROM \(events.table) WHERE sync_name = :sync GROUP BY state",
                ["sync": .of(sync)]
            ) { (state: $0.text(0).flatMap(EventState.init), count: $0.count(1)) }
            var known: [EventState: Int] = [:]
            for line in counts { if let state = line.state { known[state] = line.count } }
            return known
        }
    }

    package func areAcknowledged(
        sync: String, _ people: [Identity], before time: Date
    ) async throws(WarehouseError) -> [Bool] {
        let none = people.map { _ in false }
        return try await read(none) { database in
            guard try SQLiteMigrations.hasTable("rollcall_synced_records", database) else { return none }
            let statement = try SQLitePrepared(database, SQLiteEvents.acknowledged, isCached: true)
            return try people.map { person in
                defer { statement.reset() }
                try statement.bind(
                    ["sync": .of(sync), "time": .of(time), "email": .of(person.email), "user": .of(person.userID)])
                return try statement.step() && statement.count(0) != 0
            }
        }
    }

    package func mapping(sync: String) async throws(WarehouseError) -> String? {
        try await ofEvents(nil) { database, _ in
            try database.firstRow(
                "SELECT mapping_hash FROM rollcall_sync_state WHERE sync_name = :sync", ["sync": .of(sync)]
            ) { $0.text(0) } ?? nil
        }
    }

    package func saveMapping(_ lease: Lease, _ scheme: String) async throws(WarehouseError) {
        try await write(lease) { database in
            try database.change(
                """
                INSERT INTO rollcall_sync_state (sync_name, mapping_hash) VALUES (:sync, :scheme)
                    ON CONFLICT (sync_name) DO UPDATE SET mapping_hash = excluded.mapping_hash
                """, ["sync": .of(lease.sync), "scheme": .of(scheme)])
            return
        }
    }
}

/// Rows of events that syncs have seen.
struct SQLiteEvents {
    private static let table = "rollcall_seen_events"
    /// In tables which no run has upgraded yet it has the name that a view has from version 15 on.
    let table: String
    /// What the names of the indexes begin with.
    private static let index = "rollcall_synced_events"

    /// Nil where the tables are of a version that keeps no events.
    init?(version: Int) {
        if version < 8 { return nil }
        table = version < 15 ? "rollcall_synced_events" : Self.table
    }

    init?(_ database: Database) throws { self.init(version: try SQLiteMigrations.version(database) ?? 0) }

    // MARK: Keys

    /// What a plan reads, from `:from` on, in parts that each go along an index; nil: everything.
    func reading(from position: Int64?) -> String {
        // Nearly all were sent: no text is made for them.
        let columns = ["event_key", "content", "position", "iif(state = '\(EventState.sent.rawValue)', NULL, state)"]
        let ofSync = "WHERE sync_name = :sync"
        guard position != nil else { return "SELECT \(SQLiteRows.call(columns)) FROM \(table) \(ofSync)" }
        let parts = [
            "INDEXED BY \(Self.index)_by_position \(ofSync) AND position >= :from",
            "INDEXED BY \(Self.index)_by_position \(ofSync) AND position IS NULL",
            "\(Self.unsent) AND state IN \(EventWords.list(\.isUnfinished)) AND position < :from",
        ]
        let events = parts.map { "SELECT event_key, content, position, state FROM \(table) \($0)" }
        return "SELECT \(SQLiteRows.call(columns)) FROM (\(events.joined(separator: " UNION ALL ")))"
    }

    /// The few rows whose events are not sent. SQLite takes an index with a condition only for that very condition.
    private static let unsent =
        "INDEXED BY \(Self.index)_unsent WHERE sync_name = :sync AND state IN \(EventWords.list(\.isWhole))"

    // MARK: Rows

    /// In the order in which ``read(_:)`` takes them.
    private static let columns = """
        event_key, state, event_id, content, position, run_id, at, record_key, email, user_id, event_name, payload, happened, first_seen,
        error_code, error_reason, http_status
        """

    var byKey: String { "SELECT state, content, position FROM \(table) WHERE sync_name = ? AND event_key = ?" }

    /// What is known of the event, from a row of ``byKey``.
    static func knownEvent(_ row: SQLitePrepared, _ key: Fingerprint) throws -> KnownEvent {
        guard let state = row.text(0).flatMap(EventState.init) else { throw SQLiteWarehouse.unreadable(table) }
        return KnownEvent(key: key, state: state, content: row.integer(1), position: row.integer(2))
    }

    var byID: String {
        "SELECT \(Self.columns) FROM \(table) INDEXED BY \(Self.index)_by_id WHERE sync_name = ? AND event_id = ?"
    }

    var known: String {
        """
        SELECT \(Self.columns) FROM \(table)
         WHERE sync_name = :sync AND event_key IN (
               SELECT :key
               UNION SELECT event_key FROM \(table) INDEXED BY \(Self.index)_by_id WHERE sync_name = :sync AND event_id = :text
               UNION SELECT event_key FROM \(table) \(Self.unsent) AND (email = :text OR user_id = :text OR record_key = :text))
         ORDER BY at DESC, event_key LIMIT :limit
        """
    }

    /// Each state along its index, so that no row is read that is not given.
    func page(_ states: Set<EventState>, isFirst: Bool) -> String {
        let parts = EventState.allCases.filter(states.contains).map { state in
            """
            SELECT * FROM (
                SELECT \(Self.columns) FROM \(table) \(state.isWhole ? Self.unsent : "WHERE sync_name = :sync")
                   AND state = '\(state.rawValue)'\(isFirst ? "" : " AND event_key > :key") ORDER BY event_key LIMIT :limit)
            """
        }
        return "\(parts.joined(separator: " UNION ALL ")) ORDER BY event_key LIMIT :limit"
    }

    /// Each person is looked up along the indexes of identifiers.
    static let acknowledged = "SELECT \(isKnown("email", ":email")) OR \(isKnown("user_id", ":user"))"

    private static func isKnown(_ column: String, _ name: String) -> String {
        """
        EXISTS (SELECT 1 FROM rollcall_synced_records
                 WHERE sync_name = :sync AND kind = '\(RecordKind.users.rawValue)' AND \(column) = \(name)
                   AND state = '\(EntryWords.records.word(.subscribed))' AND since <= :time)
        """
    }

    static func read(_ row: SQLitePrepared) throws -> StoredEvent {
        guard let key = Fingerprint(bytes: row.bytes(0)), let state = row.text(1).flatMap(EventState.init),
            let at = row.date(6)
        else { throw SQLiteWarehouse.unreadable(table) }
        var stored = StoredEvent(
            key: key, state: state, id: row.text(2), event: nil, position: row.integer(4), content: row.integer(3),
            runID: row.text(5) ?? "", at: at)
        stored.reason = row.text(14).map {
            FailureReason(code: $0, reason: row.text(15) ?? "", httpStatus: row.integer(16).map(Int.init))
        }
        guard state.isWhole else { return stored }
        stored.recordKey = row.text(7)
        stored.identity = Identity(email: row.text(8), userID: row.text(9))
        stored.payload = row.isNull(11) ? nil : Array(row.bytes(11))
        stored.event = EventReference(
            id: stored.id ?? "", name: row.text(10) ?? "", order: row.integer(12) ?? 0, position: stored.position,
            firstSeen: row.date(13) ?? at, isWaiting: state == .waiting)
        return stored
    }
}

package import Foundation
package import RollcallCore

extension PostgresWarehouse {
    package func eventCursor(sync: String) async throws(WarehouseError) -> EventCursor? {
        try await read(orWithoutTables: nil) { try PostgresCursors.cursor(sync, $0) }
    }

    package func eventsBegunAt(sync: String) async throws(WarehouseError) -> Date? {
        try await read(orWithoutTables: nil) { try PostgresCursors.begunAt(sync, $0) }
    }

    package func readEvents(
        sync: String, from position: Int64?, _ body: @escaping @Sendable (KnownEvent) throws -> Void
    ) async throws {
        let tables = tables
        let reading = reading(parts: 1) { tables.begin(.readOnly, $0, isLong: true) }
        try await streaming { session, cancellation in
            let table = try session.transaction(tables.begin(.readOnly, isLong: true)) { try $0.eventTable() }
            guard let table else { return try tables.requireUsage(session) }
            let events = PostgresEventReading(
                sync: sync, position: position, table: "\(tables.quotedSchema).\(table)")
            try events.read(reading(session, cancellation), body)
        }
    }

    package func knownEvents(sync: String, keys: [Fingerprint]) async throws(WarehouseError) -> [KnownEvent] {
        if keys.isEmpty { return [] }
        let wanted = PostgresText.array(Set(keys).map { PostgresText.uuid($0) as String? })
        return try await lookedUp(keys.count > 1000 ? .long : .state) { session, events in
            let result = try session.query(events.byKey, [sync, wanted], binary: true)
            return try (0..<result.rowCount).map { try PostgresEvents.knownEvent(result, $0) }
        }
    }

    package func events(
        sync: String, in states: Set<EventState>, after key: Fingerprint?, limit: Int
    ) async throws(WarehouseError) -> [StoredEvent] {
        try await lookedUp { session, events in
            try events.page(sync, states, after: key.map(PostgresText.uuid), limit: max(0, limit), session)
        }
    }

    package func events(sync: String, ids: [String]) async throws(WarehouseError) -> [StoredEvent] {
        try await lookedUp { session, events in
            try PostgresEvents.all(events.byID, [sync, session.array(Array(Set(ids)))], session)
        }
    }

    package func events(
        sync: String, knownAs text: String, key: Fingerprint, limit: Int
    ) async throws(WarehouseError) -> [StoredEvent] {
        try await lookedUp { session, events in
            try PostgresEvents.all(
                events.known, [sync, PostgresText.uuid(key), text, String(max(0, limit))], session)
        }
    }

    private func lookedUp<Row: Sendable>(
        _ use: Use = .long, _ body: @escaping @Sendable (PostgresSession, PostgresEvents) throws -> [Row]
    ) async throws(WarehouseError) -> [Row] {
        try await read(use, orWithoutTables: [], settings: Self.alongIndexes) { [tables] session in
            guard let table = try session.eventTable() else {
                try tables.requireUsage(session)
                return []
            }
            return try body(session, PostgresEvents(table: table))
        }
    }

    /// Few rows of many are looked for, whatever the server thinks of a table that fills within a run.
    private static let alongIndexes =
        "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off"

    package func eventCounts(sync: String) async throws(WarehouseError) -> [EventState: Int] {
        try await read(.long, orWithoutTables: [:]) { [tables] session in
            guard let table = try session.eventTable() else {
                try tables.requireUsage(session)
                return [:]
            }
            let result = try session.query(
                "SELECT state, count(*) FROM \(table) WHERE sync_name = $1 GROUP BY state", [sync])
            var counts: [EventState: Int] = [:]
            for row in 0..<result.rowCount {
                if let state = result.text(row, 0).flatMap(EventState.init) { counts[state] = result.count(row, 1) }
            }
            return counts
        }
    }

    package func areAcknowledged(
        sync: String, _ people: [Identity], before time: Date
    ) async throws(WarehouseError) -> [Bool] {
        let none = people.map { _ in false }
        if people.isEmpty { return none }
        return try await read(.long, orWithoutTables: none, settings: Self.alongIndexes) { session in
            let result = try session.query(
                PostgresEvents.acknowledged,
                [
                    sync, String(PostgresText.milliseconds(time)), try session.array(people.map(\.email)),
                    try session.array(people.map(\.userID)),
                ])
            return (0..<result.rowCount).map { result.boolean($0, 0) }
        }
    }

    package func mapping(sync: String) async throws(WarehouseError) -> String? {
        try await read(orWithoutTables: nil) { session in
            // Tables which no run has upgraded yet lack the column.
            try session.query("SELECT to_jsonb(s) ->> 'mapping_hash' FROM sync_state s WHERE sync_name = $1", [sync])
                .text(0, 0).map(session.original)
        }
    }

    package func saveMapping(_ lease: Lease, _ scheme: String) async throws(WarehouseError) {
        _ = try await leased(lease) { session in
            try session.modify(
                """
                INSERT INTO sync_state (sync_name, mapping_hash) VALUES ($1, $2)
                ON CONFLICT (sync_name) DO UPDATE SET mapping_hash = excluded.mapping_hash
                """, [lease.sync, scheme])
        }
    }
}

/// Rows of events that syncs have seen.
struct PostgresEvents {
    let table: String

    /// In the order in which ``event(_:_:_:)`` takes them.
    private static let columns = """
        event_key, state, event_id, content, position, run_id::text, \(PostgresRunRow.milliseconds("at")), record_key, email, user_id,
        event_name, payload, happened, \(PostgresRunRow.milliseconds("first_seen")), error_code, error_reason, http_status::bigint
        """

    /// `OFFSET` keeps the server from joining the subquery, for which it would read all events.
    var byKey: String {
        """
        SELECT m.* FROM unnest($2::uuid[]) AS wanted CROSS JOIN LATERAL (
            SELECT event_key, state, content, position FROM \(table)
             WHERE sync_name = $1 AND event_key = wanted OFFSET 0) AS m
        """
    }

    /// As ``byKey``.
    var byID: String {
        """
        SELECT m.* FROM unnest($2::text[]) AS wanted CROSS JOIN LATERAL (
            SELECT \(Self.columns) FROM \(table) WHERE sync_name = $1 AND event_id = wanted OFFSET 0) AS m
        """
    }

    var known: String {
        """
        SELECT \(Self.columns) FROM \(table)
         WHERE sync_name = $1 AND event_key IN (
               SELECT $2::uuid
               UNION SELECT event_key FROM \(table) WHERE sync_name = $1 AND event_id = $3
               UNION SELECT event_key FROM \(table)
                WHERE sync_name = $1 AND state IN \(EventWords.list(\.isWhole))
                  AND (email = $3 COLLATE "C" OR user_id = $3 COLLATE "C" OR record_key = $3 COLLATE "C"))
         ORDER BY at DESC, event_key LIMIT $4::bigint
        """
    }

    /// Each person is looked up along the indexes of identifiers, in scalar subqueries.
    static let acknowledged = """
        SELECT COALESCE(\(isKnown("email")), false) OR COALESCE(\(isKnown("user_id")), false)
          FROM unnest($3::text[], $4::text[]) WITH ORDINALITY AS p (email, user_id, place) ORDER BY p.place
        """

    private static func isKnown(_ column: String) -> String {
        """
        (SELECT true FROM synced_records m
          WHERE m.sync_name = $1 AND m.kind = '\(RecordKind.users.rawValue)' AND m.\(column) = p.\(column)
            AND m.state = '\(EntryWords.records.word(.subscribed))' AND m.since <= \(PostgresRunRow.timestamp("$2")) LIMIT 1)
        """
    }

    /// Each state along its index, so that no row is read that is not given.
    func page(
        _ sync: String, _ states: Set<EventState>, after key: String?, limit: Int, _ session: PostgresSession
    ) throws -> [StoredEvent] {
        if states.isEmpty { return [] }
        let behind = key.map { _ in " AND event_key > $3::uuid" } ?? ""
        let parts = EventState.allCases.filter(states.contains).map { state in
            """
            (SELECT * FROM \(table) WHERE sync_name = $1 AND state = '\(state.rawValue)'\(behind)
              ORDER BY event_key LIMIT $2::bigint)
            """
        }
        var parameters: [String?] = [sync, String(limit)]
        if let key { parameters.append(key) }
        let found = parts.joined(separator: " UNION ALL ")
        return try Self.all(
            "SELECT \(Self.columns) FROM (\(found)) AS e ORDER BY event_key LIMIT $2::bigint", parameters, session)
    }

    static func all(_ sql: String, _ parameters: [String?], _ session: PostgresSession) throws -> [StoredEvent] {
        let result = try session.query(sql, parameters, binary: true)
        return try (0..<result.rowCount).map { try event(result, $0, session) }
    }

    /// What is known of an event, from a row of a binary result of ``byKey``.
    static func knownEvent(_ result: borrowing PostgresResult, _ row: Int) throws -> KnownEvent {
        guard let key = result.fingerprint(row, 0), let state = result.text(row, 1).flatMap(EventState.init) else {
            throw unreadable
        }
        return KnownEvent(
            key: key, state: state, content: result.binaryInteger(row, 2), position: result.binaryInteger(row, 3))
    }

    private static let unreadable = WarehouseError(
        .other, "A row of seen_events cannot be read; it was changed by hand.")

    /// An event from a row of a binary result.
    private static func event(
        _ result: borrowing PostgresResult, _ row: Int, _ session: PostgresSession
    ) throws -> StoredEvent {
        guard let key = result.fingerprint(row, 0), let state = result.text(row, 1).flatMap(EventState.init),
            let at = date(result, row, 6)
        else { throw unreadable }
        var stored = StoredEvent(
            key: key, state: state, id: result.text(row, 2), event: nil, position: result.binaryInteger(row, 4),
            content: result.binaryInteger(row, 3), runID: result.text(row, 5) ?? "", at: at)
        stored.reason = result.text(row, 14).map {
            FailureReason(
                code: $0, reason: result.text(row, 15) ?? "", httpStatus: result.binaryInteger(row, 16).map(Int.init))
        }
        guard state.isWhole else { return stored }
        stored.recordKey = try result.text(row, 7).map(session.original)
        stored.identity = Identity(email: result.text(row, 8), userID: result.text(row, 9))
        stored.payload = result.bytes(row, 11)
        stored.event = EventReference(
            id: stored.id ?? "", name: try result.text(row, 10).map(session.original) ?? "",
            order: result.binaryInteger(row, 12) ?? 0, position: stored.position,
            firstSeen: date(result, row, 13) ?? at, isWaiting: state == .waiting)
        return stored
    }

    private static func date(_ result: borrowing PostgresResult, _ row: Int, _ column: Int) -> Date? {
        result.binaryInteger(row, column).map { Date(timeIntervalSince1970: Double($0) / 1000) }
    }
}

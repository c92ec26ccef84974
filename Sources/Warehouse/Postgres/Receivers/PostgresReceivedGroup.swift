import Foundation
import RollcallCore

/// Writes groups, which become one, in the caller's transaction. Locks are taken in one order by every process: the writer's row,
/// events by their ids, rejected bodies, counts by their keys.
struct PostgresReceivedGroup {
    private let group: ReceivedGroup
    private let isProven: Bool

    /// An event with what the group says of it.
    private struct Row {
        var event: ReceivedEvent
        var deliveries: Int64
        var lastReceivedAt: Date
        var payload: [UInt8]
    }

    /// - Parameter isProven: whether the server is asked about each body before it is written, after it has refused one.
    static func store(
        _ groups: [ReceivedGroup], isProven: Bool, _ session: PostgresSession
    ) throws -> StoredGroups {
        guard let writer = groups.first?.writer else { return StoredGroups() }
        let (skipped, rest) = try groups.unstored {
            try advance(writer, to: $0, session)
        } stored: {
            try sequence(of: writer, session)
        }
        var stored =
            try rest.map { try PostgresReceivedGroup(group: $0, isProven: isProven).store(session) } ?? StoredGroups()
        stored.skipped = skipped
        return stored
    }

    private func store(_ session: PostgresSession) throws -> StoredGroups {
        var tally = ReceiverTally(group)
        let stored = try storeEvents(session, &tally)
        try storeRejects(session)
        try Self.add(tally.ordered, session)
        return stored
    }

    /// Moves a writer on and locks its row. False: the group of this sequence is stored already.
    private static func advance(_ writer: String, to sequence: Int64, _ session: PostgresSession) throws -> Bool {
        try session.modify(
            """
            INSERT INTO receiver_writers AS w (writer, sequence, seen_at) VALUES ($1, $2::bigint, clock_timestamp())
            ON CONFLICT (writer) DO UPDATE SET sequence = excluded.sequence, seen_at = excluded.seen_at
             WHERE w.sequence < excluded.sequence
            """, [writer, String(sequence)]) == 1
    }

    /// Of one whose row is locked.
    private static func sequence(of writer: String, _ session: PostgresSession) throws -> Int64 {
        let found = try session.query("SELECT sequence FROM receiver_writers WHERE writer = $1", [writer])
        return found.integer(0, 0) ?? .max
    }

    // MARK: Events

    private func storeEvents(_ session: PostgresSession, _ tally: inout ReceiverTally) throws -> StoredGroups {
        guard !group.events.isEmpty else { return StoredGroups() }
        var result = StoredGroups()
        for event in group.events {
            result.repeated[event.receiver, default: 0] += 1
            tally.add(.repeated, event.receiver, at: event.receivedAt)
        }
        let rows = try rows(session)
        let written = try session.query(Self.insert, columns: try columns(rows, session))
        var taken = 0
        for row in 0..<written.rowCount {
            taken += written.count(row, 3)
            let new = written.count(row, 2)
            guard new > 0, let receiver = try written.text(row, 0).map(session.original),
                let hour = written.date(row, 1)
            else { continue }
            result.stored[receiver, default: 0] += new
            result.repeated[receiver, default: 0] -= new
            tally.add(.stored, receiver, at: hour, new)
            tally.add(.repeated, receiver, at: hour, -new)
        }
        try PostgresCopied.prove(taken, of: rows.count, "iterable_events")
        result.repeated = result.repeated.filter { $0.value > 0 }
        return result
    }

    /// One row for each id, in their order.
    private func rows(_ session: PostgresSession) throws -> [Row] {
        var rows: [String: Row] = [:]
        rows.reserveCapacity(group.events.count)
        for event in group.events {
            if var row = rows[event.eventID] {
                row.deliveries += 1
                row.lastReceivedAt = max(row.lastReceivedAt, event.receivedAt)
                rows[event.eventID] = row
            } else {
                rows[event.eventID] = Row(
                    event: event, deliveries: 1, lastReceivedAt: event.receivedAt,
                    payload: try session.payload(event.payload, isProven: isProven))
            }
        }
        return rows.values.sorted { $0.event.eventID < $1.event.eventID }
    }

    /// In the order of ``PostgresReceivedEvents/columns``.
    private func columns(_ rows: [Row], _ session: PostgresSession) throws -> [[UInt8]] {
        func text(_ value: (ReceivedEvent) -> String?) throws -> [UInt8] {
            try session.array(.text, of: rows) { $0.text(value($1.event)) }
        }
        func number(_ value: (ReceivedEvent) -> Int64?) throws -> [UInt8] {
            try session.array(.bigint, of: rows) { $0.integer(value($1.event)) }
        }
        return [
            try text(\.eventID), try text(\.receiver), try text(\.destination), try text(\.eventName),
            try text(\.email),
            try text(\.userID), try session.array(.timestamptz, of: rows) { $0.date($1.event.occurredAt) },
            try session.array(.timestamptz, of: rows) { $0.date($1.event.receivedAt) },
            try session.array(.timestamptz, of: rows) { $0.date($1.lastReceivedAt) },
            try session.array(.bigint, of: rows) { $0.integer($1.deliveries) }, try number(\.campaignID),
            try number(\.templateID), try text(\.messageID), try number(\.messageTypeID), try number(\.channelID),
            try number(\.workflowID), try number(\.experimentID), try text(\.url),
            try session.array(.text, of: rows) { $0.raw($1.payload) },
        ]
    }

    /// Gives, by receiver and hour, how many rows are new, and how many there are. A row that no transaction has changed has
    /// `xmax` 0.
    private static let insert = """
        WITH written AS (
            INSERT INTO iterable_events AS e (\(PostgresReceivedEvents.columns.map(\.name).joined(separator: ", ")))
            SELECT \(PostgresReceivedEvents.columns.map { $0.name == "payload" ? "payload::jsonb" : $0.name }.joined(separator: ", "))
              FROM unnest(\(PostgresReceivedEvents.columns.enumerated().map { "$\($0 + 1)::\($1.type)[]" }.joined(separator: ", ")))
                AS given (\(PostgresReceivedEvents.columns.map(\.name).joined(separator: ", ")))
            ON CONFLICT (event_id) DO UPDATE
               SET deliveries = e.deliveries + excluded.deliveries,
                   last_received_at = greatest(e.last_received_at, excluded.last_received_at)
            RETURNING receiver, date_trunc('hour', received_at) AS hour, xmax = 0 AS is_new
        )
        SELECT receiver, \(PostgresRunRow.milliseconds("hour")), count(*) FILTER (WHERE is_new), count(*)
          FROM written GROUP BY receiver, hour
        """

    // MARK: Rejected bodies and counts

    private func storeRejects(_ session: PostgresSession) throws {
        guard !group.rejects.isEmpty else { return }
        // One process at a time, so that there never are more than may be kept.
        _ = try session.query(
            "SELECT pg_advisory_xact_lock(hashtext('rollcall rejects'), hashtext(current_schema()))")
        let rejects = Array(group.rejects.suffix(ReceiverRules.mostRejects))
        _ = try session.query(
            """
            INSERT INTO iterable_rejects (receiver, received_at, reason, body)
            SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[])
            """,
            columns: [
                try session.array(.text, of: rejects) { $0.text($1.receiver) },
                try session.array(.timestamptz, of: rejects) { $0.date($1.receivedAt) },
                try session.array(.text, of: rejects) { $0.text($1.reason) },
                try session.array(.text, of: rejects) { $0.text($1.body) },
            ])
        try session.modify(
            """
            DELETE FROM iterable_rejects WHERE reject_id IN (
                SELECT reject_id FROM iterable_rejects ORDER BY received_at DESC, reject_id DESC
                OFFSET \(ReceiverRules.mostRejects))
            """)
    }

    static func add(_ counts: [ReceiverCount], _ session: PostgresSession) throws {
        guard !counts.isEmpty else { return }
        _ = try session.query(
            """
            INSERT INTO receiver_counts AS c (receiver, hour, outcome, count)
            SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::bigint[])
            ON CONFLICT (receiver, hour, outcome) DO UPDATE SET count = c.count + excluded.count
            """,
            columns: [
                try session.array(.text, of: counts) { $0.text($1.receiver) },
                try session.array(.timestamptz, of: counts) { $0.date($1.hour) },
                try session.array(.text, of: counts) { $0.text($1.outcome.rawValue) },
                try session.array(.bigint, of: counts) { $0.integer(Int64($1.count)) },
            ])
    }
}

import Foundation
import GRDB
import RollcallCore

/// Writes groups, which become one, in the caller's transaction.
struct SQLiteReceivedGroup {
    private let group: ReceivedGroup

    static func store(_ groups: [ReceivedGroup], _ database: Database) throws -> StoredGroups {
        guard let writer = groups.first?.writer else { return StoredGroups() }
        let (skipped, rest) = try groups.unstored {
            try advance(writer, to: $0, database)
        } stored: {
            try sequence(of: writer, database)
        }
        var stored = try rest.map { try SQLiteReceivedGroup(group: $0).store(database) } ?? StoredGroups()
        stored.skipped = skipped
        return stored
    }

    private func store(_ database: Database) throws -> StoredGroups {
        var tally = ReceiverTally(group)
        let stored = try storeEvents(database, &tally)
        try storeRejects(database)
        try add(tally.ordered, database)
        return stored
    }

    /// Moves a writer on. False: the group of this sequence is stored already.
    private static func advance(_ writer: String, to sequence: Int64, _ database: Database) throws -> Bool {
        try database.change(
            """
            INSERT INTO rollcall_receiver_writers (writer, sequence, seen_at) VALUES (:writer, :sequence, \(SQLiteTime.now))
                ON CONFLICT (writer) DO UPDATE SET sequence = excluded.sequence, seen_at = excluded.seen_at
             WHERE sequence < excluded.sequence
            """, ["writer": .of(writer), "sequence": .of(sequence)]) == 1
    }

    /// Of one that is there.
    private static func sequence(of writer: String, _ database: Database) throws -> Int64 {
        let found = try database.firstRow(
            "SELECT sequence FROM rollcall_receiver_writers WHERE writer = :writer", ["writer": .of(writer)]
        ) { $0.integer(0) }
        return (found ?? nil) ?? .max
    }

    // MARK: Events

    private func storeEvents(_ database: Database, _ tally: inout ReceiverTally) throws -> StoredGroups {
        guard !group.events.isEmpty else { return StoredGroups() }
        var result = StoredGroups()
        let insert = try SQLitePrepared(database, Self.insert, isCached: true)
        let raise = try SQLitePrepared(database, Self.raise, isCached: true)
        for event in group.events {
            try Self.bind(event, to: insert)
            if try Self.changes(insert, database) {
                result.stored[event.receiver, default: 0] += 1
                tally.add(.stored, event.receiver, at: event.receivedAt)
                continue
            }
            try raise.bind(1, .text(event.eventID))
            try raise.bind(2, .of(event.receivedAt))
            guard try Self.changes(raise, database) else {
                throw WarehouseError(
                    .conflict, "The table rollcall_iterable_events did not take a row.",
                    hint: "A trigger on it keeps rows away; take it off. Nothing was changed.")
            }
            result.repeated[event.receiver, default: 0] += 1
            tally.add(.repeated, event.receiver, at: event.receivedAt)
        }
        return result
    }

    private static func changes(_ statement: SQLitePrepared, _ database: Database) throws -> Bool {
        defer { statement.reset() }
        while try statement.step() {}
        return database.changesCount == 1
    }

    private static let insert = """
        INSERT INTO rollcall_iterable_events (\(SQLiteReceivedEvents.columns)) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, 1,
            ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17) ON CONFLICT (event_id) DO NOTHING
        """

    private static let raise = """
        UPDATE rollcall_iterable_events SET deliveries = deliveries + 1, last_received_at = max(last_received_at, ?2)
         WHERE event_id = ?1
        """

    private static func bind(_ event: ReceivedEvent, to insert: SQLitePrepared) throws {
        let values: [SQLiteValue] = [
            .text(event.eventID), .text(event.receiver), .of(event.destination), .of(event.eventName), .of(event.email),
            .of(event.userID), .of(event.occurredAt), .of(event.receivedAt), .of(event.campaignID),
            .of(event.templateID),
            .of(event.messageID), .of(event.messageTypeID), .of(event.channelID), .of(event.workflowID),
            .of(event.experimentID), .of(event.url), .rawText(event.payload),
        ]
        for (index, value) in values.enumerated() { try insert.bind(Int32(index + 1), value) }
    }

    // MARK: Rejected bodies and counts

    private func storeRejects(_ database: Database) throws {
        guard !group.rejects.isEmpty else { return }
        for reject in group.rejects.suffix(ReceiverRules.mostRejects) {
            try database.change(
                """
                INSERT INTO rollcall_iterable_rejects (receiver, received_at, reason, body)
                VALUES (:receiver, :at, :reason, :body)
                """,
                [
                    "receiver": .of(reject.receiver), "at": .of(reject.receivedAt), "reason": .of(reject.reason),
                    "body": .of(reject.body),
                ])
        }
        try database.change(
            """
            DELETE FROM rollcall_iterable_rejects WHERE reject_id IN (
                SELECT reject_id FROM rollcall_iterable_rejects ORDER BY received_at DESC, reject_id DESC
                LIMIT -1 OFFSET \(ReceiverRules.mostRejects))
            """)
    }

    private func add(_ counts: [ReceiverCount], _ database: Database) throws {
        for count in counts {
            try database.change(
                """
                INSERT INTO rollcall_receiver_counts (receiver, hour, outcome, count)
                VALUES (:receiver, :hour, :outcome, :count)
                    ON CONFLICT (receiver, hour, outcome) DO UPDATE SET count = count + excluded.count
                """,
                [
                    "receiver": .of(count.receiver), "hour": .of(count.hour), "outcome": .of(count.outcome.rawValue),
                    "count": .of(count.count),
                ])
        }
    }
}

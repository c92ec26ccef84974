import Foundation
import GRDB
import RollcallCore

/// Rows of `rollcall_iterable_events`.
enum SQLiteReceivedEvents {
    /// In the order in which ``event(_:)`` takes them.
    static let columns = """
        event_id, receiver, destination, event_name, email, user_id, occurred_at, received_at, last_received_at, deliveries,
        campaign_id, template_id, message_id, message_type_id, channel_id, workflow_id, experiment_id, url, payload
        """

    /// All of it goes along `rollcall_iterable_events_by_time`.
    static func select(_ filter: ReceivedFilter) -> (sql: String, values: [String: SQLiteValue]) {
        var conditions = SQLiteConditions()
        conditions.add("receiver = :receiver", "receiver", .of(filter.receiver))
        conditions.add("event_name = :name", "name", filter.eventName.map { .of($0) })
        if let before = filter.before {
            conditions.add(
                "received_at <= :time AND (received_at < :time OR event_id < :id)", "time", .of(before.time))
            conditions.values["id"] = .of(before.eventID)
        }
        conditions.values["limit"] = .of(max(0, filter.limit))
        let sql = """
            SELECT \(columns) FROM rollcall_iterable_events WHERE \(conditions.sql)
             ORDER BY received_at DESC, event_id DESC LIMIT :limit
            """
        return (sql, conditions.values)
    }

    static func event(_ row: SQLitePrepared) throws -> ReceivedEventRow {
        guard let receivedAt = row.date(7), let lastReceivedAt = row.date(8) else {
            throw WarehouseError(.other, "A row of rollcall_iterable_events cannot be read; it was changed by hand.")
        }
        var event = ReceivedEvent(
            eventID: row.text(0) ?? "", receiver: row.text(1) ?? "", destination: row.text(2), receivedAt: receivedAt,
            payload: Array(row.bytes(18)))
        event.eventName = row.text(3)
        event.email = row.text(4)
        event.userID = row.text(5)
        event.occurredAt = row.date(6)
        event.campaignID = row.integer(10)
        event.templateID = row.integer(11)
        event.messageID = row.text(12)
        event.messageTypeID = row.integer(13)
        event.channelID = row.integer(14)
        event.workflowID = row.integer(15)
        event.experimentID = row.integer(16)
        event.url = row.text(17)
        return ReceivedEventRow(event: event, lastReceivedAt: lastReceivedAt, deliveries: row.count(9))
    }

    // MARK: Summaries

    static func summary(_ database: Database, _ receiver: String, since hour: Date) throws -> ReceiverSummary {
        let values: [String: SQLiteValue] = ["receiver": .of(receiver)]
        var summary = ReceiverSummary()
        try database.firstRow(newest, values) { row in
            summary.newest = row.count(0)
            summary.newestWithUserID = row.count(1)
            summary.latestAt = row.date(2)
        }
        summary.alertState =
            try database.firstRow("SELECT alert_state FROM rollcall_receivers WHERE receiver = :receiver", values) {
                $0.text(0)
            } ?? nil
        // Outcomes of later versions are passed over.
        summary.counts = try database.rows(counts, values.merging(["hour": .of(hour)]) { $1 }) { row in
            guard let hour = row.date(0), let outcome = row.text(1).flatMap(ReceiverOutcome.init) else { return nil }
            return ReceiverCount(receiver: receiver, hour: hour, outcome: outcome, count: row.count(2))
        }.compactMap(\.self)
        return summary
    }

    static let newest = """
        SELECT count(*), count(user_id), max(received_at) FROM (
            SELECT user_id, received_at FROM rollcall_iterable_events WHERE receiver = :receiver
             ORDER BY received_at DESC LIMIT \(ReceiverRules.newest))
        """

    static let counts = """
        SELECT hour, outcome, count FROM rollcall_receiver_counts WHERE receiver = :receiver AND hour >= :hour
         ORDER BY hour, outcome
        """

    // MARK: Retention

    static let expired = """
        SELECT event_id FROM rollcall_iterable_events WHERE receiver = :receiver AND received_at < :time
         ORDER BY received_at LIMIT :limit
        """

    static let isPrunable = """
        SELECT EXISTS (SELECT 1 FROM rollcall_iterable_events WHERE receiver = :receiver AND received_at < :time)
            OR EXISTS (SELECT 1 FROM rollcall_receiver_counts WHERE \(oldCounts))
            OR EXISTS (SELECT 1 FROM rollcall_receiver_writers WHERE \(oldWriters))
        """

    static let oldCounts = """
        receiver = :receiver AND hour < min(:time, \(ago(ReceiverRules.countDays)))
        """

    static let oldWriters = "seen_at < \(ago(ReceiverRules.writerDays))"

    private static func ago(_ days: Int) -> String { "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-\(days) days')" }
}

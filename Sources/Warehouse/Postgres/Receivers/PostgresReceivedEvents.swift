import Foundation
import RollcallCore

/// Rows of `iterable_events`.
enum PostgresReceivedEvents {
    /// Columns with the types of their parameters.
    static let columns: [(name: String, type: String)] = [
        ("event_id", "text"), ("receiver", "text"), ("destination", "text"), ("event_name", "text"), ("email", "text"),
        ("user_id", "text"), ("occurred_at", "timestamptz"), ("received_at", "timestamptz"),
        ("last_received_at", "timestamptz"), ("deliveries", "bigint"), ("campaign_id", "bigint"),
        ("template_id", "bigint"), ("message_id", "text"), ("message_type_id", "bigint"), ("channel_id", "bigint"),
        ("workflow_id", "bigint"), ("experiment_id", "bigint"), ("url", "text"), ("payload", "text"),
    ]

    /// What ``event(_:_:_:)`` takes.
    private static let selected = columns.map { column in
        switch column.name {
        case "payload": "CASE jsonb_typeof(payload) WHEN 'string' THEN payload #>> '{}' ELSE payload::text END"
        case _ where column.type == "timestamptz": PostgresRunRow.milliseconds(column.name)
        default: column.name
        }
    }.joined(separator: ", ")

    /// The SQL for a filter and its parameters. All of it goes along `iterable_events_by_time`.
    static func select(_ filter: ReceivedFilter) -> (sql: String, parameters: [String?]) {
        var parameters: [String?] = [filter.receiver]
        var conditions = ["receiver = $1"]
        if let name = filter.eventName {
            parameters.append(name)
            let text = "$\(parameters.count)::text"
            conditions.append("left(event_name, 64) = left(\(text), 64) AND event_name = \(text)")
        }
        if let before = filter.before {
            parameters += [String(PostgresText.milliseconds(before.time)), before.eventID]
            let time = PostgresRunRow.timestamp("$\(parameters.count - 1)")
            conditions.append("received_at <= \(time) AND (received_at < \(time) OR event_id < $\(parameters.count))")
        }
        let sql = """
            SELECT \(selected) FROM iterable_events WHERE \(conditions.joined(separator: " AND "))
             ORDER BY received_at DESC, event_id DESC LIMIT \(max(0, filter.limit))
            """
        return (sql, parameters)
    }

    static func event(
        _ result: borrowing PostgresResult, _ row: Int, _ session: PostgresSession
    ) throws -> ReceivedEventRow {
        func text(_ column: Int) throws -> String? { try result.text(row, column).map(session.original) }
        guard let receivedAt = result.date(row, 7), let lastReceivedAt = result.date(row, 8) else {
            throw WarehouseError(.other, "A row of iterable_events cannot be read; it was changed by hand.")
        }
        var event = ReceivedEvent(
            eventID: try text(0) ?? "", receiver: try text(1) ?? "", destination: try text(2), receivedAt: receivedAt,
            payload: Array((result.text(row, 18) ?? "").utf8))
        event.eventName = try text(3)
        event.email = try text(4)
        event.userID = try text(5)
        event.occurredAt = result.date(row, 6)
        event.campaignID = result.integer(row, 10)
        event.templateID = result.integer(row, 11)
        event.messageID = try text(12)
        event.messageTypeID = result.integer(row, 13)
        event.channelID = result.integer(row, 14)
        event.workflowID = result.integer(row, 15)
        event.experimentID = result.integer(row, 16)
        event.url = try text(17)
        return ReceivedEventRow(event: event, lastReceivedAt: lastReceivedAt, deliveries: result.count(row, 9))
    }

    // MARK: Summaries

    /// One row for each of the receivers `$1`: how many of the newest events there are, how many have a userId, when the latest
    /// came, and what alerts said.
    static let summaries = """
        SELECT given.receiver, n.newest, n.with_user_id, \(PostgresRunRow.milliseconds("n.latest")), r.alert_state
          FROM unnest($1::text[]) AS given (receiver)
         CROSS JOIN LATERAL (
               SELECT count(*) AS newest, count(l.user_id) AS with_user_id, max(l.received_at) AS latest
                 FROM (SELECT e.user_id, e.received_at FROM iterable_events e WHERE e.receiver = given.receiver
                        ORDER BY e.received_at DESC LIMIT \(ReceiverRules.newest)) AS l) AS n
          LEFT JOIN receivers r ON r.receiver = given.receiver
        """

    static let counts = """
        SELECT receiver, \(PostgresRunRow.milliseconds("hour")), outcome, count FROM receiver_counts
         WHERE receiver = ANY($1::text[]) AND hour >= \(PostgresRunRow.timestamp("$2")) ORDER BY hour, receiver, outcome
        """

    // MARK: Retention

    static let prune = """
        DELETE FROM iterable_events WHERE event_id = ANY(ARRAY(
            SELECT event_id FROM iterable_events WHERE receiver = $1 AND received_at < \(PostgresRunRow.timestamp("$2"))
             ORDER BY received_at LIMIT $3::bigint))
        """

    static let pruneCounts = """
        DELETE FROM receiver_counts
         WHERE receiver = $1 AND hour < least(\(PostgresRunRow.timestamp("$2")), now() - interval '\(ReceiverRules.countDays * 24) hours')
        """

    static let pruneWriters =
        "DELETE FROM receiver_writers WHERE seen_at < now() - interval '\(ReceiverRules.writerDays * 24) hours'"
}

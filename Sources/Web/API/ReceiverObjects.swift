import Foundation
import Receivers
import RollcallCore
import Warehouse

extension APIObject {
    static func receiver(
        _ status: ReceiverStatus, now: Date, also more: [(key: String, value: JSON)] = []
    ) -> JSON {
        let settings = status.settings
        let summary = status.summary
        return .object(
            [
                ("receiver", .string(settings.name)), ("state", .string(ReceiverState(status).rawValue)),
                ("path", .string(settings.path)), ("warehouse", .string(settings.warehouse)),
                ("destination", .string(settings.destination)),
                ("credentials", .integer(settings.credentials.count)), ("events", events(settings.events)),
                ("require_user_id", .bool(settings.requiresUserID)),
                ("identifiers", .string(settings.identifiers.rawValue)),
                ("retention_days", .integer(settings.retentionDays)),
                ("latest_event_at", .time(summary?.latestAt)),
                ("counts", summary.map { counts($0.counts, now: now) } ?? .null),
                ("newest_events", summary.map(newest) ?? .null),
                (
                    "spool",
                    .object(["bodies": .integer(status.spooledBodies), "bytes": .integer(status.spooledBytes)])
                ),
                ("problem", status.problem.map(error) ?? .null),
            ] + more)
    }

    private static func events(_ events: ReceiverSettings.Events) -> JSON {
        switch events {
        case .all: return .string("all")
        case .named(let names, let unknown):
            return .array((names.sorted() + (unknown ? ["unknown"] : [])).map { JSON.string($0) })
        }
    }

    private static func newest(_ summary: ReceiverSummary) -> JSON {
        .object(["events": .integer(summary.newest), "with_user_id": .integer(summary.newestWithUserID)])
    }

    private static func counts(_ counts: [ReceiverCount], now: Date) -> JSON {
        func tally(_ hours: CountedHours) -> JSON {
            let tally = OutcomeTally(counts, since: hours.start)
            return .object(ReceiverOutcome.allCases.map { (key: $0.rawValue, value: .integer(tally[$0])) })
        }
        return .object(["last_24_hours": tally(.day(now)), "last_7_days": tally(.week(now))])
    }

    static func count(_ count: ReceiverCount) -> JSON {
        .object([
            "hour": .time(count.hour), "outcome": .string(count.outcome.rawValue), "count": .integer(count.count),
        ])
    }

    /// A row of `iterable_events` without its payload, which may be large.
    static func received(_ row: ReceivedEventRow) -> JSON {
        let event = row.event
        return .object([
            ("event_id", .string(event.eventID)), ("receiver", .string(event.receiver)),
            ("destination", .string(event.destination)), ("event_name", .string(event.eventName)),
            ("email", .string(event.email)), ("user_id", .string(event.userID)),
            ("occurred_at", .time(event.occurredAt)), ("received_at", .time(event.receivedAt)),
            ("last_received_at", .time(row.lastReceivedAt)), ("deliveries", .integer(row.deliveries)),
            ("campaign_id", .integer(event.campaignID)), ("template_id", .integer(event.templateID)),
            ("message_id", .string(event.messageID)), ("message_type_id", .integer(event.messageTypeID)),
            ("channel_id", .integer(event.channelID)), ("workflow_id", .integer(event.workflowID)),
            ("experiment_id", .integer(event.experimentID)), ("url", .string(event.url)),
        ])
    }

    static func rejected(_ body: RejectedBody) -> JSON {
        .object([
            "received_at": .time(body.receivedAt), "reason": .string(body.reason),
            "body": .string(String(String.UnicodeScalarView(body.body.unicodeScalars.prefix(500)))),
        ])
    }
}

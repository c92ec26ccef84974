import RollcallCore
import SyncEngine
import Warehouse

/// What is known of one event, or of the events of one person, as JSON.
struct WhyEventObject {
    private let report: WhyReport

    init(_ report: WhyReport) { self.report = report }

    func json(sync: String, identifier: String) -> JSON {
        .object([
            ("sync", .string(sync)), ("identifier", .string(identifier)),
            ("in_source", .bool(report.rows.contains(where: \.isValid))), ("source", .array(report.rows.map(row))),
            ("events", .array(report.events.map(event))), ("people", .array(report.acknowledgements.map(person))),
            ("next", .string(report.nextStep)), ("log", .array(report.records.map(APIObject.record))),
        ])
    }

    private func row(_ row: WhyReport.Row) -> JSON {
        .object([
            "record_key": .string(row.recordKey), "event_name": .string(row.event?.name),
            "event_id": .string(row.event?.id), "email": .string(row.email), "user_id": .string(row.userID),
            "valid": .bool(row.isValid), "excluded": .bool(row.event?.isExcluded ?? false),
            "error_code": .string(row.failure?.code), "error_reason": .string(row.failure?.reason),
        ])
    }

    private func event(_ event: StoredEvent) -> JSON {
        .object([
            "event_key": .string(event.key.bytes.hexadecimal), "event_id": .string(event.id),
            "state": .string(event.state.rawValue), "run_id": .string(event.runID), "at": .time(event.at),
            "record_key": .string(event.recordKey), "event_name": .string(event.event?.name),
            "email": .string(event.identity.email), "user_id": .string(event.identity.userID),
            "error_code": .string(event.reason?.code), "error_reason": .string(event.reason?.reason),
            "waits_until": .time(report.waitsUntil(event)),
        ])
    }

    private func person(_ person: WhyReport.Acknowledgement) -> JSON {
        .object([
            "email": .string(person.person.email), "user_id": .string(person.person.userID),
            "sync": .string(person.sync), "acknowledged": .bool(person.isAcknowledged),
        ])
    }
}

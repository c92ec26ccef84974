import Foundation
import RollcallCore
import SyncEngine
import Warehouse

/// What is known of one event, or of the events of one person, as lines and as JSON.
struct WhyEventText {
    private let report: WhyReport

    init(_ report: WhyReport) { self.report = report }

    // MARK: Lines

    var lines: [String] { sourceLines + eventLines + report.acknowledgements.map(Self.line) }

    private var sourceLines: [String] {
        if report.rows.isEmpty { return ["source:    no row has this key, event id, email or userId"] }
        return report.rows.map { row in
            let names = [row.recordKey, row.event?.name, row.event?.id].compactMap(\.self)
            let shown = names.map { DisplayText.safe($0) }.joined(separator: ", ")
            return "source:    \(shown.isEmpty ? Self.person(row.email, row.userID) : shown); \(Self.verdict(row))"
        }
    }

    private static func verdict(_ row: WhyReport.Row) -> String {
        if let failure = row.failure { return "invalid: \(failure.reason)" }
        return row.event?.isExcluded == true ? "left out: event.names does not have its name" : "valid"
    }

    private static func person(_ email: String?, _ userID: String?) -> String {
        [email, userID].compactMap(\.self).map { DisplayText.safe($0) }.joined(separator: ", ")
    }

    private var eventLines: [String] {
        if report.events.isEmpty { return ["event:     not known"] }
        return report.events.map { event in
            let names = [event.recordKey, event.event?.name, event.id].compactMap(\.self).map { DisplayText.safe($0) }
            let shown = names.isEmpty ? "" : names.joined(separator: ", ") + "; "
            let reason = event.reason.map { ": \($0.code): \($0.reason)" } ?? ""
            let until = report.waitsUntil(event).map { " It fails if it still waits at \(Self.time($0))." } ?? ""
            return "event:     \(shown)\(event.state.rawValue) since \(Self.time(event.at)), run \(event.runID)"
                + reason + until
        }
    }

    private static func line(_ person: WhyReport.Acknowledgement) -> String {
        let verdict = person.isAcknowledged ? "acknowledged" : "not acknowledged"
        return "person:    \(DisplayText.safe("\(person.person)")), \(verdict) by \(DisplayText.safe(person.sync))"
    }

    private static func time(_ time: Date) -> String {
        String(time.iso8601.prefix(19)).replacingOccurrences(of: "T", with: " ")
    }

    // MARK: JSON

    func json(sync: String, identifier: String) -> String {
        JSON.object([
            "sync": .string(sync), "identifier": .string(identifier),
            "in_source": .bool(report.rows.contains(where: \.isValid)), "source": rows, "events": events,
            "people": people, "next": .string(report.nextStep), "log": log,
        ]).text
    }

    private var rows: JSON {
        var listing = Listing(columns: [
            "record_key", "event_name", "event_id", "email", "user_id", "valid", "excluded", "error_code",
            "error_reason",
        ])
        listing.rows = report.rows.map { row in
            [
                Value(row.recordKey), Value(row.event?.name), Value(row.event?.id), Value(row.email),
                Value(row.userID), .flag(row.isValid), .flag(row.event?.isExcluded ?? false),
                Value(row.failure?.code), Value(row.failure?.reason),
            ]
        }
        return listing.json
    }

    private var events: JSON {
        var listing = Listing(columns: StoredEvent.columns + ["waits_until"])
        listing.rows = report.events.map { $0.row + [Value(report.waitsUntil($0))] }
        return listing.json
    }

    private var people: JSON {
        var listing = Listing(columns: ["email", "user_id", "sync", "acknowledged"])
        listing.rows = report.acknowledgements.map {
            [Value($0.person.email), Value($0.person.userID), .text($0.sync), .flag($0.isAcknowledged)]
        }
        return listing.json
    }

    private var log: JSON {
        var listing = Listing(columns: LogRecord.columns + LogRecord.recordColumns)
        listing.rows = report.records.map { RecordWriter.row($0, hasRecords: true) }
        return listing.json
    }
}

extension StoredEvent {
    /// As `why` and `records` show them: what is always known first.
    static let columns = [
        "event_key", "event_id", "state", "run_id", "at", "record_key", "event_name", "email", "user_id", "error_code",
        "error_reason",
    ]

    var row: [Value] {
        [
            .text(key.bytes.hexadecimal), Value(id), .text(state.rawValue), .text(runID), .time(at), Value(recordKey),
            Value(event?.name), Value(identity.email), Value(identity.userID), Value(reason?.code),
            Value(reason?.reason),
        ]
    }
}

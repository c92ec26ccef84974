import Foundation
import RollcallCore

/// An alert in words and as JSON. It names no person.
struct AlertMessage {
    let alert: Alert
    let time: Date

    init(_ alert: Alert, time: Date) {
        self.alert = alert
        self.time = time
    }

    /// One or two lines.
    var text: String {
        let counts = alert.run?.counts ?? RunCounts()
        switch alert.kind {
        case .failed:
            let error = alert.run?.error
            return "failed: \(error?.message ?? "unknown")" + (error?.hint.map { "\n\($0)" } ?? "")
        case .held:
            let why = alert.run.map { run in run.held.map { $0.clause(run.kind) } } ?? []
            return "is held, nothing was sent (\(why.joined(separator: "; "))). Approve or discard run"
                + " \(alert.run?.id ?? "")."
        case .failures:
            return "completed with \(counts.failed.total) failed and \(counts.invalid) invalid records."
        case .late:
            return "is late: no run has ended well since the tick of \(alert.since?.iso8601 ?? "")."
        case .receiverSilent:
            return "is silent: no event has come since \(alert.since?.iso8601 ?? "").\n"
                + "`rollcall check` looks at the webhook in Iterable, and at the receiver."
        case .streamBehind:
            return "is behind: its oldest record without an outcome has waited since \(alert.since?.iso8601 ?? "").\n"
                + "The page of the sync in the dashboard shows what the stream does."
        case .recovered:
            return "is all right again."
        }
    }

    /// What Slack's incoming webhooks take. Source: Slack's documentation, "Formatting text for app surfaces".
    var slack: String {
        let escaped = "\(alert.subject.words) \(text)".components(separatedBy: "\n").map { DisplayText.safe($0) }
            .joined(
                separator: "\n")
        let plain = escaped.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
            .replacingOccurrences(of: ">", with: "&gt;")
        return JSON.object(["text": .string(plain)]).text
    }

    var json: String {
        JSON.object([
            "kind": .string(alert.kind.rawValue), "sync": .string(alert.sync), "receiver": .string(alert.receiver),
            "time": .time(time),
            "message": .string("\(alert.subject.words) \(text)"), "since": .time(alert.since),
            "run": alert.run.map { RunJSON($0).json } ?? .null,
        ]).text
    }
}

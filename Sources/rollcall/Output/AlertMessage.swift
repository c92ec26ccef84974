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
            let why = alert.run?.held.map(\.clause) ?? []
            return "is held, nothing was sent (\(why.joined(separator: "; "))). Approve or discard run"
                + " \(alert.run?.id ?? "")."
        case .failures:
            return "completed with \(counts.failed.total) failed and \(counts.invalid) invalid records."
        case .late:
            return "is late: no run has ended well since the tick of \(alert.since?.iso8601 ?? "")."
        case .recovered:
            return "is all right again."
        }
    }

    /// What Slack's incoming webhooks take. Source: Slack's documentation, "Formatting text for app surfaces".
    var slack: String {
        let escaped = "\(alert.sync) \(text)".components(separatedBy: "\n").map { DisplayText.safe($0) }.joined(
            separator: "\n")
        let plain = escaped.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
            .replacingOccurrences(of: ">", with: "&gt;")
        return "{\"text\":\(JSONText.quote(plain))}"
    }

    var json: String {
        let run = alert.run.map { RunJSON($0).text } ?? "null"
        let since = alert.since.map { JSONText.quote($0.iso8601) } ?? "null"
        return "{\"kind\":\(JSONText.quote(alert.kind.rawValue)),\"sync\":\(JSONText.quote(alert.sync)),"
            + "\"time\":\(JSONText.quote(time.iso8601)),\"message\":\(JSONText.quote("\(alert.sync) \(text)")),"
            + "\"since\":\(since),\"run\":\(run)}"
    }
}

import Foundation
import RollcallCore

/// A run as JSON, as `run --json` promises it.
struct RunJSON: Encodable {
    var runID: String?
    var sync: String
    var status: String?
    var trigger: String?
    var listID: Int64?
    var startedAt: String?
    var finishedAt: String?
    var counts: RunCounts
    var requests: RequestCounts
    var error: ErrorJSON?
    var held: [GuardFinding]?

    struct ErrorJSON: Encodable {
        var code: String
        var message: String
        var hint: String?

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(code, forKey: .code)
            try container.encode(message, forKey: .message)
            try container.encode(hint, forKey: .hint)
        }

        enum CodingKeys: String, CodingKey { case code, message, hint }

        init(_ error: RunError) {
            code = error.code
            message = error.message
            hint = error.hint
        }
    }

    init(_ run: SyncRun) {
        runID = run.id
        sync = run.sync
        status = run.status.rawValue
        trigger = run.trigger.rawValue
        listID = run.listID
        startedAt = run.startedAt.iso8601
        finishedAt = run.finishedAt?.iso8601
        counts = run.counts
        requests = run.requests
        error = run.error.map(ErrorJSON.init)
        held = run.held.isEmpty ? nil : run.held
    }

    /// A plan: the same object without run id, status and times.
    init(plan counts: RunCounts, sync: String, listID: Int64?, held: [GuardFinding]) {
        self.sync = sync
        self.listID = listID
        self.counts = counts
        self.requests = RequestCounts()
        self.held = held
    }

    /// A request that led to no run.
    init(sync: String, error: RunError) {
        self.sync = sync
        self.status = "failed"
        self.counts = RunCounts()
        self.requests = RequestCounts()
        self.error = ErrorJSON(error)
    }

    enum CodingKeys: String, CodingKey {
        case runID = "run_id"
        case sync, status, trigger
        case listID = "list_id"
        case startedAt = "started_at"
        case finishedAt = "finished_at"
        case counts, requests, error, held
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        let isPlan = status == nil
        if !isPlan { try container.encode(runID, forKey: .runID) }
        try container.encode(sync, forKey: .sync)
        if !isPlan {
            try container.encode(status, forKey: .status)
            try container.encode(trigger, forKey: .trigger)
        }
        try container.encode(listID, forKey: .listID)
        if !isPlan {
            try container.encode(startedAt, forKey: .startedAt)
            try container.encode(finishedAt, forKey: .finishedAt)
        }
        try container.encode(counts, forKey: .counts)
        try container.encode(requests, forKey: .requests)
        try container.encode(error, forKey: .error)
        if isPlan || held != nil { try container.encode(held ?? [], forKey: .held) }
    }

    /// One line of JSON.
    var text: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}

/// A run in words.
struct RunText {
    let console: Console

    func style(_ status: RunStatus) -> Console.Style {
        switch status {
        case .succeeded: .green
        case .completedWithFailures, .held, .interrupted, .cancelled, .skipped: .yellow
        case .failed: .red
        case .queued, .running: .cyan
        }
    }

    /// A few lines: what came out, what was counted, what to do next.
    func summary(_ run: SyncRun) -> String {
        let words = run.status.rawValue.replacingOccurrences(of: "_", with: " ")
        var lines = ["\(console.styled(run.sync, .bold))  \(console.styled(words, style(run.status)))  \(run.id)"]
        lines.append(contentsOf: counts(run.counts, status: run.status))
        let list = run.listID.map(String.init) ?? "not made yet"
        let took = run.finishedAt.map { ", took \(seconds($0.timeIntervalSince(run.startedAt)))" } ?? ""
        lines.append(
            "  list \(list), \(run.requests.sent) requests"
                + (run.requests.retried > 0 ? ", \(run.requests.retried) of them again" : "")
                + (run.requests.rateLimited > 0 ? ", \(run.requests.rateLimited) rate-limited" : "") + took)
        lines.append(contentsOf: advice(run))
        return lines.joined(separator: "\n")
    }

    func counts(_ counts: RunCounts, status: RunStatus?) -> [String] {
        let read = "\(grouped(counts.rowsRead)) rows read"
        let invalid = counts.invalid > 0 ? ", \(grouped(counts.invalid)) invalid" : ""
        let duplicates = counts.duplicates > 0 ? ", \(grouped(counts.duplicates)) duplicate" : ""
        var lines = [
            "  \(read)\(invalid)\(duplicates): \(grouped(counts.audience)) people, \(grouped(counts.unchanged)) unchanged"
        ]
        let planned = counts.planned
        if status == nil || status == .held {
            lines.append(
                "  \(grouped(planned.subscribe)) to subscribe, \(grouped(planned.unsubscribe)) to unsubscribe")
            return lines
        }
        let done =
            "  \(grouped(counts.succeeded.subscribe)) subscribed, \(grouped(counts.succeeded.unsubscribe)) unsubscribed"
        let rest = [
            (counts.failed.total, "failed"), (counts.notAttempted, "not attempted"), (counts.unknown, "unknown"),
        ].filter { $0.0 > 0 }.map { ", \(grouped($0.0)) \($0.1)" }.joined()
        lines.append(done + rest)
        return lines
    }

    func advice(_ run: SyncRun) -> [String] {
        var lines: [String] = []
        if let error = run.error {
            lines.append("  " + console.styled("error: ", .red) + Console.safe(error.message))
            if let hint = error.hint { lines.append("  " + hint) }
        }
        if run.status == .held {
            lines.append(contentsOf: heldLines(run.held))
            lines.append("  Nothing was sent. The way on is one of:")
            lines.append("    rollcall run --approve \(run.id)")
            lines.append("    rollcall run --discard \(run.id)")
        } else if run.counts.invalid + run.counts.failed.total > 0 {
            lines.append("  Which and why: rollcall log --run \(run.id) --status failed")
        }
        return lines
    }

    func heldLines(_ findings: [GuardFinding]) -> [String] {
        findings.map { finding in
            switch finding.guard {
            case "allow_empty":
                "  " + console.styled("held: ", .yellow)
                    + "the audience has no valid row (guards.allow_empty is false)"
            default:
                "  " + console.styled("held: ", .yellow)
                    + "it would remove \(finding.observed) members; guards.\(finding.guard) allows \(finding.limit)"
            }
        }
    }

    func grouped(_ number: Int) -> String { ProgressLine.grouped(number) }

    func seconds(_ interval: Double) -> String {
        interval < 60 ? String(format: "%.1f s", max(0, interval)) : ProgressLine.shortTime(interval)
    }
}

import Foundation

/// A run as JSON, as `run --json` promises it: one line, the keys always in this order.
public struct RunJSON: Sendable {
    /// The object.
    public let text: String

    /// A run that was opened.
    public init(_ run: SyncRun) {
        let fields = [
            ("run_id", JSONText.quote(run.id)), ("sync", JSONText.quote(run.sync)),
            ("status", JSONText.quote(run.status.rawValue)), ("trigger", JSONText.quote(run.trigger.rawValue)),
            ("list_id", Self.list(run.listID)), ("started_at", JSONText.quote(run.startedAt.iso8601)),
            ("finished_at", run.finishedAt.map { JSONText.quote($0.iso8601) } ?? "null"),
            ("counts", Self.counts(run.counts)), ("requests", Self.requests(run.requests)),
            ("error", Self.error(run.error)),
        ]
        text = Self.object(fields + (run.held.isEmpty ? [] : [("held", Self.held(run.held))]))
    }

    /// A plan: the same object without run id and times. Its status is the one that the run would begin with, and all
    /// that is planned counts as not attempted, so that the accounting balances here too.
    public init(plan planned: RunCounts, sync: String, listID: Int64?, held: [GuardFinding]) {
        var counts = planned
        counts.notAttempted = planned.planned
        let status = held.isEmpty ? RunStatus.queued : .held
        text = Self.object([
            ("sync", JSONText.quote(sync)), ("status", JSONText.quote(status.rawValue)),
            ("trigger", JSONText.quote(RunTrigger.manual.rawValue)), ("list_id", Self.list(listID)),
            ("counts", Self.counts(counts)),
            ("requests", Self.requests(RequestCounts())), ("error", "null"), ("held", Self.held(held)),
        ])
    }

    /// A request that led to no run.
    public init(sync: String, error: RunError) {
        text = Self.object([
            ("run_id", "null"), ("sync", JSONText.quote(sync)), ("status", "\"failed\""), ("trigger", "\"manual\""),
            ("list_id", "null"), ("started_at", "null"), ("finished_at", "null"),
            ("counts", Self.counts(RunCounts())), ("requests", Self.requests(RequestCounts())),
            ("error", Self.error(error)),
        ])
    }

    private static func object(_ fields: [(String, String)]) -> String {
        "{" + fields.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
    }

    private static func list(_ id: Int64?) -> String { id.map(String.init) ?? "null" }

    private static func pair(_ counts: PerOperation) -> String {
        object([("subscribe", "\(counts.subscribe)"), ("unsubscribe", "\(counts.unsubscribe)")])
    }

    private static func counts(_ counts: RunCounts) -> String {
        object([
            ("rows_read", "\(counts.rowsRead)"), ("invalid", "\(counts.invalid)"),
            ("duplicates", "\(counts.duplicates)"), ("audience", "\(counts.audience)"),
            ("unchanged", "\(counts.unchanged)"), ("planned", pair(counts.planned)),
            ("succeeded", pair(counts.succeeded)), ("failed", pair(counts.failed)),
            ("not_attempted", "\(counts.notAttempted.total)"), ("unknown", "\(counts.unknown.total)"),
        ])
    }

    private static func requests(_ requests: RequestCounts) -> String {
        object([
            ("sent", "\(requests.sent)"), ("retried", "\(requests.retried)"),
            ("rate_limited", "\(requests.rateLimited)"),
        ])
    }

    private static func error(_ error: RunError?) -> String {
        guard let error else { return "null" }
        return object([
            ("code", JSONText.quote(error.code)), ("message", JSONText.quote(error.message)),
            ("hint", error.hint.map(JSONText.quote) ?? "null"),
        ])
    }

    private static func held(_ findings: [GuardFinding]) -> String {
        let items = findings.map { finding in
            object([
                ("guard", JSONText.quote(finding.guard)), ("limit", JSONText.quote(finding.limit)),
                ("observed", JSONText.quote(finding.observed)),
            ])
        }
        return "[" + items.joined(separator: ",") + "]"
    }
}

import Foundation
import RollcallCore
import SyncEngine
import Warehouse

struct RunView: PageView {
    struct OperationRow: PageView {
        var name: String
        var put: String
        var remove: String
        var isTotal = false

        init(_ name: String, _ counts: PerOperation, isTotal: Bool = false) {
            self.name = name
            put = DisplayText.grouped(counts.total(.put))
            remove = DisplayText.grouped(counts.total(.remove))
            self.isTotal = isTotal
        }
    }
    struct ErrorView: PageView {
        var code: String
        var message: String
        var hint: String?
    }
    struct PlanRow: PageView {
        var who: String
        var operation: String
        var remark: String

        init(_ change: Change) {
            who =
                change.record.map { DisplayText.safe($0.key, limit: 120) }
                ?? RecordView.person(change.identity.email, change.identity.userID)
            operation = change.operation.rawValue
            remark = change.notBefore.map { "not before \(TimeView.minute($0))" } ?? ""
        }
    }
    struct Filter: PageView {
        var link: String
        var words: String
        var isCurrent: Bool
    }

    var frame: Frame
    var id: String
    var link: String
    var sync: String
    var syncLink: String
    var when: TimeView
    var badge: BadgeView
    var error: ErrorView?
    var isHeld: Bool
    var findings: [String]
    var planPut: String
    var planRemove: String
    var plan: [PlanRow]
    var hasPlan: Bool
    /// Changes that are not shown; nil where all are.
    var planRest: String?
    var isRunning: Bool
    var live: LiveView?
    var rowsRead: String
    var invalid: String
    var duplicates: String
    var audience: String
    var unchanged: String
    var operations: [OperationRow]
    var trigger: String
    var words: WordsView
    var target: String
    var took: String
    var requests: String
    var retried: String
    var rateLimited: String
    var filters: [Filter]
    var csv: String
    var records: [RecordView]
    var hasRecords: Bool
    var next: String?

    /// - Parameter plan: the first changes of a held run.
    init(_ run: SyncRun, live: LiveRun?, plan: [Change], records: RecordPage, frame: Frame, now: Date) {
        let counts = run.counts
        self.frame = frame
        id = run.id
        link = "/runs/\(run.id)"
        sync = DisplayText.safe(run.sync, limit: 80)
        syncLink = SyncWords.link(run.sync)
        when = TimeView(run.startedAt, now: now)
        badge = BadgeView(run.status)
        error = run.error.map { error in
            ErrorView(
                code: error.code, message: DisplayText.safe(error.message, limit: 1000),
                hint: error.hint.map { DisplayText.safe($0, limit: 1000) })
        }
        isHeld = run.status == .held
        findings = run.held.map { Self.words($0, run.kind) }
        planPut = DisplayText.grouped(counts.planned.total(.put))
        planRemove = DisplayText.grouped(counts.planned.total(.remove))
        self.plan = plan.map(PlanRow.init)
        hasPlan = !plan.isEmpty
        let rest = counts.planned.total - plan.count
        planRest = rest > 0 && !plan.isEmpty ? DisplayText.grouped(rest) : nil
        isRunning = run.status == .running || run.status == .queued
        self.live = live.map(LiveView.init)
        rowsRead = DisplayText.grouped(counts.rowsRead)
        invalid = DisplayText.grouped(counts.invalid)
        duplicates = DisplayText.grouped(counts.duplicates)
        audience = DisplayText.grouped(counts.audience)
        unchanged = DisplayText.grouped(counts.unchanged)
        operations = [
            OperationRow("Planned", counts.planned, isTotal: true), OperationRow("Succeeded", counts.succeeded),
            OperationRow("Failed", counts.failed), OperationRow("Not attempted", counts.notAttempted),
            OperationRow("Unknown", counts.unknown),
        ]
        trigger = run.trigger.rawValue + (run.full ? ", everything again" : "")
        words = WordsView(run.kind)
        target =
            (run.kind == .list ? run.listID.map(String.init) : run.target.map { DisplayText.safe($0, limit: 80) })
            ?? "not made yet"
        took = run.finishedAt.map { DisplayText.duration($0.timeIntervalSince(run.startedAt)) } ?? "–"
        let deliveries = live?.requests ?? run.requests
        requests = DisplayText.grouped(deliveries.sent)
        retried = DisplayText.grouped(deliveries.retried)
        rateLimited = DisplayText.grouped(deliveries.rateLimited)
        filters = RecordPage.filters.map { status, words in
            Filter(
                link: "/runs/\(run.id)?status=\(status)", words: words, isCurrent: status == records.status)
        }
        let wanted = records.status == "all" ? "" : "&status=\(records.status)"
        csv = "/api/v1/runs/\(run.id)/records?format=csv\(wanted)"
        self.records = records.records.map { RecordView($0, now: now) }
        hasRecords = !records.records.isEmpty
        next = records.next.map { "/runs/\(run.id)?status=\(records.status)&cursor=\($0)" }
    }

    /// One finding of a guard as a sentence.
    static func words(_ finding: GuardFinding, _ kind: RecordKind) -> String {
        let clause = finding.clause(kind)
        return clause.prefix(1).uppercased() + clause.dropFirst() + "."
    }
}

/// Records of a run with one status.
struct RecordPage: Sendable {
    /// One of ``filters``.
    var status: String
    var records: [LogRecord]
    /// Cursor of the page after this.
    var next: Int64?

    static let filters = [
        ("failed", "failed"), ("unknown", "unknown"), ("not_attempted", "not attempted"), ("succeeded", "succeeded"),
        ("all", "all"),
    ]
}

struct WhyView: PageView {
    struct Row: PageView {
        var who: String
        var isValid: Bool
        var failure: String

        init(_ row: WhyReport.Row) {
            who = row.recordKey.map { DisplayText.safe($0, limit: 120) } ?? RecordView.person(row.email, row.userID)
            isValid = row.isValid
            let reasons = [row.failure?.reason, row.representative.map { "The row \($0) represents this person." }]
            failure = DisplayText.safe(reasons.compactMap(\.self).joined(separator: " "), limit: 600)
        }
    }
    struct MemberRow: PageView {
        var who: String
        var badge: BadgeView
        var since: TimeView
        var reason: String
    }
    struct Result: PageView {
        var next: String
        var rows: [Row]
        var members: [MemberRow]
        var records: [RecordView]
        var hasRecords: Bool
    }

    var frame: Frame
    var name: String
    var link: String
    var identifier: String
    var isList: Bool
    var result: Result?

    init(sync: String, kind: RecordKind, identifier: String, report: WhyReport?, frame: Frame, now: Date) {
        self.frame = frame
        isList = kind == .list
        name = DisplayText.safe(sync, limit: 80)
        link = SyncWords.link(sync)
        self.identifier = identifier
        result = report.map { report in
            Result(
                next: DisplayText.safe(report.nextStep, limit: 1000),
                rows: report.rows.map(Row.init),
                members: report.members.map { entry in
                    MemberRow(
                        who: entry.member.record.map { DisplayText.safe($0.key, limit: 120) }
                            ?? RecordView.person(entry.member.identity.email, entry.member.identity.userID),
                        badge: BadgeView(entry.member.state, report.kind), since: TimeView(entry.since, now: now),
                        reason: DisplayText.safe(entry.member.rejection?.reason ?? "", limit: 300))
                },
                records: report.records.map { RecordView($0, now: now) }, hasRecords: !report.records.isEmpty)
        }
    }
}

struct LoginView: PageView {
    var frame: Frame
    var next: String
    var failed: Bool
}

struct ErrorPageView: PageView {
    var frame: Frame
    var heading: String
    var detail: String
    var hint: String?
    var runID: String?
    var back: String
}

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
        var hint: ProseView?
    }
    struct PlanRow: PageView {
        var who: String
        var operation: String
        var remark: String

        init(_ change: Change) {
            let names = [change.record?.key, change.event?.name].compactMap(\.self)
                .map { DisplayText.safe($0, limit: 120) }
            who =
                names.isEmpty
                ? RecordView.person(change.identity.email, change.identity.userID) : names.joined(separator: " · ")
            operation = change.operation.rawValue
            remark =
                change.goesLast
                ? "after all others" : change.waitsUntil.map { "not before \(TimeView.minute($0))" } ?? ""
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
    /// What is asked before it is cancelled.
    var cancelQuestion: String
    var live: LiveView?
    var rowsRead: String
    var invalid: String
    var duplicates: String
    /// nil where there are none, as for the next two.
    var excluded: String?
    var audience: String
    var unchanged: String
    var waiting: String?
    var late: String?
    var operations: [OperationRow]
    var trigger: String
    var words: WordsView
    var target: String
    var took: String
    /// Which rows were fetched, and what that cost; nil where all were and nothing else was asked for.
    var reading: String?
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
                hint: error.hint.map { ProseView($0, limit: 1000) })
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
        cancelQuestion =
            run.trigger == .stream
            ? "End this run of the stream? What was sent stays; another run begins at once. To stop the stream, pause the sync."
            : "Stop this run? What was sent stays; the next run goes on from there."
        self.live = live.map(LiveView.init)
        rowsRead = DisplayText.grouped(counts.rowsRead)
        invalid = DisplayText.grouped(counts.invalid)
        duplicates = DisplayText.grouped(counts.duplicates)
        excluded = counts.excluded > 0 ? DisplayText.grouped(counts.excluded) : nil
        waiting = counts.waiting > 0 ? DisplayText.grouped(counts.waiting) : nil
        late = counts.late > 0 ? DisplayText.grouped(counts.late) : nil
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
        reading = run.read.flatMap(\.words)
        let deliveries = live?.requests ?? run.requests
        requests = DisplayText.grouped(deliveries.sent)
        retried = DisplayText.grouped(deliveries.retried)
        rateLimited = DisplayText.grouped(deliveries.rateLimited)
        filters = RecordPage.filters(run.kind).map { status, words in
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
    /// One of ``filters(_:)``.
    var status: String
    var records: [LogRecord]
    /// Cursor of the page after this.
    var next: Int64?

    static func filters(_ kind: RecordKind) -> [(status: String, words: String)] {
        let some = ["failed", "unknown", "not_attempted"] + (kind == .events ? ["waiting"] : [])
        return (some + ["succeeded", "all"]).map { (status: $0, words: $0.replacing("_", with: " ")) }
    }
}

struct WhyView: PageView {
    struct Row: PageView {
        var who: String
        var badge: BadgeView
        var failure: String

        init(_ row: WhyReport.Row) {
            let names = [row.recordKey, row.event?.name].compactMap(\.self).map { DisplayText.safe($0, limit: 120) }
            who = row.recordKey == nil ? RecordView.person(row.email, row.userID) : names.joined(separator: " · ")
            let isExcluded = row.event?.isExcluded ?? false
            badge =
                row.isValid
                ? BadgeView("valid", .good) : isExcluded ? BadgeView("left out", .calm) : BadgeView("invalid", .bad)
            let reasons = [
                row.failure?.reason, row.representative.map { "The row \($0) represents this person." },
                isExcluded ? "event.names does not have its name." : nil,
            ]
            failure = DisplayText.safe(reasons.compactMap(\.self).joined(separator: " "), limit: 600)
        }
    }
    struct MemberRow: PageView {
        var who: String
        var badge: BadgeView
        var since: TimeView
        var reason: String

        init(_ entry: MemberEntry, _ kind: RecordKind, now: Date) {
            who =
                entry.member.record.map { DisplayText.safe($0.key, limit: 120) }
                ?? RecordView.person(entry.member.identity.email, entry.member.identity.userID)
            badge = BadgeView(entry.member.state, kind)
            since = TimeView(entry.since, now: now)
            reason = DisplayText.safe(entry.member.rejection?.reason ?? "", limit: 300)
        }

        init(_ event: StoredEvent, waitsUntil: Date?, now: Date) {
            let names = [event.recordKey, event.event?.name, event.id].compactMap(\.self)
            who = names.map { DisplayText.safe($0, limit: 120) }.joined(separator: " · ")
            badge = BadgeView(event.state)
            since = TimeView(event.at, now: now)
            let until = waitsUntil.map { " It fails if it still waits on \(TimeView.minute($0)) UTC." } ?? ""
            reason = DisplayText.safe(event.reason?.reason ?? "", limit: 300) + until
        }
    }
    /// A person whom events wait for.
    struct PersonRow: PageView {
        var who: String
        var words: String

        init(_ person: WhyReport.Acknowledgement) {
            who = RecordView.person(person.person.email, person.person.userID)
            let sync = DisplayText.safe(person.sync, limit: 80)
            words = person.isAcknowledged ? "acknowledged by \(sync)" : "not acknowledged by \(sync)"
        }
    }
    struct Result: PageView {
        var next: String
        var rows: [Row]
        var members: [MemberRow]
        var people: [PersonRow]
        var hasPeople: Bool
        var records: [RecordView]
        var hasRecords: Bool
    }

    var frame: Frame
    var name: String
    var link: String
    var identifier: String
    var isList: Bool
    var isEvents: Bool
    /// What may be asked for.
    var label: String
    var result: Result?

    init(sync: String, kind: RecordKind, identifier: String, report: WhyReport?, frame: Frame, now: Date) {
        self.frame = frame
        isList = kind == .list
        isEvents = kind == .events
        label =
            switch kind {
            case .list: "Email or userId"
            case .users: "Key, email or userId"
            case .events: "Key, event id, email or userId"
            case .catalog: "Key"
            }
        name = DisplayText.safe(sync, limit: 80)
        link = SyncWords.link(sync)
        self.identifier = identifier
        result = report.map { report in
            Result(
                next: DisplayText.safe(report.nextStep, limit: 1000),
                rows: report.rows.map(Row.init),
                members: report.members.map { MemberRow($0, report.kind, now: now) }
                    + report.events.map { MemberRow($0, waitsUntil: report.waitsUntil($0), now: now) },
                people: report.acknowledgements.map(PersonRow.init), hasPeople: !report.acknowledgements.isEmpty,
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
    var hint: ProseView?
    var runID: String?
    var back: String
}

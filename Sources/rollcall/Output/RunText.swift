import Foundation
import RollcallCore
import SyncEngine

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
        var lines = console.flowed(
            ["\(console.styled(run.sync, .bold)) ", "\(console.styled(words, style(run.status))) ", run.id], depth: 2)
        lines.append(contentsOf: counts(run.counts, run.kind, status: run.status))
        if run.read?.mode != .all { lines.append(contentsOf: readLines(run.read)) }
        let took = run.finishedAt.map { ", took \(DisplayText.duration($0.timeIntervalSince(run.startedAt)))" } ?? ""
        lines += console.flowed(
            "  \(Self.target(run))\(run.trigger == .stream ? ", streamed" : ""), "
                + DisplayText.count(run.requests.sent, "request")
                + (run.requests.retried > 0 ? ", \(run.requests.retried) of them again" : "")
                + (run.requests.rateLimited > 0 ? ", \(run.requests.rateLimited) rate-limited" : "") + took)
        lines.append(contentsOf: advice(run))
        return lines.joined(separator: "\n")
    }

    /// How the rows were read, what it cost, and why it was done so.
    func readLines(_ read: AudienceRead?) -> [String] {
        guard let read else { return [] }
        let what =
            switch read.mode {
            case .all: "all rows were fetched"
            case .grouped: "all rows were fetched, with their groups"
            case .changed: "the rows of groups that changed were fetched"
            case .fallback: "all rows were fetched, as groups could not be compared"
            }
        let bytes = read.bytes.map { "\(DisplayText.grouped(Int($0))) bytes in " } ?? ""
        let cost = "  \(what): \(bytes)\(DisplayText.duration(read.seconds))"
        return [cost] + TextTable.wrap(DisplayText.safe(read.reason), console.width - 4).map { "    " + $0 }
    }

    /// What a run sends to: `list 42`, `catalog products`.
    static func target(_ run: SyncRun) -> String {
        if run.kind == .users { return "profiles" }
        if run.kind == .events { return events(named: run.target) }
        let name = run.kind == .list ? run.listID.map(String.init) : run.target.map { DisplayText.safe($0) }
        return "\(run.kind.rawValue) \(name ?? "not made yet")"
    }

    /// `events order_placed`; `events` where a column gives their names.
    static func events(named name: String?) -> String {
        guard let name, name != "events" else { return "events" }
        return "events \(DisplayText.safe(name))"
    }

    func counts(_ counts: RunCounts, _ kind: RecordKind, status: RunStatus?) -> [String] {
        let words = kind.words
        let read = "\(DisplayText.count(counts.rowsRead, "row")) read"
        let invalid = counts.invalid > 0 ? ", \(DisplayText.grouped(counts.invalid)) invalid" : ""
        let duplicates = counts.duplicates > 0 ? ", \(DisplayText.grouped(counts.duplicates)) duplicate" : ""
        let excluded = counts.excluded > 0 ? ", \(DisplayText.grouped(counts.excluded)) left out" : ""
        let records = DisplayText.count(counts.audience, words.one, words.many)
        let unchanged = DisplayText.grouped(counts.unchanged)
        let lines = console.flowed("  \(read)\(invalid)\(duplicates)\(excluded): \(records), \(unchanged) unchanged")
        let planned = counts.planned
        if status == nil || status == .held {
            return lines + console.flowed("  \(operations(planned, kind, isDone: false))\(Self.waiting(counts, kind))")
        }
        let done = "  \(operations(counts.succeeded, kind, isDone: true))\(Self.waiting(counts, kind))"
        let rest = [
            (counts.failed.total, "failed"), (counts.notAttempted.total, "not attempted"),
            (counts.unknown.total, "unknown"),
        ].filter { $0.0 > 0 }.map { ", \(DisplayText.grouped($0.0)) \($0.1)" }.joined()
        return lines + console.flowed(done + rest)
    }

    /// `, 2 waiting`, of events `, 1 found late`, and of catalogs `, 20 verified, 1 not verified`.
    private static func waiting(_ counts: RunCounts, _ kind: RecordKind) -> String {
        let forWhat = kind == .events ? "" : " for the next run"
        let waiting = counts.waiting > 0 ? ", \(DisplayText.grouped(counts.waiting)) waiting\(forWhat)" : ""
        let others = [(counts.late, "found late"), (counts.verified, "verified"), (counts.notVerified, "not verified")]
        return waiting + others.filter { $0.0 > 0 }.map { ", \(DisplayText.grouped($0.0)) \($0.1)" }.joined()
    }

    /// `12 to subscribe, 3 to unsubscribe`; of users, who mostly are updated and nothing else, only what there is. Events
    /// are sent, and nothing else.
    private func operations(_ counts: PerOperation, _ kind: RecordKind, isDone: Bool) -> String {
        let words = kind.words
        let phrase = { (number: Int, infinitive: String, participle: String) in
            "\(DisplayText.grouped(number)) \(isDone ? participle : "to \(infinitive)")"
        }
        guard kind == .users else {
            let put = phrase(counts.total(.put), words.put, words.isPut)
            return kind.hasRemovals
                ? put + ", " + phrase(counts.total(.remove), words.remove, words.isRemoved) : put
        }
        let others = [
            (counts.rename, "rename", "renamed"), (counts.clear, "clear", "cleared"),
            (counts.delete, "delete", "deleted"),
        ].filter { $0.0 > 0 }.map { phrase($0.0, $0.1, $0.2) }
        return ([phrase(counts.update, words.put, words.isPut)] + others).joined(separator: ", ")
    }

    func advice(_ run: SyncRun) -> [String] {
        var lines: [String] = []
        if let error = run.error {
            lines += console.flowed(DisplayText.safe(error.message), after: "  " + console.styled("error: ", .red))
            if let hint = error.hint { lines += console.flowed("  " + hint) }
        }
        if run.status == .held {
            lines.append(contentsOf: heldLines(run.held, run.kind))
            lines.append("  Nothing was sent. The way on is one of:")
            lines.append("    rollcall run --approve \(run.id)")
            lines.append("    rollcall run --discard \(run.id)")
        } else {
            let statuses = [
                (run.counts.invalid + run.counts.failed.total, "failed"), (run.counts.unknown.total, "unknown"),
            ].filter { $0.0 > 0 }.map(\.1)
            if !statuses.isEmpty { lines.append("  Which and why:") }
            lines += statuses.map { "    rollcall log --run \(run.id) --status \($0)" }
        }
        return lines
    }

    func heldLines(_ findings: [GuardFinding], _ kind: RecordKind) -> [String] {
        findings.flatMap { console.flowed($0.clause(kind), after: "  " + console.styled("held: ", .yellow)) }
    }

    /// Identifiers that count as none; of many, the most shared ones.
    func oversharedLines(_ found: [OversharedIdentifier]) -> [String] {
        found.prefix(10).flatMap { console.flowed(Self.words($0), after: "  " + console.styled("shared: ", .yellow)) }
            + (found.count > 10
                ? ["  and \(DisplayText.grouped(found.count - 10)) more identifiers that count as none"] : [])
    }

    /// One identifier that counts as none.
    static func words(_ found: OversharedIdentifier) -> String {
        let (kind, others) = found.kind == .email ? ("email", "userIds") : ("userId", "emails")
        return
            "the \(kind) \"\(DisplayText.safe(found.value))\" stands beside \(DisplayText.grouped(found.others)) different"
            + " \(others), so it counts as none (identity.max_sharing)"
    }
}

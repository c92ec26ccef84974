import ArgumentParser
import Foundation
import Logging
import Receivers
import RollcallCore
import SyncEngine

/// One line on stderr for each thing that happens while `serve` runs: text, or one JSON object. No line names a person.
struct ServeLog: Sendable {
    enum Format: String, CaseIterable, ExpressibleByArgument {
        case text
        case json
    }

    enum Level: String {
        case info
        case warning
        case error
    }

    let format: Format
    let console: Console

    func write(_ level: Level, _ event: String, _ message: String, _ fields: [(String, String)] = []) {
        let time = Date().iso8601
        switch format {
        case .json:
            let all = [("time", time), ("level", level.rawValue), ("event", event), ("message", message)] + fields
            console.note(JSON.object(all.map { ($0.0, .string($0.1)) }).text)
        case .text:
            let style: Console.Style = level == .error ? .red : level == .warning ? .yellow : .faint
            let mark = level == .info ? "" : console.styledError("\(level.rawValue): ", style)
            console.note("\(console.styledError(time, .faint)) \(mark)\(DisplayText.safe(Self.oneLine(message)))")
        }
    }

    /// Hints, and the lines of a configuration's errors, follow on the same line.
    static func oneLine(_ message: String) -> String {
        message.split(whereSeparator: \.isNewline)
            .map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty }
            .joined(separator: " · ")
    }

    func write(_ event: ServiceEvent) {
        switch event {
        case .started(let run):
            write(
                .info, "run_started", "\(run.sync): run \(run.id) started (\(run.trigger.rawValue))", Self.fields(run))
        case .ended(let run): ended(run)
        case .tick(let tick):
            if tick.outcome == .ran { return }
            let words = tick.outcome.rawValue.replacingOccurrences(of: "_", with: " ")
            write(
                .info, "tick", "\(tick.sync): tick of \(tick.dueAt.iso8601) \(words)",
                [("sync", tick.sync), ("due_at", tick.dueAt.iso8601), ("outcome", tick.outcome.rawValue)])
        case .alert(let alert):
            write(
                .warning, "alert", "\(alert.subject.words): \(alert.kind.rawValue)", Self.fields(alert))
        case .paused(let sync, let paused):
            write(.info, paused ? "paused" : "resumed", "\(sync): \(paused ? "paused" : "resumed")", [("sync", sync)])
        case .reloaded:
            write(.info, "reloaded", "the configuration was reloaded and is in effect")
        case .reloadRefused(let error):
            write(.error, "reload_refused", "the new configuration is refused, the old one stays:\n\(error)")
        case .problem(let problem):
            write(.error, "problem", "\(Self.name(problem.subject)): \(problem.error)", Self.fields(problem))
        case .solved(let problem):
            write(.info, "solved", "\(Self.name(problem.subject)): all right again", Self.fields(problem))
        case .progress(let live):
            guard case .note(let note) = live.progress else { return }
            write(.info, "note", "\(live.sync): \(note)", [("sync", live.sync), ("run_id", live.runID)])
        }
    }

    func write(_ note: ReceiverNote) {
        let level: Level =
            switch note.level {
            case .info: .info
            case .warning: .warning
            case .error: .error
            }
        let subject: (String, String) =
            switch note {
            case .bodyRejected(let receiver, _, _), .addressRefused(let receiver, _, _): ("receiver", receiver)
            case .warehouseAway(let warehouse, _, _), .warehouseBack(let warehouse), .spoolAdopted(let warehouse, _),
                .spoolDrained(let warehouse, _), .spoolDamaged(let warehouse, _), .spoolFull(let warehouse, _),
                .spoolUnusable(let warehouse, _), .keyChanged(let warehouse), .retentionFailed(let warehouse, _),
                .spoolWithoutWarehouse(let warehouse, _, _):
                ("warehouse", warehouse)
            }
        write(level, note.kind, note.text, [subject])
    }

    private func ended(_ run: SyncRun) {
        let level: Level =
            switch run.status {
            case .failed: .error
            case .completedWithFailures, .held, .interrupted, .cancelled: .warning
            case .succeeded, .skipped, .queued, .running: .info
            }
        let (counts, kind) = (run.counts, run.kind.words)
        let words = run.status.rawValue.replacingOccurrences(of: "_", with: " ")
        let reason = run.error.map { ": \($0.message)" } ?? ""
        let (put, removed) = ("\(counts.succeeded.total(.put))", "\(counts.succeeded.total(.remove))")
        var (numbers, done) = ("\(put) \(kind.isPut)", [(kind.isPut, put)])
        if run.kind.hasRemovals {
            numbers += ", \(removed) \(kind.isRemoved)"
            done.append((kind.removedLabel, removed))
        }
        var fields = Self.fields(run)
        fields.append(("status", run.status.rawValue))
        fields.append((run.kind == .list ? "audience" : "records", "\(counts.audience)"))
        fields += done
        fields += [
            ("failed", "\(counts.failed.total)"), ("invalid", "\(counts.invalid)"),
            ("unknown", "\(counts.unknown.total)"), ("not_attempted", "\(counts.notAttempted.total)"),
        ]
        if run.kind == .events { fields += [("waiting", "\(counts.waiting)"), ("late", "\(counts.late)")] }
        if let error = run.error { fields.append(("error_code", error.code)) }
        write(
            level, "run_ended",
            "\(run.sync): run \(run.id) \(words), \(numbers), \(counts.failed.total + counts.invalid) failed\(reason)",
            fields)
    }

    static func fields(_ alert: Alert) -> [(String, String)] {
        let subject: (String, String) =
            switch alert.subject {
            case .sync(let name): ("sync", name)
            case .receiver(let name): ("receiver", name)
            }
        return [subject, ("kind", alert.kind.rawValue)]
    }

    private static func fields(_ run: SyncRun) -> [(String, String)] {
        [("sync", run.sync), ("run_id", run.id), ("trigger", run.trigger.rawValue)]
    }

    private static func fields(_ problem: ServiceProblem) -> [(String, String)] {
        let subject: [(String, String)] =
            switch problem.subject {
            case .warehouse(let name): [("warehouse", name)]
            case .sync(let name): [("sync", name)]
            case .configuration: []
            }
        return subject + [("error_code", problem.error.code)]
    }

    private static func name(_ subject: ServiceProblem.Subject) -> String {
        switch subject {
        case .warehouse(let name): "warehouse \(name)"
        case .sync(let name): "sync \(name)"
        case .configuration: "configuration"
        }
    }
}

/// What libraries log, in the same form.
struct ServeLogHandler: LogHandler {
    let log: ServeLog
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.warning

    init(_ log: ServeLog) { self.log = log }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let level: ServeLog.Level =
            event.level >= .error ? .error : event.level >= .warning ? .warning : .info
        let fields = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
            .map { ($0.key, "\($0.value)") }
        let tail = log.format == .text ? fields.map { " \($0.0)=\($0.1)" }.joined() : ""
        log.write(level, "log", "\(event.message)\(tail)", fields)
    }
}

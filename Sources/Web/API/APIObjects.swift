import RollcallCore
import SyncEngine
import Warehouse

/// Rollcall's words as JSON. The names are those of the state tables and of `run --json`.
enum APIObject {
    static func run(_ run: SyncRun) -> JSON { RunJSON(run).json }

    static func sync(_ status: SyncStatus) -> JSON {
        let settings = status.settings
        return .object([
            ("sync", .string(settings.name)), ("state", .string(SyncState(status).rawValue)),
            ("enabled", .bool(settings.enabled)), ("paused", .bool(status.isPaused)),
            ("warehouse", .string(settings.warehouse)), ("state_warehouse", .string(status.stateWarehouse)),
            ("destination", .string(settings.destination)),
            ("kind", .string(settings.kind.rawValue)), ("list_id", .integer(status.listID)),
            ("schedule", schedule(settings.schedule)),
            ("stream_settings", settings.stream.map(StreamObject.settings) ?? .null),
            ("stream", status.stream.map(StreamObject.state) ?? .null),
            ("members", .integer(status.members)), ("next_due_at", .time(status.nextDue)),
            ("latest_tick", status.latestTick.map(tick) ?? .null), ("latest_run", status.latestRun.map(run) ?? .null),
            ("held_run_id", .string(status.heldRun?.id)), ("live", status.live.map(live) ?? .null),
            ("problem", status.problem.map(error) ?? .null),
        ])
    }

    static func schedule(_ schedule: ScheduleSettings?) -> JSON {
        guard let schedule else { return .null }
        return .object(["every": .string(schedule.every.rawValue), "at": .string(schedule.timeOfDay)])
    }

    static func tick(_ tick: Tick) -> JSON {
        .object([
            "sync": .string(tick.sync), "due_at": .time(tick.dueAt), "outcome": .string(tick.outcome.rawValue),
            "run_id": .string(tick.runID), "lateness_seconds": .number(tick.latenessSeconds),
        ])
    }

    static func live(_ live: LiveRun) -> JSON {
        let progress = Phase(live.progress)
        return .object([
            "run_id": .string(live.runID), "sync": .string(live.sync), "trigger": .string(live.trigger.rawValue),
            "started_at": .time(live.startedAt), "phase": .string(progress.name), "done": .integer(progress.done),
            "total": .integer(progress.total), "changes_per_second": .number(live.changesPerSecond),
            "seconds_left": .number(live.secondsLeft),
            "requests": .object([
                "sent": .integer(live.requests.sent), "retried": .integer(live.requests.retried),
                "rate_limited": .integer(live.requests.rateLimited),
            ]),
        ])
    }

    static func record(_ record: LogRecord) -> JSON {
        var names: [(key: String, value: JSON)] =
            record.recordKey == nil && record.itemID == nil
            ? [] : [("record_key", .string(record.recordKey)), ("item_id", .string(record.itemID))]
        if record.eventName != nil || record.eventID != nil {
            names += [("event_name", .string(record.eventName)), ("event_id", .string(record.eventID))]
        }
        return .object(
            [
                ("record_id", .string(String(record.recordID))), ("run_id", .string(record.runID)),
                ("sync", .string(record.sync)), ("email", .string(record.email)), ("user_id", .string(record.userID)),
                ("operation", .string(record.operation)), ("status", .string(record.status)),
                ("error_code", .string(record.errorCode)), ("error_reason", .string(record.errorReason)),
                ("http_status", .integer(record.httpStatus)), ("attempts", .integer(record.attempts)),
                ("logged_at", .time(record.loggedAt)),
            ] + names)
    }

    static func alert(_ alert: Alert) -> JSON {
        .object([
            "kind": .string(alert.kind.rawValue), "sync": .string(alert.sync),
            "receiver": .string(alert.receiver), "since": .time(alert.since), "run": alert.run.map(run) ?? .null,
        ])
    }

    static func error(_ error: RunError) -> JSON {
        .object(["code": .string(error.code), "message": .string(error.message), "hint": .string(error.hint)])
    }

    static func why(_ report: WhyReport, sync: String, identifier: String) -> JSON {
        if report.kind == .events { return WhyEventObject(report).json(sync: sync, identifier: identifier) }
        if report.kind != .list { return whyRecord(report, sync: sync, identifier: identifier) }
        let rows = report.rows.map { row -> JSON in
            .object([
                "email": .string(row.email), "user_id": .string(row.userID), "valid": .bool(row.isValid),
                "error_code": .string(row.failure?.code), "error_reason": .string(row.failure?.reason),
                "represented_by_email": .string(row.representative?.email),
                "represented_by_user_id": .string(row.representative?.userID),
            ])
        }
        let members = report.members.map { entry -> JSON in
            .object([
                "email": .string(entry.member.identity.email), "user_id": .string(entry.member.identity.userID),
                "state": .string(entry.member.state.rawValue), "since_run_id": .string(entry.sinceRunID),
                "since": .time(entry.since),
            ])
        }
        return .object([
            "sync": .string(sync), "identifier": .string(identifier),
            "in_audience": .bool(report.rows.contains(where: \.isValid)), "audience": .array(rows),
            "snapshot": .array(members), "next": .string(report.nextStep),
            "log": .array(report.records.map(record)),
        ])
    }

    private static func whyRecord(_ report: WhyReport, sync: String, identifier: String) -> JSON {
        let rows = report.rows.map { row -> JSON in
            .object([
                "record_key": .string(row.recordKey), "valid": .bool(row.isValid),
                "error_code": .string(row.failure?.code), "error_reason": .string(row.failure?.reason),
            ])
        }
        let entries = report.members.map { entry -> JSON in
            .object([
                "record_key": .string(entry.member.record?.key), "email": .string(entry.member.identity.email),
                "user_id": .string(entry.member.identity.userID), "item_id": .string(entry.member.record?.itemID),
                "state": .string(entry.member.state.word(report.kind)), "since_run_id": .string(entry.sinceRunID),
                "since": .time(entry.since),
            ])
        }
        return .object([
            "sync": .string(sync), "identifier": .string(identifier),
            "in_source": .bool(report.rows.contains(where: \.isValid)), "source": .array(rows),
            "snapshot": .array(entries), "next": .string(report.nextStep), "log": .array(report.records.map(record)),
        ])
    }

    /// A page of a list.
    static func page(_ items: [JSON], next: String?, also fields: [(key: String, value: JSON)] = []) -> JSON {
        .object([("items", .array(items)), ("next", .string(next))] + fields)
    }
}

extension ScheduleSettings {
    /// `06:00`
    var timeOfDay: String {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(two(at / 3600)):\(two(at % 3600 / 60))"
    }
}

/// A sync in one word.
enum SyncState: String, Sendable, CaseIterable {
    /// Its warehouse cannot be reached.
    case unreachable
    case running
    case held
    case paused
    case disabled
    /// Its latest run failed, or each would, because its state is in another warehouse or may be; or its stream has ended with an
    /// error and is tried again.
    case failing
    /// Sends what is new as it comes, in whichever process.
    case streaming
    /// Waits for its next tick.
    case scheduled
    /// Runs on demand only.
    case manual

    init(_ status: SyncStatus) {
        if status.problem != nil, !status.isMissingState {
            self = .unreachable
        } else if status.isRunning {
            self = status.isStreaming ? .streaming : .running
        } else if status.heldRun != nil {
            self = .held
        } else if !status.settings.enabled {
            self = .disabled
        } else if status.isPaused {
            self = .paused
        } else if status.isMissingState || status.latestRun?.status == .failed || status.streamProblem != nil {
            self = .failing
        } else if status.settings.stream != nil {
            self = .streaming
        } else {
            self = status.settings.schedule == nil ? .manual : .scheduled
        }
    }
}

/// What a run is busy with, with its numbers.
struct Phase: Sendable {
    var name: String
    var done: Int?
    var total: Int?
    /// For people.
    var words: String

    init(_ progress: RunProgress) {
        switch progress {
        case .opened: (name, words) = ("opened", "starting")
        case .requests: (name, words) = ("sending", "sending")
        case .readingSnapshot: (name, words) = ("reading_snapshot", "reading the snapshot")
        case .readingAudience(let rows):
            (name, done, words) = ("reading_audience", rows, "reading the audience: \(DisplayText.count(rows, "row"))")
        case .staging(let changes):
            (name, total, words) = ("staging", changes, "staging \(DisplayText.count(changes, "change"))")
        case .sending(let done, let total):
            (name, words) = ("sending", "sent \(DisplayText.grouped(done)) of \(DisplayText.grouped(total))")
            (self.done, self.total) = (done, total)
        case .waiting(let seconds, let reason):
            (name, words) = ("waiting", "waiting \(DisplayText.duration(seconds)): \(reason)")
        case .note(let text): (name, words) = ("note", text)
        case .finishing: (name, words) = ("finishing", "finishing")
        }
    }
}

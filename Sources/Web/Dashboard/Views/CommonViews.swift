import Foundation
import RollcallCore
import SyncEngine
import Warehouse

/// What all pages share.
struct Frame: PageView {
    var title: String
    var version: String
    /// Whether the page follows what happens.
    var live = false
    /// Seconds until it is made again though nothing has happened; nil: half a minute.
    var every: Int?
    /// Only events of this sync matter to the page.
    var sync: String?
    /// Whether there are receivers to go to, and whether the page is about them.
    var hasReceivers = false
    var isOfReceivers = false
    var user: String?
    var isOperator = false
    var canLogOut = false
    var formToken = ""
}

/// What the records of a kind are called, and what is done to them.
struct WordsView: PageView {
    var one: String
    var many: String
    var put: String
    var remove: String
    var target: String
    /// As headings.
    var People: String
    var Put: String
    var Removed: String
    /// Whether a sync of the kind may take something away again.
    var hasRemovals: Bool

    init(_ kind: RecordKind) {
        let words = kind.words
        (one, many, put, remove, target) = (words.one, words.many, words.put, words.remove, words.target)
        People = words.many.capitalized
        (Put, Removed) =
            kind == .list ? ("Entered", "Left") : (Self.heading(words.isPut), Self.heading(words.isRemoved))
        hasRemovals = kind.hasRemovals
    }

    /// With a capital letter at its beginning only.
    private static func heading(_ words: String) -> String { words.prefix(1).uppercased() + words.dropFirst() }
}

/// A word with a colour.
struct BadgeView: PageView {
    enum Kind: String { case good, warn, bad, run, calm }

    var words: String
    var kind: String

    init(_ words: String, _ kind: Kind) {
        self.words = words.replacing("_", with: " ")
        self.kind = kind.rawValue
    }

    init(_ status: RunStatus) {
        let kind: Kind =
            switch status {
            case .succeeded: .good
            case .completedWithFailures, .held, .interrupted: .warn
            case .failed: .bad
            case .queued, .running: .run
            case .cancelled, .skipped: .calm
            }
        self.init(status.rawValue, kind)
    }

    init(_ state: SyncState, latest: RunStatus?) {
        switch state {
        case .unreachable, .failing: self.init(state.rawValue, .bad)
        case .running: self.init(state.rawValue, .run)
        case .held: self.init(state.rawValue, .warn)
        case .paused, .disabled: self.init(state.rawValue, .calm)
        case .streaming: self.init(state.rawValue, .good)
        case .scheduled, .manual:
            let isWarned = latest == .completedWithFailures || latest == .interrupted
            self.init(state.rawValue, latest == nil ? .calm : isWarned ? .warn : .good)
        }
    }

    init(_ outcome: TickOutcome) {
        let kind: Kind =
            switch outcome {
            case .ran: .good
            case .pending: .run
            case .missed, .skippedHeld: .warn
            case .skippedRunning, .skippedPaused, .skippedDisabled: .calm
            }
        self.init(outcome.rawValue, kind)
    }

    /// Of a record.
    init(recordStatus status: String) {
        let kind: Kind =
            switch status {
            case "succeeded": .good
            case "failed": .bad
            case "unknown": .warn
            default: .calm
            }
        self.init(status, kind)
    }

    init(_ state: MemberState, _ records: RecordKind) {
        let kind: Kind =
            switch state {
            case .subscribed: .good
            case .subscribing, .unsubscribing: .warn
            case .rejected: .bad
            }
        self.init(state.word(records), kind)
    }

    init(_ state: EventState) {
        let kind: Kind =
            switch state {
            case .sent: .good
            case .sending, .waiting: .warn
            case .rejected: .bad
            case .skipped: .calm
            }
        self.init(state.rawValue, kind)
    }
}

/// A time, in words and exactly.
struct TimeView: PageView {
    var iso: String
    var exact: String
    var words: String

    /// `3 min ago`, `in 12 min`; a date where that is more than two days away.
    init(_ time: Date, now: Date) {
        iso = time.iso8601
        exact = Self.minute(time) + " UTC"
        let seconds = time.timeIntervalSince(now)
        let distance = abs(seconds)
        if distance >= 2 * 86400 {
            words = Self.minute(time)
        } else if distance < 5 {
            words = "now"
        } else {
            let span = DisplayText.duration(distance < 60 ? distance.rounded() : (distance / 60).rounded() * 60)
            words = seconds > 0 ? "in \(span)" : "\(span) ago"
        }
    }

    /// `2026-11-21 06:00`
    static func minute(_ time: Date) -> String {
        String(time.iso8601.prefix(16)).replacing("T", with: " ")
    }
}

/// A run in progress in this process.
struct LiveView: PageView {
    /// Whether there is a number to show as a bar.
    var bar = false
    var done = 0
    var total = 0
    var words: String
    var rate: String?
    var left: String?
    var requests: String

    init(_ live: LiveRun) {
        let phase = Phase(live.progress)
        words = DisplayText.safe(phase.words, limit: 200)
        if let done = phase.done, let total = phase.total, total > 0 {
            (bar, self.done, self.total) = (true, done, total)
        }
        if let perSecond = live.changesPerSecond, perSecond > 0 {
            rate = "\(DisplayText.grouped(Int(min(perSecond, 1e9).rounded()))) a second"
        }
        left = live.secondsLeft.map(DisplayText.duration)
        requests =
            DisplayText.count(live.requests.sent, "request")
            + ", \(DisplayText.grouped(live.requests.retried)) sent again, "
            + "\(DisplayText.grouped(live.requests.rateLimited)) rate-limited (429)"
    }
}

/// A row of the log.
struct RecordView: PageView {
    var who: String
    var operation: String
    var badge: BadgeView
    var code: String?
    var reason: String
    var http: String
    var attempts: Int
    var when: TimeView

    init(_ record: LogRecord, now: Date) {
        let names = [record.recordKey, record.eventName].compactMap(\.self).map { DisplayText.safe($0, limit: 120) }
        who = names.isEmpty ? Self.person(record.email, record.userID) : names.joined(separator: " · ")
        operation = record.operation
        badge = BadgeView(recordStatus: record.status)
        code = record.errorCode
        reason = DisplayText.safe(record.errorReason ?? "", limit: 500)
        http = record.httpStatus.map(String.init) ?? ""
        attempts = record.attempts
        when = TimeView(record.loggedAt, now: now)
    }

    static func person(_ email: String?, _ userID: String?) -> String {
        let parts = [email, userID].compactMap(\.self).map { DisplayText.safe($0, limit: 120) }
        return parts.isEmpty ? "(nobody)" : parts.joined(separator: " · ")
    }
}

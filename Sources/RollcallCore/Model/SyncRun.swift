package import Foundation

/// What set a run off.
package enum RunTrigger: String, Sendable, Codable {
    case manual
    case schedule
    case api
    /// An hour of a stream, or a part of one.
    case stream
}

/// Where a run stands. `queued` and `running` are the only ones that change by themselves; `held` waits for a person.
package enum RunStatus: String, Sendable, Codable, CaseIterable {
    case queued
    case running
    case succeeded
    case completedWithFailures = "completed_with_failures"
    case failed
    case held
    case cancelled
    case skipped
    case interrupted

    /// True once nothing about the run will change any more.
    package var isFinal: Bool {
        switch self {
        case .queued, .running, .held: false
        case .succeeded, .completedWithFailures, .failed, .cancelled, .skipped, .interrupted: true
        }
    }
}

/// Deliveries (subscribe and unsubscribe requests) of one run. `sent` includes the retries.
package struct RequestCounts: Sendable, Equatable {
    package var sent = 0
    package var retried = 0
    package var rateLimited = 0

    package init(sent: Int = 0, retried: Int = 0, rateLimited: Int = 0) {
        self.sent = sent
        self.retried = retried
        self.rateLimited = rateLimited
    }
}

/// Why a run did not do what was asked, for people and for programs.
package struct RunError: Sendable, Equatable, Codable, Error {
    /// Lower-case words joined by underscores; stable, listed in docs/errors.md.
    package var code: String
    /// One sentence: what happened, where.
    package var message: String
    /// How to fix it; nil where nothing can be advised.
    package var hint: String?

    package init(code: String, message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
    }
}

extension RunError: CustomStringConvertible {
    package var description: String { hint.map { "\(message)\n  \($0)" } ?? message }
}

/// A guard that a plan ran into.
package struct GuardFinding: Sendable, Equatable, Codable {
    /// `max_removals`, `max_changes`, `max_identity_changes`, `max_invalid`, `allow_empty`, `max_events`, `max_age`, `backfill`, or `api_key`: a catalog's items would be deleted with another key.
    package var `guard`: String
    /// The limit as configured: `25%`, `100`, `false`.
    package var limit: String
    /// What the plan has: `40% (400 of 1000)`.
    package var observed: String

    package init(guard: String, limit: String, observed: String) {
        self.guard = `guard`
        self.limit = limit
        self.observed = observed
    }
}

extension RecordKind {
    /// What becomes of records whose rows are gone, as an infinitive.
    fileprivate var removing: String {
        switch self {
        case .list, .events: "remove"
        case .users: "clear or delete"
        case .catalog: "delete"
        }
    }
}

extension GuardFinding {
    private var observedEvents: String { observed == "1" ? "1 event" : "\(observed) events" }

    /// What the plan would do and what is allowed, as a clause without a full stop.
    package func clause(_ kind: RecordKind) -> String {
        switch self.guard {
        case "allow_empty":
            "the \(kind == .list ? "audience" : "source") has no valid row, and guards.allow_empty is false"
        case "api_key":
            "it would \(kind.removing) \(observed) \(kind.words.many) with another API key than they were sent with, which may be"
                + " that of another project"
        case "max_changes":
            "it would change \(observed) of the \(kind.words.many) that Iterable has from this sync, and guards.max_changes"
                + " allows \(limit)"
        case "max_identity_changes":
            "it would give another address to \(observed) of the \(kind.words.many) that Iterable has from this sync, and"
                + " guards.max_identity_changes allows \(limit)"
        case "max_events": "it would send \(observedEvents), and guards.max_events allows \(limit)"
        case "max_age":
            "it would send \(observedEvents) that happened longer ago than \(limit), which is what guards.max_age allows"
        case "backfill":
            "it would send \(observedEvents) from before the time of which Rollcall knows what it sent, some perhaps a second time"
        case "max_invalid": "\(observed) of the rows are invalid, and guards.max_invalid allows \(limit)"
        default:
            "it would \(kind.removing) \(observed) \(kind == .list ? "members" : kind.words.many), and"
                + " guards.\(self.guard) allows \(limit)"
        }
    }
}

/// One run of one sync: a row of `sync_runs`.
package struct SyncRun: Sendable, Equatable {
    /// A UUID of version 7, lower-case.
    package var id: String
    package var sync: String
    package var destination: String
    package var kind = RecordKind.list
    /// Name of the list or catalog, name of the event, or `users`; nil until it is known.
    package var target: String?
    /// nil until the list is known.
    package var listID: Int64?
    package var trigger: RunTrigger
    package var status: RunStatus
    package var startedAt: Date
    package var finishedAt: Date?
    package var counts = RunCounts()
    package var requests = RequestCounts()
    package var error: RunError?
    /// Of a run under way: what it ends with where nothing worse happens, although every record was taken.
    package var warning: RunError?
    /// Set while the run is held, and kept afterwards.
    package var held: [GuardFinding] = []
    /// Whether every member is sent again (`--full`).
    package var full = false
    /// How the rows were read; nil: no plan came about, or an earlier version made it.
    package var read: AudienceRead?

    package init(
        id: String, sync: String, destination: String, trigger: RunTrigger, status: RunStatus, startedAt: Date
    ) {
        self.id = id
        self.sync = sync
        self.destination = destination
        self.trigger = trigger
        self.status = status
        self.startedAt = startedAt
    }
}

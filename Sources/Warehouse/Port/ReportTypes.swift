public import Foundation
public import RollcallCore

public struct RunFilter: Sendable, Equatable {
    public var sync: String?
    public var status: RunStatus?
    public var limit = 50
    /// Only runs with a smaller id (ids grow with time).
    public var before: String?
    /// Only runs that started at this time or later.
    public var since: Date?
    /// Only runs that go on, or ended at this time or later, whenever they started: one that was held may be approved days later.
    public var endedSince: Date?

    public init(
        sync: String? = nil, status: RunStatus? = nil, limit: Int = 50, before: String? = nil, since: Date? = nil,
        endedSince: Date? = nil
    ) {
        self.sync = sync
        self.status = status
        self.limit = limit
        self.before = before
        self.since = since
        self.endedSince = endedSince
    }
}

public struct RecordFilter: Sendable, Equatable {
    public var sync: String?
    public var runID: String?
    public var status: String?
    public var since: Date?
    /// Rows whose email, userId, record key, item id or event id is one of these.
    public var identifiers: [String] = []
    /// nil: all.
    public var limit: Int?
    /// Only rows with a smaller `recordID`.
    public var before: Int64?

    public init() {}
}

/// A row of `sync_log`.
public struct LogRecord: Sendable, Equatable {
    /// The columns of a table of records, as `log` and the API's downloads have them.
    public static let columns = [
        "run_id", "sync_name", "email", "user_id", "operation", "status", "error_code", "error_reason", "http_status",
        "attempts", "logged_at",
    ]

    /// Further columns where there are records of other kinds than lists.
    public static let recordColumns = ["record_key", "item_id", "event_name", "event_id"]

    public var recordID: Int64
    public var runID: String
    public var sync: String
    public var email: String?
    public var userID: String?
    /// `validate`, or the raw value of an ``Operation``.
    public var operation: String
    /// `succeeded`, `failed`, `unknown` or `not_attempted`.
    public var status: String
    public var errorCode: String?
    public var errorReason: String?
    public var httpStatus: Int?
    public var attempts: Int
    public var loggedAt: Date
    /// Of other kinds than lists.
    public var recordKey: String?
    /// Of catalogs.
    public var itemID: String?
    /// Of events.
    public var eventName: String?
    public var eventID: String?

    public init(
        recordID: Int64, runID: String, sync: String, email: String?, userID: String?, operation: String,
        status: String, errorCode: String?, errorReason: String?, httpStatus: Int?, attempts: Int, loggedAt: Date,
        recordKey: String? = nil, itemID: String? = nil, eventName: String? = nil, eventID: String? = nil
    ) {
        self.recordID = recordID
        self.runID = runID
        self.sync = sync
        self.email = email
        self.userID = userID
        self.operation = operation
        self.status = status
        self.errorCode = errorCode
        self.errorReason = errorReason
        self.httpStatus = httpStatus
        self.attempts = attempts
        self.loggedAt = loggedAt
        self.recordKey = recordKey
        self.itemID = itemID
        self.eventName = eventName
        self.eventID = eventID
    }
}

/// Retention of one sync; rows older than `days` × 24 hours go.
public struct RetentionPolicy: Sendable, Equatable {
    public var sync: String
    public var days: Int

    public init(sync: String, days: Int) {
        self.sync = sync
        self.days = days
    }
}

public struct PruneResult: Sendable, Equatable {
    public var runs: Int
    public var records: Int
    public var ticks: Int

    public init(runs: Int = 0, records: Int = 0, ticks: Int = 0) {
        self.runs = runs
        self.records = records
        self.ticks = ticks
    }
}

package import Foundation
package import RollcallCore

package struct RunFilter: Sendable, Equatable {
    package var sync: String?
    package var status: RunStatus?
    package var limit = 50
    /// Only runs with a smaller id (ids grow with time).
    package var before: String?
    /// Only runs that started at this time or later.
    package var since: Date?
    /// Only runs that go on, or ended at this time or later, whenever they started: one that was held may be approved days later.
    package var endedSince: Date?

    package init(
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

package struct RecordFilter: Sendable, Equatable {
    package var sync: String?
    package var runID: String?
    package var status: String?
    package var since: Date?
    /// Rows whose email, userId, record key, item id or event id is one of these.
    package var identifiers: [String] = []
    /// nil: all.
    package var limit: Int?
    /// Only rows with a smaller `recordID`.
    package var before: Int64?

    package init() {}
}

/// A row of `sync_log`.
package struct LogRecord: Sendable, Equatable {
    /// The columns of a table of records, as `log` and the API's downloads have them.
    package static let columns = [
        "run_id", "sync_name", "email", "user_id", "operation", "status", "error_code", "error_reason", "http_status",
        "attempts", "logged_at",
    ]

    /// Further columns where there are records of other kinds than lists.
    package static let recordColumns = ["record_key", "item_id", "event_name", "event_id"]

    package var recordID: Int64
    package var runID: String
    package var sync: String
    package var email: String?
    package var userID: String?
    /// `validate`, or the raw value of an ``Operation``.
    package var operation: String
    /// `succeeded`, `failed`, `unknown` or `not_attempted`.
    package var status: String
    package var errorCode: String?
    package var errorReason: String?
    package var httpStatus: Int?
    package var attempts: Int
    package var loggedAt: Date
    /// Of other kinds than lists.
    package var recordKey: String?
    /// Of catalogs.
    package var itemID: String?
    /// Of events.
    package var eventName: String?
    package var eventID: String?

    package init(
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
package struct RetentionPolicy: Sendable, Equatable {
    package var sync: String
    package var days: Int

    package init(sync: String, days: Int) {
        self.sync = sync
        self.days = days
    }
}

package struct PruneResult: Sendable, Equatable {
    package var runs: Int
    package var records: Int
    package var ticks: Int

    package init(runs: Int = 0, records: Int = 0, ticks: Int = 0) {
        self.runs = runs
        self.records = records
        self.ticks = ticks
    }
}

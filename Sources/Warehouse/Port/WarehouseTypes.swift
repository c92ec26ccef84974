public import Foundation
public import RollcallCore

/// Why a call to a warehouse failed.
public struct WarehouseError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: String, Sendable {
        /// No connection, or it was lost: server down, restarted, network, authentication.
        case connection
        /// The role lacks a right; the hint has the GRANT.
        case permission
        /// A table, column, schema or file is missing.
        case missing
        /// The state tables are.
        case stateMissing = "state_missing"
        /// The user's query or its types are refused.
        case query
        /// Another writer holds the database, a deadlock or a serialisation failure, after own retries.
        case busy
        /// Disk or database full, or the file cannot be written.
        case storage
        /// A statement took longer than allowed.
        case timeout
        /// A standby ended the reading of a source, since changes of its primary had to be replayed.
        case recoveryConflict = "recovery_conflict"
        /// Another session locked what a source reads after its first rows had come.
        case lockTimeout = "lock_timeout"
        /// A source gave other rows than those of which it had said digests; they can be read without digests.
        case inconsistent
        /// The sync's lease is another's now.
        case leaseLost = "lease_lost"
        /// Another file has taken the place of the database's file since the lease was taken.
        case replaced
        /// The state tables are of a newer version than this binary knows.
        case schemaTooNew = "schema_too_new"
        /// What was asked does not fit the present state (a run that is not held, a second open run …).
        case conflict
        /// The sync's state was moved away; ``WarehouseError/elsewhere`` names where.
        case stateElsewhere = "state_elsewhere"
        /// A defect in Rollcall or the database.
        case other
    }

    public var kind: Kind
    public var error: RunError
    /// Whether the call was given up because its caller asked to stop (``WarehouseWait/isStopped``).
    public internal(set) var wasStopped = false
    /// The constraint that refused a row, where the database names one.
    var constraint: String?
    /// The name of the warehouse that has the sync's state, of ``Kind/stateElsewhere``.
    public internal(set) var elsewhere: String?

    public init(_ kind: Kind, code: String? = nil, _ message: String, hint: String? = nil) {
        self.kind = kind
        self.error = RunError(code: code ?? "warehouse_\(kind.rawValue)", message: message, hint: hint)
    }

    public var description: String { error.description }

    /// Whether what passes ended the reading of a source in its middle, so that it can only be begun again from its start.
    public var endsReading: Bool { kind == .recoveryConflict || kind == .lockTimeout }

    /// Whether the same call may succeed a little later.
    public var isTransient: Bool {
        kind == .connection || kind == .busy || kind == .timeout || kind == .inconsistent || endsReading
    }
}

extension SyncRun {
    /// - Throws: ``WarehouseError/Kind/conflict`` where the run is at rest and what it counts does not add up; nothing is to be
    ///   written then.
    public func proveBalance() throws(WarehouseError) {
        guard status.isFinal || status == .held, !counts.balances else { return }
        throw WarehouseError(.conflict, "The counts of the run \(id) do not add up; this is a fault of Rollcall.")
    }
}

/// The right to run one sync, until it ends or is taken over.
public struct Lease: Sendable, Equatable {
    public var sync: String
    public var holder: String
    /// Strictly increasing for each sync.
    public var token: Int64
    /// Whether the state had no secret key of the sync when the lease was taken: nothing was ever sent from it.
    public var isNew: Bool

    public init(sync: String, holder: String, token: Int64, isNew: Bool = false) {
        self.sync = sync
        self.holder = holder
        self.token = token
        self.isNew = isNew
    }
}

public enum LeaseAttempt: Sendable, Equatable {
    case acquired(Lease)
    /// Another holder has it for `secondsLeft` more; `runID` is its open run, if it has one.
    case busy(holder: String, secondsLeft: Double, runID: String?)
}

public struct MigrationResult: Sendable, Equatable {
    /// nil: there were no tables.
    public var from: Int?
    public var to: Int

    public init(from: Int?, to: Int) {
        self.from = from
        self.to = to
    }
}

/// One line of `rollcall check`.
public struct Finding: Sendable, Equatable {
    /// What was looked at: `connection`, `state schema rollcall`, `audience vip_customers` …
    public var subject: String
    public var isFine: Bool
    /// What was found.
    public var detail: String
    /// How to fix it: the SQL to run, where that is the fix.
    public var fix: String?

    public init(subject: String, isFine: Bool, detail: String, fix: String? = nil) {
        self.subject = subject
        self.isFine = isFine
        self.detail = detail
        self.fix = fix
    }
}

/// A column of an audience.
public struct AudienceColumn: Sendable, Equatable {
    public var name: String
    /// The database's name of the type, lower-case (`character varying`, `uuid`, `double precision`); "" where it declares none.
    public var type: String
    /// Whether values of this type have a text form that can be an identifier: integers, numeric, uuid, text kinds,
    /// citext, enums (and undeclared columns of SQLite). False for float, boolean, date and time, bytes, JSON, arrays.
    public var canIdentify: Bool
    /// What its values are, as the content of a field.
    public var family: ColumnFamily

    public init(name: String, type: String, canIdentify: Bool, family: ColumnFamily) {
        self.name = name
        self.type = type
        self.canIdentify = canIdentify
        self.family = family
    }
}

/// The columns to read; at least one is set. Names are exactly as ``AudienceColumn/name`` has them.
public struct IdentifierColumns: Sendable, Equatable {
    public var email: String?
    public var userID: String?

    public init(email: String?, userID: String?) {
        self.email = email
        self.userID = userID
    }
}

/// The columns to read of rows with content. Names are exactly as ``AudienceColumn/name`` has them.
public struct RecordColumns: Sendable, Equatable {
    /// May have none.
    public var identifiers: IdentifierColumns
    /// One cell for each; a column may come more than once.
    public var fields: [String]
    /// Which rows are wanted; nil: all. A warehouse may give others as well.
    public var bound: RowBound?

    public init(identifiers: IdentifierColumns, fields: [String], bound: RowBound? = nil) {
        self.identifiers = identifiers
        self.fields = fields
        self.bound = bound
    }
}

/// Rows at a position of a column or later, and those that have none (NULL, or a value of another type).
public struct RowBound: Sendable, Equatable {
    public var column: String
    /// Of the column: whole numbers, dates, timestamps, or texts that hold dates or timestamps.
    public var family: ColumnFamily
    /// Microseconds since 1970, or the whole number; nil: the column has no lower bound.
    public var position: Int64?
    /// Whether rows without a position are wanted too. If not, a warehouse may still give them.
    public var takesRowsWithoutPosition = true
    /// Whether the rows come in the order of the column, as the database sorts it; those without a position last. Where texts hold
    /// times in several forms, that is not quite the order of their positions.
    public var isOrdered = false

    public init(column: String, family: ColumnFamily, position: Int64?) {
        self.column = column
        self.family = family
        self.position = position
    }
}

/// The text form of one value. A column that is not read gives `.null`.
public struct AudienceCell {
    /// nil: NULL.
    public var bytes: UnsafeRawBufferPointer?
    /// False: the value is of a kind that cannot be an identifier (SQLite's floats and blobs, numerics with a
    /// fraction, NaN); `bytes` then show it for the log.
    public var isIdentifier: Bool

    @inlinable
    public init(bytes: UnsafeRawBufferPointer?, isIdentifier: Bool = true) {
        self.bytes = bytes
        self.isIdentifier = isIdentifier
    }

    @inlinable public static var null: AudienceCell { AudienceCell(bytes: nil) }
}

/// What `stage` writes; each call gives the next page, an empty page is the end.
public protocol StagedPlan: Sendable {
    func nextChanges(limit: Int) throws -> [Change]
    func nextRecords(limit: Int) throws -> [ValidationRecord]
    /// Of events and of streams: where the sync has read to once everything planned has an outcome; nil: it stays where it is.
    var cursor: EventCursor? { get }
    /// Of the first look of a stream of events, where the cursor stays where it is: one that has read nothing, with the
    /// ``EventCursor/begunAt`` that is kept unless one is; nil: there is nothing to keep.
    var begun: EventCursor? { get }
    /// Of lists: whether members are sent with fields. Each subscribe has a ``Change/content`` then, and else none has.
    var hasFields: Bool { get }
}

extension StagedPlan {
    public var cursor: EventCursor? { nil }
    public var begun: EventCursor? { nil }
    public var hasFields: Bool { false }
}

/// Of lists: whether members were sent with fields.
enum SentFields {
    case known(Bool)
    /// The first subscribe in the outbox tells, from this sequence on.
    case outbox(from: Int64)
}

extension Sequence<BatchOutcome> {
    /// What the changes at hand tell of fields; else the first of them in the outbox does, so that no more of it is read.
    var sentFields: SentFields {
        guard let batch = first(where: { $0.operation == .subscribe }) else { return .known(false) }
        if let entry = batch.entries.first { return .known(entry.content != nil) }
        return .outbox(from: batch.sequences.lowerBound)
    }
}

/// Which list a sync keeps, once that is known.
public struct ListBinding: Sendable, Equatable {
    public var sync: String
    public var destination: String
    /// Full name by which the list was found or made; nil when the configuration gives an id.
    public var listName: String?
    /// nil while a list is being created and it is not known whether that succeeded.
    public var listID: Int64?
    /// Set when Rollcall itself created the list (or began to, while `listID` is nil).
    public var createdAt: Date?
    /// Set when Iterable said that the list does not exist.
    public var goneAt: Date?
    /// The project that the list is in; nil in rows that an earlier version wrote.
    public var project: ListProject?

    public init(
        sync: String, destination: String, listName: String?, listID: Int64?, createdAt: Date? = nil,
        goneAt: Date? = nil, project: ListProject? = nil
    ) {
        self.sync = sync
        self.destination = destination
        self.listName = listName
        self.listID = listID
        self.createdAt = createdAt
        self.goneAt = goneAt
        self.project = project
    }
}

/// A member with the columns that `list_members` promises.
public struct MemberEntry: Sendable, Equatable {
    public var member: Member
    public var sinceRunID: String
    public var since: Date

    public init(member: Member, sinceRunID: String, since: Date) {
        self.member = member
        self.sinceRunID = sinceRunID
        self.since = since
    }
}

public struct RunFilter: Sendable, Equatable {
    public var sync: String?
    public var status: RunStatus?
    public var limit = 50
    /// Only runs with a smaller id (ids grow with time).
    public var before: String?
    /// Only runs that started at this time or later.
    public var since: Date?

    public init(
        sync: String? = nil, status: RunStatus? = nil, limit: Int = 50, before: String? = nil, since: Date? = nil
    ) {
        self.sync = sync
        self.status = status
        self.limit = limit
        self.before = before
        self.since = since
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

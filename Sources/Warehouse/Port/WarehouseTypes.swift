package import Foundation
package import RollcallCore

extension SyncRun {
    /// - Throws: ``WarehouseError/Kind/conflict`` where the run is at rest and what it counts does not add up; nothing is to be
    ///   written then.
    package func proveBalance() throws(WarehouseError) {
        guard status.isFinal || status == .held, !counts.balances else { return }
        throw WarehouseError(.conflict, "The counts of the run \(id) do not add up; this is a fault of Rollcall.")
    }
}

/// The right to run one sync, until it ends or is taken over.
package struct Lease: Sendable, Equatable {
    package var sync: String
    package var holder: String
    /// Strictly increasing for each sync.
    package var token: Int64
    /// Whether the state had no secret key of the sync when the lease was taken: nothing was ever sent from it.
    package var isNew: Bool

    package init(sync: String, holder: String, token: Int64, isNew: Bool = false) {
        self.sync = sync
        self.holder = holder
        self.token = token
        self.isNew = isNew
    }
}

package enum LeaseAttempt: Sendable, Equatable {
    case acquired(Lease)
    /// Another holder has it for `secondsLeft` more; `runID` is its open run, if it has one.
    case busy(holder: String, secondsLeft: Double, runID: String?)
}

package struct MigrationResult: Sendable, Equatable {
    /// nil: there were no tables.
    package var from: Int?
    package var to: Int

    package init(from: Int?, to: Int) {
        self.from = from
        self.to = to
    }
}

/// One line of `rollcall check`.
package struct Finding: Sendable, Equatable {
    /// What was looked at: `connection`, `state schema rollcall`, `audience vip_customers` …
    package var subject: String
    package var isFine: Bool
    /// What was found.
    package var detail: String
    /// How to fix it: the SQL to run, where that is the fix.
    package var fix: String?

    package init(subject: String, isFine: Bool, detail: String, fix: String? = nil) {
        self.subject = subject
        self.isFine = isFine
        self.detail = detail
        self.fix = fix
    }
}

/// What `stage` writes; each call gives the next page, an empty page is the end.
package protocol StagedPlan: Sendable {
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
    package var cursor: EventCursor? { nil }
    package var begun: EventCursor? { nil }
    package var hasFields: Bool { false }
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
package struct ListBinding: Sendable, Equatable {
    package var sync: String
    package var destination: String
    /// Full name by which the list was found or made; nil when the configuration gives an id.
    package var listName: String?
    /// nil while a list is being created and it is not known whether that succeeded.
    package var listID: Int64?
    /// Set when Rollcall itself created the list (or began to, while `listID` is nil).
    package var createdAt: Date?
    /// Set when Iterable said that the list does not exist.
    package var goneAt: Date?
    /// The project that the list is in; nil in rows that an earlier version wrote.
    package var project: ListProject?

    package init(
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
package struct MemberEntry: Sendable, Equatable {
    package var member: Member
    package var sinceRunID: String
    package var since: Date

    package init(member: Member, sinceRunID: String, since: Date) {
        self.member = member
        self.sinceRunID = sinceRunID
        self.since = since
    }
}

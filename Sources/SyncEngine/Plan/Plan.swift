import Foundation
package import RollcallCore
import Warehouse

/// What a run would do, complete and judged; can be shown, staged, or thrown away.
package struct Plan: Sendable {
    package let kind: RecordKind
    /// Name of the list or catalog, as far as it is known.
    package let target: String?
    /// rowsRead, invalid, duplicates, audience, unchanged and planned; the rest is zero.
    package let counts: RunCounts
    /// Guards that hold the plan; empty when it may be carried out.
    package let held: [GuardFinding]
    /// nil where the list would be created first, and for other kinds.
    package let listID: Int64?
    /// Entries of the snapshot that may be in Iterable because of the sync, before the run.
    package let snapshotSize: Int
    /// What would be made first: the catalog, fields with their types. In words, for people.
    package let preparations: [String]
    /// How the rows were read; nil: it was not noted.
    package var read: AudienceRead?
    /// What a person should know of the plan, in whole sentences.
    package var notes: [String] = []

    let changes: any PlannedChanges

    /// Of lists.
    var members: ListChanges? { changes as? ListChanges }

    /// Identifiers that count as none, as too many rows carry them; the most shared ones first.
    package var oversharedIdentifiers: [OversharedIdentifier] { members?.overshared.list ?? [] }

    /// The changes in the order in which they are to be sent, and the records of the validation. A large plan is sent in
    /// the order of fingerprints.
    func makeReader() throws -> any StagedPlan { try changes.makeReader(isOrdered: true) }

    /// As ``makeReader()``. What orders a large plan works with files: the task waits for it without a thread.
    func makeStagedReader() async throws -> any StagedPlan {
        guard members?.spool.isLarge == true else { return try makeReader() }
        return try await BlockingWork.run { try makeReader() }
    }

    /// Calls `body` for the first `limit` changes (all with nil) that are listed (``ChangeKind/isListed``).
    package func forEachChange(limit: Int?, _ body: (Change) throws -> Void) throws {
        let reader = try changes.makeReader(isOrdered: false)
        var left = limit ?? .max
        while left > 0 {
            let page = try reader.nextChanges(limit: min(left, 1000))
            if page.isEmpty { return }
            for change in page where change.kind.isListed {
                try body(change)
                left -= 1
                if left == 0 { return }
            }
        }
    }

    /// Calls `body` for the first `limit` rows that failed validation.
    package func forEachInvalidRow(limit: Int?, _ body: (ValidationRecord) throws -> Void) throws {
        let reader = try changes.makeReader(isOrdered: false)
        var left = limit ?? .max
        while left > 0 {
            let page = try reader.nextRecords(limit: 1000)
            if page.isEmpty { return }
            for record in page where record.isFailure && left > 0 {
                try body(record)
                left -= 1
            }
        }
    }
}

/// The changes of a plan, in bounded memory.
protocol PlannedChanges: Sendable {
    /// - Parameter isOrdered: whether many changes come in the order of their fingerprints; else they come in the order of the
    ///   source, for people to look at.
    func makeReader(isOrdered: Bool) throws -> any StagedPlan
}

import Foundation
import RollcallCore
import Warehouse

/// The records that a run puts and deletes.
struct RecordChanges: PlannedChanges {
    let spool: RecordSpool
    /// Keys that several rows have, and the content that is sent of each; nil: none.
    let contested: [Fingerprint: Int64?]
    let inDoubt: InDoubtIndex
    let pause: OppositePause
    let logIdentity: LogIdentity

    func makeReader(isOrdered: Bool) throws -> any StagedPlan { RecordPlanReader(self) }

    /// When a change may be sent; nil: at once.
    func notBefore(_ entry: RecordSpool.Entry) -> Date? {
        let isPut = entry.operation.direction == .put
        let write = InDoubtIndex.Write(operation: entry.operation, content: isPut ? entry.record.content : nil)
        let times = [
            inDoubt.notBefore(write, for: .record(entry.fingerprint)),
            isPut ? (entry.isKnown ? nil : pause.newRecords) : pause.deletions,
        ]
        return times.compactMap(\.self).max()
    }
}

/// Iterable accepts puts and deletions and carries them out later, in an order that it does not promise: what was accepted of
/// one kind settles before the opposite is sent. nil: at once.
struct OppositePause: Sendable {
    /// Since the last run that put records.
    var deletions: Date?
    /// Since the last run that deleted some.
    var newRecords: Date?

    init(deletions: Date? = nil, newRecords: Date? = nil) {
        self.deletions = deletions
        self.newRecords = newRecords
    }

    /// - Parameter runs: of the sync, newest first.
    init(after runs: [SyncRun], settleSeconds: Double, now: Date) {
        func end(_ operation: RollcallCore.Operation) -> Date? {
            let run = runs.first { $0.counts.succeeded[operation] > 0 }
            // Not later than from now on: the clock may have been set back.
            return run?.finishedAt.map { min($0, now).addingTimeInterval(settleSeconds) }.flatMap { $0 > now ? $0 : nil }
        }
        self.init(deletions: end(.put), newRecords: end(.delete))
    }
}

/// Gives a plan page by page: puts, deletions, then what must wait.
// SAFETY: `stage` calls it from one thread at a time, one page after the other.
final class RecordPlanReader: StagedPlan, @unchecked Sendable {
    private let plan: RecordChanges
    private let changes: RecordSpool.Reader
    private let invalid: RecordSpool.InvalidReader
    /// Contested keys of which the change has come.
    private var decided: Set<Fingerprint> = []
    private var deferred: [Change] = []
    private var isDeferring = true
    private var sequence: Int64 = 0

    init(_ plan: RecordChanges) {
        self.plan = plan
        changes = plan.spool.makeReader()
        invalid = plan.spool.makeInvalidReader()
    }

    func nextRecords(limit: Int) throws -> [ValidationRecord] {
        var page: [ValidationRecord] = []
        while page.count < limit, let record = try invalid.next() { page.append(plan.logIdentity.of(record)) }
        return page
    }

    func nextChanges(limit: Int) throws -> [Change] {
        var page: [Change] = []
        while page.count < limit, let change = try nextChange() {
            sequence += 1
            page.append(change)
            page[page.count - 1].sequence = sequence
        }
        return page
    }

    private func nextChange() throws -> Change? {
        while let entry = try changes.next() {
            guard isWanted(entry) else { continue }
            let change = change(entry)
            if change.notBefore == nil { return change }
            deferred.append(change)
        }
        if isDeferring {
            isDeferring = false
            deferred.sort { ($0.notBefore ?? .distantPast) > ($1.notBefore ?? .distantPast) }
        }
        return deferred.popLast()
    }

    private func isWanted(_ entry: RecordSpool.Entry) -> Bool {
        guard entry.operation == .put, let winner = plan.contested[entry.fingerprint] else { return true }
        return winner == entry.record.content && decided.insert(entry.fingerprint).inserted
    }

    private func change(_ entry: RecordSpool.Entry) -> Change {
        var change = Change(
            sequence: 0, kind: entry.kind, operation: entry.operation, fingerprint: entry.fingerprint,
            identity: Identity(email: nil, userID: nil), record: entry.record,
            payload: entry.operation == .put ? entry.payload : nil, loggedKey: plan.logIdentity.of(key: entry.record.key))
        if entry.kind == .send { change.notBefore = plan.notBefore(entry) }
        return change
    }
}

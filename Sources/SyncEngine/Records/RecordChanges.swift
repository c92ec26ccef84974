import Foundation
import RollcallCore
import Warehouse

/// The records that a run puts and deletes.
struct RecordChanges: PlannedChanges {
    let spool: RecordSpool
    /// Keys that several rows have, and the content that is sent of each; nil: none.
    let contested: [Fingerprint: Int64?]
    /// Only the record with this key, or item id; nil: all.
    let only: String?
    let inDoubt: InDoubtIndex
    let pause: OppositePause
    let logIdentity: LogIdentity

    func makeReader(isOrdered: Bool) throws -> any StagedPlan { RecordPlanReader(self) }

    /// Until when a request for the same record may land that this one must not cross; nil: there is none.
    func settles(_ entry: RecordSpool.Entry) -> Date? {
        let content = entry.operation.direction == .put ? entry.record.content : nil
        return inDoubt.notBefore(.init(operation: entry.operation, content: content), for: .record(entry.fingerprint))
    }
}

/// Iterable accepts puts and deletions and carries them out later, in an order that it does not promise: what was accepted of
/// one kind settles before the opposite is sent. nil: at once.
struct OppositePause: Sendable {
    /// Since the last run that put records.
    var deletions: Date?
    /// Since the last run that deleted some.
    var newRecords: Date?

    func end(_ entry: RecordSpool.Entry) -> Date? {
        entry.operation.direction == .put ? (entry.isKnown ? nil : newRecords) : deletions
    }

    init(deletions: Date? = nil, newRecords: Date? = nil) {
        self.deletions = deletions
        self.newRecords = newRecords
    }

    /// - Parameter runs: of the sync, newest first.
    init(after runs: [SyncRun], settleSeconds: Double, now: Date) {
        func end(_ operation: RollcallCore.Operation) -> Date? {
            let run = runs.first { $0.counts.succeeded[operation] > 0 }
            // Not later than from now on: the clock may have been set back.
            return run?.finishedAt.map { min($0, now).addingTimeInterval(settleSeconds) }.flatMap {
                $0 > now ? $0 : nil
            }
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
    /// What waits for the pause between opposites, which may be everything.
    private let paused = RecordSpool()
    private var pausedReader: RecordSpool.Reader?
    /// What waits for lost requests, of which there are few.
    private var deferred: [Change] = []
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
            let pause = plan.pause.end(entry)
            if entry.kind != .send { return change(entry, nil) }
            if let settles = plan.settles(entry) {
                deferred.append(change(entry, max(settles, pause ?? settles)))
            } else if pause != nil {
                try paused.add(entry)
            } else {
                return change(entry, nil)
            }
        }
        if pausedReader == nil {
            pausedReader = paused.makeReader()
            deferred.sort { ($0.notBefore ?? .distantPast) > ($1.notBefore ?? .distantPast) }
        }
        if let entry = try pausedReader?.next() { return change(entry, plan.pause.end(entry)) }
        return deferred.popLast()
    }

    private func isWanted(_ entry: RecordSpool.Entry) -> Bool {
        if let only = plan.only, entry.record.key != only, entry.record.itemID != only { return false }
        guard entry.operation == .put, let winner = plan.contested[entry.fingerprint] else { return true }
        return winner == entry.record.content && decided.insert(entry.fingerprint).inserted
    }

    private func change(_ entry: RecordSpool.Entry, _ notBefore: Date?) -> Change {
        Change(
            sequence: 0, kind: entry.kind, operation: entry.operation, fingerprint: entry.fingerprint,
            identity: Identity(email: nil, userID: nil), notBefore: notBefore, record: entry.record,
            payload: entry.operation == .put ? entry.payload : nil,
            loggedKey: plan.logIdentity.of(key: entry.record.key))
    }
}

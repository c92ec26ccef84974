import Foundation
import RollcallCore
import Warehouse

/// Who enters a list and who leaves it.
struct ListChanges: PlannedChanges {
    /// The sync's secret key for fingerprints.
    let key: [UInt8]
    /// What the local cache held of the snapshot, where there is one.
    let cached: SnapshotReader.Cached?
    let spool: PlanSpool
    let sharing: SharedIdentifiers
    let overshared: OversharedIdentifiers
    let inDoubt: InDoubtIndex
    let logIdentity: LogIdentity
    /// Where members are sent with fields: what it takes to make the objects of these.
    var fields: ChangedFields?
    /// What the local cache is to know of the rows; nil: nothing else than before.
    var buckets: BucketFindings?

    /// What the plan makes of a row: whom it stands for without identifiers that count as none (nil: no one), what the log says
    /// of that, and the row that represents the person where it is another one.
    func standing(of row: Identity) -> (person: Identity?, reason: FailureReason?, representative: Identity?) {
        let fingerprinter = Fingerprinter(key: key)
        let (rest, reason) = overshared.take(off: row, fingerprinter.fingerprint(row))
        return (rest, reason, rest.flatMap { sharing.merged[fingerprinter.fingerprint($0)] })
    }

    /// Fingerprints of all members that carrying the plan out may change, and of more. Those that Iterable refuses for good are not sent,
    /// and stay as they are.
    func makeFingerprintReader() -> () throws -> Fingerprint? {
        let entered = spool.makeEnteredReader()
        let left = spool.makeLeftReader()
        var superseded = sharing.superseded.values.joined().makeIterator()
        return {
            while let entry = try entered.next() {
                if entry.kind != .parked { return entry.fingerprint }
            }
            return try left.next()?.fingerprint ?? superseded.next()?.fingerprint
        }
    }

    func makeReader(isOrdered: Bool) throws -> any StagedPlan {
        isOrdered
            ? PlanReader(self, entered: try spool.makeOrderedEnteredReader(), left: try spool.makeOrderedLeftReader())
            : PlanReader(self, entered: spool.makeEnteredReader(), left: spool.makeLeftReader())
    }
}

/// Gives a plan page by page: subscribes, unsubscribes, then those that must wait, for the others or for a lost request.
// SAFETY: `stage` calls it from one thread at a time, one page after the other.
final class PlanReader: StagedPlan, @unchecked Sendable {
    private let plan: ListChanges
    private let entered: PlanSpool.EntryReader
    private let left: PlanSpool.EntryReader
    private let records: PlanSpool.RecordReader
    private var deferred: [Change] = []
    private var ready: [Change] = []
    private var readyPlace = 0
    private var isDeferring = true
    private var sequence: Int64 = 0

    var hasFields: Bool { plan.fields != nil }

    init(_ plan: ListChanges, entered: PlanSpool.EntryReader, left: PlanSpool.EntryReader) {
        self.plan = plan
        self.entered = entered
        self.left = left
        records = plan.spool.makeRecordReader()
    }

    func nextRecords(limit: Int) throws -> [ValidationRecord] {
        var page: [ValidationRecord] = []
        while page.count < limit, let record = try records.next() { page.append(plan.logIdentity.of(record)) }
        return page
    }

    func nextChanges(limit: Int) throws -> [Change] {
        var page: [Change] = []
        while page.count < limit, let change = try nextChange() { page.append(change) }
        return page
    }

    private func nextChange() throws -> Change? {
        if readyPlace < ready.count {
            readyPlace += 1
            return ready[readyPlace - 1]
        }
        while let entry = try entered.next() ?? left.next() {
            if entry.operation == .subscribe && plan.sharing.merged[entry.fingerprint] != nil { continue }
            if let change = number(entry) { return change }
        }
        if deferred.isEmpty { return nil }
        if isDeferring {
            isDeferring = false
            deferred.sort { turn($0) < turn($1) }
            deferred.reverse()
        }
        guard let change = deferred.popLast() else { return nil }
        return place(change)
    }

    /// The order of what was put off to the end: who takes an address over goes behind the one who has it, though that one waits.
    private func turn(_ change: Change) -> (Int, Date) {
        (plan.sharing.last[change.fingerprint] ?? 0, change.notBefore ?? .distantPast)
    }

    /// The entry as a change with its place in the order; nil when it was put off to the end.
    private func number(_ entry: PlanSpool.Entry) -> Change? {
        var change = Change(
            sequence: 0, kind: entry.kind, operation: entry.operation, fingerprint: entry.fingerprint,
            identity: entry.identity)
        if let logged = plan.logIdentity.of(entry.identity) { change.loggedAs = logged }
        plan.fields?.fill(&change, entry)
        if entry.kind == .send {
            let place = entry.operation == .subscribe ? plan.sharing.last[entry.fingerprint] : nil
            change.notBefore =
                plan.inDoubt.notBefore(
                    .init(operation: entry.operation, content: change.content), for: .person(entry.identity))
                ?? place.map(Change.last)
        }
        if change.notBefore != nil {
            deferred.append(change)
            return nil
        }
        return place(change)
    }

    private func outdate(_ members: [Member], _ parent: Int64) {
        for member in members {
            sequence += 1
            ready.append(
                Change(
                    sequence: sequence, kind: .outdate, operation: .subscribe, fingerprint: member.fingerprint,
                    identity: member.identity, parent: parent))
        }
    }

    /// Gives the change its number, and numbers the entries that it supersedes behind it.
    private func place(_ unplaced: Change) -> Change {
        var change = unplaced
        sequence += 1
        change.sequence = sequence
        ready.removeAll(keepingCapacity: true)
        readyPlace = 0
        if change.kind == .send {
            for member in plan.sharing.superseded[change.fingerprint] ?? [] {
                sequence += 1
                ready.append(
                    Change(
                        sequence: sequence, kind: .supersede, operation: change.operation,
                        fingerprint: member.fingerprint, identity: member.identity, parent: change.sequence))
            }
            if change.operation == .subscribe {
                outdate(plan.sharing.others[change.fingerprint] ?? [], change.sequence)
            }
        }
        return change
    }
}

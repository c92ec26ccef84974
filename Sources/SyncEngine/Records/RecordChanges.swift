import Foundation
import RollcallCore
import Warehouse

/// The records that a run puts and deletes.
struct RecordChanges: PlannedChanges {
    let spool: RecordSpool
    /// Of people: profiles that are to get another address.
    let renames: RecordSpool
    /// Which of the spooled changes are made.
    let selection: SelectedRecords
    /// Only the record with this key, or item id; nil: all.
    let only: String?
    /// Of people.
    let people: PersonNames?
    /// Of people: whose identifiers are others now.
    let identities: IdentityChanges
    let inDoubt: InDoubtIndex
    let pause: OppositePause
    /// Fields that Iterable does not have yet with their types, in words, by their places in ``RecordSpool/Entry/newFields``.
    let newFields: [String]
    /// Places of those of which some row has a value that shows Iterable what type is meant.
    let shownFields: FieldBits
    let logIdentity: LogIdentity
    /// Of catalogs: what was found of items that were read back.
    var verdicts = ItemVerdicts()
    /// Of catalogs: chooses the items that later runs read back; nil: none are.
    var sample: ItemSample?
    /// Of a look of a stream: what may not be sent at this time is left out, instead of waiting for it, as its row is met again.
    /// nil: it waits.
    var sendsAt: Date?
    /// Of a stream: where the cursor stands afterwards.
    var cursor: EventCursor?

    func makeReader(isOrdered: Bool) throws -> any StagedPlan { try reader(after: 0) }

    /// - Parameter sequence: of the last change that the run has staged before.
    func reader(after sequence: Int64) throws -> RecordPlanReader {
        sample?.reset()
        return RecordPlanReader(self, first: try Canary.choose(self).entries, after: sequence)
    }

    /// In words: the fields that are made first.
    func canaryWords() throws -> [String] {
        newFields.isEmpty ? [] : try Canary.choose(self).words(newFields, shown: shownFields)
    }

    /// Until when a request for the same record or person may land that this one must not cross; nil: there is none.
    func settles(_ entry: RecordSpool.Entry) -> Date? {
        // A rename is never repeated while the first may still be made.
        let content = entry.operation == .rename || entry.operation.direction == .remove ? nil : entry.record.content
        return inDoubt.notBefore(
            .init(operation: entry.operation, content: content), for: .record(entry.fingerprint, entry.identity))
    }

    /// Why a change is not made although something differs; nil: it is.
    func verdict(_ entry: RecordSpool.Entry) -> IdentityChanges.Verdict? {
        guard let people, entry.kind == .send, entry.operation.direction == .put else { return nil }
        if entry.operation == .rename { return identities.renameVerdict(entry.fingerprint) }
        return identities.verdict(entry.fingerprint, people.names(entry.identity))
    }

    /// Whether a record waits for an address to change hands.
    func isWaiting(_ isIt: (RecordSpool.Entry) -> Bool) throws -> Bool {
        let reader = spool.makeReader()
        while let entry = try reader.next() {
            if isIt(entry), isWanted(entry), verdict(entry) == .waits { return true }
        }
        return false
    }

    /// How many rows with a key cannot be sent.
    func invalidRows(of key: String) throws -> Int {
        let reader = spool.makeInvalidReader()
        var rows = 0
        while let record = try reader.next() { if record.isFailure && record.isOf(key) { rows += 1 } }
        return rows
    }

    /// How many records wait for an address to change hands.
    func waiting() throws -> Int {
        if identities.isEmpty { return 0 }
        var waiting = 0
        let reader = spool.makeReader()
        var met: Set<Fingerprint> = []
        while let entry = try reader.next() {
            if isWanted(entry), verdict(entry) == .waits, met.insert(entry.fingerprint).inserted { waiting += 1 }
        }
        return waiting
    }

    /// How many people are looked up, as Iterable has not acknowledged them: those who are cleared, and perhaps those who are updated.
    /// - Parameter isAcknowledged: whether it has acknowledged a record.
    func lookUps(ofUpdates areLookedUp: Bool, _ isAcknowledged: (Fingerprint) -> Bool) throws -> Int {
        var met: Set<Fingerprint> = []
        let reader = spool.makeReader()
        while let entry = try reader.next() {
            guard entry.operation == .clear || areLookedUp && entry.operation == .update else { continue }
            let isSent = entry.kind == .send && isWanted(entry) && verdict(entry) == nil
            if isSent && !isAcknowledged(entry.fingerprint) { met.insert(entry.fingerprint) }
        }
        return met.count
    }

    /// Records whose profiles get another address, or fail to.
    func renamed() throws -> Set<Fingerprint> {
        var renamed: Set<Fingerprint> = []
        let reader = renames.makeReader()
        while let entry = try reader.next() {
            if isWanted(entry) && verdict(entry) != .waits { renamed.insert(entry.fingerprint) }
        }
        return renamed
    }

    /// Whether a spooled change is one of the plan, as far as its key and its person tell.
    func isWanted(_ entry: RecordSpool.Entry) -> Bool {
        // Nothing is sent for whoever is let go; ``RecordPlanner`` chooses whom.
        if entry.kind == .release { return true }
        if let only, entry.record.key != only, entry.record.itemID != only { return false }
        if let sendsAt, isDeferred(entry, at: sendsAt) { return false }
        return entry.operation.direction == .remove || entry.operation == .rename || selection.has(entry)
    }

    /// Whether a change that is sent must not cross what was sent before.
    func isDeferred(_ entry: RecordSpool.Entry, at now: Date) -> Bool {
        deferredUntil(entry).map { $0 > now } ?? false
    }

    /// Until when a change must not be sent, for it might cross what was sent before; nil: it need not wait.
    func deferredUntil(_ entry: RecordSpool.Entry) -> Date? {
        entry.kind == .send ? [settles(entry), pause.end(entry)].compactMap(\.self).max() : nil
    }

    /// - Parameter failure: why it is not sent; nil: what speaks for or against its person decides.
    func change(_ entry: RecordSpool.Entry, _ notBefore: Date?, failure: FailureReason? = nil) -> Change {
        var refusal = failure
        if case .refused(let reason) = verdict(entry) { refusal = reason }
        return Change(
            sequence: 0, kind: refusal == nil ? entry.kind : .parked, operation: entry.operation,
            fingerprint: entry.fingerprint, identity: entry.identity, notBefore: refusal == nil ? notBefore : nil,
            loggedAs: logIdentity.of(entry.identity), record: entry.record,
            payload: entry.payload.isEmpty ? nil : entry.payload,
            loggedKey: logIdentity.of(key: entry.record.key), held: entry.held, refusal: refusal)
    }
}

/// Iterable accepts puts and deletions and carries them out later, in an order that it does not promise: what was accepted of
/// one kind settles before the opposite is sent. nil: at once.
struct OppositePause: Sendable {
    /// Since the last run that put records.
    var deletions: Date?
    /// Since the last run that deleted some.
    var newRecords: Date?
    /// Since the last run that gave profiles other addresses: one that was freed may be taken.
    var addresses: Date?

    func end(_ entry: RecordSpool.Entry) -> Date? {
        switch entry.operation.direction {
        case .remove: deletions
        case .put where entry.operation == .rename: addresses
        // One that was let go may be of a person who was deleted since, under another key.
        case .put: entry.isOwned ? nil : [newRecords, addresses].compactMap(\.self).max()
        }
    }

    init(deletions: Date? = nil, newRecords: Date? = nil, addresses: Date? = nil) {
        self.deletions = deletions
        self.newRecords = newRecords
        self.addresses = addresses
    }

    /// - Parameter runs: all of the sync that may matter, in any order: the one that ended last need not have begun last.
    init(after runs: [SyncRun], settleSeconds: Double, now: Date) {
        func end(_ hasDone: (PerOperation) -> Bool) -> Date? {
            let last = runs.filter { hasDone($0.counts.succeeded) }.compactMap(\.finishedAt).max()
            // Not later than from now on: the clock may have been set back.
            return last.map { min($0, now).addingTimeInterval(settleSeconds) }.flatMap {
                $0 > now ? $0 : nil
            }
        }
        self.init(
            deletions: end { $0.total(.put) > 0 }, newRecords: end { $0.total(.remove) > 0 },
            addresses: end { $0.rename > 0 })
    }
}

/// Gives a plan page by page: puts, deletions, then what must wait.
// SAFETY: `stage` calls it from one thread at a time, one page after the other.
final class RecordPlanReader: NumberedPlan, @unchecked Sendable {
    private let plan: RecordChanges
    private let renames: RecordSpool.Reader
    private let changes: RecordSpool.Reader
    private let invalid: RecordSpool.InvalidReader
    /// Contested keys of which the change has come.
    private var decided: Set<Fingerprint> = []
    /// What waits for the pause between opposites, which may be everything.
    private let paused: RecordSpool
    private var pausedReader: RecordSpool.Reader?
    /// What waits for lost requests, of which there are few.
    private var deferred: [Change] = []
    /// Of the last change that was given.
    private(set) var sequence: Int64
    /// What is sent before everything else.
    private var first: ArraySlice<RecordSpool.Entry>
    private let firstOnes: Set<Fingerprint>
    /// Items that are not as they were put.
    private var failures: ArraySlice<(entry: RecordSpool.Entry, reason: FailureReason)>

    /// - Parameters:
    ///   - first: what is sent before everything else.
    ///   - sequence: of the last change that the run has staged before.
    init(_ plan: RecordChanges, first: [RecordSpool.Entry], after sequence: Int64) {
        self.plan = plan
        self.sequence = sequence
        self.first = first[...]
        firstOnes = Set(first.map(\.fingerprint))
        failures = plan.verdicts.failures[...]
        paused = RecordSpool(plan.spool.kind)
        renames = plan.renames.makeReader()
        changes = plan.spool.makeReader()
        invalid = plan.spool.makeInvalidReader()
    }

    var cursor: EventCursor? { plan.cursor }

    func nextRecords(limit: Int) throws -> [ValidationRecord] {
        var page: [ValidationRecord] = []
        while page.count < limit, let record = try invalid.next() {
            if let only = plan.only, !record.isOf(only) { continue }
            page.append(plan.logIdentity.of(record))
        }
        return page
    }

    func nextChanges(limit: Int) throws -> [Change] {
        var page: [Change] = []
        while page.count < limit, let change = try nextChange() {
            sequence += 1
            page.append(change)
            page[page.count - 1].sequence = sequence
            plan.sample?.add(change)
        }
        return page
    }

    private func nextChange() throws -> Change? {
        if let failed = failures.popFirst() { return plan.change(failed.entry, nil, failure: failed.reason) }
        if let entry = first.popFirst() { return plan.change(entry, plan.deferredUntil(entry)) }
        while let entry = try renames.next() ?? changes.next() {
            guard isWanted(entry), plan.verdict(entry) != .waits else { continue }
            let pause = plan.pause.end(entry)
            if entry.kind != .send { return plan.change(entry, nil) }
            if let settles = plan.settles(entry) {
                deferred.append(plan.change(entry, max(settles, pause ?? settles)))
            } else if pause != nil {
                try paused.add(entry)
            } else {
                return plan.change(entry, nil)
            }
        }
        if pausedReader == nil {
            pausedReader = paused.makeReader()
            deferred.sort { ($0.notBefore ?? .distantPast) > ($1.notBefore ?? .distantPast) }
        }
        if let entry = try pausedReader?.next() { return plan.change(entry, plan.pause.end(entry)) }
        return deferred.popLast()
    }

    private func isWanted(_ entry: RecordSpool.Entry) -> Bool {
        guard plan.isWanted(entry) else { return false }
        if entry.operation == .rename { return true }
        if firstOnes.contains(entry.fingerprint) { return false }
        return plan.selection.contested[entry.fingerprint] == nil || entry.operation.direction == .remove
            || decided.insert(entry.fingerprint).inserted
    }
}

extension ValidationRecord {
    /// Whether the row has the key.
    fileprivate func isOf(_ key: String) -> Bool { recordKey.map { $0.elementsEqual(key.utf8) } ?? false }
}

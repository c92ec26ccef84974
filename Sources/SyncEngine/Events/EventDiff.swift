import Foundation
import RollcallCore
import Warehouse

/// Compares the rows of a source of events, as they stream by, with the events that were seen before.
///
/// A row that was seen costs one look at its cursor and one at its key. Only the others are looked into, written as JSON and spooled.
/// Used by one thread at a time.
///
/// This file has the way of a row (``row(_:_:_:)``) as far as what is done with it. `EventDiff+Sending` makes the event,
/// `EventDiff+Counting` counts the rows that leave none, `EventDiff+Contests` decides between rows of one key when all have come.
// SAFETY: a reading in one part calls `row` from one thread at a time, and the planner uses the rest when it has ended.
final class EventDiff: @unchecked Sendable {
    var counts = RunCounts()
    let spool = EventSpool()
    /// The rows that are invalid.
    let invalid = RecordSpool(.events)
    var table: EventTable
    var contests: [Fingerprint: KeyContest] = [:]
    /// Keys of which a row cannot be sent; and those of them that another row has too.
    var refused: Set<Fingerprint> = []
    var refusedBesideOthers: [Fingerprint: RefusedRows] = [:]
    /// Rows that were there before the first run and are not sent.
    private(set) var skipped = 0
    /// Rows further in the future than clocks differ.
    private(set) var ahead = 0
    /// Rows whose cursor has no value that can be used; every run reads them.
    private(set) var withoutPosition = 0
    /// The highest position that was read and is not ahead.
    private(set) var highest: Int64?
    /// The lowest position of an event that is sent.
    var lowestNew: Int64?
    /// Rows that are sent although their keys may be forgotten: they may have been sent before.
    var forgotten = 0
    /// Names of the events that are sent; no more than ``mostNames``.
    var names: Set<String> = []
    static let mostNames = 1000

    /// Rows of which it is not known yet whether their keys were seen; see ``replay()``.
    let deferred = DeferredRows()
    /// Of the invalid rows, those that were there when the stream began, or have no position.
    var oldInvalid = 0
    /// Whether the reading was broken off because there is enough to send.
    private(set) var isCut = false

    private let shape: RecordShape
    private let window: EventWindow?
    let keptFrom: Int64?
    let scope: EventScope
    let now: Date
    let stream: StreamLook?
    private let mostNew: Int
    /// Whether the table has the keys of the window only.
    private var isTablePartial: Bool
    let createsNewFields: Bool
    let subject: RowSubject
    private(set) var event: EventRow
    let fingerprinter: Fingerprinter
    private let contentHash: SipHash
    let writer: RecordWriter
    let largest: Int
    private let values: UnsafeMutableBufferPointer<FieldValue>
    /// Of ids that columns give: whose they are.
    var owners: [String: Fingerprint] = [:]
    /// Keys of which another one has the id.
    var sharedIDs: Set<Fingerprint> = []
    /// Keys of which nothing is sent, because nothing says which of their rows is right, or which of two keys has an id.
    var contradicted: Set<Fingerprint> = []

    /// - Parameters:
    ///   - window: nil: the whole source is read.
    ///   - isTablePartial: whether the table lacks keys; rows with a key that it lacks are deferred.
    ///   - keptFrom: keys before this position may be forgotten.
    ///   - stream: set for a look of a stream, which counts each row once.
    ///   - mostNew: how many new events are taken at most; more end the reading with ``Enough``.
    init(
        _ shape: RecordShape, _ settings: EventSettings, _ cells: EventCells, table: EventTable,
        isTablePartial: Bool, key: [UInt8], window: EventWindow?, keptFrom: Int64?, scope: EventScope, now: Date,
        largest: Int, stream: StreamLook?, mostNew: Int
    ) {
        self.shape = shape
        self.table = table
        self.window = window
        self.keptFrom = keptFrom
        self.scope = scope
        self.now = now
        self.largest = largest
        self.isTablePartial = isTablePartial
        self.stream = stream
        self.mostNew = mostNew
        createsNewFields = settings.newFields == .create
        subject = RowSubject(shape)
        event = EventRow(settings, cells)
        fingerprinter = Fingerprinter(key: key)
        contentHash = fingerprinter.contentHash(salt: "")
        writer = RecordWriter(shape, largest: largest)
        values = .allocate(capacity: max(1, shape.layout.fields.count))
        values.initialize(repeating: .null)
    }

    deinit { values.deallocate() }

    private var reported = 0

    /// Whether at least this number of rows was read since it was true last.
    func takesProgress(every rows: Int) -> Bool {
        guard counts.rowsRead >= reported + rows else { return false }
        reported = counts.rowsRead
        return true
    }

    /// Ends a reading: there is enough to send.
    struct Enough: Error {}

    // MARK: One row

    func row(_ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>) throws {
        var position: Int64?
        switch event.position(cells) {
        case .none: break
        case .at(let found):
            // The warehouse may give more than was asked for.
            if let window, !window.contains(found) { return }
            position = found
        case .invalid(let reason):
            if let stream, !stream.takesRowsWithoutPosition { return }
            counts.rowsRead += 1
            if isAnother(cells) { return seeAnother() }
            withoutPosition += 1
            _ = event.readName(cells)
            try skipAtFirst(cells, nil)
            return try refuse((email, userID), reason, hasKey: subject.readEventKey(cells) == nil)
        }
        counts.rowsRead += 1
        note(position)
        switch event.readName(cells) {
        case .fine: break
        case .excluded:
            exclude(position)
            return try skipAtFirst(cells, position)
        case .missing:
            if isAnother(cells) { return seeAnother() }
            try skipAtFirst(cells, position)
            let hasKey = subject.readEventKey(cells) == nil
            return try refuse((email, userID), EventRow.nameMissing, hasKey: hasKey, position)
        }
        if let reason = subject.readEventKey(cells) { return try refuse((email, userID), reason, position) }
        if isAnother(cells) { return seeAnother() }
        let fingerprint = subject.key.withUnsafeBytes { fingerprinter.fingerprint(record: $0) }
        if isTablePartial, !table.has(fingerprint) {
            try deferred.add(fingerprint, email, userID, cells)
        } else {
            try read(fingerprint, email, userID, cells, position)
        }
        if deferred.keys.count + spool.places.count >= mostNew {
            isCut = true
            throw Enough()
        }
    }

    /// Looks into the rows that were deferred.
    /// - Parameter known: what is known of their keys.
    func replay(known: [KnownEvent]) throws {
        for event in known { table.know(event) }
        isTablePartial = false
        try deferred.replay { fingerprint, email, userID, cells in
            // They were read before: these steps fill in what belongs to the row.
            guard case .fine = event.readName(cells), subject.readEventKey(cells) == nil else { return }
            var position: Int64?
            if case .at(let found) = event.position(cells) { position = found }
            try read(fingerprint, email, userID, cells, position)
        }
    }

    /// What was there before all that a first run takes is not sent later either, be it corrected or asked for by another setting.
    private func skipAtFirst(_ cells: UnsafeBufferPointer<RecordCell>, _ position: Int64?) throws {
        guard wasThereBefore(cells, position), subject.readEventKey(cells) == nil else { return }
        let fingerprint = subject.key.withUnsafeBytes { fingerprinter.fingerprint(record: $0) }
        if table[fingerprint].state == nil { try skip(fingerprint, position) }
    }

    /// Whether a row lies before what a first run takes, as far as the row says so.
    private func wasThereBefore(_ cells: UnsafeBufferPointer<RecordCell>, _ position: Int64?) -> Bool {
        guard scope.only == nil, case .from(let start) = scope.rule else { return false }
        guard let start else { return true }
        if start == .min { return false }
        guard let time = event.time(of: cells) ?? (event.cells.isTime ? position : nil) else {
            return event.cells.createdAt == nil && !event.cells.isTime
        }
        return time < start
    }

    private func note(_ position: Int64?) {
        guard let position else { return }
        if let window, window.isAhead(position) {
            ahead += 1
        } else {
            highest = max(highest ?? position, position)
        }
    }

    /// Whether one event is asked for, and the row is of another one.
    private func isAnother(_ cells: UnsafeBufferPointer<RecordCell>) -> Bool {
        guard let only = scope.only, subject.readEventKey(cells) == nil else { return false }
        return !subject.key.elementsEqual(only.utf8)
    }

    /// Where one event is asked for, nothing is said of the others.
    private func seeAnother() {
        counts.audience += 1
        counts.unchanged += 1
    }

    private func read(
        _ fingerprint: Fingerprint, _ email: AudienceCell, _ userID: AudienceCell,
        _ cells: UnsafeBufferPointer<RecordCell>, _ position: Int64?
    ) throws {
        let entry = table[fingerprint]
        if !isLookedInto(entry) {
            if stream != nil {
                uncount()
                if entry.isSeen { return }
                meet(fingerprint)
                return try raise(fingerprint, entry, position)
            }
            if entry.isSeen { return counts.duplicates += 1 }
            see(fingerprint, isUnchanged: !isSentAgain(entry))
            return try raise(fingerprint, entry, position)
        }
        // Whatever the row holds: it was there before the first run.
        if entry.state == nil, wasThereBefore(cells, position) {
            try skip(fingerprint, position)
            if scope.rule == .from(nil) {
                if entry.isSeen { return counts.duplicates += 1 }
                skipped += 1
                return see(fingerprint, isUnchanged: true)
            }
        }
        if case .invalid(let reason) = subject.read(email, userID, cells) {
            return try refuse((email, userID), reason, hasKey: true, position)
        }
        if let reason = event.read(cells) { return try refuse((email, userID), reason, hasKey: true, position) }
        do throws(InvalidField) {
            try shape.layout.read(cells, into: values)
        } catch {
            return try refuse((email, userID), error.reason, hasKey: true, position)
        }
        try compare((email, userID), fingerprint, entry, position)
    }

    /// Whether what the row holds matters.
    func isLookedInto(_ entry: EventTable.Entry) -> Bool {
        switch entry.state {
        case nil: true
        case .skipped: scope.only != nil || isBackfill
        case .rejected: scope.updates || scope.retriesRejected
        case .sent, .sending, .waiting: scope.updates
        }
    }

    /// Whether what the state has of the event is sent, and not its row.
    private func isSentAgain(_ entry: EventTable.Entry) -> Bool {
        entry.state?.isUnfinished == true || entry.state == .rejected && scope.retriesRejected
    }

    private func meet(_ fingerprint: Fingerprint) {
        table[fingerprint].isSeen = true
        if refused.contains(fingerprint) { noteBeside(fingerprint) }
    }

    private func see(_ fingerprint: Fingerprint, isUnchanged: Bool) {
        counts.audience += 1
        if isUnchanged { counts.unchanged += 1 }
        meet(fingerprint)
        table[fingerprint].isUnchanged = isUnchanged
    }

    /// A row that is met further on than before keeps its key for longer.
    private func raise(_ fingerprint: Fingerprint, _ entry: EventTable.Entry, _ position: Int64?) throws {
        guard let position, scope.only == nil, !isBackfill, entry.position.map({ $0 < position }) ?? true else {
            return
        }
        try spool.add(entryOf(fingerprint, entry.content ?? 0, position, id: "", kind: .skip, payload: []), person: 0)
    }

    var isBackfill: Bool { if case .backfill = scope.rule { true } else { false } }

    private func compare(
        _ shown: (AudienceCell, AudienceCell), _ fingerprint: Fingerprint, _ entry: EventTable.Entry,
        _ position: Int64?
    ) throws {
        let values = UnsafeBufferPointer(values)
        var hasher = ContentHasher(contentHash)
        event.hash(subject, into: &hasher)
        shape.layout.hash(values, into: &hasher)
        let content = hasher.finish()
        let kind = entry.isSeen ? nil : kind(entry, content, position)
        // What is sent is looked into when it is written. Whether a row can be sent does not depend on the order of rows.
        if entry.isSeen || kind == .skip, let reason = unsendable(values) {
            return try refuse(shown, reason, hasKey: true, position)
        }
        if entry.isSeen { return contest(fingerprint, entry, content) }
        if kind == .send {
            guard try send(values, shown, fingerprint, content, position) else { return }
            if let dropped = subject.dropped { try note(dropped, shown, position) }
        } else if kind == .skip {
            skipped += 1
        } else if stream != nil {
            uncount()
            meet(fingerprint)
            table[fingerprint].isUncounted = true
            return try raise(fingerprint, entry, position)
        }
        see(fingerprint, isUnchanged: kind == .skip || (kind == nil && !isSentAgain(entry)))
        table[fingerprint].isTaken = kind != nil
        table[fingerprint].isSent = kind == .send
        if entry.state == nil || kind != nil { table[fingerprint].content = content }
        if kind == nil { try raise(fingerprint, entry, position) }
    }

    /// Writes down that the event is never sent, with the highest position at which a row of it is met.
    private func skip(_ fingerprint: Fingerprint, _ position: Int64?) throws {
        let entry = table[fingerprint]
        let isHigher = position.map { position in entry.position.map { $0 < position } ?? true } ?? false
        if entry.isSkipped && !isHigher { return }
        let startsNow = scope.startsNow
        if let position, window?.isBeforeAllReads(position, highest: highest, startsNow: startsNow) == true { return }
        table[fingerprint].isSkipped = true
        if isHigher { table[fingerprint].position = position }
        try spool.add(entryOf(fingerprint, 0, position, id: "", kind: .skip, payload: []), person: 0)
    }

    /// - Returns: nil: nothing is done for the row.
    private func kind(_ entry: EventTable.Entry, _ content: Int64, _ position: Int64?) -> ChangeKind? {
        if scope.only != nil { return entry.state == .sent && entry.content == content ? nil : .send }
        switch entry.state {
        case .sent, .sending, .waiting, .rejected: return entry.content != content ? .send : nil
        case .skipped: return isBackfill && isWithin(position) ? .send : nil
        case nil:
            switch scope.rule {
            case .new: return .send
            case .from: return isWithin(position) ? .send : .skip
            case .backfill: return isWithin(position) ? .send : nil
            }
        }
    }

    /// Why texts or JSON of the row cannot be sent; nil: they can.
    private func unsendable(_ values: UnsafeBufferPointer<FieldValue>) -> FailureReason? {
        do throws(InvalidField) {
            try shape.layout.check(values)
            return nil
        } catch {
            return error.reason
        }
    }

    /// Whether the row is of the span that a first run or a backfill takes.
    private func isWithin(_ position: Int64?) -> Bool {
        let time = event.createdAt ?? (event.cells.isTime ? position : nil)
        switch scope.rule {
        case .new: return true
        case .from(nil): return false
        case .from(let start?): return start == .min || (time ?? .min) >= start
        case .backfill(nil): return true
        case .backfill(let start?): return (time ?? .max) >= start
        }
    }

    private func contest(_ fingerprint: Fingerprint, _ entry: EventTable.Entry, _ content: Int64) {
        if contests[fingerprint] == nil {
            contests[fingerprint] = KeyContest(
                key: LoggedText.text(of: subject.key), content: entry.content ?? content, rank: nil)
        }
        contests[fingerprint]?.add(hasSameID(fingerprint, entry) ? content : ~content, nil)
    }

    /// Whether a further row of a key gives its event the id that the first one has given, where a column does.
    private func hasSameID(_ fingerprint: Fingerprint, _ entry: EventTable.Entry) -> Bool {
        guard entry.isSent, let id = event.id else { return true }
        return owners[String(decoding: id, as: UTF8.self)] == fingerprint || sharedIDs.contains(fingerprint)
    }
}

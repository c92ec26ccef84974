import Foundation
import RollcallCore
import Warehouse

/// Compares the rows of a source of events, as they stream by, with the events that were seen before.
///
/// A row that was seen costs one look at its cursor and one at its key. Only the others are looked into, written as JSON and spooled.
/// Used by one thread at a time.
// SAFETY: a reading in one part calls `row` from one thread at a time, and the planner uses the rest when it has ended.
final class EventDiff: @unchecked Sendable {
    private(set) var counts = RunCounts()
    let spool = EventSpool()
    /// The rows that are invalid.
    let invalid = RecordSpool(.events)
    private(set) var table: EventTable
    private(set) var contests: [Fingerprint: KeyContest] = [:]
    /// Rows that were there before the first run and are not sent.
    private(set) var skipped = 0
    /// Rows further in the future than clocks differ.
    private(set) var ahead = 0
    /// Rows whose cursor has no value that can be used; every run reads them.
    private(set) var withoutPosition = 0
    /// The highest position that was read and is not ahead.
    private(set) var highest: Int64?
    /// The lowest position of an event that is sent.
    private(set) var lowestNew: Int64?
    /// Rows that are sent although their keys may be forgotten: they may have been sent before.
    private(set) var forgotten = 0
    /// Names of the events that are sent; no more than ``mostNames``.
    private(set) var names: Set<String> = []
    static let mostNames = 1000

    /// Rows of which it is not known yet whether their keys were seen; see ``replay()``.
    let deferred = DeferredRows()
    /// Of the invalid rows, those that were there when the stream began, or have no position.
    private(set) var oldInvalid = 0
    /// Whether the reading was broken off because there is enough to send.
    private(set) var isCut = false

    private let shape: RecordShape
    private let window: EventWindow?
    private let keptFrom: Int64?
    private let scope: EventScope
    private let now: Date
    private let stream: StreamLook?
    private let mostNew: Int
    /// Whether the table has the keys of the window only.
    private var isTablePartial: Bool
    private let createsNewFields: Bool
    private let subject: RowSubject
    private var event: EventRow
    private let fingerprinter: Fingerprinter
    private let contentHash: SipHash
    private let writer: RecordWriter
    private let largest: Int
    private let values: UnsafeMutableBufferPointer<FieldValue>
    private var scratch: [UInt8] = []
    private var prefix: [UInt8] = []
    /// Of ids that columns give: whose they are.
    private var owners: [String: Fingerprint] = [:]
    /// Keys of which another one has the id.
    private(set) var sharedIDs: Set<Fingerprint> = []

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
            withoutPosition += 1
            return try refuse((email, userID), reason, hasKey: subject.readEventKey(cells) == nil)
        }
        counts.rowsRead += 1
        note(position)
        switch event.readName(cells) {
        case .fine: break
        case .excluded:
            if stream != nil { counts.rowsRead -= 1 } else { counts.excluded += 1 }
            return try skipAtFirst(cells, position)
        case .missing:
            try skipAtFirst(cells, position)
            let hasKey = subject.readEventKey(cells) == nil
            return try refuse((email, userID), EventRow.nameMissing, hasKey: hasKey, position)
        }
        if let reason = subject.readEventKey(cells) { return try refuse((email, userID), reason, position) }
        if let only = scope.only, !subject.key.elementsEqual(only.utf8) { return seeAnother() }
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

    /// Takes back that a row was read: in a stream, rows that were met before do not count.
    private func uncount() { counts.rowsRead -= 1 }

    /// What was there before the first run is not sent later either, be it corrected or asked for by another setting.
    private func skipAtFirst(_ cells: UnsafeBufferPointer<RecordCell>, _ position: Int64?) throws {
        guard scope.rule == .from(nil), scope.only == nil, subject.readEventKey(cells) == nil else { return }
        let fingerprint = subject.key.withUnsafeBytes { fingerprinter.fingerprint(record: $0) }
        if table[fingerprint].state == nil { try skip(fingerprint, nil, position, isCounted: false) }
    }

    private func note(_ position: Int64?) {
        guard let position else { return }
        if let window, window.isAhead(position) {
            ahead += 1
        } else {
            highest = max(highest ?? position, position)
        }
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
                table[fingerprint].isSeen = true
                return try raise(fingerprint, entry, position)
            }
            if entry.isSeen { return counts.duplicates += 1 }
            see(fingerprint, isUnchanged: !(entry.state?.isUnfinished ?? false))
            return try raise(fingerprint, entry, position)
        }
        // Whatever the row holds: it was there before the first run.
        if entry.state == nil, scope.rule == .from(nil), scope.only == nil {
            if entry.isSeen { return counts.duplicates += 1 }
            see(fingerprint, isUnchanged: true)
            return try skip(fingerprint, nil, position)
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
    private func isLookedInto(_ entry: EventTable.Entry) -> Bool {
        switch entry.state {
        case nil: true
        case .skipped: scope.only != nil || isBackfill
        case .rejected: scope.updates || scope.retriesRejected
        case .sent, .sending, .waiting: scope.updates
        }
    }

    private func see(_ fingerprint: Fingerprint, isUnchanged: Bool) {
        counts.audience += 1
        if isUnchanged { counts.unchanged += 1 }
        table[fingerprint].isSeen = true
        table[fingerprint].isUnchanged = isUnchanged
    }

    /// A row that is met further on than before keeps its key for longer.
    private func raise(_ fingerprint: Fingerprint, _ entry: EventTable.Entry, _ position: Int64?) throws {
        guard let position, scope.only == nil, !isBackfill, entry.position.map({ $0 < position }) ?? true else {
            return
        }
        try spool.add(entryOf(fingerprint, entry.content ?? 0, position, id: "", kind: .skip, payload: []), person: 0)
    }

    private var isBackfill: Bool { if case .backfill = scope.rule { true } else { false } }

    private func compare(
        _ shown: (AudienceCell, AudienceCell), _ fingerprint: Fingerprint, _ entry: EventTable.Entry,
        _ position: Int64?
    ) throws {
        prefix.removeAll(keepingCapacity: true)
        event.writeContent(subject, to: &prefix)
        let values = UnsafeBufferPointer(values)
        let content = Int64(bitPattern: shape.layout.hash(values, prefix: prefix, contentHash, &scratch))
        let kind = entry.isSeen ? nil : kind(entry, content, position)
        // What is sent is looked into when it is written. Whether a row can be sent does not depend on the order of rows.
        if entry.isSeen || kind == .skip, let reason = unsendable(values) {
            return try refuse(shown, reason, hasKey: true, position)
        }
        if entry.isSeen { return contest(fingerprint, entry, content) }
        if kind == .send {
            guard try send(values, shown, fingerprint, content, position) else { return }
        } else if kind == .skip {
            try skip(fingerprint, content, position)
        } else if stream != nil {
            uncount()
            table[fingerprint].isSeen = true
            table[fingerprint].isUncounted = true
            return try raise(fingerprint, entry, position)
        }
        see(fingerprint, isUnchanged: kind == .skip || (kind == nil && !(entry.state?.isUnfinished ?? false)))
        table[fingerprint].isTaken = kind != nil
        if entry.state == nil || kind != nil { table[fingerprint].content = content }
        if kind == nil { try raise(fingerprint, entry, position) }
    }

    private func skip(
        _ fingerprint: Fingerprint, _ content: Int64?, _ position: Int64?, isCounted: Bool = true
    ) throws {
        if isCounted { skipped += 1 }
        let startsNow = scope.rule == .from(nil)
        if let position, window?.isBeforeAllReads(position, highest: highest, startsNow: startsNow) == true { return }
        try spool.add(entryOf(fingerprint, content ?? 0, position, id: "", kind: .skip, payload: []), person: 0)
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

    /// - Returns: whether it can be sent.
    private func send(
        _ values: UnsafeBufferPointer<FieldValue>, _ shown: (AudienceCell, AudienceCell), _ fingerprint: Fingerprint,
        _ content: Int64, _ position: Int64?
    ) throws -> Bool {
        let fields: [UInt8]
        do throws(RefusedRecord) {
            fields = try writer.write(values, subject, nulls: [])
        } catch {
            try refuse(shown, error.reason, hasKey: true, position)
            return false
        }
        let id = event.id.map { String(decoding: $0, as: UTF8.self) } ?? subject.derivedID
        let payload = event.write(subject, id: id, fields: fields, createsNewFields: createsNewFields)
        guard payload.count <= largest else {
            let reason = FailureReason(
                code: "value_too_long",
                reason:
                    "The event has \(payload.count) bytes as JSON; one request takes \(largest) (limits.bytes_per_request)."
            )
            try refuse(shown, reason, hasKey: true, position)
            return false
        }
        if event.id != nil {
            if let owner = owners[id], owner != fingerprint { sharedIDs.formUnion([owner, fingerprint]) }
            owners[id] = fingerprint
        }
        let entry = entryOf(fingerprint, content, position, id: id, kind: .send, payload: payload)
        try spool.add(entry, person: person(entry.identity))
        lowestNew = [lowestNew, position].compactMap(\.self).min()
        if names.count < Self.mostNames { names.insert(entry.event.name) }
        if isBackfill, let position, let keptFrom, position < keptFrom, table[fingerprint].state == nil {
            forgotten += 1
        }
        return true
    }

    func person(_ identity: Identity) -> UInt64 {
        guard identity.email != nil || identity.userID != nil else { return 0 }
        return identity.withBytes { fingerprinter.fingerprint(email: $0, userID: $1).high }
    }

    private func entryOf(
        _ fingerprint: Fingerprint, _ content: Int64, _ position: Int64?, id: String, kind: ChangeKind,
        payload: [UInt8]
    ) -> EventEntry {
        EventEntry(
            kind: kind, fingerprint: fingerprint, key: String(decoding: subject.key, as: UTF8.self), content: content,
            identity: kind == .skip ? Identity(email: nil, userID: nil) : subject.identity,
            event: EventReference(
                id: id, name: String(decoding: event.name, as: UTF8.self), order: event.createdAt ?? position ?? 0,
                position: position, firstSeen: now),
            payload: payload)
    }

    private func contest(_ fingerprint: Fingerprint, _ entry: EventTable.Entry, _ content: Int64) {
        if contests[fingerprint] == nil {
            contests[fingerprint] = KeyContest(
                key: String(decoding: subject.key, as: UTF8.self), content: entry.content ?? content, rank: nil)
        }
        contests[fingerprint]?.add(content, nil)
    }

    /// - Parameter hasKey: whether the row has a key, which the log then shows.
    private func refuse(
        _ shown: (AudienceCell, AudienceCell), _ reason: FailureReason, hasKey: Bool = false,
        _ position: Int64? = nil
    ) throws {
        if let stream, let position {
            let hash = hasKey ? hash(of: subject.key, reason.code) : hash(of: shown, reason.code, position)
            if stream.counted.add(hash, at: position) == 0 { return uncount() }
        }
        counts.invalid += 1
        if let stream, position.map({ position in stream.startMark.map { position <= $0 } ?? false }) ?? true {
            oldInvalid += 1
        }
        try subject.key.withUnsafeBytes {
            try invalid.addInvalid(
                key: hasKey ? $0 : nil, (shown.0.bytes, shown.1.bytes), reason)
        }
    }

    private func hash(of key: some Sequence<UInt8>, _ code: String) -> UInt64 {
        let bytes = Array(code.utf8) + [0] + Array(key)
        return bytes.withUnsafeBytes { fingerprinter.fingerprint(record: $0).high }
    }

    private func hash(of shown: (AudienceCell, AudienceCell), _ code: String, _ position: Int64) -> UInt64 {
        hash(
            of: "\(position) ".utf8 + (shown.0.bytes.map(Array.init) ?? []) + [0]
                + (shown.1.bytes.map(Array.init) ?? []), code)
    }

    // MARK: When all rows have come

    /// Keys of which nothing is sent, because nothing says which of their rows is right, or which of two keys has an id.
    private(set) var contradicted: Set<Fingerprint> = []

    /// Decides between the rows of one key, and the keys of one id.
    /// - Parameter known: ids that other keys were sent with.
    func settle(known: [String: Fingerprint]) throws {
        for (id, owner) in owners where known[id].map({ $0 != owner }) ?? false { sharedIDs.insert(owner) }
        for (fingerprint, contest) in contests.sorted(by: { $0.key < $1.key }) {
            let isUncounted = table[fingerprint].isUncounted
            if contest.winner(.refuse) != nil {
                // The first row is the event, or in a stream was met before.
                let others = contest.rows - 1
                let counted = countedOnce(others, contest.key, "duplicate", fingerprint)
                counts.rowsRead -= others - counted
                counts.duplicates += counted
                continue
            }
            let counted = countedOnce(contest.rows, contest.key, Self.differentRows.code, fingerprint)
            counts.rowsRead -= contest.rows - counted - (isUncounted ? 1 : 0)
            contradict(fingerprint, rows: counted)
            for _ in 0..<counted { try addInvalid(contest.key, Self.differentRows) }
        }
        for place in spool.places where !place.isLedger && !contradicted.contains(place.fingerprint) {
            let hasAnotherID = try hasAnotherID(place, known)
            guard hasAnotherID || sharedIDs.contains(place.fingerprint) else { continue }
            let (key, reason) = (try spool.entry(at: place).key, hasAnotherID ? Self.changedID : Self.sharedID)
            let counted = countedOnce(1, key, reason.code, place.fingerprint)
            counts.rowsRead -= 1 - counted
            contradict(place.fingerprint, rows: counted)
            if counted > 0 { try addInvalid(key, reason) }
        }
    }

    /// How many of the rows of a key are counted: in a stream, those that no look has counted yet.
    private func countedOnce(_ rows: Int, _ key: String, _ code: String, _ fingerprint: Fingerprint) -> Int {
        guard let stream else { return rows }
        return stream.counted.add(hash(of: Array(key.utf8), code), rows: rows, at: highest)
    }

    private func contradict(_ fingerprint: Fingerprint, rows: Int) {
        contradicted.insert(fingerprint)
        if !table[fingerprint].isUncounted { counts.audience -= 1 }
        if table[fingerprint].isUnchanged { counts.unchanged -= 1 }
        counts.invalid += rows
    }

    /// Whether an event that was sent, or may have been, has another id in its column now: it would be a second event in Iterable.
    private func hasAnotherID(_ place: EventSpool.Place, _ known: [String: Fingerprint]) throws -> Bool {
        guard event.cells.id != nil, let state = table[place.fingerprint].state, state != .skipped else { return false }
        return known[try spool.entry(at: place).event.id] != place.fingerprint
    }

    /// Ids that columns give.
    var givenIDs: [String] { owners.keys.sorted() }

    private func addInvalid(_ key: String, _ reason: FailureReason) throws {
        try Array(key.utf8).withUnsafeBytes { try invalid.addInvalid(key: $0, (nil, nil), reason) }
    }

    private static let differentRows = FailureReason(
        code: "duplicate_key", reason: "Another row has the same key and another event; neither is sent.")
    private static let changedID = FailureReason(
        code: "invalid_event_id", reason: "The event was sent with another id, and would be a second one with this.")
    private static let sharedID = FailureReason(
        code: "duplicate_key", reason: "Another key has the same event id; one would replace the other in Iterable.")
}

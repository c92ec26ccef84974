import RollcallCore
import Warehouse

/// Compares the rows of a source, as they stream by, with what was acknowledged of the records.
///
/// A row that is unchanged costs one pass over its cells, one hash and one look into the table; no JSON is made of it. Only the
/// others are looked into, written as JSON and spooled. Used by one thread at a time.
// SAFETY: a reading in one part calls `row` from one thread at a time, and the planner uses the rest when it has ended.
final class RecordDiff: @unchecked Sendable {
    var counts = RunCounts()
    /// Records that are sent because their content is another one than was acknowledged.
    var changed = 0
    let spool: RecordSpool
    /// Profiles that are to get another address.
    let renames: RecordSpool
    var table: RecordTable
    var contests: [Fingerprint: KeyContest] = [:]
    /// Rows that cannot be sent although their key can; of each key one.
    var refused: [Fingerprint: RefusedRows] = [:]
    /// Of people.
    let people: PersonNames?
    var persons: PersonContests?
    var checked: [Fingerprint: RecordSpool.Entry] = [:]
    /// Where rows are read by bucket: which buckets are passed over, and what is known of the rows that come.
    var buckets: RecordBuckets?
    /// Of a look of a stream: what it meets and what of that waits; see `RecordDiff+Look`.
    let look: RecordLook?
    var meetings = LookMeetings()

    let shape: RecordShape
    private let subject: RowSubject
    let rule: DuplicateRule
    let fingerprinter: Fingerprinter
    private let contentHash: SipHash
    let resend: PlanScope
    private let writer: RecordWriter
    /// Places in the layout of fields that Iterable does not have yet.
    private let newFields: [Int]
    /// See ``RecordChanges/shownFields``.
    private(set) var shownFields = FieldBits()
    /// Items that are to be read back, with what was put; of one item there may be several, of which one was accepted last.
    let checks: [Fingerprint: Set<Int64>]
    private let values: UnsafeMutableBufferPointer<FieldValue>
    var watched: WatchedUnits

    /// - Parameters:
    ///   - table: the records that were acknowledged; marked from now on.
    ///   - salt: see ``Fingerprinter/contentHash(salt:)``.
    ///   - largest: bytes that a record may have as JSON.
    ///   - look: set for a look of a stream.
    init(
        _ shape: RecordShape, table: RecordTable, key: [UInt8], salt: String, resend: PlanScope,
        largest: Int, newFields: [Int] = [], checks: [ItemCheck] = [],
        look: RecordLook? = nil
    ) {
        self.shape = shape
        self.look = look
        self.table = table
        self.resend = resend
        self.newFields = newFields
        self.checks = Dictionary(checks.map { ($0.fingerprint, [$0.content]) }) { $0.union($1) }
        spool = RecordSpool(shape.subject.kind)
        renames = RecordSpool(shape.subject.kind)
        subject = RowSubject(shape)
        rule = shape.subject.duplicates
        fingerprinter = Fingerprinter(key: key)
        contentHash = fingerprinter.contentHash(salt: salt)
        writer = RecordWriter(shape, largest: largest)
        if case .people(_, _, let project) = shape.subject {
            let people = PersonNames(project, fingerprinter, keepsMentions: shape.subject.removal != nil)
            (self.people, persons) = (people, PersonContests(people))
        } else {
            people = nil
        }
        watched = WatchedUnits(shape.nulls)
        values = .allocate(capacity: shape.layout.fields.count)
        values.initialize(repeating: .null)
    }

    deinit { values.deallocate() }

    /// Gives the table away, so that it is not copied.
    func takeTable() -> RecordTable {
        defer { table = RecordTable() }
        return table
    }

    // MARK: One row

    /// - Parameter bucket: in which the row lies; of no meaning where rows are not read by bucket.
    func row(
        _ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>, bucket: Int = 0
    ) throws {
        guard takes(cells) else { return }
        counts.rowsRead += 1
        let shown = Shown(email: email.bytes, userID: userID.bytes)
        let reading = subject.read(email, userID, cells)
        if case .noKey(let reason, let shownKey) = reading {
            persons?.mention(subject)
            let shownBytes = [shown.email, shown.userID].map { $0.map { Array($0) } ?? [] }
            guard isCounted(reason, shownKey ? [subject.key] : shownBytes) else { return }
            counts.invalid += 1
            return try addInvalid(shown, withKey: shownKey, reason)
        }
        let fingerprint = (subject.item ?? subject.key).withUnsafeBytes { fingerprinter.fingerprint(record: $0) }
        let rank = shape.rankCell.flatMap { cells[$0].rank }
        if case .invalid(let reason) = reading {
            persons?.mention(subject)
            return try refuse(shown, reason, of: fingerprint, rank)
        }
        table.prefetch(fingerprint)
        let identifiers = people?.identifiers(subject)
        if let identifiers { persons?.prefetch(identifiers) }
        let invalid = readValues(cells)
        let content = invalid == nil ? contentHash(of: UnsafeBufferPointer(values)) : 0
        let record = table.number(adding: fingerprint)
        if let identifiers { persons?.claim(identifiers, record) { table.fingerprint($0) } }
        if let look { holdBack(fingerprint, people?.names(subject.email, subject.userID) ?? [], look) }
        if let invalid { return try refuse(shown, invalid.reason, of: fingerprint, rank) }
        if let dropped = subject.dropped, isCounted(dropped, [subject.key]) {
            try addInvalid(shown, isFailure: false, dropped)
        }
        let filled = UnsafeBufferPointer(values)
        try compare(filled, content, shown, fingerprint, record, rank)
        guard let buckets, subject.dropped == nil else { return }
        buckets.add(
            KnownRow(
                fingerprint: fingerprint, content: content, bucket: bucket, rank: rank, email: identifiers?.email,
                userID: identifiers?.userID),
            empty: shape.nulls == nil ? FieldBits() : shape.layout.emptyUnits(filled))
    }

    /// Reads the fields of a row into `values`.
    private func readValues(_ cells: UnsafeBufferPointer<RecordCell>) -> InvalidField? {
        do throws(InvalidField) {
            try shape.layout.read(cells, into: values)
            return nil
        } catch {
            return error
        }
    }

    /// The identifiers of a row as the warehouse has them.
    private struct Shown {
        var email: UnsafeRawBufferPointer?
        var userID: UnsafeRawBufferPointer?
    }

    /// The fingerprint is that of the key, of catalogs that of the item: what Iterable knows one record by, there is one entry for.
    private func compare(
        _ values: UnsafeBufferPointer<FieldValue>, _ content: Int64, _ shown: Shown, _ fingerprint: Fingerprint,
        _ record: Int, _ rank: Int64?
    ) throws {
        var entry = table[record]
        if entry.marks.contains(.known), entry.acknowledged == content,
            shape.layout.hasEmpty(watched.units(entry.held, table.held(entry)), values)
        {
            entry.marks.insert(.clears)
            table[record] = entry
        }
        let kind = look?.leavesOut(fingerprint, entry, content) == true ? nil : kind(entry, content)
        let isRepeated = entry.marks.contains(.seen)
        if let kind, !(isRepeated && entry.seen == content) {
            let held = table.held(entry)
            let due = shape.nulls?.due(shape.layout, values, held: held, missing: newFields)
            let payload: [UInt8]
            do throws(RefusedRecord) {
                payload = try writer.write(values, subject, nulls: due?.nulls ?? [])
            } catch {
                return try refuse(shown, error.reason, of: fingerprint, rank)
            }
            let new = newFields(values)
            try spool.add(
                RecordSpool.Entry(
                    kind: kind, operation: shape.subject.kind.operations[0], fingerprint: fingerprint,
                    record: reference(content), payload: payload, isKnown: entry.marks.contains(.known),
                    isOwned: entry.marks.contains(.owned), identity: subject.identity, held: due?.held,
                    newFields: new.present, shownFields: new.shown, position: meetings.position))
            meetings.changes += 1
            meetings.noteNew()
        }
        if kind == nil, checks[fingerprint]?.contains(content) == true {
            remember(values, fingerprint, content, held: table.held(entry))
        }
        if isRepeated { contest(fingerprint, entry, content, rank) } else { see(record, content, rank) }
        try endWhereEnough()
    }

    /// Keeps what would put an unchanged item again.
    private func remember(
        _ values: UnsafeBufferPointer<FieldValue>, _ fingerprint: Fingerprint, _ content: Int64, held: FieldBits
    ) {
        let due = shape.nulls?.due(shape.layout, values, held: held, missing: newFields)
        // What Iterable accepted can be written.
        guard let payload = try? writer.write(values, subject, nulls: due?.nulls ?? []) else { return }
        checked[fingerprint] = RecordSpool.Entry(
            kind: .send, operation: shape.subject.kind.operations[0], fingerprint: fingerprint,
            record: reference(content), payload: payload, isKnown: true, isOwned: true,
            identity: subject.identity, held: due?.held)
    }

    private func contentHash(of values: UnsafeBufferPointer<FieldValue>) -> Int64 {
        var hasher = ContentHasher(contentHash)
        if people != nil { subject.hashIdentity(into: &hasher) }
        shape.layout.hash(values, into: &hasher)
        return hasher.finish()
    }

    private func reference(_ content: Int64) -> RecordReference {
        RecordReference(
            key: LoggedText.text(of: subject.key),
            itemID: subject.item.map { String(decoding: $0, as: UTF8.self) }, content: content)
    }

    /// Which new fields the row has a value of, and of which of them it shows what type is meant.
    private func newFields(_ values: UnsafeBufferPointer<FieldValue>) -> (present: FieldBits, shown: FieldBits) {
        var (present, shown) = (FieldBits(), FieldBits())
        for (index, place) in newFields.enumerated() {
            let field = shape.layout.fields[place]
            let isShown: Bool
            if !values[place].isNull {
                isShown = values[place].shows(field.type ?? .string)
            } else if let constant = field.fallback {
                isShown = constant.withUnsafeBytes { FieldValue.shows(written: $0, as: field.type) }
            } else {
                continue
            }
            present.insert(index)
            if isShown { shown.insert(index) }
        }
        shownFields.formUnion(shown)
        return (present, shown)
    }

    /// Whether no row has the key, be it one that cannot be sent, and no record is known by it.
    func isUnknown(_ key: String) -> Bool { table[fingerprint(ofKey: key)].marks.isEmpty }

    func fingerprint(ofKey key: String) -> Fingerprint {
        Array(key.utf8).withUnsafeBytes { fingerprinter.fingerprint(record: $0) }
    }

    /// Notes the first valid row of a record.
    func see(_ record: Int, _ content: Int64, _ rank: Int64?) {
        var entry = table[record]
        entry.marks.insert(.seen)
        entry.seen = content
        entry.rank = rank
        table[record] = entry
        count(entry, content, 1)
    }

    private func contest(_ fingerprint: Fingerprint, _ entry: RecordTable.Entry, _ content: Int64, _ rank: Int64?) {
        if contests[fingerprint] == nil {
            // The first row has its place among the others from now on.
            count(entry, entry.seen, -1)
            contests[fingerprint] = KeyContest(
                key: LoggedText.text(of: subject.key), content: entry.seen, rank: entry.rank)
        }
        contests[fingerprint]?.add(content, rank)
    }

    // MARK: What becomes of a record

    /// - Returns: nil for a record that is unchanged.
    func kind(_ entry: RecordTable.Entry, _ content: Int64) -> ChangeKind? {
        guard entry.marks.contains(.known), entry.acknowledged == content else { return .send }
        if entry.marks.contains(.rejected) { return resend.rejected || resend.full ? .send : .parked }
        // One that was released is this sync's own again.
        let isSettled = entry.marks.isSuperset(of: [.synced, .owned]) && !entry.marks.contains(.clears)
        return isSettled && !resend.full ? nil : .send
    }

    func count(_ entry: RecordTable.Entry, _ content: Int64, _ number: Int) {
        counts.audience += number
        guard kind(entry, content) != nil else { return counts.unchanged += number }
        counts.planned[shape.subject.kind.operations[0]] += number
        if entry.hasChanged(to: content) { changed += number }
    }

    private func addInvalid(
        _ shown: Shown, withKey: Bool = true, isFailure: Bool = true, _ reason: FailureReason
    ) throws {
        try subject.key.withUnsafeBytes {
            try spool.addInvalid(
                key: withKey ? $0 : nil, (shown.email, shown.userID), isFailure: isFailure, reason)
        }
    }

    /// A row that cannot be sent still stands for its record, which is not gone; and where other rows have its key, none of
    /// them is sent in its place unless it is known to be newer.
    private func refuse(
        _ shown: Shown, _ reason: FailureReason, of fingerprint: Fingerprint, _ rank: Int64?
    ) throws {
        if isCounted(reason, [subject.key]) {
            counts.invalid += 1
            try addInvalid(shown, reason)
        }
        if look != nil { meetings.refuse(fingerprint) }
        table[fingerprint].marks.insert(.stands)
        refused[fingerprint, default: RefusedRows(key: LoggedText.text(of: subject.key))].add(rank)
    }
}

import RollcallCore
import Warehouse

/// Compares the rows of a source, as they stream by, with what was acknowledged of the records.
///
/// A row that is unchanged costs one pass over its cells, one hash and one look into the table; no text is made of it. Only the
/// others are looked into, written as JSON and spooled. Used by one thread at a time.
// SAFETY: a reading in one part calls `row` from one thread at a time, and the planner uses the rest when it has ended.
final class RecordDiff: @unchecked Sendable {
    private(set) var counts = RunCounts()
    let spool = RecordSpool()
    private(set) var table: RecordTable
    private(set) var contests: [Fingerprint: KeyContest] = [:]
    /// Rows that cannot be sent although their key can; of each key one.
    private var refused: [Fingerprint: RefusedRows] = [:]

    private let shape: RecordShape
    private let encodesKey: Bool
    private let rule: DuplicateRule
    private let fingerprinter: Fingerprinter
    private let contentHash: SipHash
    private let resend: PlanScope
    private let values: UnsafeMutableBufferPointer<FieldValue>
    private var scratch: [UInt8] = []
    private var object: [UInt8] = []

    /// - Parameters:
    ///   - table: the records that were acknowledged; marked from now on.
    ///   - salt: see ``Fingerprinter/contentHash(salt:)``.
    init(
        _ catalog: CatalogSettings, _ shape: RecordShape, table: RecordTable, key: [UInt8], salt: String,
        resend: PlanScope
    ) {
        self.shape = shape
        self.table = table
        self.resend = resend
        encodesKey = catalog.encodesKey
        rule = catalog.duplicates
        fingerprinter = Fingerprinter(key: key)
        contentHash = fingerprinter.contentHash(salt: salt)
        values = .allocate(capacity: shape.layout.fields.count)
        values.initialize(repeating: .null)
    }

    deinit { values.deallocate() }

    // MARK: One row

    func row(_ cells: UnsafeBufferPointer<RecordCell>) throws {
        counts.rowsRead += 1
        let isTaken: Void? = try cells[shape.keyCell].withKey { key in
            guard let key else { return try refuse(key: nil, Reasons.keyMissing) }
            try row(cells, key: key)
        }
        if isTaken == nil { try refuse(key: nil, Reasons.keyType) }
    }

    private func row(_ cells: UnsafeBufferPointer<RecordCell>, key: UnsafeRawBufferPointer) throws {
        guard encodesKey else {
            guard ItemID.isValid(key) else { return try refuse(key: key, Reasons.invalidItemID) }
            return try row(cells, key: key, item: key)
        }
        let item = ItemID.encode(key)
        guard ItemID.isValid(item) else { return try refuse(key: key, Reasons.itemIDTooLong) }
        try item.withUnsafeBytes { try row(cells, key: key, item: $0) }
    }

    /// The fingerprint is that of the item: what Iterable knows one record by, there is one entry for.
    private func row(
        _ cells: UnsafeBufferPointer<RecordCell>, key: UnsafeRawBufferPointer, item: UnsafeRawBufferPointer
    ) throws {
        let fingerprint = fingerprinter.fingerprint(record: item)
        let rank = shape.rankCell.flatMap { cells[$0].rank }
        do throws(InvalidField) {
            try shape.layout.read(cells, into: values)
        } catch {
            return try refuse(key: key, error.reason, of: fingerprint, rank)
        }
        let readable = UnsafeBufferPointer(values)
        let content = Int64(bitPattern: shape.layout.hash(readable, contentHash, &scratch))
        let entry = table[fingerprint]
        let kind = kind(entry, content)
        let isRepeated = entry.marks.contains(.seen)
        if let kind, !(isRepeated && entry.seen == content) {
            if let reason = try render(readable) { return try refuse(key: key, reason, of: fingerprint, rank) }
            try spool.add(
                RecordSpool.Entry(
                    kind: kind, operation: .put, fingerprint: fingerprint,
                    record: RecordReference(
                        key: String(decoding: key, as: UTF8.self), itemID: String(decoding: item, as: UTF8.self),
                        content: content), payload: object, isKnown: entry.marks.contains(.known)))
        }
        guard isRepeated else { return see(fingerprint, content, rank, kind) }
        contest(fingerprint, entry, key: key, content, rank)
    }

    private func see(_ fingerprint: Fingerprint, _ content: Int64, _ rank: Int64?, _ kind: ChangeKind?) {
        table.change(fingerprint) { entry in
            entry.marks.insert(.seen)
            entry.seen = content
            entry.rank = rank
        }
        count(kind, 1)
    }

    private func contest(
        _ fingerprint: Fingerprint, _ entry: RecordTable.Entry, key: UnsafeRawBufferPointer, _ content: Int64,
        _ rank: Int64?
    ) {
        if contests[fingerprint] == nil {
            // The first row has its place among the others from now on.
            count(kind(entry, entry.seen), -1)
            contests[fingerprint] = KeyContest(
                key: String(decoding: key, as: UTF8.self), content: entry.seen, rank: entry.rank)
        }
        contests[fingerprint]?.add(content, rank)
    }

    // MARK: What becomes of a record

    /// - Returns: nil for a record that is unchanged.
    private func kind(_ entry: RecordTable.Entry, _ content: Int64) -> ChangeKind? {
        guard entry.marks.contains(.known), entry.acknowledged == content else { return .send }
        if entry.marks.contains(.rejected) { return resend.rejected || resend.full ? .send : .parked }
        return entry.marks.contains(.synced) && !resend.full ? nil : .send
    }

    private func count(_ kind: ChangeKind?, _ number: Int) {
        counts.audience += number
        if kind == nil { counts.unchanged += number } else { counts.planned.put += number }
    }

    /// Writes the object of the row; gives the reason why it cannot be sent.
    private func render(_ values: UnsafeBufferPointer<FieldValue>) throws -> FailureReason? {
        do throws(InvalidField) {
            try shape.layout.check(values)
        } catch {
            return error.reason
        }
        object.removeAll(keepingCapacity: true)
        shape.layout.write(values, to: &object)
        return object.count > FieldLimits.largestItem ? Reasons.tooLarge(object.count) : nil
    }

    /// A row without a key that Iterable takes.
    private func refuse(key: UnsafeRawBufferPointer?, _ reason: FailureReason) throws {
        counts.invalid += 1
        try spool.addInvalid(key: key, reason)
    }

    /// A row that cannot be sent still stands for its record, which is not gone; and where other rows have its key, none of
    /// them is sent in its place unless it is known to be newer.
    private func refuse(
        key: UnsafeRawBufferPointer, _ reason: FailureReason, of fingerprint: Fingerprint, _ rank: Int64?
    ) throws {
        try refuse(key: key, reason)
        table.change(fingerprint) { _ = $0.marks.insert(.stands) }
        refused[fingerprint, default: RefusedRows(key: String(decoding: key, as: UTF8.self))].add(rank)
    }

    // MARK: When all rows have come

    /// Decides between the rows of one key, and counts them.
    func settleContests() throws {
        for (fingerprint, rows) in refused {
            let entry = table[fingerprint]
            guard entry.marks.contains(.seen) else { continue }
            if contests[fingerprint] == nil {
                count(kind(entry, entry.seen), -1)
                contests[fingerprint] = KeyContest(key: rows.key, content: entry.seen, rank: entry.rank)
            }
            contests[fingerprint]?.refused = rows
        }
        for (fingerprint, contest) in contests.sorted(by: { $0.key < $1.key }) {
            guard let winner = contest.winner(rule) else {
                counts.invalid += contest.rows
                for _ in 0..<contest.rows {
                    try Array(contest.key.utf8).withUnsafeBytes {
                        try spool.addInvalid(key: $0, Reasons.duplicateKey(rule))
                    }
                }
                continue
            }
            counts.duplicates += contest.rows - 1
            count(kind(table[fingerprint], winner), 1)
        }
    }

    enum Reasons {
        static let keyMissing = FailureReason(code: "key_missing", reason: "The key column is NULL.")
        static let keyType = FailureReason(
            code: "invalid_item_id", reason: "The key is neither a text nor a whole number.")
        static let invalidItemID = FailureReason(
            code: "invalid_item_id",
            reason:
                "The key is not 1 to \(ItemID.longest) letters, digits and hyphens; key: { column: ..., encode: true }"
                + " takes any text.")
        static let itemIDTooLong = FailureReason(
            code: "invalid_item_id",
            reason: "The key is empty, or longer than \(ItemID.longest) characters once it is encoded.")

        static func tooLarge(_ bytes: Int) -> FailureReason {
            FailureReason(
                code: "item_too_large",
                reason: "The item has \(bytes) bytes as JSON; Iterable takes \(FieldLimits.largestItem).")
        }

        static func duplicateKey(_ rule: DuplicateRule) -> FailureReason {
            switch rule {
            case .refuse:
                FailureReason(
                    code: "duplicate_key", reason: "Another row has the same key and other fields; neither is sent.")
            case .newest(let column):
                FailureReason(
                    code: "duplicate_key",
                    reason: "Several rows have this key, and \(column) does not tell which of them is the newest.")
            }
        }
    }
}

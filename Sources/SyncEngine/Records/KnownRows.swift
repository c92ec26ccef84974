import RollcallCore

/// The row of a record that was, at the last reading of its bucket, valid, the only one with its key, and the only one with its
/// identifiers.
struct KnownRow: Equatable, Sendable {
    /// Of the record.
    var fingerprint: Fingerprint
    /// The hash of what the row holds; see ``RecordTable/Entry/acknowledged``.
    var content: Int64
    /// 0 to below ``RowGrouping/mostBuckets``.
    var bucket: Int
    /// ``RecordCell/rank`` of the column that says which row is the newest; nil: there is none.
    var rank: Int64?
    /// Of people; see ``PersonNames/Identifiers``.
    var email: Fingerprint?
    var userID: Fingerprint?
}

/// What is known of the rows of a source of records: a digest of each bucket, and the rows that are alone and valid.
///
/// It is a matter of the rows alone, so that it holds whatever becomes of the run that has read them: whether the content of a row was
/// acknowledged is asked of the snapshot.
struct KnownRows: Sendable {
    /// Which parts a row has beside its record, content and bucket: as many words as its source needs.
    struct Parts: OptionSet, Sendable {
        var rawValue: UInt64
        static let rank = Parts(rawValue: 1)
        static let email = Parts(rawValue: 2)
        static let userID = Parts(rawValue: 4)

        /// Words of a row.
        var words: Int {
            4 + (contains(.rank) ? 1 : 0) + (contains(.email) ? 2 : 0) + (contains(.userID) ? 2 : 0)
        }
    }

    let reading: BucketReading
    let parts: Parts
    /// Units of the layout without a value: many rows have the same ones.
    private(set) var empty = HeldSets()
    /// ``Parts/words`` of each row.
    private(set) var words: [UInt64] = []

    init(reading: BucketReading, parts: Parts) {
        self.reading = reading
        self.parts = parts
    }

    var count: Int { words.count / parts.words }

    // The lower half of a row's fourth word: its bucket, and which parts it has.
    private static let bucketMask: UInt64 = 0xff_ffff
    private static let hasRank: UInt64 = 1 << 24
    private static let hasEmail: UInt64 = 1 << 25
    private static let hasUserID: UInt64 = 1 << 26
    private static let emptyShift: UInt64 = 32

    mutating func append(_ row: KnownRow, empty units: FieldBits) {
        var place = UInt64(row.bucket) & Self.bucketMask | UInt64(empty.number(of: units)) << Self.emptyShift
        if row.rank != nil { place |= Self.hasRank }
        if row.email != nil { place |= Self.hasEmail }
        if row.userID != nil { place |= Self.hasUserID }
        words.append(row.fingerprint.high)
        words.append(row.fingerprint.low)
        words.append(UInt64(bitPattern: row.content))
        words.append(place)
        if parts.contains(.rank) { words.append(UInt64(bitPattern: row.rank ?? 0)) }
        if parts.contains(.email) { append(row.email) }
        if parts.contains(.userID) { append(row.userID) }
    }

    private mutating func append(_ name: Fingerprint?) {
        words.append(name?.high ?? 0)
        words.append(name?.low ?? 0)
    }

    /// Calls `body` for each row, with the units of the layout that have no value.
    func forEach(_ body: (KnownRow, _ empty: FieldBits) -> Void) {
        for start in stride(from: 0, to: words.count, by: parts.words) {
            body(row(at: start), empty[UInt32(words[start + 3] >> Self.emptyShift)])
        }
    }

    private func row(at start: Int) -> KnownRow {
        let place = words[start + 3]
        var row = KnownRow(
            fingerprint: name(at: start), content: Int64(bitPattern: words[start + 2]),
            bucket: Int(place & Self.bucketMask))
        var next = start + 4
        if parts.contains(.rank) {
            if place & Self.hasRank != 0 { row.rank = Int64(bitPattern: words[next]) }
            next += 1
        }
        if parts.contains(.email) {
            if place & Self.hasEmail != 0 { row.email = name(at: next) }
            next += 2
        }
        if parts.contains(.userID), place & Self.hasUserID != 0 { row.userID = name(at: next) }
        return row
    }

    private func name(at place: Int) -> Fingerprint { Fingerprint(high: words[place], low: words[place + 1]) }

    // MARK: As a file has it

    /// The sets of ``empty`` one after the other, each as its number of bytes and then those, eight bytes a word; the first one, which
    /// is empty, left out.
    var emptyWords: [UInt64] {
        var all: [UInt64] = []
        for set in empty.sets.dropFirst() {
            all.append(UInt64(set.bytes.count))
            for start in stride(from: 0, to: set.bytes.count, by: 8) {
                let part = set.bytes[start..<min(start + 8, set.bytes.count)]
                all.append(part.reversed().reduce(0) { $0 << 8 | UInt64($1) })
            }
        }
        return all
    }

    /// - Parameters:
    ///   - emptyWords: as ``emptyWords`` gives them.
    ///   - words: as ``words`` has them.
    /// - Returns: nil for words that are none of these.
    init?(reading: BucketReading, parts: Parts, emptyWords: ArraySlice<UInt64>, words: [UInt64]) {
        self.init(reading: reading, parts: parts)
        guard words.count.isMultiple(of: parts.words) else { return nil }
        var rest = emptyWords
        while let count = rest.popFirst() {
            guard count <= UInt64(rest.count) * 8 else { return nil }
            let whole = rest.prefix((Int(count) + 7) / 8)
            rest = rest.dropFirst(whole.count)
            let bytes = whole.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) } }
            _ = empty.number(of: FieldBits(bytes: bytes.prefix(Int(count))))
        }
        let sets = UInt64(empty.sets.count)
        for start in stride(from: 3, to: words.count, by: parts.words) {
            let place = words[start]
            guard place & Self.bucketMask < UInt64(reading.digests.count), place >> Self.emptyShift < sets else {
                return nil
            }
        }
        self.words = words
    }
}

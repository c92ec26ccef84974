import RollcallCore
import Warehouse

/// What a plan knows of the records of one sync: what was acknowledged of each, and what the source says of it.
struct RecordTable {
    struct Entry {
        /// Hash of what was last sent; only with ``Marks/known``.
        var acknowledged: Int64 = 0
        /// Hash of what the first valid row of the key holds; only with ``Marks/seen``.
        var seen: Int64 = 0
        /// ``RecordCell/rank`` of that row.
        var rank: Int64?
        /// Number of the set of fields that this sync may have given a value (``RecordTable/held(_:)``).
        var held: UInt32 = 0

        /// Whether Iterable has another content of a record of this sync, as far as is known: what a full run has not sent is sent again, and
        /// need not have changed.
        func hasChanged(to content: Int64) -> Bool {
            marks.contains(.owned) && acknowledged != content && acknowledged != RecordReference.forgottenContent
        }
        var marks: Marks = []

        mutating func forgetRow() {
            marks.subtract([.seen, .stands, .clears])
            (seen, rank) = (0, nil)
        }
    }

    struct Marks: OptionSet {
        var rawValue: UInt8
        /// The snapshot has it.
        static let known = Marks(rawValue: 1)
        /// It may be in Iterable because of this sync.
        static let owned = Marks(rawValue: 2)
        /// Iterable acknowledged it, and nothing about it is in doubt.
        static let synced = Marks(rawValue: 4)
        /// Iterable refuses it.
        static let rejected = Marks(rawValue: 8)
        /// A valid row has its key.
        static let seen = Marks(rawValue: 16)
        /// A row has its key, be it invalid: it is not gone.
        static let stands = Marks(rawValue: 32)
        /// A row with the acknowledged content leaves a field empty that this sync has given a value.
        static let clears = Marks(rawValue: 64)
    }

    /// As an entry lies in memory, in twelve bytes.
    private struct Stored: BitwiseCopyable, Sendable {
        /// ``Entry/acknowledged`` of a record that is known; ``Entry/seen`` of another one.
        var content: Word
        /// ``Marks``, then the flags, then ``Entry/held``, which hardly ever needs more than the bits that are left.
        private var bits: UInt32

        static let hasOther: UInt32 = 1 << 8
        static let hasRank: UInt32 = 1 << 9
        static let hasManyHeld: UInt32 = 1 << 10
        private static let heldShift: UInt32 = 11

        init(_ content: Int64 = 0, _ entry: Entry = Entry()) {
            self.content = Word(content)
            bits = UInt32(entry.marks.rawValue)
            if entry.held <= UInt32.max >> Self.heldShift {
                bits |= entry.held << Self.heldShift
            } else {
                bits |= Self.hasManyHeld
            }
        }

        var marks: Marks { Marks(rawValue: UInt8(truncatingIfNeeded: bits)) }
        var held: UInt32 { bits >> Self.heldShift }

        func has(_ flag: UInt32) -> Bool { bits & flag != 0 }
        mutating func set(_ flag: UInt32) { bits |= flag }
    }

    private var heldSets = HeldSets()
    private var rows = FingerprintRows<Stored>()
    /// ``Entry/seen`` of known records whose rows say something else than was acknowledged.
    private var others: [Int: Int64] = [:]
    private var ranks: [Int: Int64] = [:]
    /// ``Entry/held`` where it is a large number.
    private var manyHeld: [Int: UInt32] = [:]

    subscript(fingerprint: Fingerprint) -> Entry {
        get { rows.number(of: fingerprint).map { self[$0] } ?? Entry() }
        set { self[number(adding: fingerprint)] = newValue }
    }

    /// The number of a record, which has an empty entry from now on if it had none. It stays what it is.
    mutating func number(adding fingerprint: Fingerprint) -> Int {
        rows.number(adding: fingerprint, Stored())
    }

    func number(of fingerprint: Fingerprint) -> Int? { rows.number(of: fingerprint) }

    /// See ``FingerprintRows/prefetch(_:)``.
    func prefetch(_ fingerprint: Fingerprint) { rows.prefetch(fingerprint) }

    func fingerprint(_ number: Int) -> Fingerprint { rows.fingerprint(number) }

    subscript(number: Int) -> Entry {
        get {
            let stored = rows[number]
            var entry = Entry(held: stored.held, marks: stored.marks)
            let content = stored.content.number
            if stored.has(Stored.hasManyHeld) { entry.held = manyHeld[number] ?? 0 }
            if entry.marks.contains(.known) { entry.acknowledged = content }
            guard entry.marks.contains(.seen) else { return entry }
            entry.seen = stored.has(Stored.hasOther) ? others[number] ?? content : content
            if stored.has(Stored.hasRank) { entry.rank = ranks[number] }
            return entry
        }
        set {
            let before = rows[number]
            let content = newValue.marks.contains(.known) ? newValue.acknowledged : newValue.seen
            var stored = Stored(content, newValue)
            if newValue.marks.contains(.seen), newValue.seen != content {
                stored.set(Stored.hasOther)
                others[number] = newValue.seen
            } else if before.has(Stored.hasOther) {
                others[number] = nil
            }
            if newValue.rank != nil { stored.set(Stored.hasRank) }
            if newValue.rank != nil || before.has(Stored.hasRank) { ranks[number] = newValue.rank }
            if stored.has(Stored.hasManyHeld) { manyHeld[number] = newValue.held }
            rows[number] = stored
        }
    }

    mutating func acknowledge(_ known: KnownContent) {
        var entry = Entry(acknowledged: known.content, marks: .known)
        if known.listed { entry.marks.insert(.owned) }
        if known.state == .subscribed { entry.marks.insert(.synced) }
        if known.state == .rejected { entry.marks.insert(.rejected) }
        entry.held = heldSets.number(of: known.held)
        self[known.fingerprint] = entry
    }

    /// What the source said of these records is forgotten, so that its rows may come again; those that were not acknowledged are
    /// left out.
    mutating func forgetRows(of fingerprints: some Sequence<Fingerprint>) {
        for fingerprint in fingerprints {
            if let number = number(of: fingerprint) { forgetRow(number) }
        }
    }

    /// As ``forgetRows(of:)``, of all records.
    mutating func forgetRows() {
        // Their memory goes too.
        (others, ranks) = ([:], [:])
        for number in 0..<rows.count { forgetRow(number) }
    }

    private mutating func forgetRow(_ number: Int) {
        var entry = self[number]
        entry.forgetRow()
        self[number] = entry.marks.contains(.known) ? entry : Entry()
    }

    /// Nothing is known of a record.
    mutating func remove(_ fingerprint: Fingerprint) {
        if let number = number(of: fingerprint) { self[number] = Entry() }
    }

    func held(_ entry: Entry) -> FieldBits { heldSets[entry.held] }

    /// Records that are known, or of which a row was met.
    var count: Int { count { !$0.isEmpty } }

    /// Records that may be in Iterable because of this sync.
    var ownedCount: Int { count { $0.contains(.owned) } }

    private func count(_ isCounted: (Marks) -> Bool) -> Int {
        (0..<rows.count).count { isCounted(rows[$0].marks) }
    }

    /// Known records of which the source has no row, in the order of their fingerprints.
    var gone: [Fingerprint] {
        (0..<rows.count).lazy.filter {
            let marks = rows[$0].marks
            return marks.contains(.known) && marks.isDisjoint(with: [.seen, .stands])
        }.map(fingerprint).sorted()
    }
}

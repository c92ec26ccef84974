import RollcallCore

/// What a plan knows of the records of one sync: what was acknowledged of each, and what the source says of it.
struct RecordTable {
    struct Entry {
        /// Hash of what was last sent; only with ``Marks/known``.
        var acknowledged: Int64 = 0
        /// Hash of what the first valid row of the key holds; only with ``Marks/seen``.
        var seen: Int64 = 0
        /// ``RecordCell/rank`` of that row.
        var rank: Int64?
        var marks: Marks = []
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
    }

    private var entries: [Fingerprint: Entry] = [:]

    subscript(fingerprint: Fingerprint) -> Entry {
        get { entries[fingerprint, default: Entry()] }
        set { entries[fingerprint] = newValue }
    }

    /// Calls `body` with the entry of a key, which is made if it is not there.
    mutating func change<R>(_ fingerprint: Fingerprint, _ body: (inout Entry) throws -> R) rethrows -> R {
        try body(&entries[fingerprint, default: Entry()])
    }

    mutating func acknowledge(_ fingerprint: Fingerprint, _ state: MemberState, listed: Bool, content: Int64) {
        var entry = Entry(acknowledged: content, marks: .known)
        if listed { entry.marks.insert(.owned) }
        if state == .subscribed { entry.marks.insert(.synced) }
        if state == .rejected { entry.marks.insert(.rejected) }
        entries[fingerprint] = entry
    }

    /// Records that may be in Iterable because of this sync.
    var ownedCount: Int { entries.values.count { $0.marks.contains(.owned) } }

    /// Known records of which the source has no row, in the order of their fingerprints.
    var gone: [Fingerprint] {
        entries.filter { $0.value.marks.contains(.known) && $0.value.marks.isDisjoint(with: [.seen, .stands]) }
            .keys.sorted()
    }
}

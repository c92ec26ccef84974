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

    private var heldSets = HeldSets()

    private var entries: [Fingerprint: Entry] = [:]

    subscript(fingerprint: Fingerprint) -> Entry {
        get { entries[fingerprint, default: Entry()] }
        set { entries[fingerprint] = newValue }
    }

    /// Calls `body` with the entry of a key, which is made if it is not there.
    mutating func change<R>(_ fingerprint: Fingerprint, _ body: (inout Entry) throws -> R) rethrows -> R {
        try body(&entries[fingerprint, default: Entry()])
    }

    mutating func acknowledge(_ known: KnownContent) {
        var entry = Entry(acknowledged: known.content, marks: .known)
        if known.listed { entry.marks.insert(.owned) }
        if known.state == .subscribed { entry.marks.insert(.synced) }
        if known.state == .rejected { entry.marks.insert(.rejected) }
        if !known.held.isEmpty { entry.held = heldSets.number(of: FieldBits(bytes: known.held)) }
        entries[known.fingerprint] = entry
    }

    /// What the source said of these records is forgotten, so that its rows may come again; those that were not acknowledged are
    /// left out.
    mutating func forgetRows(of fingerprints: some Sequence<Fingerprint>) {
        for fingerprint in fingerprints {
            guard var entry = entries[fingerprint] else { continue }
            entry.forgetRow()
            entries[fingerprint] = entry.marks.contains(.known) ? entry : nil
        }
    }

    /// As ``forgetRows(of:)``, of all records.
    mutating func forgetRows() { forgetRows(of: Array(entries.keys)) }

    /// Nothing is known of a record.
    mutating func remove(_ fingerprint: Fingerprint) { entries[fingerprint] = nil }

    func held(_ entry: Entry) -> FieldBits { heldSets[entry.held] }

    /// Records that are known, or of which a row was met.
    var count: Int { entries.count }

    /// Records that may be in Iterable because of this sync.
    var ownedCount: Int { entries.values.count { $0.marks.contains(.owned) } }

    /// Known records of which the source has no row, in the order of their fingerprints.
    var gone: [Fingerprint] {
        entries.filter { $0.value.marks.contains(.known) && $0.value.marks.isDisjoint(with: [.seen, .stands]) }
            .keys.sorted()
    }
}

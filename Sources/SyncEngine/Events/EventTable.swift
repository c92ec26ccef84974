import RollcallCore
import Warehouse

/// What a plan knows of the events of a sync: what was recorded of each, and whether the source shows it.
struct EventTable {
    struct Entry {
        /// nil: the event is new.
        var state: EventState?
        /// The hash of what was sent last; only with a state.
        var content: Int64?
        /// The highest at which its row was met before.
        var position: Int64?
        /// Whether a row has its key.
        var isSeen = false
        /// Whether the event is to be sent, skipped or replaced as its row says.
        var isTaken = false
        /// Whether the event is to be sent as its row says.
        var isSent = false
        /// Whether its row counts as unchanged.
        var isUnchanged = false
        /// Whether it is written down that the event is never sent.
        var isSkipped = false
        /// In a stream: whether its row is one that was met before, and does not count.
        var isUncounted = false
    }

    /// As an entry lies in memory.
    private struct Stored: BitwiseCopyable, Sendable {
        var content = Word(0 as Int64)
        var position = Word(0 as Int64)
        var state: EventState?
        var marks: Marks = []
    }

    private struct Marks: OptionSet, BitwiseCopyable, Sendable {
        var rawValue: UInt8
        static let hasContent = Marks(rawValue: 1)
        static let hasPosition = Marks(rawValue: 2)
        static let isSeen = Marks(rawValue: 4)
        static let isTaken = Marks(rawValue: 8)
        static let isSent = Marks(rawValue: 16)
        static let isUnchanged = Marks(rawValue: 32)
        static let isSkipped = Marks(rawValue: 64)
        static let isUncounted = Marks(rawValue: 128)
    }

    private var rows = FingerprintRows<Stored>()

    subscript(key: Fingerprint) -> Entry {
        get { rows.number(of: key).map { Self.entry(rows[$0]) } ?? Entry() }
        set { rows[rows.number(adding: key, Stored())] = Self.stored(newValue) }
    }

    private static func entry(_ stored: Stored) -> Entry {
        let marks = stored.marks
        return Entry(
            state: stored.state,
            content: marks.contains(.hasContent) ? stored.content.number : nil,
            position: marks.contains(.hasPosition) ? stored.position.number : nil,
            isSeen: marks.contains(.isSeen), isTaken: marks.contains(.isTaken), isSent: marks.contains(.isSent),
            isUnchanged: marks.contains(.isUnchanged), isSkipped: marks.contains(.isSkipped),
            isUncounted: marks.contains(.isUncounted))
    }

    private static func stored(_ entry: Entry) -> Stored {
        var stored = Stored(
            content: Word(entry.content ?? 0), position: Word(entry.position ?? 0), state: entry.state)
        if entry.content != nil { stored.marks.insert(.hasContent) }
        if entry.position != nil { stored.marks.insert(.hasPosition) }
        if entry.isSeen { stored.marks.insert(.isSeen) }
        if entry.isTaken { stored.marks.insert(.isTaken) }
        if entry.isSent { stored.marks.insert(.isSent) }
        if entry.isUnchanged { stored.marks.insert(.isUnchanged) }
        if entry.isSkipped { stored.marks.insert(.isSkipped) }
        if entry.isUncounted { stored.marks.insert(.isUncounted) }
        return stored
    }

    mutating func know(_ event: KnownEvent) {
        self[event.key] = Entry(state: event.state, content: event.content, position: event.position)
    }

    func has(_ key: Fingerprint) -> Bool { rows.number(of: key) != nil }

    var isEmpty: Bool { rows.count == 0 }
}

/// What decides which rows a plan takes.
struct EventScope: Sendable {
    enum Rule: Sendable, Equatable {
        /// Every event that is new.
        case new
        /// The first run: those that happened at this time or later, in microseconds since 1970; nil: none. The others are skipped.
        case from(Int64?)
        /// Everything that was not sent, as far as is known, of this time or later; nil: of all times.
        case backfill(Int64?)
    }

    var rule: Rule
    /// Whether nothing was read before, and `start` says what is sent.
    var isFirst: Bool { if case .from = rule { true } else { false } }
    /// Of a first run: whether nothing that was there before it is ever looked at again.
    var startsNow = false
    /// Only the event with this key; nil: all.
    var only: String?
    /// Whether rows that are others now are sent again.
    var updates = false
    /// Whether what Iterable refused for good is sent again.
    var retriesRejected = false
}

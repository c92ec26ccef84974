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

    private var entries: [Fingerprint: Entry] = [:]

    subscript(key: Fingerprint) -> Entry {
        get { entries[key] ?? Entry() }
        set { entries[key] = newValue }
    }

    mutating func know(_ event: KnownEvent) {
        entries[event.key] = Entry(state: event.state, content: event.content, position: event.position)
    }

    func has(_ key: Fingerprint) -> Bool { entries[key] != nil }

    var isEmpty: Bool { entries.isEmpty }
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

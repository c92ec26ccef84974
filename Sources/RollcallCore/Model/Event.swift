package import Foundation

/// What a sync of events knows of one event, as a row of `seen_events` has it.
package enum EventState: String, Sendable, BitwiseCopyable, CaseIterable {
    /// Iterable acknowledged it.
    case sent
    /// It was sent, and whether it arrived is not known; it goes again with the same id.
    case sending
    /// It was there before the sync began, or a person discarded it; it is not sent.
    case skipped
    /// Its person is not known to Iterable yet.
    case waiting
    /// Iterable refused it for good.
    case rejected

    /// Whether it is still to be sent.
    package var isUnfinished: Bool { self == .sending || self == .waiting }
}

/// What Iterable knows an event by, and how it stands among others.
package struct EventReference: Sendable, Hashable {
    /// As it is sent.
    package var id: String
    package var name: String
    /// Events of one person are sent in this order: microseconds since 1970 at which it happened, else its ``position``, else 0.
    /// Equal ones go by the key.
    package var order: Int64
    /// Of a sync with a cursor: its value in the row, in microseconds since 1970 or as the whole number that it is.
    package var position: Int64?
    /// When the sync first met it.
    package var firstSeen: Date
    /// Whether it was known to wait before.
    package var isWaiting: Bool

    package init(
        id: String, name: String, order: Int64, position: Int64? = nil, firstSeen: Date, isWaiting: Bool = false
    ) {
        self.id = id
        self.name = name
        self.order = order
        self.position = position
        self.firstSeen = firstSeen
        self.isWaiting = isWaiting
    }
}

/// How far a sync of events, or a stream of users or of a catalog, has read its source.
package struct EventCursor: Sendable, Equatable, Codable {
    package var column: String
    /// Whether positions are microseconds since 1970, and not whole numbers.
    package var isTime: Bool
    /// The highest position that was read; nil: none.
    package var watermark: Int64?
    package var lastSweepAt: Date?
    /// What ``watermark`` was at the last sweep, and at the one before, from where the next one reads. nil: from the start.
    package var sweepFrom: Int64?
    package var earlierSweepFrom: Int64?
    /// Rows that were found by sweeps alone, ever.
    package var lateRows = 0
    /// Of a sync of events: when its first run began, from which the span of `start` counts. nil: versions that did not note it
    /// made the run.
    package var begunAt: Date?
    /// Keys below this position are forgotten once the cursor has moved here, for nothing reads there again; nil: none are.
    package var keepFrom: Int64?

    package init(column: String, isTime: Bool) {
        self.column = column
        self.isTime = isTime
    }
}

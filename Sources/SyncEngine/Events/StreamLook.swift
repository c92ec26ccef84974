import Foundation
import RollcallCore

/// How one look of a stream at its source differs from a run.
struct StreamLook: Sendable {
    var bound = StreamReach.Bound()
    /// Whether what earlier looks and runs have left is taken up: events that wait, or are in doubt.
    var readsUnfinished = true
    /// Whether rows without a position are looked for, and counted.
    var takesRowsWithoutPosition = true
    /// Hashes of the people of whom an event waits or is in doubt: their later ones wait too.
    var blocked: Set<UInt64> = []
    /// Of the present row of `sync_runs`.
    var counts = RunCounts()
    /// New events that it has planned.
    var planned = 0
    /// Invalid rows that it has counted, and that say nothing of what comes: they were there when the stream began, or have no
    /// position.
    var oldInvalid = 0
    /// The highest position that was known when the stream began; nil: none.
    var startMark: Int64?
    /// How many times as many rows are read as usual, because an earlier look was broken off among rows that leave no event.
    var width = 1
    let counted: CountedRows

    /// Events that may be planned and have no outcome yet.
    private let mostWaiting: Int

    init(_ settings: StreamSettings, counted: CountedRows) {
        mostWaiting = settings.mostWaiting
        self.counted = counted
    }

    /// How many new events are read at most: one more than may wait, so that the guard `max_events` sees that there are more than its
    /// default. Where it allows more than a look reads, it judges what the looks of a row have planned together.
    var mostNew: Int { mostWaiting * width + 1 }
}

/// What a stream has counted of rows that leave no event and no change, and meets again in each look: rows that are invalid, equal
/// rows of one key, and, about each position, rows that the configuration leaves out.
// SAFETY: a stream looks at its source once at a time, and the rows of a look come from one thread.
final class CountedRows: @unchecked Sendable {
    private struct Count {
        var rows: Int
        var position: Int64?
    }

    private var counts: [UInt64: Count] = [:]
    private var met: [UInt64: Count] = [:]

    /// Begins a look. What the look before has met counts as counted only if ``keep()`` was called.
    func begin() { met = [:] }

    /// How many of these rows were not counted before.
    /// - Parameter hash: of what the rows are, and of why they are counted.
    func add(_ hash: UInt64, rows: Int = 1, at position: Int64?) -> Int {
        let before = met[hash]?.rows ?? 0
        met[hash] = Count(rows: before + rows, position: [met[hash]?.position, position].compactMap(\.self).max())
        let known = counts[hash]?.rows ?? 0
        return max(0, before + rows - known) - max(0, before - known)
    }

    /// What was met is counted, durably.
    func keep() {
        for (hash, count) in met {
            let known = counts[hash]
            counts[hash] = Count(
                rows: max(count.rows, known?.rows ?? 0),
                position: [count.position, known?.position].compactMap(\.self).max())
        }
        met = [:]
    }

    /// Forgets rows that no look reads any more.
    func forget(below position: Int64) {
        counts = counts.filter { $0.value.position.map { $0 >= position } ?? true }
    }
}

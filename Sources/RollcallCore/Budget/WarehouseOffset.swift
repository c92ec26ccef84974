/// How far a warehouse's clock is from the process's monotonic one, as far as exchanges tell. Pure.
///
/// The warehouse read its clock after the question and before the answer, so each exchange bounds the difference; together they bound
/// it closer than the slow ones of them do. It tells it twice, before it waits for locks and behind that, so that these waits
/// make the bounds no wider.
package struct WarehouseOffset: Sendable {
    /// Bounds of the process's time less the warehouse's, in microseconds, and when they were right.
    private var bounds: (least: Int64, most: Int64, at: Int64)?

    /// Two clocks drift apart by no more, in a million. Source: clocks that are disciplined by NTP are slewed by at most 500.
    static let drift: Int64 = 1000

    /// Turns are not used while the bounds lie further apart than this, in microseconds: half of it is the most that a request may be
    /// too early or too late.
    static let vaguest: Int64 = 200_000

    package init() {}

    /// - Parameters:
    ///   - begun: the warehouse's time when it began with the question, and `now` when it made the answer.
    ///   - asked: the process's time before the question, and `answered` after the answer; all in microseconds.
    /// - Returns: false where a clock was set: what was known before is wrong, and so are times that were made of it.
    @discardableResult
    package mutating func note(begun: Int64, now: Int64, asked: Int64, answered: Int64) -> Bool {
        // In this order, unless the warehouse's clock was set in between.
        let (least, most) = (min(asked - begun, answered - now), max(asked - begun, answered - now))
        guard let known = knownBounds(at: answered) else {
            bounds = (least, most, answered)
            return true
        }
        guard known.least <= most, least <= known.most else {
            bounds = (least, most, answered)
            return false
        }
        bounds = (max(least, known.least), min(most, known.most), answered)
        return true
    }

    /// Whether the difference is known well enough for turns to be used.
    package var isKnown: Bool { bounds.map { $0.most - $0.least <= Self.vaguest } ?? false }

    private func knownBounds(at time: Int64) -> (least: Int64, most: Int64)? {
        guard let bounds else { return nil }
        let slack = max(0, time - bounds.at) / 1_000_000 * Self.drift
        return (bounds.least - slack, bounds.most + slack)
    }

    /// The process's time at a time of the warehouse, both in microseconds; nil while it is not known well enough (``isKnown``).
    package func local(_ warehouse: Int64) -> Int64? {
        guard let bounds, isKnown else { return nil }
        return warehouse + bounds.least + (bounds.most - bounds.least) / 2
    }
}

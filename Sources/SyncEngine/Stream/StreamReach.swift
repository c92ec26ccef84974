import RollcallCore

/// How far back each look of a stream reads.
///
/// A row becomes visible when its transaction commits, so the later, the longer that took. Reading the whole overlap in each look
/// would cost, at a thousand rows a second, a million rows each time. So the looks are of several lengths, each four times as long as
/// the one before, and each length is read once in its own time, from so far before the highest position that was known when it was
/// read last: whatever became visible since then and is not later than its length lies behind that. So each length costs about as
/// much as the new rows themselves, and a row that became visible some seconds late is found within about four times as many.
struct StreamReach: Sendable {
    /// What a look reads.
    struct Bound: Sendable, Equatable {
        /// The first position; nil: the overlap before the highest one.
        var start: Int64?
        /// From where a later look reads; nil: from nowhere earlier than this one.
        var stillRead: Int64?
        /// Whether all of the overlap is read.
        var isWhole = true
        fileprivate var place = 0
    }

    private struct Length {
        /// In microseconds.
        var length: Int64
        /// When it was read last, on the monotonic clock, and the highest position that was known then.
        var readAt: Duration?
        var mark: Int64?
    }

    /// Ascending; the last one is the overlap. Empty: each look reads the overlap.
    private var lengths: [Length]

    /// - Parameters:
    ///   - overlap: in microseconds.
    ///   - poll: time between two looks.
    init(overlap: Int64, poll: Duration) {
        var length = max(5_000_000, Int64(poll.seconds * 2_000_000))
        lengths = []
        while length < overlap {
            lengths.append(Length(length: length))
            length *= 4
        }
        lengths.append(Length(length: overlap))
    }

    /// For positions that are no times: each look reads the overlap.
    static let whole = StreamReach()

    private init() { lengths = [] }

    /// What the next look reads.
    /// - Parameters:
    ///   - now: monotonic time.
    ///   - isWhole: whether the overlap is asked for.
    func next(now: Duration, isWhole: Bool) -> Bound {
        guard let last = lengths.indices.last else { return Bound() }
        let due = lengths.indices.last { place in
            lengths[place].readAt.map { now - $0 >= .microseconds(lengths[place].length) } ?? true
        }
        let chosen = isWhole ? last : due ?? 0
        let whole = start(last)
        return Bound(
            start: start(chosen), stillRead: chosen == last ? nil : whole, isWhole: chosen == last, place: chosen)
    }

    private func start(_ place: Int) -> Int64? {
        lengths[place].mark.map { mark in
            let (start, isBeyond) = mark.subtractingReportingOverflow(lengths[place].length)
            return isBeyond ? .min : start
        }
    }

    /// Notes that a look has read all of its bound.
    /// - Parameter watermark: the highest position that is known now.
    mutating func hasRead(_ bound: Bound, watermark: Int64?, now: Duration) {
        guard lengths.indices.contains(bound.place) else { return }
        for place in 0...bound.place { (lengths[place].readAt, lengths[place].mark) = (now, watermark) }
    }
}

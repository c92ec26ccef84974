import RollcallCore

/// How far back each look of a stream reads.
///
/// A row becomes visible when its transaction commits, so the later, the longer that took. Reading the whole overlap in each look
/// would cost, at a thousand rows a second, a million rows each time. So the looks are of several lengths, each four times as long as
/// the one before, and each length is read once in its own time: each costs about as much as the new rows themselves, and a row that
/// became visible some seconds late is found within about four times as many.
struct StreamReach: Sendable {
    /// In microseconds, ascending; the last one is the overlap. Empty: each look reads the overlap.
    private let lengths: [Int64]
    private var readAt: [Duration?]

    /// - Parameters:
    ///   - overlap: in microseconds.
    ///   - poll: time between two looks.
    init(overlap: Int64, poll: Duration) {
        var length = max(5_000_000, Int64(poll.seconds * 2_000_000))
        var lengths: [Int64] = []
        while length < overlap {
            lengths.append(length)
            length *= 4
        }
        self.lengths = lengths + [overlap]
        readAt = Array(repeating: nil, count: self.lengths.count)
    }

    /// For positions that are no times: each look reads the overlap.
    static let whole = StreamReach()

    private init() {
        lengths = []
        readAt = []
    }

    /// How far the next look reads; nil: the overlap.
    /// - Parameters:
    ///   - now: monotonic time.
    ///   - isWhole: whether the overlap is asked for.
    mutating func next(now: Duration, isWhole: Bool) -> Int64? {
        guard let last = lengths.indices.last else { return nil }
        let due = lengths.indices.last { place in
            readAt[place].map { now - $0 >= .microseconds(lengths[place]) } ?? true
        }
        let chosen = isWhole ? last : due ?? 0
        for place in 0...chosen { readAt[place] = now }
        return chosen == last ? nil : lengths[chosen]
    }
}

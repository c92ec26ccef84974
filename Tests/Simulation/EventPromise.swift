/// Which rows a sync with a cursor is to find, by the contract alone: each run reads again what lies a little before
/// the highest place that was read, and a sweep reads from where that was two sweeps ago. What lies before is never
/// looked at again.
struct EventPromise {
    private let overlap: Int64
    /// The highest place that was read by runs that came to an end.
    private(set) var highest: Int64?
    /// What it was before each sweep; of the first run, which begins there, twice. nil: everything is read.
    private var marks: [Int64?] = []

    /// - Parameter overlap: as the places are counted.
    init(overlap: Int64) { self.overlap = overlap }

    /// Where a run begins; nil: at the start.
    var usual: Int64? { highest.map { $0 - overlap } }

    /// Where a sweep begins; nil: at the start.
    var sweep: Int64? {
        guard marks.count > 1, let mark = marks[marks.count - 2], let usual else { return nil }
        return min(mark, usual)
    }

    /// A run has come to an end.
    /// - Parameters:
    ///   - found: the highest place that it has read.
    ///   - startsNow: of the first run: whether it passes over everything that is there.
    mutating func move(to found: Int64?, isSweep: Bool, startsNow: Bool) {
        let before = highest
        highest = [highest, found].compactMap(\.self).max()
        if marks.isEmpty {
            let start = startsNow ? usual : nil
            marks = [start, start]
        } else if isSweep {
            marks.append(before)
        }
    }
}

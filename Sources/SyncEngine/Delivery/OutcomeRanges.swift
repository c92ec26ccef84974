import Foundation
import RollcallCore

/// Brings the outcomes of changes that were not sent together with those of the other changes of their batch. The ranges of the
/// outcomes name each change once, and whether a change may still be carried out is the same for all of a range.
struct OutcomeRanges {
    /// Of changes that were not sent.
    private let withheld: [Int64: RecordOutcome]
    /// Until when those of `withheld` that are unknown may still be carried out.
    private let mayLandUntil: Date?
    private var ranges: [BatchOutcome] = []
    /// Which of the outcomes the last range is of; nil: of changes that were not sent.
    private var source: Int?
    /// Changes behind the last range that were not sent.
    private var between: [Change] = []

    /// - Parameter mayLandUntil: until when those of `withheld` that are unknown may still be carried out.
    init(_ withheld: [Int64: RecordOutcome], mayLandUntil: Date?) {
        self.withheld = withheld
        self.mayLandUntil = mayLandUntil
    }

    /// - Parameters:
    ///   - sent: the outcomes of the changes that were sent, with these.
    ///   - batch: all changes, in their order.
    static func of(
        _ sent: [BatchOutcome], _ withheld: [Int64: RecordOutcome], mayLandUntil: Date?, in batch: [Change]
    ) -> [BatchOutcome] {
        var ranges = OutcomeRanges(withheld, mayLandUntil: mayLandUntil)
        var sources: [Int64: Int] = [:]
        for (number, outcome) in sent.enumerated() {
            for change in outcome.entries { sources[change.sequence] = number }
        }
        for change in batch {
            if let number = sources[change.sequence] {
                ranges.add(change, of: sent[number], number)
            } else {
                ranges.between.append(change)
            }
        }
        ranges.close()
        return ranges.ranges
    }

    private mutating func add(_ change: Change, of outcome: BatchOutcome, _ number: Int) {
        if source == number, between.allSatisfy({ doubt(of: $0) == outcome.mayLandUntil }) {
            for other in between { extend(by: other, withheld[other.sequence]) }
            between = []
        } else {
            close()
            begin(
                BatchOutcome(
                    sequences: change.sequence...change.sequence, changes: 0, operation: outcome.operation,
                    httpStatus: outcome.httpStatus, attempts: outcome.attempts, mayLandUntil: outcome.mayLandUntil),
                number)
        }
        extend(by: change, outcome.exceptions[change.sequence])
    }

    /// Gives the changes that were not sent ranges without others.
    private mutating func close() {
        for change in between {
            let outcome = withheld[change.sequence] ?? .notAttempted(BatchSender.stopped)
            let attempts = [.rejected, .unknown].contains(outcome.kind) ? 1 : 0
            let doubt = doubt(of: change)
            let goesOn = source == nil && ranges.last?.attempts == attempts && ranges.last?.mayLandUntil == doubt
            if !goesOn {
                begin(
                    BatchOutcome(
                        sequences: change.sequence...change.sequence, changes: 0, operation: change.operation,
                        httpStatus: nil, attempts: attempts, mayLandUntil: doubt), nil)
            }
            extend(by: change, outcome)
        }
        between = []
    }

    private mutating func begin(_ range: BatchOutcome, _ number: Int?) {
        ranges.append(range)
        source = number
    }

    private mutating func extend(by change: Change, _ exception: RecordOutcome?) {
        let last = ranges.count - 1
        ranges[last].sequences = ranges[last].sequences.lowerBound...change.sequence
        ranges[last].changes += 1
        ranges[last].exceptions[change.sequence] = exception
        ranges[last].entries.append(change)
    }

    /// Until when a change that was not sent may still be carried out: what is not unknown certainly was not.
    private func doubt(of change: Change) -> Date? {
        withheld[change.sequence]?.kind == .unknown ? mayLandUntil : nil
    }
}

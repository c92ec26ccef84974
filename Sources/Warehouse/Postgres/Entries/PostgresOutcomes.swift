import Foundation
import RollcallCore

/// Outcomes of one operation as array parameters, and the statements that carry them out: first what they do to older entries
/// of the same people, then what they do to the entries of the changes themselves. What a statement takes out of the outbox is
/// what it logs and what moves the snapshot, so a call that is repeated after a lost answer finds nothing left to do.
///
/// What an outcome does is decided by ``EntryTransition``, whose table the statements join.
struct PostgresOutcomes {
    private let operation: RollcallCore.Operation
    private var ranges: [Range] = []
    private var exceptions: [(sequence: Int64, outcome: String, reason: FailureReason?)] = []

    init(_ operation: RollcallCore.Operation) { self.operation = operation }

    var isEmpty: Bool { ranges.isEmpty }

    /// Consecutive changes with the same outcome, but for the exceptions.
    private struct Range: Equatable {
        var lower: Int64
        var upper: Int64
        var httpStatus: Int?
        var attempts: Int
        var mayLandUntil: Int64?
        var outcome: String
        var reason: FailureReason?

        /// Whether `next` begins where this one ends and differs in nothing else.
        func isContinued(by next: Range) -> Bool {
            var other = self
            (other.lower, other.upper) = (next.lower, next.upper)
            return upper + 1 == next.lower && other == next
        }
    }

    /// `otherwise`: the outcome of the changes that are no exception.
    mutating func add(_ batch: BatchOutcome, otherwise: RecordOutcome = .succeeded) {
        ranges.append(
            Range(
                lower: batch.sequences.lowerBound, upper: batch.sequences.upperBound, httpStatus: batch.httpStatus,
                attempts: batch.attempts, mayLandUntil: batch.mayLandUntil.map(PostgresText.milliseconds),
                outcome: otherwise.kind.rawValue,
                reason: otherwise.reason))
        for (sequence, exception) in batch.exceptions {
            exceptions.append((sequence, exception.kind.rawValue, exception.reason))
        }
    }

    /// Carries the outcomes out. Returns how many changes had one, and whether the snapshot moved.
    /// - Parameter hasFields: of lists: whether members were sent with fields.
    func apply(
        _ run: SyncRun, _ entries: EntrySet, hasFields: Bool, log: LogSettings, _ session: PostgresSession
    ) throws -> (changes: Int, moved: Bool) {
        let (bounds, outcomes) = try parameters(session)
        let logged: [String?] = [String(log.retain), String(log.records == .all)]
        if entries == .records(.events) {
            let result = try session.query(
                PostgresEventOutcomes.carryOut, [run.id, run.sync] + bounds + outcomes + logged)
            return (result.count(0, 0), false)
        }
        let words = EntryWords(entries, hasFields: hasFields)
        let statements = PostgresOutcomeStatements.of(words)
        let common =
            [run.id, run.sync, PostgresEntryTable(entries).parameter, operation.rawValue] + bounds + outcomes
        var moved = false
        if try session.query(PostgresOutcomeStatements.hasSuperseded, [run.id] + bounds).boolean(0, 0) {
            moved = try session.query(statements.superseded(operation.direction), common).count(0, 0) > 0
        }
        if words == .filledList, operation == .subscribe,
            try session.query(PostgresOutcomeStatements.hasOutdated, [run.id] + bounds).boolean(0, 0)
        {
            if try session.modify(PostgresOutcomeStatements.outdate, common) > 0 { moved = true }
        }
        let result = try session.query(statements.own(operation.direction), common + logged)
        return (result.count(0, 0), moved || result.count(0, 1) > 0)
    }

    /// The bounds of the sequences, and the outcomes as ``PostgresOutcomeStatements/given(from:)`` takes them.
    private func parameters(_ session: PostgresSession) throws -> (bounds: [String?], outcomes: [String?]) {
        let ranges = merged()
        let bounds = [ranges.map(\.lower).min(), ranges.map(\.upper).max()].map { $0.map { String($0) } }
        let outcomes: [String?] = [
            PostgresText.array(ranges.map { $0.lower as Int64? }),
            PostgresText.array(ranges.map { $0.upper as Int64? }),
            PostgresText.array(ranges.map(\.httpStatus)), PostgresText.array(ranges.map { $0.attempts as Int? }),
            PostgresText.array(ranges.map(\.mayLandUntil)), PostgresText.array(ranges.map { $0.outcome as String? }),
            try session.array(ranges.map { $0.reason?.code }), try session.array(ranges.map { $0.reason?.reason }),
            PostgresText.array(exceptions.map { $0.sequence as Int64? }),
            PostgresText.array(exceptions.map { $0.outcome as String? }),
            try session.array(exceptions.map { $0.reason?.code }),
            try session.array(exceptions.map { $0.reason?.reason }),
            PostgresText.array(exceptions.map { $0.reason?.httpStatus }),
        ]
        return (bounds, outcomes)
    }

    /// The ranges in order, neighbours with the same outcome as one: each range costs a look at each change.
    private func merged() -> [Range] {
        var merged: [Range] = []
        for range in ranges.sorted(by: { $0.lower < $1.lower }) {
            if let last = merged.last, last.isContinued(by: range) {
                merged[merged.count - 1].upper = range.upper
            } else {
                merged.append(range)
            }
        }
        return merged
    }
}

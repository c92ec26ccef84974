import RollcallCore

/// Keeps the events of each person in their order: one request at a time carries events of a person, and what follows an event that
/// waits, or of which nothing is known, waits as well.
struct PersonOrder: Sendable {
    private var underWay: [Identity: Int] = [:]
    private var stopped: [Identity: RecordOutcome] = [:]

    /// Whether no request under way carries events of these people.
    func isFree(for batch: [Change]) -> Bool {
        underWay.isEmpty || !batch.contains { underWay[$0.identity] != nil }
    }

    mutating func begin(_ batch: [Change]) {
        for change in batch { underWay[change.identity, default: 0] += 1 }
    }

    /// The outcomes of those that are not sent, because something before them is not done.
    func withheld(_ batch: some Sequence<Change>) -> [Int64: RecordOutcome] {
        if stopped.isEmpty { return [:] }
        var withheld: [Int64: RecordOutcome] = [:]
        for change in batch { withheld[change.sequence] = stopped[change.identity] }
        return withheld
    }

    mutating func end(_ batch: [Change], _ outcomes: [BatchOutcome]) {
        for change in batch {
            underWay[change.identity, default: 1] -= 1
            if underWay[change.identity] == 0 { underWay[change.identity] = nil }
        }
        stop(after: outcomes)
    }

    /// Notes whose later events wait.
    mutating func stop(after outcomes: [BatchOutcome]) {
        for outcome in outcomes {
            for change in outcome.entries {
                switch outcome.exceptions[change.sequence] {
                case .waiting?: stopped[change.identity] = .waiting(.waitingBehindAnother)
                case .unknown?: stopped[change.identity] = .waiting(.behindAnUnansweredOne)
                default: break
                }
            }
        }
    }
}

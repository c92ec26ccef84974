import RollcallCore

/// Keeps the events of each person in their order: one request at a time carries events of a person, and what follows an event that
/// waits, or of which nothing is known, waits as well. What follows an event that was not sent is not sent either.
struct PersonOrder: Sendable {
    private var underWay: [Identity: Int] = [:]
    private var stopped: [Identity: RecordOutcome] = [:]

    /// Whose later events wait.
    var stoppedPeople: Set<Identity> { Set(stopped.keys) }

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

    /// Notes whose later events wait, or are not sent.
    mutating func stop(after outcomes: [BatchOutcome]) {
        for outcome in outcomes where !outcome.exceptions.isEmpty {
            for change in outcome.entries {
                guard let exception = outcome.exceptions[change.sequence] else { continue }
                // What waits counts as seen, and an event that was not sent does not: so nothing may wait behind it.
                if stopped[change.identity]?.kind == .notAttempted { continue }
                stopped[change.identity] = Self.following(exception) ?? stopped[change.identity]
            }
        }
    }

    /// What becomes of the later events of a person; nil: they are sent.
    private static func following(_ outcome: RecordOutcome) -> RecordOutcome? {
        switch outcome {
        case .waiting: .waiting(.waitingBehindAnother)
        case .unknown: .waiting(.behindAnUnansweredOne)
        case .notAttempted(let reason): .notAttempted(.behindAnUnsentOne(reason))
        case .succeeded, .failed, .rejected: nil
        }
    }
}

extension FailureReason {
    /// - Parameter reason: why the earlier event was not sent.
    fileprivate static func behindAnUnsentOne(_ reason: FailureReason) -> FailureReason {
        FailureReason(
            code: reason.code, reason: "An earlier event of the person was not sent; this one goes after it.")
    }
}

import Foundation
import RollcallCore

/// What became of one batch, in as many parts as it had to be split into.
struct BatchResult: Sendable {
    var outcomes: [BatchOutcome] = []
    var requests = RequestCounts()
    /// Set when nothing more may be sent in this run.
    var stop: RunError?
    /// Iterable said that what the run sends to does not exist.
    var targetIsGone = false
    /// The warehouse did not take the claim, so nothing was sent.
    var claimFailure: (any Error)?
    /// Requests that were sent and may have been carried out.
    var sent: [SentRequest] = []
    /// Names of fields that Iterable did not take.
    var leftOut: Set<String> = []
    /// Changes that were left out of what was sent: refused for their values, or events of a person of whom one before them in the
    /// same batch waits, has no answer or was not sent.
    var withheld: [Int64: RecordOutcome] = [:]
    /// Until when those of `withheld` that are unknown may still be carried out.
    var withheldMayLandUntil: Date?
    /// Refusals that count as not attempted, as long as nothing says that they are about the records.
    var unjudged: [Int64: RecordOutcome] = [:]
}

/// A request that may have been carried out, or may still be.
struct SentRequest: Sendable {
    var changes: ArraySlice<Change>
    /// Whether the lease could still be relied on when the request had its answer or was given up. If so, whoever takes the
    /// lease over knows of it from the claim; if not, it may have left after that.
    var isCovered: Bool
}

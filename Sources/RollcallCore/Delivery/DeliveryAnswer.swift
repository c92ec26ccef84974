/// What one attempt at a ``DeliveryRequest`` means: not "what happened" but "who does what next".
package enum DeliveryAnswer: Sendable, Equatable {
    /// Every record's outcome is known: one per record, in order, each `succeeded`, `failed` or `rejected`. `leftOut`: names of
    /// fields that Iterable did not take although it took the records.
    case answered([RecordOutcome], httpStatus: Int, leftOut: [String] = [])
    /// Answered with success, but failures are counted that no record can be matched to:
    /// split and send again, for both operations may be repeated.
    case ambiguous(FailureReason)
    /// The request was refused whole, for its size or for one bad record: split and send again.
    case refused(FailureReason)
    /// The request was refused whole, because values in it are not of the types that their fields have: send it again without the
    /// records that have such values. At least one.
    case mismatched(FailureReason, [TypeMismatch])
    /// Try the same request again. `after`: the delay that the server asked for. `mayHaveBeenApplied`: the request may have
    /// been carried out, or may still be.
    case retry(FailureReason, after: Duration?, mayHaveBeenApplied: Bool, cause: RetryCause)
    /// What the request is for does not exist (just created: not yet, and the answer is `retry` instead).
    case targetNotFound(RunError)
    /// Nothing more may be sent: the key is wrong or lacks the right.
    case stop(RunError)
    /// Not sent, because the caller's last look said no.
    case withheld
}

/// Why a request is to be sent again: each has its own patience.
package enum RetryCause: Sendable, Equatable {
    /// No answer, or one of a server in trouble.
    case trouble
    /// Too many requests for now.
    case rateLimit
    /// What the request is for was created so recently that Iterable may not know it yet.
    case newTarget
}

extension DeliveryAnswer {
    /// Whether the request may have been carried out, or may still be, for one of its records at least.
    package var mayHaveBeenApplied: Bool {
        switch self {
        case .answered, .ambiguous: true
        case .retry(_, _, let mayHaveBeenApplied, _): mayHaveBeenApplied
        case .refused, .mismatched, .targetNotFound, .stop, .withheld: false
        }
    }
}

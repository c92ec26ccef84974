import RollcallCore

/// What became of an attempt to run a pending tick.
enum TickAttempt: Equatable, Sendable {
    case ran(runID: String)
    /// A held run waits for a decision.
    case held(runID: String)
    /// The sync is running: in this process, or in another one whose lease is renewed.
    case running
    /// Another process has the lease and does not renew it: it will be free soon.
    case leaseRunsOut
    /// The service stops, or does not know the sync any more.
    case stopping
    /// The run could not be begun, and the warehouse has no decision about the tick.
    case failed(Circumstances)
    /// The run could not be begun, but the warehouse says that the tick is decided upon.
    case decided

    struct Circumstances: Equatable, Sendable {
        /// Another configuration has taken the place of the one that the tick belongs to.
        var isConfigurationOver: Bool
        /// No later tick of the sync is due.
        var isLatest: Bool
    }
}

/// What is to be done about a pending tick.
enum TickStep: Equatable, Sendable {
    /// Its outcome is written down, and its life is over.
    case resolve(TickOutcome, runID: String? = nil)
    case tryAgain(after: Duration)
    /// Its life is over for this process; nothing is written.
    case leave
}

/// The life of a pending tick: `pending` until it `ran`, was skipped or missed. Pure; the service carries the steps out.
struct TickLife {
    private var failures = 0

    mutating func next(after attempt: TickAttempt) -> TickStep {
        switch attempt {
        case .ran(let id): return .resolve(.ran, runID: id)
        case .held(let id): return .resolve(.skippedHeld, runID: id)
        case .running: return .resolve(.skippedRunning)
        case .leaseRunsOut: return .tryAgain(after: .zero)
        case .stopping, .decided: return .leave
        case .failed(let now) where now.isConfigurationOver: return .leave
        case .failed(let now) where !now.isLatest: return .resolve(.missed)
        case .failed:
            failures += 1
            return .tryAgain(after: .seconds(min(30, 1 << min(failures, 5))))
        }
    }
}

package import RollcallCore

/// Why the service did not do what was asked.
package struct ServiceError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Kind: String, Sendable {
        /// The configuration has no such sync.
        case unknownSync
        /// No warehouse knows the run.
        case unknownRun
        /// The sync runs already, here or elsewhere.
        case busy
        /// An earlier run is held and must be decided upon first.
        case alreadyHeld
        /// The run is not held.
        case notHeld
        /// The run is not running.
        case notRunning
        /// A warehouse did not answer, or refused; also one in which the state of a new sync may be (`state_unknown`).
        case warehouse
        /// The state of the sync is in another warehouse than the configuration has it in.
        case stateElsewhere
        /// Something else failed: the audience, the destination.
        case failed
        /// The process is ending (or has not begun) and starts nothing.
        case stopping
    }

    package var kind: Kind
    package var error: RunError
    /// The run that stands in the way, or that was asked about; nil where there is none.
    package var runID: String?

    package init(_ kind: Kind, _ error: RunError, runID: String? = nil) {
        self.kind = kind
        self.error = error
        self.runID = runID
    }

    /// What a pipeline failed with.
    init(pipeline error: RunError) {
        let kind: Kind =
            switch error.code {
            case RunError.stateElsewhereCode: .stateElsewhere
            case RunError.stateUnknownCode: .warehouse
            default: .failed
            }
        self.init(kind, error)
    }

    package var description: String { error.description }
}

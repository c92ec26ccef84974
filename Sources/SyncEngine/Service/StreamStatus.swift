package import Foundation
package import Warehouse

/// What the stream of a sync does in this process.
package struct StreamStatus: Sendable, Equatable {
    package enum Phase: Sendable, Equatable {
        /// It has not looked at the source yet.
        case starting
        /// It waits for the next look, or looks.
        case following
        /// Records are being sent, or wait until Iterable takes them.
        case sending
        /// The sync is paused or disabled.
        case paused
        /// A guard holds a run; the stream goes on when it was approved or discarded.
        case held(runID: String)
        /// Another process, or a run by hand, has the sync; it is asked again every few seconds.
        case elsewhere
        /// It has ended with an error and begins again after a pause.
        case failing(Failure)
    }

    /// What went wrong, and when it is tried again.
    package struct Failure: Sendable, Equatable {
        package var code: String
        package var message: String
        package var triesAgainAt: Date

        package init(code: String, message: String, triesAgainAt: Date) {
            self.code = code
            self.message = message
            self.triesAgainAt = triesAgainAt
        }
    }

    /// What was measured at one time, for charts.
    package struct Sample: Sendable, Equatable {
        package var at: Date
        /// As ``StreamStatus/lagSeconds``: the highest since the sample before.
        package var lagSeconds: Double
        package var recordsPerSecond: Double

        package init(at: Date, lagSeconds: Double, recordsPerSecond: Double) {
            self.at = at
            self.lagSeconds = lagSeconds
            self.recordsPerSecond = recordsPerSecond
        }
    }

    package var phase = Phase.starting
    /// Seconds since the oldest record was new that was read and has no outcome yet: by the cursor where it is a time, else since
    /// it was read. 0 where there is none.
    package var lagSeconds = 0.0
    /// Records that were read and have no outcome yet.
    package var backlog = 0
    /// Records with an outcome since the process began.
    package var records = 0
    /// Records with an outcome per second, over the last ten seconds.
    package var recordsPerSecond = 0.0
    /// When the source was read last; nil: not yet.
    package var latestReadAt: Date?
    package var wakes = WakeState.none
    /// Of the last hour, oldest first, one for every ten seconds.
    package var samples: [Sample] = []

    package init() {}
}

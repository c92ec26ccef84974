package import RollcallCore

/// Runs of all warehouses, newest first.
package struct RunList: Sendable, Equatable {
    package var runs: [SyncRun] = []
    /// Warehouses that could not be asked, by name: their runs are missing.
    package var unreachable: [String: RunError] = [:]

    package init() {}
}

/// What keeps syncs from running, and whether the scheduler keeps time.
package struct ServiceHealth: Sendable, Equatable {
    package var problems: [ServiceProblem] = []
    /// Seconds since the scheduler should have looked at the clock: about 0 as long as it works.
    package var schedulerLateness = 0.0
    /// False before ``SyncService/run()`` and once it is to stop.
    package var isRunning = false

    package init() {}
}

/// Counters since the start of the process, and gauges.
package struct ServiceMetrics: Sendable, Equatable {
    package struct RunKey: Sendable, Hashable {
        package var sync: String
        package var status: RunStatus

        package init(sync: String, status: RunStatus) {
            self.sync = sync
            self.status = status
        }
    }

    /// `outcome`: subscribed, unsubscribed, failed, unknown, not_attempted, invalid.
    package struct RecordKey: Sendable, Hashable {
        package var sync: String
        package var outcome: String

        package init(sync: String, outcome: String) {
            self.sync = sync
            self.outcome = outcome
        }
    }

    /// `answer`: ok, rate_limited, no_answer, error, refused, ambiguous, list_not_found, stopped.
    package struct RequestKey: Sendable, Hashable {
        package var destination: String
        package var operation: RollcallCore.Operation
        package var answer: String

        package init(destination: String, operation: RollcallCore.Operation, answer: String) {
            self.destination = destination
            self.operation = operation
            self.answer = answer
        }
    }

    package struct TickKey: Sendable, Hashable {
        package var sync: String
        package var outcome: TickOutcome

        package init(sync: String, outcome: TickOutcome) {
            self.sync = sync
            self.outcome = outcome
        }
    }

    package struct Limiter: Sendable, Equatable {
        package var destination: String
        package var endpoint: Endpoint
        /// Requests a second.
        package var configuredRate: Double
        /// Requests a second, now.
        package var currentRate: Double
        /// Requests a second that this process has of what processes send together; nil: it takes no part now.
        package var share: Double?
    }

    /// What a stream of this process does.
    package struct Stream: Sendable, Equatable {
        package var sync: String
        /// As ``StreamStatus/lagSeconds``; nil: this process has the stream no more.
        package var lagSeconds: Double?
        /// As ``StreamStatus/backlog``; nil as before.
        package var backlog: Int?
        /// Records with an outcome since the process began.
        package var records: Int

        /// nil: this process has no part in the stream.
        package init?(_ sync: String, _ status: StreamStatus) {
            let isHere =
                switch status.phase {
                case .starting, .following, .sending, .held, .failing: true
                case .paused, .elsewhere: false
                }
            guard isHere || status.records > 0 else { return nil }
            self.sync = sync
            lagSeconds = isHere ? status.lagSeconds : nil
            backlog = isHere ? status.backlog : nil
            records = status.records
        }
    }

    /// Ended or held runs.
    package var runs: [RunKey: Int] = [:]
    package var records: [RecordKey: Int] = [:]
    package var requests: [RequestKey: Int] = [:]
    package var ticks: [TickKey: Int] = [:]
    /// Seconds, of the latest tick of each sync that ran here.
    package var tickLateness: [String: Double] = [:]
    /// Seconds that the latest run of each sync took that ended here.
    package var runSeconds: [String: Double] = [:]
    /// Members of each sync's snapshot, where counted.
    package var members: [String: Int] = [:]
    package var limiters: [Limiter] = []
    /// In the configuration's order.
    package var streams: [Stream] = []
    package var running = 0
    package var problems = 0
    package var schedulerLateness = 0.0

    package init() {}
}

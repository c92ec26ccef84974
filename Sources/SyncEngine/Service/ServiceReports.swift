public import RollcallCore

/// Runs of all warehouses, newest first.
public struct RunList: Sendable, Equatable {
    public var runs: [SyncRun] = []
    /// Warehouses that could not be asked, by name: their runs are missing.
    public var unreachable: [String: RunError] = [:]

    public init() {}
}

/// What keeps syncs from running, and whether the scheduler keeps time.
public struct ServiceHealth: Sendable, Equatable {
    public var problems: [ServiceProblem] = []
    /// Seconds since the scheduler should have looked at the clock: about 0 as long as it works.
    public var schedulerLateness = 0.0
    /// False before ``SyncService/run()`` and once it is to stop.
    public var isRunning = false

    public init() {}
}

/// Counters since the start of the process, and gauges.
public struct ServiceMetrics: Sendable, Equatable {
    public struct RunKey: Sendable, Hashable {
        public var sync: String
        public var status: RunStatus

        public init(sync: String, status: RunStatus) {
            self.sync = sync
            self.status = status
        }
    }

    /// `outcome`: subscribed, unsubscribed, failed, unknown, not_attempted, invalid.
    public struct RecordKey: Sendable, Hashable {
        public var sync: String
        public var outcome: String

        public init(sync: String, outcome: String) {
            self.sync = sync
            self.outcome = outcome
        }
    }

    /// `answer`: ok, rate_limited, no_answer, error, refused, ambiguous, list_not_found, stopped.
    public struct RequestKey: Sendable, Hashable {
        public var destination: String
        public var operation: RollcallCore.Operation
        public var answer: String

        public init(destination: String, operation: RollcallCore.Operation, answer: String) {
            self.destination = destination
            self.operation = operation
            self.answer = answer
        }
    }

    public struct TickKey: Sendable, Hashable {
        public var sync: String
        public var outcome: TickOutcome

        public init(sync: String, outcome: TickOutcome) {
            self.sync = sync
            self.outcome = outcome
        }
    }

    public struct Limiter: Sendable, Equatable {
        public var destination: String
        public var endpoint: Endpoint
        /// Requests a second.
        public var configuredRate: Double
        /// Requests a second, now.
        public var currentRate: Double
        /// Requests a second that this process has of what processes send together; nil: it takes no part now.
        public var share: Double?
    }

    /// What a stream of this process does.
    public struct Stream: Sendable, Equatable {
        public var sync: String
        /// As ``StreamStatus/lagSeconds``; nil: this process has the stream no more.
        public var lagSeconds: Double?
        /// As ``StreamStatus/backlog``; nil as before.
        public var backlog: Int?
        /// Records with an outcome since the process began.
        public var records: Int

        /// nil: this process has no part in the stream.
        public init?(_ sync: String, _ status: StreamStatus) {
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
    public var runs: [RunKey: Int] = [:]
    public var records: [RecordKey: Int] = [:]
    public var requests: [RequestKey: Int] = [:]
    public var ticks: [TickKey: Int] = [:]
    /// Seconds, of the latest tick of each sync that ran here.
    public var tickLateness: [String: Double] = [:]
    /// Seconds that the latest run of each sync took that ended here.
    public var runSeconds: [String: Double] = [:]
    /// Members of each sync's snapshot, where counted.
    public var members: [String: Int] = [:]
    public var limiters: [Limiter] = []
    /// In the configuration's order.
    public var streams: [Stream] = []
    public var running = 0
    public var problems = 0
    public var schedulerLateness = 0.0

    public init() {}
}

import RollcallCore

/// The runs of this process, one for each sync at most, and the callers who wait for one of them.
struct RunRegistry {
    private var trackers: [String: RunTracker] = [:]
    private var replies: [ObjectIdentifier: Reply] = [:]

    var count: Int { trackers.count }
    var all: [RunTracker] { Array(trackers.values) }

    /// The run of a sync; nil: there is none in this process.
    subscript(sync: String) -> RunTracker? { trackers[sync] }

    mutating func add(_ tracker: RunTracker) { trackers[tracker.sync.name] = tracker }
    mutating func remove(_ tracker: RunTracker) { trackers[tracker.sync.name] = nil }

    func stopAll() {
        for tracker in trackers.values { tracker.stop.request(.interrupted) }
    }

    // MARK: Who waits

    mutating func expect(_ reply: Reply) { replies[ObjectIdentifier(reply)] = reply }
    mutating func forget(_ reply: Reply) { replies[ObjectIdentifier(reply)] = nil }

    /// Answers all who still wait.
    mutating func refuseAll(_ error: ServiceError) {
        for reply in replies.values { reply.give(.failure(error)) }
        replies = [:]
    }
}

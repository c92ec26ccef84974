import SyncEngine

/// Requests that tests make.
extension RunRequest {
    static func approve(_ id: String) -> RunRequest {
        var request = RunRequest()
        request.kind = .approve(runID: id)
        return request
    }

    static var forcedNew: RunRequest {
        var request = RunRequest()
        request.forceNew = true
        return request
    }

    static var tryingRejected: RunRequest {
        var request = RunRequest()
        request.retryRejected = true
        return request
    }

    static func only(_ key: String) -> RunRequest {
        var request = RunRequest()
        request.only = key
        return request
    }

    static func discard(_ id: String) -> RunRequest {
        var request = RunRequest()
        request.kind = .discard(runID: id)
        return request
    }

    static func backfilling(_ backfill: Backfill) -> RunRequest {
        var request = RunRequest()
        request.backfill = backfill
        return request
    }

    static var acceptingNewIDs: RunRequest {
        var request = RunRequest()
        request.acceptNewIDs = true
        return request
    }

    static var sendingAll: RunRequest {
        var request = RunRequest()
        request.full = true
        return request
    }
}

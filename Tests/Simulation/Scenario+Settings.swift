import RollcallCore

extension Scenario {
    var destination: DestinationSettings {
        var settings = DestinationSettings(
            name: "marketing", apiKey: Secret("key"), projectType: type, baseURL: "http://127.0.0.1")
        settings.limits.requestsPerSecond = requestsPerSecond
        settings.limits.subscribersPerRequest = recordsPerRequest
        settings.limits.users = RecordLimits(
            requestsPerSecond: requestsPerSecond, recordsPerRequest: recordsPerRequest)
        settings.limits.catalog = RecordLimits(
            requestsPerSecond: requestsPerSecond, recordsPerRequest: recordsPerRequest)
        settings.limits.events = RecordLimits(
            requestsPerSecond: requestsPerSecond, recordsPerRequest: recordsPerRequest,
            singleRequestsPerSecond: requestsPerSecond)
        settings.limits.concurrentRequests = concurrentRequests
        settings.limits.requestTimeoutSeconds = timeoutSeconds
        settings.limits.settleSeconds = settleSeconds
        return settings
    }

    func sync(_ known: Int64?, guarded: Bool) -> SyncSettings {
        var target = ListTarget.name(History.listName, description: nil)
        if list == .byID, let known { target = .id(known) }
        var sync = SyncSettings(
            name: "vip", warehouse: "shop", destination: "marketing", audience: .table(["people"]), list: target)
        sync.mapping =
            switch type {
            case .email: placeholders ? ColumnMapping(userID: "user_id") : ColumnMapping(email: "email")
            case .userID: ColumnMapping(userID: "user_id")
            case .hybrid: ColumnMapping(email: "email", userID: "user_id")
            }
        sync.read = reading
        sync.identity.maxSharing = maxSharing
        sync.updateExistingUsersOnly = onlyExistingUsers
        sync.placeholderEmails = placeholders
        sync.guards.maxRemovals = guarded ? maxRemovals : .percent(100)
        sync.guards.allowEmpty = guarded ? allowEmpty : true
        return sync
    }
}

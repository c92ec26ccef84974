/// A call of Iterable with its own rate limit: those that change something, and the one that looks people up. The raw value is its
/// name in metrics.
package enum Endpoint: String, Sendable, Hashable, CaseIterable {
    case listSubscribe = "subscribe"
    case listUnsubscribe = "unsubscribe"
    case usersUpdate = "users_update"
    case usersRename = "users_rename"
    case usersDelete = "users_delete"
    case usersLookUp = "users_look_up"
    case eventsTrackBulk = "events_track_bulk"
    case eventsTrack = "events_track"
    case catalogPut = "catalog_put"
    case catalogDelete = "catalog_delete"
}

extension DestinationLimits {
    /// How many requests a second an endpoint may get. More than 0.
    package func requestsPerSecond(_ endpoint: Endpoint) -> Double {
        switch endpoint {
        case .listSubscribe, .listUnsubscribe: requestsPerSecond
        case .usersUpdate: users.requestsPerSecond
        case .usersRename, .usersDelete: users.singleRequestsPerSecond
        case .usersLookUp: lookUpsPerSecond
        case .eventsTrackBulk: events.requestsPerSecond
        case .eventsTrack: events.singleRequestsPerSecond
        case .catalogPut, .catalogDelete: catalog.requestsPerSecond
        }
    }

    /// How many records one request may have, 1 or more.
    package func recordsPerRequest(_ kind: RecordKind) -> Int {
        switch kind {
        case .list: subscribersPerRequest
        case .events: events.recordsPerRequest
        case .users: users.recordsPerRequest
        case .catalog: catalog.recordsPerRequest
        }
    }

    /// As ``recordsPerRequest(_:)``, of one operation.
    package func recordsPerRequest(_ kind: RecordKind, _ operation: Operation) -> Int {
        kind == .users && (operation == .delete || operation == .rename) ? 1 : recordsPerRequest(kind)
    }
}

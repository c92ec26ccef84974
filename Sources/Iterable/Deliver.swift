import IterableProtocol
import NIOHTTP1
package import RollcallCore

extension IterableClient {
    /// Sends a delivery: `POST /api/lists/subscribe` and `unsubscribe`, `POST /api/users/bulkUpdate` and `updateEmail`,
    /// `DELETE /api/users/…`, `POST /api/events/trackBulk` and `track`, `POST` and `DELETE /api/catalogs/{name}/items`.
    /// All but `updateEmail` may be repeated.
    ///
    /// Gives up after `request_timeout_seconds`, and at once when the task is cancelled. `mayStillSend` is asked in the
    /// connection's event loop, right before the body is written.
    package func deliver(
        _ request: DeliveryRequest, mayStillSend: @escaping @Sendable () -> Bool
    ) async -> DeliveryAnswer {
        if let problem { return .stop(problem) }
        var body: [UInt8] = []
        DeliveryBody.write(request, into: &body)
        let (method, path) = Self.address(of: request)
        // Without a body there is no later moment.
        if body.isEmpty && !mayStillSend() { return .withheld }
        let call = APICall(
            method: method, path: path, body: body.isEmpty ? nil : body,
            maximumAnswerBytes: Self.mostBytes(ofAnswerTo: request), mayStillSend: mayStillSend)
        switch await transport.exchange(call) {
        case .success(let answer): return AnswerClassifier.classify(answer, request: request)
        case .failure(let failure): return AnswerClassifier.classify(failure: failure, request: request)
        }
    }

    /// Each record may be named in a few lists, an event by its name too, and a message may echo the request.
    private static func mostBytes(ofAnswerTo request: DeliveryRequest) -> Int {
        let bytes = 1 << 20 + request.count * 500
        guard case .events(let request) = request else { return bytes }
        // Of a name in JSON no byte becomes more than six.
        return request.events.reduce(bytes) { $0 + 6 * $1.name.utf8.count }
    }

    private static func address(of request: DeliveryRequest) -> (HTTPMethod, path: String) {
        switch (request, request.operation.direction) {
        case (.list, .put): (.POST, "/api/lists/subscribe")
        case (.list, .remove): (.POST, "/api/lists/unsubscribe")
        case (.users, _): (.POST, "/api/users/bulkUpdate")
        case (.userRename, _): (.POST, "/api/users/updateEmail")
        case (.userDeletion(.email(let email)), _): (.DELETE, "/api/users/\(pathSegment(email))")
        case (.userDeletion(.userID(let id)), _): (.DELETE, "/api/users/byUserId/\(pathSegment(id))")
        case (.events, _): (.POST, "/api/events/trackBulk")
        case (.event, _): (.POST, "/api/events/track")
        case (.catalog(let request), .put): (.POST, catalogPath(request.catalog, "/items"))
        case (.catalog(let request), .remove): (.DELETE, catalogPath(request.catalog, "/items"))
        }
    }
}

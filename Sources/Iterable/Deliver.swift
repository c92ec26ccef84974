import IterableProtocol
import NIOHTTP1
public import RollcallCore

extension IterableClient {
    /// Sends a delivery: `POST /api/lists/subscribe` and `unsubscribe`, `POST /api/users/bulkUpdate`, `POST /api/users/updateEmail`, `DELETE /api/users/…`, `POST` and `DELETE /api/catalogs/{name}/items`. May be
    /// repeated.
    ///
    /// Gives up after `request_timeout_seconds`, and at once when the task is cancelled. `mayStillSend` is asked in the
    /// connection's event loop, right before the body is written.
    public func deliver(
        _ request: DeliveryRequest, mayStillSend: @escaping @Sendable () -> Bool
    ) async -> DeliveryAnswer {
        if let problem { return .stop(problem) }
        var body: [UInt8] = []
        DeliveryBody.write(request, into: &body)
        let (method, path) = Self.address(of: request)
        // Each record may be named in a few lists, and a message may echo the request.
        let bound = 1 << 20 + request.count * 500
        // Without a body there is no later moment.
        if body.isEmpty && !mayStillSend() { return .withheld }
        let call = APICall(
            method: method, path: path, body: body.isEmpty ? nil : body, maximumAnswerBytes: bound,
            mayStillSend: mayStillSend)
        switch await transport.exchange(call) {
        case .success(let answer): return AnswerClassifier.classify(answer, request: request)
        case .failure(let failure): return AnswerClassifier.classify(failure: failure, request: request)
        }
    }

    private static func address(of request: DeliveryRequest) -> (HTTPMethod, path: String) {
        switch (request, request.operation.direction) {
        case (.list, .put): (.POST, "/api/lists/subscribe")
        case (.list, .remove): (.POST, "/api/lists/unsubscribe")
        case (.users, _): (.POST, "/api/users/bulkUpdate")
        case (.userRename, _): (.POST, "/api/users/updateEmail")
        case (.userDeletion(.email(let email)), _): (.DELETE, "/api/users/\(pathSegment(email))")
        case (.userDeletion(.userID(let id)), _): (.DELETE, "/api/users/byUserId/\(pathSegment(id))")
        case (.catalog(let request), .put): (.POST, catalogPath(request.catalog, "/items"))
        case (.catalog(let request), .remove): (.DELETE, catalogPath(request.catalog, "/items"))
        }
    }
}

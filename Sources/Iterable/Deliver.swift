import IterableProtocol
import NIOHTTP1
public import RollcallCore

extension IterableClient {
    /// `POST /api/lists/subscribe` and `POST /api/lists/unsubscribe`. May be repeated.
    ///
    /// Gives up after `request_timeout_seconds`, and at once when the task is cancelled. `mayStillSend` is asked in the
    /// connection's event loop, right before the body is written.
    public func deliver(
        _ request: DeliveryRequest, mayStillSend: @escaping @Sendable () -> Bool
    ) async -> DeliveryAnswer {
        if let problem { return .stop(problem) }
        var body: [UInt8] = []
        body.reserveCapacity(DeliveryBody.envelopeBytes + request.subscribers.count * 100)
        DeliveryBody.write(request, into: &body)
        // Each record may be named in a few lists, and a message may echo the request.
        let bound = 1 << 20 + request.subscribers.count * 500
        let call = APICall(
            method: .POST, path: request.endpoint.path, body: body, maximumAnswerBytes: bound,
            mayStillSend: mayStillSend)
        switch await transport.exchange(call) {
        case .success(let answer): return AnswerClassifier.classify(answer, request: request)
        case .failure(let failure): return AnswerClassifier.classify(failure: failure, request: request)
        }
    }
}

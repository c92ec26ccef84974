import AsyncHTTPClient
import Foundation
import IterableProtocol
import Logging
import NIOCore
import NIOHTTP1
import RollcallCore

/// One request to Iterable, before it goes out.
struct APICall: Sendable {
    var method = HTTPMethod.GET
    /// With the leading slash and the query.
    var path: String
    /// JSON; nil for none.
    var body: [UInt8]?
    /// More than this of an answer's body is not read; the answer then counts as lost.
    var maximumAnswerBytes = 64 * 1024
    /// Asked right before the body is sent.
    var mayStillSend: @Sendable () -> Bool = { true }
    /// Whether losing the answer matters.
    var changesSomething: Bool { body != nil || method != .GET }
}

/// Makes single HTTP exchanges under one total deadline each: connection, request, headers and body.
struct Transport: Sendable {
    let client: HTTPClient
    let baseURL: String
    let apiKey: Secret
    let userAgent: String
    let timeout: Duration
    let logger: Logger

    /// Sends a call and reads its whole answer.
    func exchange(_ call: APICall) async -> Result<HTTPAnswer, TransportFailure> {
        let started = ContinuousClock.now
        let state = BodyState()
        let result = await withDeadline(timeout) {
            try await answer(to: call, state)
        }
        .mapError { [baseURL] in TransportFailures.failure(for: $0, state, baseURL: baseURL) }
        log(call, result, elapsed: started.duration(to: .now))
        return result
    }

    private func request(for call: APICall, _ state: BodyState) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: baseURL + call.path)
        request.method = call.method
        request.headers.add(name: "Api-Key", value: apiKey.reveal())
        request.headers.add(name: "User-Agent", value: userAgent)
        request.headers.add(name: "Accept", value: "application/json, text/plain")
        if let body = call.body {
            request.headers.add(name: "Content-Type", value: "application/json; charset=utf-8")
            request.body = .bytes(
                RequestBody(bytes: body, state: state, mayStillSend: call.mayStillSend),
                length: .known(Int64(body.count)))
        }
        return request
    }

    private func answer(to call: APICall, _ state: BodyState) async throws -> HTTPAnswer {
        let response = try await execute(call, state)
        let status = Int(response.status.code)
        var body: [UInt8] = []
        do {
            body = try await read(response.body, upTo: call.maximumAnswerBytes)
        } catch  where !AnswerClassifier.needsBody(status: status) {
            // The status alone says what to do.
        }
        return HTTPAnswer(status: status, retryAfter: response.headers["Retry-After"], body: body, now: Date())
    }

    /// Sends a call and gives the head of its answer. The caller sets the deadline, for body and head together.
    func execute(_ call: APICall, _ state: BodyState) async throws -> HTTPClientResponse {
        if call.body == nil { state.giveAway() }
        return try await client.execute(request(for: call, state), deadline: .now() + .hours(1))
    }

    func read(_ body: HTTPClientResponse.Body, upTo limit: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        for try await chunk in body {
            guard bytes.count + chunk.readableBytes <= limit else { throw AnswerTooLarge() }
            bytes.append(contentsOf: chunk.readableBytesView)
        }
        // A cancelled body may end without an error.
        try Task.checkCancellation()
        return bytes
    }

    private func log(_ call: APICall, _ result: Result<HTTPAnswer, TransportFailure>, elapsed: Duration) {
        var metadata: Logger.Metadata = [
            "method": "\(call.method)", "path": "\(call.path)", "bytes": "\(call.body?.count ?? 0)",
            "milliseconds": "\(Int(elapsed / .milliseconds(1)))",
        ]
        switch result {
        case .success(let answer): metadata["status"] = "\(answer.status)"
        case .failure(let failure): metadata["failure"] = "\(failure.code)"
        }
        logger.debug("Iterable answered", metadata: metadata)
    }
}

extension Transport: CustomStringConvertible, CustomReflectable {
    var description: String { "Transport" }

    /// Empty: the connections within remember what was sent and received last, the API key among it.
    var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// The body of an answer is longer than any that the call can have.
struct AnswerTooLarge: Error {}

import AsyncHTTPClient
import Foundation
import IterableProtocol
import NIOCore
import NIOHTTP1
package import RollcallCore

extension IterableClient {
    /// `GET /api/lists/getUsers`: one identifier a line, streamed. Five calls a minute for the whole project; lags by up
    /// to a minute.
    ///
    /// The answer may be long: silence ends it after `request_timeout_seconds`, and twenty times as much ends it in any
    /// case. If it throws, the members given out so far are only some of them.
    package func members(
        ofList id: Int64, preferUserID: Bool, _ body: @Sendable (String) -> Void
    ) async throws(DestinationError) {
        if let problem { throw DestinationError(error: problem, isTransient: false) }
        let call = APICall(path: "/api/lists/getUsers?listId=\(id)&preferUserId=\(preferUserID)")
        let result = await withoutActuallyEscaping(body) { escapable in
            await withDeadline(transport.timeout * 20) { [transport] in
                try await transport.stream(call, onLine: escapable)
            }
        }
        switch result {
        case .success(nil): return
        case .success(let error?): throw error
        case .failure(let error):
            let failure = TransportFailures.failure(for: error, BodyState(), baseURL: settings.baseURL)
            throw self.error(for: failure, changesSomething: false)
        }
    }
}

extension Transport {
    /// Hands out the lines of an answer as they arrive; returns why there are none, or nil when all were handed out.
    fileprivate func stream(
        _ call: APICall, onLine: @escaping @Sendable (String) -> Void
    ) async throws -> DestinationError? {
        let response = try await withDeadline(timeout) { try await execute(call, BodyState()) }.get()
        let status = Int(response.status.code)
        guard (200...299).contains(status) else { return try await refusal(response, status: status, call: call) }
        guard !Self.isHTML(response.headers) else {
            return AnswerClassifier.unreadable(status: status, changesSomething: false)
        }
        var lines = LineSplitter(longest: Self.longestLine)
        for try await chunk in response.body {
            guard lines.consume(chunk.readableBytesView, onLine) else {
                return AnswerClassifier.unreadable(status: status, changesSomething: false)
            }
        }
        // A cancelled body may end without an error.
        try Task.checkCancellation()
        lines.finish(onLine)
        return nil
    }

    /// Identifiers are at most 254 bytes long; no line is nearly as long as this.
    private static var longestLine: Int { 1024 }

    private func refusal(_ response: HTTPClientResponse, status: Int, call: APICall) async throws -> DestinationError? {
        let body = await withDeadline(timeout) { try await read(response.body, upTo: call.maximumAnswerBytes) }
        if case .failure(let error) = body, AnswerClassifier.needsBody(status: status) { throw error }
        let answer = HTTPAnswer(
            status: status, retryAfter: response.headers["Retry-After"], body: (try? body.get()) ?? [], now: Date())
        return AnswerClassifier.error(for: answer, changesSomething: false)
    }

    private static func isHTML(_ headers: HTTPHeaders) -> Bool {
        headers["Content-Type"].contains { $0.lowercased().contains("html") }
    }
}

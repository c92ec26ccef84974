package import AsyncHTTPClient
import Foundation
import IterableProtocol
package import Logging
import NIOCore
package import RollcallCore
import Synchronization

/// Iterable's REST API, as far as Rollcall uses it. One file per call; ``AnswerClassifier`` says what answers mean.
///
/// One call is one request: no redirects, no retries, no proxy from the environment. The API key is sent as the
/// `Api-Key` header and appears nowhere else.
package final class IterableClient: Destination {
    package let bodyLimits: BodyLimits
    let settings: DestinationSettings
    let transport: Transport
    /// Why no call can succeed with these settings; nil where nothing speaks against it.
    let problem: RunError?
    let logger: Logger
    private let ownsHTTPClient: Bool
    private let isShutDown = Mutex(false)

    /// - Parameters:
    ///   - version: goes into the `User-Agent` header; nil for none.
    ///   - httpClient: one to share; it must not follow redirects and is not shut down by ``shutdown()``. By default
    ///     the client makes its own.
    package init(
        settings: DestinationSettings, version: String? = nil, httpClient: HTTPClient? = nil, logger: Logger
    ) {
        self.settings = settings
        self.logger = logger
        bodyLimits = DeliveryBody.limits(maximumBytes: settings.limits.bytesPerRequest)
        ownsHTTPClient = httpClient == nil
        problem = Self.problem(in: settings)
        transport = Transport(
            client: httpClient ?? HTTPClient(configuration: Self.configuration(settings.limits)),
            baseURL: settings.baseURL, apiKey: settings.apiKey,
            userAgent: version.map { "rollcall/\($0)" } ?? "rollcall",
            timeout: .seconds(settings.limits.requestTimeoutSeconds), logger: logger)
    }

    /// Closes the connections. Calls after this fail; further calls of this one do nothing.
    package func shutdown() async {
        guard ownsHTTPClient, !markShutDown() else { return }
        try? await transport.client.shutdown()
    }

    deinit {
        guard ownsHTTPClient, !markShutDown() else { return }
        transport.client.shutdown { _ in }
    }

    /// Returns whether it had been marked before.
    private func markShutDown() -> Bool {
        isShutDown.withLock { done in
            defer { done = true }
            return done
        }
    }

    private static func configuration(_ limits: DestinationLimits) -> HTTPClient.Configuration {
        let timeout = TimeAmount.milliseconds(Int64(limits.requestTimeoutSeconds * 1000))
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: timeout, read: timeout), decompression: .disabled)
        configuration.httpVersion = .http1Only
        configuration.proxy = nil
        // Shorter than the idle time-outs of common load balancers, so that requests rarely meet a closing connection.
        configuration.connectionPool.idleTimeout = .seconds(20)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = max(8, limits.concurrentRequests + 2)
        // Retries are the engine's: a refused connection is reported at once.
        configuration.connectionPool.retryConnectionEstablishment = false
        return configuration
    }

    private static func problem(in settings: DestinationSettings) -> RunError? {
        let key = settings.apiKey.reveal().utf8
        guard !key.isEmpty, key.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            return RunError(
                code: "api_key_malformed",
                message: "The API key of destination \(settings.name) is empty or has characters that no key has.",
                hint: "Check api_key, and the environment variable it may come from, for blanks and line breaks.")
        }
        let address = URLComponents(string: settings.baseURL)
        guard ["http", "https"].contains(address?.scheme?.lowercased()), !(address?.host ?? "").isEmpty else {
            return RunError(
                code: "base_url_invalid",
                message: "The base_url of destination \(settings.name) is not an http or https address.",
                hint: "Leave base_url out to use the data centre's own address.")
        }
        return nil
    }
}

extension IterableClient {
    /// Makes a call that is not a delivery, and gives its answer of success.
    func answer(to call: APICall) async throws(DestinationError) -> HTTPAnswer {
        if let problem { throw DestinationError(error: problem, isTransient: false) }
        switch await transport.exchange(call) {
        case .failure(let failure):
            throw error(for: failure, changesSomething: call.changesSomething)
        case .success(let answer):
            if let error = AnswerClassifier.error(for: answer, changesSomething: call.changesSomething) { throw error }
            return answer
        }
    }

    /// Why a call other than a delivery failed when there was no answer, and what may be done about it.
    func error(for failure: TransportFailure, changesSomething: Bool) -> DestinationError {
        var error = AnswerClassifier.error(for: failure, changesSomething: changesSomething)
        error.error.hint = TransportFailures.hint(for: failure.code, baseURL: settings.baseURL)
        return error
    }
}

extension IterableClient: CustomStringConvertible, CustomReflectable {
    package var description: String { "IterableClient(\(settings.name))" }

    /// Empty: the connections within remember what was sent and received last, the API key among it.
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}

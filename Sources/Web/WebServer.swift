import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
package import Receivers
package import RollcallCore
package import SyncEngine

/// The HTTP side of `rollcall serve`: API, trigger API, health, metrics and dashboard.
///
/// ```swift
/// let server = try WebServer(service: service, settings: settings, logger: logger)
/// try await server.run { port in … }   // until stop() or the task's cancellation
/// ```
package final class WebServer: Sendable {
    private let settings: WebSettings
    private let logger: Logger
    private let gate: Gate
    private let closing = Closing()
    private let traffic = TrafficCounter()
    private let service: SyncService
    private let receivers: (any ReceiverReading)?
    private let dashboard: Dashboard
    private let lookups = Slots(2)
    private let listening = Listening()

    /// A server that does not listen yet.
    /// - Parameter receivers: what it shows of receivers; nil: the process has none.
    /// - Throws: `unsafe_listen` for an address beyond this machine without a token.
    package convenience init(
        service: SyncService, settings: WebSettings, logger: Logger, receivers: ReceiverService? = nil
    ) throws(RunError) {
        try self.init(service: service, settings: settings, logger: logger, reading: receivers)
    }

    init(
        service: SyncService, settings: WebSettings, logger: Logger, reading receivers: (any ReceiverReading)?
    ) throws(RunError) {
        guard LoopbackAddress.contains(settings.host) || !settings.tokens.isEmpty else {
            throw RunError(
                code: "unsafe_listen",
                message: "\(settings.host) can be reached from other machines, and no token is configured",
                hint: "Listen on 127.0.0.1, or give tokens in ROLLCALL_TOKENS (name:role:token) or server.tokens.")
        }
        self.service = service
        self.receivers = receivers
        self.settings = settings
        self.logger = logger
        gate = Gate(tokens: settings.tokens, host: settings.host)
        do {
            dashboard = try Dashboard(
                service: service, receivers: receivers, gate: gate, limits: Self.limits(settings), lookups: lookups)
        } catch {
            throw RunError(code: "internal", message: "a page of the dashboard cannot be read: \(error)")
        }
    }

    /// Other tokens from now on; sessions of tokens that are gone end.
    /// - Throws: `unsafe_listen` when none is left and the address is not loopback; the old ones stay then.
    package func replaceTokens(_ tokens: AccessTokens) throws(RunError) {
        guard LoopbackAddress.contains(settings.host) || !tokens.isEmpty else {
            throw RunError(
                code: "unsafe_listen", message: "\(settings.host) needs at least one token",
                hint: "Keep a token in ROLLCALL_TOKENS or server.tokens.")
        }
        gate.replaceTokens(tokens)
    }

    /// Listens until ``stop()`` or the cancellation of the task. Call it once.
    /// - Parameter onListening: gets the port, once connections are accepted.
    /// - Throws: `port_in_use` or `cannot_listen`, a `RunError`.
    package func run(onListening: @escaping @Sendable (_ port: Int) async -> Void = { _ in }) async throws {
        let application = application { [settings] channel in
            await onListening(channel.localAddress?.port ?? settings.port)
        }
        try await listening.run(
            application, at: ListenPlace(host: settings.host, port: settings.port, setting: "--listen"),
            seconds: settings.shutdownSeconds, logger: Listening.quiet(logger)
        ) { [closing] in closing.close() }
    }

    /// Ends streams of events, lets other answers come to their end, closes all connections, and returns when ``run(onListening:)``
    /// is over. A second call returns at once.
    package func stop() async {
        closing.close()
        await listening.stop()
    }

    /// The server, not yet listening.
    func application(
        onListening: @escaping @Sendable (any Channel) async -> Void = { _ in }
    ) -> some ApplicationProtocol {
        let stall = TimeAmount.seconds(Int64(settings.stallSeconds))
        let quiet = Listening.quiet(logger)
        return Application(
            router: router(),
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [StalledWrites(patience: stall)],
                    idleTimeout: .seconds(Int64(settings.idleSeconds)),
                    httpDecoderConfiguration: .init(
                        maxHeaderFieldSize: 16_384, maxHeaderListSize: 32_768, maxHeaderFieldCount: 100))),
            configuration: .init(
                address: .hostname(settings.host, port: settings.port), backlog: 1024,
                availableConnectionsDelegate: MaximumAvailableConnections(
                    OpenFiles.connections(
                        wanted: settings.connections, share: receivers == nil ? 1 : 1 - OpenFiles.receivers),
                    logger: quiet)),
            onServerRunning: onListening,
            logger: quiet)
    }

    /// Everything the server can be asked for.
    var routes: [Route] {
        let limits = Self.limits(settings)
        return SyncRoutes(service: service, limits: limits, lookups: lookups).routes
            + RunRoutes(service: service, limits: limits).routes
            + EventRoutes(
                service: service, streams: Slots(settings.eventStreams), closing: closing,
                heartbeat: .seconds(settings.heartbeatSeconds)
            ).routes
            + TriggerRoutes(service: service, limits: limits).routes
            + ReceiverRoutes(receivers: receivers).routes
            + HealthRoutes(service: service, gate: gate, traffic: traffic, receivers: receivers).routes
            + [OpenAPIDocument.route] + dashboard.routes
    }

    func router() -> Router<WebContext> {
        let router = Router(context: WebContext.self)
        router.add(
            middleware: Answers(
                limits: Self.limits(settings), traffic: traffic, routes: routes, errorPage: dashboard.errorPage,
                logger: logger))
        RouteTable.add(routes, to: router, gate: gate)
        return router
    }

    private static func limits(_ settings: WebSettings) -> RequestLimits {
        var limits = RequestLimits()
        limits.bodyBytes = settings.bodyBytes
        limits.bodySeconds = settings.bodySeconds
        return limits
    }
}

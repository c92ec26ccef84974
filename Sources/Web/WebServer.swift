import Foundation
import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore
public import RollcallCore
import ServiceLifecycle
public import SyncEngine
import Synchronization

/// The HTTP side of `rollcall serve`: API, trigger API, health, metrics and dashboard.
///
/// ```swift
/// let server = try WebServer(service: service, settings: settings, logger: logger)
/// try await server.run { port in … }   // until stop() or the task's cancellation
/// ```
public final class WebServer: Sendable {
    private let settings: WebSettings
    private let logger: Logger
    private let gate: Gate
    private let closing = Closing()
    private let traffic = TrafficCounter()
    private let service: SyncService
    private let dashboard: Dashboard
    private let lookups = Slots(2)
    private let group = Mutex<ServiceGroup?>(nil)
    /// Ends with ``run(onListening:)``.
    private let ended = AsyncStream.makeStream(of: Void.self)

    /// A server that does not listen yet.
    /// - Throws: `unsafe_listen` for an address beyond this machine without a token.
    public init(service: SyncService, settings: WebSettings, logger: Logger) throws(RunError) {
        guard LoopbackAddress.contains(settings.host) || !settings.tokens.isEmpty else {
            throw RunError(
                code: "unsafe_listen",
                message: "\(settings.host) can be reached from other machines, and no token is configured",
                hint: "Listen on 127.0.0.1, or give tokens in ROLLCALL_TOKENS (name:role:token) or server.tokens.")
        }
        self.service = service
        self.settings = settings
        self.logger = logger
        gate = Gate(tokens: settings.tokens, host: settings.host)
        do {
            dashboard = try Dashboard(service: service, gate: gate, limits: Self.limits(settings), lookups: lookups)
        } catch {
            throw RunError(code: "internal", message: "a page of the dashboard cannot be read: \(error)")
        }
    }

    /// Other tokens from now on; sessions of tokens that are gone end.
    /// - Throws: `unsafe_listen` when none is left and the address is not loopback; the old ones stay then.
    public func replaceTokens(_ tokens: AccessTokens) throws(RunError) {
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
    public func run(onListening: @escaping @Sendable (_ port: Int) async -> Void = { _ in }) async throws {
        let application = application { [settings] channel in
            await onListening(channel.localAddress?.port ?? settings.port)
        }
        var configuration = ServiceGroupConfiguration(services: [application], logger: quietLogger)
        configuration.maximumGracefulShutdownDuration = .seconds(settings.shutdownSeconds)
        let group = ServiceGroup(configuration: configuration)
        self.group.withLock { $0 = group }
        defer { ended.continuation.finish() }
        do {
            try await withTaskCancellationHandler {
                try await group.run()
            } onCancel: { [closing] in
                closing.close()
            }
        } catch is CancellationError {
            return
        } catch let error as IOError {
            throw cannotListen(error)
        }
    }

    /// Ends streams of events, lets other answers come to their end, closes all connections, and returns when ``run(onListening:)``
    /// is over. A second call returns at once.
    public func stop() async {
        closing.close()
        let group = group.withLock { group in
            defer { group = nil }
            return group
        }
        guard let group else { return }
        await group.triggerGracefulShutdown()
        for await _ in ended.stream {}
    }

    /// The server, not yet listening.
    func application(
        onListening: @escaping @Sendable (any Channel) async -> Void = { _ in }
    ) -> some ApplicationProtocol {
        let stall = TimeAmount.seconds(Int64(settings.stallSeconds))
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
                    min(settings.connections, OpenFiles.limit() - OpenFiles.reserve), logger: quietLogger)),
            onServerRunning: onListening,
            logger: quietLogger)
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
            + HealthRoutes(service: service, gate: gate, traffic: traffic).routes
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

    /// What the libraries have to say matters only when something is wrong.
    private var quietLogger: Logger {
        var quiet = logger
        quiet.logLevel = max(.warning, logger.logLevel)
        return quiet
    }

    private func cannotListen(_ error: IOError) -> RunError {
        let address =
            settings.host.contains(":") ? "[\(settings.host)]:\(settings.port)" : "\(settings.host):\(settings.port)"
        if error.errnoCode == EADDRINUSE {
            return RunError(
                code: "port_in_use", message: "\(address) is in use by another program",
                hint: "Choose another address with --listen, or port 0 for a free one.")
        }
        return RunError(
            code: "cannot_listen",
            message: "cannot listen on \(address): \(String(cString: strerror(error.errnoCode)))",
            hint: "Choose an address of this machine with --listen.")
    }
}

/// The files that the process may have open.
enum OpenFiles {
    /// Files that are kept for warehouses, destinations and configuration.
    static let reserve = 256

    /// Raises the limit as far as the process may, and gives it; at least `reserve` + 16.
    static func limit() -> Int {
        var limits = rlimit()
        let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(files, &limits) == 0 else { return reserve + 512 }
        if limits.rlim_cur < limits.rlim_max {
            var raised = limits
            raised.rlim_cur = min(limits.rlim_max, 65_536)
            if raised.rlim_cur > limits.rlim_cur, setrlimit(files, &raised) == 0 { limits = raised }
        }
        return max(reserve + 16, Int(clamping: limits.rlim_cur))
    }
}

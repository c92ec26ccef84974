import ArgumentParser
import Foundation
import Logging
import RollcallConfig
import RollcallCore
import SyncEngine
import Warehouse
import Web

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run schedules, the HTTP API and the dashboard.",
        usage: "rollcall serve [--listen <host:port>] [<options>]",
        discussion: """
            Runs until SIGTERM or Ctrl-C: runs under way stop after the requests that are being \
            answered, and are interrupted; a second signal gives those requests up. SIGHUP, or a \
            change of the files, reloads the configuration: a right one takes effect as a \
            whole, a wrong one is refused as a whole and the old one stays.

            Several processes may serve one warehouse: each tick and each sync is run by one of \
            them. Without a token (ROLLCALL_TOKENS or server.tokens) it listens on loopback only.
            """)

    @Option(help: ArgumentHelp("Listen here; default: server.listen, else 127.0.0.1:8420.", valueName: "host:port"))
    var listen: String?

    @Option(help: ArgumentHelp("Lines on stderr.", valueName: "format"))
    var logFormat = ServeLog.Format.text

    @OptionGroup var options: ConfigurationOptions

    func validate() throws {
        if let listen, ServerSettings.address(listen) == nil {
            throw ValidationError(
                "--listen \(listen) is no address; write host:port, such as 127.0.0.1:8420 or [::1]:8420.")
        }
    }

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let path = try Configuration.locate(
            explicit: options.config, environment: environment,
            workingDirectory: FileManager.default.currentDirectoryPath)
        let configuration = try Configuration.load(path: path, environment: environment)
        let address = try address(configuration, environment)
        let log = ServeLog(format: logFormat, console: .standard)
        for warning in configuration.warnings { log.write(.warning, "configuration", "\(warning)") }
        if let warning = App.cacheWarning(ProcessInfo.processInfo.environment) { log.write(.warning, "cache", warning) }
        let level: Logger.Level = options.verbose ? .debug : .warning
        let logger = Logger(label: "rollcall") { _ in
            var handler = ServeLogHandler(log)
            handler.logLevel = level
            return handler
        }
        try await ServeProcess(configuration: configuration, address: address, log: log, logger: logger).run()
    }

    /// Where to listen; refuses to show the world what no token guards.
    private func address(_ configuration: Configuration, _ environment: [String: String]) throws -> ServerSettings {
        var settings = configuration.server ?? ServerSettings()
        if let listen, let address = ServerSettings.address(listen) {
            settings.host = address.host
            settings.port = address.port
        }
        let hasTokens = !settings.tokens.isEmpty || !(environment["ROLLCALL_TOKENS"] ?? "").isEmpty
        guard settings.isLoopback || hasTokens else {
            throw ValidationError(
                """
                \(settings.host) is not a loopback address, and no token is configured: everybody could start runs \
                and read people's addresses. Set ROLLCALL_TOKENS or server.tokens, or listen on 127.0.0.1.
                """)
        }
        return settings
    }
}

/// The parts of a serving process, and their common end.
struct ServeProcess {
    let configuration: Configuration
    let address: ServerSettings
    let log: ServeLog
    let logger: Logger

    /// How long runs under way may take to come to their end after the first signal: longer than any request.
    static let stopDeadline = Duration.seconds(50)

    func run() async throws {
        var composer = ServiceComposer(logger: logger)
        let setup = composer.setup(for: configuration)
        let service = SyncService(setup)
        let environment = ProcessInfo.processInfo.environment
        let web = try ServeWeb.server(service, address, environment: environment, logger: logger)
        let signals = ServeSignals()
        let events = service.events(buffering: 10_000)
        let alerts = AlertSender(configuration.alerts, log: log)
        async let alerting: Void = alerts.follow(service.events(buffering: 10_000)) {
            await service.note($0, heardBy: $1)
        }
        let reloader = Reloader(configuration, composer, service, log) {
            alerts.use($0.alerts)
            do throws(RunError) {
                try web.replaceTokens(
                    ServeWeb.tokens($0.server ?? ServerSettings(), environment: ProcessInfo.processInfo.environment))
            } catch {
                log.write(.error, "tokens", "the new tokens are refused, the old ones stay: \(error)")
            }
        }
        let scheduled = configuration.syncs.count { $0.enabled && $0.schedule != nil }
        log.write(
            .info, "serving",
            "serving \(DisplayText.count(configuration.syncs.count, "sync")), \(scheduled) on a schedule",
            [("syncs", "\(configuration.syncs.count)"), ("scheduled", "\(scheduled)")])
        let stopping = StopSignal()
        let wait = WarehouseWait(isStopped: { stopping.reason != nil }) { [log] in
            log.write(.warning, "waiting", $0.text)
        }
        let failure = await WarehouseWait.$current.withValue(wait) {
            await work(service, web, signals, events, reloader, stopping)
        }
        await alerting
        withExtendedLifetime(signals) {}
        log.write(.info, "stopped", "stopped")
        if let failure { throw failure }
    }

    /// Everything that goes on until a signal asks for an end; returns what made it end if that was no signal.
    private func work(
        _ service: SyncService, _ web: WebServer, _ signals: ServeSignals, _ events: AsyncStream<ServiceEvent>,
        _ reloader: Reloader, _ stopping: StopSignal
    ) async -> (any Error)? {
        let (bound, isBound) = AsyncStream.makeStream(of: Void.self)
        return await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // No tick is claimed by a process whose port is another's.
                for await _ in bound { break }
                if !Task.isCancelled { await service.run() }
            }
            group.addTask { for await event in events { log.write(event) } }
            group.addTask {
                var reloader = reloader
                await reloader.watch(hangups: signals.hangups)
            }
            let failure = await untilAsked(service, web, signals, stopping) { isBound.yield() }
            group.cancelAll()
            return failure
        }
    }

    /// Returns when the service has stopped, with what made it stop if that was no signal.
    private func untilAsked(
        _ service: SyncService, _ web: WebServer, _ signals: ServeSignals, _ stopping: StopSignal,
        isBound: @escaping @Sendable () -> Void
    ) async -> (any Error)? {
        await withTaskGroup(of: (any Error)?.self) { group in
            group.addTask { [log, address] in
                do {
                    try await web.run { port in
                        let host = address.host.contains(":") ? "[\(address.host)]" : address.host
                        log.write(.info, "listening", "listening on http://\(host):\(port)", [("port", "\(port)")])
                        isBound()
                    }
                } catch {
                    return Task.isCancelled ? nil : error
                }
                return nil
            }
            group.addTask { [log] in
                for await _ in signals.stops { break }
                if Task.isCancelled { return nil }
                stopping.request(.interrupted)
                log.write(
                    .info, "stopping", "stopping: the requests under way get their answers; again to give them up")
                await Self.stop(service, signals, log)
                return nil
            }
            let failure = await group.next() ?? nil
            if failure != nil { await service.stop(within: .zero) }
            await web.stop()
            group.cancelAll()
            return failure
        }
    }

    /// Waits for the runs under way, or, after another signal, not even for those.
    private static func stop(_ service: SyncService, _ signals: ServeSignals, _ log: ServeLog) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await service.stop(within: stopDeadline) }
            group.addTask {
                for await _ in signals.stops { break }
                if Task.isCancelled { return }
                log.write(.warning, "stopping", "stopping at once: the requests under way are given up")
                await service.stop(within: .zero)
            }
            await group.next()
            group.cancelAll()
        }
    }
}

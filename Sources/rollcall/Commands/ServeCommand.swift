import ArgumentParser
import Foundation
import Logging
import RollcallConfig
import RollcallCore

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run schedules, streams, receivers, the HTTP API and the dashboard.",
        usage: "rollcall serve [--listen <host:port>] [<options>]",
        discussion: """
            Runs until SIGTERM or Ctrl-C: runs under way stop after the requests that are being \
            answered, and are interrupted; a second signal gives those requests up. SIGHUP, or a \
            change of the files, reloads the configuration: a right one takes effect as a \
            whole, a wrong one is refused as a whole and the old one stays.

            Several processes may serve one warehouse: each tick and each sync is run, or streamed, \
            by one of them. Without a token (ROLLCALL_TOKENS or server.tokens) it listens on loopback only.

            Receivers have a listener apart (server.receiver_listen). At the end, what they have \
            taken is stored, or kept in the spool folder for the next start.
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
        let address = try address(configuration)
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
    private func address(_ configuration: Configuration) throws -> ServerSettings {
        var settings = configuration.server ?? ServerSettings()
        if let listen, let address = ServerSettings.address(listen) {
            settings.host = address.host
            settings.port = address.port
        }
        let hasTokens = !settings.tokens.isEmpty || configuration.tokens.map { !$0.reveal().isEmpty } ?? false
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

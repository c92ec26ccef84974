import Foundation
import Hummingbird
package import Logging
import NIOCore
import Synchronization

/// A local, strict stand-in for the Iterable API: it refuses what the real API would refuse, keeps what it is told in
/// memory, and fails on request.
///
/// ```swift
/// let sandbox = try Sandbox(options: options)
/// let port = try await sandbox.start()
/// // … talk to sandbox.baseURL …
/// await sandbox.stop()
/// ```
package final class Sandbox: Sendable {
    private struct Running {
        var task: Task<Void, any Error>?
        /// The socket that accepts connections.
        var channel: (any Channel)?
    }

    let core: SandboxCore
    private let logger: Logger
    private let running = Mutex(Running())

    /// A sandbox that does not listen yet.
    ///
    /// - Parameter logger: Takes what the server has to say; by default warnings and errors only.
    /// - Throws: ``SandboxError/emailProjectInEU`` and ``SandboxError/invalidOption(_:)``.
    package convenience init(options: SandboxOptions = SandboxOptions(), logger: Logger? = nil) throws {
        let start = ContinuousClock.now
        try self.init(options: options, logger: logger) { ContinuousClock.now - start }
    }

    init(options: SandboxOptions, logger: Logger?, clock: @escaping @Sendable () -> Duration) throws {
        try Self.check(options)
        core = SandboxCore(options: options, clock: clock)
        var quiet = Logger(label: "iterable-sandbox")
        quiet.logLevel = .warning
        self.logger = logger ?? quiet
    }

    /// Listens until the task is cancelled, then closes its connections and returns.
    /// - Throws: ``SandboxError`` when the address cannot be listened on.
    package func run() async throws {
        _ = try await start()
        try await withTaskCancellationHandler {
            try await wait()
        } onCancel: {
            Task { await stop() }
        }
        await stop()
    }

    /// Starts listening in the background.
    /// - Returns: The port, once connections are accepted.
    /// - Throws: ``SandboxError`` when the address cannot be listened on.
    package func start() async throws -> Int {
        let (channels, continuation) = AsyncThrowingStream<any Channel, any Error>.makeStream()
        let application = application { continuation.yield($0) }
        let (host, port) = (core.options.host, core.options.port)
        try running.withLock { running in
            guard running.task == nil else { throw SandboxError.alreadyRunning }
            running.task = Task {
                do {
                    try await application.run()
                    continuation.finish()
                } catch is CancellationError {
                    continuation.finish()
                } catch {
                    let readable = Self.readable(error, host: host, port: port)
                    continuation.finish(throwing: readable)
                    throw readable
                }
            }
        }
        do {
            for try await channel in channels {
                running.withLock { $0.channel = channel }
                core.wakeWebhook()
                return channel.localAddress?.port ?? port
            }
        } catch {
            await stop()
            throw error
        }
        await stop()
        throw CancellationError()
    }

    /// Stops listening, closes all connections and gives up requests that have not taken effect, and those to the webhook
    /// that have no answer. What the sandbox holds stays, and it can be started again.
    package func stop() async {
        let (task, channel) = running.withLock { ($0.task, $0.channel) }
        try? await channel?.close().get()
        task?.cancel()
        await core.cancelLateRequests()
        _ = await task?.result
        await core.cancelLateRequests()
        await core.stopWebhook()
        running.withLock { $0 = Running() }
    }

    /// Port that is listened on; nil while the sandbox is not running.
    package var port: Int? { running.withLock { $0.channel?.localAddress?.port } }

    /// `http://127.0.0.1:8421`, without a slash at the end; nil while the sandbox is not running.
    package var baseURL: String? {
        port.map { port in
            let host = core.options.host
            return host.contains(":") ? "http://[\(host)]:\(port)" : "http://\(host):\(port)"
        }
    }

    /// The server, not yet listening.
    func application(
        onListening: @escaping @Sendable (any Channel) -> Void = { _ in }
    ) -> Application<RouterResponder<SandboxContext>> {
        Application(
            router: Routes(core: core).router(),
            configuration: .init(
                address: .hostname(core.options.host, port: core.options.port), serverName: "iterable-sandbox"),
            onServerRunning: onListening,
            logger: logger)
    }

    private func wait() async throws {
        guard let task = running.withLock({ $0.task }) else { return }
        try await task.value
    }

    private static func readable(_ error: any Error, host: String, port: Int) -> SandboxError {
        if let error = error as? IOError, error.errnoCode == EADDRINUSE {
            return .portInUse(host: host, port: port)
        }
        return .cannotListen(host: host, port: port, reason: "\(error)")
    }

    private static func check(_ options: SandboxOptions) throws(SandboxError) {
        guard options.projectType != .email || options.dataCenter != .eu else { throw .emailProjectInEU }
        guard (0...65_535).contains(options.port) else {
            throw .invalidOption("The port must be from 0 to 65535, not \(options.port).")
        }
        if let rate = options.requestsPerSecond, !(rate > 0 && rate.isFinite) {
            throw .invalidOption("Requests per second must be more than 0, not \(rate).")
        }
        if let problem = options.webhook?.problem { throw .invalidOption(problem) }
        if let problem = options.problem(ofFaults: options.faults) { throw .invalidOption(problem) }
        guard !options.apiKey.isEmpty else { throw .invalidOption("The API key must not be empty.") }
        guard options.maxBodyBytes > 0 else { throw .invalidOption("The body limit must be more than 0 bytes.") }
        if let limit = options.maxSubscribersPerRequest, limit < 1 {
            throw .invalidOption("The limit of subscribers per request must be at least 1, not \(limit).")
        }
        let delays = [
            options.listVisibleAfterSeconds, options.latencySeconds, options.bulkEventsAfterSeconds,
            options.catalogItemsAfterSeconds,
        ]
        for seconds in delays where !(0...3600).contains(seconds) {
            throw .invalidOption("Delays must be from 0 to 3600 seconds, not \(seconds).")
        }
    }
}

/// Runs `body` with a sandbox that listens, and stops it afterwards.
package func withSandbox<Result: Sendable>(
    _ options: SandboxOptions = SandboxOptions(), _ body: (Sandbox) async throws -> Result
) async throws -> Result {
    let sandbox = try Sandbox(options: options)
    _ = try await sandbox.start()
    do {
        let result = try await body(sandbox)
        await sandbox.stop()
        return result
    } catch {
        await sandbox.stop()
        throw error
    }
}

import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
package import Receivers
package import RollcallCore
import ServiceLifecycle

/// The listener to which Iterable posts events: another address than that of ``WebServer``, so that a public port shows neither
/// dashboard nor API. What is taken and what is answered is the service's; this turns it into HTTP.
///
/// ```swift
/// let server = ReceiverServer(service: service, settings: listen, logger: logger)
/// try await server.run { port in … }   // until stop() or the task's cancellation
/// ```
package final class ReceiverServer: Sendable {
    private let intake: any ReceiverIntake
    private let settings: ReceiverListenSettings
    private let patience: ReceiverPatience
    private let logger: Logger
    private let listening = Listening()

    /// A listener that does not listen yet.
    package convenience init(service: ReceiverService, settings: ReceiverListenSettings, logger: Logger) {
        self.init(intake: service, settings: settings, patience: ReceiverPatience(), logger: logger)
    }

    init(
        intake: any ReceiverIntake, settings: ReceiverListenSettings, patience: ReceiverPatience, logger: Logger
    ) {
        self.intake = intake
        self.settings = settings
        self.patience = patience
        self.logger = Listening.quiet(logger)
    }

    /// Listens until ``stop()`` or the cancellation of the task. Call it once.
    /// - Parameter onListening: gets the port, once connections are accepted.
    /// - Throws: `port_in_use` or `cannot_listen`, a `RunError`.
    package func run(onListening: @escaping @Sendable (_ port: Int) async -> Void = { _ in }) async throws {
        let connections = OpenFiles.connections(wanted: patience.connections, share: OpenFiles.receivers)
        let server = ReceiverChannel(intake: intake, patience: patience).server(
            configuration: ServerConfiguration(
                address: .hostname(settings.host, port: settings.port), backlog: 1024,
                availableConnectionsDelegate: MaximumAvailableConnections(connections, logger: logger)),
            onServerRunning: { [settings] in await onListening($0.localAddress?.port ?? settings.port) },
            eventLoopGroup: EventLoopGroupProvider.singleton.eventLoopGroup, logger: logger)
        try await listening.run(
            server, at: ListenPlace(host: settings.host, port: settings.port, setting: "server.receiver_listen"),
            seconds: patience.shutdownSeconds, logger: logger)
    }

    /// Lets requests that are being read or answered come to their end, closes all connections, and returns when
    /// ``run(onListening:)`` is over. A second call returns at once.
    package func stop() async { await listening.stop() }
}

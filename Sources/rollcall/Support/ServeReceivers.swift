import Foundation
import Logging
import Receivers
import RollcallConfig
import RollcallCore
import SyncEngine
import Synchronization
import Web

/// The receivers of a serving process: what they do with bodies, and their listener.
final class ServeReceivers: Sendable {
    let service: ReceiverService
    /// How the listener was started; a reload does not change it.
    let listen: ReceiverListenSettings
    /// nil: no receiver was configured at the start, but events wait in the spool.
    private let server: ReceiverServer?
    private let log: ServeLog
    private let receivers: Mutex<[ReceiverSettings]>
    /// Requested when all that was taken is durable.
    private let ended = StopSignal()

    /// How long what was taken may take to become durable after a signal: the folder of the spool needs a moment only, a
    /// warehouse without one may make it wait.
    static let stopDeadline = Duration.seconds(30)
    /// How long requests that are being read may take to get their answers.
    private static let answerDeadline = Duration.seconds(2)

    /// nil: no receiver is configured, and nothing that was received waits in the spool.
    init?(_ configuration: Configuration, _ composer: ServiceComposer, log: ServeLog, logger: Logger) {
        let listen = configuration.receiverListen
        let waits = listen.spoolPath.map { !SpoolContents.all(in: $0).isEmpty } ?? false
        guard waits || !configuration.receivers.isEmpty else { return nil }
        self.listen = listen
        self.log = log
        receivers = Mutex(configuration.receivers)
        service = ReceiverService(composer.receivers(for: configuration, listen: listen)) { log.write($0) }
        server =
            configuration.receivers.isEmpty
            ? nil : ReceiverServer(service: service, settings: listen, logger: logger)
    }

    /// Whether bodies wait in the spool until this warehouse takes them. Those of a damaged file cannot all be counted; its bytes can.
    func hasBacklog(_ warehouse: String) -> Bool {
        service.metrics().spools.contains { $0.warehouse == warehouse && $0.bytes > 0 }
    }

    // MARK: Lifecycle

    /// Receives until ``stop()``. Waits for warehouses that are away heed the `WarehouseWait` that is current here.
    /// - Throws: `port_in_use` or `cannot_listen`, a `RunError`.
    func run(onListening: @escaping @Sendable () -> Void) async throws {
        // Not a child of this task: the end of the process does not wait for it beyond `stopDeadline`.
        Task { [service] in await service.run() }
        guard let server else { return onListening() }
        try await server.run { [self] port in
            for receiver in receivers.withLock({ $0 }) { say(receiver, port: port) }
            onListening()
        }
    }

    private func say(_ receiver: ReceiverSettings, port: Int) {
        log.write(
            .info, "receiving", "receiving on \(listen.baseURL(port: port))\(receiver.path) (\(receiver.name))",
            [("receiver", receiver.name), ("path", receiver.path), ("port", "\(port)")])
    }

    /// Takes nothing more, lets requests that are being read get their answers, and returns when what was taken is durable, or
    /// after ``stopDeadline``.
    func stop() async {
        let closed = StopSignal()
        async let closing: Void? = server?.stop()
        Task { [service, ended] in
            await Self.wait(for: closed, atMost: Self.answerDeadline)
            await service.stop()
            ended.request(.interrupted)
        }
        _ = await closing
        closed.request(.interrupted)
        await Self.wait(for: ended, atMost: Self.stopDeadline)
    }

    private static func wait(for signal: StopSignal, atMost limit: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await signal.wait() }
            group.addTask { try? await Task.sleep(for: limit) }
            await group.next()
            group.cancelAll()
        }
    }

    /// - Throws: when not all that was taken is durable.
    func check() throws(RunError) {
        guard ended.reason == nil else { return }
        throw RunError(
            code: "receivers_not_stopped",
            message: "not all received events could be stored within \(Self.stopDeadline.components.seconds) s",
            hint: "Those had no answer yet, so that Iterable sends them again. A spool folder (server.receiver_spool)"
                + " keeps such events while the warehouse is away.")
    }

    // MARK: Reload

    /// - Throws: what speaks against a new configuration while the present listener stays.
    func accept(_ configuration: Configuration) throws(RunError) {
        let open = configuration.receivers.first { $0.credentials.isEmpty }
        guard let open, !listen.isLoopback else { return }
        throw RunError(
            code: "unsafe_receiver",
            message: "the receiver \(open.name) has no auth, and other machines can reach its listener, \(listen.host)",
            hint: "Give it auth, or start serve again with server.receiver_listen on 127.0.0.1.")
    }

    /// Receives by another configuration from now on.
    func use(_ configuration: Configuration, _ composer: ServiceComposer) async {
        if server == nil, !configuration.receivers.isEmpty {
            log.write(
                .warning, "receivers_unchanged",
                "receivers take effect at the next start: there were none at this one, and nothing listens for them")
        }
        receivers.withLock { $0 = configuration.receivers }
        await service.replace(composer.receivers(for: configuration, listen: listen))
    }
}

extension ReceiverListenSettings {
    /// `http://127.0.0.1:8430`
    func baseURL(port: Int? = nil, host: String? = nil) -> String {
        let host = host ?? self.host
        return "http://\(host.contains(":") ? "[\(host)]" : host):\(port ?? self.port)"
    }

    /// Where this machine reaches the listener; nil: it takes a free port, which only it knows.
    var localURL: String? {
        if port == 0 { return nil }
        switch host {
        case "0.0.0.0": return baseURL(host: "127.0.0.1")
        case "::": return baseURL(host: "::1")
        default: return baseURL()
        }
    }
}

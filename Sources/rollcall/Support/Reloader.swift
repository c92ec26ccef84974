import Foundation
import RollcallConfig
import RollcallCore
import SyncEngine

/// Follows the files of the configuration. A configuration that is right takes effect as a whole; one that is not is
/// refused as a whole and reported, and the old one stays.
struct Reloader {
    private let path: String
    private let service: SyncService
    private let receivers: ServeReceivers?
    private let log: ServeLog
    private let onReload: @Sendable (Configuration) async -> Void
    private var configuration: Configuration
    private var composer: ServiceComposer
    private var files: WatchedFiles
    /// What the latest attempt was refused for; it is tried again until it succeeds.
    private var refusal: String?

    /// Time between two looks at the files.
    static let pause = Duration.seconds(2)

    /// - Parameter onReload: called after a configuration took effect.
    init(
        _ configuration: Configuration, _ composer: ServiceComposer, _ service: SyncService,
        _ receivers: ServeReceivers?, _ log: ServeLog,
        onReload: @escaping @Sendable (Configuration) async -> Void
    ) {
        path = configuration.path
        self.configuration = configuration
        self.composer = composer
        self.service = service
        self.receivers = receivers
        self.log = log
        self.onReload = onReload
        files = WatchedFiles(configuration)
    }

    /// Looks at the files now and then, and at once at each element of `hangups`, until the task is cancelled.
    mutating func watch(hangups: AsyncStream<Void>) async {
        let (looks, continuation) = AsyncStream.makeStream(of: Bool.self)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in hangups { continuation.yield(true) } }
            group.addTask {
                while (try? await Task.sleep(for: Self.pause)) != nil { continuation.yield(false) }
                continuation.finish()
            }
            for await isAsked in looks { await look(isAsked: isAsked) }
            group.cancelAll()
        }
    }

    /// - Parameter isAsked: SIGHUP was sent; the result is reported even if nothing has changed.
    private mutating func look(isAsked: Bool) async {
        let present = files.now()
        guard isAsked || refusal != nil || present != files else { return }
        do {
            let fresh = try Configuration.load(path: path, environment: ProcessInfo.processInfo.environment)
            try receivers?.accept(fresh)
            composer.connect(fresh)
            let setup = composer.setup(for: fresh) { [receivers] in receivers?.hasBacklog($0) ?? false }
            if fresh.server?.host != configuration.server?.host || fresh.server?.port != configuration.server?.port {
                log.write(.warning, "listen_unchanged", "server.listen takes effect at the next start")
            }
            sayWhatWaits(fresh)
            for warning in fresh.warnings { log.write(.warning, "configuration", "\(warning)") }
            configuration = fresh
            files = WatchedFiles(fresh)
            refusal = nil
            // The service closes warehouses that are configured no more: nothing is received for them by then.
            await receivers?.use(fresh, composer)
            await service.reload(setup)
            await onReload(fresh)
        } catch {
            files = present
            let text = "\(error)"
            guard isAsked || text != refusal else { return }
            refusal = text
            await service.noteConfiguration(
                RunError(
                    code: "configuration", message: text,
                    hint: "The configuration from before stays in effect until this is fixed."))
        }
    }

    /// What of receivers takes effect at the next start only.
    private func sayWhatWaits(_ fresh: Configuration) {
        if receivers == nil, !fresh.receivers.isEmpty {
            log.write(
                .warning, "receivers_unchanged",
                "receivers take effect at the next start: there were none at this one, and nothing listens for them")
        } else if receivers != nil, fresh.receiverListen != configuration.receiverListen {
            log.write(
                .warning, "listen_unchanged",
                "server.receiver_listen, max_body, trusted_proxies and receiver_spool take effect at the next start")
        }
    }
}

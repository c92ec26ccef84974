import Foundation
import Logging
import RollcallConfig
import RollcallCore
import SyncEngine
import Warehouse
import Web

/// The parts of a serving process, and their common end.
struct ServeProcess {
    let configuration: Configuration
    let address: ServerSettings
    let log: ServeLog
    let logger: Logger

    /// How long runs under way may take to come to their end after the first signal: longer than any request.
    static let stopDeadline = Duration.seconds(50)

    /// What goes on side by side until the process ends.
    private struct Parts: Sendable {
        let service: SyncService
        let web: WebServer
        /// nil: no receiver is configured.
        let receivers: ServeReceivers?
        let signals: ServeSignals
        /// Requested by the first signal.
        let stopping = StopSignal()
    }

    func run() async throws {
        var composer = ServiceComposer(logger: logger)
        composer.connect(configuration)
        let receivers = ServeReceivers(configuration, composer, log: log, logger: logger)
        let setup = composer.setup(for: configuration) { receivers?.hasBacklog($0) ?? false }
        let service = SyncService(setup)
        let web = try ServeWeb.server(
            service, receivers?.service, address, further: configuration.tokens, logger: logger)
        let parts = Parts(service: service, web: web, receivers: receivers, signals: await ServeSignals())
        let events = service.events(buffering: 10_000)
        let alerts = AlertSender(configuration.alerts, log: log)
        async let alerting: Void = alerts.follow(service.events(buffering: 10_000)) {
            await service.note($0, heardBy: $1)
        }
        let reloader = Reloader(configuration, composer, service, receivers, log) { [log] in
            alerts.use($0.alerts)
            do throws(RunError) {
                try web.replaceTokens(ServeWeb.tokens($0.server ?? ServerSettings(), further: $0.tokens))
            } catch {
                log.write(.error, "tokens", "the new tokens are refused, the old ones stay: \(error)")
            }
        }
        sayWhatIsServed()
        let wait = WarehouseWait(isStopped: { parts.stopping.reason != nil }) { [log] in
            log.write(.warning, "waiting", $0.text)
        }
        let failure = await WarehouseWait.$current.withValue(wait) { await work(parts, events, reloader) }
        await alerting
        withExtendedLifetime(parts) {}
        log.write(.info, "stopped", "stopped")
        if let failure { throw failure }
        try receivers?.check()
    }

    private func sayWhatIsServed() {
        let scheduled = configuration.syncs.count { $0.enabled && $0.schedule != nil }
        var text = "serving \(DisplayText.count(configuration.syncs.count, "sync")), \(scheduled) on a schedule"
        var fields = [("syncs", "\(configuration.syncs.count)"), ("scheduled", "\(scheduled)")]
        if !configuration.receivers.isEmpty {
            text += ", and \(DisplayText.count(configuration.receivers.count, "receiver"))"
            fields.append(("receivers", "\(configuration.receivers.count)"))
        }
        let streamed = configuration.syncs.filter { $0.enabled && $0.stream != nil }
        if let streams = StreamText.list(streamed) {
            text += "; streams \(streams)"
            fields.append(("streamed", "\(streamed.count)"))
        }
        log.write(.info, "serving", text, fields)
    }

    /// Everything that goes on until a signal asks for an end; returns what made it end if that was no signal.
    private func work(
        _ parts: Parts, _ events: AsyncStream<ServiceEvent>, _ reloader: Reloader
    ) async -> (any Error)? {
        let (bound, isBound) = AsyncStream.makeStream(of: Void.self)
        return await withTaskGroup(of: Void.self) { group in
            group.addTask {
                // No tick is claimed by a process one of whose ports is another's.
                var missing = parts.receivers == nil ? 1 : 2
                for await _ in bound {
                    missing -= 1
                    if missing == 0 { break }
                }
                if !Task.isCancelled { await parts.service.run() }
            }
            group.addTask { [log] in for await event in events { log.write(event) } }
            group.addTask {
                var reloader = reloader
                await reloader.watch(hangups: parts.signals.hangups)
            }
            let failure = await untilAsked(parts) { isBound.yield() }
            group.cancelAll()
            return failure
        }
    }

    /// Why a part came to its end.
    private enum End: Sendable {
        /// A signal asked for it, and everything has stopped.
        case asked
        case failed(any Error)
        /// A listener was stopped.
        case closed
    }

    /// Returns when the service has stopped, with what made it stop if that was no signal.
    private func untilAsked(_ parts: Parts, isBound: @escaping @Sendable () -> Void) async -> (any Error)? {
        await withTaskGroup(of: End.self) { group in
            group.addTask { await listen(parts.web, isBound: isBound) }
            if let receivers = parts.receivers {
                group.addTask {
                    do { try await receivers.run(onListening: isBound) } catch {
                        return Task.isCancelled ? .closed : .failed(error)
                    }
                    return .closed
                }
            }
            group.addTask { [log] in
                for await _ in parts.signals.stops { break }
                if Task.isCancelled { return .closed }
                parts.stopping.request(.interrupted)
                log.write(
                    .info, "stopping", "stopping: the requests under way get their answers; again to give them up")
                async let receiving: Void? = parts.receivers?.stop()
                await Self.stop(parts.service, parts.signals, log)
                _ = await receiving
                return .asked
            }
            var failure: (any Error)?
            search: while let end = await group.next() {
                switch end {
                case .asked: break search
                case .failed(let error):
                    failure = error
                    break search
                case .closed: continue
                }
            }
            if failure != nil {
                parts.stopping.request(.interrupted)
                await parts.service.stop(within: .zero)
                await parts.receivers?.stop()
            }
            await parts.web.stop()
            group.cancelAll()
            return failure
        }
    }

    private func listen(_ web: WebServer, isBound: @escaping @Sendable () -> Void) async -> End {
        do {
            try await web.run { [log, address] port in
                let host = address.host.contains(":") ? "[\(address.host)]" : address.host
                log.write(.info, "listening", "listening on http://\(host):\(port)", [("port", "\(port)")])
                isBound()
            }
        } catch {
            return Task.isCancelled ? .closed : .failed(error)
        }
        return .closed
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

import Foundation
import Hummingbird
import Logging
import NIOCore
import RollcallCore
import ServiceLifecycle
import Synchronization

/// Runs one server until it is stopped. Each listener of the process has one.
final class Listening: Sendable {
    private let group = Mutex<ServiceGroup?>(nil)
    /// Ends with ``run(_:at:seconds:logger:onCancel:)``.
    private let ended = AsyncStream.makeStream(of: Void.self)

    /// Runs `server` until ``stop()`` or the cancellation of the task. Call it once.
    /// - Parameters:
    ///   - seconds: how long answers under way may take after ``stop()``.
    ///   - onCancel: called when the task is cancelled.
    /// - Throws: `port_in_use` or `cannot_listen`, a `RunError`.
    func run(
        _ server: any Service, at place: ListenPlace, seconds: Double, logger: Logger,
        onCancel: @escaping @Sendable () -> Void = {}
    ) async throws {
        var configuration = ServiceGroupConfiguration(services: [server], logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(seconds)
        let group = ServiceGroup(configuration: configuration)
        self.group.withLock { $0 = group }
        defer { ended.continuation.finish() }
        do {
            try await withTaskCancellationHandler {
                try await group.run()
            } onCancel: {
                onCancel()
            }
        } catch is CancellationError {
            return
        } catch let error as IOError {
            throw place.error(error)
        } catch let error as SocketAddressError.UnknownHost {
            throw place.unknownHost(error)
        }
    }

    /// Lets answers come to their end, closes all connections, and returns when ``run(_:at:seconds:logger:onCancel:)`` is over. A
    /// second call returns at once.
    func stop() async {
        let group = group.withLock { group in
            defer { group = nil }
            return group
        }
        guard let group else { return }
        await group.triggerGracefulShutdown()
        for await _ in ended.stream {}
    }

    /// What the libraries have to say matters only when something is wrong.
    static func quiet(_ logger: Logger) -> Logger {
        var quiet = logger
        quiet.logLevel = max(.warning, logger.logLevel)
        return quiet
    }
}

/// Where a listener listens, for its errors.
struct ListenPlace: Sendable {
    /// Host name or address, IPv6 without brackets.
    var host: String
    var port: Int
    /// How another address is chosen, after "with": `--listen`.
    var setting: String

    private var address: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    func error(_ error: IOError) -> RunError {
        if error.errnoCode == EADDRINUSE {
            return RunError(
                code: "port_in_use", message: "\(address) is in use by another program",
                hint: "Choose another address with \(setting), or port 0 for a free one.")
        }
        return RunError(
            code: "cannot_listen",
            message: "cannot listen on \(address): \(String(cString: strerror(error.errnoCode)))",
            hint: "Choose an address of this machine with \(setting).")
    }

    func unknownHost(_ error: SocketAddressError.UnknownHost) -> RunError {
        RunError(
            code: "cannot_listen", message: "cannot listen on \(address): the host is not known",
            hint: "Choose an address of this machine with \(setting).")
    }
}

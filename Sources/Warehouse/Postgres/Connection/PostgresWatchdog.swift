import Dispatch
import Foundation

/// Gives a connection up when a call on it takes too long. libpq waits for an answer without end, and the server's own
/// time-outs do not help where it is the network that fell silent: a proxy that keeps both connections and forwards
/// nothing is alive to TCP.
// SAFETY: all that changes is read and written with `lock` held.
final class PostgresWatchdog: @unchecked Sendable {
    private let lock = NSLock()
    private var socket: SharedSocket?
    private var didFire = false
    private let timer: any DispatchSourceTimer

    /// Starts counting.
    init(_ socket: SharedSocket, seconds: Double) {
        self.socket = socket
        timer = DispatchSource.makeTimerSource(queue: .global())
        timer.schedule(deadline: .now() + seconds)
        timer.setEventHandler { [weak self] in self?.fire() }
        timer.resume()
    }

    var hasFired: Bool { lock.withLock { didFire } }

    /// The call has ended; the connection is not touched any more.
    func end() {
        lock.withLock { socket = nil }
        timer.cancel()
    }

    /// Ends the connection under libpq, which then returns with an error.
    private func fire() {
        lock.withLock {
            guard let socket else { return }
            didFire = true
            socket.shutDown()
        }
    }
}

/// A connection's socket under a second descriptor. libpq closes its descriptor when a connection breaks, and the number may be
/// another file's a moment later; this one stays the connection's until it is released.
final class SharedSocket: Sendable {
    private let descriptor: Int32

    /// - Parameter descriptor: libpq's; -1 where the connection has none any more.
    init(_ descriptor: Int32) throws(WarehouseError) {
        self.descriptor = descriptor < 0 ? -1 : fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard descriptor < 0 || self.descriptor >= 0 else {
            throw WarehouseError(
                .other, "No file can be opened: \(String(cString: strerror(errno))).",
                hint: "Raise the limit of open files (ulimit -n).")
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Ends the connection for whoever reads from it or writes to it.
    func shutDown() { if descriptor >= 0 { shutdown(descriptor, Int32(SHUT_RDWR)) } }
}

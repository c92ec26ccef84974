import Dispatch
import Foundation

/// Gives a connection up when a call on it takes too long. libpq waits for an answer without end, and the server's own
/// time-outs do not help where it is the network that fell silent: a proxy that keeps both connections and forwards
/// nothing is alive to TCP.
// SAFETY: all that changes is read and written with `lock` held.
final class PostgresWatchdog: @unchecked Sendable {
    /// A queue with a thread to itself, which no work of others keeps waiting.
    private static let clock = DispatchQueue(label: "rollcall.postgres.watchdog")

    private let lock = NSLock()
    private var socket: SharedSocket?
    private var didFire = false
    private let timer: any DispatchSourceTimer

    /// Starts counting.
    init(_ socket: SharedSocket, seconds: Double) {
        self.socket = socket
        timer = DispatchSource.makeTimerSource(queue: Self.clock)
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

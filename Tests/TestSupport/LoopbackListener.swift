import Foundation
import Synchronization

/// A socket that listens on a free port of 127.0.0.1.
///
/// Its number belongs to another test as soon as it is closed. So whoever stops it a second time, or after it ended by itself,
/// must not touch that number, and the thread that accepts connections is the one that closes it.
package final class LoopbackListener: Sendable {
    package struct Failure: Error {
        /// Of `errno`.
        package var code: Int32
    }

    package let port: Int
    /// nil: it is closed.
    private let open: Mutex<Int32?>

    /// Connections are taken into its queue from now on.
    package init() throws {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = LoopbackAddress.of(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(socket, pointer, length) == 0 && listen(socket, 64) == 0
                    && getsockname(socket, pointer, &length) == 0
            }
        }
        guard isBound else {
            let code = errno
            close(socket)
            throw Failure(code: code)
        }
        port = Int(UInt16(bigEndian: address.sin_port))
        open = Mutex(socket)
    }

    deinit { closeOnce() }

    /// A port on which nothing listens now.
    package static func freePort() throws -> Int { try LoopbackListener().port }

    /// Accepts connections on a new thread until ``stop()``. Call it once.
    /// - Parameter take: gets each connection, and closes it.
    package func accept(_ take: @escaping @Sendable (Int32) -> Void) {
        Thread {
            while let socket = self.open.withLock(\.self) {
                let connection = Foundation.accept(socket, nil, nil)
                if connection >= 0 {
                    take(connection)
                } else if errno == EMFILE || errno == ENFILE {
                    usleep(5_000)
                } else if errno != EINTR && errno != ECONNABORTED {
                    break
                }
            }
            self.closeOnce()
        }
        .start()
    }

    /// Refuses connections from now on.
    package func stop() {
        open.withLock { socket in
            if let socket { shutdown(socket, Int32(SHUT_RDWR)) }
        }
    }

    private func closeOnce() {
        open.withLock { socket in
            if let socket { close(socket) }
            socket = nil
        }
    }
}

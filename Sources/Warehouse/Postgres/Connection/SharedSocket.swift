import Foundation

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

import Foundation

/// Wakes a thread that waits with `poll`, from any other thread.
final class WakePipe: Sendable {
    /// Becomes readable when the thread is to wake.
    let reader: Int32
    private let writer: Int32

    init() throws(WarehouseError) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw WarehouseError(.other, "No pipe can be opened: \(String(cString: strerror(errno))).")
        }
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        reader = ends[0]
        writer = ends[1]
    }

    deinit {
        close(reader)
        close(writer)
    }

    func wake() {
        var byte: UInt8 = 1
        // A pipe that is full wakes as well.
        _ = write(writer, &byte, 1)
    }

    /// Forgets the wakes so far.
    func drain() {
        var bytes: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0]
        while read(reader, &bytes, bytes.count) > 0 {}
    }

    /// Waits until it is woken, a descriptor becomes readable, or the time is over.
    /// - Parameters:
    ///   - descriptor: nil: none.
    ///   - seconds: at most; nil: without end.
    func wait(orFor descriptor: Int32? = nil, seconds: Double?) {
        var descriptors = [reader, descriptor].compactMap(\.self).map {
            pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
        }
        let milliseconds = seconds.map { Int32(clamping: Int64(($0 * 1000).rounded(.up))) } ?? -1
        poll(&descriptors, nfds_t(descriptors.count), seconds == nil ? -1 : max(0, milliseconds))
        drain()
    }
}

import Foundation

/// A lock on a SQLite file as another program in an exclusive transaction holds it. Source: SQLite's file format, which
/// keeps the lock bytes at 1 GiB. Any other file handle of this process on the file would end it by being closed.
final class SQLiteLock {
    struct Refused: Error {
        var code: Int32
    }

    private let handle: FileHandle

    init(_ path: String) throws {
        handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        lock.l_whence = Int16(SEEK_SET)
        lock.l_start = 0x4000_0000
        lock.l_len = 512
        guard fcntl(handle.fileDescriptor, F_SETLK, &lock) == 0 else { throw Refused(code: errno) }
    }

    func release() throws { try handle.close() }
}

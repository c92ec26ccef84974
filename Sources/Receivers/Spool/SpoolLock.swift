import Foundation

/// The right to a writer's folder: a lock of the operating system, which ends with the process.
final class SpoolLock: Sendable {
    private let file: Int32

    /// Locks the file `lock` of a folder.
    /// - Returns: nil where a process that lives has it, or the folder was removed meanwhile.
    init?(folder: String) throws(SpoolFailure) {
        let path = folder + "/lock"
        guard let file = try DiskFile.openIfThere(path, O_RDWR | O_CREAT) else { return nil }
        self.file = file
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            if code == EWOULDBLOCK { return nil }
            throw .system(code, "cannot lock \(path)")
        }
        // Another process may have drained and removed the folder while this one waited for the lock.
        var (mine, there) = (stat(), stat())
        guard fstat(file, &mine) == 0, stat(path, &there) == 0, mine.st_ino == there.st_ino,
            mine.st_dev == there.st_dev
        else { return nil }
    }

    deinit { close(file) }
}

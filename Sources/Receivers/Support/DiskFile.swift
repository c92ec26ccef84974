import Foundation

/// Why a file of the spool cannot be read or written.
enum SpoolFailure: Error, Equatable {
    /// As much waits there as may, or the disk is full.
    case full(String)
    /// Any other reason.
    case unusable(String)

    var reason: String {
        switch self {
        case .full(let reason), .unusable(let reason): reason
        }
    }

    /// Of `errno`.
    static func system(_ code: Int32, _ what: String) -> SpoolFailure {
        let text = "\(what): \(String(cString: strerror(code)))"
        return code == ENOSPC || code == EDQUOT || code == EFBIG ? .full(text) : .unusable(text)
    }
}

/// Whole calls on files. All of them may block.
enum DiskFile {
    static func open(_ path: String, _ flags: Int32) throws(SpoolFailure) -> Int32 {
        guard let file = try openIfThere(path, flags) else { throw .system(ENOENT, "cannot open \(path)") }
        return file
    }

    /// - Returns: nil where the file, or the folder in which it would be made, is not there.
    static func openIfThere(_ path: String, _ flags: Int32) throws(SpoolFailure) -> Int32? {
        let file = Foundation.open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if file >= 0 { return file }
        if errno == ENOENT { return nil }
        throw .system(errno, "cannot open \(path)")
    }

    static func write(_ bytes: [UInt8], to file: Int32, at offset: Int64, _ path: String) throws(SpoolFailure) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                pwrite(file, buffer.baseAddress?.advanced(by: done), buffer.count - done, off_t(offset) + off_t(done))
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw .system(errno, "cannot write \(path)") }
            done += count
        }
    }

    /// - Returns: fewer bytes where the file ends before.
    static func read(_ count: Int, from file: Int32, at offset: Int64, _ path: String) throws(SpoolFailure) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let read = bytes.withUnsafeMutableBytes { buffer in
                pread(file, buffer.baseAddress?.advanced(by: done), count - done, off_t(offset) + off_t(done))
            }
            if read < 0 && errno == EINTR { continue }
            guard read >= 0 else { throw .system(errno, "cannot read \(path)") }
            if read == 0 { break }
            done += read
        }
        bytes.removeLast(count - done)
        return bytes
    }

    static func synchronize(_ file: Int32, _ path: String) throws(SpoolFailure) {
        guard fsync(file) == 0 else { throw .system(errno, "cannot write \(path) to its disk") }
    }

    /// Makes what was created, renamed or removed in a folder durable.
    static func synchronizeFolder(_ path: String) throws(SpoolFailure) {
        let folder = try open(path, O_RDONLY | O_DIRECTORY)
        defer { close(folder) }
        try synchronize(folder, path)
    }

    static func size(of file: Int32, _ path: String) throws(SpoolFailure) -> Int64 {
        var status = stat()
        guard fstat(file, &status) == 0 else { throw .system(errno, "cannot read \(path)") }
        return Int64(status.st_size)
    }

    /// Makes a folder that only its owner can enter, and those above it, all on the disk when it returns; one that is there stays.
    /// - Parameter synchronize: makes durable what was created in a folder.
    static func makeFolder(
        _ path: String, synchronize: (String) throws(SpoolFailure) -> Void = DiskFile.synchronizeFolder
    ) throws(SpoolFailure) {
        let parent = (path as NSString).deletingLastPathComponent
        var isMade = mkdir(path, 0o700) == 0
        if !isMade, errno == ENOENT {
            guard parent != path, !parent.isEmpty else { throw .system(ENOENT, "cannot make \(path)") }
            try makeFolder(parent, synchronize: synchronize)
            isMade = mkdir(path, 0o700) == 0
        }
        guard isMade else {
            if errno == EEXIST { return }
            throw .system(errno, "cannot make \(path)")
        }
        do throws(SpoolFailure) { try synchronize(parent) } catch {
            // The next attempt must not find it and take it for durable.
            rmdir(path)
            throw error
        }
    }

    static func names(in folder: String) throws(SpoolFailure) -> [String] {
        guard let directory = opendir(folder) else { throw .system(errno, "cannot read \(folder)") }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }
}

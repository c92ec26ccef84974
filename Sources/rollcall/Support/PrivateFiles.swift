import Foundation
import RollcallCore

/// Files and folders that Rollcall itself makes are their owner's alone: 0600 and 0700, whatever the umask is.
enum PrivateFiles {
    /// Makes a folder, and those above it that are missing. One that is there keeps its mode.
    static func makeFolder(_ path: String) throws(Failure) {
        var folder = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            folder += part
            guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw Failure(code: errno) }
            folder += "/"
        }
        var status = stat()
        guard stat(path, &status) == 0 else { throw Failure(code: errno) }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw Failure(code: ENOTDIR) }
    }

    /// Writes a file, in place of one that is there. A symbolic link is not followed.
    static func write(_ text: String, to path: String) throws(Failure) {
        try write(text, to: path, flags: O_TRUNC)
    }

    /// Writes a file that must not be there yet.
    static func create(_ text: String, at path: String) throws(Failure) {
        try write(text, to: path, flags: O_EXCL)
    }

    /// The number of a system error.
    struct Failure: Error {
        var code: Int32
        var description: String { String(cString: strerror(code)) }
    }

    private static func write(_ text: String, to path: String, flags: Int32) throws(Failure) {
        let file = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | flags, 0o600)
        guard file >= 0 else { throw Failure(code: errno) }
        defer { close(file) }
        guard fchmod(file, 0o600) == 0 else { throw Failure(code: errno) }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.write(file, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw Failure(code: errno) }
            rest = rest.dropFirst(count)
        }
    }
}

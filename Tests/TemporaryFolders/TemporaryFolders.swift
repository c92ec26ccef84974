package import Foundation

/// Folders for tests. All of them lie in one folder of this process, which is gone when the process has ended, however it
/// ended: at an orderly exit before the exit is over, else a moment later. What a machine that lost its power left behind
/// goes when the next process asks for its first folder.
package enum TemporaryFolders {
    package struct Failure: Error, CustomStringConvertible {
        package var description: String
    }

    /// Makes a folder whose name begins with `name`. Throws where the temporary folder cannot be written.
    package static func make(_ name: String) throws -> URL {
        let folder = try path(name)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    /// A path at which nothing is yet, whose last part begins with `name`.
    package static func path(_ name: String) throws -> URL {
        try process.get().folder.appendingPathComponent("\(name)-\(UUID().uuidString.prefix(13))")
    }

    /// Calls `body` with a new folder and removes it afterwards.
    package static func with<R>(_ name: String, _ body: (URL) throws -> R) throws -> R {
        let folder = try make(name)
        defer { try? FileManager.default.removeItem(at: folder) }
        return try body(folder)
    }

    /// As ``with(_:_:)``.
    package static func with<R>(_ name: String, _ body: (URL) async throws -> R) async throws -> R {
        let folder = try make(name)
        defer { try? FileManager.default.removeItem(at: folder) }
        return try await body(folder)
    }

    fileprivate static let process = Result { try ProcessFolder() }
}

/// The folder of this process. A lock on it says that the process lives; a shell that waits for the process's end removes it.
private final class ProcessFolder: Sendable {
    let folder: URL
    /// Both are open as long as the process lives, and no child of it inherits them: a lock, and the line whose
    /// other end the shell reads from.
    private let lock: Int32
    private let line: Int32

    private static let prefix = "rollcall-tests-"

    init() throws {
        let parent = FileManager.default.temporaryDirectory
        try Self.removeLeftovers(in: parent)
        // Under another name until it is locked, so that nobody takes it for a leftover meanwhile.
        let name = "\(getpid())-\(UUID().uuidString.prefix(8))"
        let unlocked = parent.appendingPathComponent(".rollcall-tests-\(name)")
        // Servers run as another user, if this one is root.
        try FileManager.default.createDirectory(
            at: unlocked, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        lock = open(unlocked.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0 else { throw Self.failure("lock \(unlocked.path)") }
        folder = parent.appendingPathComponent(Self.prefix + name)
        guard rename(unlocked.path, folder.path) == 0 else { throw Self.failure("rename \(unlocked.path)") }
        var ends: [Int32] = [0, 0]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw Self.failure("socketpair") }
        line = ends[1]
        try Self.start(removing: folder, after: FileHandle(fileDescriptor: ends[0], closeOnDealloc: true))
        atexit { try? TemporaryFolders.process.get().end() }
    }

    /// Lets the shell begin, and waits for it: at most half a minute, for a server that is slow to stop.
    private func end() {
        close(line)
        for _ in 0..<6_000 where FileManager.default.fileExists(atPath: folder.path) { usleep(5_000) }
    }

    private static func failure(_ what: String) -> TemporaryFolders.Failure {
        TemporaryFolders.Failure(description: "\(what): \(String(cString: strerror(errno)))")
    }

    /// Removes folders of processes that have ended and whose shell was ended too.
    private static func removeLeftovers(in parent: URL) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: parent.path) where name.hasPrefix(prefix) {
            let folder = parent.appendingPathComponent(name)
            let lock = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard lock >= 0 else { continue }
            defer { close(lock) }
            if flock(lock, LOCK_EX | LOCK_NB) == 0 { try start(removing: folder, after: .nullDevice) }
        }
    }

    /// Starts the shell that removes the folder when `end` has come to its end.
    private static func start(removing folder: URL, after end: FileHandle) throws {
        let shell = Process()
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        shell.arguments = ["-c", script, "temporary-folders", folder.path]
        shell.standardInput = end
        shell.standardOutput = FileHandle.nullDevice
        shell.standardError = FileHandle.nullDevice
        shell.currentDirectoryURL = URL(fileURLWithPath: "/")
        try shell.run()
    }

    /// Stops Postgres servers that run in the folder, takes away what is mounted there, and removes it.
    private static let script = """
        trap '' INT TERM HUP
        cat
        for file in "$1"/*/data/postmaster.pid; do
            [ -f "$file" ] || continue
            read -r server <"$file"
            tr '\\0' ' ' <"/proc/$server/cmdline" | grep -qF "$1/" || continue
            kill -QUIT "$server"
            tries=0
            while [ -f "$file" ] && [ $tries -lt 200 ]; do tries=$((tries + 1)); sleep 0.05; done
        done
        while read -r _ place _; do
            case $place in "$1"/*) umount -l "$place" ;; esac
        done </proc/mounts
        tries=0
        until rm -rf "$1" || [ $tries -ge 100 ]; do tries=$((tries + 1)); sleep 0.1; done
        """
}

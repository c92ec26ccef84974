import Foundation
import TemporaryFolders

/// A disk so small that it is soon full: a tmpfs, which only root can mount.
package final class SmallDisk: Sendable {
    package let path: String

    /// Whether this user may mount at all.
    package static let isPossible: Bool = {
        guard let disk = try? SmallDisk(kilobytes: 64) else { return false }
        disk.unmount()
        return true
    }()

    package struct Unmountable: Error {}

    package init(kilobytes: Int) throws {
        path = try TemporaryFolders.make("disk").path
        guard try Self.run("mount", ["-t", "tmpfs", "-o", "size=\(kilobytes)k", "tmpfs", path]) == 0 else {
            try? FileManager.default.removeItem(atPath: path)
            throw Unmountable()
        }
    }

    /// Writes into `file` until nothing more fits.
    package func fill(_ file: String) throws {
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: file))
        defer { try? handle.close() }
        let block = Data(repeating: 1, count: 4096)
        while (try? handle.write(contentsOf: block)) != nil {}
    }

    /// Lets a user of this machine write to it.
    package func give(to user: String, _ folder: String = "") throws {
        guard let entry = getpwnam(user), chown(path + "/" + folder, entry.pointee.pw_uid, entry.pointee.pw_gid) == 0
        else {
            throw Unmountable()
        }
    }

    package func remount(readOnly: Bool) throws {
        guard try Self.run("mount", ["-o", "remount,\(readOnly ? "ro" : "rw")", path]) == 0 else {
            throw Unmountable()
        }
    }

    package func unmount() {
        _ = try? Self.run("umount", ["-l", path])
        try? FileManager.default.removeItem(atPath: path)
    }

    private static func run(_ command: String, _ arguments: [String]) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [command] + arguments
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }
}

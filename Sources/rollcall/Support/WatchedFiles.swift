import Foundation
import RollcallConfig
import RollcallCore

/// The files that a configuration was read from, as they stood at a moment.
struct WatchedFiles: Equatable {
    private struct Mark: Equatable {
        var inode: UInt64
        var size: Int64
        var seconds: Int
        var nanoseconds: Int
    }

    private var marks: [String: Mark] = [:]

    /// The configuration itself, the `.env` beside it, and the query files of its syncs. A file that is not there is
    /// watched too.
    init(_ configuration: Configuration) {
        var paths = [configuration.path, configuration.folder + "/.env"]
        for sync in configuration.syncs {
            guard case .query(_, let file?) = sync.audience else { continue }
            paths.append(file.hasPrefix("/") ? file : configuration.folder + "/" + file)
        }
        for path in paths { marks[path] = Self.mark(path) }
        names = paths
    }

    private let names: [String]

    /// The same files as they are now.
    func now() -> WatchedFiles {
        var copy = self
        copy.marks = [:]
        for path in names { copy.marks[path] = Self.mark(path) }
        return copy
    }

    private static func mark(_ path: String) -> Mark? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Mark(
            inode: UInt64(status.st_ino), size: Int64(status.st_size), seconds: status.st_mtim.tv_sec,
            nanoseconds: status.st_mtim.tv_nsec)
    }
}

import Foundation
import RollcallCore
import Warehouse

/// The folder in which received bodies wait while a warehouse is away, as `check` looks at it: nothing is made there.
struct SpoolFolder {
    private let path: String?
    private let mostBytes: Int64

    /// - Parameters:
    ///   - path: absolute; nil: bodies do not wait.
    ///   - mostBytes: how much may wait.
    init(_ path: String?, mostBytes: Int64) {
        self.path = path
        self.mostBytes = mostBytes
    }

    private static let subject = "receivers, spool"

    func finding() -> Finding {
        guard let path else {
            return Finding(
                subject: Self.subject, isFine: true,
                detail: "none: while a warehouse is away, events are refused, and Iterable has to send them again",
                fix: "give server.receiver_spool a path")
        }
        let (place, isThere) = Self.existing(path)
        var status = stat()
        guard stat(place, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            return failure("\(place) is no folder", "choose another path for server.receiver_spool")
        }
        guard access(place, W_OK | X_OK) == 0 else {
            let user = ProcessInfo.processInfo.userName
            return failure(
                isThere ? "\(path) cannot be written by \(user)" : "\(path) cannot be made: \(place) is not \(user)'s",
                "sudo install -d -m 700 -o \(user) '\(path)'")
        }
        let mode = UInt32(status.st_mode) & 0o777
        let free = Self.free(place)
        let room = free.map { "\(Self.size($0)) free on \(Self.disk(place))" } ?? "free space not known"
        let detail =
            "\(path)\(isThere ? String(format: ", mode %03o", mode) : ", made when it is needed"); \(room), "
            + "\(Self.size(mostBytes)) may be used"
        // What is put there has mode 600, in folders of mode 700: others can see the names of warehouses at most.
        if isThere, mode & 0o022 != 0 { return failure(detail, "chmod 700 '\(path)'") }
        if isThere, mode & 0o055 != 0 {
            return Finding(subject: Self.subject, isFine: true, detail: detail, fix: "chmod 700 '\(path)'")
        }
        if let free, free < mostBytes {
            return Finding(
                subject: Self.subject, isFine: true, detail: detail,
                fix: "free space, or lower server.receiver_spool.max_size: a full disk stops other programs too")
        }
        return Finding(subject: Self.subject, isFine: true, detail: detail)
    }

    private func failure(_ detail: String, _ fix: String) -> Finding {
        Finding(subject: Self.subject, isFine: false, detail: detail, fix: fix)
    }

    /// The folder itself, or the nearest one above it that is there.
    private static func existing(_ path: String) -> (path: String, isThere: Bool) {
        var place = path
        while place != "/", !place.isEmpty, access(place, F_OK) != 0 {
            place = (place as NSString).deletingLastPathComponent
        }
        return (place.isEmpty ? "/" : place, place == path)
    }

    /// Bytes that this user may still write.
    private static func free(_ place: String) -> Int64? {
        var disk = statvfs()
        guard statvfs(place, &disk) == 0 else { return nil }
        let (bytes, isBeyond) = UInt64(disk.f_bavail).multipliedReportingOverflow(by: UInt64(disk.f_frsize))
        return isBeyond ? .max : Int64(clamping: bytes)
    }

    /// Where the disk of a folder is mounted.
    private static func disk(_ place: String) -> String {
        var (mount, status) = ((place as NSString).standardizingPath, stat())
        guard stat(mount, &status) == 0 else { return place }
        let device = status.st_dev
        while mount != "/" {
            let above = (mount as NSString).deletingLastPathComponent
            guard stat(above, &status) == 0, status.st_dev == device else { return mount }
            mount = above
        }
        return mount
    }

    /// `1 GB`, `12.3 GB`, `800 MB`
    private static func size(_ bytes: Int64) -> String {
        let units: [(String, Double)] = [("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)]
        for (name, unit) in units where Double(bytes) >= unit {
            let number = (Double(bytes) / unit * 10).rounded() / 10
            return "\(number == number.rounded() ? "\(Int(number))" : "\(number)") \(name)"
        }
        return "\(bytes) bytes"
    }
}

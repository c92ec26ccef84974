import Foundation
import RollcallCore

/// The part of the spool that belongs to one warehouse: a folder for each writer, and the state's key.
struct WarehouseSpool: Sendable {
    let path: String
    let budget: SpoolBudget

    /// - Parameter root: the configured folder.
    init(root: String, warehouse: String, budget: SpoolBudget) {
        path = root + "/" + Self.folder(of: warehouse)
        self.budget = budget
    }

    /// Names of warehouses are words; should one ever not be, it stays one part of the path.
    private static func folder(of warehouse: String) -> String {
        warehouse.utf8.map { byte in
            let isPlain = (48...57).contains(byte) || (97...122).contains(byte | 0x20) || byte == 45 || byte == 95
            return isPlain ? String(UnicodeScalar(byte)) : "%" + [byte].hexadecimal
        }
        .joined()
    }

    /// The warehouse whose folder has this name; nil: that of none has.
    static func warehouse(ofFolder name: String) -> String? {
        name.removingPercentEncoding.flatMap { folder(of: $0) == name ? $0 : nil }
    }

    func folder(ofWriter writer: String) -> SpoolFolder { SpoolFolder(new: path + "/" + writer, budget: budget) }

    /// What was found of processes that have ended.
    struct Adoption: Sendable {
        var folders: [SpoolFolder] = []
        /// Folders that cannot be opened, by path.
        var failures: [String: SpoolFailure] = [:]
    }

    /// Takes the folders of processes that have ended. Blocks.
    /// - Parameter known: paths of folders that this process has.
    func adopt(except known: Set<String>) throws(SpoolFailure) -> Adoption {
        try DiskFile.makeFolder(path)
        var found = Adoption()
        for name in try DiskFile.names(in: path) {
            let folder = path + "/" + name
            var status = stat()
            guard !known.contains(folder), lstat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
                continue
            }
            do throws(SpoolFailure) {
                guard let lock = try SpoolLock(folder: folder) else { continue }
                found.folders.append(SpoolFolder(adopting: folder, lock: lock, budget: budget))
            } catch {
                found.failures[folder] = error
            }
        }
        return found
    }

    // MARK: The key

    private var keyPath: String { path + "/key" }

    /// The state's key as it was when the warehouse was last reached; nil: never, or the file is damaged. Blocks.
    func readKey() -> [UInt8]? {
        guard let file = try? DiskFile.open(keyPath, O_RDONLY) else { return nil }
        defer { close(file) }
        guard let bytes = try? DiskFile.read(65, from: file, at: 0, keyPath), bytes.count == 65, bytes[64] == 10 else {
            return nil
        }
        var key: [UInt8] = []
        for place in stride(from: 0, to: 64, by: 2) {
            guard let byte = UInt8(String(decoding: bytes[place..<place + 2], as: UTF8.self), radix: 16) else {
                return nil
            }
            key.append(byte)
        }
        return key
    }

    /// Blocks.
    func writeKey(_ key: [UInt8]) throws(SpoolFailure) {
        try DiskFile.makeFolder(path)
        let temporary = "\(keyPath).\(getpid())"
        unlink(temporary)
        let file = try DiskFile.open(temporary, O_WRONLY | O_CREAT | O_EXCL)
        defer { close(file) }
        try DiskFile.write(Array((key.hexadecimal + "\n").utf8), to: file, at: 0, temporary)
        try DiskFile.synchronize(file, temporary)
        guard rename(temporary, keyPath) == 0 else { throw .system(errno, "cannot write \(keyPath)") }
        try DiskFile.synchronizeFolder(path)
    }
}

import Foundation
import Testing

/// The files of a spool, as a test looks at them and damages them.
struct SpoolFiles {
    let root: URL

    var warehouse: URL { root.appendingPathComponent("crm") }

    /// Paths of files with groups, below the root.
    var segments: [URL] { all.filter { $0.pathExtension == "spool" } }

    var damaged: [URL] { all.filter { $0.pathExtension == "damaged" } }

    /// All files and folders, sorted.
    var all: [URL] {
        let found = FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil)?.allObjects ?? []
        return found.compactMap { $0 as? URL }.sorted { $0.path < $1.path }
    }

    /// What another process would find if this one ended now. Locks are not copied.
    func copy(to place: URL) throws {
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        for file in all {
            let target = place.appendingPathComponent(String(file.path.dropFirst(root.path.count + 1)))
            var isFolder: ObjCBool = false
            // Files may be removed meanwhile.
            guard FileManager.default.fileExists(atPath: file.path, isDirectory: &isFolder) else { continue }
            if isFolder.boolValue {
                try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
            } else if let bytes = try? Data(contentsOf: file) {
                try bytes.write(to: target)
            }
        }
    }

    /// Changes the only file with groups.
    func change(_ body: (inout Data) -> Void) throws {
        let file = try #require(segments.first)
        var bytes = try Data(contentsOf: file)
        body(&bytes)
        try bytes.write(to: file)
    }

    /// Where each group of a file begins.
    static func starts(_ bytes: Data) -> [Int] {
        var starts: [Int] = []
        var place = bytes.startIndex
        while let found = bytes[place...].range(of: Data("RCS1".utf8)) {
            starts.append(found.lowerBound)
            place = found.upperBound
        }
        return starts
    }
}

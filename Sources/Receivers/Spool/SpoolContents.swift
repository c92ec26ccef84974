import Foundation

/// What waits in the spool for one warehouse, of processes that live too.
package struct SpoolContents: Sendable, Equatable {
    package var warehouse: String
    /// The warehouse's folder.
    package var path: String
    /// As far as they can be counted.
    package var bodies = 0
    package var bytes: Int64 = 0

    /// By name of the warehouse; those for which something waits. What cannot be read is passed over. Blocks.
    /// - Parameter root: the configured folder.
    package static func all(in root: String) -> [SpoolContents] {
        names(in: root).compactMap { name in
            guard let warehouse = WarehouseSpool.warehouse(ofFolder: name) else { return nil }
            var contents = SpoolContents(warehouse: warehouse, path: root + "/" + name)
            for writer in names(in: contents.path) { contents.addWriter(contents.path + "/" + writer) }
            return contents.bytes > 0 ? contents : nil
        }
        .sorted { $0.warehouse < $1.warehouse }
    }

    private mutating func addWriter(_ folder: String) {
        for name in Self.names(in: folder) {
            guard var segment = SpoolSegment(folder: folder, fileName: name),
                let file = try? DiskFile.open(segment.path, O_RDONLY)
            else { continue }
            defer { close(file) }
            segment.size = (try? DiskFile.size(of: file, segment.path)) ?? 0
            bytes += segment.size
            bodies += (try? segment.countBodies(file)) ?? 0
        }
    }

    private static func names(in folder: String) -> [String] { (try? DiskFile.names(in: folder)) ?? [] }
}

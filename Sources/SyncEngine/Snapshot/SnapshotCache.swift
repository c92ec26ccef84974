import Foundation
import RollcallCore

/// A folder of ``SnapshotFile``s and ``KnownRowsFile``s. Without it, or when it cannot be used, runs are slower and otherwise the same.
///
/// Files hold keyed hashes of identifiers, nothing that can be read without the warehouse, and may be deleted at any time.
package struct SnapshotCache: Sendable {
    let folder: String
    /// A snapshot of fewer members is read from the warehouse as fast.
    let leastMembers: Int

    /// - Parameters:
    ///   - folder: made, readable by its owner only, when it is first written to.
    ///   - leastMembers: members from which on a snapshot is kept.
    package init(folder: String, leastMembers: Int = 20_000) {
        self.folder = folder
        self.leastMembers = leastMembers
    }

    /// The file of one snapshot.
    func file(sync: String, _ proof: Fingerprint) -> SnapshotFile {
        SnapshotFile(path: path(sync, proof, "snapshot"))
    }

    /// The file of what is known of the rows of a sync of users or of a catalog.
    /// - Parameter key: the sync's own, which the warehouse keeps.
    func rows(sync: String, key: [UInt8]) -> KnownRowsFile {
        let proof = Fingerprint(key: key, text: "known rows \(sync)")
        return KnownRowsFile(path: path(sync, proof, "rows"), proof: proof)
    }

    /// Named after the sync, for people, and after the proof, for us.
    private func path(_ sync: String, _ proof: Fingerprint, _ ending: String) -> String {
        let name = sync.utf8.prefix(64).map { byte in
            let isPlain = (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
            return Character(UnicodeScalar(isPlain || byte == 0x2d ? byte : 0x5f))
        }
        let proof = proof.bytes.prefix(8).hexadecimal
        return "\(folder)/\(String(name))-\(proof).\(ending)"
    }

    /// Whether the folder is there, ours alone, now.
    func prepare() -> Bool {
        try? FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        return access(folder, W_OK | X_OK) == 0
    }

    /// Removes what a process was writing when it was killed: files of that kind that are an hour older than the file at
    /// `path`, which was just written.
    func removeAbandoned(before path: String) {
        guard let now = Self.modified(path) else { return }
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
            let path = "\(folder)/\(name)"
            let isTemporary = name.contains(".snapshot.") || name.contains(".rows.")
            guard isTemporary, let then = Self.modified(path), then < now.addingTimeInterval(-3600)
            else { continue }
            unlink(path)
        }
    }

    private static func modified(_ path: String) -> Date? {
        (try? FileManager.default.attributesOfItem(atPath: path))?[.modificationDate] as? Date
    }

    /// Why nothing can be kept in the folder, in words; nil: it is there and may be written to, or can be made.
    package var obstacle: String? {
        var path = folder
        while !FileManager.default.fileExists(atPath: path), path != "/", !path.isEmpty {
            path = (path as NSString).deletingLastPathComponent
        }
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue {
            return "\(path) is no folder"
        }
        if access(path.isEmpty ? "." : path, W_OK | X_OK) == 0 { return nil }
        let reason = String(cString: strerror(errno)).lowercased()
        return "\(path.isEmpty ? "this folder" : path) cannot be written to: \(reason)"
    }

    /// What a file of this sync and list can be known by: a hash under the sync's own key, which the warehouse keeps.
    static func proof(key: [UInt8], sync: String, list: Int64) -> Fingerprint {
        Fingerprint(key: key, text: "snapshot \(list) \(sync)")
    }
}

extension Fingerprint {
    /// A keyed hash of a text, as a proof of what a file is of. Texts of different uses begin with different words.
    init(key: [UInt8], text: String) {
        let (high, low) = Array(text.utf8).withUnsafeBytes { SipHash(key: key).hash($0) }
        self.init(high: high, low: low)
    }
}

import Foundation

/// A file of groups, one behind the other.
struct SpoolSegment {
    /// Bytes after which the next file is begun.
    static let largest: Int64 = 8_000_000

    let path: String
    let number: Int
    /// Bytes that are on disk.
    var size: Int64
    /// Bytes of groups that were stored.
    var position: Int64 = 0
    /// Bodies that wait in it, as far as they can be counted.
    var bodies = 0
    /// Whether part of it could not be read.
    var isDamaged = false

    init(folder: String, number: Int, size: Int64 = 0) {
        let digits = String(number)
        path = "\(folder)/\(String(repeating: "0", count: max(0, 6 - digits.count)))\(digits).spool"
        self.number = number
        self.size = size
    }

    /// nil: no such file has this name.
    init?(folder: String, fileName: String) {
        guard fileName.hasSuffix(".spool"), let number = Int(fileName.dropLast(6)) else { return nil }
        self.init(folder: folder, number: number)
    }

    var isRead: Bool { position >= size }

    /// What stands at a position.
    enum Content: Equatable {
        case group([UInt8], bodies: Int)
        /// Nothing that was ever answered: it was cut by the end of the process or of the machine.
        case cut
        /// Not what was written.
        case damaged
    }

    func content(_ file: Int32) throws(SpoolFailure) -> Content {
        let head = try DiskFile.read(SpoolFrame.size, from: file, at: position, path)
        guard head.count == SpoolFrame.size else { return .cut }
        guard let frame = SpoolFrame(head[...]) else {
            return try isZero(file) ? .cut : .damaged
        }
        guard position + Int64(SpoolFrame.size + frame.length) <= size else { return .cut }
        let content = try DiskFile.read(frame.length, from: file, at: position + Int64(SpoolFrame.size), path)
        if frame.fits(content) { return .group(content, bodies: frame.bodies) }
        // A file that was made longer before its blocks were written.
        let isLast = position + Int64(SpoolFrame.size + frame.length) == size
        return isLast && content.suffix(512).allSatisfy { $0 == 0 } ? .cut : .damaged
    }

    /// Whether only zeros follow.
    private func isZero(_ file: Int32) throws(SpoolFailure) -> Bool {
        var place = position
        while place < size {
            let bytes = try DiskFile.read(65_536, from: file, at: place, path)
            if bytes.isEmpty { break }
            guard bytes.allSatisfy({ $0 == 0 }) else { return false }
            place += Int64(bytes.count)
        }
        return true
    }

    /// Goes to the next group that can be read behind the present position, or to the end.
    mutating func skipDamage(_ file: Int32) throws(SpoolFailure) {
        isDamaged = true
        let rest = try DiskFile.read(Int(size - position), from: file, at: position, path)
        position += SpoolFrame.next(in: rest, from: 1).map { Int64($0) } ?? Int64(rest.count)
        if rest.isEmpty { position = size }
    }

    /// How many bodies wait in it, as far as it can be read: those behind damaged bytes too.
    func countBodies(_ file: Int32) throws(SpoolFailure) -> Int {
        var bodies = 0
        var place = position
        while place < size {
            let head = try DiskFile.read(SpoolFrame.size, from: file, at: place, path)
            guard let frame = SpoolFrame(head[...]) else {
                let rest = try DiskFile.read(Int(size - place), from: file, at: place, path)
                return bodies + Self.countBodies(in: rest)
            }
            place += Int64(SpoolFrame.size + frame.length)
            if place <= size { bodies += frame.bodies }
        }
        return bodies
    }

    /// - Parameter bytes: the rest of a file, which begins with damage.
    private static func countBodies(in bytes: [UInt8]) -> Int {
        var bodies = 0
        var place = SpoolFrame.next(in: bytes, from: 1)
        while let start = place, let frame = SpoolFrame(bytes[start..<start + SpoolFrame.size]) {
            let end = start + SpoolFrame.size + frame.length
            let isWhole = end <= bytes.count
            if isWhole { bodies += frame.bodies }
            place = SpoolFrame.next(in: bytes, from: isWhole ? end : start + 1)
        }
        return bodies
    }
}

import Crypto
import Foundation
import RollcallCore

/// What stands before each group in a file of the spool: a mark, the length of the group, how many bodies it has, and checksums of
/// the group and of this head, so that a damaged file is known as one.
struct SpoolFrame: Equatable {
    static let size = 24
    private static let mark = Array("RCS1".utf8)

    var length: Int
    var bodies: Int
    private var checksum: ArraySlice<UInt8>

    init(_ content: [UInt8], bodies: Int) {
        length = content.count
        self.bodies = bodies
        checksum = Self.checksum(content)
    }

    /// nil: these bytes are no head.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count == Self.size, bytes.starts(with: Self.mark) else { return nil }
        let start = bytes.startIndex
        func number(_ offset: Int) -> Int {
            bytes[start + offset..<start + offset + 4].reduce(0) { $0 << 8 | Int($1) }
        }
        guard bytes[(start + 20)...].elementsEqual(Self.checksum(bytes[..<(start + 20)]).prefix(4)) else { return nil }
        length = number(4)
        bodies = number(8)
        checksum = bytes[start + 12..<start + 20]
    }

    var bytes: [UInt8] {
        var writer = SpoolWriter()
        writer.append(UInt32(length))
        writer.append(UInt32(bodies))
        let head = Self.mark + writer.bytes + checksum
        return head + Self.checksum(head).prefix(4)
    }

    func fits(_ content: [UInt8]) -> Bool {
        content.count == length && Self.checksum(content).elementsEqual(checksum)
    }

    /// Where the next head begins, if one does.
    static func next(in bytes: [UInt8], from start: Int) -> Int? {
        guard bytes.count >= size, start <= bytes.count - size else { return nil }
        return (start...(bytes.count - size)).first { place in
            bytes[place] == mark[0] && SpoolFrame(bytes[place..<place + size]) != nil
        }
    }

    /// The first 8 bytes of SHA-256.
    private static func checksum(_ bytes: some DataProtocol) -> ArraySlice<UInt8> {
        Array(SHA256.hash(data: bytes).prefix(8))[...]
    }
}

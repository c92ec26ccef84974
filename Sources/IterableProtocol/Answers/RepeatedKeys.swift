import Foundation
import RollcallCore

/// Finds objects of a JSON text in which one key stands twice. RFC 8259, section 4, leaves open which of the two
/// counts, and parsers differ: such an answer says two things, and must not be taken for either.
enum RepeatedKeys {
    /// - Parameter bytes: JSON. Of what is none, any answer may come.
    static func exist(in bytes: [UInt8]) -> Bool {
        /// The keys of the objects around the present place; nil for arrays.
        var open: [Set<[UInt8]>?] = []
        var index = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "{"): open.append([])
            case UInt8(ascii: "["): open.append(nil)
            case UInt8(ascii: "}"), UInt8(ascii: "]"): _ = open.popLast()
            case UInt8(ascii: "\""):
                let start = index + 1
                index = endOfText(bytes, from: start)
                guard isKey(bytes, after: index), let last = open.indices.last else { break }
                let isNew = open[last]?.insert(plain(bytes[start..<index])).inserted ?? true
                if !isNew { return true }
            default: break
            }
            index += 1
        }
        return false
    }

    /// Where the closing quote stands, or the end of the bytes.
    private static func endOfText(_ bytes: [UInt8], from start: Int) -> Int {
        var index = start
        while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
            index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return min(index, bytes.count)
    }

    private static func isKey(_ bytes: [UInt8], after quote: Int) -> Bool {
        let rest = bytes.dropFirst(quote + 1)
        return rest.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == UInt8(ascii: ":")
    }

    /// The key without its escapes.
    private static func plain(_ key: ArraySlice<UInt8>) -> [UInt8] {
        guard key.contains(UInt8(ascii: "\\")) else { return Array(key) }
        let quoted = Data([UInt8(ascii: "\"")] + key + [UInt8(ascii: "\"")])
        return (try? JSONDecoder().decode(String.self, from: quoted)).map { Array($0.utf8) } ?? Array(key)
    }
}

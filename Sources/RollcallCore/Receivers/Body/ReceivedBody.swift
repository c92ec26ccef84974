import Foundation

/// A body that is a JSON object (RFC 8259) which all parsers read alike, read in one pass.
public struct ReceivedBody: Sendable {
    /// Levels of objects and arrays that a body may have.
    public static let deepest = 100

    let bytes: [UInt8]
    /// In the order of the text; the first is the object itself.
    var nodes: [BodyNode] = []
    /// The names of each object, sorted by code points.
    var sortedNames: [UInt32] = []
    /// Contents of names and strings that were written with escapes.
    var unescaped: [UInt8] = []

    /// - Parameter bytes: at most 2 GB.
    public init(_ bytes: [UInt8]) throws(BodyProblem) {
        self.bytes = bytes
        guard bytes.count <= Int(Int32.max) else { throw .notJSON }
        let read = bytes.withUnsafeBytes { pointer in
            Result { () throws(BodyProblem) in
                var parser = BodyParser(pointer)
                try parser.document()
                return (parser.nodes, parser.sortedNames, parser.unescaped)
            }
        }
        (nodes, sortedNames, unescaped) = try read.get()
        guard nodes[0].kind == .object else { throw .notAnObject }
    }

    // MARK: Members

    /// The value of a member.
    func member(_ name: StaticString, of object: Int) -> Int? {
        let node = nodes[object]
        guard node.kind == .object else { return nil }
        return withNames { names in
            for place in Int(node.names)..<Int(node.names + node.count) {
                let index = Int(sortedNames[place])
                if names(nodes[index], name) { return index + 1 }
            }
            return nil
        }
    }

    private func withNames<R>(_ body: ((BodyNode, StaticString) -> Bool) -> R) -> R {
        bytes.withUnsafeBytes { bytes in
            unescaped.withUnsafeBytes { unescaped in
                body { node, name in
                    let length = Int(node.contentEnd - node.contentStart)
                    guard length == name.utf8CodeUnitCount else { return false }
                    guard length > 0, let base = (node.isUnescaped ? unescaped : bytes).baseAddress else { return true }
                    return memcmp(base + Int(node.contentStart), name.utf8Start, length) == 0
                }
            }
        }
    }

    /// The content of a name or string, in UTF-8.
    func content(_ node: BodyNode) -> ArraySlice<UInt8> {
        (node.isUnescaped ? unescaped : bytes)[Int(node.contentStart)..<Int(node.contentEnd)]
    }

    /// The content with U+FFFD in place of U+0000, which databases cannot keep.
    func text(_ node: BodyNode) -> String {
        let content = content(node)
        return node.hasNUL
            ? String(decoding: Self.withoutNUL(content), as: UTF8.self) : String(decoding: content, as: UTF8.self)
    }

    static func withoutNUL(_ content: some Sequence<UInt8>) -> [UInt8] {
        var kept: [UInt8] = []
        for byte in content { if byte == 0 { kept += [0xEF, 0xBF, 0xBD] } else { kept.append(byte) } }
        return kept
    }
}

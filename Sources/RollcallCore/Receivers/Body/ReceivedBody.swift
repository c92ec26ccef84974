import Foundation

/// A body that is a JSON object (RFC 8259) which all parsers read alike, read in one pass.
package struct ReceivedBody: Sendable {
    /// Levels of objects and arrays that a body may have.
    package static let deepest = 100

    let bytes: [UInt8]
    /// In the order of the text; the first is the object itself.
    let nodes: [BodyNode]
    /// The names of each object, sorted by code points.
    let sortedNames: [UInt32]
    /// Contents of names and strings that were written with escapes.
    let unescaped: [UInt8]

    /// - Parameter bytes: at most 2 GB.
    package init(_ bytes: [UInt8]) throws(BodyProblem) {
        self.bytes = bytes
        let read = try BodyParser.read(bytes, BodyTree(bytes: bytes.count))
        nodes = read.keeper.nodes
        sortedNames = read.keeper.sortedNames
        unescaped = read.unescaped
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
                    let content = Int(node.contentStart)..<Int(node.contentEnd)
                    guard content.count == name.utf8CodeUnitCount else { return false }
                    let texts = node.isUnescaped ? unescaped : bytes
                    return Self.is(UnsafeRawBufferPointer(rebasing: texts[content]), name)
                }
            }
        }
    }

    /// Whether a content is this text.
    static func `is`(_ content: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        guard content.count == text.utf8CodeUnitCount else { return false }
        // An empty buffer may have no address.
        return content.baseAddress.map { memcmp($0, text.utf8Start, content.count) == 0 } ?? true
    }

    /// The content of a name or string, in UTF-8.
    func content(_ node: BodyNode) -> ArraySlice<UInt8> {
        (node.isUnescaped ? unescaped : bytes)[Int(node.contentStart)..<Int(node.contentEnd)]
    }

    /// The content with U+FFFD in place of U+0000, which databases cannot keep.
    func text(_ node: BodyNode) -> String { Self.text(content(node), hasNUL: node.hasNUL) }

    static func text(_ content: some Collection<UInt8>, hasNUL: Bool) -> String {
        hasNUL
            ? String(decoding: withoutNUL(content), as: UTF8.self) : String(decoding: content, as: UTF8.self)
    }

    static func withoutNUL(_ content: some Sequence<UInt8>) -> [UInt8] {
        var kept: [UInt8] = []
        for byte in content { if byte == 0 { kept += [0xEF, 0xBF, 0xBD] } else { kept.append(byte) } }
        return kept
    }
}

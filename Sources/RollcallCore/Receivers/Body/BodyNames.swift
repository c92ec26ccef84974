import Foundation

/// The name of a member of an object that is being read.
struct BodyName {
    /// The first eight bytes of the content as a number, with zeros behind a shorter one: it is in the order of the contents.
    let prefix: UInt64
    /// Where the content is, in the body or among what was written with escapes.
    let content: Range<UInt32>
    let isUnescaped: Bool
    /// Given by the ``BodyKeeper``.
    let number: UInt32

    init(_ node: BodyNode, _ content: UnsafeRawBufferPointer, number: UInt32) {
        prefix = Self.prefix(of: content)
        self.content = node.contentStart..<node.contentEnd
        isUnescaped = node.isUnescaped
        self.number = number
    }

    private static func prefix(of content: UnsafeRawBufferPointer) -> UInt64 {
        if content.count >= 8 { return UInt64(bigEndian: content.loadUnaligned(as: UInt64.self)) }
        let prefix = content.reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        // Beyond its width, a shift leaves nothing.
        return prefix << (8 * (8 - content.count))
    }
}

/// The names so far of each object around a place of a body.
struct BodyNames {
    private var names: [BodyName] = []

    init() { names.reserveCapacity(32) }

    var count: Int { names.count }

    mutating func append(_ name: BodyName) { names.append(name) }

    /// Sorts the names of the innermost object by code points.
    /// - Parameters:
    ///   - first: where they begin.
    ///   - unescaped: the contents of what was written with escapes.
    /// - Throws: ``BodyProblem/repeatedMember``.
    mutating func sort(from first: Int, _ bytes: UnsafeRawBufferPointer, _ unescaped: [UInt8]) throws(BodyProblem) {
        if names.count - first > 24 {
            let sorted = names[first...].sorted { Self.compare($0, $1, bytes, unescaped) < 0 }
            names.replaceSubrange(first..., with: sorted)
        } else {
            insertionSort(from: first, bytes, unescaped)
        }
        for place in names.indices.dropFirst(first + 1)
        where Self.compare(names[place - 1], names[place], bytes, unescaped) == 0 {
            throw .repeatedMember
        }
    }

    subscript(place: Int) -> BodyName { names[place] }

    mutating func forget(from first: Int) { names.removeSubrange(first...) }

    private mutating func insertionSort(from first: Int, _ bytes: UnsafeRawBufferPointer, _ unescaped: [UInt8]) {
        names.withUnsafeMutableBufferPointer { names in
            for end in names.indices.dropFirst(first + 1) {
                let name = names[end]
                var place = end
                while place > first, Self.compare(names[place - 1], name, bytes, unescaped) > 0 {
                    names[place] = names[place - 1]
                    place -= 1
                }
                names[place] = name
            }
        }
    }

    /// Bytes of UTF-8 are in the order of code points.
    @inline(__always)
    private static func compare(
        _ left: BodyName, _ right: BodyName, _ bytes: UnsafeRawBufferPointer, _ unescaped: [UInt8]
    ) -> Int {
        if left.prefix != right.prefix { return left.prefix < right.prefix ? -1 : 1 }
        return compareContents(left, right, bytes, unescaped)
    }

    private static func compareContents(
        _ left: BodyName, _ right: BodyName, _ bytes: UnsafeRawBufferPointer, _ unescaped: [UInt8]
    ) -> Int {
        let shared = min(left.content.count, right.content.count)
        let order = unescaped.withUnsafeBytes { unescaped -> Int32 in
            // Empty buffers may have no address.
            guard shared > 0, let first = (left.isUnescaped ? unescaped : bytes).baseAddress,
                let second = (right.isUnescaped ? unescaped : bytes).baseAddress
            else { return 0 }
            return memcmp(first + Int(left.content.lowerBound), second + Int(right.content.lowerBound), shared)
        }
        return order == 0 ? left.content.count - right.content.count : Int(order)
    }
}

/// Keeps all of a body: its values and names in the order of the text, and the names of each object sorted.
struct BodyTree: BodyKeeper {
    private(set) var nodes: [BodyNode] = []
    private(set) var sortedNames: [UInt32] = []
    /// The containers around the present place.
    private var open: [Int] = []

    /// - Parameter bytes: of the body.
    init(bytes: Int) {
        nodes.reserveCapacity(min(bytes / 12 + 8, 4096))
        sortedNames.reserveCapacity(min(bytes / 24 + 8, 2048))
        open.reserveCapacity(8)
    }

    mutating func open(_ kind: BodyNode.Kind, at start: Int) {
        open.append(nodes.count)
        nodes.append(BodyNode(kind: kind, start: UInt32(start)))
    }

    mutating func close(at end: Int, _ names: BodyNames, from first: Int) {
        let container = open.removeLast()
        nodes[container].end = UInt32(end)
        nodes[container].next = UInt32(nodes.count)
        nodes[container].names = UInt32(sortedNames.count)
        nodes[container].count = UInt32(names.count - first)
        for place in first..<names.count { sortedNames.append(names[place].number) }
    }

    mutating func name(_ node: BodyNode, _ content: UnsafeRawBufferPointer) -> UInt32 {
        append(node)
        return UInt32(nodes.count - 1)
    }

    mutating func string(_ node: BodyNode, _ content: UnsafeRawBufferPointer) { append(node) }

    mutating func other(_ node: BodyNode) { append(node) }

    private mutating func append(_ node: BodyNode) {
        nodes.append(node)
        nodes[nodes.count - 1].next = UInt32(nodes.count)
    }
}

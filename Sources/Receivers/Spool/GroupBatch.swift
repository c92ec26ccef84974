/// Groups of a spool that are stored in one transaction: whole ones, of one writer, by rising sequences.
struct GroupBatch {
    private(set) var groups: [PendingGroup]
    private(set) var bodies: Int
    private var bytes: Int

    /// - Parameter bytes: of the group, as the spool has it.
    init(_ first: PendingGroup, bytes: Int) {
        groups = [first]
        bodies = first.bodies
        self.bytes = bytes
    }

    var isFull: Bool { bodies >= GroupMaker.mostBodies || bytes >= GroupMaker.mostBytes }

    /// - Returns: whether the group could be added.
    mutating func add(_ group: PendingGroup, bytes: Int) -> Bool {
        guard let last = groups.last, group.writer == last.writer, group.sequence > last.sequence,
            bodies + group.bodies <= GroupMaker.mostBodies, self.bytes + bytes <= GroupMaker.mostBytes
        else { return false }
        groups.append(group)
        bodies += group.bodies
        self.bytes += bytes
        return true
    }
}

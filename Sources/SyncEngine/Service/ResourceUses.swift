/// Which connections runs and readers use, and which are to be closed when none uses them any more.
struct ResourceUses {
    private var uses: [ObjectIdentifier: Int] = [:]
    private var retired: [ObjectIdentifier: Resource] = [:]

    mutating func use(_ resource: Resource) { uses[resource.id, default: 0] += 1 }

    /// - Returns: the connection, if it is to be closed now.
    mutating func release(_ resource: Resource) -> Resource? {
        uses[resource.id, default: 1] -= 1
        return takeUnused(resource.id)
    }

    /// Replaces the connections of one setup by those of the next.
    /// - Returns: those that are to be closed now.
    mutating func replace(_ old: [Resource], by new: [Resource]) -> [Resource] {
        let kept = Set(new.map(\.id))
        for id in kept { retired[id] = nil }
        let gone = old.filter { !kept.contains($0.id) }
        for resource in gone { retired[resource.id] = resource }
        return gone.compactMap { takeUnused($0.id) }
    }

    /// Leaves a connection that could not be closed now to the end of the service.
    mutating func retire(_ resource: Resource) { retired[resource.id] = resource }

    /// Everything that is still to be closed, at the end of the service.
    mutating func takeRetired() -> [Resource] {
        defer { retired = [:] }
        return Array(retired.values)
    }

    private mutating func takeUnused(_ id: ObjectIdentifier) -> Resource? {
        guard uses[id, default: 0] == 0 else { return nil }
        uses[id] = nil
        return retired.removeValue(forKey: id)
    }
}

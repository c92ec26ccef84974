/// A table of items that messages can draw on.
struct Catalog: Sendable {
    /// One row of a catalog.
    struct Item: Sendable {
        var value: [String: JSONValue]
        /// Seconds since 1970.
        var modifiedAt: Double
        /// Fields that had no type when their values were written: no collection finds the item by them.
        var untyped: Set<String>
    }

    /// What an accepted request does to one item.
    enum Change: Sendable {
        /// - Parameters:
        ///   - merging: other fields of the item stay.
        ///   - time: seconds since 1970.
        case put([String: JSONValue], merging: Bool, time: Double)
        case delete
    }

    /// A change that was accepted and is not carried out yet.
    private struct Awaited: Sendable {
        let due: Duration
        let id: String
        let change: Change
    }

    let name: String
    private(set) var items: [String: Item] = [:]
    /// Types of fields; a field without one cannot be used in collections.
    var mappings: [String: String] = [:]
    /// Those that are due first stand first.
    private var awaited: [Awaited] = []

    init(name: String) { self.name = name }

    /// Changes that are not carried out yet.
    var pending: Int { awaited.count }

    /// The fields of all items, also of those that are accepted and not there yet.
    var fields: Set<String> {
        var fields = Set(items.values.flatMap(\.value.keys))
        for case .put(let value, _, _) in awaited.map(\.change) { fields.formUnion(value.keys) }
        return fields
    }

    /// Changes an item at a time of the sandbox's clock.
    mutating func change(_ id: String, _ change: Change, due: Duration, now: Duration) {
        if due <= now {
            carryOut(id, change)
        } else {
            awaited.append(Awaited(due: due, id: id, change: change))
        }
    }

    /// Carries out the changes that are due.
    mutating func settle(at now: Duration) {
        let due = awaited.prefix { $0.due <= now }
        if due.isEmpty { return }
        awaited.removeFirst(due.count)
        for entry in due { carryOut(entry.id, entry.change) }
    }

    private mutating func carryOut(_ id: String, _ change: Change) {
        guard case .put(let value, let merging, let time) = change else { return items[id] = nil }
        let before = merging ? items[id] : nil
        let written = Set(value.keys)
        items[id] = Item(
            value: (before?.value ?? [:]).merging(value) { _, new in new }, modifiedAt: time,
            untyped: (before?.untyped ?? []).subtracting(written).union(written.subtracting(mappings.keys)))
    }
}

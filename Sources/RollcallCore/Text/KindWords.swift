/// What people call the records of a kind, and what is done to them.
public struct KindWords: Sendable {
    /// Singular and plural.
    public let one: String
    public let many: String
    /// Infinitives: "12 to subscribe".
    public let put: String
    public let remove: String
    /// Participles: "12 subscribed".
    public let isPut: String
    public let isRemoved: String
    /// What a sync keeps, as a heading.
    public let target: String
    /// How many there are, as a heading.
    public let size: String
    /// Entries of the snapshot.
    public let entries: String

    public init(_ kind: RecordKind) {
        switch kind {
        case .users:
            (one, many) = ("user", "users")
            (put, remove) = ("update", "delete")
            (isPut, isRemoved) = ("updated", "deleted")
            (target, size, entries) = ("Profiles", "Users in the source", "users")
        case .events:
            (one, many) = ("event", "events")
            (put, remove) = ("send", "delete")
            (isPut, isRemoved) = ("sent", "deleted")
            (target, size, entries) = ("Event", "Events read", "events")
        case .list:
            (one, many) = ("person", "people")
            (put, remove) = ("subscribe", "unsubscribe")
            (isPut, isRemoved) = ("subscribed", "unsubscribed")
            (target, size, entries) = ("List", "Audience size", "members")
        case .catalog:
            (one, many) = ("item", "items")
            (put, remove) = ("put", "delete")
            (isPut, isRemoved) = ("put", "deleted")
            (target, size, entries) = ("Catalog", "Items in the source", "items")
        }
    }
}

extension RecordKind {
    public var words: KindWords { KindWords(self) }

    /// Whether a sync of the kind may take something away again.
    public var hasRemovals: Bool { operations.contains { $0.direction == .remove } }
}

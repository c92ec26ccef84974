/// What people call the records of a kind, and what is done to them.
package struct KindWords: Sendable {
    /// Singular and plural.
    package let one: String
    package let many: String
    /// Infinitives: "12 to subscribe".
    package let put: String
    package let remove: String
    /// Participles: "12 subscribed".
    package let isPut: String
    package let isRemoved: String
    /// ``isRemoved`` as one word, for logs and metrics.
    package let removedLabel: String
    /// What a sync keeps, as a heading.
    package let target: String
    /// How many there are, as a heading.
    package let size: String
    /// Entries of the snapshot.
    package let entries: String

    package init(_ kind: RecordKind) {
        switch kind {
        case .users:
            (one, many) = ("user", "users")
            (put, remove) = ("update", "clear or delete")
            (isPut, isRemoved) = ("updated", "cleared or deleted")
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
        removedLabel = kind == .list ? isRemoved : "deleted"
    }
}

extension RecordKind {
    package var words: KindWords { KindWords(self) }

    /// Whether a sync of the kind may take something away again.
    package var hasRemovals: Bool { operations.contains { $0.direction == .remove } }
}

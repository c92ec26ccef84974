/// What is done to one record, in the words of its kind.
package enum Operation: String, Sendable, Codable, CaseIterable {
    case subscribe
    case unsubscribe
    case put
    case delete
    case update
    case rename
    case clear
    case track

    /// What it is to the engine, which knows no kinds.
    package var direction: Direction {
        switch self {
        case .subscribe, .put, .update, .rename, .track: .put
        case .unsubscribe, .delete, .clear: .remove
        }
    }
}

/// The two things that a sync does with a record: it makes Iterable have it as the source says, or not have it any more.
package enum Direction: String, Sendable, CaseIterable {
    case put
    case remove
}

extension RecordKind {
    /// What a run of a sync of this kind does.
    package var operations: [Operation] {
        switch self {
        case .list: [.subscribe, .unsubscribe]
        case .catalog: [.put, .delete]
        case .users: [.update, .rename, .clear, .delete]
        case .events: [.track]
        }
    }
}

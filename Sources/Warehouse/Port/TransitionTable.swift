import RollcallCore

/// ``EntryTransition`` as SQL, for statements that carry many outcomes out at once. The text is the same for PostgreSQL and SQLite.
enum TransitionTable {
    /// Columns of ``rows(_:_:)``.
    static let columns = "outcome, may_still_land, before, action, state, listed"

    /// The word for a mark in the column `before`; ``mark(of:)`` makes the same one of a row.
    static func word(_ mark: EntryMark?) -> String {
        mark.map { "\($0.state.rawValue) \($0.listed ? "listed" : "unlisted")" } ?? "absent"
    }

    /// SQL for the word of a row of `list_members`, not NULL.
    /// - Parameter row: the name or alias of the table.
    static func mark(of row: String) -> String {
        "\(row).state || CASE WHEN \(row).listed THEN ' listed' ELSE ' unlisted' END"
    }

    /// What follows `VALUES`: the lines of the table for a relation and an operation, those that keep an entry left out.
    static func rows(_ relation: EntryTransition.Relation, _ operation: RollcallCore.Operation) -> String {
        EntryTransition.table.filter { $0.relation == relation && $0.operation == operation }
            .map { line in
                let write =
                    switch line.write {
                    case .keep, .drop: "'drop', CAST(NULL AS text), CAST(NULL AS boolean)"
                    case .put(let mark): "'put', '\(mark.state.rawValue)', \(mark.listed)"
                    }
                return "('\(line.outcome.rawValue)', \(line.mayStillLand), '\(word(line.before))', \(write))"
            }.joined(separator: ", ")
    }

    /// SQL for a list of the words of the entries that a `forget` change drops.
    static let forgotten = EntryTransition.marks.compactMap(\.self).filter(EntryTransition.isForgotten)
        .map { "'\(word($0))'" }.joined(separator: ", ")
}

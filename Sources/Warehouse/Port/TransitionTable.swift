import RollcallCore

/// ``EntryTransition`` as SQL, for statements that carry many outcomes out at once. The text is the same for PostgreSQL and SQLite.
enum TransitionTable {
    /// Columns of ``rows(_:_:_:)``.
    static let columns = "outcome, may_still_land, before, action, state, listed"

    /// SQL for the word that the column `before` has for a row of the table of entries, not NULL; ``word(_:_:isSame:)`` makes the
    /// same one of a mark.
    /// - Parameters:
    ///   - row: the name or alias of the table.
    ///   - content: SQL for the content that was put, where the word is to tell whether the row has the same one.
    static func mark(of row: String, _ words: EntryWords, content: String? = nil) -> String {
        let mark = "\(row).state || CASE WHEN \(row).\(words.listed) THEN ' listed' ELSE ' unlisted' END"
        return content.map { "\(mark) || CASE WHEN \(row).content = \($0) THEN ' same' ELSE ' other' END" } ?? mark
    }

    private static func word(_ mark: EntryMark?, _ words: EntryWords, isSame: Bool?) -> String {
        guard let mark else { return "absent" }
        let word = "\(words.word(mark.state)) \(mark.listed ? "listed" : "unlisted")"
        return isSame.map { word + ($0 ? " same" : " other") } ?? word
    }

    /// What follows `VALUES`: the lines of the table for a relation and a direction, those that keep an entry left out.
    static func rows(_ relation: EntryTransition.Relation, _ direction: Direction, _ words: EntryWords) -> String {
        let tells = words.tellsContents(relation, direction)
        return EntryTransition.table
            .filter { $0.relation == relation && $0.direction == direction && (tells || $0.isSame) }
            .map { line in
                let write =
                    switch line.write {
                    case .keep, .drop: "'drop', CAST(NULL AS text), CAST(NULL AS boolean)"
                    case .put(let mark): "'put', '\(words.word(mark.state))', \(mark.listed)"
                    }
                let before = word(line.before, words, isSame: tells ? line.isSame : nil)
                return "('\(line.outcome.rawValue)', \(line.mayStillLand), '\(before)', \(write))"
            }.joined(separator: ", ")
    }

    /// SQL for a list of the words of the entries that a `forget` change drops.
    static func forgotten(_ words: EntryWords) -> String {
        EntryTransition.marks.compactMap(\.self).filter(EntryTransition.isForgotten)
            .map { "'\(word($0, words, isSame: nil))'" }.joined(separator: ", ")
    }
}

/// The words of a table of entries: `list_members` for lists, `synced_records` for everything else.
enum EntryWords: CaseIterable {
    case list
    case records

    init(_ entries: EntrySet) {
        switch entries {
        case .list: self = .list
        case .records: self = .records
        }
    }

    /// The table, without schema or prefix.
    var table: String { self == .list ? "list_members" : "synced_records" }

    /// The column that says whether the record may be in Iterable because of the sync.
    var listed: String { self == .list ? "listed" : "owned" }

    /// What tells the content of an entry from that of a change is asked only where something is put.
    func tellsContents(_ relation: EntryTransition.Relation, _ direction: Direction) -> Bool {
        self == .records && relation == .own && direction == .put
    }

    func word(_ state: MemberState) -> String { state.word(self == .list ? .list : .catalog) }

    func state(_ word: String) -> MemberState? { MemberState.allCases.first { self.word($0) == word } }
}

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

    /// What follows `VALUES`: the lines of the table for a relation and a direction. Of those that keep an entry there are only the
    /// ones of ``kept(_:)``.
    static func rows(_ relation: EntryTransition.Relation, _ direction: Direction, _ words: EntryWords) -> String {
        let tells = words.tellsContents(relation, direction)
        let lines = EntryTransition.table
            .filter { $0.relation == relation && $0.direction == direction && (tells || $0.isSame) }
            .map { line in
                let write =
                    switch line.write {
                    case .keep, .drop: "'drop', CAST(NULL AS text), CAST(NULL AS boolean)"
                    case .put(let mark): "'put', '\(words.word(mark.state))', \(mark.listed)"
                    }
                let before = word(line.before, words, isSame: tells ? line.isSame : nil)
                return "('\(line.outcome.rawValue)', \(line.mayStillLand), '\(before)', \(write))"
            }
        return (lines + (tells ? kept(words) : [])).joined(separator: ", ")
    }

    /// The lines that keep an entry with the content that was put: the action `keep`, with the mark that the entry has. Other fields
    /// of it may hold a value now (``held(outcome:settles:of:)``).
    private static func kept(_ words: EntryWords) -> [String] {
        var lines: [String] = []
        for mark in EntryTransition.marks.compactMap(\.self) {
            let before = word(mark, words, isSame: true)
            for outcome in RecordOutcome.Kind.allCases {
                for mayStillLand in [false, true] {
                    let write = EntryTransition.next(.own, mark, .put, outcome, mayStillLand: mayStillLand)
                    guard write == .keep else { continue }
                    let after = "'keep', '\(words.word(mark.state))', \(mark.listed)"
                    lines.append("('\(outcome.rawValue)', \(mayStillLand), '\(before)', \(after))")
                }
            }
        }
        return lines
    }

    /// SQL for the fields of a record that hold a value after a change that puts something (``HeldFields``); NULL: those of before.
    /// After a success these are certain, although an earlier request with the change may still be carried out: it says the
    /// same, and nothing else is sent of the record until it can land no more. Without a success it leaves both in doubt.
    /// - Parameters:
    ///   - outcome: SQL for the word of the outcome.
    ///   - settles: SQL for the time until which the request may still be carried out; NULL: it cannot be.
    ///   - row: the change, with the columns `values_held` and `values_in_doubt`.
    static func held(outcome: String, settles: String, of row: String) -> String {
        """
        CASE WHEN \(outcome) = 'not_attempted' THEN NULL
             WHEN \(outcome) = 'succeeded' THEN \(row).values_held
             WHEN \(outcome) = 'unknown' OR \(settles) IS NOT NULL THEN \(row).values_in_doubt END
        """
    }

    /// SQL, for the update of a member by a change without fields, that assigns the content, with a comma behind it. What was
    /// acknowledged of the fields holds on; what was in doubt, or refused, is not known once the doubt or the refusal is gone.
    /// - Parameter row: the name or alias of the table; `excluded` is what is written.
    static func contentWithoutFields(of row: String) -> String {
        let subscribed = EntryWords.list.word(.subscribed)
        let leaving = EntryWords.list.word(.unsubscribing)
        return
            "content = CASE WHEN \(row).state = '\(subscribed)' OR excluded.state = '\(leaving)' THEN \(row).content END, "
    }

    /// SQL, for the update of an entry, for the condition that it is what it was: it has the same state, and a record is known by the
    /// same identifiers. Its `since` stays then.
    /// - Parameter row: the name or alias of the table; `excluded` is what is written.
    static func isAsBefore(_ row: String, _ words: EntryWords, isSame: String) -> String {
        let identifiers = words.areRecords ? ["email", "user_id"] : []
        return
            (["\(row).state = excluded.state"]
            + identifiers.map { "coalesce(excluded.\($0), \(row).\($0)) \(isSame) \(row).\($0)" })
            .joined(separator: " AND ")
    }

    /// SQL for the condition that a full run sends what Iterable has acknowledged of an entry once more.
    /// - Parameters:
    ///   - change: the row of the outbox, or of what is made of it.
    ///   - row: the row of the table of entries.
    static func isSentAgain(_ change: String, _ row: String, _ words: EntryWords) -> String {
        "\(change).operation IN (\(words.puts)) AND \(row).state = '\(words.word(.subscribed))'"
            + (words.haveContents ? " AND \(row).content = \(change).content" : "")
    }

    /// SQL for the assignments to such an entry where that was not sent, or without success: the next run sends it. Where entries have a
    /// content, that is forgotten: the record counts as acknowledged still, and as one that has changed. Others are in doubt.
    /// - Parameters:
    ///   - run: SQL for the run's id.
    ///   - now: SQL for the time.
    static func unsent(_ words: EntryWords, run: String, now: String) -> String {
        switch words {
        case .list: "state = '\(words.word(.subscribing))', since_run_id = \(run), since = \(now)"
        case .filledList: "content = NULL"
        case .records: "content = \(RecordReference.forgottenContent)"
        }
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
    /// Members of a list who are sent with fields.
    case filledList
    case records

    init(_ entries: EntrySet, hasFields: Bool = false) {
        switch entries {
        case .list: self = hasFields ? .filledList : .list
        case .records: self = .records
        }
    }

    /// Whether entries have a key.
    var areRecords: Bool { self == .records }
    /// Whether entries have a content, and fields that hold a value.
    var haveContents: Bool { self != .list }
    /// The columns of an entry's content that a change says.
    var contentColumns: [String] {
        switch self {
        case .list: []
        case .filledList: ["content"]
        case .records: ["record_key", "item_id", "content"]
        }
    }

    /// The table, without schema or prefix.
    var table: String { areRecords ? "synced_records" : "list_members" }

    /// The column that says whether the record may be in Iterable because of the sync.
    var listed: String { areRecords ? "owned" : "listed" }

    /// What tells the content of an entry from that of a change is asked only where something is put.
    func tellsContents(_ relation: EntryTransition.Relation, _ direction: Direction) -> Bool {
        haveContents && relation == .own && direction == .put
    }

    /// What changes of these entries do.
    var operations: [RollcallCore.Operation] {
        RollcallCore.Operation.allCases.filter { RecordKind.list.operations.contains($0) != areRecords }
    }

    /// SQL for a list of the operations that put something. A rename puts nothing of the content.
    var puts: String {
        operations.filter { $0.direction == .put && $0 != .rename }.map { "'\($0.rawValue)'" }.joined(separator: ", ")
    }

    func word(_ state: MemberState) -> String { state.word(areRecords ? .catalog : .list) }

    func state(_ word: String) -> MemberState? { MemberState.allCases.first { self.word($0) == word } }
}

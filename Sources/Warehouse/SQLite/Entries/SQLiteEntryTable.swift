import RollcallCore

/// The table that a set of entries is in, and how its rows are found.
struct SQLiteEntryTable {
    let words: EntryWords
    /// What tells the set from others in the table: the list's id, or the kind. The parameter `:set` of every statement.
    let parameter: SQLiteValue

    init(_ entries: EntrySet, hasFields: Bool = false) {
        words = EntryWords(entries, hasFields: hasFields)
        switch entries {
        case .list(let id): parameter = .integer(id)
        case .records(let kind): parameter = .text(kind.rawValue)
        }
    }

    var name: String { Self.name(words) }
    static func name(_ words: EntryWords) -> String { "rollcall_" + words.table }

    /// The column that `:set` is compared with.
    static func set(_ words: EntryWords) -> String { words.areRecords ? "kind" : "list_id" }

    /// SQL for the set `:set` of the sync `:sync`.
    static func isOfSet(_ words: EntryWords, _ row: String? = nil) -> String {
        let row = row.map { $0 + "." } ?? ""
        return "\(row)sync_name = :sync AND \(row)\(set(words)) = :set"
    }
}

import RollcallCore

/// The table that a set of entries is in, and how its rows are found.
struct PostgresEntryTable {
    let words: EntryWords
    /// What tells the set from others in the table: the list's id, or the kind. A parameter of every statement.
    let parameter: String

    init(_ entries: EntrySet) {
        words = EntryWords(entries)
        switch entries {
        case .list(let id): parameter = String(id)
        case .records(let kind): parameter = kind.rawValue
        }
    }

    /// SQL for the set of the sync `$1` and the parameter `$2`, or what others are given.
    static func isOfSet(
        _ words: EntryWords, _ row: String, sync: String = "$1", set: String = "$2"
    ) -> String {
        switch words {
        case .list, .filledList: "\(row).sync_name = \(sync) AND \(row).list_id = \(set)::bigint"
        case .records: "\(row).sync_name = \(sync) AND \(row).kind = \(set)::text"
        }
    }

    /// The same of the table itself, so that no index on it is used.
    static func isOfSetWithoutIndex(_ words: EntryWords, sync: String, set: String) -> String {
        words.areRecords
            ? "sync_name || '' = \(sync) AND kind = \(set)::text"
            : "sync_name || '' = \(sync) AND list_id + 0 = \(set)::bigint"
    }

    /// The columns of a row as ``PostgresWarehouse`` reads entries: state and content last.
    static func columns(_ words: EntryWords) -> String {
        """
        fingerprint, email, user_id, state, \(words.listed), error_code, error_reason, http_status, since_run_id,
        \(PostgresRunRow.milliseconds("since"))\(words == .records ? ", record_key, item_id, content" : "")
        """
    }
}

import RollcallCore

/// Rows of one key that cannot be sent.
struct RefusedRows: Sendable {
    let key: String
    private var newest: Int64?
    private var hasUnranked = false

    init(key: String) { self.key = key }

    mutating func add(_ rank: Int64?) {
        guard let rank else {
            hasUnranked = true
            return
        }
        newest = max(newest ?? rank, rank)
    }

    /// Whether all of them are known to be older than a row.
    func areOlder(than rank: Int64?) -> Bool {
        guard let rank, let newest, !hasUnranked else { return false }
        return newest < rank
    }
}

/// Several rows with one key.
struct KeyContest: Sendable {
    let key: String
    private(set) var rows = 1
    /// Of the row that is the newest so far; of the first one where nothing tells.
    private var content: Int64
    private(set) var rank: Int64?
    private var differ = false
    /// A row with other content has the same rank as the newest.
    private var isTied = false
    /// A row has no rank.
    private var hasUnranked: Bool
    /// Rows of the key that cannot be sent.
    var refused: RefusedRows?

    /// - Parameters: of the first row.
    init(key: String, content: Int64, rank: Int64?) {
        self.key = key
        self.content = content
        self.rank = rank
        hasUnranked = rank == nil
    }

    mutating func add(_ other: Int64, _ otherRank: Int64?) {
        rows += 1
        if other != content { differ = true }
        guard let otherRank else {
            hasUnranked = true
            return
        }
        if let rank, otherRank < rank { return }
        if rank == otherRank {
            if other != content { isTied = true }
            return
        }
        (content, rank, isTied) = (other, otherRank, false)
    }

    /// The content that is sent; nil: the rows do not say which.
    func winner(_ rule: DuplicateRule) -> Int64? {
        if !differ && refused == nil { return content }
        switch rule {
        case .refuse: return nil
        case .newest:
            if differ && (hasUnranked || isTied) { return nil }
            return refused.map { $0.areOlder(than: rank) } == false ? nil : content
        }
    }
}

/// Which of the spooled changes are made, where several rows have one key or are of one person.
struct SelectedRecords: Sendable {
    /// Keys that several rows have, and the content that is sent of each; nil: none.
    let contested: [Fingerprint: Int64?]
    /// Records that are not sent because another one is of the same person.
    let verdicts: [Fingerprint: PersonContests.Verdict]

    /// Whether the row of a change is the one that is sent of its key and its person; of equal rows each is.
    func has(_ entry: RecordSpool.Entry) -> Bool {
        if verdicts[entry.fingerprint] != nil { return false }
        guard let winner = contested[entry.fingerprint] else { return true }
        return winner == entry.record.content
    }
}

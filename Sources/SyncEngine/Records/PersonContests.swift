import RollcallCore

/// Finds records of different keys that are one person in Iterable, because they have an identifier in common, and decides which
/// of them is sent.
///
/// Equal ones are one record, and duplicates of it. Of different ones none is sent, unless a column says which is the newest.
struct PersonContests: Sendable {
    /// What a record that is not sent counts as.
    enum Verdict: Sendable {
        /// Another record says the same, or is newer.
        case duplicate
        /// Nothing says which record is right.
        case contested
    }

    /// What is known of one record when all rows have come.
    struct Standing {
        /// Of the row that would be sent; nil: none.
        var content: Int64?
        var rank: Int64?
        /// Whether the profile has what this record was sent with last.
        var isOwned: Bool
        /// Its rows that cannot be sent.
        var refused: RefusedRows?
    }

    /// The records that are not sent.
    private(set) var verdicts: [Fingerprint: Verdict] = [:]

    let people: PersonNames
    /// Which record has an identifier, by its number in the table (``RecordTable``); of several the first one.
    private var owners = FingerprintRows<UInt32>()
    /// Identifiers of rows that are no record's: because of the project's type, or because the row says of no record what it is.
    /// Only where people who left are removed.
    private var mentioned: Set<Fingerprint> = []
    /// Identifiers that several records have.
    private var shared: [Fingerprint: Set<Fingerprint>] = [:]

    init(_ people: PersonNames) { self.people = people }

    func names(_ identity: Identity) -> [Fingerprint] { people.names(identity) }

    /// Whether a row is of this person.
    func claims(_ identity: Identity) -> Bool { names(identity).contains { owners.number(of: $0) != nil } }

    /// Whether a row of a record has an identifier of a person.
    func has(_ identity: Identity, _ record: Fingerprint, in table: RecordTable) -> Bool {
        names(identity).contains { owner(of: $0, in: table) == record || shared[$0]?.contains(record) == true }
    }

    private func owner(of name: Fingerprint, in table: RecordTable) -> Fingerprint? {
        owners.number(of: name).map { table.fingerprint(Int(owners[$0])) }
    }

    /// Calls `body` for each identifier with the record that has it.
    func forEachOwner(in table: RecordTable, _ body: (_ name: Fingerprint, _ record: Fingerprint) -> Void) {
        for number in 0..<owners.count { body(owners.fingerprint(number), table.fingerprint(Int(owners[number]))) }
    }

    /// Whether a row carries an identifier of a person, be it one that says nothing of who it is in this project.
    func mentions(_ identity: Identity) -> Bool {
        claims(identity) || (names(identity) + people.others(identity)).contains { mentioned.contains($0) }
    }

    /// Records that have an identifier in common with another one.
    var sharing: Set<Fingerprint> { shared.values.reduce(into: []) { $0.formUnion($1) } }

    /// Notes that a row without a key, or of which no record is made, has these identifiers: whoever has one of them is not gone.
    mutating func mention(_ row: RowSubject) {
        guard people.keepsMentions else { return }
        let row = people.identifiers(row)
        for name in [row.email, row.userID] { if let name { mentioned.insert(name) } }
    }

    /// Notes that a record has the identifiers of a row, be it one that cannot be sent.
    /// - Parameters:
    ///   - record: its number in the table.
    ///   - fingerprint: that of the record with a number.
    mutating func claim(_ row: PersonNames.Identifiers, _ record: Int, _ fingerprint: (Int) -> Fingerprint) {
        if let email = row.email { claim(email, record, fingerprint, identifies: people.usesEmail) }
        if let userID = row.userID { claim(userID, record, fingerprint, identifies: people.usesUserID) }
    }

    private mutating func claim(
        _ name: Fingerprint, _ record: Int, _ fingerprint: (Int) -> Fingerprint, identifies: Bool
    ) {
        guard identifies else {
            mentioned.insert(name)
            return
        }
        let owner = Int(owners[owners.number(adding: name, UInt32(record))])
        if owner != record { shared[name, default: [fingerprint(owner)]].insert(fingerprint(record)) }
    }

    /// Before ``claim(_:_:_:)``; see ``FingerprintRows/prefetch(_:)``.
    func prefetch(_ row: PersonNames.Identifiers) {
        if let email = row.email, people.usesEmail { owners.prefetch(email) }
        if let userID = row.userID, people.usesUserID { owners.prefetch(userID) }
    }

    mutating func settle(_ rule: DuplicateRule, _ standing: (Fingerprint) -> Standing) {
        for records in shared.values { settle(records.sorted(), rule, standing) }
    }

    private mutating func settle(
        _ records: [Fingerprint], _ rule: DuplicateRule, _ standing: (Fingerprint) -> Standing
    ) {
        let all = records.map { (record: $0, standing: standing($0)) }
        let winner = Self.winner(all.map(\.standing), rule)
        for (index, one) in all.enumerated() where one.standing.content != nil && index != winner {
            let verdict = winner == nil ? Verdict.contested : .duplicate
            if verdicts[one.record] != .contested { verdicts[one.record] = verdict }
        }
    }

    /// Place of the record that is sent; nil: none.
    private static func winner(_ all: [Standing], _ rule: DuplicateRule) -> Int? {
        if case .newest = rule, let newest = newest(all) { return newest }
        guard Set(all.map(\.content)).count == 1, all[0].content != nil, !all.contains(where: { $0.refused != nil })
        else {
            return nil
        }
        return all.firstIndex(where: \.isOwned) ?? 0
    }

    private static func newest(_ all: [Standing]) -> Int? {
        let ranks = all.filter { $0.content != nil }.map(\.rank)
        guard let newest = ranks.compactMap(\.self).max(), !ranks.contains(nil),
            ranks.count(where: { $0 == newest }) == 1,
            all.allSatisfy({ $0.refused?.areOlder(than: newest) ?? true }),
            // A contest within one key that nothing decides.
            all.allSatisfy({ $0.content != nil || $0.refused != nil })
        else { return nil }
        return all.firstIndex { $0.content != nil && $0.rank == newest }
    }
}

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

    private let usesEmail: Bool
    private let usesUserID: Bool
    private let fingerprinter: Fingerprinter
    /// Which record has an identifier; of several the first one.
    private(set) var owners: [Fingerprint: Fingerprint] = [:]
    /// Identifiers of rows that are no record's: because of the project's type, or because the row says of no record what it is.
    /// Only where people who left are removed.
    private var mentioned: Set<Fingerprint> = []
    private let keepsMentions: Bool
    /// Identifiers that several records have.
    private var shared: [Fingerprint: Set<Fingerprint>] = [:]

    /// What identifies a person depends on the type of the project: the email, the userId, or in hybrid projects each of them.
    init(_ project: ProjectType, _ fingerprinter: Fingerprinter, keepsMentions: Bool) {
        self.keepsMentions = keepsMentions
        usesEmail = project != .userID
        usesUserID = project != .email
        self.fingerprinter = fingerprinter
    }

    /// Fingerprints of the identifiers of a row, each by itself; nil where it has none, or where it is of no use here.
    struct Identifiers: Sendable {
        var email: Fingerprint?
        var userID: Fingerprint?
    }

    /// Which identifiers of a row ``claim(_:_:)`` has a use for.
    var claimsEmail: Bool { usesEmail || keepsMentions }
    var claimsUserID: Bool { usesUserID || keepsMentions }

    /// The identifiers of a row, as far as ``claim(_:_:)`` has a use for them.
    func identifiers(_ row: RowSubject) -> Identifiers {
        Identifiers(
            email: claimsEmail ? row.email.map(fingerprint(email:)) : nil,
            userID: claimsUserID ? row.userID.map(fingerprint(userID:)) : nil)
    }

    private func fingerprint(email: [UInt8]) -> Fingerprint {
        email.withUnsafeBytes { fingerprinter.fingerprint(email: $0, userID: nil) }
    }

    private func fingerprint(userID: [UInt8]) -> Fingerprint {
        userID.withUnsafeBytes { fingerprinter.fingerprint(email: nil, userID: $0) }
    }

    /// Fingerprints of what identifies a person.
    func names(_ email: [UInt8]?, _ userID: [UInt8]?) -> [Fingerprint] {
        [usesEmail ? email.map(fingerprint(email:)) : nil, usesUserID ? userID.map(fingerprint(userID:)) : nil]
            .compactMap(\.self)
    }

    /// Of the identifiers of a person those that identify people in the project.
    func naming(_ identity: Identity) -> Identity {
        Identity(email: usesEmail ? identity.email : nil, userID: usesUserID ? identity.userID : nil)
    }

    func names(_ identity: Identity) -> [Fingerprint] {
        names(identity.email.map { Array($0.utf8) }, identity.userID.map { Array($0.utf8) })
    }

    /// Whether a row is of this person.
    func claims(_ identity: Identity) -> Bool { names(identity).contains { owners[$0] != nil } }

    /// Whether a row of a record has an identifier of a person.
    func has(_ identity: Identity, _ record: Fingerprint) -> Bool {
        names(identity).contains { owners[$0] == record || shared[$0]?.contains(record) == true }
    }

    /// Whether a row carries an identifier of a person, be it one that says nothing of who it is in this project.
    func mentions(_ identity: Identity) -> Bool {
        claims(identity) || (names(identity) + others(identity)).contains { mentioned.contains($0) }
    }

    /// The identifiers that do not identify anybody in this project.
    private func others(_ identity: Identity) -> [Fingerprint] {
        let other = Identity(email: usesEmail ? nil : identity.email, userID: usesUserID ? nil : identity.userID)
        return other == Identity(email: nil, userID: nil) ? [] : [fingerprinter.fingerprint(other)]
    }

    /// Records that have an identifier in common with another one.
    var sharing: Set<Fingerprint> { shared.values.reduce(into: []) { $0.formUnion($1) } }

    /// Notes that a row without a key, or of which no record is made, has these identifiers: whoever has one of them is not gone.
    mutating func mention(_ row: RowSubject) {
        guard keepsMentions else { return }
        let row = identifiers(row)
        for name in [row.email, row.userID] { if let name { mentioned.insert(name) } }
    }

    /// Notes that a record has the identifiers of a row, be it one that cannot be sent.
    mutating func claim(_ row: Identifiers, _ record: Fingerprint) {
        if let email = row.email { claim(email, record, identifies: usesEmail) }
        if let userID = row.userID { claim(userID, record, identifies: usesUserID) }
    }

    private mutating func claim(_ name: Fingerprint, _ record: Fingerprint, identifies: Bool) {
        guard identifies else {
            mentioned.insert(name)
            return
        }
        guard let owner = owners[name] else {
            owners[name] = record
            return
        }
        if owner != record { shared[name, default: [owner]].insert(record) }
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

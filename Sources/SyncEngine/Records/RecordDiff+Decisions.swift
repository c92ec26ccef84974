import RollcallCore
import Warehouse

/// What is decided when all rows have come: between the rows of one key, between the records of one person, and of items that
/// were read back.
extension RecordDiff {
    /// Decides between the rows of one key, and then between the records of one person, and counts them.
    func settle() throws {
        for (fingerprint, rows) in refused {
            let entry = table[fingerprint]
            guard entry.marks.contains(.seen) else { continue }
            if contests[fingerprint] == nil {
                count(entry, entry.seen, -1)
                contests[fingerprint] = KeyContest(key: rows.key, content: entry.seen, rank: entry.rank)
            }
            contests[fingerprint]?.refused = rows
        }
        for (fingerprint, contest) in contests.sorted(by: { $0.key < $1.key }) {
            guard let winner = contest.winner(rule) else {
                let rows = counted(contest.rows, of: contest.key, Self.duplicateKey(rule))
                counts.invalid += rows
                for _ in 0..<rows { try addContested(contest.key) }
                continue
            }
            counts.duplicates += counted(contest.rows - 1, of: contest.key, Self.isRepeated)
            count(table[fingerprint], winner, 1)
        }
        if let look, look.isPartial { holdBackOlder(look) } else { settlePersons() }
    }

    /// Of equal rows of a key, or of which one is known to be the newest.
    private static let isRepeated = FailureReason(code: "duplicate", reason: "")

    /// Which of the spooled changes are made, once ``settle()`` has decided.
    var selection: SelectedRecords {
        SelectedRecords(contested: contests.mapValues { $0.winner(rule) }, verdicts: verdicts)
    }

    private var verdicts: [Fingerprint: PersonContests.Verdict] {
        guard look?.isPartial == true else { return persons?.verdicts ?? [:] }
        return Dictionary(heldBack.map { ($0, .contested) }) { first, _ in first }
    }

    /// Records that are not sent because nothing says which of their rows, or of their person's records, is right.
    var contradicted: [Fingerprint] {
        contests.filter { $0.value.winner(rule) == nil }.map(\.key)
            + (persons?.verdicts ?? [:]).filter { $0.value == .contested }.map(\.key)
    }

    /// Records that this sync keeps, and of whose person another record is sent: what they were sent with last is there no more.
    var outdone: [Fingerprint] {
        (persons?.verdicts ?? [:]).filter { $0.value == .duplicate && table[$0.key].marks.contains(.owned) }.keys
            .sorted()
    }

    /// Of the items that are to be read back, the changes that would put those again whose rows are as they were put, once
    /// ``settle()`` has decided.
    var unchangedItems: [Fingerprint: RecordSpool.Entry] {
        if checked.isEmpty { return [:] }
        let selection = selection
        return checked.filter { selection.has($0.value) }
    }

    /// Whether what Iterable accepted of an item last is what is to be read back.
    func stands(_ check: ItemCheck) -> Bool {
        let entry = table[check.fingerprint]
        return entry.marks.isSuperset(of: [.known, .synced, .owned]) && entry.acknowledged == check.content
    }

    /// Takes in what was found of items that were read back. One that is put again fails first, and is planned twice.
    func take(_ verdicts: ItemVerdicts) throws {
        for entry in verdicts.again { try spool.add(entry) }
        counts.unchanged -= verdicts.notVerified
        counts.planned.put += verdicts.failures.count + verdicts.again.count
        counts.verified = verdicts.verified
        counts.notVerified = verdicts.notVerified
    }

    private func addContested(_ key: String) throws {
        try Array(key.utf8).withUnsafeBytes {
            try spool.addInvalid(key: $0, (nil, nil), Self.duplicateKey(rule))
        }
    }

    private func settlePersons() {
        persons?.settle(rule) { fingerprint in
            let entry = table[fingerprint]
            if let contest = contests[fingerprint] {
                return .init(
                    content: contest.winner(rule), rank: contest.rank, isOwned: entry.marks.contains(.owned),
                    refused: refused[fingerprint])
            }
            return .init(
                content: entry.marks.contains(.seen) ? entry.seen : nil, rank: entry.rank,
                isOwned: entry.marks.contains(.owned), refused: refused[fingerprint])
        }
        for (fingerprint, verdict) in persons?.verdicts ?? [:] {
            let entry = table[fingerprint]
            count(entry, contests[fingerprint]?.winner(rule) ?? entry.seen, -1)
            if verdict == .duplicate { counts.duplicates += 1 } else { counts.invalid += 1 }
        }
    }

    /// Notes that a record is not sent because another one is of the same person.
    func logContested(_ key: String, _ identity: Identity) throws {
        try Array(key.utf8).withUnsafeBytes { key in
            try identity.withBytes { email, userID in
                try spool.addInvalid(key: key, (email, userID), Self.samePerson(rule))
            }
        }
    }

    private static func duplicateKey(_ rule: DuplicateRule) -> FailureReason {
        switch rule {
        case .refuse:
            FailureReason(
                code: "duplicate_key", reason: "Another row has the same key and other fields; neither is sent.")
        case .newest(let column):
            FailureReason(
                code: "duplicate_key",
                reason: "Several rows have this key, and \(column) does not tell which of them is the newest.")
        }
    }

    /// Why a record is not sent that another one contradicts.
    var samePerson: FailureReason { Self.samePerson(rule) }

    private static func samePerson(_ rule: DuplicateRule) -> FailureReason {
        switch rule {
        case .refuse:
            FailureReason(
                code: "duplicate_key",
                reason: "A row with another key is of the same person and differs; neither is sent.")
        case .newest(let column):
            FailureReason(
                code: "duplicate_key",
                reason: "Rows with several keys are of this person, and \(column) does not tell which is the newest.")
        }
    }
}

import RollcallCore

extension Customers {
    /// What rows are to become, by the contract alone: who is sent, and what of each. It compares every record with every other one
    /// that shares an identifier, and knows nothing of hashes, snapshots or requests.
    struct Meaning {
        struct Record {
            /// The identifiers, and the values that are not NULL.
            var content: ProfileContent
            /// Its key, and those of equal records of the same person: one of them is sent, no matter which.
            var rivals: Set<String>
            /// Whether it depends on what was sent before if any of them is sent.
            var isAmbiguous = false
        }

        /// Records that may be sent, by key.
        private(set) var records: [String: Record] = [:]
        private(set) var rows = 0
        private(set) var invalid = 0
        private(set) var duplicates = 0
        /// Records that stand for their persons.
        private(set) var people = 0
        /// Whether ``duplicates`` and ``people`` depend on what was sent before.
        private(set) var isAmbiguous = false
        /// By key, the identities of the rows that can be sent; none: no row can.
        private(set) var standing: [String: Set<Identity>] = [:]
        /// By key, the identifiers of the rows, be they rows that cannot be sent.
        private(set) var names: [String: Set<String>] = [:]
        /// The emails and userIds of all rows, be they of no use, or of rows without a key.
        private(set) var mentioned: Set<String> = []
        /// Keys of which a row cannot be sent.
        private(set) var refused: Set<String> = []
        /// Whether records of several keys are one person.
        private(set) var hasRivals = false
        /// Keys with rows that can be sent, of which nothing says which is right.
        private(set) var undecided: Set<String> = []
        /// Keys with an identifier that another key has too.
        private(set) var sharing: Set<String> = []
        /// Keys of which nothing is sent because a record with another key is sent of the person.
        private(set) var beaten: Set<String> = []
        /// By key, what says how new the row is that is sent; and keys that have several rows.
        private(set) var ranks: [String: Int64] = [:]
        private(set) var repeated: Set<String> = []
        /// By key, where the rows stand that cannot be sent.
        private(set) var flaws: [String: [Int64?]] = [:]

        init(_ rows: [Row], _ clients: Scenario.Clients, _ type: ProjectType) {
            self.rows = rows.count
            var claimants: [String: Claimant] = [:]
            for row in rows {
                let content = clients.content(of: row)
                mentioned.formUnion([content.email, content.userID].compactMap(\.self))
                guard let key = clients.key(of: row) else {
                    invalid += 1
                    continue
                }
                let names = content.names(type)
                if names.isEmpty || clients.isFlawed(row) {
                    invalid += 1
                    claimants[key, default: Claimant()].refused.append(row["changed"].number)
                } else {
                    claimants[key, default: Claimant()].rows.append((content, row["changed"].number))
                }
                claimants[key, default: Claimant()].names.formUnion(names)
            }
            var winners: [String: ProfileContent] = [:]
            for (key, claimant) in claimants {
                standing[key] = Set(claimant.rows.map { $0.content.identity })
                names[key] = claimant.names
                if !claimant.refused.isEmpty {
                    refused.insert(key)
                    flaws[key] = claimant.refused
                }
                if claimant.rows.count + claimant.refused.count > 1 { repeated.insert(key) }
                if claimant.rows.isEmpty { continue }
                if let winner = claimant.winner(newest: clients.newest) {
                    winners[key] = winner
                    ranks[key] = claimant.rank
                    duplicates += claimant.rows.count - 1
                } else {
                    undecided.insert(key)
                    invalid += claimant.rows.count
                }
            }
            settle(claimants, winners, newest: clients.newest)
        }

        // MARK: Records that are one person

        private mutating func settle(
            _ claimants: [String: Claimant], _ winners: [String: ProfileContent], newest: Bool
        ) {
            var owners: [String: Set<String>] = [:]
            for (key, claimant) in claimants {
                for name in claimant.names { owners[name, default: []].insert(key) }
            }
            let groups = Set(owners.values.filter { $0.count > 1 })
            hasRivals = !groups.isEmpty
            sharing = groups.reduce(into: []) { $0.formUnion($1) }
            var contested: Set<String> = []
            var equals: Set<Set<String>> = []
            for group in groups {
                let contents = Set(group.map { winners[$0] })
                if contents.count == 1, group.isDisjoint(with: refused) {
                    if contents.first != .some(nil) { equals.insert(group) }
                    continue
                }
                let best = newest ? Self.newest(of: group, claimants, winners) : nil
                for key in group where winners[key] != nil && key != best {
                    if best == nil { contested.insert(key) } else { beaten.insert(key) }
                }
            }
            invalid += contested.count
            beaten.subtract(contested)
            duplicates += beaten.count
            add(winners.filter { !contested.contains($0.key) && !beaten.contains($0.key) }, equals, groups)
        }

        private mutating func add(
            _ winners: [String: ProfileContent], _ equals: Set<Set<String>>, _ groups: Set<Set<String>>
        ) {
            var counted: Set<String> = []
            for (key, content) in winners {
                let rivals = equals.filter { $0.contains(key) }.reduce(into: Set([key])) { $0.formUnion($1) }
                var record = Record(content: content, rivals: rivals)
                // Two ways to be one person with others, of which one is to be equal.
                record.isAmbiguous =
                    rivals.count > 1 && groups.contains { $0 != rivals && !$0.isDisjoint(with: rivals) }
                if record.isAmbiguous { isAmbiguous = true }
                records[key] = record
                if counted.isDisjoint(with: rivals) { people += 1 } else { duplicates += 1 }
                counted.formUnion(rivals)
            }
        }

        /// The record that is newer than all others; nil: nothing says which one.
        private static func newest(
            of group: Set<String>, _ claimants: [String: Claimant], _ winners: [String: ProfileContent]
        ) -> String? {
            let candidates = group.filter { winners[$0] != nil }
            var ranks: [String: Int64] = [:]
            for key in candidates { ranks[key] = claimants[key]?.rank }
            guard let top = ranks.values.max(), ranks.count == candidates.count,
                ranks.values.filter({ $0 == top }).count == 1
            else { return nil }
            for key in group {
                guard let claimant = claimants[key] else { continue }
                if !claimant.isOnlyOlder(than: top) { return nil }
                // Rows of one key contradict each other.
                if winners[key] == nil && claimant.refused.isEmpty { return nil }
            }
            return candidates.first { ranks[$0] == top }
        }
    }

    /// All rows of one key.
    private struct Claimant {
        /// Those that can be sent, with what says which is the newest.
        var rows: [(content: ProfileContent, rank: Int64?)] = []
        /// The same of those that cannot.
        var refused: [Int64?] = []
        var names: Set<String> = []

        var rank: Int64? { rows.compactMap { $0.rank }.max() }

        /// Whether all rows that cannot be sent are known to be older.
        func isOnlyOlder(than top: Int64) -> Bool { refused.allSatisfy { rank in rank.map { $0 < top } ?? false } }

        /// What is sent; nil: nothing says what.
        func winner(newest: Bool) -> ProfileContent? {
            guard let first = rows.first?.content else { return nil }
            let agrees = rows.allSatisfy { $0.content == first }
            if agrees && refused.isEmpty { return first }
            guard newest, let top = rank, isOnlyOlder(than: top) else { return nil }
            if agrees { return first }
            guard rows.allSatisfy({ $0.rank != nil }) else { return nil }
            let best = Set(rows.filter { $0.rank == top }.map { $0.content })
            return best.count == 1 ? best.first : nil
        }
    }
}

/// Identifiers of a person, and values by field; parts of an object by their whole name.
struct ProfileContent: Hashable {
    var email: String?
    var userID: String?
    /// As JSON.
    var values: [String: String] = [:]

    /// What is cleared.
    static let null = "null"

    var identity: Identity { Identity(email: email, userID: userID) }

    /// The identifiers by which a project knows a person.
    func names(_ type: ProjectType) -> [String] { identity.names(type) }

    var withoutNulls: ProfileContent {
        ProfileContent(email: email, userID: userID, values: values.filter { $0.value != Self.null })
    }

    var summary: String {
        let values = values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return (["\(email ?? "-")/\(userID ?? "-")"] + values).joined(separator: " ")
    }
}

extension Identity {
    /// The identifiers by which a project knows a person.
    func names(_ type: ProjectType) -> [String] {
        switch type {
        case .email: [email].compactMap(\.self)
        case .userID: [userID].compactMap(\.self)
        case .hybrid: [email, userID].compactMap(\.self)
        }
    }
}

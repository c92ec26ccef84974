import RollcallCore
import Warehouse

/// Records whose identifiers are others now than when they were last sent, and the identifiers that they had.
struct IdentityChanges: Sendable {
    private var refused: Set<Fingerprint> = []
    /// The record that has an identifier in Iterable, where its row names another one or cannot be sent.
    private var holders: [Fingerprint: Fingerprint] = [:]

    init() {}

    /// The row of a record names another person than the one who was sent.
    mutating func refuse(_ record: Fingerprint) { refused.insert(record) }

    /// - Parameter names: fingerprints of the identifiers that the record has in Iterable.
    mutating func hold(_ names: [Fingerprint], for record: Fingerprint) {
        for name in names { holders[name] = record }
    }

    /// - Parameter names: of the row.
    func refusal(_ record: Fingerprint, _ names: [Fingerprint]) -> FailureReason? {
        if refused.contains(record) { return Self.changed }
        return names.contains { (holders[$0] ?? record) != record } ? Self.conflict : nil
    }

    private static let changed = FailureReason(
        code: "identity_changed",
        reason: "The row names another person under this key than before; nothing is sent (identity_changes: refuse).")
    private static let conflict = FailureReason(
        code: "identity_conflict",
        reason: "Iterable knows another record of this sync by this identifier; nothing is sent.")

    /// Whether two identities are one person in a project.
    static func isSame(_ one: Identity, _ other: Identity, in project: ProjectType) -> Bool {
        switch project {
        case .email: return one.email == other.email
        case .userID: return one.userID == other.userID
        case .hybrid:
            if let userID = one.userID, let second = other.userID { return userID == second }
            return one.email == other.email && one.email != nil
        }
    }
}

extension RecordPlanner {
    /// Compares the identifiers of records that would be sent again with those that Iterable knows them by, and names the records
    /// that ``PersonContests`` leaves out.
    func identities(_ diff: RecordDiff) async throws -> IdentityChanges {
        var changes = IdentityChanges()
        guard case .people(_, _, let project) = subject, let persons = diff.persons else { return changes }
        // A row that cannot be sent says nothing of whom its record is.
        for page in diff.refused.keys.sorted().pages(of: Planner.memberPage) {
            for member in try await members(page) {
                changes.hold(persons.names(member.identity), for: member.fingerprint)
            }
        }
        var unnamed = Set(persons.verdicts.filter { $0.value == .contested }.keys)
        let reader = diff.spool.makeReader()
        while let page = try Self.page(reader) {
            let known = page.filter { $0.isKnown && $0.kind == .send && $0.operation.direction == .put }
            let identities = Dictionary(known.map { ($0.fingerprint, $0.identity) }) { first, _ in first }
            for member in try await members(identities.keys.sorted()) {
                guard let now = identities[member.fingerprint],
                    !IdentityChanges.isSame(member.identity, now, in: project)
                else { continue }
                changes.refuse(member.fingerprint)
                changes.hold(persons.names(member.identity), for: member.fingerprint)
            }
            for entry in page where unnamed.remove(entry.fingerprint) != nil {
                try diff.logContested(entry.record.key, entry.identity)
            }
        }
        for page in unnamed.sorted().pages(of: Planner.memberPage) {
            for member in try await members(page) {
                try diff.logContested(member.record?.key ?? "", member.identity)
            }
        }
        return changes
    }

    private func members(_ fingerprints: [Fingerprint]) async throws -> [Member] {
        if fingerprints.isEmpty { return [] }
        return try await warehouse.members(sync: sync.name, of: entries, fingerprints: fingerprints)
    }

    private static func page(_ reader: RecordSpool.Reader) throws -> [RecordSpool.Entry]? {
        var page: [RecordSpool.Entry] = []
        while page.count < Planner.memberPage, let entry = try reader.next() { page.append(entry) }
        return page.isEmpty ? nil : page
    }
}

extension Array {
    /// The elements in order, in pages of at most this size.
    fileprivate func pages(of size: Int) -> [[Element]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
    }
}

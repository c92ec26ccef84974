import RollcallCore
import Warehouse

/// Records whose identifiers are others now than when they were last sent, and the identifiers that they had.
struct IdentityChanges: Sendable {
    /// What becomes of a record because of them.
    enum Verdict: Sendable, Equatable {
        case refused(FailureReason)
        /// It is sent by a later run, once an address has changed hands.
        case waits
    }

    /// A profile that gets another address.
    private struct Rename: Sendable {
        var to: Fingerprint
        var verdict: Verdict?
    }

    private var refused: Set<Fingerprint> = []
    private var renames: [Fingerprint: Rename] = [:]
    /// The record that has an identifier in Iterable, where its row names another one or cannot be sent.
    private(set) var holders: [Fingerprint: Fingerprint] = [:]
    /// Identifiers that the update of their record frees.
    private var givenUp: Set<Fingerprint> = []
    /// The identifiers that such a record has now.
    private var moves: [Fingerprint: [Fingerprint]] = [:]

    init() {}

    var isEmpty: Bool { refused.isEmpty && renames.isEmpty && holders.isEmpty }

    /// The row of a record names another person than the one who was sent.
    mutating func refuse(_ record: Fingerprint) { refused.insert(record) }

    /// The profile of a record keeps its person and gives an identifier up; others take it once that is done, by a later run.
    /// - Parameters:
    ///   - names: fingerprints of what it gives up.
    ///   - kept: of what its row has.
    mutating func giveUp(_ names: [Fingerprint], of record: Fingerprint, for kept: Set<Fingerprint>) {
        if names.isEmpty { return }
        moves[record] = kept.sorted()
        for name in names {
            holders[name] = record
            givenUp.insert(name)
        }
    }

    /// The profile of a record is to get another address.
    mutating func rename(_ record: Fingerprint, to name: Fingerprint) { renames[record] = Rename(to: name) }

    /// - Parameter names: fingerprints of the identifiers that the record has in Iterable.
    mutating func hold(_ names: [Fingerprint], for record: Fingerprint) {
        for name in names { holders[name] = record }
    }

    /// Decides on the renames when all are known: an address that another record has is taken once that record has moved on, by a
    /// later run; where records want each other's addresses, none of them moves.
    mutating func settleRenames() {
        for record in renames.keys.sorted() {
            let verdict = verdict(ofRename: record)
            renames[record]?.verdict = verdict
        }
    }

    private func verdict(ofRename record: Fingerprint) -> Verdict? {
        var (place, met) = (record, Set<Fingerprint>())
        while let rename = renames[place] {
            guard let holder = holders[rename.to], holder != place else { return place == record ? nil : .waits }
            if !met.insert(place).inserted { return .refused(Self.conflict) }
            place = holder
        }
        return .refused(Self.conflict)
    }

    /// Whether the update of a record is sent at some time, and does not wait for one that waits for it.
    private func comesToRest(_ record: Fingerprint, _ met: Set<Fingerprint>) -> Bool {
        if met.contains(record) { return false }
        return (moves[record] ?? []).allSatisfy { name in
            guard let holder = holders[name], holder != record else { return true }
            return givenUp.contains(name) && comesToRest(holder, met.union([record]))
        }
    }

    /// What becomes of the rename of a record; nil: it is made. Not for records without one.
    func renameVerdict(_ record: Fingerprint) -> Verdict? { renames[record]?.verdict }

    /// What becomes of the update of a record; nil: it is sent.
    /// - Parameter names: of the row.
    func verdict(_ record: Fingerprint, _ names: [Fingerprint]) -> Verdict? {
        if refused.contains(record) { return .refused(Self.changed) }
        // Nothing is sent under an address that the profile does not have yet.
        if renames[record] != nil { return .waits }
        let held = names.filter { holders[$0] ?? record != record }
        guard let name = held.first(where: { !givenUp.contains($0) }) ?? held.first, let holder = holders[name] else {
            return nil
        }
        if givenUp.contains(name) { return comesToRest(holder, [record]) ? .waits : .refused(Self.conflict) }
        guard let rename = renames[holder], rename.verdict == nil || rename.verdict == .waits else {
            return .refused(Self.conflict)
        }
        return .waits
    }

    private static let changed = FailureReason(
        code: "identity_changed",
        reason: "The row names another person under this key than before; nothing is sent.")
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
    /// - Parameter lost: see ``LostRenames``. They are settled before anything else is done with their records.
    func identities(_ diff: RecordDiff, _ lost: LostRenames) async throws -> IdentityChanges {
        var changes = IdentityChanges()
        var lost = lost
        guard case .people(let users, _, let project) = subject, let persons = diff.persons else { return changes }
        let renames = project == .email && users.identityChanges == .rename
        // A row that cannot be sent, or that another one contradicts, says nothing of whom its record is.
        for page in Set(diff.refused.keys).union(diff.contradicted).sorted().pages(of: Planner.memberPage) {
            let claims = try await claims(of: members(page), persons)
            for record in page { changes.hold(claims[record] ?? [], for: record) }
        }
        var unnamed = Set(persons.verdicts.filter { $0.value == .contested }.keys)
        let selection = diff.selection
        var met: Set<Fingerprint> = []
        let reader = diff.spool.makeReader()
        while diff.spool.hasKnown || !unnamed.isEmpty, let page = try Self.page(reader) {
            // Of several rows of one key, or of one person, only the one that is sent says who its person is.
            let known = page.filter { entry in
                entry.isKnown && entry.kind == .send && entry.operation.direction == .put && selection.has(entry)
                    && met.insert(entry.fingerprint).inserted
            }
            let identities = Dictionary(known.map { ($0.fingerprint, $0.identity) }) { first, _ in first }
            let members = try await members(identities.keys.sorted())
            let claims = try await claims(of: members, persons)
            for member in members {
                guard let now = identities[member.fingerprint], !lost.want(now, member.fingerprint) else { continue }
                // Without one its profile is another record's by now: it is as a record that was never sent.
                guard let names = claims[member.fingerprint] else { continue }
                if IdentityChanges.isSame(member.identity, now, in: project) {
                    let kept = Set(persons.names(now))
                    changes.giveUp(names.filter { !kept.contains($0) }, of: member.fingerprint, for: kept)
                }
                guard !IdentityChanges.isSame(member.identity, now, in: project),
                    // Whom Iterable has never taken can be corrected.
                    member.state != .rejected || member.listed
                else { continue }
                changes.hold(names, for: member.fingerprint)
                guard renames, let name = persons.names(now).first, let email = member.identity.email,
                    member.state == .subscribed || member.state == .subscribing, let record = member.record
                else {
                    changes.refuse(member.fingerprint)
                    continue
                }
                changes.rename(member.fingerprint, to: name)
                // The row is sent after it in any case: it may have its former address, and content, again by then.
                try diff.renames.add(
                    RecordSpool.Entry(
                        kind: .send, operation: .rename, fingerprint: member.fingerprint, record: record.forgotten,
                        payload: Change.payload(ofRenameFrom: email), isKnown: true, identity: now))
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
        for rename in lost.all {
            let record = rename.member.fingerprint
            changes.hold(persons.names(rename.member.identity) + persons.names(rename.identity), for: record)
            for name in persons.names(rename.identity) { changes.rename(record, to: name) }
            if lost.isSettled(rename) { try diff.renames.add(rename.entry) }
        }
        changes.settleRenames()
        return changes
    }

    private func members(_ fingerprints: [Fingerprint]) async throws -> [Member] {
        if fingerprints.isEmpty { return [] }
        return try await warehouse.members(sync: sync.name, of: entries, fingerprints: fingerprints)
    }

    /// By record, the identifiers by which its profile is its own. One that was let go has none any more that another record of the
    /// sync has in Iterable by now; if none is left, it is left out.
    private func claims(
        of members: [Member], _ persons: PersonContests
    ) async throws -> [Fingerprint: [Fingerprint]] {
        let released = Set(members.filter { !$0.listed }.map { persons.people.naming($0.identity) })
        let owners =
            released.isEmpty
            ? [] : try await warehouse.owners(sync: sync.name, of: subject.kind, identities: Array(released))
        let taken = Set(owners.flatMap { persons.names($0.identity) })
        var claims: [Fingerprint: [Fingerprint]] = [:]
        for member in members {
            let former = persons.names(member.identity)
            let names = former.filter { member.listed || !taken.contains($0) }
            if !names.isEmpty || former.isEmpty { claims[member.fingerprint] = names }
        }
        return claims
    }

    private static func page(_ reader: RecordSpool.Reader) throws -> [RecordSpool.Entry]? {
        var page: [RecordSpool.Entry] = []
        while page.count < Planner.memberPage, let entry = try reader.next() { page.append(entry) }
        return page.isEmpty ? nil : page
    }
}

extension Array {
    /// The elements in order, in pages of at most this size.
    func pages(of size: Int) -> [[Element]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
    }
}

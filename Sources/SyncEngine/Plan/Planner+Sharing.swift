import RollcallCore
import Warehouse

/// Hybrid projects: rows and members that carry the same identifier.
extension Planner {
    func resolveSharing(
        _ diff: AudienceDiff, list: Int64?
    ) async throws -> (SharedIdentifiers, OversharedIdentifiers) {
        if diff.table.markSharing() == 0 { return (SharedIdentifiers([]) { _ in }, .none) }
        let overshared = try await takeOffOvershared(diff, list: list)
        try diff.resolveContests()
        var entries: [Fingerprint: SharedIdentifiers.Entry] = [:]
        addMembers(to: &entries, try await sharingMembers(diff, list: list), diff)
        try addSpooled(to: &entries, diff)
        try addStanding(to: &entries, diff)
        let ordered = entries.values.sorted { $0.fingerprint < $1.fingerprint }
        let sharing = try SharedIdentifiers(
            ordered, uncounted: overshared.keys, hasFields: diff.fields != nil
        ) { try log($0, diff) }
        for entry in sharing.resent { try spool(entry, diff) }
        return (sharing, overshared)
    }

    private func sharingMembers(_ diff: AudienceDiff, list: Int64?) async throws -> [Member] {
        guard let list else { return [] }
        var found: [Member] = []
        try await forEachMember(of: diff, list: list, with: [.sharing, .member]) { found.append($0) }
        return found
    }

    private func addMembers(
        to entries: inout [Fingerprint: SharedIdentifiers.Entry], _ members: [Member],
        _ diff: AudienceDiff
    ) {
        for member in members {
            let marks = diff.table.lookUp(member.fingerprint) ?? []
            entries[member.fingerprint] = SharedIdentifiers.Entry(
                fingerprint: member.fingerprint, identity: member.identity, inAudience: marks.contains(.seen),
                isPlanned: false, isRejected: marks.contains(.rejected), member: member,
                isStanding: marks.contains(.standing) && !marks.contains(.seen),
                content: diff.table.content(of: member.fingerprint))
        }
    }

    /// Rows that cannot be sent, and whose persons no other row with the same identifiers represents.
    private func addStanding(
        to entries: inout [Fingerprint: SharedIdentifiers.Entry], _ diff: AudienceDiff
    ) throws {
        let reader = diff.spool.makeStandingReader()
        while let entry = try reader.next() {
            guard entries[entry.fingerprint] == nil,
                diff.table.lookUp(entry.fingerprint)?.contains(.sharing) == true
            else { continue }
            entries[entry.fingerprint] = SharedIdentifiers.Entry(
                fingerprint: entry.fingerprint, identity: entry.identity, inAudience: false, isPlanned: false,
                isRejected: false, member: nil, isStanding: true)
        }
    }

    private func addSpooled(
        to entries: inout [Fingerprint: SharedIdentifiers.Entry], _ diff: AudienceDiff
    ) throws {
        let reader = diff.spool.makeEnteredReader()
        while let entry = try reader.next() {
            guard diff.table.lookUp(entry.fingerprint)?.contains(.sharing) == true else { continue }
            entries[
                entry.fingerprint,
                default: SharedIdentifiers.Entry(
                    fingerprint: entry.fingerprint, identity: entry.identity, inAudience: true,
                    isPlanned: true,
                    isRejected: entry.kind == .parked, member: nil,
                    content: diff.table.content(of: entry.fingerprint))
            ].isPlanned = true
        }
    }

    private func spool(_ entry: SharedIdentifiers.Entry, _ diff: AudienceDiff) throws {
        try entry.identity.withBytes { email, userID in
            try diff.spool.addEntered(
                .send, entry.fingerprint, email: email, userID: userID,
                fields: diff.fields.map {
                    FilledRow(content: entry.content.seen, held: $0.heldSets[entry.content.held])
                })
        }
    }

    private func log(_ identity: Identity, _ diff: AudienceDiff) throws {
        let reason = FailureReason(
            code: "shared_identifier",
            reason:
                "Another row with the same email or userId represents this person; this one is a duplicate."
        )
        try identity.withBytes { email, userID in
            try diff.spool.addRecord(isFailure: false, email: email, userID: userID, reason)
        }
    }

    // MARK: Identifiers that too many rows share

    /// Finds the identifiers that count as none, and takes them off the rows that carry them. Where there are none, this costs
    /// a look at the entries that share an identifier; where there are some, each row that carries one is handled once more.
    private func takeOffOvershared(_ diff: AudienceDiff, list: Int64?) async throws
        -> OversharedIdentifiers
    {
        guard diff.readsBoth else { return .none }
        var found = try diff.findOvershared(limit: sync.identity.maxSharing)
        if found.isIncomplete, let list {
            let wanted: MemberTable.Marks = [.sharing, .seen, .member]
            let incomplete = found
            try await forEachMember(of: diff, list: list, with: wanted, where: incomplete.carries) {
                found.learn($0.identity, $0.fingerprint)
            }
        }
        found.discount(isMet: diff.hasMet)
        if found.isEmpty { return .none }
        // The table must not grow while it is gone through: each entry that carries one leaves at most one more.
        diff.table.reserve(found.carriers)
        try diff.takeOff(found)
        if let list {
            let carriers = found
            let wanted: MemberTable.Marks = [.sharing, .seen, .member]
            try await forEachMember(of: diff, list: list, with: wanted, where: carriers.carries) {
                try diff.takeOff(carriers, $0.identity, $0.fingerprint, isPlanned: false)
            }
        }
        diff.table.markSharingAgain(also: found.carries)
        return found
    }
}

import RollcallCore
import Warehouse

/// Audiences whose members are sent with fields.
///
/// A member whose fields are others than Iterable acknowledged is subscribed again. Of several rows with the same identifiers and
/// different fields one is chosen, always the same one whatever their order is: that with the smallest hash. A row with a value
/// that cannot be sent is invalid, and still stands for its person.
extension AudienceDiff {
    /// One row of the audience, with its fields.
    func row(_ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>) throws {
        fields?.look(at: cells)
        try row(email, userID)
    }

    /// A row that is one of the audience if its fields can be sent.
    /// - Parameter before: marks of its entry, empty where there is none.
    func filled(
        _ fields: MemberFields, _ fingerprint: Fingerprint, _ before: MemberTable.Marks,
        _ email: UnsafeRawBufferPointer?, _ userID: UnsafeRawBufferPointer?
    ) throws {
        if wanted != nil { return try collect(fields, fingerprint, email, userID) }
        let known = table.content(of: fingerprint)
        do {
            let content = try fields.content()
            let isRepeated = before.contains(.seen)
            guard isRepeated, content >= known.seen else {
                let row = try row(fields, content, before, known)
                return try take(row, content, fingerprint, before, email, userID)
            }
            // Whether a row is invalid does not depend on which one came first.
            if content != known.seen, content != known.acknowledged { try fields.check() }
            repeated(fingerprint, isOther: content != known.seen)
        } catch let refused as RefusedRecord {
            try refuse(fingerprint, email, userID, refused.reason)
        }
    }

    private func repeated(_ fingerprint: Fingerprint, isOther: Bool) {
        counts.duplicates += 1
        if isOther { hasDifferences = true }
        _ = table.markSeen(fingerprint)
    }

    /// What is sent of a row, and how; nil where nothing is.
    private func row(
        _ fields: MemberFields, _ content: Int64, _ before: MemberTable.Marks, _ known: MemberTable.Content
    ) throws(RefusedRecord) -> (kind: ChangeKind, row: FilledRow)? {
        let isMember = before.contains(.member)
        let isSame = isMember && known.acknowledged == content
        if isSame, before.contains(.rejected), !resend.rejected {
            return (.parked, FilledRow(content: content))
        }
        let isCurrent = isSame && before.isDisjoint(with: [.rejected, .inDoubt]) && !fields.clears(held: known.held)
        if isCurrent && !resend.full { return nil }
        var row = try fields.write(held: known.held)
        row.isChange = isMember && !isSame && before.isDisjoint(with: [.rejected, .inDoubt])
        return (.send, row)
    }

    private func take(
        _ change: (kind: ChangeKind, row: FilledRow)?, _ content: Int64, _ fingerprint: Fingerprint,
        _ before: MemberTable.Marks, _ email: UnsafeRawBufferPointer?, _ userID: UnsafeRawBufferPointer?
    ) throws {
        if let (kind, row) = change {
            counts.planned.subscribe += 1
            try spool.addEntered(kind, fingerprint, email: email, userID: userID, fields: row)
        }
        if before.contains(.seen) {
            // The row that came first gives way, and so does what was spooled of it.
            hasContests = true
            repeated(fingerprint, isOther: true)
        } else {
            counts.audience += 1
            if before.isEmpty { table.addEntered(fingerprint) } else { _ = table.markSeen(fingerprint) }
        }
        table.choose(content, for: fingerprint)
    }

    private func refuse(
        _ fingerprint: Fingerprint, _ email: UnsafeRawBufferPointer?, _ userID: UnsafeRawBufferPointer?,
        _ reason: FailureReason
    ) throws {
        counts.invalid += 1
        try spool.addRecord(isFailure: true, email: email, userID: userID, reason)
        table.addStanding(fingerprint)
        try spool.addStanding(fingerprint, email: email, userID: userID)
    }

    /// Takes what was spooled of rows that gave way out of the spool again.
    func resolveContests() throws {
        guard hasContests else { return }
        hasContests = false
        try spool.removeEntered { entry in
            guard let row = entry.fields, row.content != table.content(of: entry.fingerprint).seen else { return false }
            counts.planned.subscribe -= 1
            return true
        }
    }

    // MARK: Without fields

    /// Has a member whom Iterable refused for the value of a field be sent again, for no fields are sent any more. Only before
    /// the first row.
    func takeUp(_ member: Member) {
        guard fields == nil, member.state == .rejected, member.rejection?.code == NarrowingBudget.code else { return }
        hasTakenUp = true
        table.addMember(member.fingerprint, MemberTable.Marks(.subscribing, listed: member.listed))
    }

    // MARK: A second reading

    private func collect(
        _ fields: MemberFields, _ raw: Fingerprint, _ email: UnsafeRawBufferPointer?,
        _ userID: UnsafeRawBufferPointer?
    ) throws {
        var fingerprint = raw
        if let overshared = wanted?.overshared, overshared.carries(raw) {
            let identity = Identity(
                email: email.map { String(decoding: $0, as: UTF8.self) },
                userID: userID.map { String(decoding: $0, as: UTF8.self) })
            guard let rest = overshared.take(off: identity, raw).rest else { return }
            fingerprint = fingerprinter.fingerprint(rest)
        }
        guard let wanted, wanted.entries.contains(fingerprint) else { return }
        do throws(RefusedRecord) {
            let content = try fields.content()
            if let found = wanted.found[fingerprint], found.content <= content { return }
            wanted.found[fingerprint] = try fields.write(held: 0)
        } catch {
            // It was one that could be sent, and is sent as that one was: without fields.
        }
    }
}

/// Entries that turned out to be sent after their rows had gone by, and the fields of these.
final class WantedFields {
    let entries: Set<Fingerprint>
    let overshared: OversharedIdentifiers
    fileprivate(set) var found: [Fingerprint: FilledRow] = [:]

    init(_ entries: Set<Fingerprint>, _ overshared: OversharedIdentifiers) {
        self.entries = entries
        self.overshared = overshared
    }
}

import RollcallCore
import Warehouse

/// Compares the audience, as it streams by, with the snapshot's fingerprints.
///
/// The hot path, a row that is on the snapshot already, makes no String and no allocation: fold, fingerprint, one look
/// into the table, for a ``RowBatch`` at a time. Only the other rows are taken one by one, validated and spooled. Used by
/// one thread at a time.
// SAFETY: ``DiffFeed`` lets one thread at a time call it, and the planner uses it when the reading has ended.
final class AudienceDiff: @unchecked Sendable {
    /// Rows and identities seen; `audience` here counts distinct identities before shared identifiers are merged.
    var counts = RunCounts()
    let spool: PlanSpool
    /// The fields that are sent with each member; nil: none are. See ``AudienceDiff/row(_:_:_:)``.
    let fields: MemberFields?
    /// Whether rows of one identity have given different fields, and the spool has more than what was chosen.
    var hasContests = false
    /// Whether rows of one identity have given different fields at all.
    var hasDifferences = false
    /// What is noted of the buckets that rows lie in; nil: nothing is known of them.
    var buckets: BucketNotes?
    /// Whether members stand in the table otherwise than on the snapshot: see ``takeUp(_:)``.
    var hasTakenUp = false
    /// Set while a second reading looks for the fields of these entries alone.
    var wanted: WantedFields?
    private let loaded: LoadedTable
    var table: MemberTable {
        _read { yield loaded.value }
        _modify { yield &loaded.value }
    }
    /// Members of the snapshot that may be on the list because of this sync.
    var listedMembers: Int { table.count(with: [.member, .listed]) }

    let columns: IdentifierColumns
    let fingerprinter: Fingerprinter
    let resend: PlanScope
    private let normalizer = IdentifierNormalizer()

    /// - Parameters:
    ///   - snapshot: the members; marked from now on.
    ///   - fields: what is sent with each member; nil: nothing is.
    init(
        columns: IdentifierColumns, fingerprinter: Fingerprinter, resend: PlanScope, snapshot: LoadedTable,
        fields: MemberFields? = nil
    ) {
        loaded = snapshot
        self.fields = fields
        spool = PlanSpool(hasFields: fields != nil)
        self.columns = columns
        self.fingerprinter = fingerprinter
        self.resend = resend
    }

    /// Whether rows may carry two identifiers.
    var readsBoth: Bool { columns.email != nil && columns.userID != nil }

    /// Counts how often each identity comes, so that a row can be taken back. Only before the first row.
    func countMeetings() { table.countsMeetings = true }

    /// Some rows of the audience, hashed already.
    func rows(_ batch: borrowing RowBatch) throws {
        // In a full run no row counts as unchanged.
        let seen = table.markSeen(
            batch.fingerprints, except: resend.full ? .used : [.inDoubt, .rejected], unresolved: batch.unresolved)
        counts.rowsRead += seen.unchanged + seen.duplicates
        counts.audience += seen.unchanged
        counts.duplicates += seen.duplicates
        for place in batch.unresolved[..<seen.unresolved] { try row(batch.email(Int(place)), batch.userID(Int(place))) }
        if buckets != nil { table.noteBuckets(batch.fingerprints, batch.buckets) }
    }

    /// Counts rows that are those of members who are marked as seen already, one each. Only before the first row.
    func passOver(_ rows: Int) {
        counts.rowsRead += rows
        counts.audience += rows
    }

    func hash(_ batch: borrowing RowBatch) { batch.hash(columns, fingerprinter) }

    /// One row of the audience.
    func row(_ email: AudienceCell, _ userID: AudienceCell) throws {
        counts.rowsRead += 1
        let row = Row(email: email, userID: userID)
        if columns.userID == nil {
            try emailRow(row)
        } else if columns.email == nil {
            try userIDRow(row)
        } else {
            try pairRow(row)
        }
    }

    private struct Row {
        var email: AudienceCell
        var userID: AudienceCell
    }

    private func emailRow(_ row: Row) throws {
        guard let raw = row.email.bytes else { return try reject(row, Reasons.missing) }
        guard row.email.isIdentifier else { return try reject(row, Reasons.unsupported) }
        try emailOnly(normalizer.normalForm(raw), row)
    }

    private func userIDRow(_ row: Row) throws {
        guard let raw = row.userID.bytes else { return try reject(row, Reasons.missing) }
        guard row.userID.isIdentifier else { return try reject(row, Reasons.unsupported) }
        try userIDOnly(raw, row)
    }

    /// Both columns are read; each may be absent (NULL or blank) or invalid, and the row continues with the other one.
    private func pairRow(_ row: Row) throws {
        let userID = row.userID.bytes.flatMap { $0.isEmpty ? nil : $0 }
        guard let raw = row.email.bytes else {
            return userID == nil ? try reject(row, Reasons.missing) : try userIDRow(row)
        }
        if !row.email.isIdentifier { return try withoutEmail(row, userID, Reasons.unsupported) }
        try normalizer.withEmail(raw) { email in
            guard let userID else { return try self.emailOnly(email, row) }
            if email.isEmpty { return try self.userIDRow(row) }
            if !row.userID.isIdentifier {
                try self.drop(row, Reasons.unsupported, "userId")
                return try self.emailOnly(email, row)
            }
            try self.pair(email, userID, row)
        }
    }

    private func pair(_ email: UnsafeRawBufferPointer, _ userID: UnsafeRawBufferPointer, _ row: Row) throws {
        let fingerprint = fingerprinter.fingerprint(email: email, userID: userID)
        if let marks = meet(fingerprint) { return try known(fingerprint, marks, email, userID) }
        switch (EmailRules.failure(email), UserIDRules.failure(userID)) {
        case (nil, nil):
            try entered(fingerprint, email, userID)
        case (let failure?, nil):
            try withoutEmail(row, userID, failure)
        case (nil, let failure?):
            try drop(row, failure, "userId")
            try emailOnly(email, row)
        case (let failure?, _?):
            try reject(row, failure)
        }
    }

    private func withoutEmail(_ row: Row, _ userID: UnsafeRawBufferPointer?, _ failure: FailureReason) throws {
        guard let userID, row.userID.isIdentifier, UserIDRules.failure(userID) == nil else {
            return try reject(row, failure)
        }
        try drop(row, failure, "email")
        try userIDOnly(userID, row)
    }

    private func emailOnly(_ email: UnsafeRawBufferPointer, _ row: Row) throws {
        let fingerprint = fingerprinter.fingerprint(email: email, userID: nil)
        if let marks = meet(fingerprint) { return try known(fingerprint, marks, email, nil) }
        if let failure = EmailRules.failure(email) { return try reject(row, failure) }
        try entered(fingerprint, email, nil)
    }

    private func userIDOnly(_ userID: UnsafeRawBufferPointer, _ row: Row) throws {
        let fingerprint = fingerprinter.fingerprint(email: nil, userID: userID)
        if let marks = meet(fingerprint) { return try known(fingerprint, marks, nil, userID) }
        if let failure = UserIDRules.failure(userID) { return try reject(row, failure) }
        try entered(fingerprint, nil, userID)
    }

    /// The marks of the entry before this row, nil if there is none. Of a row with fields it is decided later whether it counts.
    private func meet(_ fingerprint: Fingerprint) -> MemberTable.Marks? {
        fields == nil ? table.markSeen(fingerprint) : table.lookUp(fingerprint)
    }

    private func known(
        _ fingerprint: Fingerprint, _ marks: MemberTable.Marks, _ email: UnsafeRawBufferPointer?,
        _ userID: UnsafeRawBufferPointer?
    ) throws {
        if let fields { return try filled(fields, fingerprint, marks, email, userID) }
        if marks.contains(.seen) {
            counts.duplicates += 1
            return
        }
        counts.audience += 1
        if marks.contains(.rejected) {
            counts.planned.subscribe += 1
            try spool.addEntered(resend.rejected ? .send : .parked, fingerprint, email: email, userID: userID)
        } else if marks.contains(.inDoubt) || resend.full {
            counts.planned.subscribe += 1
            try spool.addEntered(.send, fingerprint, email: email, userID: userID)
        }
    }

    private func entered(
        _ fingerprint: Fingerprint, _ email: UnsafeRawBufferPointer?, _ userID: UnsafeRawBufferPointer?
    ) throws {
        if let fields { return try filled(fields, fingerprint, [], email, userID) }
        counts.audience += 1
        counts.planned.subscribe += 1
        table.addEntered(fingerprint)
        try spool.addEntered(.send, fingerprint, email: email, userID: userID)
    }

    private func reject(_ row: Row, _ reason: FailureReason) throws {
        counts.invalid += 1
        try spool.addRecord(isFailure: true, email: row.email.bytes, userID: row.userID.bytes, reason)
    }

    private func drop(_ row: Row, _ failure: FailureReason, _ identifier: String) throws {
        try spool.addRecord(
            isFailure: false, email: row.email.bytes, userID: row.userID.bytes, Reasons.dropped(identifier, failure))
    }

    // MARK: Identifiers that too many rows share

    /// Identifiers that more than `limit` entries carry, with their texts as far as the spool has them. Call when the
    /// sharing entries are marked.
    func findOvershared(limit: Int) throws -> OversharedIdentifiers {
        let crowded = table.crowdedHalves(moreThan: limit)
        var found = OversharedIdentifiers(emails: crowded.emails, userIDs: crowded.userIDs, limit: limit)
        if found.isEmpty { return found }
        let reader = spool.makeEnteredReader()
        while let entry = try reader.next() { found.learn(entry.identity, entry.fingerprint) }
        return found
    }

    /// Takes identifiers that count as none off the rows that were spooled with them, as if they had come without.
    func takeOff(_ shared: OversharedIdentifiers) throws {
        try spool.removeEntered { entry in
            if let row = entry.fields { fields?.look(at: row) }
            return try shared.carries(entry.fingerprint)
                && takeOff(shared, entry.identity, entry.fingerprint, isPlanned: true)
        }
    }

    /// The same for one identity that was seen and carries one of them.
    /// - Parameter isPlanned: whether it was spooled.
    /// - Returns: whether it carries one.
    @discardableResult
    func takeOff(
        _ shared: OversharedIdentifiers, _ identity: Identity, _ fingerprint: Fingerprint, isPlanned: Bool
    ) throws -> Bool {
        let rows = table.meetings(of: fingerprint)
        let (rest, reason) = shared.take(off: identity, fingerprint)
        guard let reason, rows > 0 else { return false }
        if let fields, !isPlanned {
            // Its row was not written: it was as Iterable has it.
            fields.look(at: FilledRow(content: table.content(of: fingerprint).seen))
        }
        table.unmeet(fingerprint)
        counts.audience -= 1
        counts.duplicates -= rows - 1
        if isPlanned { counts.planned.subscribe -= 1 }
        try identity.withBytes { email, userID in
            for _ in 0..<rows {
                try spool.addRecord(isFailure: rest == nil, email: email, userID: userID, reason)
            }
        }
        guard let rest else {
            counts.invalid += rows
            return true
        }
        try rest.withBytes { email, userID in
            let fingerprint = fingerprinter.fingerprint(email: email, userID: userID)
            if let marks = meet(fingerprint) {
                try known(fingerprint, marks, email, userID)
            } else {
                try entered(fingerprint, email, userID)
            }
        }
        counts.duplicates += rows - 1
        return true
    }

    /// Whether a row of exactly this identity was seen.
    func hasMet(_ identity: Identity) -> Bool {
        table.lookUp(fingerprinter.fingerprint(identity))?.contains(.seen) ?? false
    }

    enum Reasons {
        /// A row continues with its other identifier.
        static func dropped(_ identifier: String, _ failure: FailureReason) -> FailureReason {
            FailureReason(
                code: "identifier_dropped", reason: "went on without the \(identifier): \(failure.reason)")
        }

        static let missing = FailureReason(
            code: "identifier_missing", reason: "The row has no identifier: the mapped columns are NULL.")
        static let unsupported = FailureReason(
            code: "identifier_type", reason: "The value is of a kind that cannot be an identifier.")
    }
}

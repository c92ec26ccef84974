package import RollcallCore
import Synchronization
package import Warehouse

/// Everything that is known of one person, or of one record, in one sync.
package struct WhyReport: Sendable {
    /// A row of the source that carries the identifier.
    package struct Row: Sendable, Equatable {
        package var email: String?
        package var userID: String?
        /// Of other kinds than lists.
        package var recordKey: String?
        /// Whom the row stands for, without identifiers that are refused; nil when nothing is left.
        package var person: Identity?
        /// Why the row, or one identifier of it, is refused; nil where all is well.
        package var failure: FailureReason?
        /// Who represents the person, by the identifiers of another row that shares one with this row; nil where this row does.
        package var representative: Identity?
        /// Of events: what the row says of one.
        package var event: Event?
        /// Whether the row counts as one of the audience, or as a record.
        package var isValid: Bool {
            if event?.isExcluded == true { return false }
            return recordKey == nil ? person != nil : failure == nil
        }
    }

    package let kind: RecordKind
    /// The identifier in the forms that were looked for; of a record its key, as the userId.
    package var identity: Identity
    /// The first 20 rows of the source that carry it.
    package var rows: [Row]
    /// Set where the identifier itself counts as none, as too many rows carry it.
    package var overshared: OversharedIdentifier?
    /// Entries of the snapshot; of events none.
    package var members: [MemberEntry]
    /// Logged outcomes, newest first.
    package var records: [LogRecord] = []
    /// What the next run would do about it, and whether a guard would hold the run.
    package var changes: [Change] = []
    package var held: [GuardFinding] = []
    /// Why the next run would be refused before anything is sent (`list_taken`); `changes` is empty then.
    package var refusal: RunError?
    /// Whether the record is sent by a later run, once an address has changed hands.
    package var waits = false
    /// Of users: whether people whom Iterable has not acknowledged are looked up there first (`mode: update`).
    package var looksUp = false
    /// Of events: those that the sync has seen, the latest first.
    package var events: [StoredEvent] = []
    /// Of events: the people of rows and of events that are still to be sent, where these wait for another sync (`after`).
    package var acknowledgements: [Acknowledgement] = []
    /// Of events: seconds from the first sight of one within which its person may still appear.
    var waitForUserSeconds = 0
    /// Of events: why a run does not look at a row, although nothing is wrong with it; a clause.
    var unread: String?

    init(kind: RecordKind, identity: Identity, rows: [Row], members: [MemberEntry]) {
        self.kind = kind
        self.identity = identity
        self.rows = rows
        self.members = members
    }
}

extension SyncPipeline {
    /// Looks one person or record up everywhere. Writes nothing. Throws `state_elsewhere` or `state_unknown` where a run would:
    /// the story would be that of a sync which has done nothing yet.
    /// - Parameters:
    ///   - identifier: an email (in any spelling) or a userId; the key of a record, or the id of an item or event.
    ///   - logLimit: how many logged outcomes are wanted.
    package func why(_ identifier: String, logLimit: Int = 50) async throws -> WhyReport {
        try await refuseStateElsewhere()
        let found = try await resolver.find()
        let refusal = try await found.refusal()
        let plan = try await plan(for: found)
        if let events = found as? FoundEvents, let changes = plan.changes as? EventChanges {
            return try await EventStory(self, events, identifier).report(plan, changes, refusal, logLimit: logLimit)
        }
        guard let changes = plan.members else {
            return try await why(record: identifier, plan, refusal, found, logLimit: logLimit)
        }
        return try await why(person: identifier, plan, changes, refusal, logLimit: logLimit)
    }

    private func why(
        person identifier: String, _ plan: Plan, _ planned: ListChanges, _ refusal: RunError?, logLimit: Int
    ) async throws -> WhyReport {
        let email = identifier.contains("@") ? IdentifierNormalizer.normalizedEmail(identifier) : nil
        let wanted = Identity(email: email, userID: identifier)
        let rows = try await rows(of: wanted, raw: identifier).map { planned.judge($0) }
        let members = try await plan.listID.asyncMap { try await self.members(of: wanted, rows, list: $0) } ?? []
        let people = Set(rows.flatMap { [$0.person, $0.representative].compactMap(\.self) })
        let fingerprints = Set(members.map(\.member.fingerprint))
        var changes: [Change] = []
        try plan.forEachChange(limit: refusal == nil ? nil : 0) { change in
            let isTheirs = change.identity.shares(with: wanted) || people.contains(change.identity)
            if isTheirs || fingerprints.contains(change.fingerprint) { changes.append(change) }
        }
        var report = WhyReport(kind: .list, identity: wanted, rows: rows, members: members)
        report.overshared = planned.overshared(wanted)
        report.records = try await records([identifier, email ?? identifier], planned.logIdentity, limit: logLimit)
        (report.changes, report.held, report.refusal) = (changes, plan.held, refusal)
        return report
    }

    /// Entries of the snapshot that carry the identifier, or belong to a row that lost it because it is refused.
    private func members(of wanted: Identity, _ rows: [WhyReport.Row], list: Int64) async throws -> [MemberEntry] {
        var found = try await warehouse.members(sync: sync.name, of: .list(list), knownAs: wanted)
        // Whom an identifier stands for that counts as none, no one knows: its rows are many people's.
        let own = rows.filter {
            $0.failure?.code != "identifier_shared" || $0.person?.shares(with: wanted) == true
        }
        let people = Set(own.compactMap(\.person) + own.compactMap(\.representative))
        for person in people.sorted(by: { "\($0)" < "\($1)" }) where !person.shares(with: wanted) {
            for entry in try await warehouse.members(sync: sync.name, of: .list(list), knownAs: person)
            where !found.contains(where: { $0.member.fingerprint == entry.member.fingerprint }) {
                found.append(entry)
            }
        }
        return found
    }

    private func rows(of wanted: Identity, raw: String) async throws -> [WhyReport.Row] {
        let finder = RowFinder(wanted, raw: raw)
        if let shape = try await planner.shape(), let fields = planner.memberFields(shape, freshKey()) {
            let reader = FieldsFinder(finder, fields)
            try await warehouse.readRecords(sync.audience, columns: shape.columns, parts: 1) {
                _, email, userID, cells in
                reader.row(email, userID, cells)
            }
            return finder.rows
        }
        let columns = try await planner.columns()
        try await warehouse.readAudience(sync.audience, columns: columns) { _ = finder.row($0, $1) }
        return finder.rows
    }

    /// Logged outcomes of whoever or whatever has one of these names.
    func records(_ names: [String], _ logIdentity: LogIdentity, limit: Int) async throws -> [LogRecord] {
        var filter = RecordFilter()
        filter.sync = sync.name
        filter.limit = limit
        filter.identifiers = Set(names.flatMap { [$0, logIdentity.of($0)] }).sorted()
        let found = Collector<LogRecord>()
        try await warehouse.records(filter) { found.add($0) }
        return found.items
    }
}

extension ListChanges {
    /// The row as the plan takes it.
    fileprivate func judge(_ row: WhyReport.Row) -> WhyReport.Row {
        guard let person = row.person else { return row }
        var row = row
        let standing = standing(of: person)
        row.person = standing.person
        row.failure = standing.reason ?? row.failure
        row.representative = standing.representative
        return row
    }

    fileprivate func overshared(_ wanted: Identity) -> OversharedIdentifier? {
        overshared.list.first { $0.value == ($0.kind == .email ? wanted.email : wanted.userID) }
    }
}

extension Identity {
    /// Whether the two carry the same email or the same userId.
    func shares(with other: Identity) -> Bool {
        (email != nil && email == other.email) || (userID != nil && userID == other.userID)
    }
}

/// Gathers what a callback gives, one call at a time.
final class Collector<Item: Sendable>: Sendable {
    private let found = Mutex<[Item]>([])
    var items: [Item] { found.withLock { $0 } }
    func add(_ item: Item) { found.withLock { $0.append(item) } }
}

/// Finds one person's rows, of which it also looks at the fields.
// SAFETY: as for ``RowFinder``.
private final class FieldsFinder: @unchecked Sendable {
    private let finder: RowFinder
    private let fields: MemberFields

    init(_ finder: RowFinder, _ fields: MemberFields) {
        self.finder = finder
        self.fields = fields
    }

    func row(_ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>) {
        guard finder.row(email, userID) else { return }
        fields.look(at: cells)
        do throws(RefusedRecord) {
            _ = try fields.write(held: 0)
        } catch {
            finder.refuseLast(error.reason)
        }
    }
}

/// Finds one person's rows while the audience streams by.
// SAFETY: one reading calls `row` from one thread at a time, and the rows are looked at when it has ended.
private final class RowFinder: @unchecked Sendable {
    private(set) var rows: [WhyReport.Row] = []
    private let email: [UInt8]?
    private let raw: [UInt8]
    private let normalizer = IdentifierNormalizer()

    init(_ wanted: Identity, raw: String) {
        email = wanted.email.map { Array($0.utf8) }
        self.raw = Array(raw.utf8)
    }

    /// - Returns: whether the row is one of them.
    func row(_ emailCell: AudienceCell, _ userIDCell: AudienceCell) -> Bool {
        guard rows.count < 20, matchesEmail(emailCell) || matches(userIDCell, raw) else { return false }
        rows.append(row(of: emailCell, userIDCell))
        return true
    }

    /// The row that was found last cannot be sent because of a field.
    func refuseLast(_ reason: FailureReason) {
        guard let last = rows.indices.last, rows[last].person != nil else { return }
        (rows[last].person, rows[last].failure) = (nil, reason)
    }

    /// A row continues with one identifier when the other is absent or refused.
    private func row(of emailCell: AudienceCell, _ userIDCell: AudienceCell) -> WhyReport.Row {
        var person = Identity(email: nil, userID: nil)
        var emailFailure: FailureReason?
        var userIDFailure: FailureReason?
        emailCell.bytes.map { bytes in
            normalizer.withEmail(bytes) { email in
                guard !email.isEmpty else { return }
                emailFailure = emailCell.isIdentifier ? EmailRules.failure(email) : AudienceDiff.Reasons.unsupported
                if emailFailure == nil { person.email = String(decoding: email, as: UTF8.self) }
            }
        }
        if let bytes = userIDCell.bytes, !bytes.isEmpty {
            userIDFailure = userIDCell.isIdentifier ? UserIDRules.failure(bytes) : AudienceDiff.Reasons.unsupported
            if userIDFailure == nil { person.userID = String(decoding: bytes, as: UTF8.self) }
        }
        let isAnybody = person.email != nil || person.userID != nil
        let failure =
            isAnybody
            ? emailFailure.map { AudienceDiff.Reasons.dropped("email", $0) }
                ?? userIDFailure.map { AudienceDiff.Reasons.dropped("userId", $0) }
            : emailFailure ?? userIDFailure ?? AudienceDiff.Reasons.missing
        return WhyReport.Row(
            email: text(emailCell), userID: text(userIDCell), recordKey: nil, person: isAnybody ? person : nil,
            failure: failure)
    }

    private func matches(_ cell: AudienceCell, _ wanted: [UInt8]) -> Bool {
        guard let bytes = cell.bytes, bytes.count == wanted.count else { return false }
        return bytes.elementsEqual(wanted)
    }

    private func matchesEmail(_ cell: AudienceCell) -> Bool {
        guard let bytes = cell.bytes else { return false }
        if matches(cell, raw) { return true }
        guard let email else { return false }
        return normalizer.withEmail(bytes) { $0.elementsEqual(email) }
    }

    private func text(_ cell: AudienceCell) -> String? {
        cell.bytes.map { String(decoding: $0.prefix(PlanSpool.loggedBytes), as: UTF8.self) }
    }
}

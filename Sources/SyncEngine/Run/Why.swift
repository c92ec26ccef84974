public import RollcallCore
import Synchronization
public import Warehouse

/// Everything that is known of one person in one sync.
public struct WhyReport: Sendable {
    /// A row of the audience that carries the identifier.
    public struct Row: Sendable, Equatable {
        public var email: String?
        public var userID: String?
        /// Whom the row stands for, without identifiers that are refused; nil when nothing is left.
        public var person: Identity?
        /// Why the row, or one identifier of it, is refused; nil where all is well.
        public var failure: FailureReason?
        /// Who represents the person, by the identifiers of another row that shares one with this row; nil where this row does.
        public var representative: Identity?
        /// Whether the row counts as one of the audience.
        public var isValid: Bool { person != nil }
    }

    /// The identifier in the forms that were looked for.
    public var identity: Identity
    /// The first 20 rows of the audience that carry it.
    public var rows: [Row]
    /// Set where the identifier itself counts as none, as too many rows carry it.
    public var overshared: OversharedIdentifier?
    /// Entries of the snapshot.
    public var members: [MemberEntry]
    /// Logged outcomes, newest first.
    public var records: [LogRecord]
    /// What the next run would do about the person, and whether a guard would hold it.
    public var changes: [Change]
    public var held: [GuardFinding]
    /// Why the next run would be refused before anything is sent (`list_taken`); `changes` is empty then.
    public var refusal: RunError?
}

extension SyncPipeline {
    /// Looks one person up everywhere. Writes nothing.
    /// - Parameters:
    ///   - identifier: an email (in any spelling) or a userId.
    ///   - logLimit: how many logged outcomes are wanted.
    public func why(_ identifier: String, logLimit: Int = 50) async throws -> WhyReport {
        let email = identifier.contains("@") ? IdentifierNormalizer.normalizedEmail(identifier) : nil
        let wanted = Identity(email: email, userID: identifier)
        let found = try await resolver.find()
        let (list, refusal) = (found.id, try await found.refusal())
        let plan = try await plan(list: list)
        let rows = try await rows(of: wanted, raw: identifier).map { plan.judge($0) }
        let members = try await list.asyncMap { try await self.members(of: wanted, rows, list: $0) } ?? []
        var changes: [Change] = []
        try plan.forEachChange(limit: refusal == nil ? nil : 0) { change in
            if change.identity.shares(with: wanted)
                || rows.contains(where: { $0.person == change.identity || $0.representative == change.identity })
                || members.contains(where: { $0.member.fingerprint == change.fingerprint })
            {
                changes.append(change)
            }
        }
        return WhyReport(
            identity: wanted, rows: rows, overshared: plan.overshared(wanted), members: members,
            records: try await records(of: wanted, raw: identifier, plan.logIdentity, limit: logLimit),
            changes: changes, held: plan.held, refusal: refusal)
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
        let columns = try await planner.columns()
        try await warehouse.readAudience(sync.audience, columns: columns) { finder.row($0, $1) }
        return finder.rows
    }

    private func records(
        of wanted: Identity, raw: String, _ logIdentity: LogIdentity, limit: Int
    ) async throws -> [LogRecord] {
        var filter = RecordFilter()
        filter.sync = sync.name
        filter.limit = limit
        filter.identifiers = Array(
            Set([raw, wanted.email ?? raw].flatMap { [$0, logIdentity.of($0)] })
        ).sorted()
        let found = Collector<LogRecord>()
        try await warehouse.records(filter) { found.add($0) }
        return found.items
    }
}

extension Plan {
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
        oversharedIdentifiers.first { $0.value == ($0.kind == .email ? wanted.email : wanted.userID) }
    }
}

extension Identity {
    /// Whether the two carry the same email or the same userId.
    func shares(with other: Identity) -> Bool {
        (email != nil && email == other.email) || (userID != nil && userID == other.userID)
    }
}

/// Gathers what a callback gives, one call at a time.
private final class Collector<Item: Sendable>: Sendable {
    private let found = Mutex<[Item]>([])
    var items: [Item] { found.withLock { $0 } }
    func add(_ item: Item) { found.withLock { $0.append(item) } }
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

    func row(_ emailCell: AudienceCell, _ userIDCell: AudienceCell) {
        guard rows.count < 20, matchesEmail(emailCell) || matches(userIDCell, raw) else { return }
        rows.append(row(of: emailCell, userIDCell))
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
            email: text(emailCell), userID: text(userIDCell), person: isAnybody ? person : nil, failure: failure)
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

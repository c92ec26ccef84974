public import RollcallCore
public import Warehouse

/// Everything that is known of one person in one sync.
public struct WhyReport: Sendable {
    /// A row of the audience that carries the identifier.
    public struct Row: Sendable, Equatable {
        public var email: String?
        public var userID: String?
        /// Why an identifier of the row is refused; nil where all is well.
        public var failure: FailureReason?
    }

    /// The identifier in the forms that were looked for.
    public var identity: Identity
    /// The first 20 rows of the audience that carry it.
    public var rows: [Row]
    /// Entries of the snapshot.
    public var members: [MemberEntry]
    /// Logged outcomes, newest first.
    public var records: [LogRecord]
    /// What the next run would do about the person, and whether a guard would hold it.
    public var changes: [Change]
    public var held: [GuardFinding]
}

extension SyncPipeline {
    /// Looks one person up everywhere. Writes nothing.
    /// - Parameters:
    ///   - identifier: an email (in any spelling) or a userId.
    ///   - logLimit: how many logged outcomes are wanted.
    public func why(_ identifier: String, logLimit: Int = 50) async throws -> WhyReport {
        let email = identifier.contains("@") ? IdentifierNormalizer.normalizedEmail(identifier) : nil
        let wanted = Identity(email: email, userID: identifier)
        let list = try await resolver.find()?.listID
        let members =
            try await list.asyncMap { try await warehouse.members(sync: sync.name, list: $0, knownAs: wanted) } ?? []
        let plan = try await plan()
        var changes: [Change] = []
        try plan.forEachChange(limit: nil) { change in
            if change.identity.shares(with: wanted)
                || members.contains(where: { $0.member.fingerprint == change.fingerprint })
            {
                changes.append(change)
            }
        }
        return WhyReport(
            identity: wanted, rows: try await rows(of: wanted, raw: identifier), members: members,
            records: try await records(of: wanted, raw: identifier, plan.logIdentity, limit: logLimit),
            changes: changes, held: plan.held)
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

extension Identity {
    /// Whether the two carry the same email or the same userId.
    func shares(with other: Identity) -> Bool {
        (email != nil && email == other.email) || (userID != nil && userID == other.userID)
    }
}

/// Gathers what a callback gives, one call at a time.
private final class Collector<Item: Sendable>: @unchecked Sendable {
    private(set) var items: [Item] = []
    func add(_ item: Item) { items.append(item) }
}

/// Finds one person's rows while the audience streams by.
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
        rows.append(
            WhyReport.Row(
                email: text(emailCell), userID: text(userIDCell), failure: failure(emailCell, userIDCell)))
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

    private func failure(_ emailCell: AudienceCell, _ userIDCell: AudienceCell) -> FailureReason? {
        let emailFailure = emailCell.bytes.flatMap { bytes in normalizer.withEmail(bytes) { EmailRules.failure($0) } }
        return emailFailure ?? userIDCell.bytes.flatMap { UserIDRules.failure($0) }
    }

    private func text(_ cell: AudienceCell) -> String? {
        cell.bytes.map { String(decoding: $0.prefix(PlanSpool.loggedBytes), as: UTF8.self) }
    }
}

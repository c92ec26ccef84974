import Foundation
import RollcallCore
import Warehouse

extension SyncPipeline {
    /// Looks one record up by its key, or by its item's id, or by an identifier of its person.
    func why(
        record key: String, _ plan: Plan, _ refusal: RunError?, _ found: any FoundTarget, logLimit: Int
    ) async throws -> WhyReport {
        let email = plan.kind == .users ? IdentifierNormalizer.normalizedEmail(key) : nil
        let names = Identity(email: email, userID: key)
        var report = WhyReport(
            kind: plan.kind, identity: names, rows: [],
            members: try await warehouse.members(sync: sync.name, of: .records(plan.kind), knownAs: names))
        if let records = found as? any FoundRecords {
            report.rows = try await records.planner.rows(of: key, records.shape)
            if case .people(let users, _, _) = records.planner.subject { report.looksUp = users.looksUp }
        }
        if let changes = plan.changes as? RecordChanges {
            let names = Set([key, email ?? key] + report.members.compactMap(\.member.record?.key))
            report.records = try await records(names.sorted(), changes.logIdentity, limit: logLimit)
            report.waits =
                try refusal == nil
                && changes.isWaiting { entry in
                    [entry.record.key, entry.record.itemID, entry.identity.userID].contains(key)
                        || (email != nil && entry.identity.email == email)
                }
        }
        try plan.forEachChange(limit: refusal == nil ? nil : 0) { change in
            let identity = change.identity
            if [change.record?.key, change.record?.itemID, identity.userID].contains(key)
                || (email != nil && identity.email == email)
            {
                report.changes.append(change)
            }
        }
        // A row that is right by itself may contradict that of another key, which only the whole source tells.
        let logIdentity = (plan.changes as? RecordChanges)?.logIdentity
        let keys = Set(
            ([key] + report.members.compactMap(\.member.record?.key)).compactMap { key -> String? in
                guard let logIdentity else { return key }
                return logIdentity.unambiguous(key: key)
            })
        try plan.forEachInvalidRow(limit: report.rows.contains(where: \.isValid) ? nil : 0) { record in
            guard record.reason.code == "duplicate_key", let name = record.recordKey,
                keys.contains(String(decoding: name, as: UTF8.self))
            else { return }
            for index in report.rows.indices { report.rows[index].failure = record.reason }
        }
        (report.held, report.refusal) = (plan.held, refusal)
        return report
    }
}

extension LogIdentity {
    /// How a plan shows a key that failed validation; nil where other keys may look the same.
    func unambiguous(key: String) -> String? {
        guard let shown = of(key: key) else { return key }
        return shown.hasPrefix("hash:") ? shown : nil
    }
}

extension RecordPlanner {
    private static let mostRows = 20

    /// The first rows with this key, and what is wrong with each.
    func rows(of key: String, _ shape: RecordShape) async throws -> [WhyReport.Row] {
        let finder = RecordRowFinder(shape, key: key, largest: largest)
        try await stop.breakingOff { [warehouse, sync] in
            try await warehouse.readRecords(sync.audience, columns: shape.columns, parts: 1) {
                _, email, userID, cells in
                try finder.row(email, userID, cells)
            }
        }
        return try finder.rows().prefix(Self.mostRows).map { $0 }
    }
}

/// Compares the rows of one key with each other, as a plan does, while the source streams by.
// SAFETY: one reading calls `row` from one thread at a time, and the rows are looked at when it has ended.
private final class RecordRowFinder: @unchecked Sendable {
    private let diff: RecordDiff
    private let subject: RowSubject
    private let key: [UInt8]
    private let email: [UInt8]?

    init(_ shape: RecordShape, key: String, largest: Int) {
        self.key = Array(key.utf8)
        email = IdentifierNormalizer.normalizedEmail(key).map { Array($0.utf8) }
        subject = RowSubject(shape)
        diff = RecordDiff(
            shape, table: RecordTable(), key: [], salt: "", resend: .init(full: true, rejected: true),
            largest: largest)
    }

    func row(_ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>) throws {
        var hasKey = true
        if case .noKey(_, shown: false) = subject.read(email, userID, cells) { hasKey = false }
        let isNamed = subject.userID == key || (subject.email != nil && subject.email == self.email)
        let isIt = isNamed || hasKey && (subject.key == key || subject.item == key)
        if isIt { try diff.row(email, userID, cells) }
    }

    func rows() throws -> [WhyReport.Row] {
        try diff.settle()
        let name = String(decoding: key, as: UTF8.self)
        var rows: [WhyReport.Row] = []
        let invalid = diff.spool.makeInvalidReader()
        while let record = try invalid.next() {
            rows.append(
                WhyReport.Row(
                    email: nil, userID: nil, recordKey: name, person: nil, failure: record.reason, representative: nil))
        }
        for verdict in diff.persons?.verdicts.values ?? [:].values where verdict == .contested {
            rows.append(
                WhyReport.Row(
                    email: nil, userID: nil, recordKey: name, person: nil, failure: diff.samePerson, representative: nil
                ))
        }
        for _ in 0..<(diff.counts.audience + diff.counts.duplicates) {
            rows.append(
                WhyReport.Row(
                    email: nil, userID: nil, recordKey: name, person: nil, failure: nil, representative: nil))
        }
        return rows
    }
}

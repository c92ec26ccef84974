import Foundation
import RollcallCore
import Warehouse

extension SyncPipeline {
    /// Looks one record up by its key, or by its item's id.
    func why(
        record key: String, _ plan: Plan, _ refusal: RunError?, _ found: any FoundTarget, logLimit: Int
    ) async throws -> WhyReport {
        let names = Identity(email: nil, userID: key)
        var report = WhyReport(
            kind: plan.kind, identity: names, rows: [],
            members: try await warehouse.members(sync: sync.name, of: .records(plan.kind), knownAs: names))
        if let catalog = found as? FoundCatalog {
            report.rows = try await catalog.resolver.planner.rows(of: key, catalog.shape)
        }
        if let changes = plan.changes as? RecordChanges {
            let names = Set([key] + report.members.compactMap(\.member.record?.key))
            report.records = try await records(names.sorted(), changes.logIdentity, limit: logLimit)
        }
        try plan.forEachChange(limit: refusal == nil ? nil : 0) { change in
            if change.record?.key == key || change.record?.itemID == key { report.changes.append(change) }
        }
        (report.held, report.refusal) = (plan.held, refusal)
        return report
    }
}

extension RecordPlanner {
    private static let mostRows = 20

    /// The first rows with this key, and what is wrong with each.
    func rows(of key: String, _ shape: RecordShape) async throws -> [WhyReport.Row] {
        let finder = RecordRowFinder(catalog, shape, key: key)
        try await stop.breakingOff { [warehouse, sync] in
            try await warehouse.readRecords(sync.audience, columns: shape.columns, parts: 1) { _, _, _, cells in
                try finder.row(cells)
            }
        }
        return try finder.rows().prefix(Self.mostRows).map { $0 }
    }
}

/// Compares the rows of one key with each other, as a plan does, while the source streams by.
// SAFETY: one reading calls `row` from one thread at a time, and the rows are looked at when it has ended.
private final class RecordRowFinder: @unchecked Sendable {
    private let diff: RecordDiff
    private let shape: RecordShape
    private let encodesKey: Bool
    private let key: [UInt8]

    init(_ catalog: CatalogSettings, _ shape: RecordShape, key: String) {
        self.shape = shape
        self.key = Array(key.utf8)
        encodesKey = catalog.encodesKey
        diff = RecordDiff(
            catalog, shape, table: RecordTable(), key: [], salt: "", resend: .init(full: true, rejected: true))
    }

    func row(_ cells: UnsafeBufferPointer<RecordCell>) throws {
        let isIt =
            switch cells[shape.keyCell] {
            case .text(let text), .decimal(let text):
                text.elementsEqual(key) || (encodesKey && ItemID.encode(text).elementsEqual(key))
            case .integer(let number):
                String(number).utf8.elementsEqual(key)
                    || (encodesKey && ItemID.encode(String(number).utf8).elementsEqual(key))
            default: false
            }
        if isIt { try diff.row(cells) }
    }

    func rows() throws -> [WhyReport.Row] {
        try diff.settleContests()
        let name = String(decoding: key, as: UTF8.self)
        var rows: [WhyReport.Row] = []
        let invalid = diff.spool.makeInvalidReader()
        while let record = try invalid.next() {
            rows.append(
                WhyReport.Row(
                    email: nil, userID: nil, recordKey: name, person: nil, failure: record.reason, representative: nil))
        }
        for _ in 0..<(diff.counts.audience + diff.counts.duplicates) {
            rows.append(
                WhyReport.Row(
                    email: nil, userID: nil, recordKey: name, person: nil, failure: nil, representative: nil))
        }
        return rows
    }
}

import Foundation
import RollcallCore
import Warehouse

/// What plans of lists and of records have in common of reading their rows: all of them, or those of buckets that are not as they were.
struct SourceReading: Sendable {
    let sync: SyncSettings
    let warehouse: any Warehouse
    let clock: any EngineClock

    /// How the rows are to be read.
    /// - Parameter obstacle: why all rows have to come, in a whole sentence, beside what is the same for every kind; nil: they need not.
    func choice(_ scope: PlanScope, obstacle: @autoclosure () -> String?) async throws -> ReadChoice {
        if let reason = reasonForAll(scope) ?? obstacle() { return ReadChoice(usesBuckets: false, reason: reason) }
        if sync.read == .changed {
            return ReadChoice(usesBuckets: true, reason: "What changed is read, as configured.")
        }
        let runs = try await warehouse.runs(RunFilter(sync: sync.name, limit: ReadChoice.history))
        return ReadChoice.auto(runs.compactMap(\.read))
    }

    private func reasonForAll(_ scope: PlanScope) -> String? {
        if sync.read == .all { return "All rows are read each time." }
        if scope.full { return "A full run reads all rows." }
        if scope.rejected { return "A run that sends rejected \(rejected) again reads all rows." }
        if scope.ungrouped {
            return "The source gave other rows than those of its digests, in the same view, so all rows were read."
        }
        return nil
    }

    /// What decides of the program, and of what it finds on the machine, which people rows stand for and what they hold: a part
    /// of what proves a reading, as ``words(_:)`` is. Identifiers are normalised, rows judged and values written as the version
    /// does it; times without a zone become moments by the data of time zones.
    static let rules = [rollcallVersion, EmailRules.topLevelDomainsVersion, TimeZone.timeZoneDataVersion].joined(
        separator: " ")

    /// What is read, as a part of what proves that two readings were of the same rows.
    static func words(_ source: AudienceSource) -> String {
        switch source {
        case .table(let parts): "table \(parts)"
        case .query(let query, _): "query \(query)"
        }
    }

    private var rejected: String { sync.kind == .catalog ? "items" : "people" }

    /// Reads, and says how that was done and what it cost.
    /// - Parameters:
    ///   - read: reads the rows.
    ///   - isWhole: whether all rows have come although they came by bucket; nil: they came without buckets.
    func measured(
        _ choice: ReadChoice, _ scope: PlanScope, _ read: () async throws -> Void, isWhole: () -> Bool?
    ) async throws -> AudienceRead {
        let meter = ReadMeter()
        let start = clock.uptime
        try await ReadMeter.$current.withValue(meter) { try await read() }
        let (mode, reason) = outcome(isWhole(), choice, scope)
        return AudienceRead(mode: mode, bytes: meter.bytes, seconds: (clock.uptime - start).seconds, reason: reason)
    }

    /// - Parameter isWhole: nil: the rows came without buckets.
    private func outcome(
        _ isWhole: Bool?, _ choice: ReadChoice, _ scope: PlanScope
    ) -> (AudienceRead.Mode, String) {
        guard let isWhole else {
            if choice.usesBuckets {
                return (
                    .fallback,
                    "The warehouse could not give digests, or not in one view with the rows, so all rows were read."
                )
            }
            return (scope.ungrouped ? .fallback : .all, choice.reason)
        }
        guard isWhole else { return (.changed, choice.reason) }
        return (
            .grouped,
            "The local cache knew nothing of the rows of this source and mapping, so all were read, with their groups."
        )
    }
}

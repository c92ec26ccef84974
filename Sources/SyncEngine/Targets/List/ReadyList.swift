import Foundation
import RollcallCore
import Warehouse

/// A list that there is.
struct ReadyList: ReadyTarget {
    let sync: SyncSettings
    let binding: ListBinding
    let listID: Int64
    /// What a run fails with when Iterable says that the list is not there.
    let gone: RunError

    /// A list just made may be unknown to Iterable for up to a minute. Source: Iterable's own client waits for it.
    private static let newSeconds = 60.0

    var id: Int64? { listID }

    func recordsPerRequest(_ operation: RollcallCore.Operation, _ limits: DestinationLimits) -> Int {
        limits.recordsPerRequest(.list, operation)
    }

    func request(_ operation: RollcallCore.Operation, for changes: ArraySlice<Change>, now: Date) -> DeliveryRequest {
        .list(
            ListRequest(
                listID: listID, operation: operation, subscribers: changes.map(\.identity),
                fields: changes.contains { $0.payload != nil } ? changes.map(\.payload) : [],
                updateExistingUsersOnly: sync.updateExistingUsersOnly, preferUserID: sync.placeholderEmails,
                listIsNew: binding.createdAt.map { now.timeIntervalSince($0) < Self.newSeconds } ?? false))
    }

    /// A value that has another type than its field fails again until the row changes.
    func outcome(_ outcome: RecordOutcome, of change: Change, now: Date) -> RecordOutcome {
        guard change.payload != nil, case .failed(let reason) = outcome, reason.code == "type_mismatch" else {
            return outcome
        }
        return .rejected(reason)
    }

    func isGone(_ run: RunContext) async throws -> RunError {
        var lost = binding
        lost.goneAt = run.now
        try await run.warehouse.saveListBinding(run.lease, lost)
        return gone
    }
}

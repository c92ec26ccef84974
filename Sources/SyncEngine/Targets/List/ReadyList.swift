import Foundation
import RollcallCore
import Warehouse

/// A list that there is.
struct ReadyList: ReadyTarget {
    let sync: SyncSettings
    let binding: ListBinding
    let listID: Int64

    /// A list just made may be unknown to Iterable for up to a minute. Source: Iterable's own client waits for it.
    private static let newSeconds = 60.0

    var id: Int64? { listID }

    func request(_ operation: RollcallCore.Operation, for changes: ArraySlice<Change>, now: Date) -> DeliveryRequest {
        DeliveryRequest(
            listID: listID, operation: operation, subscribers: changes.map(\.identity),
            updateExistingUsersOnly: sync.updateExistingUsersOnly, preferUserID: sync.placeholderEmails,
            listIsNew: binding.createdAt.map { now.timeIntervalSince($0) < Self.newSeconds } ?? false)
    }

    func isGone(_ run: RunContext) async throws -> RunError {
        var gone = binding
        gone.goneAt = run.now
        try await run.warehouse.saveListBinding(run.lease, gone)
        return ListResolver.gone(sync)
    }
}

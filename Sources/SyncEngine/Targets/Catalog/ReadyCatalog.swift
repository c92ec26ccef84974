import Foundation
import RollcallCore
import Warehouse

/// A catalog that there is.
struct ReadyCatalog: ReadyTarget {
    let catalog: CatalogSettings
    /// Whether this run has made it.
    let isNew: Bool
    /// What a run fails with when Iterable says that the catalog is not there.
    let gone: RunError

    let id: Int64? = nil

    func recordsPerRequest(_ operation: RollcallCore.Operation, _ limits: DestinationLimits) -> Int {
        limits.recordsPerRequest(.catalog, operation)
    }

    func request(_ operation: RollcallCore.Operation, for changes: ArraySlice<Change>, now: Date) -> DeliveryRequest {
        .catalog(
            CatalogRequest(
                catalog: catalog.name, operation: operation,
                items: changes.map { change in
                    .init(
                        id: change.record?.itemID ?? change.record?.key ?? "",
                        document: operation.direction == .put ? change.payload ?? [] : [])
                }, keepsOtherFields: catalog.documents == .merge, catalogIsNew: isNew))
    }

    func sentAll(_ context: RunContext, isWhole: Bool) async throws {
        if catalog.verify == nil { return }
        try await context.keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
            try await context.warehouse.acceptItemChecks(context.lease, run: context.runID)
        }
    }

    /// The records stay known, so that the next run does not take the catalog for one that was never made.
    func isGone(_ run: RunContext) async throws -> RunError { gone }
}

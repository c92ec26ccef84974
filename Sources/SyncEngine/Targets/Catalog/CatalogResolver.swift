import Foundation
import RollcallCore
import Warehouse

/// Finds the catalog that a sync keeps, or makes it, and gives its fields their types.
struct CatalogResolver: TargetResolver {
    let sync: SyncSettings
    let catalog: CatalogSettings
    let planner: RecordPlanner
    let warehouse: any Warehouse
    let destination: any Destination
    let clock: any EngineClock
    let stop: StopSignal

    /// As `destination_fields` has it.
    var scope: String { "catalog:\(catalog.name)" }
    var calls: DestinationCalls { DestinationCalls(clock: clock, stop: stop) }

    func find() async throws -> any FoundTarget { try await findCatalog() }

    func findCatalog() async throws -> FoundCatalog {
        let shape = try await planner.shape()
        let known = try await warehouse.knownFields(destination: sync.destination, scope: scope)
        let counts = try await warehouse.memberCounts(sync: sync.name, of: .records(.catalog))
        return FoundCatalog(
            resolver: self, shape: shape, fields: try await remoteFields(), known: known,
            hasRecords: counts.values.contains { $0 > 0 })
    }

    /// nil: the project has no such catalog.
    func remoteFields() async throws -> [RemoteField]? {
        try await calls.retrying { () async throws(DestinationError) in
            try await destination.fields(ofCatalog: catalog.name)
        }
    }

    // MARK: Making it

    /// - Throws: `RunError` where Iterable refuses it.
    func create() async throws {
        do throws(DestinationError) {
            try await calls.retrying(while: \.isTransient) { () async throws(DestinationError) in
                try await destination.createCatalog(catalog.name)
            }
        } catch {
            // It may have been made by an attempt of which the answer was lost, or by somebody else meanwhile.
            if try await remoteFields() != nil { return }
            throw error.error
        }
    }

    func setTypes(_ fields: [RemoteField]) async throws {
        try await calls.retrying { () async throws(DestinationError) in
            try await destination.setTypes(fields, ofCatalog: catalog.name)
        }
    }

    // MARK: Errors

    var isGone: RunError {
        RunError(
            code: "catalog_missing",
            message: "the catalog \"\(catalog.name)\" of sync \(sync.name) was deleted in Iterable; it is not made again"
                + " automatically",
            hint: "Make an empty catalog of that name in Iterable, then run with --full: every item is put again.")
    }

    var isMissing: RunError {
        RunError(
            code: "catalog_missing",
            message: "the project of \(sync.destination) has no catalog \"\(catalog.name)\"",
            hint: "Set catalog.create: true to have it made, or correct catalog.name; `rollcall catalogs \(sync.destination)`"
                + " shows those that there are.")
    }

    var isAdopted: RunError {
        RunError(
            code: "catalog_adopted",
            message: "the catalog \"\(catalog.name)\" is in Iterable already, and sync \(sync.name) does not say what becomes of"
                + " fields that its rows do not fill",
            hint: "Write documents: replace (an item has the fields of its row and no other) or documents: merge (other fields"
                + " stay as they are).")
    }
}

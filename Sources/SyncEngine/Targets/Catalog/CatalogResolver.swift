import Foundation
import RollcallCore
import Warehouse

extension ListProject {
    /// Whether it may be the same project, as far as is known. A destination of the same name is the same project also with
    /// another key: keys are replaced.
    fileprivate func mayBe(_ other: ListProject, _ isSameDestination: Bool) -> Bool {
        guard baseURL == other.baseURL else { return false }
        guard let keyHash, let theirs = other.keyHash else { return true }
        return keyHash == theirs || isSameDestination
    }
}

/// Finds the catalog that a sync keeps, or makes it, and gives its fields their types.
struct CatalogResolver: TargetResolver {
    let sync: SyncSettings
    let catalog: CatalogSettings
    let project: ListProject
    /// Other syncs of the configuration in the same project.
    let neighbours: [SyncSettings]
    let planner: RecordPlanner
    let warehouse: any Warehouse
    let destination: any Destination
    let clock: any EngineClock
    let stop: StopSignal

    /// As `destination_fields` has it.
    var scope: String { "catalog:\(catalog.name)" }
    /// As `sync_state` has it: Iterable tells names of catalogs apart without regard to case.
    var boundName: String { scope.lowercased() }
    var calls: DestinationCalls { DestinationCalls(clock: clock, stop: stop) }

    func find() async throws -> any FoundTarget { try await findCatalog() }

    func findCatalog() async throws -> FoundCatalog {
        let shape = try await planner.shape()
        let known = try await warehouse.knownFields(destination: sync.destination, scope: scope)
        let counts = try await warehouse.memberCounts(sync: sync.name, of: .records(.catalog))
        return FoundCatalog(
            resolver: self, shape: shape, fields: try await remoteFields(), known: known,
            binding: try await warehouse.listBinding(sync: sync.name), keepers: try await keepers(),
            hasRecords: counts.values.contains { $0 > 0 }, due: try await dueChecks())
    }

    /// More than one run looks at: of some the rows have changed or gone.
    private static let mostChecks = 1000

    /// Items that are to be read back now.
    private func dueChecks() async throws -> [ItemCheck] {
        guard let verify = catalog.verify else { return [] }
        let time = try await warehouse.now().addingTimeInterval(-Double(verify.seconds))
        return try await warehouse.itemChecks(sync: sync.name, acceptedBefore: time, limit: Self.mostChecks)
    }

    /// nil: the project has no such catalog.
    func remoteFields() async throws -> [RemoteField]? {
        try await calls.retrying { () async throws(DestinationError) in
            try await destination.fields(ofCatalog: catalog.name)
        }
    }

    /// Other syncs that keep the catalog, as far as the configuration and the state know.
    func keepers() async throws -> [String] {
        let configured = neighbours.filter { other in
            guard case .catalog(let theirs) = other.target else { return false }
            return theirs.name.lowercased() == catalog.name.lowercased()
        }.map(\.name)
        let bound = try await warehouse.bindings(named: boundName).filter { other in
            other.sync != sync.name
                && (other.project.map { $0.mayBe(project, other.destination == sync.destination) } ?? true)
        }.map(\.sync)
        return Set(configured + bound).sorted()
    }

    func binding(createdAt: Date?) -> ListBinding {
        ListBinding(
            sync: sync.name, destination: sync.destination, listName: boundName, listID: nil, createdAt: createdAt,
            project: project)
    }

    // MARK: Making it

    /// - Throws: `RunError` where Iterable refuses it.
    func create() async throws {
        do throws(DestinationError) {
            try await calls.retrying(while: \.isTransient) { () async throws(DestinationError) in
                try await destination.createCatalog(catalog.name)
            }
        } catch {
            // It may have been made by an attempt of which the answer was lost, or by another program meanwhile.
            for pause in Self.patience {
                if try await remoteFields() != nil { return }
                await stop.sleep(for: .seconds(pause), on: clock)
            }
            throw calls.failure(error)
        }
    }

    /// Seconds between two looks at what was just made, which may be unknown to Iterable for about a minute.
    private static let patience = [1, 2, 4, 8, 15, 15, 15, 15]

    func setTypes(_ fields: [RemoteField], isNew: Bool) async throws {
        var pauses = isNew ? Self.patience[...] : []
        while true {
            do throws(DestinationError) {
                return try await calls.retrying(while: \.isTransient) { () async throws(DestinationError) in
                    try await destination.setTypes(fields, ofCatalog: catalog.name)
                }
            } catch {
                guard error.error.code == "route_not_found", let pause = pauses.popFirst(), stop.reason == nil else {
                    throw calls.failure(error)
                }
                await stop.sleep(for: .seconds(pause), on: clock)
            }
        }
    }

    // MARK: Errors

    var isGone: RunError {
        RunError(
            code: "catalog_missing",
            message:
                "the catalog \"\(catalog.name)\" of sync \(sync.name) was deleted in Iterable; it is not made again"
                + " automatically",
            hint: "Make an empty catalog of that name in Iterable, then run with --full: every item is put again.")
    }

    var isMissing: RunError {
        RunError(
            code: "catalog_missing",
            message: "the project of \(sync.destination) has no catalog \"\(catalog.name)\"",
            hint:
                "Set catalog.create: true to have it made, or correct catalog.name; `rollcall catalogs \(sync.destination)`"
                + " shows those that there are.")
    }

    var isAdopted: RunError {
        RunError(
            code: "catalog_adopted",
            message:
                "the catalog \"\(catalog.name)\" is in Iterable already, and sync \(sync.name) does not say what becomes of"
                + " fields that its rows do not fill",
            hint:
                "Write documents: replace, if an item is to have the fields of its row and no other, or documents: merge, if its"
                + " other fields are to stay; or name another catalog."
        )
    }

    func isTaken(by keepers: [String]) -> RunError {
        RunError(
            code: "catalog_taken",
            message:
                "the catalog \"\(catalog.name)\" is kept by another sync already: \(keepers.joined(separator: ", "))",
            hint:
                "Two syncs on one catalog overwrite each other's items. Join the rows with UNION in one sync; or, if the other"
                + " one is to keep it no more, take it out of the configuration and run `rollcall abandon \(keepers[0])`, which"
                + " leaves its items as they are.")
    }

    func isAnother(_ binding: ListBinding) -> RunError {
        let known = (binding.listName ?? "").replacing("catalog:", with: "")
        return RunError(
            code: "catalog_changed",
            message:
                "sync \(sync.name) has put its items into the catalog \"\(known)\" of \(binding.project?.baseURL ?? "another project"),"
                + " and the configuration names \"\(catalog.name)\" of \(project.baseURL) now",
            hint:
                "`rollcall abandon \(sync.name)` forgets what it put there, and leaves it there; then the next run puts everything"
                + " into the new catalog. Or give the sync another name.")
    }
}

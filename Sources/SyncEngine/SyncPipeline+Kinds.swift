import RollcallCore
import Warehouse

/// What differs between the kinds of record, for the pipeline: what a sync keeps equal, and how it is planned.
extension SyncPipeline {
    /// What the sync keeps equal.
    var resolver: any TargetResolver {
        switch sync.target {
        case .list(let list):
            ListResolver(
                sync: sync, list: list, project: ListProject(baseURL: settings.baseURL, keyHash: settings.keyHash),
                neighbours: neighbours, warehouse: warehouse, destination: destination, clock: clock, stop: stop)
        case .catalog(let catalog):
            CatalogResolver(
                sync: sync, catalog: catalog,
                project: ListProject(baseURL: settings.baseURL, keyHash: settings.keyHash), neighbours: neighbours,
                planner: RecordPlanner(
                    sync: sync, catalog: catalog, destination: settings, warehouse: warehouse, stop: stop,
                    progress: progress),
                warehouse: warehouse, destination: destination, clock: clock, stop: stop)
        }
    }

    func plan(
        for found: any FoundTarget, key: [UInt8], runID: String, resend: PlanScope, mayWrite: Bool
    ) async throws -> Plan {
        guard let catalog = found as? FoundCatalog else {
            if resend.only != nil {
                throw RunError(
                    code: "only_records", message: "--only takes the key of a record, and \(sync.name) keeps a list",
                    hint: "Leave --only out. `rollcall why \(sync.name) PERSON` tells one person's story.")
            }
            return try await planner.plan(list: found.id, key: key, resend: resend, mayWrite: mayWrite)
        }
        return try await catalog.resolver.planner.plan(
            catalog.shape, key: key, salt: catalog.salt(runID), resend: resend, preparations: catalog.preparations,
            hasAnotherKey: catalog.hasAnotherKey)
    }

    /// Whether a held run was staged for something else than what the configuration names now.
    func isForAnother(_ run: SyncRun, _ found: any FoundTarget) -> Bool {
        if run.kind != sync.kind { return true }
        guard run.kind == .list else { return run.target != found.name }
        return run.listID.map { $0 != found.id } ?? false
    }

    func targetChanged(_ run: SyncRun) -> RunError {
        RunError(
            code: "list_changed",
            message: "run \(run.id) was staged for another \(run.kind.rawValue) than the configuration names now",
            hint: "Nothing of it was sent. Run again: the next run plans for what the configuration names now.")
    }
}

import RollcallCore
import Warehouse

/// What differs between the kinds of record, for the pipeline: what a sync keeps equal, and how it is planned.
extension SyncPipeline {
    /// What the sync keeps equal.
    var resolver: any TargetResolver { resolver(acceptNewIDs: false) }

    func resolver(acceptNewIDs: Bool) -> any TargetResolver {
        switch sync.target {
        case .list(let list):
            ListResolver(
                sync: sync, list: list, project: project, neighbours: neighbours, planner: planner,
                warehouse: warehouse, destination: destination, clock: clock, stop: stop)
        case .users(let users): usersResolver(users)
        case .events(let events):
            EventsResolver(
                sync: sync, settings: events, project: project, planner: eventPlanner(events), warehouse: warehouse,
                acceptsNewIDs: acceptNewIDs)
        case .catalog(let catalog):
            CatalogResolver(
                sync: sync, catalog: catalog, project: project, neighbours: neighbours,
                planner: recordPlanner(.items(catalog)), warehouse: warehouse, destination: destination, clock: clock,
                stop: stop)
        }
    }

    private func usersResolver(_ settings: UserSettings) -> UsersResolver {
        let (users, identifiedAs) = settings.finding(in: self.settings.projectType, sync.mapping)
        return UsersResolver(
            sync: sync, users: users, project: project,
            planner: recordPlanner(.people(users, mapping: sync.mapping, project: identifiedAs)),
            warehouse: warehouse, destination: destination, clock: clock, stop: stop)
    }

    private var project: ListProject { ListProject(baseURL: settings.baseURL, keyHash: settings.keyHash) }

    private func recordPlanner(_ subject: RecordSubject) -> RecordPlanner {
        RecordPlanner(
            sync: sync, subject: subject, destination: settings, warehouse: warehouse, clock: clock, stop: stop,
            progress: progress, cache: cache)
    }

    private func eventPlanner(_ events: EventSettings) -> EventPlanner {
        EventPlanner(
            sync: sync, settings: events,
            subject: .events(events, mapping: sync.mapping, project: settings.projectType), destination: settings,
            warehouse: warehouse, stop: stop, progress: progress, search: search, usersSync: events.after.map(usersSync)
        )
    }

    /// The sync of users with this name. Where it is not known, errors name it, and this sync's warehouse.
    private func usersSync(named name: String) -> SyncSettings {
        if let known = neighbours.first(where: { $0.name == name }) { return known }
        var sync = sync
        sync.name = name
        return sync
    }

    /// One attempt at a plan: see ``plan(for:key:runID:resend:mayWrite:)``.
    func planOnce(
        for found: any FoundTarget, key: [UInt8], runID: String, resend: PlanScope, mayWrite: Bool
    ) async throws -> Plan {
        guard let planning = found as? any PlanningTarget else {
            if let misuse = resend.misuse(of: sync) { throw misuse }
            return try await planner.plan(
                list: found.id, key: key, shape: (found as? FoundList)?.shape, resend: resend, mayWrite: mayWrite)
        }
        return try await planning.plan(key: key, runID: runID, resend: resend, mayWrite: mayWrite)
    }

    /// Whether a held run was staged for something else than what the configuration names now.
    func isForAnother(_ run: SyncRun, _ found: any FoundTarget) -> Bool {
        if run.kind != sync.kind { return true }
        guard run.kind == .list else { return run.target != found.name }
        return run.listID.map { $0 != found.id } ?? false
    }

    func discardsEvents(_ held: SyncRun) -> RunError {
        RunError(
            code: "force_new_of_events",
            message:
                "--force-new would discard run \(held.id), and the events of a discarded run are not sent by later ones",
            hint:
                "Approve the run to send them, or discard it to skip them: `rollcall run --approve \(held.id)`, or --discard."
        )
    }

    func targetChanged(_ run: SyncRun) -> RunError {
        RunError(
            code: "list_changed",
            message: "run \(run.id) was staged for another \(run.kind.rawValue) than the configuration names now",
            hint: "Nothing of it was sent. Run again: the next run plans for what the configuration names now.")
    }
}

package import Foundation
package import RollcallCore
package import Warehouse

extension SyncService {
    // MARK: Syncs

    /// All syncs, in the configuration's order. Warehouses are asked side by side; a sync whose warehouse does not answer, or
    /// whose state is in another one or may be, says so in `problem`. Where the state of a new sync is, is looked for in the
    /// background.
    /// - Parameter warehouses: names of warehouses that are not asked; syncs with their state there are left out.
    package func statuses(leavingOut warehouses: Set<String> = []) async -> [SyncStatus] {
        let setup = generation.setup
        var summaries: [String: Result<[String: SyncSummary], ServiceError>] = [:]
        await withTaskGroup(of: (String, Result<[String: SyncSummary], ServiceError>).self) { group in
            for name in setup.stateOrder where !warehouses.contains(name) {
                let syncs = setup.syncs(inState: name).map(\.name)
                if syncs.isEmpty { continue }
                group.addTask { (name, await self.summaries(syncs, in: name)) }
            }
            for await (name, result) in group { summaries[name] = result }
        }
        for case .success(let found) in summaries.values { lookForStatesLater(found) }
        return setup.syncs.filter { !warehouses.contains(setup.state(of: $0)) }.map { sync in
            switch summaries[setup.state(of: sync)] {
            case .success(let found)?: status(sync, found[sync.name], nil)
            case .failure(let error)?: status(sync, nil, error.error)
            case nil: status(sync, nil, nil)
            }
        }
    }

    /// One sync, as ``statuses(leavingOut:)`` has it.
    package func status(of sync: String) async throws(ServiceError) -> SyncStatus {
        guard let settings = generation.setup.sync(sync) else { throw unknown(sync: sync) }
        switch await summaries([sync], in: generation.setup.state(of: settings)) {
        case .success(let found):
            lookForStatesLater(found)
            return status(settings, found[sync], nil)
        case .failure(let error): return status(settings, nil, error.error)
        }
    }

    /// Pauses or resumes the schedule or the stream of a sync; runs on demand are still possible.
    package func setPaused(_ sync: String, _ paused: Bool) async throws(ServiceError) -> SyncStatus {
        guard let settings = generation.setup.sync(sync) else { throw unknown(sync: sync) }
        try await ask(generation.setup.state(of: settings)) { warehouse in
            _ = try await warehouse.migrate()
            try await warehouse.setPaused(paused, sync: sync)
        }
        hub.send(.paused(sync: sync, paused))
        return try await status(of: sync)
    }

    private func summaries(_ syncs: [String], in warehouse: String) async -> Result<[String: SyncSummary], ServiceError>
    {
        // A warehouse that is known to be away is not waited for again.
        if let error = problems[.warehouse(warehouse)] { return .failure(ServiceError(.warehouse, error)) }
        do throws(ServiceError) {
            return .success(try await ask(warehouse) { warehouse in try await warehouse.summaries(syncs) })
        } catch {
            return .failure(error)
        }
    }

    func summary(_ sync: SyncSettings) async throws(ServiceError) -> SyncSummary? {
        try await ask(generation.setup.state(of: sync)) { warehouse in
            try await warehouse.summaries([sync.name])[sync.name]
        }
    }

    private func status(_ sync: SyncSettings, _ summary: SyncSummary?, _ problem: RunError?) -> SyncStatus {
        var status = SyncStatus(settings: sync)
        status.stateWarehouse = generation.setup.states[sync.warehouse]
        status.live = registry[sync.name]?.live
        status.problem = problem ?? summary.flatMap { missingState(sync, $0) }
        if sync.stream != nil { status.stream = streams[sync.name]?.status }
        status.isPaused = summary?.isPaused ?? false
        if status.isMissingState { return status }
        status.members = counters.members(of: sync.name)
        guard let summary else { return status }
        recountMembers(sync, summary, generation)
        status.latestRun = summary.latestRun
        status.heldRun = summary.heldRun
        status.latestTick = summary.latestTick
        status.listID = summary.listID
        if let schedule = sync.schedule, sync.enabled, !summary.isPaused {
            status.nextDue = TickGrid(schedule).next(after: clock.wallTime)
        }
        return status
    }

    // MARK: Runs and records

    /// Runs of one sync or of all, newest first. Without a sync, warehouses that do not answer are named in the list. With one,
    /// throws instead of giving an empty list where its state is in another warehouse (`stateElsewhere`), or may be in one that
    /// cannot be read (`warehouse`).
    package func runs(_ filter: RunFilter) async throws(ServiceError) -> RunList {
        var list = RunList()
        var names = generation.setup.stateOrder
        if let sync = filter.sync {
            guard let settings = generation.setup.sync(sync) else { throw unknown(sync: sync) }
            names = [generation.setup.state(of: settings)]
        }
        for name in names {
            if filter.sync == nil, let error = problems[.warehouse(name)] {
                list.unreachable[name] = error
                continue
            }
            do throws(ServiceError) {
                list.runs += try await ask(name) { warehouse in try await warehouse.runs(filter) }
            } catch {
                if filter.sync != nil { throw error }
                list.unreachable[name] = error.error
            }
        }
        if let sync = filter.sync, list.runs.isEmpty { try await refuseMissingState(sync) }
        list.runs.sort { $0.id > $1.id }
        list.runs = Array(list.runs.prefix(max(0, filter.limit)))
        return list
    }

    package func run(_ id: String) async throws(ServiceError) -> SyncRun { try await find(id).run }

    /// Records of one run or sync (`filter` must name one), newest first; memory stays bounded. An error that `body`
    /// throws ends the reading and comes back as kind `failed`.
    package func records(
        _ filter: RecordFilter, _ body: @escaping @Sendable (LogRecord) throws -> Void
    ) async throws(ServiceError) {
        let name: String
        if let id = filter.runID {
            name = try await find(id).warehouse
        } else if let sync = filter.sync {
            guard let settings = generation.setup.sync(sync) else { throw unknown(sync: sync) }
            name = generation.setup.state(of: settings)
        } else {
            throw ServiceError(.failed, RunError(code: "filter", message: "records are asked for by run or by sync"))
        }
        try await ask(name) { warehouse in try await warehouse.records(filter, body) }
    }

    /// Changes that an open run has staged and that have no outcome yet, in order: what a held run would do.
    package func stagedChanges(_ runID: String, after sequence: Int64 = 0, limit: Int) async throws(ServiceError)
        -> [Change]
    {
        let name = try await find(runID).warehouse
        return try await ask(name) { warehouse in
            try await warehouse.changes(run: runID, after: sequence, limit: limit)
        }
    }

    /// What a held run would remove, the last of it; see ``stagedChanges(_:after:limit:)``.
    package func stagedRemovals(_ runID: String, limit: Int) async throws(ServiceError) -> [Change] {
        let name = try await find(runID).warehouse
        return try await ask(name) { warehouse in try await warehouse.lastRemovals(run: runID, limit: limit) }
    }

    /// Ticks of one sync, newest first: due at `since` or later, and before `before`. Throws as ``runs(_:)`` does.
    package func ticks(
        _ sync: String, since: Date? = nil, before: Date? = nil, limit: Int = 50
    ) async throws(ServiceError) -> [Tick] {
        guard let settings = generation.setup.sync(sync) else { throw unknown(sync: sync) }
        let filter = TickFilter(sync: sync, since: since, before: before, limit: limit)
        let ticks = try await ask(generation.setup.state(of: settings)) { warehouse in
            try await warehouse.ticks(filter)
        }
        if ticks.isEmpty { try await refuseMissingState(sync) }
        return ticks
    }

    /// Everything that is known of one person; reads the audience and asks the destination for its lists.
    package func why(_ sync: String, _ identifier: String) async throws(ServiceError) -> WhyReport {
        guard let settings = generation.setup.sync(sync) else { throw unknown(sync: sync) }
        let generation = generation
        return try await ask(settings.warehouse) { _ in
            guard let pipeline = await self.pipeline(settings, generation) else { throw Self.stopping.error }
            return try await pipeline.why(identifier)
        }
    }

    // MARK: Health

    package func health() -> ServiceHealth {
        var health = ServiceHealth()
        health.isRunning = phase == .running
        health.schedulerLateness = schedulerLateness
        health.problems = problems.all
        return health
    }

    package func metrics() -> ServiceMetrics {
        var metrics = counters.metrics
        metrics.running = registry.count
        metrics.problems = problems.count
        metrics.schedulerLateness = schedulerLateness
        metrics.streams = generation.setup.syncs.compactMap { sync in
            guard sync.stream != nil, let status = streams[sync.name]?.status else { return nil }
            return ServiceMetrics.Stream(sync.name, status)
        }
        for (name, destination) in generation.setup.destinations.sorted(by: { $0.key < $1.key }) {
            for endpoint in Endpoint.allCases {
                let configured = destination.settings.limits.requestsPerSecond(endpoint)
                metrics.limiters.append(
                    .init(
                        destination: name, endpoint: endpoint, configuredRate: configured,
                        currentRate: limiters.currentRate(destination.settings, endpoint) ?? configured,
                        share: limiters.share(destination.settings, endpoint)))
            }
        }
        return metrics
    }

    private var schedulerLateness: Double {
        let now = clock.uptime
        return wakeTimes.values.map { max(0, (now - $0).seconds) }.max() ?? 0
    }

    // MARK: Asking

    /// The run, and the name of the warehouse that holds its state.
    func find(_ id: String) async throws(ServiceError) -> (warehouse: String, run: SyncRun) {
        guard RunID.isValid(id) else { throw unknown(run: id) }
        var failure: ServiceError?
        for name in generation.setup.stateOrder {
            do throws(ServiceError) {
                let run = try await ask(name) { warehouse in try await warehouse.run(id: id) }
                if let run { return (name, run) }
            } catch {
                failure = failure ?? error
            }
        }
        // A warehouse that cannot be asked may know it.
        if let failure { throw failure }
        throw unknown(run: id, missingState: await statuses().first(where: \.isMissingState)?.problem)
    }

    /// - Parameter error: why the runs of a sync are not shown, of which it may be one.
    private func unknown(run id: String, missingState error: RunError? = nil) -> ServiceError {
        let hint = error.map { "Some runs are not shown: \($0.message). \($0.hint ?? "")" }
        return ServiceError(
            .unknownRun, RunError(code: "run_unknown", message: "there is no run \"\(id)\"", hint: hint))
    }

    /// Calls a warehouse of the present setup; it stays open meanwhile.
    func ask<R: Sendable>(
        _ name: String, _ body: @Sendable (any ServiceWarehouse) async throws -> R
    ) async throws(ServiceError) -> R {
        guard let warehouse = generation.setup.warehouses[name] else {
            throw ServiceError(
                .failed, RunError(code: "warehouse_unknown", message: "the configuration has no warehouse \"\(name)\""))
        }
        use(warehouse)
        defer { release(warehouse) }
        do {
            return try await body(warehouse)
        } catch let error as ServiceError {
            throw error
        } catch let error as WarehouseError {
            throw ServiceError(.warehouse, error.error)
        } catch {
            throw ServiceError(pipeline: RunError(any: error))
        }
    }
}

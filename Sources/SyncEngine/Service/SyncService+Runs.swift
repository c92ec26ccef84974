package import RollcallCore
import Warehouse

extension SyncService {
    // MARK: On demand

    /// Starts a run and returns as soon as its row is open (status `running`), or with the ended or held run if it was
    /// faster than that. The request's `kind` must be `new`.
    package func start(_ sync: String, _ request: RunRequest = RunRequest()) async throws(ServiceError) -> SyncRun {
        guard let settings = generation.setup.sync(sync) else { throw unknown(sync: sync) }
        return try await begin(settings, request)
    }

    /// Asks a run to end, wherever it runs, and returns it as it is: mostly still `running`.
    package func cancel(_ runID: String) async throws(ServiceError) -> SyncRun {
        let (name, run) = try await find(runID)
        guard run.status == .running || run.status == .queued else {
            let hint = run.status == .held ? "A held run is approved or discarded." : nil
            throw ServiceError(
                .notRunning,
                RunError(
                    code: "run_not_running", message: "run \(runID) is not running: it is \(run.status.rawValue)",
                    hint: hint), runID: runID)
        }
        if let tracker = registry[run.sync], tracker.live?.runID == runID {
            tracker.stop.request(.cancelled)
        } else {
            try await ask(name) { warehouse in try await warehouse.requestCancel(run: runID) }
        }
        return run
    }

    /// Carries on with a held run as it was staged; returns when it is running again, or has ended.
    package func approve(_ runID: String) async throws(ServiceError) -> SyncRun {
        try await decide(runID, .approve(runID: runID))
    }

    /// Drops a held run; returns it, `cancelled`.
    package func discard(_ runID: String) async throws(ServiceError) -> SyncRun {
        try await decide(runID, .discard(runID: runID))
    }

    /// Runs in progress in this process, longest first.
    package func liveRuns() -> [LiveRun] {
        registry.all.compactMap(\.live).sorted { $0.runID < $1.runID }
    }

    private func decide(_ runID: String, _ kind: RunRequest.Kind) async throws(ServiceError) -> SyncRun {
        let run = try await find(runID).run
        guard run.status == .held else { throw notHeld(run) }
        guard let settings = generation.setup.sync(run.sync) else { throw unknown(sync: run.sync) }
        var request = RunRequest()
        request.kind = kind
        do throws(ServiceError) {
            return try await begin(settings, request)
        } catch {
            // Another caller may have been faster.
            if let now = try? await find(runID).run, now.status != .held { throw notHeld(now) }
            if error.kind == .busy, error.runID == runID { throw isDecided(run) }
            throw error
        }
    }

    private func notHeld(_ run: SyncRun) -> ServiceError {
        ServiceError(
            .notHeld,
            RunError(code: "run_not_held", message: "run \(run.id) is not held: it is \(run.status.rawValue)"),
            runID: run.id)
    }

    /// Of a run that still is held, while another call works on it.
    private func isDecided(_ run: SyncRun) -> ServiceError {
        ServiceError(
            .notHeld,
            RunError(
                code: "run_not_held", message: "run \(run.id) was decided upon: it is being carried out or discarded"),
            runID: run.id)
    }

    func unknown(sync: String) -> ServiceError {
        ServiceError(
            .unknownSync,
            RunError(
                code: "sync_unknown", message: "the configuration has no sync \"\(sync)\"",
                hint: Self.hint(for: sync, among: generation.setup.syncs.map(\.name))))
    }

    /// The name that may have been meant, or the first of those that there are.
    private static func hint(for name: String, among names: [String]) -> String {
        let shown = { (name: String) in DisplayText.safe(name, limit: 60) }
        if let near = EditDistance.nearest(to: name, among: names) { return "Did you mean \"\(shown(near))\"?" }
        let first = names.prefix(5).map(shown).joined(separator: ", ")
        switch names.count {
        case 0: return "Syncs are configured under syncs in rollcall.yaml."
        case 1: return "There is \(first)."
        case 2...5: return "There are \(first)."
        default: return "There are \(first) and \(names.count - 5) more."
        }
    }

    // MARK: Carrying out

    private func begin(_ sync: SyncSettings, _ request: RunRequest) async throws(ServiceError) -> SyncRun {
        let generation = generation
        let reply = Reply()
        let tracker = try track(sync, generation, heldRun: request.heldRun) { reply.give(.success($0)) }
        registry.expect(reply)
        let accepted = submit {
            let outcome = await self.carryOut(tracker, request, generation)
            reply.give(await self.answer(to: sync, outcome))
            await self.forget(reply)
        }
        guard accepted else {
            forget(reply)
            untrack(tracker, generation)
            throw Self.stopping
        }
        return try await reply.value()
    }

    private func forget(_ reply: Reply) { registry.forget(reply) }

    /// Takes the sync for this process.
    /// - Parameter heldRun: the one that is decided upon; nil: a new one is begun.
    func track(
        _ sync: SyncSettings, _ generation: Generation, heldRun: String? = nil,
        onOpened: @escaping @Sendable (SyncRun) -> Void
    ) throws(ServiceError) -> RunTracker {
        guard phase == .running else { throw Self.stopping }
        if let tracker = registry[sync.name] { throw busy(sync.name, runID: tracker.runID) }
        let tracker = RunTracker(sync: sync, heldRun: heldRun, clock: clock, hub: hub, onOpened: onOpened)
        registry.add(tracker)
        for resource in resources(sync, generation) { use(resource) }
        return tracker
    }

    func untrack(_ tracker: RunTracker, _ generation: Generation) {
        registry.remove(tracker)
        for resource in resources(tracker.sync, generation) { release(resource) }
    }

    private func resources(_ sync: SyncSettings, _ generation: Generation) -> [Resource] {
        let setup = generation.setup
        let warehouses = Set([sync.warehouse, setup.sharedLimits(of: sync)?.warehouse].compactMap(\.self))
        return warehouses.sorted().flatMap { setup.warehouses[$0].map { Resource.all($0) } ?? [] }
            + (setup.destinations[sync.destination].map { [Resource($0)] } ?? [])
    }

    /// Runs the pipeline and updates the counters.
    func carryOut(_ tracker: RunTracker, _ request: RunRequest, _ generation: Generation) async -> RunOutcome {
        let sync = tracker.sync
        defer { untrack(tracker, generation) }
        guard let pipeline = pipeline(sync, generation, stop: tracker.stop, progress: { tracker.handle($0) }) else {
            return .failed(
                RunError(code: "internal", message: "sync \(sync.name) has no warehouse or destination"),
                isWarehouse: false)
        }
        let outcome = await pipeline.run(request)
        switch outcome {
        case .ran(let run):
            solve(.sync(sync.name))
            counters.ended(run)
            hub.send(.ended(run))
            countMembers(sync, generation, after: run)
            submitAlerts([sync], generation)
        case .failed(let error, let isWarehouse):
            // That a warehouse is away is its scheduler's to say, and to take back.
            if !isWarehouse { note(.sync(sync.name), error) }
        case .alreadyHeld, .busy:
            break
        }
        return outcome
    }

    func pipeline(
        _ sync: SyncSettings, _ generation: Generation, stop: StopSignal = StopSignal(),
        progress: @escaping ProgressHandler = { _ in }
    ) -> SyncPipeline? {
        let setup = generation.setup
        guard let warehouse = setup.warehouses[sync.warehouse], let destination = setup.destinations[sync.destination]
        else { return nil }
        return SyncPipeline(
            sync: sync, destinationSettings: destination.settings, warehouse: warehouse,
            destination: CountingDestination(name: sync.destination, inner: destination.client, counters: counters),
            limiters: limiters, clock: clock, stop: stop, holder: holder,
            retention: setup.retention, cache: setup.cache,
            neighbours: sync.neighbours(among: setup.syncs) { setup.destinations[$0]?.settings },
            search: setup.search(sync), sharedLimits: setup.sharedLimits(of: sync), progress: progress)
    }

    private func answer(to sync: SyncSettings, _ outcome: RunOutcome) async -> Result<SyncRun, ServiceError> {
        switch outcome {
        case .ran(let run): return .success(run)
        case .alreadyHeld(let held):
            return .failure(
                ServiceError(
                    .alreadyHeld,
                    RunError(
                        code: "run_held", message: "run \(held.id) of sync \(sync.name) is held",
                        hint: held.kind == .events
                            ? "Approve it to send its events, or discard it to skip them."
                            : "Approve or discard it first, or force a new run."), runID: held.id))
        case .busy(let error):
            let latest = try? await summary(sync)?.latestRun
            return .failure(
                ServiceError(.busy, error, runID: latest.flatMap { $0.status == .running ? $0.id : nil }))
        case .failed(let error, let isWarehouse):
            return .failure(isWarehouse ? ServiceError(.warehouse, error) : ServiceError(pipeline: error))
        }
    }

    private func busy(_ sync: String, runID: String?) -> ServiceError {
        let run = runID.map { " (run \($0))" } ?? ""
        let isStreamed = generation.setup.sync(sync)?.stream != nil
        return ServiceError(
            .busy,
            RunError(
                code: "busy", message: "another run of \(sync) is in progress\(run)",
                hint: isStreamed ? "The sync is streamed: pause it first." : "Wait for it, or cancel it."), runID: runID
        )
    }
}

extension RunRequest {
    /// The held run that it decides upon; nil: it begins a new one.
    fileprivate var heldRun: String? {
        switch kind {
        case .new: nil
        case .approve(let runID), .discard(let runID): runID
        }
    }
}

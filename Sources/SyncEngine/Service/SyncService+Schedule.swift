import Foundation
import RollcallCore
import Warehouse

/// What the scheduler of one state remembers between two looks at the clock.
private struct SchedulerState {
    var isReady = false
    /// The tick that was claimed or left to others last, by sync.
    var lastDue: [String: Date] = [:]
    var failures = 0
    var lastSweep: Duration?
    var lastPrune: Duration?
}

extension SyncService {
    /// How long a process that took a tick may need to begin its run before another one does it.
    static let pendingSeconds = 60.0
    /// Time between two looks at what other processes left behind.
    static let sweepPause = Duration.seconds(10)
    /// Time between two applications of retention, beside those at the end of runs.
    static let prunePause = Duration.seconds(3600)
    /// The wall clock is looked at this often at least: it may have been set.
    static let longestPause = Duration.seconds(5)

    /// Lets the ticks of the syncs run whose state lives in one warehouse, until the generation is over. A warehouse that does not
    /// answer is tried again; other ones have other schedulers.
    func schedule(_ name: String, _ warehouse: any ServiceWarehouse, _ generation: Generation) async {
        use(warehouse)
        defer { release(warehouse) }
        var state = SchedulerState()
        while phase == .running, !generation.isOver, !Task.isCancelled {
            do throws(WarehouseError) {
                try await poll(name, warehouse, generation, &state)
                state.failures = 0
                if !generation.isOver { solve(.warehouse(name)) }
            } catch {
                state.failures += 1
                if !generation.isOver { note(.warehouse(name), error.error) }
            }
            let pause = pause(name, generation, failures: state.failures)
            wakeTimes[name] = clock.uptime + pause
            await generation.over.sleep(for: pause, on: clock)
        }
        if self.generation === generation { wakeTimes[name] = nil }
    }

    /// Until the next tick, and never so long that a clock that was set, or a request to cancel, would go unnoticed.
    private func pause(_ state: String, _ generation: Generation, failures: Int) -> Duration {
        if failures > 0 { return .seconds(min(30, 1 << min(failures - 1, 5))) }
        let now = clock.wallTime
        let due = generation.scheduledSyncs(inState: state).map { $0.grid.next(after: now) }.min()
        let isBusy = registry.all.contains { generation.setup.state(of: $0.sync) == state }
        let longest = isBusy ? Duration.seconds(2) : Self.longestPause
        return min(longest, due.map { .seconds(max(0.005, $0.timeIntervalSince(now))) } ?? longest)
    }

    private func poll(
        _ name: String, _ warehouse: any ServiceWarehouse, _ generation: Generation,
        _ state: inout SchedulerState
    ) async throws(WarehouseError) {
        let scheduled = generation.scheduledSyncs(inState: name)
        if !state.isReady {
            _ = try await warehouse.migrate()
            for (sync, grid) in scheduled {
                try await warehouse.noteSchedule(sync: sync.name, schedule: grid.text, now: clock.wallTime)
            }
            state.isReady = true
        }
        for (sync, grid) in scheduled where !generation.isOver {
            let due = grid.latest(notAfter: clock.wallTime)
            if state.lastDue[sync.name] == due { continue }
            try await claim(sync, grid, warehouse, generation)
            state.lastDue[sync.name] = due
        }
        try await passOnCancels(name, warehouse, generation)
        if state.lastSweep.map({ clock.uptime - $0 >= Self.sweepPause }) ?? true {
            try await sweep(name, warehouse, generation)
            try await alert(generation.setup.syncs(inState: name), warehouse, generation)
            try await alertReceivers(name, generation)
            try await recountMembers(generation.setup.syncs(inState: name), warehouse, generation)
            state.lastSweep = clock.uptime
        }
        if state.lastPrune.map({ clock.uptime - $0 >= Self.prunePause }) ?? true {
            _ = try await warehouse.prune(generation.setup.retention)
            state.lastPrune = clock.uptime
        }
    }

    private func claim(
        _ sync: SyncSettings, _ grid: TickGrid, _ warehouse: any ServiceWarehouse, _ generation: Generation
    ) async throws(WarehouseError) {
        let id = RunID.make(now: try await warehouse.now(), random: (clock.random(), clock.random()))
        let claimed = try await warehouse.claimTick(
            TickClaim(
                sync: sync.name, grid: grid, now: clock.wallTime, retentionDays: sync.retention.days,
                isEnabled: sync.enabled, runID: id))
        guard let claimed else { return }
        if claimed.missed > 0 {
            counters.ticked(Tick(sync: sync.name, dueAt: claimed.tick.dueAt, outcome: .missed), count: claimed.missed)
        }
        if claimed.tick.outcome == .pending {
            submit { await self.runTick(claimed.tick, sync, warehouse, generation) }
        } else {
            publish(claimed.tick)
        }
    }

    private func publish(_ tick: Tick) {
        counters.ticked(tick)
        hub.send(.tick(tick))
    }

    // MARK: One tick

    /// Runs the sync for a pending tick, or says why not. A tick that cannot be begun for lack of the warehouse is tried
    /// again until the next one is due.
    private func runTick(
        _ tick: Tick, _ sync: SyncSettings, _ warehouse: any ServiceWarehouse, _ generation: Generation
    ) async {
        use(warehouse)
        defer { release(warehouse) }
        var request = RunRequest()
        request.trigger = .schedule
        request.runID = tick.runID
        var life = TickLife()
        while phase == .running, !Task.isCancelled {
            switch life.next(after: await attempt(tick, sync, request, warehouse, generation)) {
            case .resolve(let outcome, let runID):
                await resolve(tick, outcome, runID: runID, warehouse)
                return
            case .leave: return
            case .tryAgain(let pause): await generation.over.sleep(for: pause, on: clock)
            }
        }
    }

    private func attempt(
        _ tick: Tick, _ sync: SyncSettings, _ request: RunRequest, _ warehouse: any ServiceWarehouse,
        _ generation: Generation
    ) async -> TickAttempt {
        let tracker: RunTracker
        do throws(ServiceError) {
            tracker = try track(sync, generation) { run in self.opened(run, tick, warehouse) }
        } catch {
            return error.kind == .busy ? .running : .stopping
        }
        switch await carryOut(tracker, request, generation) {
        case .ran(let run): return .ran(runID: run.id)
        case .alreadyHeld(let held): return .held(runID: held.id)
        case .busy: return await isHeldByTheLiving(sync.name, warehouse) ? .running : .leaseRunsOut
        case .failed:
            if await isDecided(tick, warehouse) { return .decided }
            let isLatest = sync.schedule.map { TickGrid($0).latest(notAfter: clock.wallTime) <= tick.dueAt } ?? false
            return .failed(.init(isConfigurationOver: generation.isOver, isLatest: isLatest))
        }
    }

    /// Notes at once that the tick ran: whoever looks from now on finds its run.
    private nonisolated func opened(_ run: SyncRun, _ tick: Tick, _ warehouse: any ServiceWarehouse) {
        // The run's own task continues meanwhile; what fails here is done at its end.
        jobs.continuation.yield { await self.resolve(tick, .ran, runID: run.id, warehouse) }
    }

    /// Whether a tick that could not be begun is decided upon: its run is there after all.
    private func isDecided(_ tick: Tick, _ warehouse: any ServiceWarehouse) async -> Bool {
        var decision = tick
        decision.latenessSeconds = clock.wallTime.timeIntervalSince(tick.dueAt)
        guard let stored = try? await warehouse.finishTick(decision), stored.outcome != .pending else { return false }
        publish(stored)
        return true
    }

    func resolve(
        _ tick: Tick, _ outcome: TickOutcome, runID: String? = nil, _ warehouse: any ServiceWarehouse
    ) async {
        var decision = tick
        decision.outcome = outcome
        decision.runID = runID
        decision.latenessSeconds = max(0, clock.wallTime.timeIntervalSince(tick.dueAt))
        if let resolved = try? await warehouse.finishTick(decision) { publish(resolved) }
    }

    /// Whether a process renews the sync's lease. A dead process's lease only gets shorter, and then the tick may run.
    private func isHeldByTheLiving(_ sync: String, _ warehouse: any ServiceWarehouse) async -> Bool {
        var before = (try? await warehouse.leaseSecondsLeft(sync: sync)) ?? nil
        while let last = before, phase == .running {
            // Two renewals of the holder.
            await generation.over.sleep(for: .seconds(9), on: clock)
            guard let now = (try? await warehouse.leaseSecondsLeft(sync: sync)) ?? nil else { return false }
            if now > last - 5 { return true }
            before = now
        }
        return false
    }

    // MARK: Abandoned work

    private func passOnCancels(
        _ name: String, _ warehouse: any ServiceWarehouse, _ generation: Generation
    ) async throws(WarehouseError) {
        let mine = registry.all.filter { generation.setup.state(of: $0.sync) == name && $0.live != nil }
        if mine.isEmpty { return }
        let asked = try await warehouse.cancelRequests()
        for tracker in mine where tracker.live.map({ asked.contains($0.runID) }) == true {
            tracker.stop.request(.cancelled)
        }
    }

    private func sweep(
        _ name: String, _ warehouse: any ServiceWarehouse, _ generation: Generation
    ) async throws(WarehouseError) {
        let scheduled = generation.scheduledSyncs(inState: name)
        for tick in try await warehouse.takeOverTicks(pendingFor: Self.pendingSeconds) {
            let known = scheduled.first { $0.sync.name == tick.sync }
            if let known, known.sync.enabled, known.grid.latest(notAfter: clock.wallTime) <= tick.dueAt {
                submit { await self.runTick(tick, known.sync, warehouse, generation) }
            } else {
                await resolve(tick, .missed, warehouse)
            }
        }
        for sync in try await warehouse.abandonedSyncs(isDead: Holder.isDead) where registry[sync] == nil {
            try await recover(sync, warehouse, generation)
        }
    }

    /// Closes the run of a process that died, so that no run seems to be in progress without one.
    private func recover(
        _ name: String, _ warehouse: any ServiceWarehouse, _ generation: Generation
    ) async throws(WarehouseError) {
        let sync = generation.setup.sync(name)
        let limits =
            sync.flatMap { generation.setup.destinations[$0.destination]?.settings.limits } ?? DestinationLimits()
        let hold = LeaseHold(sync: name, warehouse: warehouse, limits: limits, clock: clock, holder: holder)
        let recovery = Recovery(warehouse: warehouse, limits: limits, log: sync?.logs ?? LogSettings())
        let outcome = try await hold.during { keeper -> Result<[SyncRun], WarehouseError> in
            do throws(WarehouseError) {
                return .success(try await recovery.closeRuns(keeper.lease))
            } catch {
                return .failure(error)
            }
        }
        guard case .held(let closed) = outcome else { return }
        for run in try closed.get() {
            counters.ended(run)
            hub.send(.ended(run))
        }
    }
}

extension TickGrid {
    /// The same text for the same grid.
    fileprivate var text: String { "\(interval)+\(offset)" }
}

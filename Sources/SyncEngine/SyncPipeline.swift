import Foundation
package import RollcallCore
package import Warehouse

/// One sync, end to end: the table of contents of the engine.
///
///     audience row -> identity -> fingerprint -> change      Planner, AudienceDiff
///     -> guards judge the whole plan                          GuardJudge
///     -> changes staged in the warehouse (the outbox)         Warehouse.stage
///     -> batch -> rate limit -> Iterable -> outcome           Delivery, BatchSender
///     -> snapshot, log and outbox in one transaction          Warehouse.acknowledge
///     -> run closed, retention applied                        finish
package struct SyncPipeline: Sendable {
    let sync: SyncSettings
    let settings: DestinationSettings
    let warehouse: any Warehouse
    let destination: any Destination
    let limiters: RateLimiterPool
    let clock: any EngineClock
    let stop: StopSignal
    let progress: ProgressHandler
    let holder: Holder
    let retention: [RetentionPolicy]
    let cache: SnapshotCache?
    let neighbours: [SyncSettings]
    let search: StateSearch?
    /// What the rate limit is shared by with other processes; nil: with none.
    let budget: BudgetUse?

    /// - Parameters:
    ///   - limiters: shared by all syncs of the process.
    ///   - stop: asks the run to end early.
    ///   - holder: who this process is, for the lease.
    ///   - retention: of all syncs of the configuration, disabled ones too; the sync's own when left out.
    ///   - cache: where snapshots are kept between runs; nil: nowhere.
    ///   - neighbours: other syncs of the configuration in the same project; none of them may keep this sync's list.
    ///   - search: where else the sync's state may be; nil: nowhere.
    ///   - sharedLimits: where the destination's rate limits stand that processes keep together; nil: this process keeps them alone.
    package init(
        sync: SyncSettings, destinationSettings: DestinationSettings, warehouse: any Warehouse,
        destination: any Destination, limiters: RateLimiterPool, clock: any EngineClock = SystemClock(),
        stop: StopSignal = StopSignal(), holder: Holder = .current, retention: [RetentionPolicy]? = nil,
        cache: SnapshotCache? = nil, neighbours: [SyncSettings] = [], search: StateSearch? = nil,
        sharedLimits: SharedLimits? = nil, progress: @escaping ProgressHandler = { _ in }
    ) {
        self.sync = sync
        self.settings = destinationSettings
        self.warehouse = warehouse
        self.destination = destination
        self.limiters = limiters
        self.clock = clock
        self.stop = stop
        self.holder = holder
        self.retention = retention ?? [sync.retention]
        self.cache = cache
        self.neighbours = neighbours
        self.search = search
        budget = sharedLimits.map {
            BudgetUse(budget: limiters.budget(in: $0.warehouse, holder: holder), store: $0.store)
        }
        self.progress = progress
    }

    // MARK: Plan

    /// What a run would do. Writes nothing anywhere and needs no lease.
    /// - Throws: `RunError` `list_taken` among others: whatever a run would fail with.
    package func plan(
        full: Bool = false, retryRejected: Bool = false, only: String? = nil, backfill: Backfill? = nil,
        acceptNewIDs: Bool = false
    ) async throws -> Plan {
        try await refuseStateElsewhere()
        let found = try await resolver(acceptNewIDs: acceptNewIDs).find()
        if let refusal = try await found.refusal() { throw refusal }
        return try await plan(
            for: found, .init(full: full, rejected: retryRejected, only: only, backfill: backfill))
    }

    /// As ``plan(full:retryRejected:only:backfill:acceptNewIDs:)``, whatever would keep a run from being carried out.
    func plan(for found: any FoundTarget, _ scope: PlanScope = PlanScope()) async throws -> Plan {
        let key = try await warehouse.fingerprintKey(sync: sync.name, newKey: nil) ?? freshKey()
        return try await plan(
            for: found, key: key, runID: "", resend: scope, mayWrite: false)
    }

    // MARK: Run

    /// Runs the sync once. Never throws: whatever goes wrong is in the outcome, and in the warehouse if that can be reached.
    package func run(_ request: RunRequest) async -> RunOutcome {
        let outer = WarehouseWait.current
        var wait = outer
        wait.isStopped = { [stop] in stop.reason != nil || outer.isStopped() }
        return await WarehouseWait.$current.withValue(wait) { await begin(request) }
    }

    private func begin(_ request: RunRequest) async -> RunOutcome {
        do {
            try await prepareState()
            let hold = LeaseHold(
                sync: sync.name, warehouse: warehouse, limits: settings.limits, clock: clock, holder: holder, stop: stop
            )
            let end = try await lookingElsewhereIfReadOnly {
                try await hold.during { keeper in await sharing { await runLeased(request, keeper) } }
            }
            switch end {
            case .held(let outcome): return outcome
            case .busy(let error): return .busy(error)
            }
        } catch {
            return RunOutcome(failure: explained(error))
        }
    }

    private func runLeased(_ request: RunRequest, _ keeper: LeaseKeeper) async -> RunOutcome {
        do {
            try await refuseForgottenState(keeper.lease)
            let context = RunContext(
                sync: sync, settings: settings, warehouse: warehouse, destination: destination, limiters: limiters,
                clock: clock, stop: stop, progress: progress, keeper: keeper,
                runClock: RunClock(warehouseTime: try await warehouse.now(), clock: clock), budget: budget)
            _ = try await recovery.closeRuns(context.lease)
            switch request.kind {
            case .discard(let id):
                return .ran(try await warehouse.discardHeldRun(context.lease, id: id))
            case .approve(let id):
                return .ran(try await runApproved(id, context))
            case .new:
                if let held = try await warehouse.heldRun(sync: sync.name) {
                    guard request.forceNew else { return .alreadyHeld(held) }
                    if held.kind == .events { throw discardsEvents(held) }
                    _ = try await warehouse.discardHeldRun(context.lease, id: held.id)
                }
                return .ran(try await runNew(request, context))
            }
        } catch {
            return RunOutcome(failure: error)
        }
    }

    private func runApproved(_ id: String, _ context: RunContext) async throws -> SyncRun {
        let run = try await resume(id, context.keeper)
        let context = context.forRun(id)
        progress(.opened(run))
        return await finished(run, context) { run in
            let found = try await resolver.find()
            if isForAnother(run, found) { throw targetChanged(run) }
            try await found.take(context)
            try await carryOut(&run, found, context)
        }
    }

    private func runNew(_ request: RunRequest, _ context: RunContext) async throws -> SyncRun {
        // Not before a held run is carried on: its plan knows nothing of them, the next one will.
        _ = try await warehouse.applyStrayNotes(context.lease)
        let now = context.now
        var run = SyncRun(
            id: request.runID ?? RunID.make(now: now, random: (clock.random(), clock.random())), sync: sync.name,
            destination: sync.destination, trigger: request.trigger, status: .running, startedAt: now)
        run.full = request.full
        run.kind = sync.kind
        run.target = sync.configuredTarget
        let context = context.forRun(run.id)
        try await warehouse.openRun(context.lease, run)
        progress(.opened(run))
        var planned: Plan?
        let ended = await finished(run, context) { run in
            if run.kind == .list { run.listID = try await warehouse.listBinding(sync: sync.name)?.listID }
            let found = try await resolver(acceptNewIDs: request.acceptNewIDs).find()
            run.listID = found.id
            run.target = found.name ?? run.target
            try await found.take(context)
            let key = try await warehouse.fingerprintKey(sync: sync.name, newKey: freshKey()) ?? freshKey()
            let plan = try await plan(
                for: found, key: key, runID: run.id,
                resend: .init(
                    full: request.full, rejected: request.retryRejected, only: request.only,
                    backfill: request.backfill), mayWrite: true)
            planned = plan
            for note in plan.notes { progress(.note(note)) }
            progress(.staging(changes: plan.counts.planned.total))
            try await context.keeper.ensure(for: .zero)
            try await stage(plan, &run, context.keeper)
            try await found.staged(plan, isHeld: run.status == .held, context)
            if run.status == .held { return }
            try await carryOut(&run, found, context)
        }
        if let planned, stop.reason == nil { await planner.snapshots.keepUp(planned, list: ended.listID) }
        return ended
    }

    /// From a staged plan to outcomes.
    private func carryOut(_ run: inout SyncRun, _ found: any FoundTarget, _ context: RunContext) async throws {
        run.counts.notAttempted = PerOperation()
        if run.counts.planned.total == 0 && found.isThere && run.listID == found.id {
            run.counts.failed = try await applyLocalChanges(run, context.keeper)
            return
        }
        if stop.reason != nil { return }
        let target = try await found.ensure(context)
        run.listID = target.id
        run.counts.failed = try await applyLocalChanges(run, context.keeper)
        let ending: Delivery.Ending
        do {
            let id = run.id
            let early = try await target.sendFirst(&run, context) { delivery(context, id, to: $0) }
            ending = if let early { early } else { try await delivery(context, id, to: target).deliver(&run) }
            // What could not be noted, the next run notes.
            try? await target.sentAll(context, isWhole: ending.isWhole && stop.reason == nil)
        } catch {
            throw OutcomesLost(cause: error)
        }
        run.error = ending.targetIsGone ? try await target.isGone(context) : ending.error
        // A run that ends otherwise does not say it.
        let isSaid = run.error == nil && stop.reason == nil
        let leftOut = isSaid ? await context.newsOfLeftOut(ending.leftOut, isFull: run.full) : []
        run.warning = leftOut.isEmpty ? nil : .fieldsDropped(leftOut, run.kind)
    }

    /// Runs `body` and closes the run, whatever happens.
    func finished(
        _ opened: SyncRun, _ context: RunContext, _ body: (inout SyncRun) async throws -> Void
    ) async -> SyncRun {
        var run = opened
        do {
            try await body(&run)
            if run.status == .held { return run }
        } catch let lost as OutcomesLost {
            return await abandoned(run, context, lost)
        } catch is CancellationError where stop.reason != nil {
            // Stopped while the audience was read: nothing was staged, nothing was sent. What was held counts what it had read.
            if run.counts.planned.total == 0 && run.held.isEmpty { run.counts = RunCounts() }
        } catch let error as WarehouseError where error.wasStopped && stop.reason != nil {
            // Stopped while it waited for the warehouse: the run's status says so.
        } catch {
            run.error = RunError(any: error)
        }
        progress(.finishing)
        run.close(at: context.now, stop: stop.reason)
        do {
            try await writeEnd(run, context.keeper)
            await prune(context.runClock)
        } catch {
            // Without the warehouse the run stays as it is there, and the next one closes it as interrupted.
            let wasStopped = stop.reason != nil && run.error == nil
            run.status = wasStopped ? .interrupted : .failed
            if !wasStopped { run.error = run.error ?? RunError(any: error) }
        }
        return run
    }

    /// Applies the retention, but not by a clock that jumped in mid-run: it would take the whole history for old.
    private func prune(_ runClock: RunClock) async {
        guard let now = try? await warehouse.now(), abs(now.timeIntervalSince(runClock.now)) < 3600 else { return }
        _ = try? await warehouse.prune(retention)
    }

    /// Closes a run whose last outcomes could not be recorded, as the next process would: what may have been sent is unknown.
    /// Where even that fails, the next run does it.
    private func abandoned(_ run: SyncRun, _ context: RunContext, _ lost: OutcomesLost) async -> SyncRun {
        var run = run
        let recovered = try? await context.keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
            try await recovery.closeRuns(context.lease)
        }
        if let closed = recovered?.first(where: { $0.id == run.id }) {
            run = closed
        } else if let stored = try? await warehouse.run(id: run.id), stored.status.isFinal {
            run = stored
        }
        if run.status == .running {
            // What was not recorded is not known.
            run.counts.doubtRecords()
            run.status = .interrupted
            run.finishedAt = context.now
        }
        if !(lost.cause is CancellationError && stop.reason != nil) { run.error = RunError(any: lost.cause) }
        return run
    }

    // MARK: Parts

    var planner: Planner {
        Planner(
            sync: sync, destination: settings, warehouse: warehouse, clock: clock, stop: stop, progress: progress,
            cache: cache)
    }

    func delivery(
        _ context: RunContext, _ runID: String, to target: any ReadyTarget, _ policy: RetryPolicy = .deliveries
    ) -> Delivery {
        let claims = SharedClaims { sequence in
            try await context.keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
                try await context.warehouse.claim(context.lease, run: runID, through: sequence)
            }
        }
        let sender = BatchSender(
            run: context, target: target, policy: policy, claim: { try await claims.claim(through: $0) })
        return Delivery(context: context, sender: sender)
    }

    var recovery: Recovery { Recovery(warehouse: warehouse, limits: settings.limits, log: sync.logs) }

    func freshKey() -> [UInt8] { Fingerprint(high: clock.random(), low: clock.random()).bytes }
}

extension SyncSettings {
    /// The name of what the sync sends to, as far as the configuration gives one.
    var configuredTarget: String? {
        switch target {
        case .list(.name(let name, _)): name
        case .list(.id): nil
        case .users: "users"
        case .events(let events): events.target
        case .catalog(let catalog): catalog.name
        }
    }

    /// A sync that keeps no log keeps its runs for the default time.
    package var retention: RetentionPolicy {
        RetentionPolicy(sync: name, days: logs.retain ? logs.retentionDays : LogSettings().retentionDays)
    }
}

extension SyncRun {
    /// Gives an open run its final status and balances it: what has no outcome was not attempted.
    mutating func close(at now: Date, stop: StopSignal.Reason?) {
        finishedAt = now
        counts.closeRecords()
        if !counts.rowsBalance { counts = RunCounts() }
        let isUnsent = counts.notAttempted.total > 0 || counts.unknown.total > 0
        let warning = error == nil ? warning : nil
        self.warning = nil
        if error != nil {
            status = .failed
        } else if let stop, isUnsent || (trigger == .stream ? stop == .cancelled : counts.rowsRead == 0) {
            status = stop == .cancelled ? .cancelled : .interrupted
        } else {
            let hasFailures = counts.invalid > 0 || counts.failed.total > 0 || warning != nil
            status = hasFailures || isUnsent ? .completedWithFailures : .succeeded
        }
        error = error ?? warning
    }
}

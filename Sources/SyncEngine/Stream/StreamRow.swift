import Foundation
import RollcallCore
import Warehouse

/// The looks of a stream that share a row of `sync_runs`.
struct StreamRow: Sendable {
    let pipeline: SyncPipeline
    let parts: StreamParts
    let watch: any SourceWatch
    let context: RunContext
    let events: FoundEvents
    let target: any ReadyTarget
    let key: [UInt8]

    private var stop: StopSignal { context.stop }
    private var clock: any EngineClock { context.clock }
    private var keeper: LeaseKeeper { context.keeper }
    private var warehouse: any Warehouse { context.warehouse }

    /// Looks and sends until the hour is over, the stream is asked to stop, or something was not sent.
    /// - Returns: what a guard holds.
    func follow(_ run: inout SyncRun, _ follower: inout StreamFollower) async throws -> Plan? {
        let end = Date(timeIntervalSince1970: (context.now.timeIntervalSince1970 / 3600).rounded(.down) * 3600 + 3600)
        var leftOut: Set<String> = []
        defer { if !leftOut.isEmpty { run.warning = .fieldsDropped(leftOut, run.kind) } }
        while stop.reason == nil, context.now < end {
            try await keeper.ensure(for: .zero)
            let began = clock.uptime
            let mayHaveChanged = await watch.mayHaveChanged()
            var (hasFound, isFull) = (false, false)
            if let look = follower.look(
                run.counts, mayHaveChanged: mayHaveChanged, at: context.now, now: clock.uptime)
            {
                guard let plan = try await plan(look), let changes = plan.changes as? EventChanges else { return nil }
                // Nothing is begun any more.
                if stop.reason != nil { return nil }
                if !plan.held.isEmpty { return plan }
                note(changes, since: follower.latestLook(at: context.now, now: clock.uptime))
                hasFound = !changes.isEmpty || changes.isCut
                isFull = changes.isCut || changes.newEvents >= context.limits.events.recordsPerRequest
                guard let ending = try await carryOut(plan, changes, look, &run, &follower) else { return nil }
                leftOut.formUnion(ending.leftOut)
                follower.looked(look, changes, waiting: waiting(changes, ending), began: began, now: clock.uptime)
            }
            parts.tracker.caughtUp()
            let pause = follower.pause(hasFound: hasFound, isFull: isFull, elapsed: clock.uptime - began)
            await wait(min(pause, .seconds(max(0, end.timeIntervalSince(context.now)))))
        }
        return nil
    }

    // MARK: Reading

    /// - Returns: nil: the stream was asked to stop.
    private func plan(_ look: StreamLook) async throws -> Plan? {
        var pause = Duration.seconds(1)
        while true {
            do {
                return try await events.look(key: key, look)
            } catch is CancellationError where stop.reason != nil {
                return nil
            } catch let error as WarehouseError where error.wasStopped && stop.reason != nil {
                return nil
            } catch let error as WarehouseError where error.isTransient && keeper.holds(for: pause) {
                context.progress(
                    .waiting(seconds: pause.seconds, reason: "the warehouse: \(error.error.message)"))
                await stop.sleep(for: pause, on: clock)
                if stop.reason != nil { return nil }
                pause = min(pause * 2, .seconds(10))
            }
        }
    }

    /// Says what is to be sent, and how long the oldest of it has been there.
    /// - Parameter latest: when the source was read before: what is found now was not visible then.
    private func note(_ changes: EventChanges, since latest: Date?) {
        let count = changes.newEvents
        guard count > 0 else { return parts.tracker.read(oldest: nil, count: 0) }
        let now = context.now
        let loaded = changes.oldest.map { Date(timeIntervalSince1970: Double($0) / 1e6) } ?? now
        let since = max(min(loaded, now), latest ?? .distantPast)
        parts.tracker.read(oldest: .seconds(now.timeIntervalSince(since)), count: count)
    }

    private func waiting(_ changes: EventChanges, _ ending: Delivery.Ending) -> Set<UInt64> {
        let fingerprinter = Fingerprinter(key: key)
        let stopped = ending.stopped.map { identity in
            identity.withBytes { fingerprinter.fingerprint(email: $0, userID: $1).high }
        }
        return Set(changes.spool.places.lazy.filter { $0.kind == .wait }.map(\.person)).union(stopped)
    }

    // MARK: Sending

    /// Stages what a look has found, and sends it.
    /// - Returns: nil: something of it was not attempted, and the row must end.
    private func carryOut(
        _ plan: Plan, _ changes: EventChanges, _ look: StreamLook, _ run: inout SyncRun,
        _ follower: inout StreamFollower
    ) async throws -> Delivery.Ending? {
        if changes.isEmpty, changes.cursor == nil || changes.cursor == follower.cursor { return Delivery.Ending() }
        let before = run.counts.notAttempted
        let first = follower.sequence
        run = try await stage(plan, changes, look, run, &follower)
        run.counts.notAttempted = before
        let ending: Delivery.Ending
        do {
            let failed = try await warehouse.applyLocalChanges(context.lease, run, log: context.sync.logs)
            for operation in run.kind.operations { run.counts.failed[operation] += failed[operation] }
            ending = try await pipeline.delivery(context, run.id, to: target, .streams).deliver(&run, after: first)
            // What could not be noted, the next look notes.
            try? await target.sentAll(context)
        } catch {
            throw OutcomesLost(cause: error)
        }
        run.error = ending.error
        let isDone = run.kind.operations.allSatisfy { run.counts.remainder($0) == 0 }
        guard ending.error == nil, isDone, run.counts.notAttempted == before else { return nil }
        if changes.cursor != nil {
            let done = run
            do {
                try await keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
                    try await warehouse.moveCursor(context.lease, done)
                }
            } catch {
                throw OutcomesLost(cause: error)
            }
        }
        return ending
    }

    /// - Returns: the run with what is planned.
    private func stage(
        _ plan: Plan, _ changes: EventChanges, _ look: StreamLook, _ run: SyncRun, _ follower: inout StreamFollower
    ) async throws -> SyncRun {
        var staged = run
        staged.counts.add(plan.counts)
        // All that waits was looked at.
        if look.readsUnfinished { staged.counts.waiting = plan.counts.waiting }
        for operation in run.kind.operations {
            staged.counts.notAttempted[operation] += plan.counts.planned[operation]
        }
        let reader = EventPlanReader(changes, after: follower.sequence)
        do throws(WarehouseError) {
            try await warehouse.stageMore(context.lease, staged, plan: reader, log: context.sync.logs)
        } catch {
            // It may have been committed: what is stored decides.
            if error.isTransient { throw OutcomesLost(cause: error) }
            throw error
        }
        follower.sequence = reader.sequence
        return staged
    }

    // MARK: Waiting

    private func wait(_ pause: Duration) async {
        guard stop.reason == nil else { return }
        if pause > .zero, !parts.wake.take() {
            context.progress(.waiting(seconds: pause.seconds, reason: "the next look at the source"))
            await withTaskGroup(of: Void.self) { group in
                group.addTask { [stop, clock] in await stop.sleep(for: pause, on: clock) }
                group.addTask { [wake = parts.wake] in await wake.wait() }
                await group.next()
                group.cancelAll()
            }
            guard parts.wake.take() else { return }
        }
        guard pause > .zero else { return }
        // More may come at once, and is sent in the same request.
        await stop.sleep(for: .seconds(parts.settings.lingerSeconds), on: clock)
    }
}

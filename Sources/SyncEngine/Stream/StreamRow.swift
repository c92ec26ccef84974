import Foundation
import RollcallCore
import Warehouse

/// The looks of a stream that share a row of `sync_runs`.
struct StreamRow: Sendable {
    let pipeline: SyncPipeline
    let parts: StreamParts
    let watch: any SourceWatch
    let context: RunContext

    private var stop: StopSignal { context.stop }
    private var clock: any EngineClock { context.clock }
    private var keeper: LeaseKeeper { context.keeper }
    private var warehouse: any Warehouse { context.warehouse }

    /// What the looks of a row share.
    private struct Progress {
        /// Of the last change that the row has staged.
        var sequence: Int64 = 0
        /// What is sent to; nil: it is to be made ready.
        var target: (any ReadyTarget)?
    }

    /// Looks and sends until the hour is over, the stream is asked to stop, or something was not sent.
    /// - Returns: what a guard holds.
    func follow(_ run: inout SyncRun, _ source: inout any StreamSource) async throws -> Plan? {
        var leftOut: Set<String> = []
        let held = try await follow(&run, &source, &leftOut)
        // A row that ends with an error does not say it.
        if run.error == nil {
            let news = await context.newsOfLeftOut(leftOut, isFull: false)
            if !news.isEmpty { run.warning = .fieldsDropped(news, run.kind) }
        }
        return held
    }

    /// - Parameter leftOut: the fields that Iterable has left out.
    private func follow(
        _ run: inout SyncRun, _ source: inout any StreamSource, _ leftOut: inout Set<String>
    ) async throws -> Plan? {
        let end = Date(timeIntervalSince1970: (context.now.timeIntervalSince1970 / 3600).rounded(.down) * 3600 + 3600)
        var progress = Progress()
        while stop.reason == nil, context.now < end {
            try await keeper.ensure(for: .zero)
            let began = clock.uptime
            let mayHaveChanged = await watch.mayHaveChanged()
            var (hasFound, isFull) = (false, false)
            if source.isDue(run, mayHaveChanged: mayHaveChanged, context) {
                guard let finding = try await look(&source) else { return nil }
                // Nothing is begun any more.
                if stop.reason != nil { return nil }
                if !finding.plan.held.isEmpty { return finding.plan }
                note(finding, since: source.pace.latestLook(at: context.now, now: clock.uptime))
                hasFound = !finding.isEmpty || finding.isCut
                isFull = finding.isCut || finding.newRecords >= context.limits.recordsPerRequest(run.kind)
                guard let ending = try await carryOut(finding, source, &run, &progress) else { return nil }
                leftOut.formUnion(ending.leftOut)
                try await source.looked(finding, ending, began: began, context)
            }
            parts.tracker.caughtUp()
            let pause = source.pace.pause(hasFound: hasFound, isFull: isFull, elapsed: clock.uptime - began)
            await wait(min(pause, .seconds(max(0, end.timeIntervalSince(context.now)))))
        }
        return nil
    }

    // MARK: Reading

    /// - Returns: nil: the stream was asked to stop.
    private func look(_ source: inout any StreamSource) async throws -> StreamFinding? {
        var pause = Duration.seconds(1)
        while true {
            do {
                return try await source.look(context)
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
    private func note(_ finding: StreamFinding, since latest: Date?) {
        let count = finding.newRecords
        guard count > 0 else { return parts.tracker.read(oldest: nil, count: 0) }
        let now = context.now
        let loaded = finding.oldest.map { Date(timeIntervalSince1970: Double($0) / 1e6) } ?? now
        let since = max(min(loaded, now), latest ?? .distantPast)
        parts.tracker.read(oldest: .seconds(now.timeIntervalSince(since)), count: count)
    }

    // MARK: Sending

    /// Stages what a look has found, and sends it.
    /// - Returns: nil: something of it was not attempted, and the row must end.
    private func carryOut(
        _ finding: StreamFinding, _ source: any StreamSource, _ run: inout SyncRun, _ progress: inout Progress
    ) async throws -> Delivery.Ending? {
        if finding.isFoundAgain { progress.target = nil }
        let moves = finding.cursor != nil && finding.cursor != source.cursor
        let isCounted = finding.waiting == nil || finding.waiting == run.counts.waiting
        if finding.isEmpty, isCounted, !moves { return Delivery.Ending() }
        let before = run.counts.notAttempted
        let first = progress.sequence
        run = try await stage(finding, run, &progress)
        try await source.found.staged(finding.plan, isHeld: false, context)
        let target: any ReadyTarget
        if let present = progress.target { target = present } else { target = try await source.found.ensure(context) }
        progress.target = target
        run.counts.notAttempted = before
        let ending: Delivery.Ending
        do {
            let failed = try await warehouse.applyLocalChanges(context.lease, run, log: context.sync.logs)
            for operation in run.kind.operations { run.counts.failed[operation] += failed[operation] }
            ending = try await deliver(&run, after: first, to: target)
            // What could not be noted, the next look notes.
            try? await target.sentAll(context, isWhole: ending.isWhole && stop.reason == nil)
        } catch {
            throw OutcomesLost(cause: error)
        }
        run.error = ending.targetIsGone ? try await target.isGone(context) : ending.error
        let isDone = run.kind.operations.allSatisfy { run.counts.remainder($0) == 0 }
        guard run.error == nil, isDone, run.counts.notAttempted == before else { return nil }
        if finding.cursor != nil { try await moveCursor(run) }
        return ending
    }

    private func deliver(
        _ run: inout SyncRun, after first: Int64, to target: any ReadyTarget
    ) async throws -> Delivery.Ending {
        let id = run.id
        let early = try await target.sendFirst(&run, context) { pipeline.delivery(context, id, to: $0, .streams) }
        if let early { return early }
        return try await pipeline.delivery(context, id, to: target, .streams).deliver(&run, after: first)
    }

    private func moveCursor(_ run: SyncRun) async throws {
        do {
            try await keeper.retryWhileLeaseHeld { () async throws(WarehouseError) in
                try await warehouse.moveCursor(context.lease, run)
            }
        } catch {
            throw OutcomesLost(cause: error)
        }
    }

    /// - Returns: the run with what is planned.
    private func stage(_ finding: StreamFinding, _ run: SyncRun, _ progress: inout Progress) async throws -> SyncRun {
        var staged = run
        staged.counts.add(finding.plan.counts)
        if let waiting = finding.waiting { staged.counts.waiting = waiting }
        for operation in run.kind.operations {
            staged.counts.notAttempted[operation] += finding.plan.counts.planned[operation]
        }
        let reader = try finding.reader(progress.sequence)
        do throws(WarehouseError) {
            try await warehouse.stageMore(context.lease, staged, plan: reader, log: context.sync.logs)
        } catch {
            // It may have been committed: what is stored decides.
            if error.isTransient { throw OutcomesLost(cause: error) }
            throw error
        }
        progress.sequence = reader.sequence
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

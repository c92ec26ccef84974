import Foundation
package import RollcallCore
package import Warehouse

/// How a stream ended.
package enum StreamEnd: Sendable {
    /// It was asked to stop.
    case stopped
    /// Its run was cancelled.
    case cancelled
    /// A run is held and waits for a decision.
    case held(SyncRun)
    /// Another process has the sync.
    case busy(RunError)
    /// `isWarehouse`: because the warehouse did not answer, or refused.
    case failed(RunError, isWarehouse: Bool)

    init(failure error: any Error) { self = .failed(RunError(any: error), isWarehouse: error is WarehouseError) }
}

/// A stream: what is new in the source is sent as it comes, under one lease. Each hour has a row of `sync_runs`, into which each look
/// at the source stages what it has found; the cursor moves whenever all of that has an outcome.
extension SyncPipeline {
    /// Streams until it is asked to stop, a guard holds what is new, or something fails. What fails once is tried again by the caller.
    /// - Parameters:
    ///   - watch: makes the watch for commits, once the lease is held.
    ///   - onEnded: called with each row that has ended.
    package func stream(
        _ settings: StreamSettings, _ tracker: StreamTracker, wake: WakeSignal = WakeSignal(),
        watch: @escaping @Sendable () async throws(WarehouseError) -> any SourceWatch,
        onEnded: @escaping @Sendable (SyncRun) -> Void = { _ in }
    ) async -> StreamEnd {
        var wait = WarehouseWait.current
        let outer = wait
        wait.isStopped = { [stop] in stop.reason != nil || outer.isStopped() }
        let parts = StreamParts(settings: settings, tracker: tracker, wake: wake, onEnded: onEnded)
        return await WarehouseWait.$current.withValue(wait) {
            do {
                try await prepareState()
                let hold = LeaseHold(
                    sync: sync.name, warehouse: warehouse, limits: self.settings.limits, clock: clock, holder: holder,
                    stop: stop)
                let end = try await lookingElsewhereIfReadOnly {
                    try await hold.during { keeper in await sharing { await stream(parts, keeper, watch) } }
                }
                switch end {
                case .held(let end): return end
                case .busy(let error): return .busy(error)
                }
            } catch {
                return StreamEnd(failure: explained(error))
            }
        }
    }

    private func stream(
        _ parts: StreamParts, _ keeper: LeaseKeeper,
        _ makeWatch: @Sendable () async throws(WarehouseError) -> any SourceWatch
    ) async -> StreamEnd {
        do {
            try await refuseForgottenState(keeper.lease)
            let context = RunContext(
                sync: sync, settings: settings, warehouse: warehouse, destination: destination, limiters: limiters,
                clock: clock, stop: stop,
                progress: { [progress, tracker = parts.tracker] in
                    tracker.handle($0)
                    progress($0)
                }, keeper: keeper, runClock: RunClock(warehouseTime: try await warehouse.now(), clock: clock),
                isStream: true, budget: budget)
            for run in try await recovery.closeRuns(context.lease) { parts.onEnded(run) }
            if let held = try await warehouse.heldRun(sync: sync.name) { return .held(held) }
            _ = try await warehouse.applyStrayNotes(context.lease)
            let watch = try await makeWatch()
            parts.tracker.use(watch)
            let end = await follow(parts, watch, context)
            parts.tracker.use(nil)
            await watch.end()
            return end
        } catch {
            return StreamEnd(failure: error)
        }
    }

    /// Row after row.
    private func follow(_ parts: StreamParts, _ watch: any SourceWatch, _ context: RunContext) async -> StreamEnd {
        do {
            var source: (any StreamSource)?
            while true {
                let (run, held) = try await hour(parts, watch, context, &source)
                parts.onEnded(run)
                if let held, let found = source?.found { return .held(try await hold(held, found, context)) }
                if let reason = stop.reason { return reason == .cancelled ? .cancelled : .stopped }
                if let error = failure(of: run) { return .failed(error, isWarehouse: false) }
            }
        } catch {
            return StreamEnd(failure: error)
        }
    }

    /// Why the stream ends with a row that was not asked to end; nil: another row follows. That fields were left out is said of a
    /// row that was sent, and ends nothing.
    private func failure(of run: SyncRun) -> RunError? {
        switch run.status {
        case .failed, .interrupted: run.error ?? RunError.streamBrokeOff
        default: run.counts.notAttempted.total > 0 ? RunError.streamBrokeOff : nil
        }
    }

    private func newRow(_ context: RunContext) -> SyncRun {
        var run = SyncRun(
            id: RunID.make(now: context.now, random: (clock.random(), clock.random())), sync: sync.name,
            destination: sync.destination, trigger: .stream, status: .running, startedAt: context.now)
        run.kind = sync.kind
        run.target = sync.configuredTarget
        return run
    }

    /// One row of `sync_runs`, until the hour is over, or the stream.
    /// - Returns: the row as it ended, and the plan that a guard holds.
    private func hour(
        _ parts: StreamParts, _ watch: any SourceWatch, _ outer: RunContext, _ source: inout (any StreamSource)?
    ) async throws -> (SyncRun, Plan?) {
        let opened = newRow(outer)
        let context = outer.forRun(opened.id)
        try await warehouse.openRun(context.lease, opened)
        context.progress(.opened(opened))
        var held: Plan?
        var memory = source
        let ended = await finished(opened, context) { run in
            let found = try await resolver.find()
            run.target = found.name ?? run.target
            try await found.take(context)
            let key = try await warehouse.fingerprintKey(sync: sync.name, newKey: freshKey()) ?? freshKey()
            var present = try memory ?? streamSource(found, parts.settings, key)
            defer { memory = present }
            try await present.beginRow(found, context)
            let row = StreamRow(pipeline: self, parts: parts, watch: watch, context: context)
            held = try await row.follow(&run, &present)
        }
        source = memory
        return (ended, held)
    }

    private func streamSource(
        _ found: any FoundTarget, _ settings: StreamSettings, _ key: [UInt8]
    ) throws -> any StreamSource {
        if let cursor = sync.cursor {
            if let events = found as? FoundEvents { return EventStream(events, settings, cursor, key: key) }
            if let records = found as? any FoundRecords {
                return try RecordStream(records, settings, cursor, key: key) { try await resolver.find() }
            }
        }
        throw RunError(code: "internal", message: "the sync \(sync.name) has no records to stream")
    }

    /// Puts what a guard holds into another row.
    private func hold(_ plan: Plan, _ found: any FoundTarget, _ outer: RunContext) async throws -> SyncRun {
        var run = newRow(outer)
        let context = outer.forRun(run.id)
        try await warehouse.openRun(context.lease, run)
        try await stage(plan, &run, context.keeper)
        try await found.staged(plan, isHeld: true, context)
        return run
    }
}

extension RunError {
    fileprivate static let streamBrokeOff = RunError(
        code: "stream_broke_off", message: "the stream could not send everything that it has read",
        hint:
            "It begins again by itself and reads the same rows. `rollcall log --status not_attempted` has the reasons.")
}

/// What belongs to a stream beside the parts of a run.
struct StreamParts: Sendable {
    let settings: StreamSettings
    let tracker: StreamTracker
    let wake: WakeSignal
    let onEnded: @Sendable (SyncRun) -> Void
}

import Foundation
import RollcallCore
import Warehouse

/// What becomes of a stream next.
private enum StreamStep {
    /// It is begun again after this time.
    case again(Duration)
    /// It is begun again after a pause that grows with each failure.
    case afterFailure(RunError)
}

extension SyncService {
    /// Time between two looks at a sync that cannot be streamed at present: paused, held, or with another process.
    private static let restPause = Duration.seconds(2)
    private static let elsewherePause = Duration.seconds(5)
    private static let longestFailurePause = Duration.seconds(60)
    private static let leaseLost = WarehouseError(.leaseLost, "").error.code

    /// The syncs of a configuration that are streamed.
    func startStreams(_ generation: Generation) {
        for sync in generation.setup.syncs {
            guard let settings = sync.stream else { continue }
            let tracker = streams[sync.name] ?? StreamTracker(clock: clock)
            streams[sync.name] = tracker
            jobs.continuation.yield { await self.keepStreaming(sync, settings, tracker, generation) }
        }
    }

    /// Streams a sync until the configuration is over, whatever comes between.
    private func keepStreaming(
        _ sync: SyncSettings, _ settings: StreamSettings, _ tracker: StreamTracker, _ generation: Generation
    ) async {
        guard let warehouse = generation.setup.warehouses[sync.warehouse] else { return }
        use(warehouse)
        defer { release(warehouse) }
        var failures = 0
        while phase == .running, !generation.isOver, !Task.isCancelled {
            let before = tracker.looks
            let step = await streamOnce(sync, settings, tracker, warehouse, generation)
            if tracker.looks != before { failures = 0 }
            var pause: Duration
            switch step {
            case .again(let rest): pause = rest
            case .afterFailure(let error):
                failures += 1
                pause = min(Self.longestFailurePause, .seconds(1 << min(failures - 1, 6)))
                tracker.ended(
                    .failing(
                        .init(
                            code: error.code, message: error.message,
                            triesAgainAt: clock.wallTime.addingTimeInterval(pause.seconds))))
            }
            await generation.over.sleep(for: pause, on: clock)
        }
    }

    private func streamOnce(
        _ sync: SyncSettings, _ settings: StreamSettings, _ tracker: StreamTracker, _ warehouse: any ServiceWarehouse,
        _ generation: Generation
    ) async -> StreamStep {
        do throws(WarehouseError) {
            if let phase = try await hindrance(sync, warehouse) {
                // What a run by hand has found meanwhile stays.
                if tracker.status.phase != phase { solve(.sync(sync.name)) }
                tracker.ended(phase)
                return .again(Self.restPause)
            }
        } catch {
            return .afterFailure(error.error)
        }
        let run: RunTracker
        do throws(ServiceError) {
            run = try track(sync, generation) { _ in }
        } catch {
            if error.kind == .busy { tracker.ended(.elsewhere) }
            return .again(Self.restPause)
        }
        work += 1
        defer { jobEnded() }
        let end = await stream(sync, settings, tracker, run, warehouse, generation)
        untrack(run, generation)
        return step(after: end, sync, tracker, generation)
    }

    /// What keeps a sync from being streamed; nil: nothing.
    private func hindrance(
        _ sync: SyncSettings, _ warehouse: any ServiceWarehouse
    ) async throws(WarehouseError) -> StreamStatus.Phase? {
        if !sync.enabled { return .paused }
        if try await warehouse.isPaused(sync: sync.name) { return .paused }
        return try await warehouse.heldRun(sync: sync.name).map { .held(runID: $0.id) }
    }

    private func step(
        after end: StreamEnd, _ sync: SyncSettings, _ tracker: StreamTracker, _ generation: Generation
    ) -> StreamStep {
        switch end {
        case .stopped, .cancelled:
            tracker.ended(.starting)
            return .again(.zero)
        case .held(let run):
            tracker.ended(.held(runID: run.id))
            counters.ended(run)
            hub.send(.ended(run))
            submitAlerts([sync], generation)
            return .again(Self.restPause)
        case .busy:
            tracker.ended(.elsewhere)
            // What is wrong with it is now the other process's to say.
            solve(.sync(sync.name))
            return .again(Self.elsewherePause)
        case .failed(let error, let isWarehouse):
            if isProblem(error, isWarehouse: isWarehouse, sync, generation) { note(.sync(sync.name), error) }
            return .afterFailure(error)
        }
    }

    /// Whether something is wrong with the sync, and this process has to say so. That a warehouse is away is its scheduler's to say,
    /// and to take back; one that is only read has none. Where the lease is another's now, that process streams the sync.
    private func isProblem(
        _ error: RunError, isWarehouse: Bool, _ sync: SyncSettings, _ generation: Generation
    ) -> Bool {
        if error.code == Self.leaseLost { return false }
        return !isWarehouse || generation.setup.states[sync.warehouse] != nil
    }

    private func stream(
        _ sync: SyncSettings, _ settings: StreamSettings, _ tracker: StreamTracker, _ run: RunTracker,
        _ warehouse: any ServiceWarehouse, _ generation: Generation
    ) async -> StreamEnd {
        guard let pipeline = pipeline(sync, generation, stop: run.stop, progress: { run.handle($0) }) else {
            return .failed(
                RunError(code: "internal", message: "sync \(sync.name) has no warehouse or destination"),
                isWarehouse: false)
        }
        let wake = WakeSignal()
        return await withTaskGroup(of: StreamEnd?.self) { group in
            group.addTask {
                await self.lookAfter(sync, tracker, run, warehouse, generation)
                return nil
            }
            group.addTask {
                await pipeline.stream(
                    settings, tracker, wake: wake,
                    watch: { () async throws(WarehouseError) in
                        try await warehouse.watch(channel: settings.wake, onWake: { wake.signal() })
                    },
                    onEnded: { ended in self.jobs.continuation.yield { await self.rowEnded(ended, sync, generation) } })
            }
            var end: StreamEnd?
            while end == nil, let next = await group.next() { end = next }
            group.cancelAll()
            return end ?? .stopped
        }
    }

    /// Asks the stream to stop when the sync is paused, or another configuration has come.
    private func lookAfter(
        _ sync: SyncSettings, _ tracker: StreamTracker, _ run: RunTracker, _ warehouse: any ServiceWarehouse,
        _ generation: Generation
    ) async {
        while !Task.isCancelled, run.stop.reason == nil {
            await generation.over.sleep(for: Self.restPause, on: clock)
            if Task.isCancelled { return }
            if generation.isOver { return run.stop.request(.interrupted) }
            if (try? await warehouse.isPaused(sync: sync.name)) == true { return run.stop.request(.interrupted) }
            if case .following = tracker.status.phase { solve(.sync(sync.name)) }
        }
    }

    private func rowEnded(_ run: SyncRun, _ sync: SyncSettings, _ generation: Generation) {
        counters.ended(run)
        hub.send(.ended(run))
        countMembers(sync, generation, after: run)
        submitAlerts([sync], generation)
    }
}

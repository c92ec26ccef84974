import Foundation
import RollcallCore
import Synchronization
import Warehouse

/// Takes what Iterable posts and keeps it. 204 means that a body is durable: committed in its warehouse, or on the disk of the spool;
/// whatever happens after that, it is in `iterable_events` once, and each such answer is a delivery.
///
/// A request comes to ``admit(_:)`` before its body is read, and with its body to ``take(_:_:)``.
package final class ReceiverService: Sendable {
    /// A receiver, ready for requests.
    struct Desk: Sendable {
        var settings: ReceiverSettings
        var credentials: ReceiverCredentials
        var lane: WarehouseLane
    }

    enum Phase { case idle, running, stopping }

    private struct State {
        var setup: ReceiverSetup
        var phase = Phase.idle
        var lanes: [String: WarehouseLane] = [:]
        /// By path.
        var desks: [String: Desk] = [:]
        /// What waits for warehouses that the configuration does not have.
        var strays: [SpoolContents] = []
    }

    let clock: any ReceiverClock
    let totals = OutcomeTotals()
    let rejections: RejectionNotes
    let refusedAddresses: RejectionNotes
    private let note: @Sendable (ReceiverNote) -> Void
    private let budget: SpoolBudget
    private let state: Mutex<State>
    private let started = AsyncStream.makeStream(of: WarehouseLane.self)
    private let ended = Occasion()

    /// - Parameter note: is called from any thread and must not block.
    package init(
        _ setup: ReceiverSetup, clock: any ReceiverClock = SystemReceiverClock(),
        note: @escaping @Sendable (ReceiverNote) -> Void
    ) {
        self.clock = clock
        self.note = note
        rejections = RejectionNotes(clock: clock, note: note)
        refusedAddresses = RejectionNotes(clock: clock, note: note)
        budget = SpoolBudget(limit: setup.listen.spoolBytes)
        state = Mutex(State(setup: setup))
        _ = arrange(setup)
        lookForStrays()
    }

    // MARK: Life

    /// Stores groups, drains the spool, writes counts and deletes old events until ``stop()``, or until the task is cancelled.
    /// Call it once.
    package func run() async {
        let lanes = state.withLock { state -> [WarehouseLane]? in
            guard state.phase == .idle else { return nil }
            state.phase = .running
            return Array(state.lanes.values)
        }
        guard let lanes else { return }
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                for lane in lanes { group.addTask { await lane.run() } }
                for await lane in started.stream { group.addTask { await lane.run() } }
                // The stream also ends when the task is cancelled.
                beginStop()
            }
        } onCancel: {
            beginStop()
        }
        // One that was added in the last moment was not started.
        for lane in state.withLock({ Array($0.lanes.values) }) { lane.abandon() }
        ended.happen()
    }

    /// Takes no request any more: they are answered with 503. What waits becomes durable, counts are written as far as that is
    /// possible within a few seconds, and ``run()`` returns; then this does as well.
    package func stop() async {
        if beginStop() == .idle {
            // Nothing will ever be kept.
            for lane in state.withLock({ Array($0.lanes.values) }) { lane.abandon() }
            ended.happen()
        }
        await ended.wait()
    }

    /// - Returns: what it did before.
    @discardableResult
    private func beginStop() -> Phase {
        let (phase, lanes) = state.withLock { state in
            defer { state.phase = .stopping }
            return (state.phase, Array(state.lanes.values))
        }
        for lane in lanes { lane.stop() }
        started.continuation.finish()
        return phase
    }

    var isStopping: Bool { state.withLock { $0.phase == .stopping } }

    // MARK: Settings

    /// Other receivers, tokens, filters and connections from now on. The spool stays as it is. Returns when what waited for
    /// warehouses that no receiver names any more is durable; the stores of those that are not in the setup may be closed then.
    package func replace(_ setup: ReceiverSetup) async {
        // What a lane has put into the spool before its end is drained by another one.
        if await change(to: setup) { _ = await change(to: setup) }
        lookForStrays()
    }

    /// - Returns: whether lanes have ended.
    private func change(to setup: ReceiverSetup) async -> Bool {
        let (new, old, isRunning) = arrange(setup)
        for lane in new { started.continuation.yield(lane) }
        for lane in old {
            guard isRunning else {
                lane.abandon()
                continue
            }
            lane.stop()
            await lane.ended.wait()
        }
        return !old.isEmpty
    }

    /// Finds what waits for warehouses that the configuration does not have. Blocks for a moment.
    private func lookForStrays() {
        let (root, known) = state.withLock { ($0.setup.listen.spoolPath, Set($0.setup.stores.keys)) }
        let strays = root.map { SpoolContents.all(in: $0).filter { !known.contains($0.warehouse) } } ?? []
        let before = state.withLock { state in
            defer { state.strays = strays }
            return state.strays
        }
        budget.release(before.reduce(0) { $0 + $1.bytes })
        budget.count(strays.reduce(0) { $0 + $1.bytes })
        for stray in strays {
            note(.spoolWithoutWarehouse(warehouse: stray.warehouse, folder: stray.path, bodies: stray.bodies))
        }
    }

    /// - Returns: lanes that are to be started, those that are to be stopped, and whether those run.
    private func arrange(
        _ setup: ReceiverSetup
    ) -> (new: [WarehouseLane], old: [WarehouseLane], isRunning: Bool) {
        // The spool cannot be moved while it is used.
        let spoolPath = state.withLock { $0.setup.listen.spoolPath }
        let waiting = spoolPath.map { SpoolContents.all(in: $0).map { ($0.warehouse, [ReceiverSettings]()) } } ?? []
        // A lane without receivers only drains.
        let byWarehouse = Dictionary(grouping: setup.receivers, by: \.warehouse)
            .merging(waiting) { receivers, _ in receivers }
        return state.withLock { state in
            guard state.phase != .stopping else { return ([], [], true) }
            state.setup = setup
            state.setup.listen.spoolPath = spoolPath
            let before = state.lanes
            state.lanes = [:]
            for (warehouse, receivers) in byWarehouse {
                guard let store = setup.stores[warehouse] else { continue }
                if let lane = before[warehouse] {
                    lane.replace(store: store, receivers: receivers)
                    state.lanes[warehouse] = lane
                    continue
                }
                let spool = spoolPath.map { WarehouseSpool(root: $0, warehouse: warehouse, budget: budget) }
                state.lanes[warehouse] = WarehouseLane(
                    warehouse, store: store, receivers: receivers, spool: spool, totals: totals, clock: clock,
                    note: note)
            }
            state.desks = [:]
            for settings in setup.receivers {
                guard let lane = state.lanes[settings.warehouse] else { continue }
                let credentials = ReceiverCredentials(settings.credentials)
                state.desks[settings.path] = Desk(settings: settings, credentials: credentials, lane: lane)
            }
            let old = before.filter { state.lanes[$0.key] == nil }.map(\.value)
            // Those that are there when it begins to run are started then.
            guard state.phase == .running else { return ([], old, false) }
            return (state.lanes.filter { before[$0.key] == nil }.map(\.value), old, true)
        }
    }

    // MARK: What other parts need

    func desk(at path: String) -> (desk: Desk, listen: ReceiverListenSettings)? {
        state.withLock { state in state.desks[path].map { ($0, state.setup.listen) } }
    }

    /// What waits for warehouses that the configuration does not have, as it was at the start or the last reload.
    var strays: [SpoolContents] { state.withLock { $0.strays } }

    /// Lanes by name of their warehouse, and the names of receivers in the order of the configuration.
    func lanesAndReceivers() -> (lanes: [WarehouseLane], receivers: [String]) {
        state.withLock { state in
            (
                state.lanes.values.sorted { $0.warehouse < $1.warehouse },
                state.setup.receivers.filter { state.lanes[$0.warehouse] != nil }.map(\.name)
            )
        }
    }
}

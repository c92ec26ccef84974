import Foundation
public import RollcallCore
import Warehouse

extension SyncService {
    /// Judges how these syncs are doing and sends an event for each whose state is not the one that was last reported.
    func alert(
        _ syncs: [SyncSettings], _ warehouse: any ServiceWarehouse, _ generation: Generation
    ) async throws(WarehouseError) {
        guard let thresholds = generation.setup.alerts, !syncs.isEmpty else { return }
        let summaries = try await warehouse.summaries(syncs.map(\.name))
        for sync in syncs {
            guard let summary = summaries[sync.name] else { continue }
            let facts = facts(sync, summary)
            let known = summary.alertState.flatMap(AlertState.init(text:))
            let condition = facts.condition(after: known?.condition, thresholds)
            if condition == known?.condition { continue }
            let next = known?.changed(to: condition) ?? AlertState(condition)
            let isOurs = try await warehouse.changeAlertState(
                sync: sync.name, from: summary.alertState, to: next.text)
            guard isOurs, var alert = facts.alert(from: known?.condition, to: condition, thresholds) else { continue }
            if known?.condition != .fine { alert.heardBy = known?.heardBy }
            hub.send(.alert(alert))
        }
    }

    /// Notes which receivers got an alert, so that only they get the one that says that all is well again, whichever process
    /// sends it. What cannot be noted is not known then, and everyone who wants to gets it.
    public func note(_ alert: Alert, heardBy receivers: Set<String>) async {
        guard alert.kind != .recovered, let sync = generation.setup.syncs.first(where: { $0.name == alert.sync }),
            let warehouse = generation.setup.warehouses[sync.warehouse]
        else { return }
        // Another process may change the state in between.
        for _ in 0..<3 {
            guard let text = try? await warehouse.summaries([sync.name])[sync.name]?.alertState,
                var state = AlertState(text: text), state.condition != .fine
            else { return }
            state.heardBy = (state.heardBy ?? []).union(receivers)
            if (try? await warehouse.changeAlertState(sync: sync.name, from: text, to: state.text)) == true { return }
        }
    }

    /// The same in the background, as soon as a run has ended. What fails is done by the next sweep.
    func submitAlerts(_ syncs: [SyncSettings], _ generation: Generation) {
        guard generation.setup.alerts != nil else { return }
        for sync in syncs {
            guard let warehouse = generation.setup.warehouses[sync.warehouse] else { continue }
            let resource = Resource(warehouse)
            use(resource)
            let accepted = submit {
                try? await self.alert([sync], warehouse, generation)
                await self.release(resource)
            }
            if !accepted { release(resource) }
        }
    }

    private func facts(_ sync: SyncSettings, _ summary: SyncSummary) -> AlertFacts {
        var facts = AlertFacts(sync: sync.name, now: clock.wallTime)
        facts.latestRun = summary.latestRun
        facts.heldRun = summary.heldRun
        facts.latestGoodStart = summary.latestGoodStart
        facts.firstTick = summary.firstTick
        if let schedule = sync.schedule, sync.enabled, !summary.isPaused { facts.grid = TickGrid(schedule) }
        return facts
    }
}

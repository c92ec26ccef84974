import Foundation
import RollcallCore
import Warehouse

extension SyncService {
    /// Judges how these syncs are doing and sends an event for each that does otherwise than was told last.
    func alert(
        _ syncs: [SyncSettings], _ warehouse: any Warehouse & TickStore, _ generation: Generation
    ) async throws(WarehouseError) {
        guard let thresholds = generation.setup.alerts, !syncs.isEmpty else { return }
        let glances = try await warehouse.glances(syncs.map(\.name))
        for sync in syncs {
            guard let glance = glances[sync.name] else { continue }
            let facts = facts(sync, glance)
            let told = glance.alertState.flatMap(AlertCondition.init(text:))
            let condition = facts.condition(after: told, thresholds)
            if condition == told { continue }
            let isOurs = try await warehouse.changeAlertState(
                sync: sync.name, from: glance.alertState, to: condition.text)
            if isOurs, let alert = facts.alert(from: told, to: condition, thresholds) { hub.send(.alert(alert)) }
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

    private func facts(_ sync: SyncSettings, _ glance: SyncGlance) -> AlertFacts {
        var facts = AlertFacts(sync: sync.name, now: clock.wallTime)
        facts.latestRun = glance.latestRun
        facts.heldRun = glance.heldRun
        facts.latestGoodStart = glance.latestGoodStart
        facts.firstTick = glance.firstTick
        if let schedule = sync.schedule, sync.enabled, !glance.isPaused { facts.grid = TickGrid(schedule) }
        return facts
    }
}

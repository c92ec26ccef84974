import RollcallConfig
import RollcallCore
import SyncEngine
import Warehouse

extension App {
    /// A configured warehouse alone, as a place for state.
    func stateHome(_ name: String) throws -> StateHome {
        StateHome(name: name, warehouse: try sourceWarehouse(name))
    }

    /// One error for each sync whose state is marked as left in the warehouse in which the configuration has it: reports leave out
    /// what it has there, also while a move is broken off.
    /// - Parameter sync: only this one; nil: all.
    func leftBehind(
        in state: String, _ warehouse: any Warehouse, sync: String? = nil
    ) async throws(WarehouseError) -> [RunError] {
        var errors: [RunError] = []
        for settings in configuration.syncs where configuration.stateWarehouse(of: settings.warehouse) == state {
            guard sync == nil || settings.name == sync else { continue }
            guard let place = try await warehouse.stateElsewhere(sync: settings.name) else { continue }
            errors.append(
                RunError(
                    code: "state_elsewhere",
                    message:
                        "the state of the sync \(settings.name) was moved from \(state) to \(place), or was to be: what"
                        + " \(state) has of it is not shown",
                    hint:
                        "`rollcall move-state \(settings.warehouse)` completes a move that was broken off, or brings the"
                        + " state back."))
        }
        return errors
    }
}

extension Configuration {
    /// Seconds that a look for a state waits for a connection or a lock at most.
    private static let lookSeconds = 10.0

    /// Where else the state of a sync may be than where the configuration has it. The look has connections that nothing else
    /// uses: a reload of the configuration does not close them, and they wait for a short time only.
    func search(for sync: SyncSettings) -> StateSearch {
        let home = stateWarehouse(of: sync.warehouse)
        return StateSearch(home: home) { [warehouses, warehouseOrder] in
            warehouseOrder.filter { $0 != home }.compactMap { name in
                warehouses[name].map {
                    StateHome(name: name, warehouse: $0.waiting(atMost: Self.lookSeconds).makeWarehouse())
                }
            }
        }
    }
}

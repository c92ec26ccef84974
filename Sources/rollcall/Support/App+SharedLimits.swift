import RollcallConfig
import RollcallCore
import SyncEngine
import Warehouse

extension App {
    /// Where the rate limits of a sync's destination stand, and what is to be closed afterwards: a warehouse of
    /// `limits.shared_in`; nil where the limits stand with the state, which is open already.
    func sharedLimits(
        of sync: SyncSettings, _ destination: DestinationSettings, _ warehouse: any ServiceWarehouse,
        waitSeconds: Double?
    ) throws -> (limits: SharedLimits, opened: (any ServiceWarehouse)?) {
        let state = configuration.stateWarehouse(of: sync.warehouse)
        guard let name = destination.limits.sharedIn, name != state else {
            return (SharedLimits(warehouse: state, store: warehouse), nil)
        }
        let opened = try sourceWarehouse(name, waitSeconds: waitSeconds)
        return (SharedLimits(warehouse: name, store: opened), opened)
    }
}

import Foundation
import Iterable
import Logging
import RollcallConfig
import RollcallCore
import SyncEngine
import Warehouse

/// Builds what ``SyncService`` works with from a configuration. Connections whose settings a reload does not change are
/// kept; the service closes the others.
struct ServiceComposer {
    private var warehouses: [String: (settings: WarehouseSettings, warehouse: any ServiceWarehouse)] = [:]
    private var destinations: [String: ServiceDestination] = [:]
    let logger: Logger

    init(logger: Logger) { self.logger = logger }

    mutating func setup(for configuration: Configuration) -> ServiceSetup {
        warehouses = configuration.warehouses.reduce(into: [:]) { made, entry in
            let (name, settings) = entry
            if let known = warehouses[name], known.settings == settings {
                made[name] = known
            } else {
                made[name] = (settings, settings.makeWarehouse())
            }
        }
        destinations = configuration.destinations.reduce(into: [:]) { made, entry in
            let (name, settings) = (entry.key, entry.value.withKeyHash)
            if let known = destinations[name], known.settings == settings {
                made[name] = known
            } else {
                let client = IterableClient(settings: settings, version: rollcallVersion, logger: logger)
                made[name] = ServiceDestination(settings: settings, client: client) { await client.shutdown() }
            }
        }
        return ServiceSetup(
            syncs: configuration.syncs, destinations: destinations,
            warehouses: warehouses.mapValues(\.warehouse), warehouseOrder: configuration.warehouseOrder,
            alerts: configuration.alerts.flatMap { $0.webhooks.isEmpty ? nil : $0.thresholds },
            cache: App.cache(ProcessInfo.processInfo.environment))
    }
}

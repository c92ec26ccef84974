import Foundation
import Iterable
import Logging
import Receivers
import RollcallConfig
import RollcallCore
import SyncEngine
import Warehouse

/// Builds what ``SyncService`` and `ReceiverService` work with from a configuration; they share its warehouses. Connections whose
/// settings a reload does not change are kept; the sync service closes the others.
struct ServiceComposer {
    private var warehouses: [String: (settings: WarehouseSettings, warehouse: any AnyWarehouse)] = [:]
    private var destinations: [String: ServiceDestination] = [:]
    let logger: Logger

    init(logger: Logger) { self.logger = logger }

    /// Makes the connections of a configuration; comes before the setups of that configuration.
    mutating func connect(_ configuration: Configuration) {
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
    }

    /// - Parameter hasBacklog: whether received events wait in this process until a warehouse, by its name, takes them.
    func setup(
        for configuration: Configuration, hasBacklog: @escaping @Sendable (String) -> Bool
    ) -> ServiceSetup {
        var setup = ServiceSetup(
            syncs: configuration.syncs, destinations: destinations,
            warehouses: warehouses.mapValues(\.warehouse), warehouseOrder: configuration.warehouseOrder,
            alerts: configuration.alerts.flatMap { $0.webhooks.isEmpty ? nil : $0.thresholds },
            cache: App.cache(ProcessInfo.processInfo.environment))
        setup.receivers.settings = configuration.receivers
        setup.receivers.stores = stores
        setup.receivers.hasBacklog = hasBacklog
        return setup
    }

    /// - Parameter listen: how the listener was started.
    func receivers(for configuration: Configuration, listen: ReceiverListenSettings) -> ReceiverSetup {
        ReceiverSetup(receivers: configuration.receivers, listen: listen, stores: stores)
    }

    private var stores: [String: any ReceiverStore] { warehouses.mapValues { $0.warehouse as any ReceiverStore } }
}

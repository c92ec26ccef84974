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
    /// Of each configured warehouse alone.
    private var adapters: [String: (settings: WarehouseSettings, warehouse: any AnyWarehouse)] = [:]
    /// The name of the warehouse with the state, of each that is only read.
    private var states: [String: String] = [:]
    private var destinations: [String: ServiceDestination] = [:]
    let logger: Logger

    init(logger: Logger) { self.logger = logger }

    /// Makes the connections of a configuration; comes before the setups of that configuration.
    mutating func connect(_ configuration: Configuration) {
        states = configuration.stateWarehouses
        adapters = configuration.warehouses.reduce(into: [:]) { made, entry in
            let (name, settings) = entry
            if let known = adapters[name], known.settings == settings {
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
            warehouses: warehouses, warehouseOrder: configuration.warehouseOrder, states: states,
            alerts: configuration.alerts.flatMap { $0.webhooks.isEmpty ? nil : $0.thresholds },
            cache: App.cache(ProcessInfo.processInfo.environment))
        setup.sharesLimits = true
        setup.search = { configuration.search(for: $0) }
        setup.receivers.settings = configuration.receivers
        setup.receivers.stores = stores
        setup.receivers.hasBacklog = hasBacklog
        return setup
    }

    /// - Parameter listen: how the listener was started.
    func receivers(for configuration: Configuration, listen: ReceiverListenSettings) -> ReceiverSetup {
        ReceiverSetup(receivers: configuration.receivers, listen: listen, stores: stores)
    }

    /// What the syncs of each warehouse work with; warehouses whose state lives in another one share its connections.
    private var warehouses: [String: any ServiceWarehouse] {
        adapters.reduce(into: [:]) { made, entry in
            let (name, source) = (entry.key, entry.value.warehouse)
            let state = states[name].flatMap { adapters[$0]?.warehouse }
            made[name] = state.map { SplitWarehouse(source: source, state: $0) } ?? source
        }
    }

    /// Receivers write into warehouses that hold state; others are only read.
    private var stores: [String: any ReceiverStore] {
        adapters.filter { states[$0.key] == nil }.mapValues { $0.warehouse as any ReceiverStore }
    }
}

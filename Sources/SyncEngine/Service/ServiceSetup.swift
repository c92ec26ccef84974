package import RollcallCore
package import Warehouse

/// What a configuration comes to: everything that ``SyncService`` works with until the next reload.
///
/// A setup that follows another may share its warehouses and clients; what it does not share is closed when the last run
/// that uses it has ended.
package struct ServiceSetup: Sendable {
    /// In the order in which they are shown.
    package var syncs: [SyncSettings]
    package var destinations: [String: ServiceDestination]
    /// What the syncs of each warehouse work with.
    package var warehouses: [String: any ServiceWarehouse]
    /// In the order in which they are shown and searched.
    package var warehouseOrder: [String]
    /// Of each warehouse that is only read: the name of the one in which the state of its syncs lives, which has no entry.
    package var states: [String: String]
    /// Where else the state of a sync may be that is new where the configuration has it; nil: nowhere.
    package var search: @Sendable (SyncSettings) -> StateSearch? = { _ in nil }
    /// When alerts are due; nil: no webhook wants any.
    package var alerts: AlertThresholds?
    /// Receivers that alerts look after.
    package var receivers = ServiceReceivers()
    /// Where snapshots are kept between runs; nil: nowhere.
    package var cache: SnapshotCache?
    /// Whether rate limits are shared with other processes.
    package var sharesLimits = false

    /// Every sync's warehouse and destination must be among those given.
    package init(
        syncs: [SyncSettings], destinations: [String: ServiceDestination],
        warehouses: [String: any ServiceWarehouse], warehouseOrder: [String], states: [String: String] = [:],
        alerts: AlertThresholds? = nil, cache: SnapshotCache? = nil
    ) {
        self.syncs = syncs
        self.destinations = destinations
        self.warehouses = warehouses
        self.warehouseOrder = warehouseOrder
        self.states = states
        self.alerts = alerts
        self.cache = cache
    }

    func sync(_ name: String) -> SyncSettings? { syncs.first { $0.name == name } }

    /// The warehouses that hold state, each once.
    var stateOrder: [String] { warehouseOrder.filter { states[$0] == nil } }

    /// The name of the warehouse in which the state of a sync lives.
    func state(of sync: SyncSettings) -> String { states[sync.warehouse] ?? sync.warehouse }

    /// Where the rate limits of a sync's destination stand.
    func sharedLimits(of sync: SyncSettings) -> SharedLimits? {
        guard sharesLimits else { return nil }
        let name = destinations[sync.destination]?.settings.limits.sharedIn ?? state(of: sync)
        return warehouses[name].map { SharedLimits(warehouse: name, store: $0) }
    }

    /// All syncs whose state lives in a warehouse, disabled ones too.
    func syncs(inState state: String) -> [SyncSettings] { syncs.filter { self.state(of: $0) == state } }

    /// Retention of all syncs. It is applied in every state: one that was moved has left rows behind.
    var retention: [RetentionPolicy] { syncs.map(\.retention) }
}

/// What the service knows of receivers: enough to say when one is silent. Requests never come to it.
package struct ServiceReceivers: Sendable {
    package var settings: [ReceiverSettings] = []
    /// By name of the warehouse; each is that of ``ServiceSetup/warehouses``.
    package var stores: [String: any ReceiverStore] = [:]
    /// Whether events wait in this process until a warehouse takes them: what stands there is then not the latest.
    package var hasBacklog: @Sendable (_ warehouse: String) -> Bool = { _ in false }

    package init() {}
}

/// A destination with its client.
package struct ServiceDestination: Sendable {
    package var settings: DestinationSettings
    package var client: any Destination
    /// Ends the client's connections; called once, when the client is not used any more.
    package var close: @Sendable () async -> Void

    package init(
        settings: DestinationSettings, client: any Destination, close: @escaping @Sendable () async -> Void = {}
    ) {
        self.settings = settings
        self.client = client
        self.close = close
    }
}

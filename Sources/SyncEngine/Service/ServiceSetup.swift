public import RollcallCore
public import Warehouse

/// What a configuration comes to: everything that ``SyncService`` works with until the next reload.
///
/// A setup that follows another may share its warehouses and clients; what it does not share is closed when the last run
/// that uses it has ended.
public struct ServiceSetup: Sendable {
    /// In the order in which they are shown.
    public var syncs: [SyncSettings]
    public var destinations: [String: ServiceDestination]
    public var warehouses: [String: any ServiceWarehouse]
    /// In the order in which they are shown and searched.
    public var warehouseOrder: [String]
    /// When alerts are due; nil: no webhook wants any.
    public var alerts: AlertThresholds?
    /// Receivers that alerts look after.
    public var receivers = ServiceReceivers()
    /// Where snapshots are kept between runs; nil: nowhere.
    public var cache: SnapshotCache?

    /// Every sync's warehouse and destination must be among those given.
    public init(
        syncs: [SyncSettings], destinations: [String: ServiceDestination],
        warehouses: [String: any ServiceWarehouse], warehouseOrder: [String],
        alerts: AlertThresholds? = nil, cache: SnapshotCache? = nil
    ) {
        self.syncs = syncs
        self.destinations = destinations
        self.warehouses = warehouses
        self.warehouseOrder = warehouseOrder
        self.alerts = alerts
        self.cache = cache
    }

    func sync(_ name: String) -> SyncSettings? { syncs.first { $0.name == name } }

    /// Retention of all syncs of a warehouse, disabled ones too.
    func retention(warehouse: String) -> [RetentionPolicy] {
        syncs.filter { $0.warehouse == warehouse }.map(\.retention)
    }
}

/// What the service knows of receivers: enough to say when one is silent. Requests never come to it.
public struct ServiceReceivers: Sendable {
    public var settings: [ReceiverSettings] = []
    /// By name of the warehouse; each is that of ``ServiceSetup/warehouses``.
    public var stores: [String: any ReceiverStore] = [:]
    /// Whether events wait in this process until a warehouse takes them: what stands there is then not the latest.
    public var hasBacklog: @Sendable (_ warehouse: String) -> Bool = { _ in false }

    public init() {}
}

/// A destination with its client.
public struct ServiceDestination: Sendable {
    public var settings: DestinationSettings
    public var client: any Destination
    /// Ends the client's connections; called once, when the client is not used any more.
    public var close: @Sendable () async -> Void

    public init(
        settings: DestinationSettings, client: any Destination, close: @escaping @Sendable () async -> Void = {}
    ) {
        self.settings = settings
        self.client = client
        self.close = close
    }
}

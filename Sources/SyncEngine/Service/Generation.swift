import RollcallCore
import Warehouse

/// One configuration, from its reload to the next one.
final class Generation: Sendable {
    let setup: ServiceSetup
    /// Requested when another configuration has taken its place, or when the service stops.
    let over = StopSignal()

    init(_ setup: ServiceSetup) { self.setup = setup }

    var isOver: Bool { over.reason != nil }

    func scheduledSyncs(warehouse: String) -> [(sync: SyncSettings, grid: TickGrid)] {
        setup.syncs.compactMap { sync in
            guard sync.warehouse == warehouse, let schedule = sync.schedule else { return nil }
            return (sync, TickGrid(schedule))
        }
    }
}

/// A connection that a run or a reader uses: it is closed when none does and no configuration names it any more.
struct Resource: Sendable {
    let id: ObjectIdentifier
    let close: @Sendable () async -> Void

    init(_ warehouse: any Warehouse) {
        id = ObjectIdentifier(warehouse as AnyObject)
        close = { await warehouse.close() }
    }

    init(_ destination: ServiceDestination) {
        id = ObjectIdentifier(destination.client as AnyObject)
        close = destination.close
    }
}

extension ServiceSetup {
    var resources: [Resource] { warehouses.values.map { Resource($0) } + destinations.values.map { Resource($0) } }

    /// Closes all warehouses and clients, for who made them, when no service uses them any more.
    public func close() async {
        for resource in resources { await resource.close() }
    }
}

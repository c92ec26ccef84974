import RollcallCore
import Warehouse

/// One configuration, from its reload to the next one.
final class Generation: Sendable {
    let setup: ServiceSetup
    /// Requested when another configuration has taken its place, or when the service stops.
    let over = StopSignal()

    init(_ setup: ServiceSetup) { self.setup = setup }

    var isOver: Bool { over.reason != nil }

    func scheduledSyncs(inState state: String) -> [(sync: SyncSettings, grid: TickGrid)] {
        setup.syncs(inState: state).compactMap { sync in sync.schedule.map { (sync, TickGrid($0)) } }
    }
}

/// A connection that a run or a reader uses: it is closed when none does and no configuration names it any more.
struct Resource: Sendable {
    let id: ObjectIdentifier
    let close: @Sendable () async -> Void

    /// - Parameter adapter: one that has its connections itself: see `Warehouse.adapters`.
    private init(_ adapter: any Warehouse) {
        id = ObjectIdentifier(adapter as AnyObject)
        close = { await adapter.close() }
    }

    /// Those of a warehouse: two where its state lives in another one.
    static func all(_ warehouse: any Warehouse) -> [Resource] { warehouse.adapters.map { Resource($0) } }

    init(_ destination: ServiceDestination) {
        id = ObjectIdentifier(destination.client as AnyObject)
        close = destination.close
    }
}

extension ServiceSetup {
    /// Each once, although several warehouses may share one.
    var resources: [Resource] {
        let all = warehouses.values.flatMap { Resource.all($0) } + destinations.values.map { Resource($0) }
        return Array(Dictionary(all.map { ($0.id, $0) }) { first, _ in first }.values)
    }

    /// Closes all warehouses and clients, for who made them, when no service uses them any more.
    package func close() async {
        for resource in resources { await resource.close() }
    }
}
